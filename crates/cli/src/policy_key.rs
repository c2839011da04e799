//! The keys that must have signed a policy, once any is configured.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use wheelmark_core::limits::POLICY_SIGNATURE;
use wheelmark_core::policy::signature::SignedPolicy;
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::{TrustRoot, TrustedKey};

use crate::attestations;
use crate::data_folder::SeenFile;
use crate::error::{CliError, shown};
use crate::input;
use crate::policy_file::PolicyFile;
use crate::trust_options::public_key;

/// Names the public keys one of which must have signed every policy: paths, with `:` between them.
pub const KEY_VARIABLE: &str = "WHEELMARK_POLICY_KEY";

/// What comes after the name of a policy in the name of its signature.
pub const SIGNATURE: &str = ".sigstore.json";

/// Who must have signed the policy.
#[derive(clap::Args)]
pub struct PolicyKeyOptions {
    /// A public key (PEM) that must have signed the policy; of several, any one. Where WHEELMARK_POLICY_KEY names
    /// keys, only one of those
    #[arg(long, value_name = "PUB")]
    policy_key: Vec<PathBuf>,
    /// The policy's signature, where that is not beside it, named <POLICY>.sigstore.json
    #[arg(long, value_name = "FILE")]
    policy_signature: Option<PathBuf>,
}

/// The keys that are configured, at least one.
pub struct PolicyKeys<'a> {
    keys: TrustRoot,
    signature: Option<&'a Path>,
}

impl PolicyKeyOptions {
    /// The keys, where any is configured. One that cannot be read is an error, and never none.
    ///
    /// What the variable says is whoever's who administers the machine: the command line may choose among its keys and
    /// not add to them.
    pub fn keys(&self) -> Result<Option<PolicyKeys<'_>>, CliError> {
        let read = |paths: &[PathBuf]| {
            paths.iter().map(|path| public_key(path)).collect::<Result<Vec<_>, _>>()
        };
        let configured = env::var_os(KEY_VARIABLE);
        let configured = configured.as_ref().map(|it| paths(it).and_then(|it| read(&it)));
        let configured = configured.transpose()?;
        let named = read(&self.policy_key)?;
        if let Some(configured) = &configured {
            let ids: Vec<_> = configured.iter().map(TrustedKey::id).collect();
            for (key, path) in named.iter().zip(&self.policy_key) {
                if !ids.contains(&key.id()) {
                    let message = format!("{} is no key that {KEY_VARIABLE} names", shown(path));
                    return Err(CliError::usage(message));
                }
            }
        }
        let keys = match (named.is_empty(), configured) {
            (false, _) => named,
            (true, Some(configured)) => configured,
            (true, None) if self.policy_signature.is_some() => {
                return Err(CliError::usage(
                    "--policy-signature is given, and nothing says which key may sign a policy",
                )
                .hint(format!("add --policy-key PUB, or set {KEY_VARIABLE}")));
            }
            (true, None) => return Ok(None),
        };
        let signature = self.policy_signature.as_deref();
        Ok(Some(PolicyKeys { keys: TrustRoot::new(keys, Vec::new()), signature }))
    }

    /// The files that were named, by whoever administers the machine as well.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let configured = env::var_os(KEY_VARIABLE).unwrap_or_default();
        let configured: Vec<PathBuf> = env::split_paths(&configured).collect();
        self.policy_key.iter().chain(&self.policy_signature).cloned().chain(configured)
    }
}

impl PolicyKeys<'_> {
    /// Holds a policy against its signature, the clock, the time `at` and what was seen before. It is kept in mind once
    /// [`SeenFile::keep`] is told.
    pub fn verify(
        &self,
        file: &PolicyFile,
        at: DateTime<Utc>,
    ) -> Result<(SignedPolicy, SeenFile), CliError> {
        let path = shown(&file.path);
        let name = file.path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| CliError::undecided(format!("{path} has no name")))?;
        let signature = match self.signature {
            Some(path) => input::read_bounded(path, POLICY_SIGNATURE)?,
            None => {
                let beside = attestations::beside(&file.path, SIGNATURE);
                match beside.symlink_metadata() {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        let message =
                            format!("{path} is not signed: no {} is there", shown(&beside));
                        return Err(CliError::undecided(message).hint(
                            "whoever holds the policy key signs it with `wheelmark policy sign`",
                        ));
                    }
                    _ => input::read_found(&beside, POLICY_SIGNATURE)?,
                }
            }
        };
        let bytes = file.text.as_bytes();
        let clock = Utc::now();
        let signed = SignedPolicy::verify(name, bytes, &signature, &self.keys, clock, at);
        let signed = signed.map_err(|error| {
            CliError::undecided(format!("{path}: {}", Escaped(&error.to_string())))
        })?;
        let seen = SeenFile::find()?;
        seen.check(&signed)?;
        Ok((signed, seen))
    }
}

/// What the variable names; set and empty is an error, since somebody meant something.
fn paths(value: &OsString) -> Result<Vec<PathBuf>, CliError> {
    let paths: Vec<PathBuf> = env::split_paths(value).collect();
    match paths.is_empty() || paths.iter().any(|path| path.as_os_str().is_empty()) {
        true => Err(CliError::usage(format!("{KEY_VARIABLE} is set, and names no key"))
            .hint("it holds the path of a public key, or several with `:` between them")),
        false => Ok(paths),
    }
}
