//! Which package of the system a file belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// A package of the system, as its database tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// The kind of package as in a package URL: `deb`.
    pub manager: String,
    /// Its name.
    pub name: String,
    /// Its full version.
    pub version: String,
    /// Its architecture, or `all`.
    pub arch: String,
}

impl Package {
    /// Its package URL (<https://github.com/package-url/purl-spec>), without the distribution, which the
    /// platform names.
    pub fn purl(&self) -> String {
        let Self { manager, name, version, arch } = self;
        format!("pkg:{manager}/{}@{}?arch={arch}", encoded(name), encoded(version))
    }

    /// Reads what [`Package::purl`] writes; `None` for any other URL.
    pub fn from_purl(purl: &str) -> Option<Self> {
        let (path, arch) = purl.strip_prefix("pkg:deb/")?.split_once("?arch=")?;
        let (name, version) = path.split_once('@')?;
        let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        let package = Self {
            manager: "deb".to_owned(),
            name: decoded(name)?,
            version: decoded(version)?,
            arch: arch.to_owned(),
        };
        package.is_plausible().then_some(package)
    }

    /// Names and versions by Debian's policy, so that one from outside is no option of a command.
    fn is_plausible(&self) -> bool {
        let plain = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:~".contains(c))
        };
        plain(&self.name) && plain(&self.version) && plain(&self.arch)
    }
}

/// Everything but letters, digits and `.-_~` is encoded in a package URL.
fn encoded(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}

/// The installed package of a name; `None` where it is not installed or there is no dpkg.
///
/// # Errors
/// dpkg-query could not be run.
pub fn installed(name: &str) -> io::Result<Option<Package>> {
    if !Path::new(DPKG).is_file() {
        return Ok(None);
    }
    let name = name.to_owned();
    Ok(describe([&name].into())?.remove(&name))
}

const DPKG: &str = "/usr/bin/dpkg-query";

/// Paths of one call: well under the kernel's bound on arguments.
const BATCH: usize = 2000;

/// The packages that own the given paths; a path no package owns is not in the answer. `None` on a
/// system without dpkg (other databases are not read yet).
///
/// The answer is what the database says, not that the file is as the package delivered it.
///
/// # Errors
/// dpkg-query could not be run.
pub fn package_of<'a>(
    paths: impl IntoIterator<Item = &'a Path>,
) -> io::Result<Option<BTreeMap<PathBuf, Package>>> {
    if !Path::new(DPKG).is_file() {
        return Ok(None);
    }
    // Each name in the database, and the paths asked for that it may answer.
    let mut wanted: BTreeMap<String, Vec<&Path>> = BTreeMap::new();
    for path in paths {
        // dpkg-query would read these as patterns.
        if let Some(text) = path.to_str().filter(|t| !t.contains(['*', '?', '[', '\\', '\n'])) {
            for name in names(text) {
                wanted.entry(name).or_default().push(path);
            }
        }
    }
    let mut owners: BTreeMap<PathBuf, String> = BTreeMap::new();
    let all: Vec<&String> = wanted.keys().collect();
    for batch in all.chunks(BATCH) {
        let text =
            dpkg([&"-S".to_owned(), &"--".to_owned()].into_iter().chain(batch.iter().copied()))?;
        for (package, name) in text.lines().filter_map(owner) {
            for path in wanted.get(name).into_iter().flatten() {
                owners.insert(path.to_path_buf(), package.to_owned());
            }
        }
    }
    let known = describe(owners.values().collect())?;
    Ok(Some(
        owners
            .into_iter()
            .filter_map(|(path, package)| Some((path, known.get(&package)?.clone())))
            .collect(),
    ))
}

/// The names a path may have in the database: `/usr/bin/x` is listed as `/bin/x` by a package
/// older than the merge of the two, and the other way round.
fn names(path: &str) -> Vec<String> {
    const MERGED: [&str; 6] = ["bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/"];
    let starts = |below: &str| MERGED.iter().any(|start| below.starts_with(start));
    let mut names = vec![path.to_owned()];
    if let Some(below) = path.strip_prefix("/usr/") {
        names.extend(starts(below).then(|| format!("/{below}")));
    } else if let Some(below) = path.strip_prefix('/') {
        names.extend(starts(below).then(|| format!("/usr/{below}")));
    }
    names
}

/// Reads `gcc-12: /usr/bin/gcc-12` or, for a file of several, `a:amd64, b:amd64: /path`.
fn owner(line: &str) -> Option<(&str, &str)> {
    let (packages, path) = line.split_once(": ")?;
    if packages.starts_with("diversion by ") {
        return None;
    }
    Some((packages.split(", ").next()?, path))
}

fn describe(packages: BTreeSet<&String>) -> io::Result<BTreeMap<String, Package>> {
    let mut known = BTreeMap::new();
    if packages.is_empty() {
        // Without a name dpkg-query would list them all.
        return Ok(known);
    }
    let format = r"-f=${Package}\t${Version}\t${Architecture}\n".to_owned();
    let options = ["-W".to_owned(), format, "--".to_owned()];
    let text = dpkg(options.iter().chain(packages))?;
    for line in text.lines() {
        let mut fields = line.split('\t').map(str::to_owned);
        if let (Some(name), Some(version), Some(arch)) =
            (fields.next(), fields.next(), fields.next())
        {
            let package = Package {
                manager: "deb".to_owned(),
                name: name.clone(),
                version,
                arch: arch.clone(),
            };
            // The first answer of `-S` has the architecture only where several may be installed.
            known.insert(format!("{name}:{arch}"), package.clone());
            known.insert(name, package);
        }
    }
    Ok(known)
}

fn dpkg<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> io::Result<String> {
    // The status is 1 as soon as one path is unknown: the answers for the others still count.
    let output = Command::new(DPKG)
        .args(arguments)
        .env_clear()
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_dpkg() {
        assert_eq!(owner("gcc-12: /usr/bin/gcc-12"), Some(("gcc-12", "/usr/bin/gcc-12")));
        assert_eq!(owner("a:amd64, b:i386: /x: y"), Some(("a:amd64", "/x: y")));
        assert_eq!(owner("diversion by dash from: /bin/sh"), None);
    }

    #[test]
    fn both_names_of_a_merged_path() {
        assert_eq!(names("/usr/bin/sh"), ["/usr/bin/sh", "/bin/sh"]);
        assert_eq!(names("/bin/sh"), ["/bin/sh", "/usr/bin/sh"]);
        assert_eq!(names("/usr/include/stdio.h"), ["/usr/include/stdio.h"]);
    }

    #[test]
    fn this_system_knows_its_own_files() {
        let paths = ["/bin/bash", "/usr/bin/bash", "/nowhere/at all", "/usr/bin/b*"].map(Path::new);
        let Some(found) = package_of(paths).unwrap() else {
            eprintln!("skipped: no dpkg on this system");
            return;
        };
        assert_eq!(found.len(), 2, "{found:?}");
        for path in &paths[..2] {
            assert_eq!(found[*path].name, "bash");
            assert!(!found[*path].version.is_empty());
        }
    }
}
