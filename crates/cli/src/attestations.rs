//! Where a file's attestations are: in the file that was named, or beside it under the names of the field.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wheelmark_core::attestation::forms::CONVERTER;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::verify::Given;

use crate::error::CliError;
use crate::input;

/// What follows a file's name: what `wheelmark build`, sigstore-python, the index (PEP 740) and
/// slsa-github-generator call their attestations of it.
const SUFFIXES: [&str; 6] = [
    ".sigstore.json",
    ".sigstore",
    ".provenance",
    ".publish.attestation",
    ".slsa.attestation",
    ".intoto.jsonl",
];

/// The same of what `wheelmark rebuild` and `wheelmark verify` write of it, and may write anew.
pub const OF_VERDICTS: [&str; 3] = [OF_REBUILD, OF_VSA, OF_SVR];

/// What follows a file's name in that of a rebuild's result.
pub const OF_REBUILD: &str = ".rebuild.sigstore.json";
/// The same of a verification summary.
pub const OF_VSA: &str = ".vsa.sigstore.json";
/// The same of a simple verification result.
pub const OF_SVR: &str = ".svr.sigstore.json";

/// What follows a file's name in signatures, certificates and bundles of older tools, none of which is read.
const DETACHED: [&str; 6] = [".sig", ".crt", ".pem", ".cert", ".bundle", ".asc"];

/// Attestations of a file, not yet believed in anything.
pub struct Found {
    /// Each file of them.
    pub given: Vec<Given>,
    /// Where there is none, in words.
    pub missing: Vec<String>,
}

/// Reads the attestations of a file: `named`, or all that lie beside it.
///
/// Only "there is no such file" is an absence; what cannot be read is an error.
pub fn of(
    file: &Path,
    named: Option<&Path>,
    limits: &AttestationLimits,
) -> Result<Found, CliError> {
    if let Some(path) = named {
        let bytes = input::read_bounded(path, limits.bundle)?;
        return Ok(Found { given: vec![Given { from: shown(path), bytes }], missing: Vec::new() });
    }
    let mut given = Vec::new();
    for suffix in SUFFIXES.into_iter().chain(OF_VERDICTS) {
        let path = beside(file, suffix);
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => {
                let bytes = input::read_found(&path, limits.bundle)?;
                given.push(Given { from: shown(&path), bytes });
            }
        }
    }
    let mut missing = Vec::new();
    if given.is_empty() {
        let [first, others @ ..] = SUFFIXES;
        missing.push(format!(
            "there is no attestation at `{}`, nor as {}",
            shown(&beside(file, first)),
            others.map(|suffix| format!("`{suffix}`")).join(", ")
        ));
        let detached: Vec<_> = DETACHED.iter().map(|suffix| beside(file, suffix)).collect();
        let detached: Vec<_> =
            detached.into_iter().filter(|path| path.symlink_metadata().is_ok()).collect();
        // One by OpenPGP has nothing to do with the others.
        let (of_pgp, detached): (Vec<_>, Vec<_>) =
            detached.into_iter().partition(|path| path.extension() == Some(OsStr::new("asc")));
        missing.extend(
            [detached, of_pgp].iter().filter(|it| !it.is_empty()).map(|it| unsupported(file, it)),
        );
    }
    Ok(Found { given, missing })
}

/// How what was named as an attestation can be converted, where it is not supported.
pub fn advice(file: &Path, named: Option<&Path>) -> Option<String> {
    let path = named?;
    let name = path.to_string_lossy();
    let detached = DETACHED.iter().any(|suffix| name.ends_with(suffix));
    detached.then(|| unsupported(file, &[path.to_owned()]))
}

/// That such files are not read, and the whole command that makes a Sigstore bundle of them.
fn unsupported(file: &Path, detached: &[PathBuf]) -> String {
    let names = detached.iter().map(|path| format!("`{}`", shown(path))).collect::<Vec<_>>();
    let names = names.join(", ");
    let ends = |suffixes: &[&str]| {
        let mut found = detached.iter().map(|path| shown(path));
        found.find(|path| suffixes.iter().any(|suffix| path.ends_with(suffix)))
    };
    let bundle = ends(&[".bundle"]);
    let signature = ends(&[".sig"]);
    let certificate = ends(&[".crt", ".pem", ".cert"]);
    if bundle.is_none() && signature.is_none() && certificate.is_none() {
        return format!(
            "{names}: a signature by OpenPGP is not supported, and cannot be converted"
        );
    }
    let file = shown(file);
    let parts = match bundle {
        Some(bundle) => vec!["--bundle".to_owned(), bundle],
        None => vec![
            "--signature".to_owned(),
            signature.unwrap_or_else(|| format!("{file}.sig")),
            "--certificate".to_owned(),
            certificate.unwrap_or_else(|| format!("{file}.crt")),
        ],
    };
    let out = format!("{file}{}", SUFFIXES[0]);
    let words = CONVERTER.into_iter().chain(["--artifact", &file]).map(str::to_owned);
    let words: Vec<_> = words.chain(parts).chain(["--out".to_owned(), out]).collect();
    let command = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default();
    format!("{names}: not supported; convert with `{command}`")
}

/// Every place beside a file where attestations of it are read, but for what a verb writes there itself and may write
/// anew: what follows the file's name in the names of that.
pub fn places(file: &Path, own: &[&str]) -> impl Iterator<Item = PathBuf> {
    let others = OF_VERDICTS.into_iter().filter(|suffix| !own.contains(suffix));
    SUFFIXES.into_iter().chain(others).map(|suffix| beside(file, suffix))
}

/// The distributions in a folder, and every such place beside each.
pub fn places_in(folder: &Path, own: &[&str]) -> Result<Vec<PathBuf>, CliError> {
    let failed = |error| CliError::io("read", folder, &error);
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if DistFilename::parse(&name).is_ok() {
            all.extend(places(&path, own));
            all.push(path);
        }
    }
    Ok(all)
}

/// The place beside a file whose name is the file's with `suffix` after it.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(OsStr::new(suffix));
    PathBuf::from(name)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supported_is_told_with_the_command_that_converts_it() {
        let file = Path::new("a-1.whl");
        let told = |names: &[&str]| {
            unsupported(file, &names.iter().map(PathBuf::from).collect::<Vec<_>>())
        };
        assert_eq!(
            told(&["a-1.whl.sig", "a-1.whl.pem"]),
            "`a-1.whl.sig`, `a-1.whl.pem`: not supported; convert with `cosign bundle create --artifact \
             a-1.whl --signature a-1.whl.sig --certificate a-1.whl.pem --out a-1.whl.sigstore.json`"
        );
        let command = "cosign bundle create --artifact a-1.whl --bundle 'my old.bundle' --out \
                       a-1.whl.sigstore.json";
        let told_of_bundle = told(&["my old.bundle"]);
        assert!(told_of_bundle.ends_with(&format!("convert with `{command}`")), "{told_of_bundle}");
        assert!(
            told(&["a-1.whl.crt"]).contains(" --signature a-1.whl.sig --certificate a-1.whl.crt ")
        );
        assert!(told(&["a-1.whl.asc"]).contains("cannot be converted"));
    }
}
