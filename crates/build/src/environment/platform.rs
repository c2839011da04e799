//! The machine that builds: operating system, kernel, architecture, C library, distribution.

use std::fs;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use wheelmark_core::attestation::environment::Platform;

use crate::process;

/// Where os-release is, the first that is there (os-release(5)).
const OS_RELEASE: &[&str] = &["/etc/os-release", "/usr/lib/os-release"];

/// The platform of this machine. A C library that does not tell its version is `unknown`.
pub fn current(cancel: &AtomicBool) -> Platform {
    let uname = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let os_release = OS_RELEASE.iter().find_map(|path| fs::read_to_string(path).ok());
    Platform {
        os: text(uname.sysname()),
        kernel: text(uname.release()),
        architecture: text(uname.machine()),
        libc: libc(cancel).unwrap_or_else(|| "unknown".to_owned()),
        distribution: os_release.as_deref().and_then(pretty_name),
    }
}

/// glibc tells its version by `getconf`, musl on the standard error of `ldd`.
fn libc(cancel: &AtomicBool) -> Option<String> {
    let ask = |program: &str, argument: &str| {
        let mut command = Command::new(program);
        command.arg(argument).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
        process::run(command, cancel, Duration::from_secs(10)).ok()
    };
    let glibc = ask("getconf", "GNU_LIBC_VERSION").filter(|output| output.status.success());
    if let Some(output) = glibc {
        return Some(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let musl = ask("ldd", "--version")?;
    musl_version(&String::from_utf8_lossy(&musl.stderr))
}

fn musl_version(text: &str) -> Option<String> {
    let mut lines = text.lines();
    lines.next()?.strip_prefix("musl libc")?;
    Some(format!("musl {}", lines.next()?.strip_prefix("Version ")?.trim()))
}

/// `PRETTY_NAME`, in the shell's quoting as far as os-release(5) allows it.
fn pretty_name(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("PRETTY_NAME="))?.trim();
    let quoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)));
    let mut name = String::new();
    let mut characters = quoted.unwrap_or(value).chars();
    while let Some(c) = characters.next() {
        name.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_described() {
        let platform = current(&AtomicBool::new(false));
        assert_eq!(platform.os, "Linux");
        assert_eq!(platform.architecture, std::env::consts::ARCH);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(platform.kernel, kernel.trim());
        assert!(platform.libc.contains(' '), "{}", platform.libc);
    }

    #[test]
    fn texts_are_read_as_their_formats_say() {
        let text = "ID=debian\nPRETTY_NAME=\"A \\\"B\\\" 12\"\n";
        assert_eq!(pretty_name(text).as_deref(), Some("A \"B\" 12"));
        assert_eq!(pretty_name("PRETTY_NAME=Plain\n").as_deref(), Some("Plain"));
        assert_eq!(pretty_name("ID=x\n"), None);
        let musl = "musl libc (x86_64)\nVersion 1.2.4\nDynamic Program Loader\n";
        assert_eq!(musl_version(musl).as_deref(), Some("musl 1.2.4"));
        assert_eq!(musl_version("ldd (GNU libc) 2.36\n"), None);
    }
}
