//! What the index has signed of what is wanted, under no policy: for whoever is to write down who signs.

mod at_hand;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use wheelmark_core::attestation::repository::RepositoryUri;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::lock::LockedProject;
use wheelmark_core::report::{Escaped, Refusal};
use wheelmark_core::trust::{
    InstanceName, Instances as _, KeyId, SignerIdentity, TrustRoot, TrustedKey,
};
use wheelmark_core::verify::{Claim, Given, Signed, signed};
use wheelmark_index::{FileListed, IndexError, Problem};

use crate::attestations::Found;
use crate::batch::indexed;
use crate::error::CliError;
use crate::from_index::{Asked, undecided};
use crate::index_options::IndexChoice;
use crate::interrupt;
use crate::progress::Files;
use crate::trust_roots::TrustRoots;
use crate::values::time;
use crate::wanted::{AllWanted, Origin, Wanted, Which};

/// A release that is wanted and what the index has of its files.
pub struct Seen {
    /// The release, and who named it.
    pub wanted: Wanted,
    /// Its files, by their names.
    pub files: Vec<FileSeen>,
    /// Locked digests that are of no file that the index lists.
    pub unlisted: usize,
}

impl Seen {
    /// The project.
    pub fn name(&self) -> &ProjectName {
        &self.wanted.project
    }
}

/// A file that is meant and that the index lists.
pub struct FileSeen {
    /// Its name.
    pub filename: DistFilename,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// What was claimed of it, or why an attestation says nothing.
    pub claims: Vec<Result<Claim, Refusal>>,
    /// The keys that were given and signed it.
    pub keys: BTreeSet<KeyId>,
    /// What a person should know of it by what the index says.
    pub notes: Vec<String>,
}

