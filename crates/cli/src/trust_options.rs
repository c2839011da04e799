//! What the person trusts: a policy, a key for a source, or the holders of certificates. Every verb that
//! verifies takes these, and none has a default.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use wheelmark_build::sign::key::PrivateKey;
use wheelmark_build::sign::pem::PemKind;
use wheelmark_core::attestation::build_types;
use wheelmark_core::attestation::provenance::PROVENANCE_TYPE;
use wheelmark_core::attestation::provenance_v0_2::PROVENANCE_V0_2_TYPE;
use wheelmark_core::attestation::publish::PUBLISH_TYPE;
use wheelmark_core::attestation::repository::RepositoryUri;
use wheelmark_core::policy::{
    IdentityRule, Instructions, OnCommandLine, ParameterPattern, Policy, RefPattern,
};
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::{
    GITHUB_ISSUER, GITLAB_ISSUER, InstanceName, TrustRoot, TrustedKey, Validity,
};

use crate::attestations;
use crate::error::{CliError, shown};
use crate::input;
use crate::policy_file::PolicyFile;
use crate::policy_key::{PolicyKeyOptions, SIGNATURE};
use crate::trust_roots::TrustRoots;
use crate::values::{Words, setting, words};

/// Bytes of a key file that are read.
const MAX_FILE: usize = 4 << 20;

/// What is trusted: a policy, one key for one source, or who holds a certificate.
#[derive(clap::Args)]
#[command(next_help_heading = "What is trusted (a policy, a key, or an instance is needed)")]
pub struct TrustOptions {
    /// A policy file
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["source", "git_ref", "builder", "identity", "issuer", "trust", "bare_signature", "step", "config_setting"]
    )]
    policy: Option<PathBuf>,
    /// The public key (PEM) that must have signed
    #[arg(long, value_name = "PUB", conflicts_with_all = ["identity", "issuer", "trust"])]
    key: Option<PathBuf>,
    /// The Sigstore instance whose certificates count: public-good, github, staging, or private for that
    /// of --trust-root
    #[arg(long, value_name = "INSTANCE")]
    trust: Option<InstanceName>,
    /// The trusted_root.json of a private Sigstore instance
    #[arg(long, value_name = "FILE")]
    trust_root: Option<PathBuf>,
    /// The name in the certificate that must have signed: a mail address, or the URI of a workflow with
    /// its ref
    #[arg(long, visible_alias = "certificate-identity", value_name = "NAME")]
    identity: Option<String>,
    /// Who vouches for that name; without it the forge of --source
    #[arg(long, visible_alias = "certificate-oidc-issuer", value_name = "URL")]
    issuer: Option<String>,
    /// The repository that must have been built, such as https://example.org/owner/project
    #[arg(long, value_name = "URI", value_parser = RepositoryUri::from_typed)]
    source: Option<RepositoryUri>,
    /// The full name of the ref that must have been built; `*` and `{version}` may stand in it, as in
    /// refs/tags/v{version}
    #[arg(long = "ref", value_name = "PATTERN")]
    git_ref: Option<RefPattern>,
    /// The id of a builder that may have built it; without it, `wheelmark build` anywhere the key is, or
    /// what the certificate names
    #[arg(long, value_name = "URI")]
    builder: Vec<String>,
    /// A command that may have been run on the wheel after the build, as it was given to `build --step`
    #[arg(long, value_name = "COMMAND", value_parser = words)]
    step: Vec<Words>,
    /// A requirement that may have been installed for it
    #[arg(long, value_name = "REQUIREMENT", requires = "step")]
    step_requires: Vec<String>,
    /// A setting that the build backend may have been given
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    config_setting: Vec<(String, String)>,
    /// A parameter of provenance of another build type that may have been given: NAME=VALUE, NAME for any value,
    /// NAME.* for everything below a name
    #[arg(long, value_name = "PARAMETER", conflicts_with = "policy")]
    parameter: Vec<ParameterPattern>,
    /// Also accept a signature over the bare file, which says nothing of where it came from
    #[arg(long)]
    bare_signature: bool,
    #[command(flatten)]
    policy_key: PolicyKeyOptions,
}

