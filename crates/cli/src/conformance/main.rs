//! `wheelmark-conformance`: the command line of the Sigstore client conformance suite, so that the suite can
//! judge the verification that `wheelmark verify` uses.
//!
//! <https://github.com/sigstore/sigstore-conformance/blob/main/docs/cli_protocol.md>

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use chrono::Utc;
use clap::{Args, Parser, Subcommand};
use sigstore_crypto::{ArtifactHasher, hash_reader};
use sigstore_types::HashAlgorithm;
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::attestation::statement::ResourceDescriptor;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::{AttestationLimits, TRUSTED_ROOT};
use wheelmark_core::policy::IdentityRule;
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::{
    Instance, InstanceName, SignerIdentity, TrustRoot, TrustedKey, Validity,
};

/// Bytes of an artifact that are held in memory. Of a longer one only digests are taken.
const ARTIFACT: u64 = 64 << 20;

/// The Sigstore client conformance protocol.
#[derive(Parser)]
#[command(name = "wheelmark-conformance", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Verify a bundle over an artifact
    VerifyBundle(Verify),
    /// Sign an artifact: not supported, for wheelmark signs with plain keys only
    SignBundle(Sign),
}

#[derive(Args)]
struct Verify {
    /// Use the staging instance
    #[arg(long)]
    staging: bool,
    /// The bundle
    #[arg(long)]
    bundle: PathBuf,
    /// The name that must be in the certificate
    #[arg(long, required_unless_present = "key", requires = "certificate_oidc_issuer")]
    certificate_identity: Option<String>,
    /// The issuer that must have vouched for it
    #[arg(long, requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// The key (PEM) that must have signed
    #[arg(long, conflicts_with = "certificate_identity")]
    key: Option<PathBuf>,
    /// The trusted root to use in place of the instance's own
    #[arg(long)]
    trusted_root: Option<PathBuf>,
    /// The artifact, or `sha256:` and its digest
    artifact: String,
}

#[derive(Args)]
struct Sign {
    #[arg(long)]
    staging: bool,
    #[arg(long)]
    in_toto: bool,
    #[arg(long)]
    identity_token: String,
    #[arg(long)]
    bundle: PathBuf,
    #[arg(long)]
    trusted_root: Option<PathBuf>,
    #[arg(long)]
    signing_config: Option<PathBuf>,
    artifact: PathBuf,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::VerifyBundle(arguments) => verify(&arguments),
        Command::SignBundle(Sign { .. }) => {
            Err("signing by a certificate is not supported".to_owned())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(anstream::stderr(), "error: {}", Escaped(&message));
            ExitCode::FAILURE
        }
    }
}

/// What is to be verified, as bytes where the signer's algorithm may need them and they can be held.
enum Artifact {
    Digest(Sha256Digest),
    Bytes(Vec<u8>),
    Long(PathBuf, Sha256Digest),
}

impl Artifact {
    /// The protocol: a digest begins with `sha256:`, is of the right length, and is no path.
    fn find(text: &str) -> Result<Self, String> {
        let path = Path::new(text);
        if path.exists() {
            return Self::open(path);
        }
        let digest = text.strip_prefix("sha256:").and_then(sha256);
        match (digest, text.split_once(':')) {
            (Some(digest), _) => Ok(Self::Digest(digest)),
            (None, Some((name, _)))
                if ["sha1", "sha256", "sha384", "sha512"]
                    .contains(&name.to_ascii_lowercase().as_str()) =>
            {
                Err(format!("`{text}` is not a sha256 digest: `sha256:` and 64 hex digits"))
            }
            (None, _) => Self::open(path),
        }
    }

    fn open(path: &Path) -> Result<Self, String> {
        let error = |cause| unread(path, &cause);
        if fs::metadata(path).map_err(error)?.len() <= ARTIFACT {
            return fs::read(path).map(Self::Bytes).map_err(error);
        }
        let file = File::open(path).map_err(error)?;
        let (digest, _) = Sha256Digest::of_reader(file).map_err(error)?;
        Ok(Self::Long(path.to_owned(), digest))
    }

