//! What a repository's refs name: which of them the user means, whether one moved while it was read, and
//! whether the recorded tags are still what they were.

use std::collections::BTreeMap;
use std::path::Path;

use wheelmark_core::digest::GitObjectId;

use super::SourceRecord;
use super::checkout::WorkTree;
use super::error::SourceError;
use super::git::Git;
use super::objects::object_id;
use super::spec::RepositoryUrl;

/// What a repository's refs named at one time.
pub(super) struct Refs {
    /// The branch that HEAD names.
    pub(super) head: Option<String>,
    objects: BTreeMap<String, GitObjectId>,
}

impl Refs {
    pub(super) fn read(git: &Git, url: &RepositoryUrl) -> Result<Self, SourceError> {
        let text = reach(git, url, &["ls-remote", "--quiet", "--symref"], &[])
            .arg("--")
            .arg(url.for_git())
            .text()?;
        Self::parse("ls-remote", &text)
    }

    /// The refs of a git directory on this machine.
    fn of_folder(git: &Git, git_dir: &Path) -> Result<Self, SourceError> {
        let answer = git.call(["show-ref", "--dereference"]).git_dir(git_dir).answer()?;
        // It fails where there is no ref at all, too.
        Self::parse("show-ref", &String::from_utf8_lossy(&answer.stdout).replace(' ', "\t"))
    }

    fn parse(command: &str, text: &str) -> Result<Self, SourceError> {
        let mut refs = Self { head: None, objects: BTreeMap::new() };
        for line in text.lines() {
            match line.split_once('\t') {
                Some((symbolic, "HEAD")) if symbolic.starts_with("ref: ") => {
                    refs.head = Some(symbolic["ref: ".len()..].to_owned());
                }
                Some((object, name)) if !object.starts_with("ref: ") => {
                    let object = object_id(command, object)?;
                    refs.objects.insert(name.to_owned(), object);
                }
                _ => {}
            }
        }
        Ok(refs)
    }

    /// The full ref and the object that the user's words name.
    pub(super) fn select(
        &self,
        url: &RepositoryUrl,
        rev: Option<&str>,
    ) -> Result<(Option<String>, GitObjectId), SourceError> {
        let unknown =
            |name: &str| SourceError::UnknownRef { name: name.to_owned(), place: url.to_string() };
        let Some(rev) = rev else {
            let object =
                self.objects.get("HEAD").ok_or(SourceError::NoCommit { path: url.for_git() })?;
            return Ok((self.head.clone(), object.clone()));
        };
        if let Ok(commit) = rev.parse() {
            return Ok((None, commit));
        }
        let candidates = if rev.starts_with("refs/") {
            vec![rev.to_owned()]
        } else {
            vec![format!("refs/heads/{rev}"), format!("refs/tags/{rev}")]
        };
        let mut found = candidates
            .into_iter()
            .filter_map(|name| Some((self.objects.get(&name)?.clone(), name)));
        match (found.next(), found.next()) {
            (Some((object, name)), None) => Ok((Some(name), object)),
            (Some(_), Some(_)) => {
                Err(SourceError::AmbiguousRef { name: rev.to_owned(), place: url.to_string() })
            }
            _ if rev.len() >= 4 && rev.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Err(SourceError::AbbreviatedCommit { name: rev.to_owned() })
            }
            _ => Err(unknown(rev)),
        }
    }

    /// Fails where `name` is another object in `after`, or than what was `fetched` between the two.
    pub(super) fn unmoved(
        &self,
        after: &Self,
        name: &str,
        fetched: Option<&GitObjectId>,
    ) -> Result<(), SourceError> {
        let shown = |object: Option<&GitObjectId>| {
            object.map_or_else(|| "nothing".to_owned(), GitObjectId::to_string)
        };
        let first = self.objects.get(name);
        for later in [fetched.or(first), after.objects.get(name)] {
            if later != first {
                return Err(SourceError::RefMoved {
                    name: name.to_owned(),
                    before: shown(first),
                    after: shown(later),
                });
            }
        }
        Ok(())
    }
    /// The commit that a tag names, if there is such a tag.
    fn tagged(&self, name: &str) -> Option<&GitObjectId> {
        self.objects.get(&format!("{name}^{{}}")).or_else(|| self.objects.get(name))
    }

    /// The recorded tags that are not here, or name another commit; a line each. Branches move on by
    /// design, so nothing is said of them.
    fn findings(&self, record: &SourceRecord, place: &str, complete: bool) -> Vec<String> {
        let tags = record.tags.iter().map(|tag| (format!("refs/tags/{}", tag.name), &tag.commit));
        let asked = record.git_ref.iter().filter(|name| name.starts_with("refs/tags/"));
        let recorded: BTreeMap<_, _> =
            tags.chain(asked.map(|name| (name.clone(), &record.commit))).collect();
        let finding = |(name, commit): (&String, &&GitObjectId)| match self.tagged(name) {
            Some(found) if found == *commit => None,
            Some(found) => Some(format!(
                "{name} in {place} names commit {found}, and not {commit} as recorded: it was moved, \
                 or never named that one"
            )),
            None if complete => Some(format!(
                "there is no {name} in {place}, which is recorded for commit {commit}: it was removed, \
                 or never there"
            )),
            None => None,
        };
        let mut lines: Vec<_> = recorded.iter().filter_map(finding).collect();
        if lines.len() > SHOWN {
            let more = lines.len() - SHOWN;
            lines.truncate(SHOWN);
            lines.push(format!("the same holds of {more} more of the recorded tags"));
        }
        lines
    }
}

