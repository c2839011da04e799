//! The lock of a build's requirements: a PEP 751 document (`pylock.toml`) of one wheel a package.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use url::Url;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::lock::pylock::{Document, File, Hashes, LOCK_VERSION, Package};
use wheelmark_core::requirement;

/// A build requirement as it was resolved: one wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedRequirement {
    /// The project's name in its normal form.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The wheel's file name.
    pub filename: String,
    /// Where it was found, without user, password, query and fragment, any of which may be a secret.
    /// Absent where it came from a folder of the machine.
    pub url: Option<Url>,
    /// The digest of the wheel.
    pub sha256: Sha256Digest,
    /// Its size in bytes, where the index tells it.
    pub size: Option<u64>,
    /// When it was uploaded, where the index tells it.
    pub upload_time: Option<DateTime<Utc>>,
}

/// Build requirements resolved to exact files.
#[derive(Debug, Clone)]
pub struct Lock {
    packages: Vec<LockedRequirement>,
    addresses: Vec<Address>,
}

impl Lock {
    /// The lock of a recorded build: the same files, by digest. A file whose address is dead is later
    /// asked of the index by name, version and digest.
    ///
    /// # Errors
    /// [`PylockError::Unexpected`] where one is not a wheel of the name and version that it is said to be,
    /// or a name is there twice.
    pub fn from_dependencies(recorded: &[LockedRequirement]) -> Result<Self, PylockError> {
        let address = |package: &LockedRequirement| Address(package.url.clone());
        let packages = recorded.iter().map(|package| (package.clone(), address(package)));
        Self::new(packages.collect())
    }

    /// Reads a PEP 751 document of exactly one wheel a package, as uv writes it for one interpreter.
    ///
    /// # Errors
    /// See [`PylockError`].
    pub fn parse(text: &str) -> Result<Self, PylockError> {
        let document: Document = toml::from_str(text)
            .map_err(|error| PylockError::Unexpected(error.to_string().trim().to_owned()))?;
        if document.lock_version != LOCK_VERSION {
            return Err(unexpected(&document.lock_version, "is not a lock version known here"));
        }
        let packages = document.packages.into_iter().map(read_package);
        Self::new(packages.collect::<Result<_, _>>()?)
    }

    /// The packages, by name.
    pub fn packages(&self) -> &[LockedRequirement] {
        &self.packages
    }

    /// The lock as a PEP 751 document that holds no secret and no path of this machine.
    pub fn text(&self) -> String {
        render(self.packages.iter().map(|package| (package, package.url.as_ref())))
    }

    /// The lock with the addresses as they are fetched from, secrets included: for uv's eyes only.
    pub(super) fn private_text(&self) -> String {
        let addresses = self.addresses.iter().map(|address| address.0.as_ref());
        render(self.packages.iter().zip(addresses))
    }

    /// True if every package has an address.
    pub(super) fn has_addresses(&self) -> bool {
        self.addresses.iter().all(|address| address.0.is_some())
    }

    /// The lock in the form of `requirements.txt`: names, versions and digests without addresses.
    pub(super) fn hashed_requirements(&self) -> String {
        let lines = self.packages.iter().map(|package| {
            format!("{}=={} --hash=sha256:{}\n", package.name, package.version, package.sha256)
        });
        lines.collect()
    }

    fn new(mut packages: Vec<(LockedRequirement, Address)>) -> Result<Self, PylockError> {
        packages.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        for (package, _) in &packages {
            check_filename(package)?;
        }
        if let Some(pair) = packages.windows(2).find(|pair| pair[0].0.name == pair[1].0.name) {
            return Err(unexpected(&pair[0].0.name, "is there twice"));
        }
        let (packages, addresses) = packages.into_iter().unzip();
        Ok(Self { packages, addresses })
    }
}

/// Where a wheel is fetched from; may hold a password, so it is never shown.
#[derive(Clone)]
struct Address(Option<Url>);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// Why a lock is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PylockError {
    /// A package without exactly one wheel that has a SHA-256 digest.
    #[error(
        "build requirement `{}` {} has {found} for this interpreter: exactly one wheel with a sha256 \
         is needed", .name.escape_debug(), .version.escape_debug()
    )]
    NoWheel {
        /// The project.
        name: String,
        /// Its version.
        version: String,
        /// What there is instead.
        found: String,
    },
    /// It does not parse, or does not hold together.
    #[error("lock of the build requirements: {0}")]
    Unexpected(String),
}

fn unexpected(name: &str, what: impl fmt::Display) -> PylockError {
    PylockError::Unexpected(format!("`{}` {what}", name.escape_debug()))
}

