//! Jobs without isolation: what still holds for them.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::tree;
use super::view::View;
use super::{Bind, Job, SandboxError};

/// Jobs without isolation run one at a time: what they leave behind is told from other children
/// of ours by elimination.
static ONE_WITHOUT_ISOLATION: Mutex<()> = Mutex::new(());

/// The first process of each job that runs now, so that no job's end takes another for its orphan.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

pub(super) fn running() -> MutexGuard<'static, BTreeSet<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything stands where it stands.
pub(super) fn view(job: &Job<'_>, binds: &[Bind]) -> Result<View, SandboxError> {
    let mut view = View::default();
    view.bind(Path::new("/"), Path::new("/"), false);
    view.scratch(&std::env::temp_dir());
    for bind in binds {
        // `host` was followed to its end by now.
        if fs::canonicalize(&bind.inside).ok().as_ref() != Some(&bind.host) {
            return Err(SandboxError::CannotMove {
                host: bind.host.clone(),
                inside: bind.inside.clone(),
            });
        }
        view.bind(&bind.inside, &bind.host, bind.writable);
    }
    for path in job.scratch {
        fs::create_dir_all(path).map_err(|source| SandboxError::io("create", path, source))?;
        view.scratch(path);
    }
    Ok(view)
}

/// While a job runs without a process namespace, its orphans become our children.
pub(super) struct WithoutIsolation {
    _one: MutexGuard<'static, ()>,
    /// Children in sessions of their own that were there before.
    spared: HashSet<u32>,
}

impl WithoutIsolation {
    pub fn start() -> Self {
        let one = ONE_WITHOUT_ISOLATION.lock().unwrap_or_else(PoisonError::into_inner);
        // Where the kernel refuses, orphans go to init and are not found: it is `none`, after all.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        let spared = tree::descendants(std::process::id());
        Self { _one: one, spared: spared.iter().map(|process| process.pid).collect() }
    }

    /// Ends what the job left behind so far.
    pub fn end_orphans(&self) -> Result<(), Vec<u32>> {
        tree::end_orphans(|pid| self.spared.contains(&pid) || running().contains(&pid))
    }
}

impl Drop for WithoutIsolation {
    fn drop(&mut self) {
        let _ = rustix::process::set_child_subreaper(None);
    }
}
