//! What a job may use, and the watcher that ends it when it uses more.
//!
//! Two mechanisms, because neither is enough alone. The kernel's resource limits (`prlimit`) act at
//! once but count one process at a time; the watcher looks at the whole tree ten times a second,
//! from outside, and kills it.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::tree;

/// What one job may use at most.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// From start to end.
    pub wall: Duration,
    /// Processor time of the whole tree, and of each process.
    pub cpu: Duration,
    /// Bytes of memory of the whole tree: private pages, each shared page counted in parts.
    pub memory: u64,
    /// Processes and threads at one time; the launchers around the job (at most five) count.
    pub tasks: u64,
    /// Files one process may have open.
    pub open_files: u64,
    /// Bytes of one file.
    pub file_size: u64,
    /// Bytes by which the writable binds may grow. Each file counts at least [`FILE_COST`].
    pub disk: u64,
    /// Bytes that must stay free on the file systems of the writable binds. It also holds what
    /// the walk behind `disk` cannot see: files deleted while open, directories made unreadable.
    pub disk_reserve: u64,
    /// Bytes in each directory held in memory (`/tmp`, `/dev/shm`, the job's `scratch`).
    pub scratch: u64,
    /// Bytes of standard output and standard error together.
    pub log: u64,
    /// Bytes of the tracer's own record.
    pub trace: u64,
}

/// Bytes a file counts at least, so that a job cannot use up the inodes with empty files.
pub const FILE_COST: u64 = 4096;

impl Bounds {
    /// The bounds used unless others are asked for.
    pub const fn standard() -> Self {
        Self {
            // The longest builds of real wheels (torch, tensorflow) take hours; most take seconds.
            wall: Duration::from_secs(4 * 3600),
            cpu: Duration::from_secs(64 * 3600),
            // A C++ compiler needs about 1 GiB a process; link-time optimisation several.
            memory: 16 << 30,
            // `make -j` and rustc's threads on a machine of many cores.
            tasks: 4096,
            open_files: 8192,
            file_size: 8 << 30,
            // Object files of the largest builds.
            disk: 32 << 30,
            disk_reserve: 256 << 20,
            scratch: 4 << 30,
            log: 256 << 20,
            // About 200 bytes a program started and 120 a file opened.
            trace: 1 << 30,
        }
    }

    /// Those of an inspection of a layout. Real ones unpack a file, compare or count, which takes seconds; of the largest
    /// wheels, 4 GB, a few minutes and a multiple of their size on the disk.
    pub const fn of_inspections() -> Self {
        Self {
            wall: Duration::from_secs(300),
            cpu: Duration::from_secs(1200),
            memory: 4 << 30,
            file_size: 8 << 30,
            disk: 16 << 30,
            scratch: 1 << 30,
            // It is kept in memory, and one line of it is told.
            log: 16 << 20,
            ..Self::standard()
        }
    }
}

/// Which bound of [`Bounds`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// `wall`, in seconds.
    Wall,
    /// `cpu`, in seconds.
    Cpu,
    /// `memory`, in bytes.
    Memory,
    /// `tasks`.
    Tasks,
    /// `file_size`, in bytes.
    FileSize,
    /// `disk`, in bytes.
    Disk,
    /// `disk_reserve`, in bytes: the value found is what is still free.
    DiskReserve,
    /// `log`, in bytes.
    Log,
    /// `trace`, in bytes.
    Trace,
}

/// A bound that was passed, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// The bound.
    pub bound: Bound,
    /// Its value, in the unit of the bound.
    pub limit: u64,
    /// What was found when the job was ended, in the same unit.
    pub found: u64,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, found, .. } = self;
        match self.bound {
            Bound::Wall => write!(f, "ran for {found} s, the bound is {limit} s"),
            Bound::Cpu => write!(f, "used {found} s of processor time, the bound is {limit} s"),
            Bound::Memory => write!(f, "used {found} bytes of memory, the bound is {limit}"),
            Bound::Tasks => write!(f, "had {found} processes and threads, the bound is {limit}"),
            Bound::FileSize => write!(f, "wrote a file of {found} bytes, the bound is {limit}"),
            Bound::Disk => write!(f, "wrote {found} bytes to disk, the bound is {limit}"),
            Bound::DiskReserve => {
                write!(f, "left {found} bytes free on disk, {limit} must stay free")
            }
            Bound::Log => write!(f, "printed {found} bytes, the bound is {limit}"),
            Bound::Trace => write!(f, "made a trace of {found} bytes, the bound is {limit}"),
        }
    }
}