fn read_package(package: Package) -> Result<(LockedRequirement, Address), PylockError> {
    let version = package.version.unwrap_or_default();
    let no_wheel = |found: String| PylockError::NoWheel {
        name: package.name.clone(),
        version: version.clone(),
        found,
    };
    let found = package.wheels.len();
    let wheel =
        most_particular(package.wheels).ok_or_else(|| no_wheel(format!("{found} wheels")))?;
    let sha256 =
        wheel.hashes.sha256.ok_or_else(|| no_wheel("a wheel without sha256".to_owned()))?;
    let address = match (&wheel.url, &wheel.path) {
        (Some(url), _) => Url::parse(url).map_err(|error| unexpected(&package.name, error))?,
        (None, Some(path)) => Url::from_file_path(path)
            .map_err(|()| unexpected(&package.name, "has a relative path"))?,
        (None, None) => return Err(unexpected(&package.name, "has neither url nor path")),
    };
    let filename = wheel.filename().unwrap_or_default();
    let upload_time = wheel.upload_time.map(|time| {
        DateTime::parse_from_rfc3339(&time.to_string())
            .map(|time| time.with_timezone(&Utc))
            .map_err(|error| unexpected(&package.name, format!("upload-time `{time}`: {error}")))
    });
    let locked = LockedRequirement {
        url: public(&address),
        filename,
        sha256,
        size: wheel.size,
        upload_time: upload_time.transpose()?,
        version,
        name: package.name,
    };
    Ok((locked, Address(Some(address))))
}

/// Of several wheels, all of which this interpreter takes, the one made for the fewest: for a platform rather than any,
/// then for the newest Python.
fn most_particular(wheels: Vec<File>) -> Option<File> {
    let rank = |wheel: &File| {
        let filename = wheel.filename().unwrap_or_default();
        let tags: Vec<&str> = filename.trim_end_matches(".whl").rsplit('-').take(3).collect();
        let particular = tags.first().is_some_and(|platform| *platform != "any");
        let python = tags.get(2).map(|python| python.trim_start_matches(char::is_alphabetic));
        let minor = python.and_then(|digits| digits.get(1..)?.parse::<u64>().ok());
        (particular, minor, filename)
    };
    wheels.into_iter().max_by_key(rank)
}

/// An address without anything that may be a secret or a path of this machine.
fn public(address: &Url) -> Option<Url> {
    let mut url = address.clone();
    let web = matches!(url.scheme(), "http" | "https");
    if !web || url.set_username("").is_err() || url.set_password(None).is_err() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// The name and version must be those of the wheel's file name (binary distribution format), so that
/// what is recorded is what is installed.
fn check_filename(package: &LockedRequirement) -> Result<(), PylockError> {
    let wrong = || {
        unexpected(
            &package.name,
            format!(
                "{} is said to be the wheel `{}`",
                package.version.escape_debug(),
                package.filename.escape_debug()
            ),
        )
    };
    let stem = package.filename.strip_suffix(".whl").ok_or_else(wrong)?;
    let parts: Vec<&str> = stem.split('-').collect();
    let (5 | 6, [name, version, ..]) = (parts.len(), &parts[..]) else {
        return Err(wrong());
    };
    let named = name.parse::<ProjectName>().map_err(|_| wrong())?;
    let versions = (requirement::version(version), requirement::version(&package.version));
    let plain = parts
        .iter()
        .flat_map(|part| part.chars())
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '!'));
    match versions {
        (Some(a), Some(b)) if a == b && named.as_str() == package.name && plain => Ok(()),
        _ => Err(wrong()),
    }
}

