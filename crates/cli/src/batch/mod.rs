//! Many files at once: what is to be looked at, in a fixed order, by as many threads as are asked for.

mod folder;
pub mod indexed;
pub mod locked;
mod plan;

pub use plan::{LockRead, Plan};

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use wheelmark_core::lock::LockedProject;
use wheelmark_core::report::{Report, TrustUsed};
use wheelmark_index::FileListed;

use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt;
use crate::verdicts::Written;

/// One thing to look at.
pub struct Item {
    /// What it is.
    pub subject: Subject,
    /// What is to be done.
    pub work: Work,
}

impl Item {
    /// The lock's entry that a file is held against.
    fn locked(&self) -> Option<&Locked> {
        match &self.work {
            Work::Judge(task) => task.locked.as_ref(),
            Work::Download(_, locked) => locked.as_ref(),
            Work::Settled(_) => None,
        }
    }
}

/// What a result is about. The order is that in which results are shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A file.
    File(PathBuf),
    /// Something that a lock asks for and that is no file.
    Locked {
        /// The lock.
        lock: PathBuf,
        /// The line in it, from 1.
        line: usize,
        /// The project and its version, or the text of the entry. Not to be trusted: escape it where shown.
        what: String,
    },
    /// A release on an index, or a file of it.
    Indexed {
        /// The release, as NAME==VERSION.
        release: String,
        /// The file, where the index told which there are.
        file: Option<String>,
    },
}

/// What is to be done with an item.
pub enum Work {
    /// Its file is verified.
    Judge(Task),
    /// The file that an index lists so is downloaded, and verified; and held against the entry of a lock.
    Download(Box<FileListed>, Option<Locked>),
    /// Nothing: what kept it from being looked at is known.
    Settled(CliError),
}

/// What a file is verified with, beside what lies beside it.
#[derive(Default)]
pub struct Task {
    /// The entry of a lock that it is held against.
    pub locked: Option<Locked>,
    /// How an index lists it, where its attestations are to be asked for there.
    pub listed: Option<Box<FileListed>>,
}

/// The entry of a lock that a file is held against.
#[derive(Clone)]
pub struct Locked {
    /// The lock.
    pub lock: PathBuf,
    /// The entry.
    pub project: Arc<LockedProject>,
}

/// What was decided of an item, or what kept it from being decided.
pub struct Seen<T = Report> {
    /// The item.
    pub subject: Subject,
    /// The entry of a lock that it was held against.
    pub locked: Option<Locked>,
    /// The decision.
    pub outcome: Result<T, CliError>,
}

impl Seen {
    /// How the program would end if there were nothing else.
    pub fn exit(&self) -> Exit {
        match &self.outcome {
            Ok(report) => Exit::of(report.decision()),
            Err(error) => error.exit,
        }
    }

    /// Whether a lock holds only if this does. What cannot be told to be of another lock, or of an index,
    /// counts for every lock.
    fn is_of(&self, lock: &Path) -> bool {
        match (&self.locked, &self.subject) {
            (Some(locked), _) => locked.lock == lock,
            (None, Subject::Locked { lock: of, .. }) => of == lock,
            (None, Subject::File(_)) => true,
            (None, Subject::Indexed { .. }) => false,
        }
    }
}

impl<T> Seen<(Report, T)> {
    /// The report, and what came with it.
    pub fn split(self) -> (Seen, Option<T>) {
        let Self { subject, locked, outcome } = self;
        let (outcome, more) = match outcome {
            Ok((report, more)) => (Ok(report), Some(more)),
            Err(error) => (Err(error), None),
        };
        (Seen { subject, locked, outcome }, more)
    }
}

/// A lock, and what became of it: all or nothing.
pub struct LockSeen {
    /// The lock.
    pub read: LockRead,
    /// The worst of its results; none where there was none.
    worst: Option<Exit>,
}

impl LockSeen {
    /// A lock of which nothing was looked at yet.
    pub fn new(read: LockRead) -> Self {
        Self { read, worst: None }
    }

    /// One word for it. Of nothing at all it is not `accepted`.
    pub fn decision(&self) -> &'static str {
        match self.worst {
            Some(Exit::Accepted) => "accepted",
            Some(Exit::Rejected) => "rejected",
            _ => "undecided",
        }
    }
}

/// How many items ended in which way, and what they were.
pub struct Summary {
    /// The files that were accepted.
    pub accepted: usize,
    /// The files that were rejected.
    pub rejected: usize,
    /// What could not be decided.
    pub undecided: usize,
    /// The locks.
    pub locks: Vec<LockSeen>,
    /// The Sigstore instances that were trusted for all of them.
    pub trust: Vec<TrustUsed>,
    /// What a person should know of what was left out.
    pub notes: Vec<String>,
    /// The verdicts that were written.
    pub verdicts: Vec<Written>,
}

impl Summary {
    /// Nothing was counted yet.
    pub fn new(trust: Vec<TrustUsed>, notes: Vec<String>) -> Self {
        let (locks, verdicts) = (Vec::new(), Vec::new());
        Self { accepted: 0, rejected: 0, undecided: 0, locks, trust, notes, verdicts }
    }

    /// Counts one more.
    pub fn count(&mut self, seen: &Seen) {
        let exit = seen.exit();
        for lock in self.locks.iter_mut().filter(|lock| seen.is_of(&lock.read.path)) {
            lock.worst = Some(lock.worst.map_or(exit, |worst| worst.and(exit)));
        }
        match exit {
            Exit::Accepted => self.accepted += 1,
            Exit::Rejected => self.rejected += 1,
            _ => self.undecided += 1,
        }
    }

