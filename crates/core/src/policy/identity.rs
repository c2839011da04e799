//! Who may sign by a certificate: an issuer, and a name or facts that it vouches for.

use std::collections::BTreeSet;
use std::fmt;

use crate::attestation::repository::RepositoryUri;
use crate::trust::{CertificateIdentity, InstanceName};

/// What the holder of a certificate must be. Every value that is given must be the certificate's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRule {
    /// How the policy calls it.
    pub name: String,
    /// The instance that issued the certificate.
    pub trust: InstanceName,
    /// The OIDC issuer.
    pub issuer: String,
    /// The subject alternative name, whole.
    pub san: Option<String>,
    /// The repository that was built.
    pub repository: Option<RepositoryUri>,
    /// The path within the repository of the file that defines the job, whatever its ref.
    pub workflow: Option<String>,
    /// The workflow that asked for the signature, without its ref: another than `workflow` where a reusable one signs.
    pub builder: Option<String>,
    /// The issuer's lasting id of the repository.
    pub repository_id: Option<String>,
    /// The issuer's lasting id of the repository's owner.
    pub owner_id: Option<String>,
    /// The deployment environment.
    pub environment: Option<String>,
    /// What the job ran on, such as `github-hosted`.
    pub runner_environment: Option<String>,
    /// The events that may have started the job; empty for any.
    pub triggers: BTreeSet<String>,
}

impl IdentityRule {
    /// An identity by issuer and name alone.
    pub fn named(trust: InstanceName, issuer: String, san: Option<String>) -> Self {
        Self {
            name: "command line".to_owned(),
            trust,
            issuer,
            san,
            repository: None,
            workflow: None,
            builder: None,
            repository_id: None,
            owner_id: None,
            environment: None,
            runner_environment: None,
            triggers: BTreeSet::new(),
        }
    }

    /// Whether no certificate could be of both: they give some value that differs.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| one != other)
        }
        self.trust != other.trust
            || self.issuer != other.issuer
            || differ(&self.san, &other.san)
            || differ(&self.repository, &other.repository)
            || differ(&self.workflow, &other.workflow)
            || differ(&self.builder, &other.builder)
            || differ(&self.repository_id, &other.repository_id)
            || differ(&self.owner_id, &other.owner_id)
            || differ(&self.environment, &other.environment)
            || differ(&self.runner_environment, &other.runner_environment)
            || (!self.triggers.is_empty()
                && !other.triggers.is_empty()
                && self.triggers.is_disjoint(&other.triggers))
    }

    /// Whether a certificate is of it, as a revocation asks: hosts of repositories do not tell `A` from `a`, and what
    /// is meant to be refused must not slip through by the spelling of a name.
    pub fn is_of(&self, found: &CertificateIdentity) -> bool {
        self.mismatches_by(found, |one, other| {
            one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
        })
        .next()
        .is_none()
    }

    /// The repository of a certificate's job, where nothing here says which it must be and the name is that of a
    /// workflow in another one: a reusable workflow signs for whoever calls it.
    pub fn unnamed_caller(&self, found: &CertificateIdentity) -> Option<String> {
        match self.repository.is_some() || self.repository_id.is_some() {
            true => None,
            false => found.caller(),
        }
    }

    /// The first value that is not the certificate's: its name, what the policy asks for, what was found.
    pub fn mismatch(&self, found: &CertificateIdentity) -> Option<(&'static str, String, String)> {
        self.mismatches(found).next()
    }

    /// Every value that is not the certificate's, as [`Self::mismatch`] has it.
    pub(crate) fn mismatches<'a>(
        &'a self,
        found: &'a CertificateIdentity,
    ) -> impl Iterator<Item = (&'static str, String, String)> + 'a {
        self.mismatches_by(found, |one, other| one == other)
    }

    fn mismatches_by<'a>(
        &'a self,
        found: &'a CertificateIdentity,
        same: fn(&str, &str) -> bool,
    ) -> impl Iterator<Item = (&'static str, String, String)> + 'a {
        let claims = &found.claims;
        // What is no repository's URI is told as that, and is none that a rule can ask for.
        let repository = found.repository().map(|uri| match uri.parse::<RepositoryUri>() {
            Ok(uri) => uri.to_string(),
            Err(error) => error.to_string(),
        });
        let workflow = self.workflow.as_ref().map(|path| {
            let at = found.git_ref().unwrap_or_default();
            let separator = if found.issuer == crate::trust::GITLAB_ISSUER { "//" } else { "/" };
            format!("{}{separator}{path}@{at}", found.repository().unwrap_or_default())
        });
        let asked: [(&str, Option<String>, Option<String>); 10] = [
            ("trust", Some(self.trust.to_string()), Some(found.instance.to_string())),
            ("issuer", Some(self.issuer.clone()), Some(found.issuer.clone())),
            ("san", self.san.clone(), Some(found.san.as_asked(self.san.as_deref()))),
            ("repository", self.repository.as_ref().map(ToString::to_string), repository),
            ("workflow", workflow, found.build_config().map(str::to_owned)),
            ("builder", self.builder.clone(), found.builder().map(str::to_owned)),
            (
                "repository-id",
                self.repository_id.clone(),
                claims.source_repository_identifier.clone(),
            ),
            ("owner-id", self.owner_id.clone(), claims.source_repository_owner_identifier.clone()),
            ("environment", self.environment.clone(), claims.deployment_environment.clone()),
            (
                "runner-environment",
                self.runner_environment.clone(),
                claims.runner_environment.clone(),
            ),
        ];
        let others = asked.into_iter().filter_map(move |(name, asked, found)| {
            let is_same = |asked: &String| found.as_ref().is_some_and(|found| same(asked, found));
            let asked = asked.filter(|asked| !is_same(asked))?;
            Some((name, asked, found.unwrap_or_else(|| "none".to_owned())))
        });
        let trigger = move || {
            let trigger = found.trigger().unwrap_or("none");
            let wrong =
                !self.triggers.is_empty() && !self.triggers.iter().any(|it| same(it, trigger));
            let asked = || self.triggers.iter().cloned().collect::<Vec<_>>().join(" or ");
            wrong.then(|| ("triggers", asked(), trigger.to_owned()))
        };
        others.chain(std::iter::once_with(trigger).flatten())
    }
}

