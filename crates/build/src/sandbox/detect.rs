//! Finds the tools of a sandbox and tries them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::bubblewrap::Bubblewrap;
use super::{
    Bounds, Cancel, End, Job, LAUNCHER_LOCALE, Outcome, Sandbox, SandboxError, Trace, Tracing,
};

/// Where the system's tools are. Not the caller's `PATH`: what keeps a build in should not be
/// something that a build could have put there.
const DIRECTORIES: [&str; 5] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];

/// The tools around every job.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub bash: PathBuf,
    pub setsid: PathBuf,
    pub setpriv: PathBuf,
    pub prlimit: PathBuf,
    pub taskset: PathBuf,
    pub env: PathBuf,
}

fn find(name: &str) -> Option<PathBuf> {
    DIRECTORIES.iter().map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

fn need(name: &str, package: &str) -> Result<PathBuf, SandboxError> {
    find(name).ok_or_else(|| SandboxError::Missing {
        what: name.to_owned(),
        hint: format!(
            "install it (`apt-get install {package}` or the like), or ask an administrator to"
        ),
    })
}

impl Tools {
    fn find() -> Result<Self, SandboxError> {
        Ok(Self {
            bash: need("bash", "bash")?,
            setsid: need("setsid", "util-linux")?,
            setpriv: need("setpriv", "util-linux")?,
            prlimit: need("prlimit", "util-linux")?,
            taskset: need("taskset", "util-linux")?,
            env: need("env", "coreutils")?,
        })
    }
}

pub(super) fn none_unsafe(trace: Tracing) -> Result<Sandbox, SandboxError> {
    let mut sandbox = Sandbox {
        bubblewrap: None,
        tools: Tools::find()?,
        tracer: Err(NOT_ASKED.to_owned()),
        hidden: Vec::new(),
    };
    if trace != Tracing::Off {
        attach_tracer(&mut sandbox)?;
    }
    Ok(sandbox)
}

pub(super) fn detect(trace: Tracing) -> Result<Sandbox, SandboxError> {
    let tools = Tools::find()?;
    let program = need("bwrap", "bubblewrap")?;
    let help = said(&program, "--help");
    let bubblewrap = Bubblewrap {
        setpriv: tools.setpriv.clone(),
        root: rustix::process::geteuid().is_root(),
        sizes: help.contains("--size "),
        no_inner_users: help.contains("--disable-userns"),
        program,
    };
    let mut sandbox = Sandbox {
        bubblewrap: Some(bubblewrap),
        tools,
        tracer: Err(NOT_ASKED.to_owned()),
        hidden: Vec::new(),
    };
    if trace != Tracing::Off {
        attach_tracer(&mut sandbox)?;
    }
    if sandbox.tracer.is_ok() {
        // A job ran under the tracer, so one runs without it.
        return Ok(sandbox);
    }
    match attempt(&sandbox, Tracing::Off) {
        Ok(_) => {}
        Err(SandboxError::Start { message }) if message.starts_with("bwrap: ") => {
            return Err(SandboxError::Refused { hint: hint(), message });
        }
        Err(error) => return Err(error),
    }
    Ok(sandbox)
}

/// Why there is no tracer where nobody wants one.
const NOT_ASKED: &str = "not asked for";

/// Sets the tracer if a job can be run under it.
fn attach_tracer(sandbox: &mut Sandbox) -> Result<(), SandboxError> {
    let Some(strace) = find("strace") else {
        sandbox.tracer = Err("strace is not installed".to_owned());
        return Ok(());
    };
    sandbox.tracer = Ok(strace);
    sandbox.tracer = match attempt(sandbox, Tracing::Programs) {
        Ok(Outcome { trace: Trace::Attached(observed), .. }) if !observed.programs.is_empty() => {
            return Ok(());
        }
        Ok(Outcome { trace: Trace::Unavailable { reason }, .. }) => Err(reason),
        Ok(_) => Err("strace did not see a program that was run under it".to_owned()),
        Err(SandboxError::Start { message }) => Err(format!("strace cannot be used: {message}")),
        Err(error) => return Err(error),
    };
    Ok(())
}

/// Runs `true`.
fn attempt(sandbox: &Sandbox, trace: Tracing) -> Result<Outcome, SandboxError> {
    let mut log = Vec::new();
    let outcome = sandbox.run(Job {
        binds: &[],
        scratch: &[],
        env: &BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        cwd: Path::new("/"),
        argv: &["true".into()],
        bounds: &Bounds {
            wall: std::time::Duration::from_secs(60),
            // The machine's disk may be nearly full; that is for the job to find out.
            disk_reserve: 0,
            ..Bounds::standard()
        },
        hostname: "build",
        uid: sandbox.uid()?,
        cpus: None,
        launcher_locale: LAUNCHER_LOCALE,
        trace,
        log: &mut log,
        cancel: &Cancel::new(),
    })?;
    match outcome.end {
        End::Exited(0) => Ok(outcome),
        end => Err(SandboxError::Start {
            message: format!("{end:?}: {}", String::from_utf8_lossy(&log).trim()),
        }),
    }
}

fn said(program: &Path, option: &str) -> String {
    let output = Command::new(program).arg(option).env_clear().stdin(Stdio::null()).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// Which setting of the system most likely refuses, and what to ask for.
fn hint() -> String {
    let setting = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
    let is = |path: &str, value: &str| setting(path).as_deref() == Some(value);
    let root = rustix::process::geteuid().is_root();
    if root {
        "root may not make namespaces here, as in most containers: give the container the \
         capability SYS_ADMIN and no seccomp filter (`--privileged`), or run on the machine itself"
    } else if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        "AppArmor keeps plain users from making user namespaces (as Ubuntu does since 23.10): ask an \
         administrator for an AppArmor profile with `userns` for bwrap (package apparmor-profiles, \
         `bwrap-userns-restrict`) or for `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
    } else if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "ask an administrator for `sysctl kernel.unprivileged_userns_clone=1`"
    } else if is("/proc/sys/user/max_user_namespaces", "0") {
        "ask an administrator for `sysctl user.max_user_namespaces=10000`"
    } else {
        "plain users may not make user namespaces here: ask an administrator to allow it for \
         bwrap; in a container, ask for one that allows nested user namespaces"
    }
    .to_owned()
}

/// Ids that Debian hands to nobody without asking its base-passwd maintainers.
const HOST_UIDS: std::ops::Range<u32> = 64_000..65_000;

pub(super) fn uid(sandbox: &Sandbox) -> Result<u32, SandboxError> {
    /// So that two jobs of one process do not take the same.
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    match &sandbox.bubblewrap {
        None => return Ok(rustix::process::geteuid().as_raw()),
        Some(bubblewrap) if !bubblewrap.root => return Ok(1000),
        Some(_) => {}
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let account =
        |uid: u32| accounts.lines().any(|line| line.split(':').nth(2) == Some(&uid.to_string()));
    let owners: Vec<u32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some(entry.metadata().ok()?.uid()))
        .collect();
    let count = HOST_UIDS.end - HOST_UIDS.start;
    // Processes that start at the same time begin at different places.
    let first = std::process::id().wrapping_mul(7) + TAKEN.fetch_add(1, Ordering::Relaxed);
    (0..count)
        .map(|step| HOST_UIDS.start + first.wrapping_add(step) % count)
        .find(|&uid| !account(uid) && !owners.contains(&uid))
        .ok_or_else(|| SandboxError::Missing {
            what: "an unused user id".to_owned(),
            hint: format!("all of {HOST_UIDS:?} are in use"),
        })
}