/// What a job used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// From start to end.
    pub wall: Duration,
    /// Processor time of the tree as last seen; zero for a job that ended before the first look.
    pub cpu: Duration,
    /// The most memory seen, in bytes; zero for a job that ended before the first look.
    pub memory: u64,
    /// The most processes and threads seen.
    pub tasks: u64,
    /// Bytes by which the writable binds grew.
    pub disk: u64,
}

/// The options of `prlimit` that hold `bounds` for each process.
///
/// A limit that the caller has lower already is kept: raising it needs a privilege that the job
/// must not have.
pub(super) fn prlimit_options(bounds: &Bounds) -> Vec<String> {
    let ceilings = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let option = |name: &str, row: &str, value: u64| {
        format!("--{name}={}", value.min(hard_limit(&ceilings, row)))
    };
    vec![
        // The watcher comes first: it says which bound it was.
        option("cpu", "Max cpu time", bounds.cpu.as_secs() + 2),
        option("fsize", "Max file size", bounds.file_size),
        option("nproc", "Max processes", bounds.tasks),
        option("nofile", "Max open files", bounds.open_files),
        "--core=0".to_owned(),
    ]
}

fn hard_limit(table: &str, row: &str) -> u64 {
    table
        .lines()
        .find_map(|line| line.strip_prefix(row))
        .and_then(|columns| columns.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(u64::MAX) // `unlimited`
}

/// Looks at a running job.
pub(super) struct Watcher<'a> {
    bounds: &'a Bounds,
    root: u32,
    started: Instant,
    writable: Vec<&'a Path>,
    disk_before: u64,
    next_tree: Instant,
    next_disk: Instant,
    trace_file: Option<PathBuf>,
    pub usage: Usage,
}

/// How often the tree is looked at: a look costs about 10 µs a process of the machine.
const TREE_EVERY: Duration = Duration::from_millis(100);
/// How often the writable binds are walked, at the most often.
const DISK_EVERY: Duration = Duration::from_millis(250);
/// A walk is followed by a pause this many times as long, so that watching costs under 5 %.
const DISK_PAUSE: u32 = 20;

impl<'a> Watcher<'a> {
    /// `root` is the process whose descendants are the job; `disk_before` is [`disk_used`] of
    /// `writable` before it started.
    pub fn new(
        bounds: &'a Bounds,
        root: u32,
        writable: Vec<&'a Path>,
        disk_before: u64,
        trace_file: Option<PathBuf>,
    ) -> Self {
        let started = Instant::now();
        Self {
            bounds,
            root,
            started,
            writable,
            disk_before,
            next_tree: started + TREE_EVERY / 4,
            next_disk: started + DISK_EVERY,
            trace_file,
            usage: Usage::default(),
        }
    }

    /// Looks at whatever is due.
    ///
    /// # Errors
    /// The bound that was passed.
    pub fn look(&mut self) -> Result<(), Exceeded> {
        let now = Instant::now();
        self.usage.wall = now - self.started;
        if self.usage.wall > self.bounds.wall {
            return Err(late(Bound::Wall, self.bounds.wall, self.usage.wall));
        }
        if now >= self.next_tree {
            self.look_at_tree()?;
            self.next_tree = Instant::now() + TREE_EVERY;
        }
        if now >= self.next_disk {
            self.look_at_disk()?;
            let took = now.elapsed();
            self.next_disk = Instant::now() + DISK_EVERY.max(took * DISK_PAUSE);
        }
        Ok(())
    }

    /// The last look, once the job has ended.
    ///
    /// # Errors
    /// The bound that was passed since the look before.
    pub fn finish(&mut self) -> Result<(), Exceeded> {
        self.usage.wall = self.started.elapsed();
        self.look_at_disk()
    }

