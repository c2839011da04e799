//! `--policy FILE`, or `--key PUB --source URI`: what the person trusts. Every verb that verifies takes
//! these, and none has a default.

use std::path::{Path, PathBuf};

use wheelmark_build::sign::key::PrivateKey;
use wheelmark_build::sign::pem::PemKind;
use wheelmark_core::attestation::repository::RepositoryUri;
use wheelmark_core::policy::{LOCAL_BUILDER, Policy, Rebuild, RefPattern};
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::{TrustedKey, Validity};

use crate::error::{CliError, shown};
use crate::input;

/// Bytes of a policy or key file that are read.
const MAX_FILE: usize = 4 << 20;

/// What is trusted: a policy, or one key for one source.
#[derive(clap::Args)]
#[command(next_help_heading = "What is trusted (one of the two is needed)")]
pub struct TrustOptions {
    /// A policy file
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["source", "git_ref", "builder"]
    )]
    policy: Option<PathBuf>,
    /// The public key (PEM) that must have signed
    #[arg(long, value_name = "PUB")]
    key: Option<PathBuf>,
    /// The repository that must have been built, such as https://example.org/owner/project
    #[arg(long, value_name = "URI", requires = "key", value_parser = RepositoryUri::from_typed)]
    source: Option<RepositoryUri>,
    /// The full name of the ref that must have been built; `*` and `{version}` may stand in it, as in
    /// refs/tags/v{version}
    #[arg(long = "ref", value_name = "PATTERN", requires = "key")]
    git_ref: Option<RefPattern>,
    /// The id of a builder that may have built it; without it, `wheelmark build` anywhere the key is
    #[arg(long, value_name = "URI", requires = "key")]
    builder: Vec<String>,
}

impl TrustOptions {
    /// The policy that was given or is meant. `own` is the key of `--key` where that is a private one,
    /// with which the verb will sign.
    pub fn policy(&self, own: Option<&PrivateKey>) -> Result<Policy, CliError> {
        match (&self.policy, &self.key, &self.source) {
            (Some(_), Some(_), _) if own.is_none() => {
                Err(CliError::usage("--policy and --key both say who is trusted")
                    .hint("give one of them"))
            }
            (Some(path), _, _) => {
                let text = input::read_text(path, MAX_FILE)?;
                Policy::parse(&path.to_string_lossy(), &text)
                    .map_err(|error| CliError::undecided(Escaped(&error.to_string())))
            }
            (None, Some(_), None) => Err(CliError::usage(
                "--key says who may sign, and nothing says from which repository",
            )
            .hint("add --source URI")),
            (None, Some(key), Some(source)) => {
                let builders = if self.builder.is_empty() {
                    [LOCAL_BUILDER.to_owned()].into()
                } else {
                    self.builder.iter().cloned().collect()
                };
                Ok(Policy::of_key_and_source(
                    match own.filter(|_| self.private_key().ok().flatten().is_some()) {
                        Some(own) => half_of(own)?,
                        None => public_key(key)?,
                    },
                    source.clone(),
                    self.git_ref.clone(),
                    builders,
                    Rebuild::Never,
                ))
            }
            _ => Err(CliError::usage("nothing says who is trusted, and there is no default")
                .hint("give --policy FILE, or --key PUB with --source URI")),
        }
    }

    /// The file of `--key`, where that is a private key: then the person holds both halves.
    pub fn private_key(&self) -> Result<Option<&Path>, CliError> {
        let Some(path) = &self.key else {
            return Ok(None);
        };
        let pem = input::read_text(path, MAX_FILE)?;
        let private =
            matches!(PemKind::of(&pem), Some(PemKind::PrivateKey | PemKind::EncryptedPrivateKey));
        Ok(private.then_some(path.as_path()))
    }
}

/// The public half of a private key.
fn half_of(key: &PrivateKey) -> Result<TrustedKey, CliError> {
    let pem = key.public_pem().map_err(CliError::undecided)?;
    TrustedKey::from_pem(&pem, Validity::default()).map_err(CliError::undecided)
}

fn public_key(path: &Path) -> Result<TrustedKey, CliError> {
    let pem = input::read_text(path, MAX_FILE)?;
    let hint = match PemKind::of(&pem) {
        Some(PemKind::PublicKey) => "",
        Some(PemKind::PrivateKey | PemKind::EncryptedPrivateKey | PemKind::OtherPrivateKey(_)) => {
            "this is a private key, and verifying needs the public one: the file ending in `.pub`"
        }
        _ => "`wheelmark keygen` writes a public key to a file ending in `.pub`",
    };
    TrustedKey::from_pem(&pem, Validity::default()).map_err(|error| {
        let error = error.to_string();
        CliError::undecided(format!("{}: {}", shown(path), Escaped(&error))).hint(hint)
    })
}
