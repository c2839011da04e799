//! What the index has signed of what locks name, under no policy: for whoever is to write down who signs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use wheelmark_core::attestation::repository::RepositoryUri;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::lock::LockedProject;
use wheelmark_core::report::{Escaped, Refusal};
use wheelmark_core::trust::{InstanceName, Instances as _, SignerIdentity, TrustRoot};
use wheelmark_core::verify::{Claim, claims};
use wheelmark_index::{FileListed, ProjectPage};

use crate::attestations::Found;
use crate::batch::locked;
use crate::error::CliError;
use crate::from_index::{Asked, undecided};
use crate::index_options::IndexChoice;
use crate::interrupt;
use crate::progress::Files;
use crate::trust_roots::TrustRoots;
use crate::values::time;

/// A locked project and what the index has of its files.
pub struct Seen {
    /// The project, as it is locked.
    pub project: LockedProject,
    /// Where that stands.
    pub place: String,
    /// Its files, by their names.
    pub files: Vec<FileSeen>,
    /// Locked digests that are of no file that the index lists.
    pub unlisted: usize,
}

/// A locked file that the index lists.
pub struct FileSeen {
    /// Its name.
    pub filename: DistFilename,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// What was claimed of it, or why an attestation says nothing.
    pub claims: Vec<Result<Claim, Refusal>>,
}

impl FileSeen {
    /// Whether somebody signed for it.
    pub fn is_attested(&self) -> bool {
        self.claims.iter().any(Result::is_ok)
    }

    /// Whether there is no attestation of it.
    pub fn is_bare(&self) -> bool {
        self.claims.is_empty()
    }

    /// Whether it can be taken: not where what signed for it does not hold.
    pub fn is_taken(&self) -> bool {
        self.is_bare() || self.is_attested()
    }
}

/// Everything that locks name.
pub struct Gathered {
    /// The projects, by name and version.
    pub projects: Vec<Seen>,
    /// What is locked and no file can be held against, in words.
    pub left_out: Vec<String>,
    /// The index that was asked, without credentials.
    pub index: String,
}

impl Gathered {
    /// The same, with what the locks themselves say of who attested a file (`attestation-identities`): of one that none
    /// of these attested, what is claimed is a refusal, whichever lock names it.
    pub fn held_to_locks(mut self) -> Self {
        let asking: Vec<_> = self.projects.iter().map(|seen| seen.project.clone()).collect();
        for seen in &mut self.projects {
            let of_name = || asking.iter().filter(|asked| asked.name == seen.project.name);
            for file in &mut seen.files {
                let asked: Vec<_> =
                    of_name().flat_map(|it| it.identities_of(file.sha256)).collect();
                if asked.is_empty() {
                    continue;
                }
                let certificates = file.claims.iter().flatten().map(|claim| &claim.signer);
                let signers: Vec<_> = certificates
                    .map(|it| SignerIdentity::Certificate(Box::new(it.clone())))
                    .collect();
                let refused =
                    of_name().find_map(|it| it.attested(file.sha256, signers.iter()).err());
                let of_lock = |claim: &Claim| {
                    asked.iter().any(|all| all.iter().any(|it| it.admits(&claim.signer).is_ok()))
                };
                match refused {
                    Some(refusal) => {
                        file.claims.retain(Result::is_err);
                        file.claims.push(Err(refusal));
                    }
                    // Another who attested it too is not one whom the lock takes.
                    None => file.claims.retain(|claim| claim.as_ref().map_or(true, of_lock)),
                }
            }
        }
        self
    }
}

/// Which locks, and whose certificates count of what the index has signed of them.
#[derive(clap::Args)]
pub struct Asking {
    /// The lock: requirements.txt with hashes, pylock.toml, uv.lock or poetry.lock
    #[arg(
        short = 'r',
        long = "lock",
        visible_alias = "requirements",
        value_name = "LOCK",
        required = true
    )]
    locks: Vec<PathBuf>,
    /// The Sigstore instance whose certificates count
    #[arg(long, value_name = "INSTANCE", default_value = "public-good")]
    trust: InstanceName,
    /// The trusted root of the instance `private` (trusted_root.json)
    #[arg(long, value_name = "FILE")]
    trust_root: Option<PathBuf>,
    #[command(flatten)]
    index: IndexChoice,
    /// The time to decide at, instead of now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<DateTime<Utc>>,
}

impl Asking {
    /// The locks.
    pub fn locks(&self) -> Vec<&Path> {
        self.locks.iter().map(PathBuf::as_path).collect()
    }

    /// The trusted roots that may be used.
    pub fn roots(&self) -> TrustRoots {
        TrustRoots::new(self.trust_root.clone())
    }

