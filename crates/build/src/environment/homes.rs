//! Folders of people, which no build is shown whole.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The user's home folder, where one is named.
pub(super) fn home() -> Option<PathBuf> {
    env::home_dir().filter(|home| home.is_absolute())
}

/// `~` and `~/.local` of this machine's people, each as it is named and without links.
pub(super) struct Homes(Vec<PathBuf>);

impl Homes {
    /// The user's own, and those of root and of the accounts that are made for people (from 1000 on), since
    /// through `sudo` an interpreter or a toolchain may be another's.
    pub fn of_this_machine() -> Self {
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::new(home().into_iter().chain(named_in(&accounts)))
    }

    pub fn new(homes: impl Iterator<Item = PathBuf>) -> Self {
        let folders = homes.flat_map(|home| [home.join(".local"), home]);
        Self(folders.flat_map(|it| [fs::canonicalize(&it).ok(), Some(it)]).flatten().collect())
    }

    /// Whether a folder is somebody's `~` or `~/.local`, or anything above.
    pub fn share(&self, folder: &Path) -> bool {
        let real = fs::canonicalize(folder);
        [folder].into_iter().chain(real.as_deref().ok()).any(|folder| {
            folder.parent().is_none() || self.0.iter().any(|it| it.starts_with(folder))
        })
    }
}

/// The home folders that a text in the form of passwd(5) names.
fn named_in(accounts: &str) -> impl Iterator<Item = PathBuf> {
    accounts.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, uid, _, _, home, _] = fields[..] else { return None };
        let of_a_person = uid.parse::<u32>().is_ok_and(|uid| uid == 0 || uid >= 1000);
        (of_a_person && Path::new(home).is_absolute()).then(|| home.into())
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_is_somebodys_by_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("var/home/ann"), folder.path().join("home"));
        fs::create_dir_all(real.join(".local/python")).unwrap();
        symlink("var/home", &link).unwrap();
        let accounts = format!(
            "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::{}/lib:\nann:x:1000:1000::{}:/bin/sh\n\
             nobody\n",
            real.display(),
            link.join("ann").display()
        );
        let named: Vec<_> = named_in(&accounts).collect();
        assert_eq!(named, [Path::new("/root"), &link.join("ann")]);
        let homes = Homes::new(named.into_iter());
        for folder in
            [&real, &link.join("ann"), &real.join(".local"), &link.join("ann/.local"), &link]
        {
            assert!(homes.share(folder), "{}", folder.display());
        }
        assert!(homes.share(Path::new("/")) && homes.share(folder.path()));
        for folder in [real.join(".local/python"), real.join("lib"), folder.path().join("var/lib")]
        {
            assert!(!homes.share(&folder), "{}", folder.display());
        }
    }
}