fn render<'a>(packages: impl Iterator<Item = (&'a LockedRequirement, Option<&'a Url>)>) -> String {
    let packages = packages.map(|(package, url)| Package {
        name: package.name.clone(),
        version: Some(package.version.clone()),
        wheels: vec![File {
            name: Some(package.filename.clone()),
            url: url.map(Url::to_string),
            path: None,
            upload_time: package
                .upload_time
                .and_then(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true).parse().ok()),
            size: package.size,
            hashes: Hashes { sha256: Some(package.sha256) },
        }],
        ..Package::default()
    });
    let document = Document {
        lock_version: LOCK_VERSION.to_owned(),
        created_by: "wheelmark".to_owned(),
        packages: packages.collect(),
    };
    // Strings, integers and times in tables: there is nothing in it that TOML cannot express.
    toml::to_string(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "415290b84f464d2884303fca8974d38e7b85579069fab02a15db0828fbb1446d";

    fn document(package: &str) -> String {
        format!("# comment\nlock-version = \"1.0\"\ncreated-by = \"uv\"\n[[packages]]\n{package}\n")
    }

    fn wheel(url: &str) -> String {
        document(&format!(
            "name = \"hatchling\"\nversion = \"1.33.0\"\nwheels = [{{ url = \"{url}\", \
             upload-time = 2026-10-28T02:27:29Z, size = 78750, hashes = {{ sha256 = \"{DIGEST}\" }} }}]"
        ))
    }

    #[test]
    fn a_lock_is_read_and_written_without_secrets() {
        let url = "https://me:secret@mirror.example/a/hatchling-1.33.0-py3-none-any.whl?token=1#x";
        let lock = Lock::parse(&wheel(url)).unwrap();
        let [package] = lock.packages() else { panic!() };
        assert_eq!(package.filename, "hatchling-1.33.0-py3-none-any.whl");
        assert_eq!(package.upload_time.unwrap().timestamp(), 1_793_154_449);
        for text in [lock.text(), format!("{lock:?}")] {
            assert!(!text.contains("secret") && !text.contains("token"), "{text}");
        }
        assert!(lock.private_text().contains("me:secret@"), "uv needs it");
        assert!(!lock.text().contains('#'), "{}", lock.text());
        assert_eq!(Lock::parse(&lock.text()).unwrap().packages(), lock.packages());
    }

    #[test]
    fn a_wheel_of_this_machine_is_recorded_without_its_path() {
        let lock =
            Lock::parse(&wheel("file:///home/me/hatchling-1.33.0-py3-none-any.whl")).unwrap();
        assert_eq!(lock.packages()[0].url, None);
        assert!(!lock.text().contains("home"), "{}", lock.text());
        assert!(lock.has_addresses());
        let again = Lock::from_dependencies(lock.packages()).unwrap();
        assert!(!again.has_addresses());
        assert_eq!(
            again.hashed_requirements(),
            format!("hatchling==1.33.0 --hash=sha256:{DIGEST}\n")
        );
    }

    #[test]
    fn a_package_without_exactly_one_wheel_is_refused_by_name() {
        let whole = wheel("https://mirror.example/hatchling-1.33.0-py3-none-any.whl");
        let cases = [
            document("name = \"a\"\nversion = \"1\""),
            document(
                "name = \"a\"\nversion = \"1\"\nsdist = { url = \"https://x.example/a-1.tar.gz\" }",
            ),
            document("name = \"a\"\nversion = \"1\"\nwheels = []"),
            whole.replace("sha256 =", "md5 ="),
        ];
        for text in cases {
            let error = Lock::parse(&text).unwrap_err();
            assert!(matches!(error, PylockError::NoWheel { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn of_several_wheels_the_most_particular_is_taken() {
        let entry = |tags: &str| {
            let url = format!("https://x.example/a-1-{tags}.whl");
            format!("{{ url = \"{url}\", hashes = {{ sha256 = \"{DIGEST}\" }} }}")
        };
        let tags =
            ["py3-none-any", "cp311-abi3-manylinux_2_28_x86_64", "cp38-abi3-manylinux_2_28_x86_64"];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let wheels: Vec<_> = order.iter().map(|at| entry(tags[*at])).collect();
            let wheels = wheels.join(", ");
            let text = document(&format!("name = \"a\"\nversion = \"1\"\nwheels = [{wheels}]"));
            let lock = Lock::parse(&text).unwrap();
            assert_eq!(lock.packages()[0].filename, format!("a-1-{}.whl", tags[1]));
        }
    }

    #[test]
    fn a_wheel_of_another_name_or_version_is_refused() {
        for filename in [
            "hatchling-1.33.1-py3-none-any.whl",
            "other-1.33.0-py3-none-any.whl",
            "hatchling-1.33.0.tar.gz",
            "hatchling-1.33.0-py3-none-any%0a.whl",
            "",
        ] {
            let error =
                Lock::parse(&wheel(&format!("https://mirror.example/{filename}"))).unwrap_err();
            assert!(matches!(error, PylockError::Unexpected(_)), "{filename}: {error}");
        }
        let lock = Lock::parse(&wheel("https://mirror.example/hatchling-1.33-py3-none-any.whl"));
        assert!(lock.is_ok(), "1.33 and 1.33.0 are one version");
    }

    #[test]
    fn a_lock_of_an_unknown_major_version_is_refused() {
        let text = wheel("https://x.example/hatchling-1.33.0-py3-none-any.whl");
        assert!(Lock::parse(&text.replace("\"1.0\"", "\"2.0\"")).is_err());
    }
}
