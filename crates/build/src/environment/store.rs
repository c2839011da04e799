//! Environments of build requirements, kept by what is in them and used again.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wheelmark_core::attestation::environment::Interpreter;
use wheelmark_core::digest::Sha256Digest;

use super::interpreter::FoundInterpreter;
use super::message;
use super::pylock::Lock;
use super::uv::Uv;
use crate::process::{self, Output, ProcessError};

/// Changed whenever an environment is made in another way, so that none of an older way is used.
const FORMAT: u32 = 2;

/// How often a lock that another process holds is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// Bytes of the marker that are read; it has some hundred.
const MARKER_LIMIT: u64 = 64 << 10;

/// A folder of environments.
///
/// An environment is as trustworthy as the user's account: whoever can write to the cache can change it.
/// A build in the sandbox cannot. A build without one can, so it should have a store of its own, in a
/// folder that goes away with it.
#[derive(Debug, Clone)]
pub struct EnvironmentStore {
    folder: PathBuf,
}

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system failed at a file of the store.
    #[error("cannot use `{}`: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// uv could not make the virtual environment.
    #[error("uv could not make a virtual environment for `{interpreter}`: {said}")]
    Venv {
        /// The interpreter's path.
        interpreter: String,
        /// What uv said.
        said: String,
    },
    /// The wheels could not be fetched or are not those that are locked.
    #[error("uv could not install the locked build requirements: {said}")]
    Install {
        /// What uv said, first of the addresses, then of the index.
        said: String,
    },
    /// uv could not be run, or was stopped.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl EnvironmentStore {
    /// A store in a cache folder, which need not exist yet.
    pub fn new(cache: &Path) -> Self {
        Self { folder: cache.join("environments") }
    }

    /// The environment of a lock: a virtual environment that does not know its own path, with exactly
    /// the locked wheels. It is made if it is not there, or if its files changed since it was made.
    ///
    /// Returns its folder, which is for reading only. Modules are compiled beforehand: each build
    /// then starts in less than half the time.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn materialize(
        &self,
        uv: &Uv,
        lock: &Lock,
        interpreter: &FoundInterpreter,
        cancel: &AtomicBool,
    ) -> Result<PathBuf, StoreError> {
        let key = key(uv, lock, &interpreter.record);
        let place = self.folder.join(key.to_string());
        let environment = place.join("env");
        fs::create_dir_all(&self.folder).map_err(at(&self.folder))?;
        let _held = hold(&self.folder.join(format!("{key}.lock")), cancel)?;
        if is_whole(&place, &environment) {
            return Ok(environment);
        }
        // Under the lock, what is at these two places is left over from a process that ended early.
        let partial = self.folder.join(format!("{key}.partial"));
        for leftover in [&place, &partial] {
            remove(leftover)?;
        }
        let made = self.make(uv, lock, interpreter, &partial, cancel);
        if made.is_err() {
            let _ = remove(&partial);
        }
        made?;
        fs::rename(&partial, &place).map_err(at(&place))?;
        Ok(environment)
    }

    fn make(
        &self,
        uv: &Uv,
        lock: &Lock,
        interpreter: &FoundInterpreter,
        partial: &Path,
        cancel: &AtomicBool,
    ) -> Result<(), StoreError> {
        fs::create_dir(partial).map_err(at(partial))?;
        let environment = partial.join("env");
        install(uv, lock, interpreter, &environment, cancel)?;
        compile(interpreter, &environment, cancel)?;
        let marker =
            Marker { format: FORMAT, tree: fingerprint(&environment).map_err(at(&environment))? };
        let path = partial.join("complete.json");
        let bytes = serde_json::to_vec(&marker).map_err(|error| at(&path)(error.into()))?;
        fs::write(&path, bytes).map_err(at(&path))
    }
}

/// Written last: its presence says that the environment beside it is whole.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Marker {
    format: u32,
    tree: Sha256Digest,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::File { path: path.to_owned(), source }
}

/// Everything that decides what is in an environment.
fn key(uv: &Uv, lock: &Lock, interpreter: &Interpreter) -> Sha256Digest {
    let packages: Vec<_> =
        lock.packages().iter().map(|package| (&package.filename, package.sha256)).collect();
    let parts = serde_json::json!([FORMAT, uv.version().to_string(), interpreter, packages]);
    Sha256Digest::of(parts.to_string().as_bytes())
}

