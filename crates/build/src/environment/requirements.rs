//! Build requirements, resolved to one wheel each with its digest, and the PEP 751 lock that says so.
//!
//! A wheel and not an sdist: an sdist would have to be built first, by code with requirements of its own
//! that no lock here names.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, SecondsFormat, Utc};
use pep440_rs::Version;
use pep508_rs::PackageName;
use serde::{Deserialize, Serialize};
use url::Url;
use wheelmark_core::digest::Sha256Digest;

use super::interpreter::FoundInterpreter;
use super::message;
use super::project::requirement;
use super::uv::Uv;
use crate::process::ProcessError;

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
    /// [`LockError::Unexpected`] where one is not a wheel of the name and version that it is said to be,
    /// or a name is there twice.
    pub fn from_dependencies(recorded: &[LockedRequirement]) -> Result<Self, LockError> {
        let address = |package: &LockedRequirement| Address(package.url.clone());
        let packages = recorded
            .iter()
            .map(|package| (package.clone(), address(package)));
        Self::new(packages.collect())
    }

    /// The packages, by name.
    pub fn packages(&self) -> &[LockedRequirement] {
        &self.packages
    }

    /// The lock as a PEP 751 document that holds no secret and no path of this machine.
    pub fn text(&self) -> String {
        render(
            self.packages
                .iter()
                .map(|package| (package, package.url.as_ref())),
        )
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
            format!(
                "{}=={} --hash=sha256:{}\n",
                package.name, package.version, package.sha256
            )
        });
        lines.collect()
    }

    fn new(mut packages: Vec<(LockedRequirement, Address)>) -> Result<Self, LockError> {
        packages.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        for (package, _) in &packages {
            check_filename(package)?;
        }
        if let Some(pair) = packages
            .windows(2)
            .find(|pair| pair[0].0.name == pair[1].0.name)
        {
            return Err(unexpected(&pair[0].0.name, "is there twice"));
        }
        let (packages, addresses) = packages.into_iter().unzip();
        Ok(Self {
            packages,
            addresses,
        })
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

/// Why requirements could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A requirement does not parse, or is one that cannot be recorded.
    #[error("{0}")]
    Requirement(String),
    /// uv found no set of versions with a wheel each for this interpreter.
    #[error("build requirements cannot be resolved: {}\n{said}", .requirements.join(", "))]
    Unresolvable {
        /// What was asked for.
        requirements: Vec<String>,
        /// uv's explanation.
        said: String,
    },
    /// uv failed for another reason, such as an index that cannot be reached.
    #[error("uv could not resolve the build requirements: {said}")]
    Failed {
        /// What it said.
        said: String,
    },
    /// A version was taken back by its project and is asked for by name.
    #[error("build requirement is yanked: {said}")]
    Yanked {
        /// uv's line: version and the project's reason.
        said: String,
    },
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
    /// A lock that does not hold together.
    #[error("lock of the build requirements: {0}")]
    Unexpected(String),
    /// A file could not be read or written.
    #[error("cannot use `{}`: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// uv could not be run, or was stopped.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// What is to be locked.
#[derive(Debug, Clone, Copy)]
pub struct LockRequest<'a> {
    /// Requirements in the notation of PEP 508.
    pub requirements: &'a [String],
    /// For whom.
    pub interpreter: &'a FoundInterpreter,
    /// Files uploaded at or after this time are as if they were not there.
    pub exclude_newer: Option<DateTime<Utc>>,
    /// A file of constraints in the form of `requirements.txt`.
    pub constraints: Option<&'a Path>,
}

/// Resolves requirements to exact wheels for one interpreter, from the index that is configured for uv,
/// or else for pip.
///
/// # Errors
/// See [`LockError`].
pub fn lock(uv: &Uv, request: LockRequest<'_>, cancel: &AtomicBool) -> Result<Lock, LockError> {
    // Parsed and written again, so that nothing of it is taken for an option of the installer.
    let requirements = request.requirements.iter().map(|text| requirement(text));
    let requirements: Vec<String> = requirements
        .collect::<Result<_, _>>()
        .map_err(LockError::Requirement)?;
    if requirements.is_empty() {
        return Lock::new(Vec::new());
    }
    let folder = uv.scratch().map_err(|source| LockError::File {
        path: std::env::temp_dir(),
        source,
    })?;
    let input = folder.path().join("requirements.in");
    let output = folder.path().join("pylock.toml");
    write(&input, &requirements.join("\n"))?;

    let mut arguments = vec!["pip".into(), "compile".into(), input.into_os_string()];
    arguments.extend(
        [
            "--format",
            "pylock.toml",
            "--only-binary",
            ":all:",
            "--no-sources",
        ]
        .map(Into::into),
    );
    arguments.extend(["--resolution", "highest"].map(Into::into));
    arguments.extend(["--prerelease", "if-necessary-or-explicit"].map(Into::into));
    arguments.extend(["--python".into(), request.interpreter.path().into()]);
    arguments.extend(["--output-file".into(), output.clone().into_os_string()]);
    if let Some(time) = request.exclude_newer {
        let time = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        arguments.extend(["--exclude-newer".into(), time.into()]);
    }
    if let Some(path) = request.constraints {
        // Checked here, for uv runs elsewhere and would name another file.
        let absolute = fs::canonicalize(path).map_err(|source| LockError::File {
            path: path.to_owned(),
            source,
        })?;
        arguments.extend(["--constraints".into(), absolute.into_os_string()]);
    }
    let result = uv.run(arguments, cancel)?;
    let said = message(&result.stderr);
    if !result.status.success() {
        return Err(if said.contains("No solution found") {
            LockError::Unresolvable { requirements, said }
        } else {
            LockError::Failed { said }
        });
    }
    if let Some(line) = said.lines().find(|line| line.contains("is yanked")) {
        let said = line.trim_start_matches("warning: ").to_owned();
        return Err(LockError::Yanked { said });
    }
    let text = fs::read_to_string(&output).map_err(|source| LockError::File {
        path: output,
        source,
    })?;
    parse(&text)
}