    /// One word for all of them. Of nothing at all it is not `accepted`.
    pub fn decision(&self) -> &'static str {
        match self {
            Self { rejected: 1.., .. } => "rejected",
            Self { undecided: 0, accepted: 1.., .. } => "accepted",
            _ => "undecided",
        }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { accepted, rejected, undecided, .. } = self;
        write!(f, "{accepted} accepted, {rejected} rejected, {undecided} undecided")
    }
}

/// Puts the items in order; what was named twice is looked at once.
pub fn sort(items: &mut Vec<Item>) {
    fn key(item: &Item) -> (&Subject, Option<&Path>) {
        (&item.subject, item.locked().map(|locked| locked.lock.as_path()))
    }
    items.sort_by(|a, b| key(a).cmp(&key(b)));
    items.dedup_by(|a, b| key(a) == key(b));
}

/// Has `judge` look at every item, on `jobs` threads, and hands the results to `each` in the items' order,
/// as soon as that allows.
pub fn run<T: Send>(
    items: &[Item],
    jobs: NonZeroUsize,
    cancel: &Arc<AtomicBool>,
    judge: impl Fn(&Item) -> Result<T, CliError> + Sync,
    mut each: impl FnMut(Seen<T>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..jobs.get().min(items.len()) {
            let sender = sender.clone();
            let (next, stop, judge) = (&next, &stop, &judge);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) && !cancel.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    // Nobody listens any more only where the whole run has failed.
                    if sender.send((index, judge(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut shown = 0;
        let mut ended = Ok(());
        // To the end of all threads, so that none writes or reads after this returns.
        for (index, outcome) in results {
            waiting.insert(index, outcome);
            while ended.is_ok()
                && let Some(outcome) = waiting.remove(&shown)
            {
                // What was cut short by Ctrl-C is no result.
                let item = &items[shown];
                let (subject, locked) = (item.subject.clone(), item.locked().cloned());
                ended =
                    interrupt::check(cancel).and_then(|()| each(Seen { subject, locked, outcome }));
                shown += 1;
            }
            stop.store(ended.is_err(), Ordering::Relaxed);
        }
        ended?;
        interrupt::check(cancel)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(count: usize) -> Vec<Item> {
        let item = |number: usize| Item {
            subject: Subject::File(PathBuf::from(format!("{number:04}"))),
            work: Work::Judge(Task::default()),
        };
        (0..count).rev().chain(0..count).map(item).collect()
    }

    #[test]
    fn results_come_in_order_whoever_is_done_first() {
        let mut items = items(50);
        sort(&mut items);
        assert_eq!(items.len(), 50);
        for jobs in [1, 2, 7, 100] {
            let mut seen = Vec::new();
            let judge = |item: &Item| {
                if matches!(&item.subject, Subject::File(path) if path.ends_with("0000")) {
                    thread::sleep(std::time::Duration::from_millis(20));
                }
                Err::<Report, _>(CliError::undecided("x"))
            };
            let jobs = NonZeroUsize::new(jobs).unwrap();
            let each = |it: Seen| {
                seen.push(it.subject);
                Ok(())
            };
            run(&items, jobs, &Arc::default(), judge, each).unwrap();
            assert!(seen.is_sorted() && seen.len() == 50, "{seen:?}");
        }
    }

    #[test]
    fn a_failure_to_show_or_an_interrupt_ends_it() {
        let items = items(50);
        let jobs = NonZeroUsize::new(2).unwrap();
        let judge = |_: &Item| Err::<Report, _>(CliError::undecided("x"));
        let each = |_: Seen| Err(CliError::undecided("full"));
        let error = run(&items, jobs, &Arc::default(), judge, each).unwrap_err();
        assert_eq!(error.message, "full");
        let cancel = Arc::new(AtomicBool::new(true));
        let error = run(&items, jobs, &cancel, judge, |_| panic!("no result")).unwrap_err();
        assert_eq!(error.message, interrupt::MESSAGE);
    }

    #[test]
    fn nothing_at_all_is_not_accepted() {
        let mut summary = Summary::new(Vec::new(), Vec::new());
        assert_eq!(summary.decision(), "undecided");
        for (exit, decision) in [
            (Exit::Undecided, "undecided"),
            (Exit::Rejected, "rejected"),
            (Exit::Undecided, "rejected"),
        ] {
            summary.count(&seen(exit, Subject::File(PathBuf::new())));
            assert_eq!(summary.decision(), decision);
        }
    }

    fn seen(exit: Exit, subject: Subject) -> Seen {
        let error = CliError { exit, ..CliError::undecided("x") };
        Seen { subject, locked: None, outcome: Err(error) }
    }

    #[test]
    fn a_lock_is_as_good_as_the_worst_of_its_own() {
        let lock = |name: &str| {
            let path = PathBuf::from(name);
            LockSeen::new(LockRead { path, format: "uv.lock", projects: 1 })
        };
        let locked = |name: &str| Subject::Locked {
            lock: PathBuf::from(name),
            line: 1,
            what: String::new(),
        };
        let locks = vec![lock("a"), lock("b")];
        let mut summary = Summary { locks, ..Summary::new(Vec::new(), Vec::new()) };
        let decisions = |summary: &Summary| {
            summary.locks.iter().map(LockSeen::decision).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(decisions(&summary), "undecided undecided");
        let indexed = Subject::Indexed { release: "x==1".to_owned(), file: None };
        for (exit, subject, expected) in [
            (Exit::Accepted, locked("a"), "accepted undecided"),
            (Exit::Rejected, indexed, "accepted undecided"),
            (Exit::Accepted, locked("b"), "accepted accepted"),
            (Exit::Rejected, locked("b"), "accepted rejected"),
            (Exit::Undecided, Subject::File(PathBuf::from("link")), "undecided rejected"),
        ] {
            summary.count(&seen(exit, subject));
            assert_eq!(decisions(&summary), expected);
        }
    }
}
