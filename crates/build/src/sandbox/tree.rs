//! The processes below one process, as `/proc` tells them, and their end.

use std::collections::HashMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions};

/// One process at the time it was looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process {
    pub pid: u32,
    pub parent: u32,
    pub session: u32,
    /// When it started, in clock ticks since boot: with `pid` it names the process for good.
    pub start: u64,
    /// Ended, but its parent has not asked for its exit status yet.
    pub ended: bool,
    /// Threads.
    pub tasks: u64,
    /// Processor time of it and of those children that ended and were waited for.
    pub cpu: Duration,
}

impl Process {
    /// The process with this number, if there is one.
    pub fn find(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Reads a line of `/proc/PID/stat` (proc(5)). The name, in parentheses, may hold anything.
    fn parse(line: &str) -> Option<Self> {
        let pid = line.split(' ').next()?.parse().ok()?;
        let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
        // proc(5) counts from 1 and the state is field 3.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let ticks: u64 = (14..=17).filter_map(number).sum();
        Some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            start: number(22)?,
            ended: matches!(*fields.first()?, "Z" | "X"),
            tasks: number(20)?,
            cpu: Duration::from_millis(
                ticks * 1000 / rustix::param::clock_ticks_per_second().max(1),
            ),
        })
    }

    /// Whether this very process still runs.
    pub fn runs(&self) -> bool {
        Self::find(self.pid).is_some_and(|now| now.start == self.start && !now.ended)
    }

    /// Whether it is a bwrap that is process 1 of a namespace.
    pub fn is_first_of_bwrap(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let mut numbers = status
            .lines()
            .find_map(|line| line.strip_prefix("NSpid:"))
            .into_iter()
            .flat_map(str::split_whitespace)
            .collect::<Vec<_>>()
            .into_iter();
        status.starts_with("Name:\tbwrap\n")
            && numbers.next().is_some()
            && numbers.next_back() == Some("1")
    }

    fn kill(&self) {
        if self.runs()
            && let Some(pid) = pid(self.pid)
        {
            // It may have ended since: that is what was wanted.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(number.try_into().ok()?)
}

fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| Process::find(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// The process `root` and everything below it.
pub(super) fn descendants(root: u32) -> Vec<Process> {
    let all = all();
    let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
    for process in &all {
        children.entry(process.parent).or_default().push(*process);
    }
    let mut found: Vec<Process> = all.into_iter().filter(|p| p.pid == root).collect();
    let mut next = 0;
    while let Some(process) = found.get(next) {
        // A process is taken once even if numbers were given again while we read.
        found.extend(children.remove(&process.pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// Bytes of memory of the process that belong to no file on a disk, shared memory too: cheap, but a page that
/// two processes share is counted for both.
pub(super) fn resident_memory(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid));
    let status = status.unwrap_or_default();
    ["RssAnon:", "RssShmem:"].iter().filter_map(|name| kib(&status, name)).sum::<u64>() * 1024
}

/// The number on the line of this name, in the form of proc(5).
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes of memory of the process, a page shared by n processes counted as an nth: exact, but the
/// kernel walks every page. Where it may not be read, [`resident_memory`].
pub(super) fn proportional_memory(process: &Process) -> u64 {
    let exact = || {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid)).ok()?;
        Some((kib(&text, "Pss_Anon:")? + kib(&text, "Pss_Shmem:")?) * 1024)
    };
    exact().unwrap_or_else(|| resident_memory(process))
}

/// How long the kernel is given to end what was killed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Kills `root`, everything below it and `others`, and returns when none of it runs any more.
///
/// # Errors
/// The processes that still run after [`PATIENCE`] (stuck in the kernel, on a dead file server).
pub(super) fn end(root: u32, others: &[Process]) -> Result<(), Vec<u32>> {
    let deadline = Instant::now() + PATIENCE;
    let mut seen: HashMap<(u32, u64), Process> =
        others.iter().map(|p| ((p.pid, p.start), *p)).collect();
    loop {
        seen.extend(descendants(root).into_iter().map(|p| ((p.pid, p.start), p)));
        seen.retain(|_, process| process.runs());
        if seen.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(seen.into_keys().map(|(pid, _)| pid).collect());
        }
        seen.values().for_each(Process::kill);
        thread::sleep(Duration::from_millis(1));
    }
}

/// Ends what a job without isolation left behind: processes whose parent ended are given to us
/// (we are their subreaper) and are in a session of their own.
///
/// # Errors
/// As [`end`].
pub(super) fn end_orphans(spared: impl Fn(u32) -> bool) -> Result<(), Vec<u32>> {
    let us = std::process::id();
    let our_session = Process::find(us).map(|process| process.session);
    loop {
        let orphans: Vec<Process> = all()
            .into_iter()
            .filter(|p| p.parent == us && Some(p.session) != our_session)
            .filter(|p| !spared(p.pid))
            .collect();
        if orphans.is_empty() {
            return Ok(());
        }
        for orphan in orphans {
            end(orphan.pid, &[])?;
            if let Some(pid) = pid(orphan.pid) {
                let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = "42 (a) R 1 (b) S 7 42 43 0 -1 4194560 1 0 0 0 100 50 25 25 20 0 3 0 999 1 2";
        let process = Process::parse(line).unwrap();
        assert_eq!((process.pid, process.parent, process.session), (42, 7, 43));
        assert_eq!((process.tasks, process.start), (3, 999));
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(process.cpu, Duration::from_millis(200 * 1000 / ticks));
    }

    #[test]
    fn we_find_ourselves() {
        let us = Process::find(std::process::id()).unwrap();
        assert!(us.runs());
        assert!(resident_memory(&us) > 0 && proportional_memory(&us) > 0);
        assert_eq!(descendants(us.pid)[0].pid, us.pid);
    }
}