fn write(path: &Path, text: &str) -> Result<(), LockError> {
    fs::write(path, text).map_err(|source| LockError::File {
        path: path.to_owned(),
        source,
    })
}

/// The parts of a PEP 751 document that are used here.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    lock_version: String,
    created_by: String,
    #[serde(default)]
    packages: Vec<Package>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    #[serde(default)]
    wheels: Vec<Wheel>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wheel {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_time: Option<toml::value::Datetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    hashes: Hashes,
}

#[derive(Debug, Serialize, Deserialize)]
struct Hashes {
    sha256: Option<Sha256Digest>,
}

fn unexpected(name: &str, what: impl fmt::Display) -> LockError {
    LockError::Unexpected(format!("`{}` {what}", name.escape_debug()))
}

fn parse(text: &str) -> Result<Lock, LockError> {
    let document: Document = toml::from_str(text)
        .map_err(|error| LockError::Unexpected(error.to_string().trim().to_owned()))?;
    // PEP 751: a tool must refuse a major version that it does not know.
    if document.lock_version != "1.0" && !document.lock_version.starts_with("1.") {
        return Err(unexpected(
            &document.lock_version,
            "is not a lock version known here",
        ));
    }
    let packages = document.packages.into_iter().map(read_package);
    Lock::new(packages.collect::<Result<_, _>>()?)
}

fn read_package(package: Package) -> Result<(LockedRequirement, Address), LockError> {
    let version = package.version.unwrap_or_default();
    let no_wheel = |found: String| LockError::NoWheel {
        name: package.name.clone(),
        version: version.clone(),
        found,
    };
    let [wheel] = <[Wheel; 1]>::try_from(package.wheels)
        .map_err(|wheels| no_wheel(format!("{} wheels", wheels.len())))?;
    let sha256 = wheel
        .hashes
        .sha256
        .ok_or_else(|| no_wheel("a wheel without sha256".to_owned()))?;
    let address = match (&wheel.url, &wheel.path) {
        (Some(url), _) => Url::parse(url).map_err(|error| unexpected(&package.name, error))?,
        (None, Some(path)) => Url::from_file_path(path)
            .map_err(|()| unexpected(&package.name, "has a relative path"))?,
        (None, None) => return Err(unexpected(&package.name, "has neither url nor path")),
    };
    let filename = match wheel.name {
        Some(name) => name,
        None => {
            let last = address
                .path_segments()
                .and_then(|mut parts| parts.next_back());
            percent_encoding::percent_decode_str(last.unwrap_or_default())
                .decode_utf8_lossy()
                .into_owned()
        }
    };
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
fn check_filename(package: &LockedRequirement) -> Result<(), LockError> {
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
    let named = PackageName::from_str(name).map_err(|_| wrong())?;
    let versions = (
        Version::from_str(version),
        Version::from_str(&package.version),
    );
    let plain = parts
        .iter()
        .flat_map(|part| part.chars())
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '!'));
    match versions {
        (Ok(a), Ok(b)) if a == b && named.as_ref() == package.name && plain => Ok(()),
        _ => Err(wrong()),
    }
}

