//! What ran and what was read, from the record that `strace` wrote outside the sandbox.
//!
//! strace stops every process of the job at each exec, so no program starts unseen: a process
//! that leaves the tracer (`CLONE_UNTRACED`) keeps the filter and cannot exec at all. What is *not*
//! seen is code that runs without exec: a library loaded by the dynamic linker or Python, a
//! program started as an argument of `ld.so`. With `Tracing::ProgramsAndFiles` the files of the
//! system that were opened are recorded too, so such code shows there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use wheelmark_core::digest::Sha256Digest;

use super::strace::{Event, Line, parse};
use super::view::{Place, View};

/// What the tracer says. Never an empty list where nothing was seen because nobody looked.
#[derive(Debug, Clone)]
pub enum Trace {
    /// The caller asked for none.
    NotAsked,
    /// The tracer is missing, may not attach, or its record does not show the job's own start.
    Unavailable {
        /// Why, for a person.
        reason: String,
    },
    /// The tracer was attached from before the job's first program until the last process ended.
    /// Of a job that *we* ended, the last moments may be missing.
    Attached(Observed),
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The programs executed, by path, each path once.
    pub programs: Vec<Program>,
    /// The files of the system (and headers of read-only binds) that were opened for reading,
    /// by real path inside; `None` if they were not traced.
    pub files: Option<Vec<PathBuf>>,
}

/// A program that was executed inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The path given to exec, inside; made absolute by the directory the process was in.
    pub path: PathBuf,
    /// The name it was called by (`argv[0]`, at most 64 bytes).
    pub name: Option<String>,
    /// How often it was executed.
    pub count: u64,
    /// What file that was.
    pub file: ProgramFile,
    /// The script that names this program in its first line, where it was started that way.
    pub script: Option<PathBuf>,
}

/// The file behind a program, looked at after the job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramFile {
    /// A file the job could not change.
    Fixed {
        /// Its path inside, without symbolic links.
        real: PathBuf,
        /// Of its content.
        sha256: Sha256Digest,
    },
    /// In a place the job could write (a `configure` test, a tool it built): not hashed, since
    /// what stands there now need not be what ran.
    Ephemeral,
    /// Not found: run from memory, through `/proc`, or relative to a directory not known.
    Unknown,
}

/// What [`read`] needs to know about the run.
pub(super) struct Setting<'a> {
    /// The programs that are executed before the job's own, in order.
    pub launchers: &'a [PathBuf],
    /// The job's first working directory.
    pub cwd: &'a Path,
    pub view: &'a View,
    /// Whether openat was traced.
    pub files: bool,
}

/// Reads the tracer's record.
///
/// # Errors
/// As reading `record`. A record that does not show all launchers is [`Trace::Unavailable`].
pub(super) fn read(mut record: impl BufRead, setting: &Setting) -> io::Result<Trace> {
    let mut reader = Reader::new(setting);
    let mut line = Vec::new();
    loop {
        line.clear();
        if record.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        reader.line(&String::from_utf8_lossy(&line));
    }
    if reader.launched < setting.launchers.len() {
        let reason = format!(
            "the tracer's record does not show the start of the job ({} of {} launchers)",
            reader.launched,
            setting.launchers.len()
        );
        return Ok(Trace::Unavailable { reason });
    }
    if let Some(call) = reader.other_view {
        let reason = format!(
            "the job made itself another view of the files (`{call}`), in which paths do not say \
             what ran"
        );
        return Ok(Trace::Unavailable { reason });
    }
    Ok(Trace::Attached(reader.finish()))
}

