//! What a build answers, to a program and to a person.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wheelmark_build::confirm::Confirmation;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::report::Escaped;

use crate::error::CliError;
use crate::render::Output;
use crate::render::human::{BAD, BOLD, GOOD, WARN, styled};

/// What was built, for a program.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    pub(super) schema: &'static str,
    pub(super) source: &'a str,
    /// The ref that is recorded, if one is.
    #[serde(rename = "ref")]
    pub(super) git_ref: Option<&'a str>,
    pub(super) commit: String,
    pub(super) key: String,
    pub(super) files: Vec<Signed>,
    pub(super) warnings: Vec<Warning>,
}

/// One file with its bundle, ready to be written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Signed {
    pub(super) filename: String,
    pub(super) sha256: Sha256Digest,
    pub(super) bundle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) confirmation: Option<Confirmation>,
    #[serde(skip)]
    pub(super) file: PathBuf,
    #[serde(skip)]
    pub(super) signed: Vec<u8>,
    #[serde(skip)]
    pub(super) seen: String,
}

/// What a person should know of a build that was made all the same.
#[derive(Serialize)]
pub(super) struct Warning {
    pub(super) warning: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

/// Says what was built, or why nothing was signed. `out` is where the files are.
pub(super) fn tell(
    out: &Path,
    answer: &Answer<'_>,
    refused: bool,
    output: &mut Output,
) -> Result<(), CliError> {
    if refused {
        refusal(answer, output)?;
    } else {
        for file in &answer.files {
            let path = out.join(&file.filename);
            writeln!(output, "{} {}", styled(GOOD, "built"), Escaped(&path.to_string_lossy()))?;
            of_build(answer, file, output)?;
            writeln!(output, "  {}", file.seen)?;
            if let Some(confirmation) = &file.confirmation {
                write!(output, "{confirmation}")?;
            }
            let bundle = out.join(&file.bundle);
            writeln!(output, "  signed by key {}", answer.key)?;
            writeln!(output, "  attestation {}", Escaped(&bundle.to_string_lossy()))?;
        }
    }
    for hint in hints(&answer.files) {
        writeln!(output, "{} {hint}", styled(BOLD, "hint:"))?;
    }
    for Warning { warning, hint } in &answer.warnings {
        writeln!(output, "{} {}", styled(WARN, "warning:"), Escaped(warning))?;
        if let Some(hint) = hint {
            writeln!(output, "{} {}", styled(BOLD, "hint:"), Escaped(hint))?;
        }
    }
    Ok(())
}

/// Why no file was signed: which of them did not come back, and in what.
fn refusal(answer: &Answer<'_>, output: &mut Output) -> Result<(), CliError> {
    for file in &answer.files {
        let name = Escaped(&file.filename);
        match &file.confirmation {
            Some(confirmation) if !confirmation.holds() => {
                writeln!(output, "{} {name}", styled(BAD, "not signed"))?;
                of_build(answer, file, output)?;
                write!(output, "{confirmation}")?;
            }
            _ => {
                let unlike =
                    "confirmed, and not signed because another file of this release is not";
                writeln!(output, "{} {name}: {unlike}", styled(BAD, "not signed"))?;
            }
        }
    }
    Ok(writeln!(output, "nothing was signed, and nothing was written")?)
}

fn of_build(answer: &Answer<'_>, file: &Signed, output: &mut Output) -> Result<(), CliError> {
    writeln!(output, "  sha256 {}", file.sha256)?;
    writeln!(output, "  source {} at commit {}", Escaped(answer.source), answer.commit)?;
    Ok(writeln!(output, "  ref {}", Escaped(answer.git_ref.unwrap_or("none recorded")))?)
}

/// What to do about files that did not come back the same, each thing once.
fn hints(files: &[Signed]) -> BTreeSet<String> {
    let (unlike, alike): (Vec<&Signed>, Vec<&Signed>) = files
        .iter()
        .partition(|file| file.confirmation.as_ref().is_some_and(|second| !second.holds()));
    let is_sdist = |file: &&Signed| file.filename.ends_with(".tar.gz");
    let mut hints: BTreeSet<String> = unlike
        .iter()
        .filter(|file| !is_sdist(file))
        .filter_map(|file| file.confirmation.as_ref()?.hint())
        .collect();
    if unlike.iter().any(is_sdist) {
        let mut hint =
            "setuptools writes the time of the build into source distributions, flit and \
                        hatchling do not"
                .to_owned();
        if unlike.iter().all(is_sdist) && !alike.is_empty() {
            hint = format!("leave out --sdist to sign the wheel by itself; {hint}");
        }
        hints.insert(hint);
    }
    hints
}
