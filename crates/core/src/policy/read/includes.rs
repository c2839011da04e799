//! The files that a policy includes, and those that they include: each read once, within bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use toml::Spanned;

use super::Reader;
use super::shape::IncludeEntry;
use crate::digest::Sha256Digest;
use crate::limits::{INCLUDE_DEPTH, INCLUDED_BYTES, INCLUDES};
use crate::policy::includes::{Elsewhere, Include, IncludePath, Includes};
use crate::policy::lint::Finding;
use crate::policy::schema::{Policy, PolicyError};
use crate::report::Escaped;
use crate::trust::Instances;

/// One `[[includes]]`.
struct Wanted {
    path: IncludePath,
    sha256: Sha256Digest,
    place: Range<usize>,
}

/// The reading of a policy with all that it includes.
pub(super) struct Composition<'a> {
    instances: &'a dyn Instances,
    includes: &'a dyn Includes,
    /// When to look for what is to be pointed out; it is not, without it.
    lint_at: Option<DateTime<Utc>>,
    found: Vec<Finding>,
    /// What was read, the top file left out.
    read: Vec<Include>,
    seen: BTreeSet<Sha256Digest>,
    /// What is revoked by the composition that is read, the last one, and by those that name it for something else.
    revocations: Vec<Arc<OnceLock<Vec<Elsewhere>>>>,
    /// The paths of what was read for something else.
    also_read: Vec<String>,
    /// How many files were read, and how many bytes.
    count: usize,
    bytes: usize,
}

/// Reads a policy and everything that it includes, and what is to be pointed out in them.
pub(super) fn composed(
    path: &str,
    text: &str,
    instances: &dyn Instances,
    includes: &dyn Includes,
    lint_at: Option<DateTime<Utc>>,
) -> Result<(Policy, Vec<Finding>), PolicyError> {
    let mut whole = Composition {
        instances,
        includes,
        lint_at,
        found: Vec::new(),
        read: Vec::new(),
        seen: BTreeSet::new(),
        revocations: vec![Arc::default()],
        also_read: Vec::new(),
        count: 0,
        bytes: 0,
    };
    let reader = Reader::new(path, text, instances);
    let mut policy = whole.file(&reader, &[path.to_owned()])?;
    policy.includes = mem::take(&mut whole.read);
    policy.also_read = mem::take(&mut whole.also_read);
    whole.shared(&mut policy);
    Ok((policy, whole.found))
}

/// All but a file's own.
fn others(all: &[Arc<Elsewhere>], policy: &Policy) -> Vec<Arc<Elsewhere>> {
    all.iter().filter(|it| !it.is_of(policy)).map(Arc::clone).collect()
}

