//! A source distribution as a source: unpacked, with what its archive says of each file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::read::GzDecoder;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::SdistFilename;
use wheelmark_core::limits::SdistLimits;
use wheelmark_core::sdist::{self, Kind, Sdist, SdistError};

use crate::plan::{Modes, System};

/// Why a source distribution is no source.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is refused when it is read strictly.
    #[error("the source distribution is refused: {0}")]
    Refused(#[from] SdistError),
    /// The system failed.
    #[error("cannot unpack the source distribution: {0}")]
    Io(#[from] io::Error),
}

/// One file of a source distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Permissions as the archive gives them, the lowest twelve bits.
    pub mode: u32,
    /// Its modification time, in seconds since 1970.
    pub modified: i64,
    /// The digest of its content.
    pub sha256: Sha256Digest,
}

/// An unpacked source distribution.
#[derive(Debug)]
pub struct Unpacked {
    /// What the strict reader made of it.
    pub sdist: Sdist,
    /// Where its one directory lies, with the archive's own times.
    pub folder: PathBuf,
    /// Its files, by their paths from that directory.
    pub files: BTreeMap<String, SourceFile>,
}

/// Reads a source distribution strictly and, if it holds, unpacks it into `folder`, which is not there yet.
///
/// # Errors
/// [`UnpackError`].
pub fn unpack(
    mut file: &File,
    filename: SdistFilename,
    folder: &Path,
) -> Result<Unpacked, UnpackError> {
    file.rewind()?;
    let sdist = sdist::read(file, filename, &SdistLimits::standard())?;
    file.rewind()?;
    // The names, kinds and links are those that the strict reader took: all of them stay inside.
    let mut archive = tar::Archive::new(GzDecoder::new(io::BufReader::new(file)));
    let mut modified = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let to = folder.join(&path);
        let time = modified_of(&mut entry)?;
        match entry.header().entry_type() {
            tar::EntryType::Directory => fs::create_dir_all(&to)?,
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                let parent = to.parent().unwrap_or(folder);
                fs::create_dir_all(parent)?;
                write(&mut entry, &to, time)?;
                modified.insert(path.to_string_lossy().into_owned(), time);
            }
            tar::EntryType::Symlink | tar::EntryType::Link => {
                fs::create_dir_all(to.parent().unwrap_or(folder))?;
                entry.unpack(&to)?;
            }
            _ => {}
        }
    }
    let root = sdist.members().first().map_or("", |member| member.name());
    let root = root.split('/').next().unwrap_or_default().to_owned();
    let files = sdist.members().iter().filter_map(|member| match member.kind() {
        Kind::File { sha256, .. } => {
            let inside = member.name().strip_prefix(&root)?.strip_prefix('/')?.to_owned();
            let (mode, sha256) = (u32::from(member.permissions()), *sha256);
            let modified = *modified.get(member.name())?;
            Some((inside, SourceFile { mode, modified, sha256 }))
        }
        _ => None,
    });
    let files = files.collect();
    Ok(Unpacked { sdist, folder: folder.join(root), files })
}

/// When a file was modified, in whole seconds: Python writes fractions into the extended header, and the header of old
/// archives then has none.
fn modified_of(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<i64> {
    let mut extended = None;
    if let Some(extensions) = entry.pax_extensions()? {
        for extension in extensions {
            let extension = extension?;
            if extension.key_bytes() == b"mtime" {
                let text = String::from_utf8_lossy(extension.value_bytes());
                extended = text.split('.').next().and_then(|whole| whole.parse().ok());
            }
        }
    }
    let plain = || Ok(i64::try_from(entry.header().mtime()?).unwrap_or(0));
    extended.map_or_else(plain, Ok)
}

fn write(content: &mut impl Read, to: &Path, time: i64) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(to)?;
    io::copy(content, &mut file)?;
    set_time(&file, time)
}

fn set_time(file: &File, time: i64) -> io::Result<()> {
    let seconds = Duration::from_secs(u64::try_from(time).unwrap_or(0));
    file.set_modified(SystemTime::UNIX_EPOCH + seconds)
}

impl Unpacked {
    /// Gives every file and directory the mode that it has under a rule and a umask, on such a system.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn set_modes(&self, rule: Modes, umask: u32, system: System) -> io::Result<()> {
        for (name, file) in &self.files {
            let mode = match system {
                System::Unix => mode_of(file.mode, rule, umask),
                // As Python sees files there.
                System::Windows if file.mode & 0o200 == 0 => 0o444,
                System::Windows => 0o666,
            };
            fs::set_permissions(self.folder.join(name), fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }
}

impl Unpacked {
    /// Gives every file the time of the archive, or this one.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn set_times(&self, time: Option<i64>) -> io::Result<()> {
        for (name, file) in &self.files {
            // Readable for this process whatever its mode: it may not be run as root.
            let path = self.folder.join(name);
            let mode = fs::metadata(&path)?.permissions();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            let opened = File::options().write(true).open(&path)?;
            fs::set_permissions(&path, mode)?;
            set_time(&opened, time.unwrap_or(file.modified))?;
        }
        Ok(())
    }
}

/// The mode of an unpacked file.
pub fn mode_of(archived: u32, rule: Modes, umask: u32) -> u32 {
    let executable = archived & 0o111 != 0;
    match rule {
        Modes::Archive => archived & 0o777,
        // PEP 706: no rights of group and others to write, the owner's to read and write, and executable for all or
        // for nobody.
        Modes::Filtered => {
            let mode = archived & 0o755 | 0o600;
            if archived & 0o100 == 0 { mode & !0o111 } else { mode }
        }
        Modes::Umask => {
            if executable {
                0o777 & !umask
            } else {
                0o666 & !umask
            }
        }
    }
}
