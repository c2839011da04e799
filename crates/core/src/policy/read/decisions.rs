//! The exceptions and revocations: what somebody decided of single files, releases and signers.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use toml::Spanned;

use super::Reader;
use super::rules::PROJECT;
use super::shape::{ExceptionEntry, List, RevocationEntry};
use super::signers::Known;
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::policy::exceptions::{Exception, Exceptions};
use crate::policy::revocations::{Revocation, Revocations, Revoked};
use crate::policy::schema::PolicyError;

/// How a digest is written.
pub(super) const DIGEST: &str =
    "write the 64 hexadecimal digits that `sha256sum` shows of the file";

/// How the name of a file is written.
const FILENAME: &str = "write the file's own name, as in \"demo-1.0-py3-none-any.whl\"";

impl Reader<'_> {
    /// Every revocation that can be read; what is wrong with the others is kept.
    pub(super) fn revocations(
        &self,
        entries: Vec<Spanned<RevocationEntry>>,
        known: Known<'_>,
    ) -> Revocations {
        let mut all = Revocations::default();
        for (number, entry) in entries.into_iter().enumerate() {
            let revocation = self.revocation(number, &entry, &all, known);
            if let Some(revocation) = self.errors.kept(revocation) {
                all.push(revocation);
            }
            if self.errors.are_many() {
                break;
            }
        }
        all
    }

    fn revocation(
        &self,
        number: usize,
        entry: &Spanned<RevocationEntry>,
        earlier: &Revocations,
        known: Known<'_>,
    ) -> Result<Revocation, PolicyError> {
        let (span, entry) = (entry.span(), entry.get_ref());
        let reason = self.errors.noted(self.said(&entry.reason));
        let of = [&entry.sha256, &entry.projects, &entry.keys, &entry.identities];
        if of.into_iter().flatten().count() != 1 {
            let message =
                "exactly one of `sha256`, `projects`, `keys` and `identities` says what is revoked";
            let suggestion = "write a [[revocations]] entry for each of them";
            return Err(self.error(span, message, suggestion));
        }
        let files = self.files(entry.versions.as_ref(), &entry.kinds, &entry.tags, &None)?;
        let revoked = if let Some(list) = &entry.projects {
            Revoked::Releases(self.set(list, |text| self.parsed(text, PROJECT))?, files)
        } else if files != Default::default() {
            let message = "`versions`, `kinds` and `tags` are of `projects`, which are not named";
            return Err(self.error(span, message, "name the `projects`, or take these out"));
        } else if entry.sha256.is_some() {
            Revoked::Files(self.set_if(&entry.sha256, |text| {
                let file: Sha256Digest = self.parsed(text, DIGEST)?;
                match earlier.of_bytes(file) {
                    None => Ok(file),
                    Some(other) => {
                        let message = format!("the file is in {} already", other.name);
                        Err(self.error(text.span(), message, "take it out of one of them"))
                    }
                }
            })?)
        } else if entry.keys.is_some() {
            Revoked::Keys(self.keys_named(&entry.keys, known)?)
        } else {
            Revoked::Identities(self.identities_named(&entry.identities, known)?)
        };
        Ok(Revocation {
            name: format!("revocations[{number}]"),
            line: self.line(span.start),
            revoked,
            reason: reason?,
        })
    }

    /// Every exception that can be read; what is wrong with the others is kept.
    pub(super) fn exceptions(
        &self,
        entries: Vec<Spanned<ExceptionEntry>>,
        revocations: &Revocations,
    ) -> Exceptions {
        let mut all = Exceptions::default();
        for (number, entry) in entries.into_iter().enumerate() {
            let exception = self.exception(number, &entry, &all, revocations);
            if let Some((exception, files)) = self.errors.kept(exception) {
                all.push(exception, files);
            }
            if self.errors.are_many() {
                break;
            }
        }
        all
    }

    fn exception(
        &self,
        number: usize,
        entry: &Spanned<ExceptionEntry>,
        earlier: &Exceptions,
        revocations: &Revocations,
    ) -> Result<(Exception, BTreeSet<Sha256Digest>), PolicyError> {
        let (span, entry) = (entry.span(), entry.get_ref());
        let files = self.set(&entry.sha256, |text| {
            let file: Sha256Digest = self.parsed(text, DIGEST)?;
            let other = earlier
                .of(file)
                .map(|it| (format!("is in {} already", it.name), "take it out of one of them"));
            let revoked = revocations.of_bytes(file).map(|it| {
                (format!("is revoked by {}", it.name), "take it out: what is revoked is refused")
            });
            match other.or(revoked) {
                Some((message, suggestion)) => {
                    Err(self.error(text.span(), format!("the file {message}"), suggestion))
                }
                None => Ok(file),
            }
        });
        // Each by itself, so that all that is wrong is told.
        self.errors.note(&files);
        let answered = self.answered_for(&entry.reason, &entry.owner, &entry.expires);
        let names = self.names(&entry.names);
        let (reason, owner, expires) = answered?;
        let exception = Exception {
            name: format!("exceptions[{number}]"),
            line: self.line(span.start),
            reason,
            owner,
            expires,
            names: names?,
        };
        Ok((exception, files?))
    }

    /// Names of files.
    fn names(&self, list: &Option<List>) -> Result<Vec<DistFilename>, PolicyError> {
        let texts = self.set_if(list, |text| {
            DistFilename::parse(text.get_ref())
                .map(|_| text.get_ref().clone())
                .map_err(|error| self.error(text.span(), error.to_string(), FILENAME))
        })?;
        Ok(texts.iter().filter_map(|text| DistFilename::parse(text).ok()).collect())
    }

    /// Why something is let through, who answers for it, and until when; each by itself, so that all that is wrong is told.
    pub(super) fn answered_for(
        &self,
        reason: &Spanned<String>,
        owner: &Spanned<String>,
        expires: &Spanned<toml::value::Datetime>,
    ) -> Result<(String, String, DateTime<Utc>), PolicyError> {
        let reason = self.errors.noted(self.said(reason));
        let owner = self.errors.noted(self.said(owner));
        let expires = self.errors.noted(self.instant(expires));
        Ok((reason?, owner?, expires?))
    }

    /// A text that a person is to read.
    pub(super) fn said(&self, text: &Spanned<String>) -> Result<String, PolicyError> {
        self.filled_in(text)?;
        match text.get_ref().trim() {
            "" => Err(self.error(
                text.span(),
                "nothing is said here",
                "say it for whoever looks at this again",
            )),
            said => Ok(said.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::{Policy, PolicyError};
    use crate::trust::Embedded;

    const FILE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    /// A policy of these exceptions and revocations, one a line.
    fn policy(entries: &[&str]) -> Result<Policy, PolicyError> {
        let mut text = "schema = 1\n[identities.one]\ntrust = \"public-good\"\nissuer = \"https://example.org\"\n\
                        san = \"somebody@example.org\"\n"
            .to_owned();
        for entry in entries {
            let (table, values) = entry.split_once(' ').unwrap_or_default();
            text += &format!("[[{table}]]\n{}\n", values.replace("FILE", FILE).replace("; ", "\n"));
        }
        Policy::parse("policy.toml", &text, &Embedded)
    }

    const EXCEPTION: &str = "exceptions sha256 = [\"FILE\"]; reason = \"r\"; owner = \"o\"; expires = 2026-01-01T00:00:00Z";

    #[test]
    fn exceptions_and_revocations_are_kept_with_their_lines() {
        let policy = policy(&[
            EXCEPTION,
            "revocations projects = [\"demo-*\"]; versions = \"<2\"; kinds = [\"sdist\"]; reason = \"r\"",
            "revocations identities = [\"one\"]; reason = \"r\"",
        ])
        .expect("a policy without rules, but with an exception");
        let lines = policy.revocations().all().iter().map(|it| (it.name.clone(), it.line));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines, [("revocations[0]".to_owned(), 11), ("revocations[1]".to_owned(), 16)]);
        assert_eq!(policy.exceptions().all()[0].line, 6);
    }

    #[test]
    fn what_says_too_much_or_too_little_is_an_error_with_its_place() {
        let without = |part: &str| EXCEPTION.replace(part, "");
        for (entries, says) in [
            (&[EXCEPTION, EXCEPTION][..], ":12:11: the file is in exceptions[0] already"),
            (
                &[EXCEPTION, "revocations sha256 = [\"FILE\"]; reason = \"r\""],
                ":7:11: the file is revoked by revocations[0]",
            ),
            (&[&without("reason = \"r\"; ")], "missing field `reason`"),
            (&[&without("owner = \"o\"; ")], "missing field `owner`"),
            (&[&without("; expires = 2026-01-01T00:00:00Z")], "missing field `expires`"),
            (&[&EXCEPTION.replace("\"r\"", "\" \"")], ":8:10: nothing is said here"),
            (&[&EXCEPTION.replace("T00:00:00Z", "")], ":10:11: a date, a time and an offset"),
            (&[&EXCEPTION.replace("FILE", "AB")], ":7:11: "),
            (&[&EXCEPTION.replace("[\"FILE\"]", "[]")], "an empty list"),
            (&[EXCEPTION, "revocations reason = \"r\""], "exactly one of"),
            (
                &[
                    EXCEPTION,
                    "revocations projects = [\"a\"]; identities = [\"one\"]; reason = \"r\"",
                ],
                "exactly one of",
            ),
            (
                &[
                    EXCEPTION,
                    "revocations identities = [\"one\"]; versions = \"<2\"; reason = \"r\"",
                ],
                "are of `projects`",
            ),
            (
                &[EXCEPTION, "revocations identities = [\"two\"]; reason = \"r\""],
                "no [identities.two]",
            ),
            (&[EXCEPTION, "revocations keys = [\"two\"]; reason = \"r\""], "no [keys.two]"),
            (&[EXCEPTION, "revocations projects = [\"a\"]"], "missing field `reason`"),
            (&[EXCEPTION, "revocations project = [\"a\"]; reason = \"r\""], "unknown field"),
        ] {
            let error = policy(entries).expect_err(says).to_string();
            assert!(error.contains(says), "{entries:?}: {error}");
        }
    }
}
