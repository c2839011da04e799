//! `[[unverified]]`: what may be installed although there is no file that could be verified.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Reader;
use super::shape::UnverifiedEntry;
use crate::filename::ProjectName;
use crate::policy::schema::PolicyError;
use crate::policy::unverified::{Exemption, Place};

/// How a project is written.
const PROJECT: &str =
    "write its normalised name, as in \"my-project\"; patterns are not known here";

impl Reader<'_> {
    /// Every one that can be read; what is wrong with the others is kept.
    pub(super) fn unverified(&self, entries: Vec<Spanned<UnverifiedEntry>>) -> Vec<Exemption> {
        let mut all: Vec<Exemption> = Vec::new();
        let mut places = BTreeMap::new();
        for (number, entry) in entries.into_iter().enumerate() {
            let exemption = self.exemption(number, &entry, &mut places);
            all.extend(self.errors.kept(exemption));
            if self.errors.are_many() {
                break;
            }
        }
        all
    }

    fn exemption(
        &self,
        number: usize,
        entry: &Spanned<UnverifiedEntry>,
        places: &mut BTreeMap<(ProjectName, String), usize>,
    ) -> Result<Exemption, PolicyError> {
        let (span, entry) = (entry.span(), entry.get_ref());
        let project: Result<ProjectName, _> = self.parsed(&entry.project, PROJECT);
        let project =
            project.and_then(|project| match project.as_str() == entry.project.get_ref() {
                true => Ok(project),
                false => {
                    let message = format!("not normalised: the project's name is `{project}`");
                    Err(self.error(entry.project.span(), message, PROJECT))
                }
            });
        self.errors.note(&project);
        let location = &entry.location;
        let place = match entry.kind.get_ref().as_str() {
            "editable" => self
                .parsed(
                    location,
                    "write the folder as it is given to the installer, as in \"plugins/one\"",
                )
                .map(Place::Editable),
            "vcs" => self
                .parsed(location, "write the repository's URL, `@` and the full commit id")
                .map(Place::Vcs),
            _ => Err(self.error(
                entry.kind.span(),
                "not a kind of what is installed unverified",
                "write \"editable\" or \"vcs\"",
            )),
        };
        self.errors.note(&place);
        let answered = self.answered_for(&entry.reason, &entry.owner, &entry.expires);
        let (project, place) = (project?, place?);
        // A folder and a revision are never written alike.
        let of_place = (project.clone(), place.location().to_owned());
        if let Some(other) = places.insert(of_place, number) {
            let message = format!("the same is in unverified[{other}] already");
            return Err(self.error(span, message, "take one of them out"));
        }
        let (reason, owner, expires) = answered?;
        Ok(Exemption {
            name: format!("unverified[{number}]"),
            line: self.line(span.start),
            project,
            place,
            reason,
            owner,
            expires,
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use crate::policy::{Place, Policy, PolicyError};
    use crate::report::Reason;
    use crate::trust::Embedded;

    const HEAD: &str = "schema = 1\n[[exceptions]]\nsha256 = [\
        \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]\nreason = \"r\"\nowner = \"o\"\n\
        expires = 2026-01-01T00:00:00Z\n";
    const ENTRY: &str = "[[unverified]]\nproject = \"demo\"\nkind = \"editable\"\nlocation = \"plugins/demo\"\n\
        reason = \"r\"\nowner = \"o\"\nexpires = 2026-01-01T00:00:00Z\n";

    fn policy(text: &str) -> Result<Policy, PolicyError> {
        Policy::parse("policy.toml", &format!("{HEAD}{text}"), &Embedded)
    }

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().expect("a time")
    }

    #[test]
    fn what_says_too_much_or_too_little_is_an_error_with_its_place() {
        for (text, says) in [
            (ENTRY.replace("reason = \"r\"\n", ""), "missing field `reason`"),
            (ENTRY.replace("owner = \"o\"\n", ""), "missing field `owner`"),
            (ENTRY.replace("expires = 2026-01-01T00:00:00Z\n", ""), "missing field `expires`"),
            (ENTRY.replace("\"r\"", "\" \""), ":11:10: nothing is said here"),
            (ENTRY.replace("\"demo\"", "\"Demo\""), ":8:11: "),
            (ENTRY.replace("\"demo\"", "\"demo-*\""), ":8:11: "),
            (ENTRY.replace("editable", "url"), ":9:8: not a kind"),
            (ENTRY.replace("plugins/demo", "../demo"), ":10:12: not a path"),
            (ENTRY.replace("editable", "vcs"), ":10:12: not a revision"),
            (format!("{ENTRY}{ENTRY}"), ":14:1: the same is in unverified[0] already"),
            (format!("{ENTRY}sha256 = \"x\"\n"), "unknown field"),
        ] {
            let error = policy(&text).expect_err(says).to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
        // By itself it is no policy.
        assert!(Policy::parse("policy.toml", &format!("schema = 1\n{ENTRY}"), &Embedded).is_err());
    }

    #[test]
    fn it_counts_for_one_place_and_until_its_day_and_not_for_what_is_revoked() {
        let demo = "demo".parse().expect("a name");
        let place = |text: &str| Place::Editable(text.parse().expect("a path"));
        let of = |text: &str, project, where_, time| {
            let policy = policy(text).expect("a policy");
            policy
                .exempted(project, &place(where_), at(time))
                .map(|all| all.iter().map(|it| it.name.clone()).collect::<Vec<_>>())
                .map_err(|refusal| refusal.reason)
        };
        let (day, later) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z");
        let granted = vec!["unverified[0]".to_owned()];
        assert_eq!(of(ENTRY, &demo, "plugins/demo", day), Ok(granted));
        assert_eq!(of(ENTRY, &demo, "plugins/demo", later), Err(Reason::ExceptionExpired));
        assert_eq!(of(ENTRY, &demo, "plugins/other", day), Err(Reason::ExemptionMissing));
        let other = "other".parse().expect("a name");
        assert_eq!(of(ENTRY, &other, "plugins/demo", day), Err(Reason::ExemptionMissing));
        let revoked = format!(
            "{ENTRY}[[revocations]]\nprojects = [\"de*\"]\nversions = \"==9\"\nreason = \"r\"\n"
        );
        assert_eq!(of(&revoked, &demo, "plugins/demo", day), Err(Reason::FileRevoked));
    }
}
