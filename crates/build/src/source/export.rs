//! Writes a resolved source as a tree of one commit that is the same wherever its clone came from.

use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use wheelmark_core::attestation::pep517::SourceTag;
use wheelmark_core::digest::GitObjectId;

use super::error::SourceError;
use super::git::Git;
use super::objects::object_format;
use super::{Origin, ResolvedSource};

/// See [`ResolvedSource::export`].
pub(super) fn export(source: &ResolvedSource, dest: &Path) -> Result<(), SourceError> {
    refuse_content(dest)?;
    fs::create_dir_all(dest).map_err(SourceError::io(dest))?;
    // Git runs in other folders than ours.
    let dest = &fs::canonicalize(dest).map_err(SourceError::io(dest))?;
    let git = &source.git;
    for origin in &source.origins {
        let folder = dest.join(&origin.path);
        let tags: &[SourceTag] = if origin.path.is_empty() { &source.tags } else { &[] };
        clone(git, origin, tags, &folder)?;
    }
    let tree =
        git.call(["rev-parse", "--verify", "HEAD^{tree}"]).git_dir(&dest.join(".git")).text()?;
    if tree != source.tree.as_str() {
        return Err(SourceError::TreeMismatch {
            commit: source.commit.clone(),
            recorded: source.tree.clone(),
            found: super::objects::object_id("rev-parse", &tree)?,
        });
    }
    for origin in &source.origins {
        overlay(origin, &dest.join(&origin.path))?;
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(source.commit_time.unsigned_abs());
    settle(git, dest, time)?;
    for origin in &source.origins {
        refresh_index(git, &dest.join(&origin.path))?;
    }
    settle_git_dirs(source, dest, time)
}

/// The configuration of an exported repository: the same bytes every time, no remote.
pub(super) fn config(object_format: &str) -> String {
    let mut text = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\
                    \tlogallrefupdates = false\n"
        .to_owned();
    if object_format != "sha1" {
        text = text.replace("version = 0", "version = 1");
        text.push_str(&format!("[extensions]\n\tobjectformat = {object_format}\n"));
    }
    text
}

fn refuse_content(dest: &Path) -> Result<(), SourceError> {
    let occupied = match fs::read_dir(dest) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    };
    // A link is refused even where it leads to an empty folder: files belong where they were asked.
    if occupied || dest.is_symlink() {
        return Err(SourceError::DestinationNotEmpty { path: dest.to_owned() });
    }
    Ok(())
}

/// A repository of its own in `folder`: one commit's history, exactly these tags, nothing else.
fn clone(git: &Git, origin: &Origin, tags: &[SourceTag], folder: &Path) -> Result<(), SourceError> {
    let git_dir = folder.join(".git");
    let commit = &origin.commit;
    git.init(folder, commit, false)?;
    let config_file = git_dir.join("config");
    fs::write(&config_file, config(object_format(commit)))
        .map_err(SourceError::io(&config_file))?;
    let mut wanted = vec![commit.as_str()];
    wanted.extend(tags.iter().map(|tag| tag.object.as_str()));
    git.call(["fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--stdin"])
        .arg(&origin.repository)
        .git_dir(&git_dir)
        .stdin(wanted.join("\n").into_bytes())
        .bytes()?;
    git.refuse_shallow(&git_dir, commit, || origin.repository.display().to_string())?;
    write_tags(git, &git_dir, tags, commit)?;
    git.call(["checkout", "--quiet", "--detach", commit.as_str()])
        .folder(folder)
        .git_dir(&git_dir)
        .env("GIT_WORK_TREE", folder)
        .bytes()?;
    Ok(())
}