/// An empty virtual environment that does not know its own path.
fn empty(
    uv: &Uv,
    interpreter: &FoundInterpreter,
    environment: &Path,
    cancel: &AtomicBool,
) -> Result<(), StoreError> {
    remove(environment)?;
    let mut arguments = vec!["venv".into(), "--relocatable".into(), "--no-project".into()];
    arguments.extend(["--python".into(), interpreter.path().into(), environment.into()]);
    let output: Output = uv.run::<std::ffi::OsString>(arguments, cancel)?;
    if !output.status.success() {
        return Err(StoreError::Venv {
            interpreter: interpreter.record.path.clone(),
            said: message(&output.stderr),
        });
    }
    point_to(environment, interpreter.path())
}

/// Installs the wheels from their addresses, or, where one of these is dead, from the index; in both
/// cases only files with the locked digests.
///
/// uv starts the environment's interpreter to learn about it, so each attempt begins with an empty one:
/// outside the sandbox it must never start where a stranger's `.pth` file lies.
fn install(
    uv: &Uv,
    lock: &Lock,
    interpreter: &FoundInterpreter,
    environment: &Path,
    cancel: &AtomicBool,
) -> Result<(), StoreError> {
    let scratch = uv.scratch().map_err(at(environment))?;
    let attempt = |name: &str, text: &str, options: &[&str]| {
        empty(uv, interpreter, environment, cancel)?;
        if lock.packages().is_empty() {
            return Ok(Ok(()));
        }
        let file = scratch.path().join(name);
        fs::write(&file, text).map_err(at(&file))?;
        let mut arguments = vec!["pip".into(), "sync".into(), file.into_os_string()];
        arguments.extend(["--python".into(), environment.join("bin/python").into_os_string()]);
        arguments.extend(["--link-mode", "copy", "--quiet"].map(Into::into));
        arguments.extend(options.iter().map(Into::into));
        let output = uv.run(arguments, cancel)?;
        Ok::<_, StoreError>(if output.status.success() {
            Ok(())
        } else {
            Err(message(&output.stderr))
        })
    };
    let mut said = String::new();
    if lock.has_addresses() {
        match attempt("pylock.toml", &lock.private_text(), &[])? {
            Ok(()) => return Ok(()),
            Err(failure) => said = failure,
        }
    }
    let options = ["--require-hashes", "--only-binary", ":all:"];
    attempt("requirements.txt", &lock.hashed_requirements(), &options)?.map_err(|failure| {
        if !said.is_empty() {
            said.push_str("\nfrom the index, by name, version and digest: ");
        }
        StoreError::Install { said: said + &failure }
    })
}

/// Compiles the installed modules, with the interpreter that the environment was made from and without
/// its `site` module: nothing that was installed is run. A module that does not compile stays as it is.
fn compile(
    interpreter: &FoundInterpreter,
    environment: &Path,
    cancel: &AtomicBool,
) -> Result<(), StoreError> {
    let mut command = Command::new(interpreter.path());
    command
        .args(["-I", "-S", "-m", "compileall", "-q", "-j", "0"])
        .arg(environment.join("lib"))
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/");
    process::run(command, cancel, COMPILE_TIMEOUT)?;
    Ok(())
}

/// Long enough for the largest environments that builds need.
const COMPILE_TIMEOUT: Duration = Duration::from_secs(600);

/// Makes the environment name the executable that is recorded: uv may name it by a link to it, which
/// leads elsewhere one day.
fn point_to(environment: &Path, executable: &Path) -> Result<(), StoreError> {
    let python = environment.join("bin/python");
    fs::remove_file(&python).map_err(at(&python))?;
    std::os::unix::fs::symlink(executable, &python).map_err(at(&python))?;
    let config = environment.join("pyvenv.cfg");
    let text = fs::read_to_string(&config).map_err(at(&config))?;
    let home = executable.parent().unwrap_or(executable).display().to_string();
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some((name, _)) if name.trim() == "home" => format!("home = {home}\n"),
        _ => format!("{line}\n"),
    });
    fs::write(&config, lines.collect::<String>()).map_err(at(&config))
}