impl FileSeen {
    /// What was given of a file.
    fn of(
        filename: &DistFilename,
        sha256: Sha256Digest,
        given: &[Given],
        trust: &TrustRoot,
        now: DateTime<Utc>,
    ) -> Self {
        let all = match given.is_empty() {
            true => Vec::new(),
            false => signed(filename, sha256, given, trust, now),
        };
        let (mut claims, mut keys) = (Vec::new(), BTreeSet::new());
        for one in all {
            match one {
                Ok(Signed::Certificate(claim)) => claims.push(Ok(*claim)),
                Ok(Signed::Key(id)) => _ = keys.insert(id),
                Err(refusal) => claims.push(Err(refusal)),
            }
        }
        Self { filename: filename.clone(), sha256, claims, keys, notes: Vec::new() }
    }

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

/// Everything that is wanted.
pub struct Gathered {
    /// The releases, by the names of their projects.
    pub projects: Vec<Seen>,
    /// What is wanted and no file can be held against, in words.
    pub left_out: Vec<String>,
    /// What it is from, in words.
    pub from: Vec<String>,
    /// The index that was asked, without credentials.
    pub index: String,
}

impl Gathered {
    /// The same, with what the locks themselves say of who attested a file (`attestation-identities`): of one that none
    /// of these attested, what is claimed is a refusal, whichever lock names it.
    pub fn held_to_locks(mut self) -> Self {
        let asking: Vec<LockedProject> =
            self.projects.iter().filter_map(|seen| seen.wanted.locked().cloned()).collect();
        for seen in &mut self.projects {
            let name = seen.name().clone();
            let of_name = || asking.iter().filter(|asked| asked.name == name);
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
                // A key is nobody whom such a lock could name.
                file.keys.clear();
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

/// Which index is asked, and whose certificates count of what it has signed.
#[derive(clap::Args)]
pub struct Asking {
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
    /// The files that are read to say whose certificates count.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.trust_root.clone().into_iter()
    }

    /// The trusted roots that may be used.
    pub fn roots(&self) -> TrustRoots {
        TrustRoots::new(self.trust_root.clone())
    }

    /// The time to decide at.
    pub fn now(&self) -> DateTime<Utc> {
        self.at.unwrap_or_else(Utc::now)
    }

    /// Asks for everything that is wanted.
    pub fn gather(&self, wanted: AllWanted, now: DateTime<Utc>) -> Result<Gathered, CliError> {
        self.gather_from(wanted, now, Vec::new(), None)
    }

    /// The same with keys whose signatures count, too; in a folder, where one is given, instead of the index.
    pub fn gather_from(
        &self,
        wanted: AllWanted,
        now: DateTime<Utc>,
        keys: Vec<TrustedKey>,
        folder: Option<&Path>,
    ) -> Result<Gathered, CliError> {
        let cancel = interrupt::watch()?;
        let instance = self.roots().instance(self.trust).map_err(CliError::undecided)?;
        let trust = TrustRoot::new(keys, vec![instance]);
        if let Some(folder) = folder {
            return at_hand::gather(wanted, folder, &trust, now, &cancel);
        }
        let index = self.index.open(&cancel)?;
        gather(wanted, &index, &trust, now)
    }
}

fn gather(
    wanted: AllWanted,
    index: &Asked,
    trust: &TrustRoot,
    now: DateTime<Utc>,
) -> Result<Gathered, CliError> {
    let AllWanted { releases, mut left_out, from } = wanted;
    let mut by_project: BTreeMap<ProjectName, Vec<Wanted>> = BTreeMap::new();
    for it in releases {
        by_project.entry(it.project.clone()).or_default().push(it);
    }
    let progress = Files::counted(by_project.len(), "projects looked up in the index");
    let mut pages = Vec::new();
    index.pages_or_why(by_project, |project, wanted, page| {
        progress.done(|| pages.push((project, wanted, page)));
    })?;
    drop(progress);
    pages.sort_by(|one, other| one.0.cmp(&other.0));
    let progress = Files::counted(pages.len(), "projects asked for attestations");
    let mut projects = Vec::new();
    for (_, wanted, page) in pages {
        match page {
            Err(error) => left_out.extend(nowhere(&wanted, error)?),
            Ok(page) => {
                for it in wanted {
                    match page.release(&it.version, index.limits().files) {
                        Err(error) => left_out.extend(nowhere(&[it], error)?),
                        Ok(listed) => match seen(it, listed, index, trust, now)? {
                            Ok(seen) => projects.push(seen),
                            Err(why) => left_out.push(why),
                        },
                    }
                }
            }
        }
        progress.done(|| ());
    }
    Ok(Gathered { projects, left_out, from, index: index.url() })
}

/// Of what is installed the index need not have anything; of all else that is no answer to what was asked.
fn nowhere(wanted: &[Wanted], error: IndexError) -> Result<Vec<String>, CliError> {
    let not_there = matches!(error.problem, Problem::NoProject { .. } | Problem::NoRelease { .. });
    let installed = |it: &Wanted| matches!(it.from, Origin::Environment(_));
    if !not_there || !wanted.iter().all(installed) {
        return Err(undecided(error));
    }
    let said = Escaped(&error.problem.to_string()).to_string();
    Ok(wanted.iter().map(|it| format!("{}: {said}", described(it))).collect())
}

fn described(wanted: &Wanted) -> String {
    let Wanted { project, version, from, .. } = wanted;
    format!("`{project} {version}`, {}", from.named())
}

/// What the index has of one release; or, in words, that none of its files is meant.
fn seen(
    wanted: Wanted,
    listed: Vec<FileListed>,
    index: &Asked,
    trust: &TrustRoot,
    now: DateTime<Utc>,
) -> Result<Result<Seen, String>, CliError> {
    let mut listed: Vec<_> = listed.into_iter().filter(|file| wanted.means(file)).collect();
    if listed.is_empty() && matches!(wanted.which, Which::Fitting(_)) {
        let said = described(&wanted);
        return Ok(Err(format!("{said}: no wheel that the index has of it fits the interpreter")));
    }
    listed.sort_by(|one, other| one.filename().as_str().cmp(other.filename().as_str()));
    let mut files = Vec::new();
    index.attestations_of_all(&listed, |file, Found { given, .. }| {
        let seen = FileSeen::of(file.filename(), file.sha256(), &given, trust, now);
        files.push(FileSeen { notes: indexed::notes(file).collect(), ..seen });
    })?;
    let digests = wanted.locked().into_iter().flat_map(LockedProject::digests);
    let unlisted = digests.filter(|it| !files.iter().any(|file| file.sha256 == *it)).count();
    Ok(Ok(Seen { wanted, files, unlisted }))
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
            // Of a workflow of its own the name says nothing more.
            let reusable = signer.caller().and_then(|_| signer.builder());
            let more = [
                ("repository-id", claims.source_repository_identifier.clone()),
                ("owner-id", claims.source_repository_owner_identifier.clone()),
                ("workflow", claim.origin.workflow.clone()),
                ("builder", reusable.map(str::to_owned)),
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