fn render<'a>(packages: impl Iterator<Item = (&'a LockedRequirement, Option<&'a Url>)>) -> String {
    let packages = packages.map(|(package, url)| Package {
        name: package.name.clone(),
        version: Some(package.version.clone()),
        wheels: vec![Wheel {
            name: Some(package.filename.clone()),
            url: url.map(Url::to_string),
            path: None,
            upload_time: package.upload_time.and_then(|time| {
                time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
                    .parse()
                    .ok()
            }),
            size: package.size,
            hashes: Hashes {
                sha256: Some(package.sha256),
            },
        }],
    });
    let document = Document {
        lock_version: "1.0".to_owned(),
        created_by: "wheelmark".to_owned(),
        packages: packages.collect(),
    };
    // Strings, integers and times in tables: there is nothing in it that TOML cannot express.
    toml::to_string(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::interpreter;

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
        let lock = parse(&wheel(url)).unwrap();
        let [package] = lock.packages() else { panic!() };
        assert_eq!(package.filename, "hatchling-1.33.0-py3-none-any.whl");
        assert_eq!(package.upload_time.unwrap().timestamp(), 1_793_154_449);
        for text in [lock.text(), format!("{lock:?}")] {
            assert!(
                !text.contains("secret") && !text.contains("token"),
                "{text}"
            );
        }
        assert!(lock.private_text().contains("me:secret@"), "uv needs it");
        assert!(!lock.text().contains('#'), "{}", lock.text());
        assert_eq!(parse(&lock.text()).unwrap().packages(), lock.packages());
    }

    #[test]
    fn a_wheel_of_this_machine_is_recorded_without_its_path() {
        let lock = parse(&wheel("file:///home/me/hatchling-1.33.0-py3-none-any.whl")).unwrap();
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
        let entry = &whole[whole.find("[{").unwrap() + 1..whole.rfind(']').unwrap()];
        let cases = [
            document("name = \"a\"\nversion = \"1\""),
            document(
                "name = \"a\"\nversion = \"1\"\nsdist = { url = \"https://x.example/a-1.tar.gz\" }",
            ),
            document("name = \"a\"\nversion = \"1\"\nwheels = []"),
            whole.replace(entry, &format!("{entry}, {entry}")),
            whole.replace("sha256 =", "md5 ="),
        ];
        for text in cases {
            let error = parse(&text).unwrap_err();
            assert!(
                matches!(error, LockError::NoWheel { .. }),
                "{text}: {error}"
            );
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
            let error = parse(&wheel(&format!("https://mirror.example/{filename}"))).unwrap_err();
            assert!(
                matches!(error, LockError::Unexpected(_)),
                "{filename}: {error}"
            );
        }
        let lock = parse(&wheel(
            "https://mirror.example/hatchling-1.33-py3-none-any.whl",
        ));
        assert!(lock.is_ok(), "1.33 and 1.33.0 are one version");
    }

    #[test]
    fn a_lock_of_an_unknown_major_version_is_refused() {
        let text = wheel("https://x.example/hatchling-1.33.0-py3-none-any.whl");
        assert!(parse(&text.replace("\"1.0\"", "\"2.0\"")).is_err());
    }

    fn with_uv(
        requirements: &[&str],
        constraints: Option<&Path>,
    ) -> Option<Result<Lock, LockError>> {
        let cancel = AtomicBool::new(false);
        let uv = Uv::find(&cancel)
            .map_err(|error| eprintln!("skipped: {error}"))
            .ok()?;
        let interpreter = interpreter::find(&uv, None, &cancel)
            .map_err(|error| eprintln!("skipped: {error}"))
            .ok()?;
        let requirements: Vec<String> = requirements.iter().map(ToString::to_string).collect();
        let request = LockRequest {
            requirements: &requirements,
            interpreter: &interpreter,
            exclude_newer: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            constraints,
        };
        match lock(&uv, request, &cancel) {
            Err(error @ LockError::Failed { .. }) => {
                eprintln!("skipped: {error}");
                None
            }
            result => Some(result),
        }
    }

    #[test]
    fn requirements_are_resolved_under_constraints_as_of_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let constraints = folder.path().join("constraints.txt");
        fs::write(&constraints, "iniconfig==2.0.0\n").unwrap();
        let Some(lock) = with_uv(&["iniconfig", "wheel"], Some(&constraints)) else {
            return;
        };
        let lock = lock.unwrap();
        let names: Vec<_> = lock.packages().iter().map(|p| p.name.as_str()).collect();
        assert!(
            names.starts_with(&["iniconfig"]) && names.contains(&"wheel"),
            "{names:?}"
        );
        assert_eq!(lock.packages()[0].version, "2.0.0");
        for package in lock.packages() {
            assert!(
                package
                    .upload_time
                    .is_none_or(|time| time.to_rfc3339() < "2026".to_owned())
            );
        }
        assert_eq!(parse(&lock.text()).unwrap().packages(), lock.packages());
    }

    #[test]
    fn what_cannot_be_resolved_is_explained() {
        let Some(result) = with_uv(&["iniconfig>=999"], None) else {
            return;
        };
        let error = result.unwrap_err();
        assert!(matches!(error, LockError::Unresolvable { .. }), "{error}");
        assert!(error.to_string().contains("iniconfig"), "{error}");
    }

    #[test]
    fn a_yanked_version_is_refused_with_its_reason() {
        let Some(result) = with_uv(&["attrs==21.1.0"], None) else {
            return;
        };
        let error = result.unwrap_err();
        assert!(matches!(error, LockError::Yanked { .. }), "{error}");
        assert!(error.to_string().contains("attrs==21.1.0"), "{error}");
    }

    #[test]
    fn a_direct_url_never_reaches_uv() {
        let Some(result) = with_uv(&["a @ https://example.com/a-1-py3-none-any.whl"], None) else {
            return;
        };
        assert!(matches!(result, Err(LockError::Requirement(_))));
    }
}