impl TrustOptions {
    /// Whether any of these was given: then somebody expects that something is verified.
    pub fn is_given(&self) -> bool {
        let one = self.policy.is_some() || self.key.is_some() || self.trust.is_some();
        let named = self.identity.is_some() || self.issuer.is_some() || self.source.is_some();
        let asked = self.git_ref.is_some() || !self.builder.is_empty() || !self.step.is_empty();
        let allowed = !self.config_setting.is_empty() || !self.parameter.is_empty();
        one || named || asked || allowed || self.trust_root.is_some() || self.bare_signature
    }

    /// The policy that was given or is meant, for a verification at the time `at`. `own` is the key of `--key` where that
    /// is a private one, with which the verb will sign.
    ///
    /// Where a policy key is configured, nothing but a policy that it signed is taken.
    pub fn policy(&self, own: Option<&PrivateKey>, at: DateTime<Utc>) -> Result<Policy, CliError> {
        let roots = TrustRoots::new(self.trust_root.clone());
        let keys = self.policy_key.keys()?;
        if keys.is_some() && self.policy.is_none() {
            let message =
                "a policy key is configured, and nothing that is signed says who is trusted";
            return Err(
                CliError::usage(message).hint("give --policy FILE, with its signature beside it")
            );
        }
        match (&self.policy, &self.key, self.instance()) {
            (Some(_), Some(_), _) if own.is_none() => {
                Err(CliError::usage("--policy and --key both say who is trusted")
                    .hint("give one of them"))
            }
            (Some(path), _, _) => {
                let file = PolicyFile::open(path)?;
                let signed = keys.map(|keys| keys.verify(&file, at)).transpose()?;
                let mut policy = file.read(&roots)?;
                if let Some((signed, seen)) = signed {
                    seen.keep(&signed)?;
                    policy = policy.signed(signed);
                }
                let private = |root: &TrustRoot| {
                    let logs = root.keys().filter_map(TrustedKey::log);
                    root.instances().chain(logs).any(|it| it.name() == InstanceName::Private)
                };
                self.private_used(
                    policy.files().any(|file| private(file.trust())),
                    "name it in the policy, as in `trust = \"private\"`, or leave --trust-root out",
                )?;
                Ok(policy)
            }
            (None, Some(key), _) => self.of_key(key, own, &roots),
            (None, None, Some(instance)) => {
                self.private_used(
                    instance == InstanceName::Private,
                    "give `--trust private`, or leave --trust-root out",
                )?;
                self.of_certificate(instance, &roots)
            }
            (None, None, None) => {
                Err(CliError::usage("nothing says who is trusted, and there is no default").hint(
                    "give --policy FILE, --key PUB with --source URI, or --trust INSTANCE with \
                     --source URI or --identity NAME",
                ))
            }
        }
    }

    /// Whether only signed policies say who is trusted.
    pub fn has_policy_key(&self) -> Result<bool, CliError> {
        Ok(self.policy_key.keys()?.is_some())
    }

    /// The files that say who is trusted, for a verb that writes none of them: those that were named, and of the policy
    /// that was read what it includes and its signature.
    pub fn read(&self, policy: &Policy) -> impl Iterator<Item = PathBuf> {
        let named = [&self.policy, &self.key, &self.trust_root].into_iter().flatten().cloned();
        let signature = self.policy.iter().map(|path| attestations::beside(path, SIGNATURE));
        let included: Vec<PathBuf> = policy.all_files().map(PathBuf::from).collect();
        named.chain(signature).chain(self.policy_key.files()).chain(included)
    }

    /// The instance that was named; the file of a private one names it too.
    fn instance(&self) -> Option<InstanceName> {
        self.trust.or(self.trust_root.as_ref().map(|_| InstanceName::Private))
    }

    /// A root that is named and then not used would leave another one in force, which nobody chose.
    fn private_used(&self, used: bool, hint: &str) -> Result<(), CliError> {
        match &self.trust_root {
            Some(_) if !used => Err(CliError::usage(
                "--trust-root is for the instance private, and nothing here uses that",
            )
            .hint(hint)),
            _ => Ok(()),
        }
    }