/// Takes the lock of one environment; it is let go when the file is closed, at the latest by the end of
/// the process.
fn hold(path: &Path, cancel: &AtomicBool) -> Result<File, StoreError> {
    let file =
        File::options().create(true).truncate(false).write(true).open(path).map_err(at(path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if cancel.load(Ordering::Relaxed) => {
                return Err(StoreError::Process(ProcessError::Cancelled {
                    program: "uv".to_owned(),
                }));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(RETRY),
            Err(TryLockError::Error(error)) => return Err(at(path)(error)),
        }
    }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

fn is_whole(place: &Path, environment: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(place.join("complete.json"))
        .and_then(|file| file.take(MARKER_LIMIT).read_to_end(&mut bytes));
    let Ok(marker) = read.and_then(|_| Ok(serde_json::from_slice::<Marker>(&bytes)?)) else {
        return false;
    };
    let tree = fingerprint(environment);
    tree.is_ok_and(|tree| marker == Marker { format: FORMAT, tree })
}

/// A digest over names, sizes, modes, times of change and link targets: cheap, and different after any
/// change that does not hide on purpose.
fn fingerprint(folder: &Path) -> io::Result<Sha256Digest> {
    let mut entries = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(&current)? {
            let entry = entry?;
            let metadata = entry.metadata()?; // of a link itself
            let path = entry.path();
            let link = if metadata.is_symlink() { Some(fs::read_link(&path)?) } else { None };
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            let size = (!metadata.is_dir()).then_some(metadata.size());
            // The time of change of the inode cannot be set back, but a rename above leaves it alone.
            let changed = (metadata.ctime(), metadata.ctime_nsec());
            let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
            entries.insert(name, (metadata.mode(), size, changed, link));
        }
    }
    Ok(Sha256Digest::of(format!("{entries:?}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use url::Url;

    use super::*;
    use crate::environment::interpreter;
    use crate::environment::pylock::LockedRequirement;
    use crate::environment::requirements::{LockError, LockRequest, lock};
    use crate::environment::uv::digest_of;

    struct Setup {
        uv: Uv,
        interpreter: FoundInterpreter,
        lock: Lock,
        cache: tempfile::TempDir,
    }

    fn setup() -> Option<Setup> {
        let cancel = AtomicBool::new(false);
        let uv = Uv::find(&cancel).map_err(|error| eprintln!("skipped: {error}")).ok()?;
        let interpreter = interpreter::find(&uv, None, &cancel)
            .map_err(|error| eprintln!("skipped: {error}"))
            .ok()?;
        let requirements = ["iniconfig==2.0.0".to_owned()];
        let request = LockRequest {
            requirements: &requirements,
            interpreter: &interpreter,
            exclude_newer: None,
            constraints: None,
            yanked: false,
            only_backends: false,
        };
        let lock = match lock(&uv, request, &cancel) {
            Err(error @ LockError::Failed { .. }) => {
                eprintln!("skipped: {error}");
                return None;
            }
            lock => lock.unwrap(),
        };
        let cache = tempfile::tempdir().unwrap();
        Some(Setup { uv, interpreter, lock, cache })
    }

    impl Setup {
        fn materialize(&self, lock: &Lock) -> Result<PathBuf, StoreError> {
            let store = EnvironmentStore::new(self.cache.path());
            store.materialize(&self.uv, lock, &self.interpreter, &AtomicBool::new(false))
        }

        fn with(&self, change: impl Fn(&mut LockedRequirement)) -> Lock {
            let mut packages = self.lock.packages().to_vec();
            packages.iter_mut().for_each(change);
            Lock::from_dependencies(&packages).unwrap()
        }
    }

    fn import(environment: &Path) -> String {
        let output = Command::new(environment.join("bin/python"))
            .args([
                "-I",
                "-B",
                "-c",
                "import iniconfig, sys; print(iniconfig.__file__, sys.prefix)",
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", message(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn an_environment_is_made_once_and_works_in_another_place() {
        let Some(setup) = setup() else { return };
        let environment = setup.materialize(&setup.lock).unwrap();
        let marker = environment.with_file_name("complete.json");
        let made = fs::metadata(&marker).unwrap().ctime_nsec();
        import(&environment);
        assert_eq!(setup.materialize(&setup.lock).unwrap(), environment);
        assert_eq!(fs::metadata(&marker).unwrap().ctime_nsec(), made, "made a second time");

        let elsewhere = setup.cache.path().join("elsewhere");
        fs::rename(&environment, &elsewhere).unwrap();
        let found = import(&elsewhere);
        assert!(found.starts_with(elsewhere.to_str().unwrap()), "{found}");
    }

    /// A wheel whose `.pth` file leaves a mark when an interpreter starts where it is installed.
    fn wheel_that_marks(folder: &Path, mark: &Path) -> LockedRequirement {
        let pth = format!("import pathlib; pathlib.Path({mark:?}).touch()\n");
        let script = "import sys, zipfile\n\
            with zipfile.ZipFile(sys.argv[1], 'w') as wheel:\n\
            \x20   info = 'marks-1.0.dist-info/'\n\
            \x20   wheel.writestr('marks.pth', sys.argv[2])\n\
            \x20   wheel.writestr('marks.py', '')\n\
            \x20   wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: marks\\nVersion: 1.0\\n')\n\
            \x20   wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\n'\n\
            \x20       'Root-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
            \x20   wheel.writestr(info + 'RECORD', 'marks.pth,,\\nmarks.py,,\\n'\n\
            \x20       + ''.join(info + name + ',,\\n' for name in ['METADATA', 'WHEEL', 'RECORD']))\n";
        let path = folder.join("marks-1.0-py3-none-any.whl");
        let status = Command::new("python3").args(["-c", script]).arg(&path).arg(pth).status();
        assert!(status.unwrap().success());
        LockedRequirement {
            name: "marks".to_owned(),
            version: "1.0".to_owned(),
            filename: "marks-1.0-py3-none-any.whl".to_owned(),
            sha256: digest_of(&path).unwrap(),
            url: Some(Url::from_file_path(&path).unwrap()),
            size: None,
            upload_time: None,
        }
    }

    #[test]
    fn nothing_that_is_installed_runs_outside_the_sandbox() {
        let Some(setup) = setup() else { return };
        let mark = setup.cache.path().join("mark");
        let marks = wheel_that_marks(setup.cache.path(), &mark);
        let lock = Lock::from_dependencies(&[marks]).unwrap();
        let environment = setup.materialize(&lock).unwrap();
        assert!(!mark.exists(), "its .pth file was run while it was installed");
        // It is a .pth file that runs, where it is let.
        let started = Command::new(environment.join("bin/python")).arg("--version").status();
        assert!(started.unwrap().success());
        let started = Command::new(environment.join("bin/python")).args(["-c", ""]).status();
        assert!(started.unwrap().success() && mark.exists());
    }

    #[test]
    fn a_changed_environment_is_made_again() {
        let Some(setup) = setup() else { return };
        let environment = setup.materialize(&setup.lock).unwrap();
        let library = fs::read_dir(environment.join("lib")).unwrap().next().unwrap().unwrap();
        let module = library.path().join("site-packages/iniconfig/__init__.py");
        let original = fs::read(&module).unwrap();
        let times = fs::metadata(&module).unwrap().modified().unwrap();
        // Of the same size, with the time of modification set back.
        let mut changed = original.clone();
        changed[0] ^= 1;
        fs::write(&module, changed).unwrap();
        File::options().write(true).open(&module).unwrap().set_modified(times).unwrap();
        setup.materialize(&setup.lock).unwrap();
        assert_eq!(fs::read(&module).unwrap(), original);
    }

    #[test]
    fn a_dead_address_falls_back_to_the_index() {
        let Some(setup) = setup() else { return };
        let lock = setup.with(|package| {
            let url = package.url.as_mut().unwrap();
            url.set_path(&format!("/nowhere/{}", package.filename));
        });
        import(&setup.materialize(&lock).unwrap());
        let lock = setup.with(|package| package.url = None);
        import(&setup.materialize(&lock).unwrap());
    }

    #[test]
    fn a_wheel_of_another_digest_is_refused_and_nothing_is_left() {
        let Some(setup) = setup() else { return };
        let lock = setup.with(|package| package.sha256 = Sha256Digest::of(b"another"));
        let error = setup.materialize(&lock).unwrap_err();
        assert!(matches!(error, StoreError::Install { .. }), "{error}");
        let left = fs::read_dir(setup.cache.path().join("environments")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name.to_string_lossy().ends_with(".lock")), "{left:?}");
    }

    #[test]
    fn two_at_once_get_the_same_environment() {
        let Some(setup) = setup() else { return };
        let made = thread::scope(|scope| {
            let one = scope.spawn(|| setup.materialize(&setup.lock).unwrap());
            let other = scope.spawn(|| setup.materialize(&setup.lock).unwrap());
            (one.join().unwrap(), other.join().unwrap())
        });
        assert_eq!(made.0, made.1);
        import(&made.0);
    }
}
