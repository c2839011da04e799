//! Verification of anything: whatever the files are, it ends, within bounds of memory and of work, and what it
//! accepts is what somebody signed.
//!
//! Memory and work are counted by the allocator and not by a clock: they are the same on every machine.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod changes;
mod documents;

use std::alloc::System;
use std::sync::Mutex;

use cap::Cap;
use wheelmark_core::report::{Report, Status};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// What is counted is the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// What one piece of work took, in bytes.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// The most that was held at once, beyond what was held before; where that is no more than earlier work
    /// held, nothing.
    held: usize,
    /// All that was asked for, which follows the work that was done.
    asked: usize,
}

fn cost<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (before, most, asked) =
        (MEMORY.allocated(), MEMORY.max_allocated(), MEMORY.total_allocated());
    let done = work();
    let now = MEMORY.max_allocated();
    let held = if now > most { now - before } else { 0 };
    (done, Cost { held, asked: MEMORY.total_allocated() - asked })
}

/// What is told a person drives no terminal and turns no text around.
#[track_caller]
fn told_safely(message: &str) {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!message.contains(|c: char| c.is_control() || turns(c)), "{message:?}");
}

/// The same of every refusal of a report; and the report can be written down.
#[track_caller]
fn report_told_safely(report: &Report) {
    for check in report.checks() {
        if let Status::Failed(refusal) = &check.status {
            told_safely(&refusal.to_string());
        }
    }
    serde_json::to_string(report).expect("JSON");
}