    fn look_at_tree(&mut self) -> Result<(), Exceeded> {
        let members = tree::descendants(self.root);
        let tasks = members.iter().map(|process| process.tasks).sum();
        let cpu = members.iter().map(|process| process.cpu).sum();
        let mut memory = members.iter().map(tree::resident_memory).sum();
        if memory > self.bounds.memory {
            // Pages that parent and child still share were counted twice: count exactly before
            // anyone is killed for it.
            memory = members.iter().map(tree::proportional_memory).sum();
        }
        self.usage.tasks = self.usage.tasks.max(tasks);
        self.usage.cpu = self.usage.cpu.max(cpu);
        self.usage.memory = self.usage.memory.max(memory);
        held(Bound::Memory, self.bounds.memory, memory)?;
        if cpu > self.bounds.cpu {
            return Err(late(Bound::Cpu, self.bounds.cpu, cpu));
        }
        // The kernel refuses the next process at the bound, so reaching it is passing it.
        held(Bound::Tasks, self.bounds.tasks.saturating_sub(1), tasks).map_err(|_| Exceeded {
            bound: Bound::Tasks,
            limit: self.bounds.tasks,
            found: tasks,
        })
    }

    fn look_at_disk(&mut self) -> Result<(), Exceeded> {
        if let Some(file) = &self.trace_file {
            let length = fs::metadata(file).map_or(0, |meta| meta.len());
            held(Bound::Trace, self.bounds.trace, length)?;
        }
        for path in &self.writable {
            if let Ok(stat) = rustix::fs::statvfs(*path) {
                let free = stat.f_bavail.saturating_mul(stat.f_frsize);
                if free < self.bounds.disk_reserve {
                    return Err(Exceeded {
                        bound: Bound::DiskReserve,
                        limit: self.bounds.disk_reserve,
                        found: free,
                    });
                }
            }
        }
        let grown = disk_used(&self.writable).saturating_sub(self.disk_before);
        self.usage.disk = grown;
        held(Bound::Disk, self.bounds.disk, grown)
    }
}

/// Whole seconds; what was found is rounded up, so that it never reads as within the bound.
fn late(bound: Bound, limit: Duration, found: Duration) -> Exceeded {
    Exceeded { bound, limit: limit.as_secs(), found: found.as_secs() + 1 }
}

fn held(bound: Bound, limit: u64, found: u64) -> Result<(), Exceeded> {
    if found > limit {
        return Err(Exceeded { bound, limit, found });
    }
    Ok(())
}

/// Bytes that `roots` take on disk: blocks, at least [`FILE_COST`] an entry, a file with several
/// names once. What cannot be read is left out ([`Bounds::disk_reserve`] holds that).
pub(super) fn disk_used(roots: &[&Path]) -> u64 {
    let mut total = 0;
    let mut linked = HashSet::new();
    let mut todo: Vec<PathBuf> = roots.iter().map(|root| root.to_path_buf()).collect();
    while let Some(directory) = todo.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.nlink() > 1 && !meta.is_dir() && !linked.insert((meta.dev(), meta.ino())) {
                continue;
            }
            total += (meta.blocks() * 512).max(FILE_COST);
            if meta.is_dir() {
                todo.push(entry.path());
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_the_caller_has_is_not_raised() {
        let table = "Limit                     Soft Limit           Hard Limit           Units     \n\
                     Max processes             63                   100                  processes \n\
                     Max file size             unlimited            unlimited            bytes     \n";
        assert_eq!(hard_limit(table, "Max processes"), 100);
        assert_eq!(hard_limit(table, "Max file size"), u64::MAX);
    }

    #[test]
    fn empty_files_count_and_links_count_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in 0..10 {
            fs::write(dir.path().join(name.to_string()), b"").unwrap();
        }
        let before = disk_used(&[dir.path()]);
        assert!(before >= 10 * FILE_COST);
        fs::hard_link(dir.path().join("1"), dir.path().join("again")).unwrap();
        assert_eq!(disk_used(&[dir.path()]), before);
    }
}
