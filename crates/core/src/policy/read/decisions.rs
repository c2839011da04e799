//! The exceptions and revocations: what somebody decided of single files, releases and signers.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Reader;
use super::shape::{ExceptionEntry, List, RevocationEntry};
use crate::digest::Sha256Digest;
use crate::filename::DistFilename;
use crate::policy::exceptions::{Exception, Exceptions};
use crate::policy::identity::IdentityRule;
use crate::policy::revocations::{Revocation, Revocations, Revoked};
use crate::policy::schema::PolicyError;
use crate::trust::TrustedKey;

impl Reader<'_> {
    pub(super) fn revocations(
        &self,
        entries: Vec<Spanned<RevocationEntry>>,
        keys: &BTreeMap<String, TrustedKey>,
        identities: &BTreeMap<String, IdentityRule>,
    ) -> Result<Revocations, PolicyError> {
        let mut all = Revocations::default();
        for entry in entries {
            let (span, entry) = (entry.span(), entry.into_inner());
            let of = [&entry.sha256, &entry.projects, &entry.keys, &entry.identities];
            if of.into_iter().flatten().count() != 1 {
                let message = "exactly one of `sha256`, `projects`, `keys` and `identities` says what is revoked";
                return Err(self.error(span, message));
            }
            let files = self.files(entry.versions.as_ref(), &entry.kinds, &entry.tags, &None)?;
            let revoked = if let Some(list) = &entry.projects {
                Revoked::Releases(self.set(list, |text| self.parsed(text))?, files)
            } else if files != Default::default() {
                let message =
                    "`versions`, `kinds` and `tags` are of `projects`, which are not named";
                return Err(self.error(span, message));
            } else if entry.sha256.is_some() {
                Revoked::Files(self.set_if(&entry.sha256, |text| {
                    let file: Sha256Digest = self.parsed(text)?;
                    match all.of_bytes(file) {
                        None => Ok(file),
                        Some(other) => {
                            let message = format!("the file is in {} already", other.name);
                            Err(self.error(text.span(), message))
                        }
                    }
                })?)
            } else if entry.keys.is_some() {
                Revoked::Keys(self.keys_named(&entry.keys, keys)?)
            } else {
                Revoked::Identities(self.identities_named(&entry.identities, identities)?)
            };
            all.push(Revocation {
                name: format!("revocations[{}]", all.all().len()),
                line: self.place(span.start).0,
                revoked,
                reason: self.said(&entry.reason)?,
            });
        }
        Ok(all)
    }

    pub(super) fn exceptions(
        &self,
        entries: Vec<Spanned<ExceptionEntry>>,
        revocations: &Revocations,
    ) -> Result<Exceptions, PolicyError> {
        let mut all = Exceptions::default();
        for entry in entries {
            let (span, entry) = (entry.span(), entry.into_inner());
            let files = self.set(&entry.sha256, |text| {
                let file: Sha256Digest = self.parsed(text)?;
                let other = all.of(file).map(|it| format!("is in {} already", it.name));
                let revoked =
                    revocations.of_bytes(file).map(|it| format!("is revoked by {}", it.name));
                match other.or(revoked) {
                    Some(message) => Err(self.error(text.span(), format!("the file {message}"))),
                    None => Ok(file),
                }
            })?;
            let exception = Exception {
                name: format!("exceptions[{}]", all.all().len()),
                line: self.place(span.start).0,
                reason: self.said(&entry.reason)?,
                owner: self.said(&entry.owner)?,
                expires: self.instant(&entry.expires)?,
                names: self.names(&entry.names)?,
            };
            all.push(exception, files);
        }
        Ok(all)
    }

    /// Names of files.
    fn names(&self, list: &Option<List>) -> Result<Vec<DistFilename>, PolicyError> {
        let texts = self.set_if(list, |text| {
            DistFilename::parse(text.get_ref())
                .map(|_| text.get_ref().clone())
                .map_err(|error| self.error(text.span(), error.to_string()))
        })?;
        Ok(texts.iter().filter_map(|text| DistFilename::parse(text).ok()).collect())
    }

    /// A text that a person is to read.
    fn said(&self, text: &Spanned<String>) -> Result<String, PolicyError> {
        self.filled_in(text)?;
        match text.get_ref().trim() {
            "" => Err(self.error(text.span(), "nothing is said here")),
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