/// Creates the tags, then checks that they are the ones that were recorded.
fn write_tags(
    git: &Git,
    git_dir: &Path,
    tags: &[SourceTag],
    commit: &GitObjectId,
) -> Result<(), SourceError> {
    if tags.is_empty() {
        return Ok(());
    }
    let mut commands = Vec::new();
    for tag in tags {
        if tag.name.contains('\0') {
            return Err(SourceError::BadRef { name: tag.name.clone() });
        }
        commands.extend(format!("create refs/tags/{}\0{}\0", tag.name, tag.object).into_bytes());
    }
    git.call(["update-ref", "--no-deref", "-z", "--stdin"])
        .git_dir(git_dir)
        .stdin(commands)
        .bytes()?;
    git.call(["pack-refs", "--all"]).git_dir(git_dir).bytes()?;
    let found = git.tags(git_dir, commit)?;
    if let Some(tag) = tags.iter().find(|tag| !found.contains(tag)) {
        return Err(SourceError::TagMismatch {
            name: tag.name.clone(),
            problem: "is not on the commit or its ancestors as recorded",
        });
    }
    Ok(())
}

/// Puts the changes of a work tree over the exported commit, where the caller allowed them.
fn overlay(origin: &Origin, folder: &Path) -> Result<(), SourceError> {
    // First away with all of them: a file may have become a folder, or the other way round.
    for path in &origin.overlay {
        let to = folder.join(path);
        match fs::remove_file(&to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
            other => other.map_err(SourceError::io(&to))?,
        }
    }
    for path in &origin.overlay {
        let (from, to) = (origin.work_tree.join(path), folder.join(path));
        let about = match fs::symlink_metadata(&from) {
            Ok(about) => about,
            // Deleted, or below what is no folder any more.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => continue,
            Err(error) => return Err(SourceError::io(&from)(error)),
        };
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(SourceError::io(parent))?;
        }
        if about.is_symlink() {
            let target = fs::read_link(&from).map_err(SourceError::io(&from))?;
            symlink(target, &to).map_err(SourceError::io(&to))?;
        } else if about.is_file() {
            fs::copy(&from, &to).map_err(SourceError::io(&from))?;
        } else if about.is_dir() && !path.as_os_str().as_bytes().ends_with(b"/") {
            // A file that became a folder: what it holds is listed by itself.
        } else {
            return Err(SourceError::Uncopyable { path: path.clone() });
        }
    }
    Ok(())
}

/// Gives everything below `folder` and itself the modes of umask 022 and the commit's time; git's
/// own folders are left for later, symbolic links as they are.
fn settle(git: &Git, folder: &Path, time: SystemTime) -> Result<(), SourceError> {
    git.check_cancelled()?;
    for entry in fs::read_dir(folder).map_err(SourceError::io(folder))? {
        let entry = entry.map_err(SourceError::io(folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(SourceError::io(&path))?;
        if kind.is_dir() {
            if entry.file_name() != ".git" {
                settle(git, &path, time)?;
            }
        } else if kind.is_file() {
            stamp(&path, time).map_err(SourceError::io(&path))?;
        }
    }
    stamp(folder, time).map_err(SourceError::io(folder))
}

fn settle_git_dirs(
    source: &ResolvedSource,
    dest: &Path,
    time: SystemTime,
) -> Result<(), SourceError> {
    for origin in &source.origins {
        let folder = dest.join(&origin.path);
        settle(&source.git, &folder.join(".git"), time)?;
        // Git trusts an entry only where the index is younger than the file.
        let index = folder.join(".git/index");
        stamp(&index, time + Duration::from_secs(1)).map_err(SourceError::io(&index))?;
        stamp(&folder, time).map_err(SourceError::io(&folder))?;
    }
    Ok(())
}

/// Lets the index know the files' new times, so that tools which do not refresh it see no change.
fn refresh_index(git: &Git, folder: &Path) -> Result<(), SourceError> {
    git.call(["update-index", "-q", "--refresh"])
        .folder(folder)
        .git_dir(&folder.join(".git"))
        .env("GIT_WORK_TREE", folder)
        // Fails where the tree is dirty, which is told elsewhere.
        .answer()
        .map(drop)
}

fn stamp(path: &Path, time: SystemTime) -> io::Result<()> {
    let about = fs::symlink_metadata(path)?;
    let mode =
        if about.is_dir() || about.permissions().mode() & 0o100 != 0 { 0o755 } else { 0o644 };
    if about.permissions().mode() & 0o7777 != mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    File::open(path)?.set_times(FileTimes::new().set_accessed(time).set_modified(time))
}
