//! Where things lie in a wheel, and where they will lie once installed.
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-contents>

use std::collections::{BTreeSet, HashSet};

use super::central::Entry;
use crate::dist::Refusal;
use crate::dist::names::{self, Place};
use crate::filename::{ProjectName, WheelFilename};
use crate::report::Reason;

/// The schemes of a `.data` directory, each an installation folder.
const SCHEMES: &[&str] = &["purelib", "platlib", "headers", "scripts", "data"];

/// What installers and the interpreter take for another distribution's metadata beside `.dist-info`: whatever it says
/// counts as installed, with entry points of its own.
const EGGS: &[&str] = &[".egg-info", ".egg", ".egg-link"];

/// What the names of the members tell.
#[derive(Debug)]
pub(super) struct Layout {
    /// The one `.dist-info` directory, without a slash.
    pub(super) dist_info: String,
    /// Members that the interpreter runs by itself when it starts.
    pub(super) startup_hooks: Vec<String>,
    /// What lies in the folder of scripts, folded; of `x.exe` also `x`, the entry point that is such a file on
    /// Windows.
    pub(super) scripts: HashSet<String>,
}

impl Layout {
    pub(super) fn of(entries: &[Entry], filename: &WheelFilename) -> Result<Self, Refusal> {
        let names = || entries.iter().map(|entry| entry.name.as_str());
        let dist_info = dist_info(names(), filename)?;
        let stem = dist_info.strip_suffix(".dist-info").unwrap_or(&dist_info);
        let data = format!("{stem}.data");
        let mut startup_hooks = Vec::new();
        let mut installed = Vec::new();
        let entry_points = format!("{dist_info}/entry_points.txt");
        let folded = names::folded(&entry_points);
        let (mut scripts, mut script_names) = (Vec::new(), HashSet::new());
        let mut headers = Vec::new();
        let mut uses_library_scheme = false;
        for name in names() {
            // Where case does not count it is found by that name, and no rule was held of it.
            if name != entry_points && names::folded(name) == folded {
                return Err(Refusal::new(Reason::ArchiveNameCollision, entry_points).at(name));
            }
            let place = Installed::of(name, &data)?;
            if let Installed::Library(path) = place {
                let first = first_segment(path);
                if EGGS.iter().any(|suffix| has_suffix(first, suffix)) {
                    let refusal = Refusal::new(Reason::MetadataDistInfoSeveral, first);
                    return Err(refusal.expected(dist_info).at(name));
                }
                uses_library_scheme |= path.len() < name.len();
                if !path.ends_with('/') {
                    installed.push(Place::installed(name, path));
                }
            }
            if let Some(path) = place.script().filter(|path| !path.ends_with('/')) {
                scripts.push(Place::installed(name, path));
                let file = names::folded(path);
                script_names.extend(file.strip_suffix(".exe").map(str::to_owned));
                script_names.insert(file);
            }
            if let Some(path) = place.header(filename.project()).filter(|path| !path.ends_with('/'))
            {
                headers.push(Place::installed(name, path));
            }
            if place.may_run_at_startup() && !name.ends_with('/') {
                startup_hooks.push(name.to_owned());
            }
        }
        // Without such a scheme paths are names, and these were checked.
        let library = if uses_library_scheme { installed } else { Vec::new() };
        for places in [library, scripts, headers] {
            if let Some((_, name, other)) = names::collision(places) {
                return Err(Refusal::new(Reason::MetadataInstallCollision, other).at(name));
            }
        }
        Ok(Self { dist_info, startup_hooks, scripts: script_names })
    }

    /// The name of a member of the `.dist-info` directory.
    pub(super) fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.dist_info)
    }
}

fn first_segment(path: &str) -> &str {
    path.split_once('/').map_or(path, |(first, _)| first)
}