impl Composition<'_> {
    /// Reads one file, and then what it includes. `chain` has the paths from the top file to this one.
    fn file(&mut self, reader: &Reader<'_>, chain: &[String]) -> Result<Policy, PolicyError> {
        let file = reader.file()?;
        if let Some(now) = self.lint_at {
            self.found.extend(reader.lint(&file, now)?);
        }
        let wanted = reader.wanted(&file.includes)?;
        let mut policies = BTreeMap::new();
        for (name, entry) in &file.policies {
            let policy = self.named(reader, &reader.one_wanted(entry)?, chain)?;
            policies.insert(name.get_ref().clone(), Arc::new(policy));
        }
        let mut policy = reader.policy(file, &policies)?;
        policy.above = self.revocations[..self.revocations.len() - 1].to_vec();
        for wanted in wanted {
            self.include(reader, &wanted, chain)?;
        }
        Ok(policy)
    }

    fn include(
        &mut self,
        reader: &Reader<'_>,
        wanted: &Wanted,
        chain: &[String],
    ) -> Result<(), PolicyError> {
        // The same bytes, by whatever path, ask the same: they are read once.
        if !self.seen.insert(wanted.sha256) {
            return Ok(());
        }
        let (line, _) = reader.place(wanted.place.start);
        // It comes before what it includes.
        let at = self.read.len();
        let policy = self.other(reader, wanted, chain)?;
        self.read.insert(at, Include::new(policy, format!("{}:{line}", reader.path)));
        Ok(())
    }

    /// A policy for something else than what the one that names it is for, with all that it includes itself.
    fn named(
        &mut self,
        reader: &Reader<'_>,
        wanted: &Wanted,
        chain: &[String],
    ) -> Result<Policy, PolicyError> {
        let (read, seen) = (mem::take(&mut self.read), mem::take(&mut self.seen));
        self.revocations.push(Arc::default());
        let mut policy = self.other(reader, wanted, chain)?;
        policy.includes = mem::replace(&mut self.read, read);
        self.seen = seen;
        self.also_read.extend(policy.files().map(|it| it.path.clone()));
        if policy.rules.is_empty() && policy.exceptions.all().is_empty() {
            let message = format!("`{}` accepts nothing", wanted.path);
            return Err(reader.error(wanted.place.clone(), message));
        }
        self.shared(&mut policy);
        self.revocations.pop();
        Ok(policy)
    }

    /// Whom one of the files revokes, none of them believes; and nothing of what they revoke is taken by the policies
    /// that they name for something else.
    fn shared(&self, policy: &mut Policy) {
        let all: Vec<_> = policy.files().filter_map(Elsewhere::of).map(Arc::new).collect();
        policy.elsewhere = others(&all, policy);
        for include in &mut policy.includes {
            include.hears(|included| others(&all, included));
        }
        if let Some(revocations) = self.revocations.last() {
            // It is set here alone, once for each composition.
            let _ = revocations.set(policy.files().map(Elsewhere::whole).collect());
        }
    }

    /// Another file, held to its digest, within the bounds of all of them together.
    fn other(
        &mut self,
        reader: &Reader<'_>,
        wanted: &Wanted,
        chain: &[String],
    ) -> Result<Policy, PolicyError> {
        let Wanted { path, sha256, place } = wanted;
        let refused = |message: String| Err(reader.error(place.clone(), message));
        self.count += 1;
        if chain.len() > INCLUDE_DEPTH {
            return refused(format!("includes of includes, deeper than {INCLUDE_DEPTH} files"));
        }
        if self.count > INCLUDES {
            return refused(format!("more than {INCLUDES} files are included"));
        }
        let left = INCLUDED_BYTES - self.bytes;
        let bytes = match self.includes.read(chain, path, left) {
            Ok(bytes) => bytes,
            Err(why) => return refused(why),
        };
        if bytes.len() > left {
            return refused(format!(
                "`{path}` is too large: included files have at most {INCLUDED_BYTES} bytes together"
            ));
        }
        self.bytes += bytes.len();
        let found = Sha256Digest::of(&bytes);
        if found != *sha256 {
            return refused(format!("`{path}` is another file: its sha256 is {found}"));
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return refused(format!("`{path}` is not UTF-8 text"));
        };
        let shown = path.beside(reader.path);
        let mut chain = chain.to_vec();
        chain.push(shown.clone());
        let inner = Reader { included: true, ..Reader::new(&shown, &text, self.instances) };
        self.file(&inner, &chain)
    }
}

impl Reader<'_> {
    fn wanted(&self, entries: &[Spanned<IncludeEntry>]) -> Result<Vec<Wanted>, PolicyError> {
        let mut all: Vec<Wanted> = Vec::new();
        for entry in entries {
            let wanted = self.one_wanted(entry.get_ref())?;
            if all.iter().any(|it| it.path == wanted.path || it.sha256 == wanted.sha256) {
                let message = format!("`{}` is included twice", Escaped(wanted.path.as_str()));
                return Err(self.error(wanted.place, message));
            }
            all.push(wanted);
        }
        Ok(all)
    }

    fn one_wanted(&self, entry: &IncludeEntry) -> Result<Wanted, PolicyError> {
        let (path, sha256) = (self.parsed(&entry.path)?, self.parsed(&entry.sha256)?);
        Ok(Wanted { path, sha256, place: entry.path.span() })
    }
}
