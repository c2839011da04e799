//! The file tree, namespaces and privileges of a job, as arguments of `bwrap`.
//!
//! - As a plain user: a user namespace in which the job has the chosen uid and no way to make
//!   further ones.
//! - As root: no user namespace, so that places under a home of mode 0700 can be bound; then
//!   `setpriv` drops to a uid that nothing else uses, without capabilities or a way to regain any: a
//!   filter of system calls keeps it from making a user namespace, in which it would have all of them.
//!   Root itself would read every file it is shown and be exempt from the bound on processes.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use super::filter::no_user_namespaces;
use super::view::View;
use super::{Bind, Job, SandboxError};

/// The programs of `bwrap`'s part and what this `bwrap` can do.
#[derive(Debug, Clone)]
pub(super) struct Bubblewrap {
    pub program: PathBuf,
    pub setpriv: PathBuf,
    /// Whether we are root, and so drop by `setpriv`.
    pub root: bool,
    /// `--size` for directories in memory: since 0.7.
    pub sizes: bool,
    /// `--disable-userns`: since 0.8.
    pub no_inner_users: bool,
}

/// Directories of the system that programs need, besides `/usr`. Links on a merged system.
const SYSTEM: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// What of the host's `/etc` is shown: how programs and libraries are found, and which system
/// this is. Nothing with secrets, and no time zone, locale or registry configuration.
const ETC: [&str; 9] = [
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "os-release",
    "debian_version",
    "redhat-release",
    "protocols",
    "services",
];

/// Where nothing may be bound: bwrap's own places.
const RESERVED: [&str; 2] = ["/proc", "/dev"];

impl Bubblewrap {
    /// The arguments up to the job's command, and the tree they make. `binds` are the job's with
    /// the links of their host paths followed; `own` is an empty directory
    /// for the generated files.
    pub fn arguments(
        &self,
        job: &Job<'_>,
        binds: &[Bind],
        own: &Path,
    ) -> Result<(Vec<OsString>, View), SandboxError> {
        let mut tree = Tree::default();
        for path in std::iter::once("/usr").chain(SYSTEM) {
            tree.system(Path::new(path));
        }
        for name in ETC {
            let path = Path::new("/etc").join(name);
            if path.exists() {
                tree.bind(&path, &path, false);
            }
        }
        for (name, content) in generated(job) {
            let file = own.join(name);
            fs::write(&file, content)
                .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o644)))
                .map_err(|source| SandboxError::io("write", &file, source))?;
            tree.bind(&Path::new("/etc").join(name), &file, false);
        }
        tree.args(["--proc", "/proc", "--dev", "/dev"]);

        let size = self.sizes.then_some(job.bounds.scratch);
        tree.scratch(Path::new("/tmp"), "1777", size);
        tree.scratch(Path::new("/dev/shm"), "1777", size);
        // Parents first, so that one bind may lie inside another.
        let mut places: Vec<(&Path, Option<&Bind>)> = Vec::new();
        places.extend(binds.iter().map(|bind| (&*bind.inside, Some(bind))));
        places.extend(job.scratch.iter().map(|path| (&**path, None)));
        places.sort_by_key(|(inside, _)| *inside);
        for (inside, bind) in places {
            check_inside(inside)?;
            match bind {
                Some(bind) => {
                    self.check_bind(bind)?;
                    tree.bind(inside, &bind.host, bind.writable);
                }
                // Only the job's own uid exists inside, whatever owns the directory.
                None => tree.scratch(inside, "0777", size),
            }
        }
        // The directories that bwrap made to lead to the binds: not the job's to write.
        tree.args(["--remount-ro", "/dev", "--remount-ro", "/"]);
        tree.args([OsStr::new("--chdir"), job.cwd.as_os_str()]);

        let mut arguments = self.namespaces(job);
        arguments.extend(tree.arguments);
        Ok((arguments, tree.view))
    }

    /// The filter under which a job can make no user namespace, written into `own`, where bwrap's own means
    /// are not to be had.
    pub fn filter(&self, own: &Path) -> Result<Option<PathBuf>, SandboxError> {
        let held = !self.root && self.no_inner_users;
        let Some(filter) = no_user_namespaces().filter(|_| !held) else { return Ok(None) };
        let file = own.join("filter");
        fs::write(&file, filter).map_err(|source| SandboxError::io("write", &file, source))?;
        Ok(Some(file))
    }

    fn namespaces(&self, job: &Job<'_>) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        add(&["--unshare-ipc", "--unshare-pid", "--unshare-net"]);
        add(&["--unshare-uts", "--unshare-cgroup-try"]);
        add(&["--die-with-parent", "--new-session", "--clearenv"]);
        add(&["--hostname", job.hostname]);
        if self.root {
            add(&["--cap-drop", "ALL"]);
            for capability in ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"] {
                add(&["--cap-add", capability]);
            }
        } else {
            let uid = job.uid.to_string();
            add(&["--unshare-user", "--uid", &uid, "--gid", &uid]);
            if self.no_inner_users {
                add(&["--disable-userns"]);
            }
        }
        arguments
    }

    /// What is executed inside before the job's command, to drop root.
    pub fn drop_root(&self, uid: u32) -> Vec<OsString> {
        if !self.root {
            return Vec::new();
        }
        let uid = uid.to_string();
        let mut words = vec![self.setpriv.clone().into_os_string()];
        words.extend(
            [
                "--reuid",
                &uid,
                "--regid",
                &uid,
                "--clear-groups",
                "--bounding-set=-all",
                "--inh-caps=-all",
                "--ambient-caps=-all",
                "--no-new-privs",
                "--",
            ]
            .map(OsString::from),
        );
        words
    }

    fn check_bind(&self, bind: &Bind) -> Result<(), SandboxError> {
        let meta = fs::metadata(&bind.host)
            .map_err(|source| SandboxError::io("bind", &bind.host, source))?;
        // Below this a file may still be closed to the job; at the top nothing could be read.
        let needed = if meta.is_dir() { 0o005 } else { 0o004 };
        if self.root && !bind.writable && meta.mode() & needed != needed {
            return Err(SandboxError::Unreadable {
                path: bind.host.clone(),
                mode: meta.mode() & 0o7777,
            });
        }
        Ok(())
    }
}

