//! What provenance says, held against the certificate that signed it (SLSA 1.2 threats, E).
//!
//! The certificate's facts come from the platform that ran the job, the predicate's from the job. Where
//! both name a value it must be one; where only the certificate does, it is taken from there.

use std::fmt::Display;

use super::origin::Origin;
use super::repository::RepositoryUri;
use crate::report::{Reason, Refusal};
use crate::trust::{CertificateIdentity, GITHUB_ISSUER, GITLAB_ISSUER};

/// Where builders of GitHub have their ids.
const GITHUB: &str = "https://github.com/";
/// Builders that are GitHub's own runners; what follows is the runner environment.
const GITHUB_RUNNER: &str = "https://github.com/actions/runner/";

/// The origin with what the certificate adds.
///
/// # Errors
/// [`Reason::CertificateDisagrees`] with both values.
pub fn certified(claimed: Origin, certificate: &CertificateIdentity) -> Result<Origin, Refusal> {
    let claims = &certificate.claims;
    builder_is_signer(claimed.builder.as_deref(), certificate)?;
    let text = |value: &Option<String>| value.clone();
    let git_ref = certificate.git_ref().map(str::to_owned);
    let trigger = certificate.trigger().map(str::to_owned);
    let workflow = workflow(certificate);
    Ok(Origin {
        repository: repository(claimed.repository, certificate.repository())?,
        commit: one("commit", claimed.commit, certificate.commit())?,
        git_ref: one("ref", claimed.git_ref, git_ref)?,
        workflow: one("workflow", claimed.workflow, workflow)?,
        trigger: one("trigger", claimed.trigger, trigger)?,
        runner_environment: one(
            "runner environment",
            claimed.runner_environment,
            text(&claims.runner_environment),
        )?,
        invocation: invocation(claimed.invocation, text(&claims.run_invocation_uri))?,
        repository_id: one(
            "repository id",
            claimed.repository_id,
            text(&claims.source_repository_identifier),
        )?,
        owner_id: one(
            "owner id",
            claimed.owner_id,
            text(&claims.source_repository_owner_identifier),
        )?,
        ..claimed
    })
}

/// A builder of GitHub is the workflow that signed, or the runner that it ran on.
fn builder_is_signer(
    builder: Option<&str>,
    certificate: &CertificateIdentity,
) -> Result<(), Refusal> {
    let Some(builder) = builder.filter(|builder| builder.starts_with(GITHUB)) else {
        return Ok(());
    };
    let signer =
        (certificate.issuer == GITHUB_ISSUER).then(|| certificate.build_signer()).flatten();
    let runner = certificate.claims.runner_environment.as_deref();
    let right = match builder.strip_prefix(GITHUB_RUNNER) {
        Some(environment) if signer.is_some() => runner == Some(environment),
        _ => signer == Some(builder),
    };
    if right {
        return Ok(());
    }
    Err(disagrees("builder", &builder, &signer.unwrap_or(certificate.san.as_str())))
}

/// The path of the file that defines the job, within the repository.
fn workflow(certificate: &CertificateIdentity) -> Option<String> {
    let uri = certificate.build_config()?.strip_prefix(&certificate.repository()?)?;
    let path = match certificate.issuer.as_str() {
        GITLAB_ISSUER => uri.strip_prefix("//")?,
        _ => uri.strip_prefix('/')?,
    };
    Some(path.split_once('@').map_or(path, |(path, _)| path).to_owned())
}

fn repository(
    claimed: Option<String>,
    certified: Option<String>,
) -> Result<Option<String>, Refusal> {
    match (claimed, certified) {
        (Some(claimed), Some(certified)) => {
            let same = |text: &str| text.parse::<RepositoryUri>();
            match (same(&claimed), same(&certified)) {
                (Ok(one), Ok(other)) if one == other => Ok(Some(claimed)),
                _ => Err(disagrees("repository", &claimed, &certified)),
            }
        }
        (claimed, certified) => Ok(claimed.or(certified)),
    }
}

/// A run is one URI in a certificate; provenance may name the attempt after it, or be no URI at all.
fn invocation(
    claimed: Option<String>,
    certified: Option<String>,
) -> Result<Option<String>, Refusal> {
    match (&claimed, &certified) {
        (Some(run), Some(known)) if run.starts_with("https://") && run != known => {
            Err(disagrees("run", run, known))
        }
        _ => Ok(certified.or(claimed)),
    }
}

