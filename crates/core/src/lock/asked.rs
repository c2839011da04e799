//! What of a lock an environment asks for: a lock is for every platform, and an environment is on one.
//!
//! A marker (PEP 508) that cannot be read, or asks for something that is not known here, may hold.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::{MarkerEnvironment, VerbatimUrl};

use super::{Lock, LockedProject};
use crate::filename::ProjectName;
use crate::requirement;

/// Markers that are shown of what is asked for in several cases.
const SHOWN: usize = 3;

/// An environment, as markers see it.
#[derive(Debug, Clone)]
pub struct Surroundings(MarkerEnvironment);

impl Surroundings {
    /// Reads the values of the variables of PEP 508, by their names, in JSON.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn from_json(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map(Self).map_err(|error| error.to_string())
    }

    /// Whether a marker may hold here.
    fn may_meet(&self, marker: &str) -> bool {
        // Which extras and groups are asked for is not known.
        if ["extra", "dependency_groups"].iter().any(|it| marker.contains(it)) {
            return true;
        }
        let parsed = requirement::parse::<VerbatimUrl>(&format!("x ; {marker}"));
        parsed.map_or(true, |it| it.marker.evaluate(&self.0, &[]))
    }
}

/// Who asks for whom in a lock that says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Graph {
    /// The projects that are locked, from which everything is asked for.
    pub(super) roots: BTreeSet<ProjectName>,
    /// What each project needs, with its extras and groups, and in which case.
    pub(super) needs: BTreeMap<ProjectName, Vec<(ProjectName, Option<String>)>>,
}

impl Graph {
    fn reached(&self, here: &Surroundings) -> BTreeSet<&ProjectName> {
        let mut reached: BTreeSet<_> = self.roots.iter().collect();
        let mut open: Vec<_> = reached.iter().copied().collect();
        while let Some(project) = open.pop() {
            for (needed, marker) in self.needs.get(project).into_iter().flatten() {
                let asked = marker.as_ref().is_none_or(|marker| here.may_meet(marker));
                if asked && reached.insert(needed) {
                    open.push(needed);
                }
            }
        }
        reached
    }
}

impl Lock {
    /// Whether an entry may be asked for in an environment.
    pub fn asked_in(&self, here: &Surroundings) -> impl Fn(&LockedProject) -> bool {
        let reached = self.graph.as_ref().map(|graph| graph.reached(here));
        move |entry| {
            reached.as_ref().is_none_or(|reached| reached.contains(&entry.name))
                && entry.marker.as_ref().is_none_or(|marker| here.may_meet(marker))
        }
    }

