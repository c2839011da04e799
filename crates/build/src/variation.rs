//! In what a confirmation differs from the build that it confirms.

use std::num::NonZeroUsize;
use std::path::Path;

use crate::sandbox::LAUNCHER_LOCALE;

/// In what one run differs from another without any of it being recorded: a confirmation changes all
/// of this and expects the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variation {
    /// Whether the build sees another user id.
    pub other_user: bool,
    /// How many processors it may use; `None` for all.
    pub processors: Option<NonZeroUsize>,
    /// Whether the source tree's files are laid down in reverse order, so that folders list otherwise.
    pub reverse_files: bool,
    /// Whether the clock is off, where a library for that is installed.
    pub other_clock: bool,
    /// Whether the tools that start the build run in another locale. The build's own is recorded.
    pub other_locale: bool,
}

impl Variation {
    /// The run that is recorded.
    pub const NONE: Self = Self {
        other_user: false,
        processors: None,
        reverse_files: false,
        other_clock: false,
        other_locale: false,
    };

    /// The user id of a job, where the sandbox would give it this one.
    pub(crate) fn user(self, uid: u32) -> u32 {
        match uid {
            PLAIN_USER if self.other_user => OTHER_USER,
            uid => uid,
        }
    }

    /// The locale of the tools that start a job.
    pub(crate) fn locale(self) -> &'static str {
        match self.other_locale {
            true => OTHER_LOCALE,
            false => LAUNCHER_LOCALE,
        }
    }
}

/// The user id of a job in a user namespace, and the one that a confirmation sees instead. Run as root,
/// each job has another one anyway.
pub(crate) const PLAIN_USER: u32 = 1000;
const OTHER_USER: u32 = 4321;

/// The one locale besides `C` that the C library has without anything being installed.
const OTHER_LOCALE: &str = "C.UTF-8";

/// Variables that shift the clock by a year, a month and some hours, where libfaketime is installed.
/// Only the clock: not the times of files, and not the clock that measures how long something takes.
pub fn other_clock() -> Vec<(String, String)> {
    let library =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]
            .iter()
            .map(|folder| Path::new(folder).join("faketime/libfaketime.so.1"))
            .find(|library| library.is_file());
    let Some(library) = library else {
        return Vec::new();
    };
    [
        ("LD_PRELOAD", library.to_string_lossy().as_ref()),
        ("FAKETIME", "+34219800"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("NO_FAKE_STAT", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