/// Whether `text` ends so on a file system that ignores case.
fn has_suffix(text: &str, suffix: &str) -> bool {
    if !text.is_ascii() {
        return names::folded(text).ends_with(suffix);
    }
    let at = text.len().checked_sub(suffix.len());
    at.and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

/// The one `.dist-info` directory, which must bear the name and version of the file as it spells them.
fn dist_info<'a>(
    names: impl Iterator<Item = &'a str>,
    filename: &WheelFilename,
) -> Result<String, Refusal> {
    let found: BTreeSet<&str> =
        names.map(first_segment).filter(|segment| has_suffix(segment, ".dist-info")).collect();
    let mut found = found.into_iter();
    let Some(directory) = found.next() else {
        return Err(Refusal::new(Reason::MetadataDistInfoMissing, "no .dist-info directory"));
    };
    if let Some(second) = found.next() {
        return Err(Refusal::new(Reason::MetadataDistInfoSeveral, second).expected(directory));
    }
    // Spelled alike: a reader that composes the path from the file name, as the index does, finds the same.
    let expected: Vec<_> = filename.as_str().split('-').take(2).collect();
    let expected = expected.join("-") + ".dist-info";
    if directory != expected {
        return Err(Refusal::new(Reason::MetadataDistInfoName, directory).expected(expected));
    }
    Ok(directory.to_owned())
}

/// Where a member goes when the wheel is installed.
enum Installed<'a> {
    /// Below site-packages.
    Library(&'a str),
    /// Below the environment's root, by the scheme `data`.
    Root(&'a str),
    /// In the folder of scripts.
    Script(&'a str),
    /// Among the headers of the project.
    Header(&'a str),
    /// Nowhere: the entry of a directory itself.
    Nowhere,
}

impl<'a> Installed<'a> {
    /// `data` is the name that the wheel's own `.data` directory must have.
    fn of(name: &'a str, data: &str) -> Result<Self, Refusal> {
        let Some((first, rest)) = name.split_once('/') else {
            return match has_suffix(name, ".data") {
                true => Err(Refusal::new(Reason::MetadataDataDirectory, name).expected(data)),
                false => Ok(Self::Library(name)),
            };
        };
        if !has_suffix(first, ".data") {
            return Ok(Self::Library(name));
        }
        if first != data {
            return Err(Refusal::new(Reason::MetadataDataDirectory, first).expected(data).at(name));
        }
        if rest.is_empty() {
            return Ok(Self::Nowhere);
        }
        match rest.split_once('/') {
            Some((scheme, path)) if SCHEMES.contains(&scheme) => {
                let place = match (scheme, path) {
                    (_, "") => Self::Nowhere,
                    ("purelib" | "platlib", path) => Self::Library(path),
                    ("data", path) => Self::Root(path),
                    ("scripts", path) => Self::Script(path),
                    (_, path) => Self::Header(path),
                };
                match place.leads_on(path) {
                    Some((reason, folder)) => Err(Refusal::new(reason, folder).at(name)),
                    None => Ok(place),
                }
            }
            _ => {
                let refusal = Refusal::new(Reason::MetadataDataScheme, first_segment(rest));
                Err(refusal.expected(SCHEMES.join(", ")).at(name))
            }
        }
    }

    /// What in `path`, which is behind a scheme, leads elsewhere than the scheme says.
    fn leads_on(&self, path: &'a str) -> Option<(Reason, &'a str)> {
        let first = first_segment(path);
        // uv moves a scheme into the library, and afterwards what lies in the `.data` directory there.
        if has_suffix(first, ".data") {
            return Some((Reason::MetadataDataDirectory, first));
        }
        match self {
            Self::Library(_) => {
                let metadata = has_suffix(first, ".dist-info");
                metadata.then_some((Reason::MetadataDistInfoSeveral, first))
            }
            // The library lies below the root, where none of its rules would be held.
            Self::Root(_) => {
                let mut folders = path.split('/').rev().skip(1);
                folders.find_map(|folder| {
                    let library = ["site-packages", "dist-packages"];
                    if library.contains(&&names::folded(folder)[..]) {
                        Some((Reason::MetadataDataScheme, folder))
                    } else if has_suffix(folder, ".dist-info") {
                        Some((Reason::MetadataDistInfoSeveral, folder))
                    } else {
                        None
                    }
                })
            }
            Self::Script(_) | Self::Header(_) | Self::Nowhere => None,
        }
    }

    /// The path in the folder of scripts, which below the root is `bin`, and `Scripts` on Windows.
    fn script(&self) -> Option<&'a str> {
        match self {
            Self::Script(path) => Some(path),
            Self::Root(path) => {
                let (folder, path) = path.split_once('/')?;
                ["bin", "scripts"].contains(&&names::folded(folder)[..]).then_some(path)
            }
            Self::Library(_) | Self::Header(_) | Self::Nowhere => None,
        }
    }

    /// The path among the headers, which lie below the root in a folder of the project's name in `include`.
    fn header(&self, project: &ProjectName) -> Option<&'a str> {
        match self {
            Self::Header(path) => Some(path),
            Self::Root(path) => {
                let (include, mut below) = path.split_once('/')?;
                if names::folded(include) != "include" {
                    return None;
                }
                loop {
                    let (folder, path) = below.split_once('/')?;
                    if folder.parse().is_ok_and(|name: ProjectName| name == *project) {
                        return Some(path);
                    }
                    below = path;
                }
            }
            Self::Library(_) | Self::Script(_) | Self::Nowhere => None,
        }
    }

    /// Whether the file may run whenever Python starts. Below the root lie the interpreter and its
    /// standard library too, and any folder may be one where modules are found.
    fn may_run_at_startup(&self) -> bool {
        match self {
            Self::Library(path) => runs_at_startup(path),
            Self::Root(path) => {
                let mut below = path.match_indices('/').map(|(slash, _)| &path[slash + 1..]);
                is_of_the_interpreter(path) || runs_at_startup(path) || below.any(runs_at_startup)
            }
            Self::Script(path) => is_interpreters_file(path),
            Self::Header(_) | Self::Nowhere => false,
        }
    }
}

/// Whether a file below an environment's root takes the place of the interpreter, of a file that says where it
/// finds its modules, or of what lies in its library.
/// <https://docs.python.org/3/using/windows.html#finding-modules>
fn is_of_the_interpreter(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let parts: Vec<&str> = path.split('/').collect();
    let Some((file, folders)) = parts.split_last() else { return false };
    let in_library = match folders {
        ["lib" | "lib64", below @ ..] => {
            // On Windows `Lib` is the library itself.
            let module = [".py", ".pyc", ".pyd"].iter().any(|end| file.ends_with(end));
            module || below.first().is_some_and(|folder| is_interpreter(folder))
        }
        ["dlls", ..] => true,
        _ => false,
    };
    in_library || is_interpreters_file(file)
}

/// Whether this is a name of an interpreter, its library's or of a file that it obeys.
fn is_interpreters_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let shared = name.starts_with("libpython") || name.starts_with("libpypy");
    shared || is_interpreters_own(&name)
}