/// Follows processes, their directories and what they execute.
struct Reader<'a> {
    setting: &'a Setting<'a>,
    launched: usize,
    /// The first part of a call that another process interrupted, by process.
    unfinished: HashMap<u32, String>,
    /// Which directory each process is in: an index into `cwds`, which threads share.
    places: HashMap<u32, usize>,
    cwds: Vec<Option<PathBuf>>,
    /// What a process did before the line that says who started it.
    early: HashMap<u32, Vec<Event>>,
    programs: BTreeMap<PathBuf, (Option<String>, u64)>,
    files: BTreeSet<PathBuf>,
    /// The first call that gave a process another view of the files.
    other_view: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(setting: &'a Setting<'a>) -> Self {
        Self {
            setting,
            launched: 0,
            unfinished: HashMap::new(),
            places: HashMap::new(),
            cwds: Vec::new(),
            early: HashMap::new(),
            programs: BTreeMap::new(),
            files: BTreeSet::new(),
            other_view: None,
        }
    }

    fn line(&mut self, line: &str) {
        let Some((pid, line)) = Line::split(line) else {
            return;
        };
        match line {
            Line::Unfinished(start) => {
                self.unfinished.insert(pid, start.to_owned());
            }
            Line::Resumed(end) => {
                if let Some(start) = self.unfinished.remove(&pid) {
                    self.call(pid, &format!("{start}{end}"));
                }
            }
            Line::Call(call) => self.call(pid, call),
            Line::Ended => {
                self.places.remove(&pid);
                self.unfinished.remove(&pid);
            }
        }
    }

    fn call(&mut self, pid: u32, call: &str) {
        if let Some(event) = parse(call) {
            self.event(pid, event);
        }
    }

    fn event(&mut self, pid: u32, event: Event) {
        if self.launched < self.setting.launchers.len() {
            return self.launch(pid, event);
        }
        if let Event::OtherView(call) = event {
            self.other_view.get_or_insert(call);
            return;
        }
        let Some(&place) = self.places.get(&pid) else {
            self.early.entry(pid).or_default().push(event);
            return;
        };
        match event {
            Event::Exec { path, name } => {
                let path = self.absolute(place, path);
                // Without a directory the relative path stands as it was given.
                let count = self.programs.entry(path).or_insert((name, 0));
                count.1 += 1;
            }
            Event::OtherView(_) => {}
            Event::Chdir(path) => self.cwds[place] = Some(self.absolute(place, path)),
            Event::Open(path) => {
                if observed(&path) {
                    self.files.insert(path);
                }
            }
            Event::Child { pid, shares_cwd } => {
                let place = if shares_cwd {
                    place
                } else {
                    self.cwds.push(self.cwds[place].clone());
                    self.cwds.len() - 1
                };
                self.places.insert(pid, place);
                for event in self.early.remove(&pid).unwrap_or_default() {
                    self.event(pid, event);
                }
            }
        }
    }

    /// The programs we start ourselves around the job: counted off, not recorded.
    fn launch(&mut self, pid: u32, event: Event) {
        if let Event::Exec { path, .. } = event
            && path == self.setting.launchers[self.launched]
        {
            self.launched += 1;
            if self.launched == self.setting.launchers.len() {
                self.cwds.push(Some(self.setting.cwd.to_owned()));
                self.places.insert(pid, self.cwds.len() - 1);
            }
        }
    }

    fn absolute(&self, place: usize, path: PathBuf) -> PathBuf {
        match &self.cwds[place] {
            Some(cwd) => cwd.join(path),
            None => path,
        }
    }

    fn finish(mut self) -> Observed {
        // Processes whose start was not seen: their programs still ran.
        let early: Vec<Event> = std::mem::take(&mut self.early).into_values().flatten().collect();
        self.cwds.push(None);
        let nowhere = self.cwds.len() - 1;
        self.places.insert(0, nowhere);
        for event in early {
            self.event(0, event);
        }
        let view = self.setting.view;
        let mut digests = HashMap::new();
        let mut programs = Vec::new();
        for (path, (name, count)) in self.programs {
            add(&mut programs, view, &mut digests, (path, name, count));
        }
        let files = self.setting.files.then(|| {
            let fixed = |path: &PathBuf| matches!(view.follow(path), Place::Fixed { .. });
            self.files.into_iter().filter(fixed).collect()
        });
        Observed { programs, files }
    }
}

/// Adds a program and, if it is a script, the program its first line names.
fn add(
    programs: &mut Vec<Program>,
    view: &View,
    digests: &mut HashMap<PathBuf, Sha256Digest>,
    (path, name, count): (PathBuf, Option<String>, u64),
) {
    let mut script = None;
    let (mut path, mut name) = (path, name);
    // Linux lets an interpreter be a script itself, four deep.
    for _ in 0..=4 {
        let place = view.follow(&path);
        let (file, interpreter) = match place {
            Place::Fixed { inside, host } => match look(&host, digests) {
                Ok((sha256, interpreter)) => {
                    (ProgramFile::Fixed { real: inside, sha256 }, interpreter)
                }
                Err(_) => (ProgramFile::Unknown, None),
            },
            Place::Writable => (ProgramFile::Ephemeral, None),
            Place::Unknown => (ProgramFile::Unknown, None),
        };
        programs.push(Program {
            path: path.clone(),
            name: name.take(),
            count,
            file,
            script: script.take(),
        });
        let Some(interpreter) = interpreter else {
            return;
        };
        script = Some(std::mem::replace(&mut path, interpreter));
    }
}

/// The digest of a file and, if it is a script, its interpreter.
fn look(
    host: &Path,
    digests: &mut HashMap<PathBuf, Sha256Digest>,
) -> io::Result<(Sha256Digest, Option<PathBuf>)> {
    let mut file = File::open(host)?;
    let mut start = Vec::new();
    // The kernel reads the first line from the first 256 bytes.
    file.by_ref().take(256).read_to_end(&mut start)?;
    let interpreter = interpreter(&start);
    let sha256 = match digests.get(host) {
        Some(sha256) => *sha256,
        None => Sha256Digest::of_reader(start.chain(file))?.0,
    };
    digests.insert(host.to_owned(), sha256);
    Ok((sha256, interpreter))
}

fn interpreter(start: &[u8]) -> Option<PathBuf> {
    let line = start.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let word = line.trim_ascii().split(|&byte| matches!(byte, b' ' | b'\t')).next()?;
    (!word.is_empty()).then(|| PathBuf::from(OsString::from_vec(word.to_vec())))
}