/// Findings told of one source; the rest is counted.
const SHOWN: usize = 5;

/// What a person should know of the recorded tags today. It changes no outcome: the commit is what was
/// recorded, whatever its names are.
pub(super) fn findings(
    git: &Git,
    record: &SourceRecord,
    checkout: Option<&Path>,
) -> Result<Vec<String>, SourceError> {
    let read = match checkout {
        // A clone need not have every tag of its origin.
        Some(folder) => WorkTree::discover(git, folder).and_then(|clone| {
            clone.refuse_incomplete(git)?;
            let refs = Refs::of_folder(git, &clone.common)?;
            Ok((refs, clone.top.display().to_string(), false))
        }),
        None => RepositoryUrl::parse(&record.uri)
            .and_then(|url| Ok((Refs::read(git, &url)?, url.to_string(), true))),
    };
    match read {
        Ok((refs, place, complete)) => Ok(refs.findings(record, &place, complete)),
        Err(SourceError::Cancelled) => Err(SourceError::Cancelled),
        Err(error) => {
            let error = error.to_string();
            let first = error.lines().next().unwrap_or_default();
            Ok(vec![format!(
                "whether the recorded tags still name what they did is not known: {first}"
            )])
        }
    }
}

/// A command that reaches `url`, with what it needs for that.
pub(super) fn reach<'a>(
    git: &'a Git,
    url: &RepositoryUrl,
    command: &[&str],
    more: &[&str],
) -> super::git::Call<'a> {
    let call = git.call(command).args(more).config(url.settings());
    match std::env::var_os("HOME") {
        // ssh keeps known hosts and keys there; over https nothing in it is wanted.
        Some(home) if url.is_ssh() => call.env("HOME", home),
        _ => call,
    }
}

#[cfg(test)]
mod tests {
    use wheelmark_core::attestation::pep517::SourceTag;

    use super::*;

    fn refs(pairs: &[(&str, char)]) -> Refs {
        let object = |c: &char| c.to_string().repeat(40).parse().expect("hexadecimal");
        Refs {
            head: Some("refs/heads/main".to_owned()),
            objects: pairs.iter().map(|(name, c)| ((*name).to_owned(), object(c))).collect(),
        }
    }

    fn url() -> RepositoryUrl {
        RepositoryUrl::parse("https://host/o/r").expect("a good URL")
    }