/// Makes the writable places of the job its own, and sees that they are nobody else's.
///
/// A file with a second name elsewhere (git and uv link files into their checkouts and
/// environments) would let the job change the file under that name too, so it is refused.
pub(super) fn hand_over(writable: &[&Path], owner: Option<u32>) -> Result<(), SandboxError> {
    let mut names: HashMap<(u64, u64), (u64, u64, PathBuf)> = HashMap::new();
    let mut todo: Vec<PathBuf> = writable.iter().map(|path| path.to_path_buf()).collect();
    let failed = |path: &Path, source: io::Error| SandboxError::io("hand over", path, source);
    while let Some(path) = todo.pop() {
        let meta = fs::symlink_metadata(&path).map_err(|source| failed(&path, source))?;
        if meta.is_dir() {
            for entry in fs::read_dir(&path).map_err(|source| failed(&path, source))? {
                todo.push(entry.map_err(|source| failed(&path, source))?.path());
            }
        } else if meta.nlink() > 1 {
            let entry = (meta.nlink(), 0, path.clone());
            names.entry((meta.dev(), meta.ino())).or_insert(entry).1 += 1;
        }
    }
    if let Some((_, _, path)) = names.into_values().find(|(links, seen, _)| seen < links) {
        return Err(SandboxError::Shared { path });
    }
    let Some(uid) = owner else { return Ok(()) };
    // Only now that nothing is shared; children first, while the directories are still ours.
    let mut todo: Vec<PathBuf> = writable.iter().map(|path| path.to_path_buf()).collect();
    while let Some(path) = todo.pop() {
        if fs::symlink_metadata(&path).map_err(|e| failed(&path, e))?.is_dir() {
            for entry in fs::read_dir(&path).map_err(|e| failed(&path, e))? {
                todo.push(entry.map_err(|e| failed(&path, e))?.path());
            }
        }
        std::os::unix::fs::lchown(&path, Some(uid), Some(uid)).map_err(|e| failed(&path, e))?;
    }
    Ok(())
}