    fn signed(&self) -> Signed<'_> {
        match self {
            Self::Digest(digest) | Self::Long(_, digest) => Signed::Digest(*digest),
            Self::Bytes(bytes) => Signed::Bytes(bytes),
        }
    }

    fn sha256(&self) -> Sha256Digest {
        match self {
            Self::Digest(digest) | Self::Long(_, digest) => *digest,
            Self::Bytes(bytes) => Sha256Digest::of(bytes),
        }
    }

    /// The SHA-512 in hex, which of a mere digest is not known.
    fn sha512(&self) -> Result<Option<String>, String> {
        let hasher = ArtifactHasher::new(HashAlgorithm::Sha2512);
        let mut hasher = [hasher.map_err(|error| error.to_string())?];
        match self {
            Self::Digest(_) => return Ok(None),
            Self::Bytes(bytes) => hasher[0].update(bytes),
            Self::Long(path, _) => File::open(path)
                .and_then(|file| hash_reader(file, &mut hasher))
                .map_err(|cause| unread(path, &cause))?,
        }
        let [hasher] = hasher;
        Ok(Some(hasher.finalize().value().to_hex()))
    }

    /// Whether a statement is about this: by the SHA-256 of a subject or, where it has none, the SHA-512.
    fn check_subject(&self, subjects: &[ResourceDescriptor]) -> Result<(), String> {
        let wanted = self.sha256();
        let (by_sha256, others): (Vec<_>, Vec<_>) =
            subjects.iter().map(|it| &it.digest).partition(|it| it.contains_key("sha256"));
        if by_sha256.iter().any(|it| sha256(&it["sha256"]) == Some(wanted)) {
            return Ok(());
        }
        let mut others = others.iter().filter_map(|it| it.get("sha512")).peekable();
        if others.peek().is_some()
            && let Some(wanted) = self.sha512()?
            && others.any(|found| found.eq_ignore_ascii_case(&wanted))
        {
            return Ok(());
        }
        Err(format!("subject-digest-mismatch: no subject has the sha256 {wanted}"))
    }
}

/// A digest in hex of either case.
fn sha256(hex: &str) -> Option<Sha256Digest> {
    hex.to_ascii_lowercase().parse().ok()
}

fn verify(arguments: &Verify) -> Result<(), String> {
    let limits = AttestationLimits::standard();
    let artifact = Artifact::find(&arguments.artifact)?;
    let instance = Arc::new(instance(arguments)?);
    let (trust, identity) = match (&arguments.key, &arguments.certificate_oidc_issuer) {
        (Some(path), _) => {
            let pem = String::from_utf8(read(path, TRUSTED_ROOT as u64)?)
                .map_err(|error| in_file(path, &error))?;
            let key = TrustedKey::from_pem(&pem, Validity::default())
                .map_err(|error| in_file(path, &error))?;
            (TrustRoot::new(vec![key.logged_in(instance)], Vec::new()), None)
        }
        (None, Some(issuer)) => {
            let san = arguments.certificate_identity.clone();
            let identity = IdentityRule::named(instance.name(), issuer.clone(), san);
            (TrustRoot::new(Vec::new(), vec![instance]), Some(identity))
        }
        (None, None) => return Err("neither a key nor an identity is given".to_owned()),
    };
    let bytes = read(&arguments.bundle, limits.bundle as u64)?;
    let bundle = Attestation::parse(&bytes, &limits)
        .map_err(|refusal| in_file(&arguments.bundle, &refusal))?;
    let envelope = VerifiedEnvelope::verify(&bundle, &trust, artifact.signed(), Utc::now())
        .map_err(|refusal| refusal.to_string())?;
    if let (Some(identity), SignerIdentity::Certificate(found)) = (&identity, envelope.signer())
        && let Some((what, wanted, found)) = identity.mismatch(found)
    {
        return Err(format!("signer-not-allowed: {what} is {found}; expected {wanted}"));
    }
    if envelope.is_bare() {
        return Ok(());
    }
    let subjects = envelope.subjects(&limits).map_err(|refusal| refusal.to_string())?;
    artifact.check_subject(&subjects)
}

/// The instance that the arguments name; never one that the bundle names.
fn instance(arguments: &Verify) -> Result<Instance, String> {
    let instance = match (&arguments.trusted_root, arguments.staging) {
        (Some(path), _) => {
            let bytes = read(path, TRUSTED_ROOT as u64)?;
            return Instance::parse(InstanceName::Private, &bytes, None)
                .map_err(|error| in_file(path, &error));
        }
        (None, true) => Instance::embedded(InstanceName::Staging),
        (None, false) => Instance::embedded(InstanceName::PublicGood),
    };
    instance.map_err(|error| error.to_string())
}

/// A problem, which comes first as a reason does, and the file that has it.
fn in_file(path: &Path, problem: &impl std::fmt::Display) -> String {
    format!("{problem}, in {}", path.display())
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let error = |cause| unread(path, &cause);
    let length = fs::metadata(path).map_err(error)?.len();
    if length > limit {
        return Err(format!("{}: {length} bytes, at most {limit} are read", path.display()));
    }
    fs::read(path).map_err(error)
}

fn unread(path: &Path, cause: &io::Error) -> String {
    format!("cannot read {}: {cause}", path.display())
}