impl fmt::Display for IdentityRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "issuer {} on {}", self.issuer, self.trust)?;
        let repository = self.repository.as_ref().map(ToString::to_string);
        for (name, value) in [
            ("san", &self.san),
            ("repository", &repository),
            ("workflow", &self.workflow),
            ("builder", &self.builder),
            ("repository-id", &self.repository_id),
            ("owner-id", &self.owner_id),
            ("environment", &self.environment),
            ("runner-environment", &self.runner_environment),
        ] {
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        if !self.triggers.is_empty() {
            let triggers: Vec<_> = self.triggers.iter().map(String::as_str).collect();
            write!(f, ", triggers {}", triggers.join(" or "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sigstore_crypto::x509::FulcioCiClaims;

    use super::*;
    use crate::trust::{GITHUB_ISSUER, SubjectName};

    const SAN: &str = "https://github.com/o/r/.github/workflows/w.yml@refs/tags/v1";

    fn certificate() -> CertificateIdentity {
        let mut claims = FulcioCiClaims::default();
        claims.source_repository_uri = Some("https://github.com/o/r".to_owned());
        claims.source_repository_ref = Some("refs/tags/v1".to_owned());
        claims.source_repository_identifier = Some("1".to_owned());
        claims.source_repository_owner_identifier = Some("2".to_owned());
        claims.build_config_uri = Some(SAN.to_owned());
        claims.build_trigger = Some("push".to_owned());
        claims.runner_environment = Some("github-hosted".to_owned());
        CertificateIdentity {
            instance: InstanceName::PublicGood,
            issuer: GITHUB_ISSUER.to_owned(),
            san: SubjectName::Uri(SAN.to_owned()),
            claims,
        }
    }

    fn rule() -> IdentityRule {
        IdentityRule::named(InstanceName::PublicGood, GITHUB_ISSUER.to_owned(), None)
    }

    fn other(change: impl FnOnce(&mut IdentityRule)) -> Option<&'static str> {
        let mut rule = rule();
        change(&mut rule);
        rule.mismatch(&certificate()).map(|(name, _, _)| name)
    }

    #[test]
    fn every_value_that_is_given_must_be_the_certificate_s() {
        let text = |text: &str| Some(text.to_owned());
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(other(|_| {}), None);
        assert_eq!(other(|it| it.san = text(SAN)), None);
        assert_eq!(other(|it| it.workflow = text(".github/workflows/w.yml")), None);
        assert_eq!(other(|it| it.triggers = set(&["push", "release"])), None);
        assert_eq!(other(|it| it.owner_id = text("2")), None);
        let builder = SAN.split_once('@').map(|(uri, _)| uri.to_owned());
        assert_eq!(other(|it| it.builder = builder), None);
        assert_eq!(other(|it| it.builder = text(SAN)), Some("builder"));
        assert_eq!(other(|it| it.trust = InstanceName::Staging), Some("trust"));
        assert_eq!(other(|it| it.issuer = "https://other".into()), Some("issuer"));
        assert_eq!(other(|it| it.san = text(&SAN[..SAN.len() - 1])), Some("san"));
        assert_eq!(other(|it| it.workflow = text(".github/workflows/x.yml")), Some("workflow"));
        assert_eq!(other(|it| it.workflow = text("w.yml")), Some("workflow"));
        assert_eq!(other(|it| it.repository_id = text("3")), Some("repository-id"));
        assert_eq!(other(|it| it.owner_id = text("3")), Some("owner-id"));
        assert_eq!(other(|it| it.environment = text("pypi")), Some("environment"));
        assert_eq!(other(|it| it.runner_environment = text("x")), Some("runner-environment"));
        assert_eq!(other(|it| it.triggers = set(&["release"])), Some("triggers"));
        let fork = "https://github.com/fork/r".parse().ok();
        assert_eq!(other(|it| it.repository = fork), Some("repository"));
    }

    #[test]
    fn a_repository_that_cannot_be_read_is_told_as_that() {
        let mut certificate = certificate();
        certificate.claims.source_repository_uri = Some("https://github.com/o/r?x".to_owned());
        let rule = IdentityRule { repository: "https://github.com/o/r".parse().ok(), ..rule() };
        let (name, _, found) = rule.mismatch(&certificate).expect("another repository");
        assert_eq!(name, "repository");
        assert!(found.starts_with("not a repository URI: `https://github.com/o/r?x`"), "{found}");
    }
}
