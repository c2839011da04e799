//! A policy file, and the files that it includes.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use wheelmark_core::limits::POLICY_FILE;
use wheelmark_core::policy::{Finding, IncludePath, Includes, Policy, PolicyError};
use wheelmark_core::report::Escaped;

use crate::error::{CliError, shown};
use crate::input;
use crate::trust_roots::TrustRoots;

/// The text of a policy file, and how it is called.
pub struct PolicyFile {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl PolicyFile {
    /// Reads the text of a policy file, once: what is held against a signature is what is then parsed.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        Ok(Self { path: path.to_owned(), text: input::read_text(path, POLICY_FILE)? })
    }

    /// Reads it as a policy.
    pub fn read(&self, roots: &TrustRoots) -> Result<Policy, CliError> {
        Policy::parse_with(&self.name(), &self.text, roots, &Beside).map_err(refused)
    }

    /// The same, with what is to be pointed out in it; or everything that is wrong.
    pub fn linted(
        &self,
        roots: &TrustRoots,
        now: DateTime<Utc>,
    ) -> Result<(Policy, Vec<Finding>), Vec<PolicyError>> {
        Policy::linted(&self.name(), &self.text, roots, &Beside, now)
    }

    fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}

/// A policy that is refused.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub fn refused(error: PolicyError) -> CliError {
    CliError::undecided(Escaped(&error.to_string())).hint(Escaped(&error.suggestion))
}

/// One of which everything that is wrong is known: the first of it.
pub fn refused_for(errors: Vec<PolicyError>) -> CliError {
    let more = errors.len().saturating_sub(1);
    match errors.into_iter().next().map(refused) {
        Some(error) if more == 0 => error,
        Some(error) => error.hint(format!("`wheelmark policy check` tells {more} more")),
        None => CliError::undecided("the policy cannot be read"),
    }
}

/// Reads included files from where the one that includes them is.
///
/// The digest decides which bytes count. That a link may not lead out of the folder that is written keeps a policy from
/// meaning another file than it says, and what is no regular file is not opened.
pub struct Beside;

impl Includes for Beside {
    fn read(&self, chain: &[String], path: &IncludePath, limit: usize) -> Result<Vec<u8>, String> {
        let place = place(chain.last().map_or("", String::as_str), path)?;
        let same = |file: &&String| fs::canonicalize(file).is_ok_and(|it| it == place);
        if let Some(again) = chain.iter().find(same) {
            return Err(format!("a cycle: `{path}` is `{again}`, which includes this file"));
        }
        input::read_found(&place, limit).map_err(|error| error.message)
    }
}

/// Where an included file is, without links.
fn place(including: &str, path: &IncludePath) -> Result<PathBuf, String> {
    let failed = |path: &Path, error| CliError::io("read", path, &error).message;
    let beside = Path::new(including).parent().unwrap_or(Path::new(""));
    let folder = if beside.as_os_str().is_empty() { Path::new(".") } else { beside };
    let mut written = fs::canonicalize(folder).map_err(|error| failed(folder, error))?;
    for part in path.as_str().split('/') {
        match part {
            ".." => {
                written.pop();
            }
            name => written.push(name),
        }
    }
    let place =
        fs::canonicalize(&written).map_err(|error| failed(&beside.join(path.as_str()), error))?;
    let folder = written.parent().unwrap_or(Path::new("/"));
    match place.starts_with(folder) {
        true => Ok(place),
        false => Err(format!("a symbolic link of `{path}` leads out of {}", shown(folder))),
    }
}
