//! What ends our children's process groups where we can no longer do it: at a second Ctrl-C, or SIGKILL.
//!
//! A signal that the kernel sends at a parent's death (`setpriv --pdeathsig`) reaches one process and none
//! that it started, and git fetches in a process of its own. So one shell, started with the first child, is
//! told by a pipe which groups there are. When we end, however we end, the pipe does, and the shell kills
//! the groups that are still there.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Signals of a terminal or a system that shuts down are ours to answer: it ends when we have ended.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
groups=' '
while read -r verb group; do
  case $verb in
    +) groups="$groups$group " ;;
    -) case $groups in
         *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;;
       esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
"#;

static GUARD: Mutex<Option<ChildStdin>> = Mutex::new(None);

/// A process group that ends with us at the latest; dropped, it is left alone.
///
/// Drop it before the group's first process is waited for: afterwards the number may be another's.
#[derive(Debug)]
pub(crate) struct Watched(u32);

impl Watched {
    /// Watches a group from here on.
    pub(crate) fn new(group: u32) -> Self {
        tell(&format!("+ {group}\n"));
        Self(group)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        tell(&format!("- {}\n", self.0));
    }
}

/// Where the shell cannot be started or is gone, groups still end by our own hand; only a death of ours
/// that lets us do nothing more would leave them.
fn tell(message: &str) {
    let mut guard = GUARD.lock().unwrap_or_else(PoisonError::into_inner);
    if guard.is_none() {
        *guard = start();
    }
    if let Some(pipe) = &mut *guard {
        let _ = pipe.write_all(message.as_bytes());
    }
}

fn start() -> Option<ChildStdin> {
    // In a group of its own, so that what is sent to ours does not end it, and in our session, so that it
    // is not taken for what a build left behind.
    let child = Command::new("/bin/sh")
        .args(["-c", SCRIPT])
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    child.ok()?.stdin.take()
}
