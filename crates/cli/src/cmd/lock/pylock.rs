//! `wheelmark lock --write-identities`: who attested the packages of a `pylock.toml`, written into it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use wheelmark_build::atomic::Existing;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::LOCK_FILE;
use wheelmark_core::lock::pylock::{AttestedPackage, packages};
use wheelmark_core::lock::{AttestationIdentity, Lock, LockError, LockFormat};
use wheelmark_core::report::Escaped;
use wheelmark_core::verify::Claim;

use super::{Anew, Answer, SCHEMA, What, not_written};
use crate::batch::locked;
use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::input;
use crate::outputs;
use crate::pylock::with_identities;
use crate::render::{Output, json};
use crate::signed::{FileSeen, Gathered};
use crate::wanted::AllWanted;

/// Writes them.
pub fn run(what: &What, anew: Anew<'_>, output: &mut Output) -> Result<Exit, CliError> {
    let path = the_one(&what.locks)?;
    let (told, text) = (path.to_string_lossy(), input::read_text(path, LOCK_FILE)?);
    let packages = packages(&told, &text).map_err(unread)?;
    if let Anew::These(names) = anew
        && let Some(name) = names.iter().find(|name| !packages.iter().any(|it| it.name == **name))
    {
        return Err(CliError::usage(format!("no lock names `{name}`, which is to be updated")));
    }
    let gathered = what.gather(AllWanted::default().locks(&what.locks)?)?;
    let mut written = BTreeMap::new();
    let (mut signed, mut notes) = (0, Vec::new());
    for (place, package) in packages.iter().enumerate() {
        let found = Found::of(package, &gathered)?;
        let identities = match anew.has(&package.name) || package.identities.is_empty() {
            true => found.identities.clone(),
            false => found.held(package, path)?,
        };
        notes.extend((!identities.is_empty()).then(|| found.without(package)).flatten());
        signed += usize::from(!identities.is_empty());
        if identities[..] != package.identities[..] {
            written.insert(place, identities);
        }
    }
    if !written.is_empty() {
        let made = with_identities(&text, &written)
            .map_err(|what| CliError::undecided(format!("{}: {}", shown(path), Escaped(&what))))?;
        // What is handed out must be read as what it is.
        Lock::parse(LockFormat::Pylock, "the lock made here", &made).map_err(unread)?;
        if input::read_text(path, LOCK_FILE)? != text {
            let message = format!("{} was changed while the index was asked", shown(path));
            return Err(CliError::undecided(message).hint("nothing was written: run it again"));
        }
        // A link stays what it is, and the file that it leads to is written.
        let to = fs::canonicalize(path).map_err(|error| CliError::io("read", path, &error))?;
        outputs::write(&to, &made, Existing::Replace)?;
    }
    let unsigned = packages.len() - signed;
    match what.json {
        true => {
            let locked = told.into_owned();
            json::document(&Answer { schema: SCHEMA, locked, signed, unsigned, notes }, output)?;
        }
        false => {
            for note in notes {
                writeln!(output, "note: {note}")?;
            }
            writeln!(
                output,
                "locked {}: by who attests them {signed}, that nobody attests {unsigned}",
                shown(path)
            )?;
        }
    }
    Ok(Exit::Accepted)
}

/// The one lock that can be written into.
fn the_one(locks: &[PathBuf]) -> Result<&Path, CliError> {
    let [path] = locks else {
        return Err(
            CliError::usage("--write-identities is for one lock").hint("one after the other")
        );
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match LockFormat::of(&name) {
        Some(LockFormat::Pylock) => Ok(path),
        _ => {
            let message = format!(
                "{} is no pylock.toml, which alone has attestation identities",
                shown(path)
            );
            Err(CliError::usage(message).hint("`--out wheelmark.lock` writes them beside any lock"))
        }
    }
}

fn unread(error: LockError) -> CliError {
    CliError::undecided(&error).hint(error.hint.unwrap_or_default())
}

/// What the index has of the files of a package.
struct Found<'a> {
    /// What was claimed of each.
    claims: Vec<(&'a FileSeen, &'a Claim)>,
    /// Who claimed it, each once, in a fixed order.
    identities: Vec<AttestationIdentity>,
}

impl<'a> Found<'a> {
    fn of(package: &AttestedPackage, gathered: &'a Gathered) -> Result<Self, CliError> {
        let files = gathered.projects.iter().filter(|seen| *seen.name() == package.name);
        let files = files.flat_map(|seen| &seen.files);
        let (mut claims, mut identities) = (Vec::new(), Vec::new());
        for file in files.filter(|file| package.digests.contains(&file.sha256)) {
            for claim in &file.claims {
                let claim = claim.as_ref().map_err(|refusal| not_written(file, refusal))?;
                let identity = AttestationIdentity::of(&claim.signer).ok_or_else(|| {
                    let signer = &claim.signer;
                    not_written(
                        file,
                        &format!("{signer} is no publisher that PEP 740 has a name for"),
                    )
                })?;
                claims.push((file, claim));
                identities.push(identity);
            }
        }
        identities.sort_by(|one, other| one.values().cmp(other.values()));
        identities.dedup();
        Ok(Self { claims, identities })
    }

    /// The identities that stand in the lock, if who attested its files is among them.
    fn held(
        &self,
        package: &AttestedPackage,
        path: &Path,
    ) -> Result<Vec<AttestationIdentity>, CliError> {
        let admitted = |claim: &Claim| {
            package.identities.iter().any(|identity| identity.admits(&claim.signer).is_ok())
        };
        let other = self.claims.iter().find(|(_, claim)| !admitted(claim));
        let found = match other {
            Some((file, claim)) => {
                format!("`{}` was attested by {}", file.filename.as_str(), claim.signer)
            }
            None if self.claims.is_empty() => {
                format!("nobody attested a file of `{}`", package.name)
            }
            None => return Ok(package.identities.to_vec()),
        };
        let names: Vec<_> = package.identities.iter().map(ToString::to_string).collect();
        let place = locked::at(path, package.line);
        let message = format!("{place}: {found}, and who is locked is {}", names.join(" or "));
        Err(CliError::undecided(Escaped(&message)).hint(
            "`wheelmark lock update NAME` takes up who attests it now, for whoever knows why that changed",
        ))
    }

    /// That some files of the package have no attestation, where it is so.
    fn without(&self, package: &AttestedPackage) -> Option<String> {
        let attested =
            |sha256: &Sha256Digest| self.claims.iter().any(|(file, _)| file.sha256 == *sha256);
        let (all, without) = (package.digests.len(), package.digests.iter());
        let without = without.filter(|sha256| !attested(sha256)).count();
        (without > 0).then(|| {
            format!(
                "line {}: of {without} of the {all} files of `{}` the index has no attestation: each is refused \
                 by this lock",
                package.line, package.name
            )
        })
    }
}