/// Whether a file that was opened says something about how native code was built: headers,
/// libraries, compiler parts. Python's own files and data such as locales are left out.
fn observed(path: &Path) -> bool {
    let Some(text) = path.to_str() else {
        return false;
    };
    if let Some(below) = text.strip_prefix("/usr/") {
        return !["share/", "lib/python", "lib/locale/", "local/lib/python", "bin/"]
            .iter()
            .any(|apart| below.starts_with(apart))
            && !below.ends_with("/gconv-modules.cache");
    }
    text.contains("/include/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "10 execve(\"/usr/bin/bwrap\", [\"bwrap\"], 0x1 /* 0 vars */) = 0\n\
        10 clone(child_stack=NULL, flags=CLONE_NEWPID|SIGCHLD) = 11\n\
        11 chdir(\"/newroot\") = 0\n\
        11 vfork() = 2 /* 12 in strace's PID NS */\n\
        12 execve(\"/usr/bin/env\", [\"env\", \"-i\"], 0x1 /* 0 vars */) = 0\n";

    fn observe(record: &str) -> Trace {
        let mut view = View::default();
        view.bind(Path::new("/usr"), Path::new("/usr"), false);
        view.scratch(Path::new("/tmp"));
        let launchers = ["/usr/bin/bwrap".into(), "/usr/bin/env".into()];
        let setting =
            Setting { launchers: &launchers, cwd: Path::new("/build"), view: &view, files: true };
        read(record.as_bytes(), &setting).unwrap()
    }

    fn programs(record: &str) -> Vec<(String, u64)> {
        let Trace::Attached(observed) = observe(&format!("{START}{record}")) else {
            panic!("the record shows all launchers");
        };
        let row = |p: &Program| (p.path.to_string_lossy().into_owned(), p.count);
        observed.programs.iter().map(row).collect()
    }

    fn one(path: &str) -> Vec<(String, u64)> {
        vec![(path.to_owned(), 1)]
    }

    #[test]
    fn no_start_is_no_trace() {
        for record in ["", "10 execve(\"/usr/bin/bwrap\", [\"bwrap\"], 0x1) = 0\n", "garbage\n"] {
            assert!(matches!(observe(record), Trace::Unavailable { .. }), "{record}");
        }
        assert_eq!(programs(""), vec![]);
    }

    #[test]
    fn another_view_of_the_files_is_no_trace() {
        for call in [
            "unshare(CLONE_NEWNS|CLONE_NEWUSER) = 0",
            "mount(\"/build/src/x\", \"/usr/bin/gcc\", NULL, MS_BIND, NULL) = 0",
            "clone(child_stack=NULL, flags=CLONE_NEWUSER|SIGCHLD) = 13",
        ] {
            let trace = observe(&format!("{START}12 {call}\n"));
            assert!(matches!(trace, Trace::Unavailable { .. }), "{call}");
        }
        let refused = "12 unshare(CLONE_NEWUSER) = -1 EPERM (Operation not permitted)\n";
        assert_eq!(programs(refused), vec![]);
    }

    #[test]
    fn relative_paths_follow_the_process() {
        let relative = "execve(\"./x\", [\"x\"], 0x1 /* 0 vars */) = 0\n";
        assert_eq!(programs(&format!("12 {relative}")), one("/build/./x"));
        // The child's lines may come before the line that says whose child it is.
        let record = format!(
            "12 chdir(\"/tmp\") = 0\n12 clone(flags=SIGCHLD <unfinished ...>\n\
             13 chdir(\"sub\") = 0\n13 {relative}\
             12 <... clone resumed>) = 3 /* 13 in strace's PID NS */\n"
        );
        assert_eq!(programs(&record), one("/tmp/sub/./x"));
        // A thread shares its directory both ways; its exec takes the number of the process.
        let record = "12 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD} => {parent_tid=[3]}, 88) = 3 \
             /* 13 in strace's PID NS */\n13 chdir(\"/tmp\") = 0\n\
             12 execve(\"./a\", [\"a\"], 0x1 <unfinished ...>\n13 fchdir(4</tmp/(b>) = 0\n\
             12 <... execve resumed>) = -1 ENOENT (No such file or directory)\n\
             13 execve(\"c\", [\"c\"], 0x1 /* 0 vars */ <pid changed to 12 ...>\n\
             12 +++ superseded by execve in pid 13 +++\n12 <... execve resumed>) = ?\n";
        assert_eq!(programs(record), one("/tmp/(b/c"));
    }

    #[test]
    fn a_program_of_an_unknown_process_is_not_lost() {
        let record = "99 execve(\"rel\", [\"rel\"], 0x1 /* 0 vars */) = 0\n";
        assert_eq!(programs(record), one("rel"));
    }

    #[test]
    fn a_first_line_names_the_interpreter() {
        assert_eq!(interpreter(b"#! /bin/sh -e\n"), Some("/bin/sh".into()));
        assert_eq!(interpreter(b"#!\n/bin/sh"), None);
        assert_eq!(interpreter(b"\x7fELF"), None);
    }
}
