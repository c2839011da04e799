//! The files that a verb is about: named, in folders, locked, or on a package index.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use wheelmark_build::error::BuildError;
use wheelmark_build::source::commits_of;
use wheelmark_core::lock::LockFormat;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::TrustUsed;
use wheelmark_core::verify::Branches;

use crate::batch::{self, LockSeen, Plan, Seen, Summary, indexed};
use crate::error::{CliError, shown};
use crate::evidence::{Evidence, Gathering};
use crate::from_index::Asked;
use crate::index_options::IndexOptions;
use crate::installer::surroundings;
use crate::interrupt;
use crate::progress::Files;
use crate::requirements::Requirements;

/// Which files, and where their attestations are.
#[derive(clap::Args)]
pub struct Subjects {
    /// The files to check, or folders of them; each file has its attestations beside it: <FILE>.sigstore.json,
    /// .sigstore, .provenance, .publish.attestation, .slsa.attestation or .intoto.jsonl
    #[arg(value_name = "PATH", required_unless_present_any = ["locks", "from_index"])]
    paths: Vec<PathBuf>,
    /// A lock whose files are to be checked: requirements.txt with hashes, pylock.toml, uv.lock or
    /// poetry.lock
    #[arg(short = 'r', long = "lock", visible_alias = "requirements", value_name = "LOCK", num_args = 1..)]
    #[arg(conflicts_with_all = ["paths", "bundle"])]
    locks: Vec<PathBuf>,
    /// The folder with the files of the lock, where that is not the lock's own
    #[arg(long, value_name = "DIR", requires = "locks")]
    files: Option<PathBuf>,
    /// The interpreter, or the folder of its environment, that the lock is for: what the markers of the lock ask for only
    /// elsewhere may be missing
    #[arg(long, value_name = "PATH", requires = "locks")]
    python: Option<PathBuf>,
    /// Look into sub-folders too
    #[arg(long)]
    recursive: bool,
    /// The attestation, where it is not beside the file; for one file only
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Look at this many files at a time; without it, as many as there are processors
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// A clone of the source, whole and up to date, for rules that ask for `branches`
    #[arg(long, value_name = "DIR")]
    checkout: Option<PathBuf>,
    /// The folder with the files that were installed for the builds and their attestations, for rules that ask for
    /// `build-requirements`; where the index is asked, it is asked for them too
    #[arg(long, value_name = "DIR")]
    build_requirements: Option<PathBuf>,
    #[command(flatten)]
    index: IndexOptions,
}

/// The files, planned and not yet looked at.
pub struct Planned<'a> {
    /// What they are.
    pub plan: Plan,
    /// The index, where it is asked.
    pub index: Option<Arc<Asked>>,
    /// The attestation of the one file, where it was named.
    pub bundle: Option<&'a Path>,
    /// Where the files are found that were installed for builds.
    pub requirements: Arc<Requirements>,
    /// The branches of the checkout that was given, of those that policies name.
    pub branches: Option<Arc<Branches>>,
    /// Where what is downloaded is kept, by its name; it is not, without it.
    pub keep: Option<&'a Path>,
    /// How many are looked at at a time; without it, as many as there are processors.
    pub jobs: Option<NonZeroUsize>,
    /// Ctrl-C.
    pub cancel: Arc<AtomicBool>,
}

impl Subjects {
    /// What is read of the builds' own files.
    pub fn build_requirements(&self) -> Option<&Path> {
        self.build_requirements.as_deref()
    }

