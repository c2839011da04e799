//! The files that a policy includes, and those that they include: each read once, within bounds.

use std::collections::BTreeSet;
use std::mem;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use toml::Spanned;

use super::Reader;
use super::decisions::DIGEST;
use super::errors::Errors;
use super::shape::IncludeEntry;
use super::signers::Entries;
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

/// Why a policy is refused: what was found first, and everything in the order of the files.
pub(super) struct Refused {
    pub(super) first: PolicyError,
    pub(super) all: Vec<PolicyError>,
}

/// Reads a policy and everything that it includes, and what is to be pointed out in them.
pub(super) fn composed(
    path: &str,
    text: &str,
    instances: &dyn Instances,
    includes: &dyn Includes,
    lint_at: Option<DateTime<Utc>>,
) -> Result<(Policy, Vec<Finding>), Refused> {
    let errors = Errors::default();
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
    let reader = Reader::new(path, text, instances, &errors);
    let policy = errors.kept(whole.file(&reader, &[path.to_owned()]));
    match (policy, errors.first()) {
        (Some(mut policy), None) => {
            policy.includes = mem::take(&mut whole.read);
            policy.also_read = mem::take(&mut whole.also_read);
            whole.shared(&mut policy);
            Ok((policy, whole.found))
        }
        (_, first) => {
            let all = errors.sorted(path);
            // Where there is no policy there is an error.
            let first = first.unwrap_or_else(|| reader.error(0..0, "refused", "look at it"));
            Err(Refused { first, all })
        }
    }
}

/// All but a file's own.
fn others(all: &[Arc<Elsewhere>], policy: &Policy) -> Vec<Arc<Elsewhere>> {
    all.iter().filter(|it| !it.is_of(policy)).map(Arc::clone).collect()
}

impl Composition<'_> {
    /// Reads one file, and then what it includes. `chain` has the paths from the top file to this one.
    fn file(&mut self, reader: &Reader<'_>, chain: &[String]) -> Result<Policy, PolicyError> {
        let file = reader.file()?;
        let wanted = reader.wanted(&file.includes);
        let found = self.lint_at.map(|now| reader.lint(&file, now)).transpose();
        let mut policies = Entries::new();
        for (name, entry) in &file.policies {
            let policy = reader
                .one_wanted(entry, &[])
                .and_then(|wanted| self.named(reader, &wanted, chain).map(Arc::new));
            reader.add_named(name.get_ref().clone(), policy, &mut policies);
        }
        let policy = reader.policy(file, &policies).map(|mut policy| {
            policy.above = self.revocations[..self.revocations.len() - 1].to_vec();
            policy
        });
        for wanted in wanted {
            reader.errors.kept(self.include(reader, &wanted, chain));
        }
        // A time that cannot be read is told where it is.
        self.found.extend(found?.unwrap_or_default());
        policy
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
        let line = reader.line(wanted.place.start);
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
        let policy = self.other(reader, wanted, chain).map(|mut policy| {
            policy.includes = mem::take(&mut self.read);
            self.shared(&mut policy);
            policy
        });
        self.revocations.pop();
        (self.read, self.seen) = (read, seen);
        let policy = policy?;
        self.also_read.extend(policy.files().map(|it| it.path.clone()));
        if policy.rules.is_empty() && policy.exceptions.all().is_empty() {
            let message = format!("`{}` accepts nothing", wanted.path);
            let suggestion = "name a policy with rules for what builds use";
            return Err(reader.error(wanted.place.clone(), message, suggestion));
        }
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
        let refused = |message: String, suggestion: &str| {
            Err(reader.error(place.clone(), message, suggestion))
        };
        let fewer = "include fewer files, or put what they say into one";
        self.count += 1;
        if chain.len() > INCLUDE_DEPTH {
            let message = format!("includes of includes, deeper than {INCLUDE_DEPTH} files");
            return refused(message, fewer);
        }
        if self.count > INCLUDES {
            return refused(format!("more than {INCLUDES} files are included"), fewer);
        }
        let left = INCLUDED_BYTES - self.bytes;
        let bytes = match self.includes.read(chain, path, left) {
            Ok(bytes) => bytes,
            Err(why) => return refused(why, "put the file there, or name where it is"),
        };
        if bytes.len() > left {
            let message = format!(
                "`{path}` is too large: included files have at most {INCLUDED_BYTES} bytes together"
            );
            return refused(message, fewer);
        }
        self.bytes += bytes.len();
        let found = Sha256Digest::of(&bytes);
        if found != *sha256 {
            let message = format!("`{path}` is another file: its sha256 is {found}");
            return refused(
                message,
                "look at what it says now; if that is meant, write its digest here",
            );
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return refused(format!("`{path}` is not UTF-8 text"), "include a policy file");
        };
        let shown = path.beside(reader.path);
        let mut chain = chain.to_vec();
        chain.push(shown.clone());
        let inner = Reader::new(&shown, &text, self.instances, reader.errors);
        let inner = Reader { included: true, ..inner };
        self.file(&inner, &chain)
    }
}

impl Reader<'_> {
    /// What can be included; what is wrong with the other entries is kept.
    fn wanted(&self, entries: &[Spanned<IncludeEntry>]) -> Vec<Wanted> {
        let mut all: Vec<Wanted> = Vec::new();
        for entry in entries {
            if self.errors.are_many() {
                break;
            }
            let wanted = self.one_wanted(entry.get_ref(), &all);
            all.extend(self.errors.kept(wanted));
        }
        all
    }

    fn one_wanted(&self, entry: &IncludeEntry, earlier: &[Wanted]) -> Result<Wanted, PolicyError> {
        let beside = "write it as in \"../org/base.toml\"";
        let path: IncludePath = self.parsed(&entry.path, beside)?;
        let sha256: Sha256Digest = self.parsed(&entry.sha256, DIGEST)?;
        if earlier.iter().any(|it| it.path == path || it.sha256 == sha256) {
            let message = format!("`{}` is included twice", Escaped(path.as_str()));
            return Err(self.error(entry.path.span(), message, "take one of them out"));
        }
        Ok(Wanted { path, sha256, place: entry.path.span() })
    }
}