/// Whether a script of this name takes the place of an interpreter or of a file that it obeys.
pub(super) fn is_interpreters_own(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Windows runs `python.com` for `python` before it looks for `python.exe`.
    let endings = [".exe", ".com", ".bat", ".cmd", ".dll", ".zip"];
    let stem = endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    is_interpreter(stem) || name == "pyvenv.cfg" || name.ends_with("._pth")
}

/// Whether this is what an interpreter is named: `python`, `python3.13t`, `pypy3.10`, `pythonw`, `python_d`.
fn is_interpreter(name: &str) -> bool {
    ["python", "pypy"]
        .iter()
        .filter_map(|kind| name.strip_prefix(kind))
        .any(|rest| rest.chars().all(|it| it.is_ascii_digit() || "._dtw".contains(it)))
}

/// Whether Python's `site` runs this by itself: a path configuration file, which may hold code, or one of
/// the two customisation modules in any form (source, package, extension). Two more are imported by the path
/// configuration files of setuptools and virtualenv, which nearly every environment has.
/// <https://docs.python.org/3/library/site.html>
fn runs_at_startup(path: &str) -> bool {
    let configuration =
        !path.contains('/') && (has_suffix(path, ".pth") || has_suffix(path, ".start"));
    let module = first_segment(path).split('.').next().unwrap_or("");
    let hooks = ["sitecustomize", "usercustomize", "_distutils_hack", "_virtualenv"];
    configuration || hooks.iter().any(|hook| module.eq_ignore_ascii_case(hook))
}