/// The files of `/etc` that are written rather than shown.
fn generated(job: &Job<'_>) -> [(&'static str, String); 5] {
    let (uid, hostname) = (job.uid, job.hostname);
    [
        (
            "passwd",
            format!(
                "root:x:0:0:root:/root:/usr/sbin/nologin\n\
                 build:x:{uid}:{uid}:build:/nonexistent:/bin/sh\n\
                 nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
            ),
        ),
        ("group", format!("root:x:0:\nbuild:x:{uid}:\nnogroup:x:65534:\n")),
        ("hosts", format!("127.0.0.1 localhost {hostname}\n::1 localhost {hostname}\n")),
        ("hostname", format!("{hostname}\n")),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files\nservices: files\n".to_owned(),
        ),
    ]
}

/// A path inside must be plain, so that two spellings cannot name one place.
fn check_inside(path: &Path) -> Result<(), SandboxError> {
    let mut components = path.components();
    let plain = components.next() == Some(Component::RootDir)
        && components.clone().next().is_some()
        && components.all(|component| matches!(component, Component::Normal(_)))
        && !RESERVED.iter().any(|reserved| path.starts_with(reserved));
    if plain { Ok(()) } else { Err(SandboxError::BadPath { path: path.to_owned() }) }
}

/// Arguments for a file tree, and the same tree to look things up in.
#[derive(Default)]
struct Tree {
    arguments: Vec<OsString>,
    made: BTreeSet<PathBuf>,
    view: View,
}

impl Tree {
    fn args<const N: usize, S: AsRef<OsStr>>(&mut self, words: [S; N]) {
        self.arguments.extend(words.map(|word| word.as_ref().to_owned()));
    }

    fn bind(&mut self, inside: &Path, host: &Path, writable: bool) {
        self.parents(inside);
        let option = if writable { "--bind" } else { "--ro-bind" };
        self.args([OsStr::new(option), host.as_os_str(), inside.as_os_str()]);
        self.view.bind(inside, host, writable);
    }

    fn scratch(&mut self, inside: &Path, mode: &str, size: Option<u64>) {
        self.parents(inside);
        self.args(["--perms", mode]);
        if let Some(size) = size {
            self.args(["--size", &size.to_string()]);
        }
        self.args([OsStr::new("--tmpfs"), inside.as_os_str()]);
        self.view.scratch(inside);
    }

    /// The directories that lead to a place: left to itself, bwrap closes some of them to all but
    /// their owner, which as root is not the job.
    fn parents(&mut self, inside: &Path) {
        let mut parents: Vec<&Path> = inside.ancestors().skip(1).collect();
        parents.pop(); // the root itself
        for parent in parents.into_iter().rev() {
            if !self.view.stands(parent)
                && !parent.starts_with("/dev")
                && self.made.insert(parent.to_owned())
            {
                self.args([
                    OsStr::new("--perms"),
                    OsStr::new("0755"),
                    OsStr::new("--dir"),
                    parent.as_os_str(),
                ]);
            }
        }
    }

    /// A directory of the system, or the link that stands in its place.
    fn system(&mut self, path: &Path) {
        match fs::read_link(path) {
            Ok(target) => {
                self.args([OsStr::new("--symlink"), target.as_os_str(), path.as_os_str()]);
                self.view.link(path, &target);
            }
            Err(_) if path.is_dir() => self.bind(path, path, false),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_has_one_spelling() {
        for path in ["/build", "/build/src", "/home/user/.pyenv"] {
            assert!(check_inside(Path::new(path)).is_ok(), "{path}");
        }
        for path in ["build", "/", "", "/a/../b", "/proc/x", "/dev"] {
            assert!(check_inside(Path::new(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn a_file_that_is_also_elsewhere_is_not_handed_over() {
        let dir = tempfile::tempdir().unwrap();
        let (own, elsewhere) = (dir.path().join("own"), dir.path().join("elsewhere"));
        fs::create_dir(&own).unwrap();
        fs::write(own.join("a"), b"a").unwrap();
        // Two names, but both are the job's.
        fs::hard_link(own.join("a"), own.join("b")).unwrap();
        hand_over(&[&own], None).unwrap();
        fs::hard_link(own.join("a"), &elsewhere).unwrap();
        let error = hand_over(&[&own], None).unwrap_err();
        assert!(matches!(error, SandboxError::Shared { .. }), "{error}");
    }
}