    fn of_key(
        &self,
        path: &Path,
        own: Option<&PrivateKey>,
        roots: &TrustRoots,
    ) -> Result<Policy, CliError> {
        let Some(source) = &self.source else {
            return Err(CliError::usage(
                "--key says who may sign, and nothing says from which repository",
            )
            .hint("add --source URI"));
        };
        let key = match own.filter(|_| self.private_key().ok().flatten().is_some()) {
            Some(own) => half_of(own)?,
            None => public_key(path)?,
        };
        // With a private instance beside it, the key's signatures must be in a log of that.
        let key = match &self.trust_root {
            Some(_) => key.logged_in(instance(InstanceName::Private, roots)?),
            None => key,
        };
        let mut said = OnCommandLine::key(TrustRoot::new(vec![key], Vec::new()), source.clone());
        said.git_ref.clone_from(&self.git_ref);
        said.bare_signature = self.bare_signature;
        said.instructions = self.instructions();
        if !self.builder.is_empty() {
            said.builders = self.builder.iter().cloned().collect();
        }
        Ok(Policy::on_command_line(said))
    }

    fn of_certificate(&self, name: InstanceName, roots: &TrustRoots) -> Result<Policy, CliError> {
        if self.identity.is_none() && self.source.is_none() {
            return Err(CliError::usage(
                "--trust says whose certificates count, and nothing says who may hold one",
            )
            .hint("add --source URI, or --identity NAME with --issuer URL"));
        }
        let forge = self.source.as_ref().and_then(forge_issuer);
        let Some(issuer) = self.issuer.clone().or_else(|| forge.map(str::to_owned)) else {
            return Err(CliError::usage("nothing says who vouches for the signer")
                .hint("add --issuer URL, such as https://token.actions.githubusercontent.com"));
        };
        let mut identity = IdentityRule::named(name, issuer, self.identity.clone());
        identity.repository.clone_from(&self.source);
        let attestations = [PROVENANCE_TYPE, PROVENANCE_V0_2_TYPE, PUBLISH_TYPE];
        Ok(Policy::on_command_line(OnCommandLine {
            trust: TrustRoot::new(Vec::new(), vec![instance(name, roots)?]),
            identities: vec![identity],
            attestations: attestations.map(str::to_owned).into(),
            bare_signature: self.bare_signature,
            source: self.source.clone(),
            git_ref: self.git_ref.clone(),
            builders: self.builder.iter().cloned().collect(),
            build_types: build_types::known().map(str::to_owned).collect(),
            instructions: self.instructions(),
        }))
    }

    fn instructions(&self) -> Instructions {
        let settings = self.config_setting.iter();
        Instructions {
            steps: self.step.iter().map(|words| words.0.clone()).collect(),
            step_requires: self.step_requires.iter().cloned().collect(),
            config_settings: settings.map(|(key, value)| format!("{key}={value}")).collect(),
            parameters: self.parameter.iter().cloned().collect(),
            ..Instructions::default()
        }
    }

    /// Whether a policy file says who is trusted.
    pub fn is_policy_file(&self) -> bool {
        self.policy.is_some()
    }

    /// The file of `--key`.
    pub fn key(&self) -> Option<&Path> {
        self.key.as_deref()
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

fn instance(
    name: InstanceName,
    roots: &TrustRoots,
) -> Result<Arc<wheelmark_core::trust::Instance>, CliError> {
    roots.find(name).map(|(instance, _)| Arc::new(instance))
}

/// Who vouches for the jobs of the forge that hosts a repository. No other issuer may speak of it.
fn forge_issuer(source: &RepositoryUri) -> Option<&'static str> {
    let uri = source.to_string();
    if uri.starts_with("https://github.com/") {
        Some(GITHUB_ISSUER)
    } else if uri.starts_with("https://gitlab.com/") {
        Some(GITLAB_ISSUER)
    } else {
        None
    }
}

/// The public half of a private key.
pub fn half_of(key: &PrivateKey) -> Result<TrustedKey, CliError> {
    let pem = key.public_pem().map_err(CliError::undecided)?;
    TrustedKey::from_pem(&pem, Validity::default()).map_err(CliError::undecided)
}

/// Reads a public key.
pub fn public_key(path: &Path) -> Result<TrustedKey, CliError> {
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
