//! Progress, on a terminal only: in a pipe nothing of it is written.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use wheelmark_core::report::Escaped;

/// Work that takes less is not shown.
const QUIET: Duration = Duration::from_millis(300);

/// Progress through a file of `length` bytes, to be advanced by the bytes read.
pub fn bytes(length: u64, path: &Path) -> ProgressBar {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bar = ProgressBar::hidden();
    bar.set_length(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {msg}") {
        bar.set_style(style);
    }
    bar.set_message(Escaped(&name).to_string());
    // A file this size is read before a bar could be seen.
    if length > bytes_read_in(QUIET) {
        bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
    }
    bar
}

/// Bytes that are read and hashed in a time, at about 400 MB a second.
fn bytes_read_in(time: Duration) -> u64 {
    400_000 * u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 400_000)
}

/// Progress through several files, on one line.
pub struct Files {
    bar: ProgressBar,
    started: Instant,
    downloaded: AtomicU64,
}

impl Files {
    /// None of `count` is done.
    pub fn new(count: usize) -> Self {
        Self::counted(count, "files")
    }

    /// The same of what is counted by these words, which are our own.
    pub fn counted(count: usize, what: &str) -> Self {
        let bar = ProgressBar::hidden();
        bar.set_length(count as u64);
        if let Ok(style) =
            ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {what}{{msg}}"))
        {
            bar.set_style(style);
        }
        Self { bar, started: Instant::now(), downloaded: AtomicU64::new(0) }
    }

    /// The same, with how long all of it will probably take.
    pub fn estimated(count: usize, what: &str) -> Self {
        let files = Self::counted(count, what);
        let template = format!("{{bar:30}} {{pos}}/{{len}} {what}, about {{eta}} left{{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            files.bar.set_style(style);
        }
        files
    }

    /// One more is done, and `show` says what came of it: without the line in between.
    pub fn done<T>(&self, show: impl FnOnce() -> T) -> T {
        // One alone has a line of its own.
        let several = self.bar.length() > Some(1);
        if several {
            self.appear();
        }
        let shown = self.bar.suspend(show);
        self.bar.inc(1);
        shown
    }

    /// So many bytes more have come from an index; by any thread.
    pub fn downloaded(&self, bytes: usize) {
        let bytes = bytes as u64;
        let all = self.downloaded.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.appear();
        if !self.bar.is_hidden() {
            self.bar.set_message(format!(", {} downloaded", HumanBytes(all)));
        }
    }

    fn appear(&self) {
        if self.bar.is_hidden() && self.started.elapsed() > QUIET {
            self.bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The stages of long work, as a line that changes.
pub struct Stages(ProgressBar);

impl Stages {
    /// Nothing has begun.
    pub fn new() -> Self {
        let spinner = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            spinner.set_style(style);
        }
        spinner.enable_steady_tick(QUIET);
        Self(spinner)
    }

    /// Says what is done now.
    pub fn begin(&self, stage: &str) {
        self.0.set_message(Escaped(stage).to_string());
    }

    /// Takes the line away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.end();
    }
}
