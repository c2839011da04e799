//! Verdicts for others: which are asked for, under which names, and by which key they are signed.

mod write;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use clap::{ArgGroup, ValueEnum};
use wheelmark_build::sign::key::PrivateKey;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::Escaped;
use wheelmark_core::verdict::{COMMAND_LINE_POLICY, LOCAL_VERIFIER, LevelWords, Verifier};

pub use self::write::Written;
use crate::attestations::{self, OF_SVR, OF_VSA};
use crate::batch::Subject;
use crate::error::{CliError, shown};
use crate::out_folder;
use crate::outputs;
use crate::passphrase;
use crate::subjects::Planned;
use crate::trust_options::TrustOptions;
use crate::values::uri;

/// Which verdicts are written, and in whose name.
#[derive(clap::Args)]
#[command(
    next_help_heading = "Verdicts for others, signed",
    group(ArgGroup::new("verdict").multiple(true))
)]
pub struct VerdictOptions {
    /// Write a SLSA verification summary (VSA) of what was accepted: to this file, or, of several, into this
    /// folder (DIR/)
    #[arg(long, value_name = "OUT", group = "verdict")]
    vsa: Option<PathBuf>,
    /// Write an in-toto simple verification result (SVR) of what was accepted, in the same way
    #[arg(long, value_name = "OUT", group = "verdict")]
    svr: Option<PathBuf>,
    /// Write a VSA of what was rejected too, whose result is FAILED
    #[arg(long, requires = "vsa")]
    vsa_failed: bool,
    /// The private key (PEM) that signs them; without it --key, where that is a private one
    #[arg(long, value_name = "FILE", requires = "verdict")]
    signing_key: Option<PathBuf>,
    /// The verifier's id in them; without it `wheelmark verify`, wherever the key is
    #[arg(long, value_name = "URI", requires = "verdict", value_parser = uri)]
    verifier_id: Option<String>,
    /// Where the policy is known by; without it an address made of its digest (RFC 6920)
    #[arg(long, value_name = "URI", requires = "verdict", value_parser = uri)]
    policy_uri: Option<String>,
    /// What the file was verified as, for one file; without it pkg:pypi/NAME@VERSION?file_name=FILE
    #[arg(long, value_name = "URI", requires = "vsa", value_parser = uri)]
    resource_uri: Option<String>,
    /// In the VSA, say what has no number in words of ours, as slsa-verifier can read: WHEELMARK_ACCEPTED and the like, in
    /// place of SLSA_BUILD_LEVEL_UNEVALUATED and SLSA_BUILD_REPRODUCED
    #[arg(long, requires = "vsa")]
    numbered_levels: bool,
    /// The form in which they are signed
    #[arg(long, value_name = "FORM", value_enum, default_value = "bundle", requires = "verdict")]
    verdict_form: Form,
    /// Replace verdicts that are there already
    #[arg(long, requires = "verdict")]
    overwrite: bool,
}

/// What follows a file's name in those of the verdicts beside it, which may be written anew.
pub const VERDICTS: [&str; 2] = [OF_VSA, OF_SVR];

/// What is around the signed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A Sigstore bundle, which names the key
    Bundle,
    /// The DSSE envelope alone, as slsa-verifier reads it
    Envelope,
}

/// The key that signs verdicts.
pub struct Signing {
    key: PrivateKey,
    /// Whether it is that of `--key`, whose public half then says who is trusted, where no policy does.
    is_trusted: bool,
}

impl Signing {
    /// The key of `--key`, if that is what signs.
    pub fn trusted(&self) -> Option<&PrivateKey> {
        self.is_trusted.then_some(&self.key)
    }
}

