//! Verdicts signed, written and read back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::Utc;
use serde::Serialize;
use serde_json::Value;
use wheelmark_build::atomic::{self, Existing, NewFile, WriteError};
use wheelmark_build::sign::key::PrivateKey;
use wheelmark_build::sign::{Signer as _, sign_statement};
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::attestation::predicate::Predicate;
use wheelmark_core::attestation::statement::Statement;
use wheelmark_core::attestation::vsa::VerificationResult;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::{Decision, Refusal};
use wheelmark_core::trust::{TrustRoot, TrustedKey, Validity};
use wheelmark_core::verdict::Verdict;

use super::{Form, Signing, Target, VerdictOptions};
use crate::error::{CliError, shown};
use crate::interrupt;
use crate::out_folder;

/// A verdict that was written.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// `vsa` or `svr`.
    pub kind: &'static str,
    /// Where it is.
    pub file: String,
    /// The name of the file that it is about.
    pub about: String,
    /// The levels of a VSA, or the properties of an SVR.
    pub says: Vec<String>,
    /// The result of a VSA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<VerificationResult>,
    /// The id of the key that signed it.
    pub key: String,
}

/// A statement to be signed, and where it goes.
struct Wanted {
    folder: PathBuf,
    name: String,
    statement: Statement,
    sha256: Sha256Digest,
    written: Written,
}

/// The same, signed.
struct Ready {
    wanted: Wanted,
    /// The bundle, whatever of it is written.
    bundle: Value,
    bytes: Vec<u8>,
}

impl VerdictOptions {
    /// Signs what was decided, reads back what is to be written, and gives it its names: in one folder all or none.
    pub fn write(
        &self,
        verdicts: &[Verdict],
        signing: &Signing,
        policy: &Policy,
        policy_is_file: bool,
        cancel: &Arc<AtomicBool>,
    ) -> Result<Vec<Written>, CliError> {
        let mut own_uri = String::new();
        let by = self.verifier(policy, policy_is_file, &mut own_uri);
        let mut folders: BTreeMap<PathBuf, Vec<Ready>> = BTreeMap::new();
        for verdict in verdicts {
            let written = |kind, says: &[String], result| Written {
                kind,
                file: String::new(),
                about: verdict.filename().as_str().to_owned(),
                says: says.to_vec(),
                result,
                key: signing.key.key_id().to_string(),
            };
            let accepted = verdict.decision() == Decision::Accepted;
            if let Some(path) = self.vsa.as_deref().filter(|_| accepted || self.vsa_failed) {
                let resource = self.resource_uri.clone().unwrap_or_else(|| verdict.resource_uri());
                let statement =
                    verdict.vsa(&by, &resource, self.words()).map_err(CliError::undecided)?;
                let (kind, result) = match accepted {
                    true => ("vsa", VerificationResult::Passed),
                    // Of another name, so that nobody takes it for one that passed.
                    false => ("vsa-failed", VerificationResult::Failed),
                };
                let written = written("vsa", &verdict.levels(self.words()), Some(result));
                self.ready((path, kind), verdict, statement, written, signing, &mut folders)?;
            }
            let statement = verdict.svr(&by).map_err(CliError::undecided)?;
            if let Some((path, statement)) = self.svr.as_deref().zip(statement) {
                let written = written("svr", &verdict.properties(), None);
                self.ready((path, "svr"), verdict, statement, written, signing, &mut folders)?;
            }
        }
        let key = half_of(&signing.key)?;
        let mut all = Vec::new();
        for (folder, ready) in folders {
            self.write_into(&folder, &ready, &key, cancel)?;
            all.extend(ready.into_iter().map(|it| it.wanted.written));
        }
        all.sort_by(|a, b| (&a.about, a.kind).cmp(&(&b.about, b.kind)));
        Ok(all)
    }

