//! Files that are written where a person says: never over what is read, nor over what is there unless told to.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use wheelmark_build::atomic::{self, Existing, NewFile, WriteError};
use wheelmark_build::paths;

use crate::error::{CliError, shown};

/// Refuses, before any work is done for it, an output that one of the inputs or another output is. Each output is
/// named by its option.
pub fn spare<'a>(
    outputs: impl IntoIterator<Item = (&'static str, &'a Path)>,
    inputs: impl IntoIterator<Item = impl AsRef<Path>>,
) -> Result<(), CliError> {
    let places = |path: &Path| [place(path), fs::canonicalize(path).ok()];
    let inputs = inputs.into_iter().flat_map(|path| places(path.as_ref()));
    let mut taken: BTreeSet<_> = inputs.flatten().collect();
    for (option, path) in outputs {
        let places = places(path);
        if places.iter().flatten().any(|place| taken.contains(place)) {
            let error = format!("{option} would write over {}", shown(path));
            return Err(CliError::usage(error).hint("name another place"));
        }
        taken.extend(places.into_iter().flatten());
    }
    Ok(())
}

/// Refuses an output that is there already.
pub fn refuse_existing(path: &Path) -> Result<(), CliError> {
    match path.symlink_metadata() {
        Ok(_) => Err(CliError::undecided(format!("{} exists already", shown(path)))
            .hint("give another place, or --overwrite")),
        Err(_) => Ok(()),
    }
}

/// Where a path's own name is, whatever links lead to its folder, which need not be there yet; a link of that name
/// is not followed.
fn place(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    Some(paths::resolved(path.parent()?)?.join(path.file_name()?))
}

/// Writes a text where a person says.
pub fn write(path: &Path, text: &str, existing: Existing) -> Result<(), CliError> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    write_into(folder.unwrap_or(Path::new(".")), path, Box::new(text.as_bytes()), existing)
}

/// Writes a file into a folder, under the name of `path`: a link of that name is replaced, not followed.
pub fn write_into(
    folder: &Path,
    path: &Path,
    content: Box<dyn Read + '_>,
    existing: Existing,
) -> Result<(), CliError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = NewFile { name: &name, mode: 0o644, content };
    atomic::write_all(folder, vec![file], existing, |_| Ok::<_, CliError>(()))
        .map(drop)
        .map_err(|error: WriteError<CliError>| CliError::undecided(error))
}
