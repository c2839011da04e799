//! Sources from real git repositories: what is exported, and everything that is refused.

#![expect(clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;
use wheelmark_build::source::{
    ResolveOptions, ResolvedSource, SourceError, SourceRecord, SourceSpec, from_record, moved_tags,
    resolve,
};

/// Runs git as a user would, but with an identity and times of our own.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "protocol.file.allow=always", "-c", "tag.gpgSign=false"])
        .args(arguments)
        .envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_AUTHOR_NAME", "Ann"),
            ("GIT_AUTHOR_EMAIL", "ann@example.org"),
            ("GIT_COMMITTER_NAME", "Ann"),
            ("GIT_COMMITTER_EMAIL", "ann@example.org"),
            ("GIT_AUTHOR_DATE", "2024-05-06T07:08:09Z"),
            ("GIT_COMMITTER_DATE", "2024-05-06T07:08:09Z"),
        ])
        .output()
        .expect("git runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// The committer time above.
const TIME: i64 = 1_714_979_289;

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn commit_all(folder: &Path, message: &str) {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--allow-empty", "-m", message]);
}

fn init(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
}

/// A repository with three commits, an annotated and a lightweight tag, a script, a link, a
/// subdirectory and an ignored file.
fn project(folder: &Path) {
    init(folder);
    write(folder, "pyproject.toml", "[project]\nname = \"x\"\n");
    write(folder, ".gitignore", "*.log\n");
    write(folder, "sub/deep/module.py", "x = 1\n");
    write(folder, "run.sh", "#!/bin/sh\n");
    fs::set_permissions(folder.join("run.sh"), fs::Permissions::from_mode(0o777)).expect("mode");
    symlink("../run.sh", folder.join("sub/link")).expect("a link");
    commit_all(folder, "one");
    git(folder, &["tag", "-a", "v1.0", "-m", "one"]);
    commit_all(folder, "two");
    git(folder, &["tag", "light"]);
    commit_all(folder, "three");
    write(folder, "noise.log", "ignored\n");
}

fn options() -> ResolveOptions {
    ResolveOptions {
        allow_dirty: false,
        source_uri: None,
        cancel: Arc::new(AtomicBool::new(false)),
    }
}

fn checkout(folder: &Path) -> Result<ResolvedSource, SourceError> {
    resolve(&SourceSpec::Checkout(folder.to_owned()), &options())
}

fn remote(folder: &Path, rest: &str) -> Result<ResolvedSource, SourceError> {
    let text = format!("git+file://{}{rest}", folder.display());
    resolve(&SourceSpec::parse(&text)?, &options())
}

fn record_of(source: &ResolvedSource) -> SourceRecord {
    SourceRecord {
        uri: source.uri.clone(),
        git_ref: source.git_ref.clone(),
        commit: source.commit.clone(),
        tree: source.tree.clone(),
        tags: source.tags.clone(),
        submodules: source.submodules.clone(),
        subdirectory: source.subdirectory.clone(),
    }
}

fn rebuild(record: SourceRecord, folder: Option<&Path>) -> Result<ResolvedSource, SourceError> {
    from_record(record, folder, Arc::new(AtomicBool::new(false)))
}

/// Path, mode, time and content.
type Entry = (PathBuf, u32, i64, Vec<u8>);

/// Everything below a folder but the insides of `.git`.
fn listing(folder: &Path) -> Vec<Entry> {
    fn walk(top: &Path, folder: &Path, found: &mut Vec<Entry>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let about = path.symlink_metadata().expect("metadata");
            let name = path.strip_prefix(top).expect("below").to_owned();
            // A link's own time is not set; its target is its content.
            let (time, content) = if about.is_symlink() {
                let target = fs::read_link(&path).expect("a link");
                (0, target.to_string_lossy().into_owned().into_bytes())
            } else if about.is_dir() {
                (about.mtime(), Vec::new())
            } else {
                (about.mtime(), fs::read(&path).expect("a file"))
            };
            found.push((name, about.mode(), time, content));
            if about.is_dir() && path.file_name().is_some_and(|name| name != ".git") {
                walk(top, &path, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

/// Everything a version tool could look at.
fn what_git_says(folder: &Path) -> Vec<String> {
    [
        &["describe", "--tags", "--long", "--dirty"][..],
        &["status", "--porcelain", "--ignored"],
        &["for-each-ref"],
        &["log", "--format=%H %D", "--all"],
        &["config", "--local", "--list"],
        &["remote", "-v"],
        &["reflog"],
        &["rev-list", "--objects", "--all", "--count"],
        &["fsck", "--unreachable", "--no-reflogs"],
    ]
    .map(|arguments| git(folder, arguments))
    .to_vec()
}

struct Folders(TempDir);

impl Folders {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().expect("there").join(name)
    }

    fn project(&self) -> PathBuf {
        let folder = self.at("project");
        project(&folder);
        folder
    }
}

#[test]
fn a_checkout_is_resolved_to_its_commit() {
    let folders = Folders::new();
    let folder = folders.project();
    let source = checkout(&folder.join("sub/deep")).expect("resolved");
    assert_eq!(source.commit.as_str(), git(&folder, &["rev-parse", "HEAD"]));
    assert_eq!(source.tree.as_str(), git(&folder, &["rev-parse", "HEAD^{tree}"]));
    assert_eq!(source.commit_time, TIME);
    assert_eq!(source.git_ref.as_deref(), Some("refs/heads/main"));
    assert_eq!(source.subdirectory, "sub/deep");
    assert_eq!(source.uri, format!("git+file://{}", folder.display()));
    assert_eq!(source.dirty, None);
    let mut names: Vec<_> = source.tags.iter().map(|tag| tag.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["light", "v1.0"]);
    let annotated = source.tags.iter().find(|tag| tag.name == "v1.0").expect("there");
    assert_eq!(annotated.object.as_str(), git(&folder, &["rev-parse", "v1.0"]));
    assert_eq!(annotated.commit.as_str(), git(&folder, &["rev-parse", "v1.0^{}"]));
}

#[test]
fn a_detached_checkout_of_a_tag_is_that_tag() {
    let folders = Folders::new();
    let folder = folders.project();
    git(&folder, &["checkout", "--quiet", "v1.0"]);
    let source = checkout(&folder).expect("resolved");
    assert_eq!(source.git_ref.as_deref(), Some("refs/tags/v1.0"));
    assert_eq!(source.tags.len(), 1, "later tags are not on it");
    git(&folder, &["tag", "also"]);
    assert_eq!(checkout(&folder).expect("resolved").git_ref, None);
}

#[test]
fn the_recorded_uri_is_the_remote_without_credentials() {
    let folders = Folders::new();
    let folder = folders.project();
    let url = "https://ann:secret@example.org/o/r.git";
    git(&folder, &["remote", "add", "origin", url]);
    let source = checkout(&folder).expect("resolved");
    assert_eq!(source.uri, "git+https://example.org/o/r.git");
    assert!(!format!("{source:?}").contains("secret"));
    let other = ResolveOptions {
        source_uri: Some("https://example.org/upstream/r".to_owned()),
        ..options()
    };
    let source = resolve(&SourceSpec::Checkout(folder), &other).expect("resolved");
    assert_eq!(source.uri, "git+https://example.org/upstream/r");
}

#[test]
fn every_clone_exports_the_same() {
    let folders = Folders::new();
    let folder = folders.project();
    let first = checkout(&folder).expect("resolved");

    // Another clone: more tags and branches, other times, other configuration.
    let clone = folders.at("clone");
    git(&folder, &["clone", "--quiet", ".", &clone.display().to_string()]);
    git(&clone, &["checkout", "--quiet", "-b", "other"]);
    write(&clone, "later.py", "");
    commit_all(&clone, "later");
    git(&clone, &["tag", "v9.0"]);
    git(&clone, &["config", "core.autocrlf", "true"]);

    let by_commit = remote(&folder, &format!("@{}", first.commit));
    let exports = [
        ("checkout", first.clone()),
        ("remote", remote(&folder, "@main").expect("resolved")),
        ("by commit", by_commit.expect("resolved")),
        ("other clone", rebuild(record_of(&first), Some(&clone)).expect("found")),
        ("recorded URL", rebuild(record_of(&first), None).expect("found")),
    ];
    let mut seen = Vec::new();
    for (name, source) in exports {
        assert_eq!((&source.tree, &source.tags), (&first.tree, &first.tags), "{name}");
        let dest = folders.at(name);
        source.export(&dest).expect(name);
        // Plumbing that does not refresh the index sees no change either.
        assert_eq!(git(&dest, &["diff-files"]), "", "{name}");
        seen.push((name, listing(&dest), what_git_says(&dest)));
    }
    let (_, files, said) = &seen[0];
    for (name, other_files, other_said) in &seen {
        assert_eq!(files, other_files, "{name}");
        assert_eq!(said, other_said, "{name}");
    }
    assert!(said[0].starts_with("light-1-g") && !said[0].ends_with("dirty"), "{}", said[0]);
    assert_eq!(said[1], "", "the tree is clean");
    assert_eq!(said[5..7], ["", ""], "no remote, no reflog");
    for (path, mode, time, _) in files {
        let expected = match path.to_str() {
            Some("sub/link") => 0o120_777,
            Some("run.sh") => 0o100_755,
            Some("sub" | "sub/deep" | ".git") => 0o040_755,
            _ => 0o100_644,
        };
        assert_eq!(*mode, expected, "{}", path.display());
        assert!(path.ends_with("link") || *time == TIME, "{}: {time}", path.display());
    }
    assert!(files.iter().all(|(path, ..)| !path.ends_with("noise.log")));
}

#[test]
fn what_is_not_in_the_commit_is_refused() {
    let folders = Folders::new();
    let folder = folders.project();
    let clean = || {
        git(&folder, &["reset", "--quiet", "--hard"]);
        git(&folder, &["clean", "--quiet", "-fd"]);
    };
    let dirty = |why: &str| match checkout(&folder) {
        Err(SourceError::Dirty { paths }) => format!("{paths:?}"),
        other => panic!("{why}: {other:?}"),
    };
    write(&folder, "pyproject.toml", "changed\n");
    assert_eq!(dirty("modified"), r#"["pyproject.toml"]"#);

    // A change that the checkout's index is told to overlook.
    git(&folder, &["update-index", "--assume-unchanged", "pyproject.toml"]);
    assert_eq!(git(&folder, &["status", "--porcelain"]), "");
    assert_eq!(dirty("overlooked"), r#"["pyproject.toml"]"#);
    git(&folder, &["update-index", "--no-assume-unchanged", "pyproject.toml"]);
    clean();

    fs::remove_file(folder.join("run.sh")).expect("there");
    assert_eq!(dirty("deleted"), r#"["run.sh"]"#);
    clean();

    // Staged, then put back: the files are the commit's, the index is not.
    write(&folder, "pyproject.toml", "changed\n");
    git(&folder, &["add", "pyproject.toml"]);
    write(&folder, "pyproject.toml", "[project]\nname = \"x\"\n");
    assert_eq!(dirty("staged"), r#"["pyproject.toml"]"#);
    clean();

    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.join("pyproject.toml"), mode).expect("mode");
    assert_eq!(dirty("mode"), r#"["pyproject.toml"]"#);
    clean();

    write(&folder, "sub/new.py", "");
    let refused = checkout(&folder).expect_err("untracked");
    assert!(matches!(refused, SourceError::Untracked { .. }), "{refused}");
    assert!(refused.to_string().contains("sub/new.py"));
    clean();
    checkout(&folder).expect("clean again");
}

#[test]
fn allowed_changes_are_exported_and_named() {
    let folders = Folders::new();
    let folder = folders.project();
    write(&folder, "pyproject.toml", "changed\n");
    fs::remove_file(folder.join("run.sh")).expect("there");
    fs::remove_file(folder.join("sub/link")).expect("there");
    write(&folder, "sub/link/inside.py", "now a folder\n");
    let allowed = ResolveOptions { allow_dirty: true, ..options() };
    let source = resolve(&SourceSpec::Checkout(folder), &allowed).expect("allowed");
    let dirty = source.dirty.clone().expect("dirty");
    let names = |paths: &[PathBuf]| format!("{paths:?}");
    assert_eq!(names(&dirty.modified), r#"["pyproject.toml", "run.sh", "sub/link"]"#);
    assert_eq!(names(&dirty.untracked), r#"["sub/link/inside.py"]"#);
    let dest = folders.at("out");
    source.export(&dest).expect("exported");
    let content = |name: &str| fs::read_to_string(dest.join(name)).expect("there");
    assert_eq!(content("pyproject.toml"), "changed\n");
    assert_eq!(content("sub/link/inside.py"), "now a folder\n");
    assert!(!dest.join("run.sh").exists());
    assert!(listing(&dest).iter().all(|(_, _, time, _)| *time == TIME));
}

#[test]
fn no_program_of_the_repository_runs() {
    let folders = Folders::new();
    let folder = folders.project();
    let trap = folders.at("ran");
    let run = format!("touch {}; cat", trap.display());
    write(&folder, ".gitattributes", "*.py filter=trap diff=trap ident\n");
    commit_all(&folder, "attributes");
    let hooks = folder.join(".git/hooks");
    fs::create_dir_all(&hooks).expect("a folder");
    for hook in ["post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"] {
        let hook = hooks.join(hook);
        fs::write(&hook, format!("#!/bin/sh\n{run}\n")).expect("a hook");
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("mode");
    }
    let mut config = fs::read_to_string(folder.join(".git/config")).expect("there");
    for (section, key, value) in [
        ("filter \"trap\"", "clean", run.as_str()),
        ("filter \"trap\"", "smudge", &run),
        ("filter \"trap\"", "required", "true"),
        ("diff \"trap\"", "textconv", &run),
        ("diff", "external", &run),
        ("core", "fsmonitor", &run),
        ("core", "sshCommand", &run),
        ("core", "alternateRefsCommand", &run),
        ("uploadpack", "packObjectsHook", &run),
        ("credential", "helper", &run),
        ("gpg", "program", &run),
        ("log", "showSignature", "true"),
    ] {
        config.push_str(&format!("[{section}]\n\t{key} = \"{value}\"\n"));
    }
    fs::write(folder.join(".git/config"), config).expect("written");

    let source = checkout(&folder).expect("resolved");
    source.export(&folders.at("a")).expect("exported");
    let source = remote(&folder, "").expect("resolved");
    source.export(&folders.at("b")).expect("exported");
    assert!(!trap.exists(), "a program of the repository ran");
    // The trap is one: git under the repository's own configuration springs it.
    git(&folder, &["status"]);
    assert!(trap.exists());
}

#[test]
fn replaced_commits_are_not_believed() {
    let folders = Folders::new();
    let folder = folders.project();
    let (head, first) =
        (git(&folder, &["rev-parse", "HEAD"]), git(&folder, &["rev-parse", "v1.0^{}"]));
    write(&folder, "evil.py", "");
    commit_all(&folder, "evil");
    let evil = git(&folder, &["rev-parse", "HEAD"]);
    git(&folder, &["reset", "--quiet", "--hard", &head]);
    git(&folder, &["replace", &first, &evil]);
    git(&folder, &["replace", &head, &evil]);
    let source = checkout(&folder).expect("resolved");
    assert_eq!(source.tags.len(), 2, "the history is the real one");
    let dest = folders.at("out");
    source.export(&dest).expect("exported");
    assert!(!dest.join("evil.py").exists());

    // A graft that cuts the history off: what is exported is whole, or nothing is.
    git(&folder, &["replace", "--delete", &first, &head]);
    fs::write(folder.join(".git/info/grafts"), format!("{head}\n")).expect("grafts");
    let source = checkout(&folder).expect("resolved");
    assert_eq!(source.tags.len(), 2);
    let dest = folders.at("grafted");
    if source.export(&dest).is_ok() {
        assert_eq!(git(&dest, &["rev-list", "--count", "HEAD"]), "3");
    }
}

#[test]
fn an_object_under_a_false_name_is_not_exported() {
    let folders = Folders::new();
    let folder = folders.project();
    let source = checkout(&folder).expect("resolved");
    let place = |id: &str| folder.join(".git/objects").join(&id[..2]).join(&id[2..]);
    let good = git(&folder, &["rev-parse", "HEAD:pyproject.toml"]);
    write(&folder, "evil.log", "[evil]\n");
    let evil = git(&folder, &["hash-object", "-w", "evil.log"]);
    fs::remove_file(place(&good)).expect("a loose object");
    fs::copy(place(&evil), place(&good)).expect("swapped");
    let refused = source.export(&folders.at("out"));
    assert!(matches!(refused, Err(SourceError::Git { .. })), "{refused:?}");
}

#[test]
fn places_that_are_no_source_are_refused() {
    let folders = Folders::new();
    let plain = folders.at("plain");
    fs::create_dir(&plain).expect("a folder");
    assert!(matches!(checkout(&plain), Err(SourceError::NotARepository { .. })));
    let gone = checkout(&folders.at("gone"));
    assert!(matches!(gone, Err(SourceError::NoSuchDirectory { .. })));
    let empty = folders.at("empty");
    init(&empty);
    assert!(matches!(checkout(&empty), Err(SourceError::NoCommit { .. })));
    assert!(matches!(remote(&empty, ""), Err(SourceError::NoCommit { .. })));
    let folder = folders.project();
    let bare = folders.at("bare.git");
    git(&folder, &["clone", "--quiet", "--bare", ".", &bare.display().to_string()]);
    assert!(matches!(checkout(&bare), Err(SourceError::Bare { .. })));
    let inside = checkout(&folder.join(".git"));
    assert!(matches!(inside, Err(SourceError::NotARepository { .. })));
    assert!(matches!(remote(&plain, "@main"), Err(SourceError::Git { .. })));
}

#[test]
fn clones_without_their_history_are_refused() {
    let folders = Folders::new();
    let folder = folders.project();
    git(&folder, &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", folder.display());
    let clone = |how: &str, name: &str| {
        let to = folders.at(name);
        git(&folder, &["clone", "--quiet", how, &url, &to.display().to_string()]);
        to
    };
    let shallow = clone("--depth=1", "shallow");
    let refused = checkout(&shallow).expect_err("shallow");
    assert!(matches!(refused, SourceError::Shallow { .. }));
    assert!(refused.to_string().contains("git fetch --unshallow"));
    assert!(remote(&shallow, "").is_err(), "a shallow repository by URL");
    let record = record_of(&checkout(&folder).expect("resolved"));
    let refused = rebuild(record, Some(&shallow));
    assert!(matches!(refused, Err(SourceError::Shallow { .. })));

    let refused = checkout(&clone("--filter=blob:none", "partial"));
    assert!(matches!(refused, Err(SourceError::PartialClone { .. })));
}

#[test]
fn refs_that_are_not_one_thing_are_refused() {
    let folders = Folders::new();
    let folder = folders.project();
    git(&folder, &["branch", "both"]);
    git(&folder, &["tag", "both", "v1.0"]);
    assert!(matches!(remote(&folder, "@both"), Err(SourceError::AmbiguousRef { .. })));
    let tag = remote(&folder, "@refs/tags/both").expect("one thing");
    assert_eq!(tag.git_ref.as_deref(), Some("refs/tags/both"));
    assert!(matches!(remote(&folder, "@gone"), Err(SourceError::UnknownRef { .. })));
    let head = git(&folder, &["rev-parse", "HEAD"]);
    let short = remote(&folder, &format!("@{}", &head[..10]));
    assert!(matches!(short, Err(SourceError::AbbreviatedCommit { .. })));
    let absent = remote(&folder, &format!("@{}", "1".repeat(40)));
    assert!(matches!(absent, Err(SourceError::CommitMissing { .. })), "{absent:?}");
    let annotated = remote(&folder, "@v1.0").expect("resolved");
    assert_eq!(annotated.commit.as_str(), git(&folder, &["rev-parse", "v1.0^{}"]));
    assert_eq!(annotated.git_ref.as_deref(), Some("refs/tags/v1.0"));
    let default = remote(&folder, "").expect("resolved");
    assert_eq!(default.git_ref.as_deref(), Some("refs/heads/main"));
}

#[test]
fn a_subdirectory_is_a_folder_of_the_tree() {
    let folders = Folders::new();
    let folder = folders.project();
    let source = remote(&folder, "#subdirectory=sub/deep").expect("there");
    assert_eq!(source.subdirectory, "sub/deep");
    symlink("/etc", folder.join("away")).expect("a link");
    symlink("sub", folder.join("near")).expect("a link");
    commit_all(&folder, "links");
    for bad in ["..", "sub/../..", "/etc", "gone", "run.sh", "away", "near/deep", ".git"] {
        let refused = remote(&folder, &format!("#subdirectory={bad}"));
        assert!(matches!(refused, Err(SourceError::Subdirectory { .. })), "{bad}: {refused:?}");
    }
    // An empty folder is not of the commit.
    fs::create_dir(folder.join("void")).expect("a folder");
    let refused = checkout(&folder.join("void"));
    assert!(matches!(refused, Err(SourceError::Subdirectory { .. })));
}

#[test]
fn a_record_is_held_against_the_repository() {
    let folders = Folders::new();
    let folder = folders.project();
    let good = record_of(&checkout(&folder).expect("resolved"));
    let with = |change: &dyn Fn(&mut SourceRecord)| {
        let mut record = good.clone();
        change(&mut record);
        let source = rebuild(record, Some(&folder))?;
        source.export(TempDir::new().expect("a folder").path())
    };
    with(&|_| ()).expect("unchanged");
    let other = || "1".repeat(40).parse().expect("an id");
    let refused = with(&|record| record.commit = other());
    assert!(matches!(refused, Err(SourceError::CommitMissing { .. })));
    let refused = with(&|record| record.tree = other());
    assert!(matches!(refused, Err(SourceError::TreeMismatch { .. })));
    let refused = with(&|record| record.tags[0].object = other());
    assert!(matches!(refused, Err(SourceError::TagMismatch { .. })));
    let refused = with(&|record| record.tags[0].commit = other());
    assert!(matches!(refused, Err(SourceError::TagMismatch { .. })));
    let refused = with(&|record| record.tags[0].name = "../../config".to_owned());
    assert!(matches!(refused, Err(SourceError::Git { .. })));
    let refused = with(&|record| record.uri = "ext::sh -c id".to_owned());
    assert!(matches!(refused, Err(SourceError::UrlScheme { .. })));

    // A tag on a commit that is no ancestor would change what `git describe` says.
    git(&folder, &["checkout", "--quiet", "--detach", "v1.0"]);
    commit_all(&folder, "aside");
    let aside = git(&folder, &["rev-parse", "HEAD"]);
    let refused = with(&|record| {
        record.tags[0].object = aside.parse().expect("an id");
        record.tags[0].commit = aside.parse().expect("an id");
    });
    assert!(matches!(refused, Err(SourceError::TagMismatch { .. })));
}

/// A project with a submodule that has one of its own.
fn with_submodules(folders: &Folders) -> PathBuf {
    let (inner, middle, outer) = (folders.at("inner"), folders.at("middle"), folders.at("outer"));
    init(&inner);
    write(&inner, "inner.c", "int inner;\n");
    commit_all(&inner, "inner");
    init(&middle);
    write(&middle, "middle.c", "int middle;\n");
    git(&middle, &["submodule", "--quiet", "add", "../inner", "lib/inner"]);
    commit_all(&middle, "middle");
    project(&outer);
    git(&outer, &["submodule", "--quiet", "add", "../middle", "vendor/middle"]);
    git(&outer, &["submodule", "--quiet", "update", "--init", "--recursive"]);
    commit_all(&outer, "vendored");
    outer
}

#[test]
fn submodules_come_along_at_their_recorded_commits() {
    let folders = Folders::new();
    let outer = with_submodules(&folders);
    let source = checkout(&outer).expect("resolved");
    let paths: Vec<_> = source.submodules.iter().map(|sub| sub.path.as_str()).collect();
    assert_eq!(paths, ["vendor/middle", "vendor/middle/lib/inner"]);
    let inner = format!("git+file://{}", folders.at("inner").display());
    assert_eq!(source.submodules[1].url, inner);
    let exports = [
        ("checkout", source.clone()),
        ("remote", remote(&outer, "").expect("resolved")),
        ("record", rebuild(record_of(&source), Some(&outer)).expect("found")),
        ("recorded URL", rebuild(record_of(&source), None).expect("found")),
    ];
    let mut seen = Vec::new();
    for (name, source) in exports {
        let dest = folders.at(name);
        source.export(&dest).expect(name);
        // Before git is asked: it may write its index anew when it looks.
        seen.push(listing(&dest));
        assert_eq!(git(&dest, &["status", "--porcelain"]), "", "{name}");
    }
    let deepest = Path::new("vendor/middle/lib/inner/inner.c");
    assert!(seen[0].iter().any(|(path, ..)| path == deepest));
    for files in &seen {
        assert_eq!(*files, seen[0]);
    }

    let mut record = record_of(&source);
    let last = record.submodules.pop();
    let refused = rebuild(record.clone(), Some(&outer));
    assert!(matches!(refused, Err(SourceError::SubmoduleMismatch { .. })), "one too few");
    record.submodules.extend(last.clone());
    record.submodules.extend(last);
    record.submodules[2].path = "third".to_owned();
    let refused = rebuild(record, Some(&outer));
    assert!(matches!(refused, Err(SourceError::SubmoduleMismatch { .. })), "one too many");
}

#[test]
fn a_submodule_near_a_rebuild_that_lacks_objects_is_refused() {
    let folders = Folders::new();
    let outer = with_submodules(&folders);
    let record = record_of(&checkout(&outer).expect("resolved"));
    git(&outer.join("vendor/middle"), &["config", "remote.origin.promisor", "true"]);
    let refused = rebuild(record, Some(&outer)).expect_err("it lacks objects");
    let SourceError::PartialClone { path } = &refused else { panic!("{refused}") };
    assert!(path.ends_with("vendor/middle"), "{refused}");
}

#[test]
fn submodules_that_are_not_as_recorded_are_refused() {
    let folders = Folders::new();
    let outer = with_submodules(&folders);
    let middle = outer.join("vendor/middle");
    write(&middle, "lib/inner/new.c", "");
    let refused = checkout(&outer);
    assert!(matches!(refused, Err(SourceError::SubmoduleDirty { .. })), "{refused:?}");
    fs::remove_file(middle.join("lib/inner/new.c")).expect("there");
    commit_all(&middle, "moved");
    let refused = checkout(&outer);
    assert!(matches!(refused, Err(SourceError::SubmoduleMoved { .. })), "{refused:?}");
    let fresh = folders.at("fresh");
    git(&outer, &["clone", "--quiet", ".", &fresh.display().to_string()]);
    let refused = checkout(&fresh);
    assert!(matches!(refused, Err(SourceError::SubmoduleUninitialised { .. })));
    git(&outer, &["submodule", "--quiet", "update", "--recursive"]);
    checkout(&outer).expect("as recorded again");
    git(&outer, &["rm", "--quiet", "--cached", ".gitmodules"]);
    git(&outer, &["commit", "--quiet", "-m", "unnamed"]);
    fs::remove_file(outer.join(".gitmodules")).expect("there");
    let refused = checkout(&outer);
    assert!(matches!(refused, Err(SourceError::SubmoduleUnknown { .. })), "{refused:?}");
}

#[test]
fn a_failure_does_not_show_the_password() {
    // Nothing listens there: git's own words come back.
    let spec = SourceSpec::parse("https://ann:s3cret@127.0.0.1:1/o/r.git@main").expect("a URL");
    let refused = resolve(&spec, &options()).expect_err("nothing listens");
    let told = format!("{refused} {refused:?} {spec:?}");
    assert!(told.contains("127.0.0.1:1/o/r.git"), "{told}");
    assert!(!told.contains("s3cret") && !told.contains("ann"), "{told}");
}

#[test]
fn a_key_that_was_ever_committed_is_found() {
    let folders = Folders::new();
    let folder = folders.project();
    write(&folder, "kept.key", "a secret\n");
    let key = folder.join("kept.key");
    let mine = folders.at("mine.key");
    fs::copy(&key, &mine).expect("a copy");
    assert!(checkout(&folder).expect_err("untracked").to_string().contains("untracked"));
    write(&folder, ".gitignore", "*.log\nkept.key\n");
    commit_all(&folder, "four");
    checkout(&folder).expect("resolved").refuse_to_hold(&mine).expect("only in the work tree");

    // As another file, and gone again.
    fs::rename(&key, folder.join("notes.txt")).expect("renamed");
    commit_all(&folder, "five");
    fs::remove_file(folder.join("notes.txt")).expect("removed");
    commit_all(&folder, "six");
    let error = checkout(&folder).expect("resolved").refuse_to_hold(&mine).expect_err("held");
    assert!(matches!(error, SourceError::HoldsKey { .. }), "{error}");
    let error =
        remote(&folder, "@main").expect("resolved").refuse_to_hold(&mine).expect_err("held");
    assert!(matches!(error, SourceError::HoldsKey { .. }), "{error}");
}

#[test]
fn an_export_goes_to_an_empty_place_only() {
    let folders = Folders::new();
    let source = checkout(&folders.project()).expect("resolved");
    let dest = folders.at("out");
    write(&dest, "mine", "");
    let refused = source.export(&dest);
    assert!(matches!(refused, Err(SourceError::DestinationNotEmpty { .. })));
    fs::create_dir(folders.at("empty")).expect("a folder");
    symlink(folders.at("empty"), folders.at("link")).expect("a link");
    let refused = source.export(&folders.at("link"));
    assert!(matches!(refused, Err(SourceError::DestinationNotEmpty { .. })));
}

#[test]
fn a_wish_to_stop_is_heard() {
    let folders = Folders::new();
    let options = options();
    let source = resolve(&SourceSpec::Checkout(folders.project()), &options).expect("resolved");
    options.cancel.store(true, Ordering::Relaxed);
    let stopped = source.export(&folders.at("out"));
    assert!(matches!(stopped, Err(SourceError::Cancelled)));
}

/// Runs `resolve_in_child` in a process of its own, because variables are the whole process's, and
/// gives what it printed.
fn in_child(folder: &Path, variables: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "resolve_in_child", "--ignored", "--nocapture"])
        .current_dir(folder)
        .env("RESOLVE_IN_CHILD", folder)
        .envs(variables.iter().copied())
        .output()
        .expect("started");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "run by other tests, with variables set"]
fn resolve_in_child() {
    let Some(folder) = std::env::var_os("RESOLVE_IN_CHILD") else {
        return;
    };
    let resolved = match std::env::var("RESOLVE_URL_IN_CHILD") {
        Ok(url) => SourceSpec::parse(&url).and_then(|spec| resolve(&spec, &options())),
        Err(_) => checkout(Path::new(&folder)),
    };
    match resolved {
        Ok(source) => {
            println!("resolved {} {:?}", source.commit, source.dirty);
            let cancel = Arc::new(AtomicBool::new(false));
            println!("moved {:?}", moved_tags(&record_of(&source), None, cancel));
            if let Some(dest) = std::env::var_os("EXPORT_IN_CHILD") {
                source.export(Path::new(&dest)).expect("exported");
            }
        }
        Err(error) => println!("refused {error:?}"),
    }
}

#[test]
fn a_missing_or_old_git_is_told() {
    let folders = Folders::new();
    let folder = folders.project();
    let told = in_child(&folder, &[("PATH", "")]);
    assert!(told.contains("refused GitMissing"), "{told}");

    let programs = folders.at("bin");
    write(&programs, "git", "#!/bin/sh\necho git version 2.30.2\n");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(programs.join("git"), mode).expect("mode");
    let path = programs.display().to_string();
    let told = in_child(&folder, &[("PATH", &path)]);
    assert!(told.contains("refused GitTooOld") && told.contains("2.30.2"), "{told}");
}

#[test]
fn relative_paths_lead_where_they_should() {
    let folders = Folders::new();
    let folder = folders.project();
    let told = in_child(
        &folder,
        &[("RESOLVE_IN_CHILD", "sub"), ("EXPORT_IN_CHILD", "../out"), ("TMPDIR", "..")],
    );
    assert!(told.contains("resolved"), "{told}");
    assert!(folders.at("out/sub/deep/module.py").is_file(), "{told}");
    assert_eq!(git(&folder, &["status", "--porcelain"]), "");
}

/// What asking for `url` prints in places whose repository has these settings: its top, below it, and one that is
/// bare, as it may lie in the tree of a clone.
fn asked_within(folders: &Folders, settings: &[(String, String)], url: &str) -> Vec<String> {
    let (work, bare) = (folders.at("work"), folders.at("tree/bare"));
    init(&work);
    fs::create_dir_all(work.join("below")).expect("a folder");
    git(&work, &["init", "--quiet", "--bare", &bare.display().to_string()]);
    for (key, value) in settings {
        git(&work, &["config", key, value]);
        git(&bare, &["config", key, value]);
    }
    let places = [work.clone(), work.join("below"), bare];
    places.iter().map(|place| in_child(place, &[("RESOLVE_URL_IN_CHILD", url)])).collect()
}

/// The program is started in or below a repository that has nothing to do with the source: no program that it
/// names runs, as git would run it for a remote of the name of the URL.
#[test]
fn no_program_of_the_working_folder_runs() {
    let folders = Folders::new();
    let folder = folders.project();
    let ran = folders.at("ran");
    let remote = "remote.https://127.0.0.1:1/owner/project";
    let settings = [
        (format!("{remote}.url"), folder.display().to_string()),
        (format!("{remote}.uploadpack"), format!("touch {}; git-upload-pack", ran.display())),
    ];
    for told in asked_within(&folders, &settings, "https://127.0.0.1:1/owner/project@main") {
        assert!(told.contains("refused Git {") && told.contains("ls-remote"), "{told}");
        assert!(!ran.exists(), "a program of the working folder's repository ran");
    }
}

/// Nor does it say what a ref names, by telling git to ask another repository.
#[test]
fn the_working_folder_says_nothing_of_the_source() {
    let folders = Folders::new();
    let folder = folders.project();
    let lying = folders.at("lying");
    init(&lying);
    commit_all(&lying, "never in the repository that is asked for");
    let instead = format!("url.{}.insteadOf", lying.display());
    let settings = [(instead, folder.display().to_string())];
    let main = git(&folder, &["rev-parse", "main"]);
    let url = format!("git+file://{}@main", folder.display());
    for told in asked_within(&folders, &settings, &url) {
        assert!(told.contains(&format!("resolved {main} ")), "{told}");
        // Nor, for a rebuild, which tags are there.
        assert!(told.contains("moved Ok([])"), "{told}");
    }
}

#[test]
fn variables_of_the_caller_change_nothing() {
    let folders = Folders::new();
    let folder = folders.project();
    let other = folders.at("other");
    init(&other);
    commit_all(&other, "another repository");
    let home = folders.at("home");
    write(&home, ".gitconfig", "[core]\n\texcludesFile = ~/ignored\n\tautocrlf = true\n");
    write(&home, ".config/git/ignore", "*\n");
    write(&home, ".config/git/attributes", "* text eol=crlf\n");
    write(&home, "ignored", "*\n");
    let git_dir = other.join(".git").display().to_string();
    let home = home.display().to_string();
    let variables = [
        ("GIT_DIR", git_dir.as_str()),
        ("GIT_INDEX_FILE", "/dev/null"),
        ("GIT_OBJECT_DIRECTORY", "/dev/null"),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "core.worktree"),
        ("GIT_CONFIG_VALUE_0", "/"),
        ("GIT_TRACE", "1"),
        ("HOME", &home),
    ];
    let head = git(&folder, &["rev-parse", "HEAD"]);
    let told = in_child(&folder, &variables);
    assert!(told.contains(&format!("resolved {head} None")), "{told}");
    write(&folder, "new.py", "");
    let told = in_child(&folder, &variables);
    assert!(told.contains("refused Untracked"), "{told}");
}

#[test]
fn sha256_repositories_work() {
    let folders = Folders::new();
    let folder = folders.at("sha256");
    fs::create_dir(&folder).expect("a folder");
    git(&folder, &["init", "--quiet", "--object-format=sha256"]);
    write(&folder, "a.py", "");
    commit_all(&folder, "one");
    let source = checkout(&folder).expect("resolved");
    assert_eq!(source.commit.as_str().len(), 64);
    source.export(&folders.at("out")).expect("exported");
    assert_eq!(git(&folders.at("out"), &["status", "--porcelain"]), "");
}