    /// In which case an entry is asked for at all, where the lock says so of everybody who asks for it. Not to be trusted:
    /// escape it where it is shown.
    pub fn only_where(&self, entry: &LockedProject) -> Option<String> {
        if entry.marker.is_some() {
            return entry.marker.clone();
        }
        let needs = self.graph.iter().flat_map(|graph| graph.needs.values().flatten());
        let asking = needs.filter(|(needed, _)| *needed == entry.name).map(|(_, marker)| marker);
        let markers: Option<BTreeSet<_>> = asking.map(Option::as_ref).collect();
        let markers = markers.filter(|markers| (1..=SHOWN).contains(&markers.len()))?;
        Some(markers.into_iter().map(String::as_str).collect::<Vec<_>>().join(" or "))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::LockFormat;
    use super::*;

    /// An environment of this `sys_platform`.
    pub fn on(platform: &str) -> Surroundings {
        let text = format!(
            r#"{{"implementation_name": "cpython", "implementation_version": "3.11.7", "os_name": "posix",
                "platform_machine": "x86_64", "platform_python_implementation": "CPython", "platform_release": "6",
                "platform_system": "x", "platform_version": "x", "python_full_version": "3.11.7",
                "python_version": "3.11", "sys_platform": "{platform}"}}"#
        );
        Surroundings::from_json(&text).expect("an environment")
    }

    fn asked(lock: &Lock, here: &Surroundings) -> Vec<String> {
        let asked = lock.asked_in(here);
        lock.entries.iter().filter(|it| asked(it)).map(|it| it.name.to_string()).collect()
    }

    const DIGEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    /// A `uv.lock` of a project that needs `top`, with these packages: a name and what else its table says.
    fn uv(packages: &[(&str, &str)]) -> Lock {
        let mut text = "version = 1\n[[package]]\nname = \"shop\"\nsource = { virtual = \".\" }\n\
                        dependencies = [{ name = \"top\" }]\n"
            .to_owned();
        for (name, more) in packages {
            text += &format!(
                "[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = {{ registry = \"https://example.org/simple\" }}\n\
                 wheels = [{{ url = \"https://example.org/{name}-1-py3-none-any.whl\", hash = \"sha256:{DIGEST}\" }}]\n\
                 {more}\n"
            );
        }
        Lock::parse(LockFormat::Uv, "uv.lock", &text).expect("a lock")
    }

    #[test]
    fn what_is_reached_only_elsewhere_is_not_asked_for() {
        let lock = uv(&[
            (
                "top",
                "dependencies = [{ name = \"colour\", marker = \"sys_platform == 'win32'\" }, { name = \"any\" }]",
            ),
            ("colour", "dependencies = [{ name = \"deep\" }]"),
            ("deep", ""),
            (
                "any",
                "[package.optional-dependencies]\nx = [{ name = \"extra\" }]\n[package.dev-dependencies]\n\
                     dev = [{ name = \"group\", marker = \"python_version >= '3.0'\" }]",
            ),
            ("extra", ""),
            ("group", "dependencies = [{ name = \"either\", marker = \"extra == 'a'\" }]"),
            ("either", ""),
            ("odd", ""),
        ]);
        let everywhere = ["top", "any", "extra", "group", "either"];
        assert_eq!(asked(&lock, &on("linux")), everywhere);
        let on_windows = asked(&lock, &on("win32"));
        assert_eq!(on_windows, ["top", "colour", "deep", "any", "extra", "group", "either"]);
        let only = |name: &str| {
            let entry = lock.entries.iter().find(|it| it.name.as_str() == name).expect("locked");
            lock.only_where(entry)
        };
        assert_eq!(only("colour").as_deref(), Some("sys_platform == 'win32'"));
        assert_eq!((only("any"), only("deep")), (None, None));
    }

    #[test]
    fn what_cannot_be_told_is_asked_for() {
        let marker = |marker: &str| {
            let edge = format!("dependencies = [{{ name = \"needed\", marker = \"{marker}\" }}]");
            let lock = uv(&[("top", &*edge), ("needed", "")]);
            asked(&lock, &on("linux")).len() == 2
        };
        assert!(!marker("sys_platform == 'win32'"));
        for open in [
            "sys_platform ==",
            "unheard_of == 'x'",
            "",
            "'x' in extras",
            &"(".repeat(10_000),
            &vec!["'a' in sys_platform"; 500].join(" or "),
            "sys_platform == 'linux' and python_version > '3.10'",
        ] {
            assert!(marker(open), "{open}");
        }
        // What this reader does not know may ask for more.
        let lock = uv(&[("top", "later = [{ name = \"needed\" }]"), ("needed", "")]);
        assert_eq!(asked(&lock, &on("linux")), ["top", "needed"]);
        let text = format!(
            "version = 1\n[manifest]\nrequirements = [{{ name = \"a\" }}]\n[[package]]\nname = \"a\"\nversion = \"1\"\n\
             source = {{ registry = \"https://example.org\" }}\nsdist = {{ url = \"https://example.org/a-1.tar.gz\", \
             hash = \"sha256:{DIGEST}\" }}\n"
        );
        let lock = Lock::parse(LockFormat::Uv, "uv.lock", &text).expect("a lock");
        assert_eq!(asked(&lock, &on("linux")), ["a"]);
    }

    #[test]
    fn other_locks_say_it_with_each_entry() {
        let text = format!(
            "a==1 --hash=sha256:{DIGEST}\nb==1 ; sys_platform == 'win32' --hash=sha256:{DIGEST}\n"
        );
        let lock = Lock::parse(LockFormat::Requirements, "r.txt", &text).expect("a lock");
        assert_eq!(asked(&lock, &on("linux")), ["a"]);
        assert_eq!(asked(&lock, &on("win32")), ["a", "b"]);
        assert!(Surroundings::from_json("{}").is_err());
    }
}