fn one<T: PartialEq + Display>(
    what: &str,
    claimed: Option<T>,
    certified: Option<T>,
) -> Result<Option<T>, Refusal> {
    match (claimed, certified) {
        (Some(claimed), Some(certified)) if claimed != certified => {
            Err(disagrees(what, &claimed, &certified))
        }
        (claimed, certified) => Ok(certified.or(claimed)),
    }
}

fn disagrees(what: &str, claimed: &dyn Display, certified: &dyn Display) -> Refusal {
    Refusal::new(Reason::CertificateDisagrees)
        .expected(format!("{what} {certified}, as the certificate has it"))
        .found(format!("{what} {claimed} in the provenance"))
}

#[cfg(test)]
mod tests {
    use sigstore_crypto::x509::FulcioCiClaims;

    use super::*;
    use crate::trust::{InstanceName, SubjectName};

    const SIGNER: &str = "https://github.com/o/r/.github/workflows/w.yml@refs/tags/v1";

    fn certificate() -> CertificateIdentity {
        let mut claims = FulcioCiClaims::default();
        claims.source_repository_uri = Some("https://github.com/o/r".to_owned());
        claims.source_repository_ref = Some("refs/tags/v1".to_owned());
        claims.source_repository_digest = Some("a".repeat(40));
        claims.build_config_uri = Some(SIGNER.to_owned());
        claims.build_signer_uri = Some(SIGNER.to_owned());
        claims.runner_environment = Some("github-hosted".to_owned());
        claims.build_trigger = Some("push".to_owned());
        claims.run_invocation_uri = Some("https://github.com/o/r/actions/runs/1/attempts/1".into());
        CertificateIdentity {
            instance: InstanceName::PublicGood,
            issuer: GITHUB_ISSUER.to_owned(),
            san: SubjectName::Uri(SIGNER.to_owned()),
            claims,
        }
    }

    fn refused(change: impl FnOnce(&mut Origin)) -> Option<String> {
        let mut origin = Origin::default();
        change(&mut origin);
        let refusal = certified(origin, &certificate()).err()?;
        assert_eq!(refusal.reason, Reason::CertificateDisagrees);
        refusal.found
    }

    #[test]
    fn what_only_the_certificate_says_is_taken_from_it() {
        let origin = certified(Origin::default(), &certificate()).expect("nothing disagrees");
        assert_eq!(origin.repository.as_deref(), Some("https://github.com/o/r"));
        assert_eq!(origin.git_ref.as_deref(), Some("refs/tags/v1"));
        assert_eq!(origin.workflow.as_deref(), Some(".github/workflows/w.yml"));
        assert_eq!(origin.commit.map(|id| id.to_string()), Some("a".repeat(40)));
    }

    #[test]
    fn every_value_that_both_name_is_one() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(refused(|it| it.repository = text("git+https://github.com/o/r.git")), None);
        assert_eq!(refused(|it| it.builder = text(SIGNER)), None);
        assert_eq!(
            refused(|it| it.builder = text("https://github.com/actions/runner/github-hosted")),
            None
        );
        for (at, change) in [
            (
                "repository",
                (|it| it.repository = Some("https://github.com/f/r".into())) as fn(&mut Origin),
            ),
            ("commit", |it| it.commit = "b".repeat(40).parse().ok()),
            ("ref", |it| it.git_ref = Some("refs/heads/main".into())),
            ("workflow", |it| it.workflow = Some(".github/workflows/x.yml".into())),
            ("trigger", |it| it.trigger = Some("release".into())),
            ("runner", |it| it.runner_environment = Some("self-hosted".into())),
            ("run", |it| it.invocation = Some("https://github.com/o/r/actions/runs/2".into())),
            ("builder", |it| {
                it.builder = Some("https://github.com/actions/runner/self-hosted".into());
            }),
            ("builder", |it| {
                it.builder =
                    Some("https://github.com/o/r/.github/workflows/x.yml@refs/tags/v1".into());
            }),
        ] {
            let found = refused(change).expect(at);
            assert!(found.starts_with(at), "{found}");
        }
    }

    #[test]
    fn a_builder_of_github_needs_github_s_issuer() {
        let mut other = certificate();
        other.issuer = "https://issuer.example".to_owned();
        let claimed = Origin { builder: Some(SIGNER.to_owned()), ..Origin::default() };
        assert!(certified(claimed, &other).is_err());
    }
}