    fn ready(
        &self,
        (path, kind): (&Path, &str),
        verdict: &Verdict,
        statement: Statement,
        mut written: Written,
        signing: &Signing,
        folders: &mut BTreeMap<PathBuf, Vec<Ready>>,
    ) -> Result<(), CliError> {
        let suffix = self.suffix(kind);
        let (folder, name) = Target::of(path).place(verdict.filename().as_str(), &suffix);
        let shown = match Target::of(path) {
            Target::Folder(folder) => folder.join(&name),
            Target::File(path) => path.to_owned(),
        };
        written.file = shown.to_string_lossy().into_owned();
        let payload = serde_json::to_vec(&statement).map_err(CliError::undecided)?;
        let bundle = sign_statement(&signing.key, &payload).map_err(CliError::undecided)?;
        let whole: Value = serde_json::from_slice(&bundle).map_err(CliError::undecided)?;
        let bytes = match self.verdict_form {
            Form::Bundle => bundle,
            Form::Envelope => format!("{}\n", whole["dsseEnvelope"]).into_bytes(),
        };
        let sha256 = verdict.sha256();
        let wanted = Wanted { folder, name, statement, sha256, written };
        let ready = Ready { wanted, bundle: whole, bytes };
        folders.entry(ready.wanted.folder.clone()).or_default().push(ready);
        Ok(())
    }

    fn write_into(
        &self,
        folder: &Path,
        all: &[Ready],
        key: &TrustedKey,
        cancel: &Arc<AtomicBool>,
    ) -> Result<(), CliError> {
        let files = all.iter().map(|it| NewFile {
            name: &it.wanted.name,
            mode: 0o644,
            content: Box::new(&it.bytes[..]),
        });
        let existing = if self.overwrite { Existing::Replace } else { Existing::Keep };
        let check = |paths: &[&Path]| -> Result<(), CliError> {
            for (ready, path) in all.iter().zip(paths) {
                interrupt::check(cancel)?;
                self.read_back(ready, path, key)?;
            }
            Ok(())
        };
        let made = out_folder::make(folder)?;
        match atomic::write_all(folder, files.collect(), existing, check) {
            Ok(_) => {
                made.keep();
                Ok(())
            }
            Err(WriteError::Check(error)) => Err(error),
            Err(WriteError::Exists(path)) => {
                Err(CliError::undecided(format!("{} exists already", shown(&path)))
                    .hint("give another place, or --overwrite"))
            }
            Err(error) => Err(CliError::undecided(error)),
        }
    }

    /// What was written holds by the key that signed it, and is read as what was meant.
    fn read_back(&self, ready: &Ready, path: &Path, key: &TrustedKey) -> Result<(), CliError> {
        let Wanted { statement, sha256, .. } = &ready.wanted;
        let bytes = fs::read(path).map_err(|error| CliError::io("read back", path, &error))?;
        let refused = |why: &str| {
            let file = &ready.wanted.written.file;
            CliError::undecided(format!(
                "the verdict {} would be refused, so it was not written: {why}",
                shown(Path::new(file))
            ))
        };
        let bytes = match self.verdict_form {
            Form::Bundle => bytes,
            Form::Envelope => {
                let mut bundle = ready.bundle.clone();
                bundle["dsseEnvelope"] =
                    serde_json::from_slice(&bytes).map_err(|error| refused(&error.to_string()))?;
                bundle.to_string().into_bytes()
            }
        };
        let held = || -> Result<Statement, Refusal> {
            let limits = AttestationLimits::standard();
            let attestation = Attestation::parse(&bytes, &limits)?;
            let trust = TrustRoot::new(vec![key.clone()], Vec::new());
            let signed = Signed::Digest(*sha256);
            let envelope = VerifiedEnvelope::verify(&attestation, &trust, signed, Utc::now())?;
            let read = envelope.statement(&limits)?;
            Predicate::read(&read)?;
            Ok(read)
        };
        match held() {
            Ok(read) if read == *statement => Ok(()),
            Ok(_) => Err(refused("it is read as another statement")),
            Err(refusal) => Err(refused(&refusal.to_string())),
        }
    }
}

fn half_of(key: &PrivateKey) -> Result<TrustedKey, CliError> {
    let pem = key.public_pem().map_err(CliError::undecided)?;
    TrustedKey::from_pem(&pem, Validity::default()).map_err(CliError::undecided)
}
