//! Where a path inside the sandbox lies on the host.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// What stands at one place inside.
#[derive(Debug, Clone)]
struct Mount {
    /// The host's path, or `None` for a directory in memory.
    host: Option<PathBuf>,
    writable: bool,
}

/// The file tree of a job as it was set up: enough to follow a path, symbolic links included, the
/// way the kernel did inside.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    mounts: BTreeMap<PathBuf, Mount>,
    links: BTreeMap<PathBuf, PathBuf>,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// To a file that the job could not change.
    Fixed { inside: PathBuf, host: PathBuf },
    /// Through a place that the job could write: what stands there now may not be what stood there.
    Writable,
    /// Nowhere that we know of: `/proc/self/exe`, or gone.
    Unknown,
}

/// As many symbolic links as Linux follows in one path.
const LINKS: usize = 40;

impl View {
    pub fn bind(&mut self, inside: &Path, host: &Path, writable: bool) {
        let host = Some(host.to_owned());
        self.mounts.insert(inside.to_owned(), Mount { host, writable });
    }

    pub fn scratch(&mut self, inside: &Path) {
        let mount = Mount { host: None, writable: true };
        self.mounts.insert(inside.to_owned(), mount);
    }

    pub fn link(&mut self, inside: &Path, target: &Path) {
        self.links.insert(inside.to_owned(), target.to_owned());
    }

    /// Whether this path stands already: a place itself, or in a directory of the host. (A
    /// directory in memory starts empty.)
    pub fn stands(&self, inside: &Path) -> bool {
        self.mounts.contains_key(inside)
            || inside
                .ancestors()
                .find_map(|above| self.mounts.get(above))
                .is_some_and(|mount| mount.host.is_some())
    }

    /// The place of the host through which a file of the host, by its path without links, is seen inside.
    pub fn shows(&self, file: &Path) -> Option<&Path> {
        let mut hosts = self.mounts.values().filter_map(|mount| mount.host.as_deref());
        hosts.find(|host| fs::canonicalize(host).is_ok_and(|host| file.starts_with(host)))
    }

    /// Follows an absolute path.
    pub fn follow(&self, path: &Path) -> Place {
        let mut rest: VecDeque<OsString> = components(path);
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&name);
            let target = match self.links.get(&next) {
                Some(target) => Some(target.clone()),
                None => match self.host(&next) {
                    Err(place) => return place,
                    Ok(None) => None,
                    Ok(Some(host)) => match fs::symlink_metadata(&host) {
                        Err(_) => return Place::Unknown,
                        Ok(meta) if meta.is_symlink() => fs::read_link(&host).ok(),
                        Ok(_) => None,
                    },
                },
            };
            let Some(target) = target else {
                here = next;
                continue;
            };
            links += 1;
            if links > LINKS {
                return Place::Unknown;
            }
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            let mut spliced = components(&target);
            spliced.append(&mut rest);
            rest = spliced;
        }
        match self.host(&here) {
            Ok(Some(host)) => Place::Fixed { inside: here, host },
            Ok(None) => Place::Unknown,
            Err(place) => place,
        }
    }

    /// The host's path of a path without links; `None` for a directory that only leads to a mount.
    fn host(&self, inside: &Path) -> Result<Option<PathBuf>, Place> {
        let mount = inside.ancestors().find_map(|above| Some((above, self.mounts.get(above)?)));
        match mount {
            Some((_, mount)) if mount.writable => Err(Place::Writable),
            Some((above, Mount { host: Some(host), .. })) => {
                let below = inside.strip_prefix(above).unwrap_or(Path::new(""));
                // `join` of an empty path would add a slash, and a file has none.
                Ok(Some(if below.as_os_str().is_empty() { host.clone() } else { host.join(below) }))
            }
            _ if self.mounts.keys().any(|mount| mount.starts_with(inside)) => Ok(None),
            _ => Err(Place::Unknown),
        }
    }
}

fn components(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_followed_as_inside() {
        let dir = tempfile::tempdir().unwrap();
        let (usr, alternatives) = (dir.path().join("usr"), dir.path().join("alt"));
        fs::create_dir_all(usr.join("bin")).unwrap();
        fs::create_dir(&alternatives).unwrap();
        fs::write(usr.join("bin/gcc-12"), b"gcc").unwrap();
        symlink("gcc-12", usr.join("bin/gcc")).unwrap();
        // Absolute: to the host's own /etc if it were followed from outside.
        symlink("/etc/alternatives/cc", usr.join("bin/cc")).unwrap();
        symlink("/usr/bin/gcc", alternatives.join("cc")).unwrap();
        symlink("loop", usr.join("bin/loop")).unwrap();
        symlink("/build/x", usr.join("bin/planted")).unwrap();

        let mut view = View::default();
        view.bind(Path::new("/usr"), &usr, false);
        view.bind(Path::new("/etc/alternatives"), &alternatives, false);
        view.bind(Path::new("/build"), dir.path(), true);
        view.scratch(Path::new("/tmp"));
        view.link(Path::new("/bin"), Path::new("usr/bin"));

        let alternatives = fs::canonicalize(&alternatives).unwrap();
        assert!(view.shows(&alternatives.join("cc")).is_some());
        assert_eq!(view.shows(&dir.path().with_extension("beside")), None);

        let gcc = Place::Fixed { inside: "/usr/bin/gcc-12".into(), host: usr.join("bin/gcc-12") };
        for path in ["/bin/cc", "/usr/bin/gcc", "/etc/../bin/./gcc-12"] {
            assert_eq!(view.follow(Path::new(path)), gcc, "{path}");
        }
        for path in ["/build/x", "/tmp/x", "/bin/planted", "/build/../usr/bin/cc"] {
            assert_eq!(view.follow(Path::new(path)), Place::Writable, "{path}");
        }
        for path in ["/bin/loop", "/bin/none", "/proc/self/exe", "/etc"] {
            assert_eq!(view.follow(Path::new(path)), Place::Unknown, "{path}");
        }
    }
}