/// Where the verdicts of one kind go.
enum Target<'a> {
    /// The one verdict, to this file.
    File(&'a Path),
    /// Each into this folder, named after its file.
    Folder(&'a Path),
}

impl<'a> Target<'a> {
    /// What stands there says which it is, so that it never depends on how many files there are.
    fn of(path: &'a Path) -> Self {
        let slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        match slash || path.is_dir() {
            // Without the slash, so that a file of that name is found to be none.
            true => Self::Folder(path.components().as_path()),
            false => Self::File(path),
        }
    }

    /// The folder, and the name in it of a verdict about `file`.
    fn place(&self, file: &str, suffix: &str) -> (PathBuf, String) {
        match self {
            Self::Folder(folder) => ((*folder).to_owned(), format!("{file}{suffix}")),
            Self::File(path) => {
                let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                (folder.unwrap_or(Path::new(".")).to_owned(), name.into_owned())
            }
        }
    }
}

impl VerdictOptions {
    /// Whether any is asked for.
    pub fn any(&self) -> bool {
        self.targets().next().is_some()
    }

    /// Opens the key that signs, where a verdict is asked for.
    pub fn signing(&self, trust: &TrustOptions) -> Result<Option<Signing>, CliError> {
        let Some((option, _)) = self.targets().next() else {
            return Ok(None);
        };
        if let Some(path) = &self.signing_key {
            let key = passphrase::open_key(path)?;
            return Ok(Some(Signing { key, is_trusted: false }));
        }
        if let Some(path) = trust.private_key()? {
            let key = passphrase::open_key(path)?;
            return Ok(Some(Signing { key, is_trusted: true }));
        }
        let error = CliError::usage(match trust.key() {
            Some(path) => format!(
                "{option} needs a private key that signs, and --key {} is none: it says who is trusted",
                shown(path)
            ),
            None => format!("{option} needs a private key that signs"),
        });
        Err(error.hint("give it with --signing-key FILE, or with --key"))
    }

    /// Refuses, before anything is verified, what could not be written or would be written over what is read.
    pub fn check(
        &self,
        files: &Planned<'_>,
        at: Option<DateTime<Utc>>,
        inputs: &[PathBuf],
    ) -> Result<(), CliError> {
        if !self.any() {
            return Ok(());
        }
        if at.is_some_and(|at| at > Utc::now()) {
            return Err(CliError::usage(
                "--at is a time to come, and a verdict is signed as of it",
            )
            .hint("leave --at out, or write no verdict"));
        }
        if self.resource_uri.is_some() && !files.is_alone() {
            return Err(CliError::usage(format!(
                "--resource-uri names one file, and {} are to be verified",
                files.len()
            ))
            .hint("verify each by itself, or leave --resource-uri out"));
        }
        let mut single = Vec::new();
        let mut outputs: Vec<(&str, PathBuf)> = Vec::new();
        for (option, path) in self.targets() {
            match Target::of(path) {
                Target::Folder(folder) => {
                    out_folder::check(folder)?;
                    let kinds: &[_] =
                        if option == "--svr" { &["svr"] } else { &["vsa", "vsa-failed"] };
                    for name in one_of_each_name(option, files)? {
                        let names = kinds.iter().map(|kind| format!("{name}{}", self.suffix(kind)));
                        outputs.extend(names.map(|name| (option, folder.join(name))));
                    }
                }
                Target::File(_) if !files.is_alone() => {
                    return Err(CliError::usage(format!(
                        "{option} {} is a file, and {} files are to be verified",
                        shown(path),
                        files.len()
                    ))
                    .hint(
                        "name a folder, with a `/` at its end: each gets a statement of its own",
                    ));
                }
                Target::File(path) => {
                    outputs.push((option, path.to_owned()));
                    single.push(path);
                }
            }
        }
        let subjects = files.plan.items.iter().filter_map(|item| match &item.subject {
            Subject::File(path) => Some(path),
            Subject::Indexed { .. } | Subject::Locked { .. } => None,
        });
        let beside = subjects.clone().flat_map(|path| attestations::places(path, &VERDICTS));
        let read = inputs.iter().chain(&self.signing_key).chain(subjects).cloned().chain(beside);
        outputs::spare(outputs.iter().map(|(option, path)| (*option, path.as_path())), read)?;
        for path in single {
            let (folder, _) = Target::File(path).place("", "");
            if !folder.is_dir() {
                let error = std::io::ErrorKind::NotFound.into();
                return Err(CliError::io("write to", &folder, &error));
            }
            if !self.overwrite {
                outputs::refuse_existing(path)?;
            }
        }
        Ok(())
    }

    /// What follows a file's name in that of a verdict in a folder.
    fn suffix(&self, kind: &str) -> String {
        match self.verdict_form {
            Form::Bundle => format!(".{kind}.sigstore.json"),
            Form::Envelope => format!(".{kind}.dsse.json"),
        }
    }

    /// What to tell of those of which no verdict was written.
    pub fn left_out(written: &[Written], all: usize) -> Option<String> {
        let about: BTreeSet<_> = written.iter().map(|it| &it.about).collect();
        let without = all.saturating_sub(about.len());
        (without > 0).then(|| {
            format!("{without} without a verdict: one is written only of what was accepted")
        })
    }

    /// The words of the VSA's levels.
    fn words(&self) -> LevelWords {
        if self.numbered_levels { LevelWords::Numbered } else { LevelWords::Slsa }
    }

    fn targets(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let targets = [("--vsa", &self.vsa), ("--svr", &self.svr)];
        targets.into_iter().filter_map(|(option, path)| Some((option, path.as_deref()?)))
    }

    /// In whose name, and under which policy. That of the command line has no bytes that others could have.
    fn verifier<'a>(
        &'a self,
        policy: &Policy,
        is_file: bool,
        own_uri: &'a mut String,
    ) -> Verifier<'a> {
        let sha256 = policy.sha256();
        *own_uri = match is_file {
            true => format!("ni:///sha-256;{}", URL_SAFE_NO_PAD.encode(sha256.as_bytes())),
            false => COMMAND_LINE_POLICY.to_owned(),
        };
        Verifier {
            id: self.verifier_id.as_deref().unwrap_or(LOCAL_VERIFIER),
            version: env!("CARGO_PKG_VERSION"),
            policy_uri: self.policy_uri.as_deref().unwrap_or(own_uri),
            policy_sha256: is_file.then_some(sha256),
        }
    }
}

/// The names of the files. Two of one name would have one verdict between them.
fn one_of_each_name(option: &str, files: &Planned<'_>) -> Result<BTreeSet<String>, CliError> {
    let mut names = BTreeSet::new();
    for item in &files.plan.items {
        let name = match &item.subject {
            Subject::File(path) => path.file_name(),
            Subject::Indexed { file: Some(file), .. } => Some(OsStr::new(file)),
            Subject::Indexed { file: None, .. } | Subject::Locked { .. } => None,
        };
        let Some(name) = name.map(|name| name.to_string_lossy().into_owned()) else { continue };
        if !names.insert(name.clone()) {
            return Err(CliError::usage(format!(
                "two of the files are named `{}`, and {option} would have one verdict of both",
                Escaped(&name)
            ))
            .hint("verify them one after the other, each into a folder of its own"));
        }
    }
    Ok(names)
}