    #[test]
    fn a_ref_that_moves_between_two_reads_is_refused() {
        let before = refs(&[("refs/heads/main", 'a'), ("refs/tags/v1", 'b')]);
        assert!(before.unmoved(&before, "refs/heads/main", None).is_ok());
        for after in [refs(&[("refs/heads/main", 'c')]), refs(&[])] {
            let moved = before.unmoved(&after, "refs/heads/main", None);
            assert!(matches!(moved, Err(SourceError::RefMoved { .. })));
        }
        // There and back again: what was fetched between is another object.
        let fetched = "c".repeat(40).parse().expect("hexadecimal");
        let moved = before.unmoved(&before, "refs/tags/v1", Some(&fetched));
        assert!(matches!(moved, Err(SourceError::RefMoved { .. })));
        // A tag that appeared while we fetched.
        let moved = before.unmoved(&before, "refs/tags/v2", Some(&fetched));
        assert!(matches!(moved, Err(SourceError::RefMoved { .. })));
    }

    #[test]
    fn a_name_selects_one_ref() {
        let refs = refs(&[
            ("HEAD", 'a'),
            ("refs/heads/main", 'a'),
            ("refs/heads/both", 'b'),
            ("refs/tags/both", 'c'),
            ("refs/heads/beef", 'd'),
        ]);
        let name = |rev| refs.select(&url(), rev).map(|(name, _)| name);
        assert_eq!(name(None).ok().flatten().as_deref(), Some("refs/heads/main"));
        assert_eq!(name(Some("refs/tags/both")).ok().flatten().as_deref(), Some("refs/tags/both"));
        assert_eq!(name(Some("beef")).ok().flatten().as_deref(), Some("refs/heads/beef"));
        assert!(matches!(name(Some("both")), Err(SourceError::AmbiguousRef { .. })));
        assert!(matches!(name(Some("aaaaaaa")), Err(SourceError::AbbreviatedCommit { .. })));
        assert!(matches!(name(Some("gone")), Err(SourceError::UnknownRef { .. })));
        assert!(matches!(name(Some(&"a".repeat(40))), Ok(None)));
    }
    #[test]
    fn a_recorded_tag_that_names_another_commit_is_told() {
        let object = |c: char| c.to_string().repeat(40).parse().expect("hexadecimal");
        let tag = |name: &str, c| SourceTag {
            name: name.to_owned(),
            object: object('f'),
            commit: object(c),
        };
        let record = SourceRecord {
            uri: "git+https://host/o/r".to_owned(),
            git_ref: Some("refs/tags/v2".to_owned()),
            commit: object('a'),
            tree: object('e'),
            tags: vec![tag("v2", 'a'), tag("v1", 'b')],
            submodules: Vec::new(),
            subdirectory: String::new(),
        };
        // By the commit, whatever the tag's own object is.
        let same = [("refs/tags/v1", 'b'), ("refs/tags/v2", 'c'), ("refs/tags/v2^{}", 'a')];
        assert_eq!(refs(&same).findings(&record, "there", true), [""; 0]);
        let moved = refs(&[("refs/tags/v1", 'b'), ("refs/tags/v2", 'a'), ("refs/tags/v2^{}", 'd')]);
        let told = moved.findings(&record, "there", false);
        assert_eq!(told.len(), 1, "{told:?}");
        let (found, recorded) = ("d".repeat(40), "a".repeat(40));
        let start = format!("refs/tags/v2 in there names commit {found}, and not {recorded}");
        assert!(told[0].starts_with(&start), "{told:?}");
        // A tag that is missing is a finding where all of them should be.
        let gone = refs(&[("refs/tags/v2", 'a')]);
        assert_eq!(gone.findings(&record, "there", false), [""; 0]);
        let told = gone.findings(&record, "there", true);
        assert!(told[0].starts_with("there is no refs/tags/v1 in there, "), "{told:?}");
        // Branches move on.
        let branch = SourceRecord {
            git_ref: Some("refs/heads/main".to_owned()),
            tags: Vec::new(),
            ..record.clone()
        };
        let later = refs(&[("refs/heads/main", 'd')]);
        assert_eq!(later.findings(&branch, "there", true), [""; 0]);
        // Many are counted.
        let many = SourceRecord {
            tags: (0..20).map(|number| tag(&format!("t{number}"), 'a')).collect(),
            ..branch
        };
        let told = later.findings(&many, "there", true);
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(told[5].contains("15 more"), "{told:?}");
    }
}