    /// The time to decide at.
    pub fn now(&self) -> DateTime<Utc> {
        self.at.unwrap_or_else(Utc::now)
    }

    /// Asks for everything that the locks name.
    pub fn gather(&self, now: DateTime<Utc>) -> Result<Gathered, CliError> {
        let cancel = interrupt::watch()?;
        let instance = self.roots().instance(self.trust).map_err(CliError::undecided)?;
        let trust = TrustRoot::new(Vec::new(), vec![instance]);
        let index = self.index.open(&cancel)?;
        gather(&self.locks, &index, &trust, now)
    }
}

fn gather(
    locks: &[PathBuf],
    index: &Asked,
    trust: &TrustRoot,
    now: DateTime<Utc>,
) -> Result<Gathered, CliError> {
    let mut wanted: BTreeMap<ProjectName, Vec<(LockedProject, String)>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for path in locks {
        let lock = locked::read(path)?;
        for entry in lock.entries {
            let place = locked::at(path, entry.line);
            wanted.entry(entry.name.clone()).or_default().push((entry, place));
        }
        left_out.extend(lock.unverifiable.into_iter().map(|entry| {
            let what = entry.kind.explanation();
            format!("{}: `{}` {what}", locked::at(path, entry.line), Escaped(&entry.name))
        }));
    }
    let progress = Files::new(wanted.len());
    let mut pages = Vec::new();
    index.pages(wanted, |project, entries, page| {
        progress.done(|| pages.push((project, entries, page)));
    })?;
    pages.sort_by(|one, other| one.0.cmp(&other.0));
    let mut projects = Vec::new();
    for (_, entries, page) in pages {
        let page = page?;
        for (entry, place) in entries {
            projects.push(seen(entry, place, &page, index, trust, now)?);
        }
    }
    Ok(Gathered { projects, left_out, index: index.url() })
}

/// What the index has of one locked project.
fn seen(
    project: LockedProject,
    place: String,
    page: &ProjectPage,
    index: &Asked,
    trust: &TrustRoot,
    now: DateTime<Utc>,
) -> Result<Seen, CliError> {
    let listed = page.release(&project.version, index.limits().files).map_err(undecided)?;
    let mut listed: Vec<FileListed> =
        listed.into_iter().filter(|file| project.has(file.sha256())).collect();
    listed.sort_by(|one, other| one.filename().as_str().cmp(other.filename().as_str()));
    let mut files = Vec::new();
    index.attestations_of_all(&listed, |file, Found { given, .. }| {
        files.push(FileSeen {
            filename: file.filename().clone(),
            sha256: file.sha256(),
            claims: match given.is_empty() {
                true => Vec::new(),
                false => claims(file.filename(), file.sha256(), &given, trust, now),
            },
        });
    })?;
    let unlisted =
        project.digests().filter(|it| !files.iter().any(|file| file.sha256 == *it)).count();
    Ok(Seen { project, place, files, unlisted })
}

/// An identity, in the order of the keys that a policy has for it; equal ones are one.
pub type Identity = Vec<(&'static str, String)>;

/// Who a certificate vouches for, by what stays from release to release.
///
/// `None` where a value is one that a policy does not hold, or that is compared otherwise there: without it the identity
/// would be of more than who signed.
pub fn identity(claim: &Claim) -> Option<Identity> {
    let (signer, claims) = (&claim.signer, &claim.signer.claims);
    let mut identity =
        vec![("trust", signer.instance.to_string()), ("issuer", signer.issuer.clone())];
    let repository = signer.repository().filter(|uri| uri.parse::<RepositoryUri>().is_ok());
    match repository {
        // Its name has the ref in it, which changes with each release.
        Some(repository) => {
            identity.push(("repository", repository));
            let more = [
                ("repository-id", claims.source_repository_identifier.clone()),
                ("owner-id", claims.source_repository_owner_identifier.clone()),
                ("workflow", claim.origin.workflow.clone()),
                ("environment", claims.deployment_environment.clone()),
            ];
            identity.extend(more.into_iter().filter_map(|(key, value)| Some((key, value?))));
        }
        None => identity.push(("san", signer.san.as_str().to_owned())),
    }
    let held = |(key, value): &(&str, String)| match *key {
        // A whole URI is of a file in another repository.
        "workflow" => !value.contains("://") && !value.starts_with('/'),
        _ => true,
    };
    let plain = |value: &str| !value.contains(['*', '^', '$']) && value.trim() == value;
    identity.iter().all(|it| held(it) && plain(&it.1)).then_some(identity)
}
