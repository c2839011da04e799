//! Verification of anything: whatever the files are, it ends, within bounds of memory and of work, and what it
//! accepts is what somebody signed.
//!
//! Memory and work are counted by the allocator and not by a clock: they are the same on every machine.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

mod changes;
mod documents;

use allocation_counter::{AllocationInfo, measure};
use wheelmark_core::report::{Report, Status};

/// What one piece of work took of its own thread, in bytes.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// The most that was held at once, beyond what was held before.
    held: usize,
    /// All that was asked for, which follows the work that was done.
    asked: usize,
}

fn cost<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let mut done = None;
    let AllocationInfo { bytes_max, bytes_total, .. } = measure(|| done = Some(work()));
    let bytes = |count| usize::try_from(count).expect("a size");
    (done.expect("it was done"), Cost { held: bytes(bytes_max), asked: bytes(bytes_total) })
}

/// The test of the others: what is held and what is given back are both counted.
#[test]
fn memory_is_counted() {
    let (length, cost) = cost(|| (0..4).map(|_| vec![1_u8; 1000].len()).sum::<usize>());
    assert_eq!(length, 4000);
    assert_eq!((cost.held, cost.asked), (1000, 4000));
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