    /// What they stand for, in the order in which it is shown, for the policies under which they will be weighed. The
    /// index, if it is asked, is asked here.
    pub fn plan(&self, policies: &[&Policy]) -> Result<Planned<'_>, CliError> {
        let cancel = interrupt::watch()?;
        let mut plan = Plan::default();
        for path in &self.paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if LockFormat::of(&name).is_some() && !path.is_dir() {
                return Err(CliError::usage(format!(
                    "{} is a lock, not a file to verify",
                    shown(path)
                ))
                .hint("give it with `-r`"));
            }
            plan.path(path, self.recursive, &cancel)?;
        }
        let here = self.python.as_deref().map(surroundings).transpose()?;
        for lock in &self.locks {
            plan.lock(lock, self.files.as_deref(), here.as_ref(), self.recursive, &cancel)?;
        }
        let options = &self.index;
        let index = match options.ask() {
            true => Some(Arc::new(Asked::new(options.url()?, options.limits(), &cancel)?)),
            false => None,
        };
        if let Some(index) = &index {
            indexed::plan(index, options, &mut plan)?;
        }
        batch::sort(&mut plan.items);
        let (bundle, jobs) = (self.bundle.as_deref(), self.jobs);
        let branches = branches(self.checkout.as_deref(), policies, &cancel)?;
        let folder = self.build_requirements.clone();
        if let Some(folder) = folder.as_deref().filter(|folder| !folder.is_dir()) {
            return Err(CliError::usage(format!(
                "--build-requirements {} is no folder",
                shown(folder)
            )));
        }
        let requirements = Requirements::new(folder, index.clone(), &cancel);
        Ok(Planned { plan, index, bundle, requirements, branches, keep: None, jobs, cancel })
    }

    /// The files that are named beside those to check: the locks, and the attestation.
    pub fn named(&self) -> impl Iterator<Item = &Path> {
        self.locks.iter().chain(&self.bundle).map(PathBuf::as_path)
    }

    /// `--bundle` is about one file.
    pub fn check(&self) -> Result<(), CliError> {
        let what = match &self.paths[..] {
            _ if self.bundle.is_none() => return Ok(()),
            [path] if path.is_dir() => "a folder is".to_owned(),
            [_] => return Ok(()),
            paths => format!("{} are", paths.len()),
        };
        Err(CliError::usage(format!("--bundle is the attestation of one file, and {what} given"))
            .hint("name each attestation <FILE>.sigstore.json and leave --bundle out"))
    }
}

/// The branches of a checkout that rules ask for.
pub fn branches(
    checkout: Option<&Path>,
    policies: &[&Policy],
    cancel: &Arc<AtomicBool>,
) -> Result<Option<Arc<Branches>>, CliError> {
    let Some(checkout) = checkout else { return Ok(None) };
    let rules = policies.iter().flat_map(|policy| policy.files()).flat_map(Policy::rules);
    let names = rules.flat_map(|rule| rule.source.branches.iter().cloned()).collect();
    let branches = commits_of(checkout, &names, Arc::clone(cancel)).map_err(BuildError::from)?;
    Ok(Some(Arc::new(Branches::new(branches))))
}

impl Planned<'_> {
    /// Whether it is one file that was named, with nothing to sum up.
    pub fn is_alone(&self) -> bool {
        self.plan.locks.is_empty() && self.len() == 1
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.plan.items.len()
    }

    /// What is counted as they are judged: the locks they come from, and what was left out.
    pub fn summary(&self, trust: Vec<TrustUsed>) -> Summary {
        let locks = self.plan.locks.iter().cloned().map(LockSeen::new).collect();
        Summary { locks, ..Summary::new(trust, self.plan.notes.clone()) }
    }

    /// Has `judge` look at what there is of each, and hands the results to `each` in their order. One that
    /// cannot be had or read keeps none of the others from being looked at.
    pub fn judge<T: Send>(
        &self,
        judge: impl Fn(&Evidence) -> Result<T, CliError> + Sync,
        mut each: impl FnMut(Seen<T>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let progress = Files::new(self.len());
        let gathering = Gathering {
            index: self.index.as_ref(),
            bundle: self.bundle,
            requirements: &self.requirements,
            branches: self.branches.as_ref(),
            alone: self.is_alone(),
            keep: self.keep,
            progress: &progress,
            cancel: &self.cancel,
        };
        let jobs = self.jobs.or(thread::available_parallelism().ok());
        batch::run(
            &self.plan.items,
            jobs.unwrap_or(NonZeroUsize::MIN),
            &self.cancel,
            |item| judge(&gathering.gather(item)?),
            |seen| progress.done(|| each(seen)),
        )
    }
}
