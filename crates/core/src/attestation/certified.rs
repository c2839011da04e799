//! What provenance says, held against the certificate that signed it (SLSA 1.2 threats, E).
//!
//! The certificate's facts come from the platform that ran the job, the predicate's from the job. Where
//! both name a value it must be one; where only the certificate does, it is taken from there.

use std::fmt::Display;

use url::Url;

use super::origin::Origin;
use super::pep517;
use super::publisher::{GOOGLE_ISSUER, config_file};
use super::repository::RepositoryUri;
use crate::report::{Reason, Refusal};
use crate::trust::{CertificateIdentity, GITLAB_ISSUER, SubjectName};

/// The hosts at which builders of a known platform have their ids.
const PLATFORMS: [&str; 3] = ["github.com", "gitlab.com", "cloudbuild.googleapis.com"];
/// Builders that are GitHub's own runners; what follows is the runner environment.
const GITHUB_RUNNER: &str = "https://github.com/actions/runner/";
/// How the mail addresses of Google's service accounts end, which are not given to people.
const SERVICE_ACCOUNT: &str = ".gserviceaccount.com";
/// Builders of Google Cloud Build.
const GOOGLE_BUILDER: &str = "https://cloudbuild.googleapis.com/";

/// The origin with what the certificate adds.
///
/// # Errors
/// [`Reason::CertificateDisagrees`] with both values.
pub fn certified(claimed: Origin, certificate: &CertificateIdentity) -> Result<Origin, Refusal> {
    let claims = &certificate.claims;
    names_its_job(certificate)?;
    builder_is_signer(&claimed, certificate)?;
    let text = |value: &Option<String>| value.clone();
    let git_ref = certificate.git_ref().map(str::to_owned);
    let trigger = certificate.trigger().map(str::to_owned);
    let workflow = workflow(certificate);
    Ok(Origin {
        repository: repository(claimed.repository, certificate.repository())?,
        commit: one("commit", claimed.commit, certificate.commit()?)?,
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

/// A certificate of a forge's job names the repository: without that the provenance's word would stand.
fn names_its_job(certificate: &CertificateIdentity) -> Result<(), Refusal> {
    let of_forge = certificate.is_github() || certificate.issuer == GITLAB_ISSUER;
    match certificate.repository() {
        None if of_forge => Err(Refusal::new(Reason::CertificateMalformed)
            .expected("the repository of the job (1.3.6.1.4.1.57264.1.12)")
            .found(format!("none in a certificate of {}", certificate.issuer))),
        _ => Ok(()),
    }
}

/// Which builder a signer may speak for (SLSA 1.2, "Verifying artifacts", step 1): GitHub's workflow for itself
/// and the runner it ran on, a project of GitLab for its runners, an account of Google for Cloud Build. Our
/// own build type runs anywhere, and who is believed of such a builder is the policy's to say; it names no
/// builder of a platform, though.
fn builder_is_signer(claimed: &Origin, certificate: &CertificateIdentity) -> Result<(), Refusal> {
    let Some(builder) = claimed.builder.as_deref() else {
        return Ok(());
    };
    let signer = certificate.build_signer().unwrap_or(certificate.san.as_str());
    let right = if certificate.is_github() {
        match builder.strip_prefix(GITHUB_RUNNER) {
            Some(environment) => {
                certificate.claims.runner_environment.as_deref() == Some(environment)
            }
            None => certificate.build_signer() == Some(builder),
        }
    } else if certificate.issuer == GOOGLE_ISSUER {
        // That issuer vouches for every person with an account as well.
        let service =
            matches!(&certificate.san, SubjectName::Email(name) if name.ends_with(SERVICE_ACCOUNT));
        service && builder.starts_with(GOOGLE_BUILDER)
    } else {
        is_runner_of_project(builder, certificate)
    };
    let anywhere = claimed.build_type.as_deref() == Some(pep517::BUILD_TYPE)
        && Url::parse(builder)
            .is_ok_and(|url| url.host_str().is_none_or(|host| !PLATFORMS.contains(&host)));
    if right || anywhere {
        return Ok(());
    }
    Err(disagrees("builder", &builder, &signer))
}

/// A runner by the project that it worked for, on gitlab.com or another GitLab, which is its own issuer.
fn is_runner_of_project(builder: &str, certificate: &CertificateIdentity) -> bool {
    let Some(project) = certificate.repository() else {
        return false;
    };
    let of_issuer = project.strip_prefix(&certificate.issuer).is_some_and(|it| it.starts_with('/'));
    let number = builder.strip_prefix(&project).and_then(|it| it.strip_prefix("/-/runners/"));
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit());
    of_issuer && number.is_some_and(is_number)
}

/// The path of the file that defines the job, within the repository; whole where it is in another, or was
/// read at a ref that the certificate does not name otherwise.
fn workflow(certificate: &CertificateIdentity) -> Option<String> {
    let uri = certificate.build_config()?;
    let separator = if certificate.issuer == GITLAB_ISSUER { "//" } else { "/" };
    let within = |uri: &str| {
        let path = uri.strip_prefix(&certificate.repository()?)?.strip_prefix(separator)?;
        Some(path.to_owned())
    };
    // In certificates from before that claim only the signer has a name, and it may be shared.
    if certificate.claims.build_config_uri.is_none() && within(uri).is_none() {
        return None;
    }
    Some(config_file(certificate).and_then(within).unwrap_or_else(|| uri.to_owned()))
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
    use crate::trust::{GITHUB_ISSUER, InstanceName};

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

    #[test]
    fn of_google_s_accounts_only_services_speak_for_cloud_build() {
        let builds = |name: &str| {
            let mut certificate = certificate();
            certificate.claims = FulcioCiClaims::default();
            certificate.issuer = GOOGLE_ISSUER.to_owned();
            certificate.san = SubjectName::Email(name.to_owned());
            let builder = Some(format!("{GOOGLE_BUILDER}GoogleHostedWorker"));
            certified(Origin { builder, ..Origin::default() }, &certificate).is_ok()
        };
        assert!(builds("1@cloudbuild.gserviceaccount.com"));
        assert!(builds("builds@project.iam.gserviceaccount.com"));
        assert!(!builds("alice@gmail.example") && !builds("a@gserviceaccount.com.example"));
    }

    #[test]
    fn a_forge_s_certificate_names_the_repository() {
        for issuer in [GITHUB_ISSUER, GITLAB_ISSUER] {
            let mut certificate = certificate();
            certificate.issuer = issuer.to_owned();
            certificate.claims.source_repository_uri = None;
            let refusal = certified(Origin::default(), &certificate).expect_err("not named");
            assert_eq!(refusal.reason, Reason::CertificateMalformed);
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

    /// Whether a signer may speak for a builder, by provenance of that build type.
    fn speaks(certificate: &CertificateIdentity, build_type: &str, builder: &str) -> bool {
        let text = |text: &str| Some(text.to_owned());
        let claimed =
            Origin { builder: text(builder), build_type: text(build_type), ..Origin::default() };
        certified(claimed, certificate).is_ok()
    }

    #[test]
    fn a_signer_speaks_for_its_own_builder_only() {
        const OTHER: &str = "https://example.org/a-build-type";
        const LOCAL: &str = "https://wheelmark.dev/builders/local/v1";
        const CLOUD_BUILD: &str = "https://cloudbuild.googleapis.com/GoogleHostedWorker";
        const RUNNER: &str = "https://gitlab.com/o/r/-/runners/12";
        let github = certificate();
        let mut gitlab = certificate();
        gitlab.issuer = GITLAB_ISSUER.to_owned();
        gitlab.claims.source_repository_uri = Some("https://gitlab.com/o/r".to_owned());
        let mut google = certificate();
        google.issuer = GOOGLE_ISSUER.to_owned();
        google.san = SubjectName::Email("builder@p.iam.gserviceaccount.com".to_owned());
        google.claims = FulcioCiClaims::default();
        for (signer, right, wrong) in [
            (&github, SIGNER, CLOUD_BUILD),
            (&github, SIGNER, RUNNER),
            (&github, SIGNER, "HTTPS://github.com/actions/runner/github-hosted"),
            (&github, SIGNER, LOCAL),
            (&gitlab, RUNNER, "https://gitlab.com/evil/x/-/runners/12"),
            (&gitlab, RUNNER, "https://gitlab.com/o/r/-/runners/12/x"),
            (&gitlab, RUNNER, "https://gitlab.com/o/r/-/runners/"),
            (&gitlab, RUNNER, SIGNER),
            (&google, CLOUD_BUILD, RUNNER),
            (&google, CLOUD_BUILD, SIGNER),
        ] {
            assert!(speaks(signer, OTHER, right), "{right}");
            assert!(!speaks(signer, OTHER, wrong), "{wrong}");
            assert!(speaks(signer, pep517::BUILD_TYPE, LOCAL));
            assert_eq!(speaks(signer, pep517::BUILD_TYPE, wrong), wrong == LOCAL, "{wrong}");
        }
    }

    #[test]
    fn a_workflow_ends_where_the_certificate_s_ref_begins() {
        let path = |file: &str, at: &str| {
            let mut it = certificate();
            it.claims.build_config_uri = Some(format!("https://github.com/{file}@{at}"));
            workflow(&it).expect("a file")
        };
        assert_eq!(path("o/r/.github/workflows/w.yml", "refs/tags/v1"), ".github/workflows/w.yml");
        assert_eq!(path("o/r/.github/workflows/w.yml", &"a".repeat(40)), ".github/workflows/w.yml");
        assert_eq!(
            path("o/r/.github/workflows/w.yml@x.yml", "refs/tags/v1"),
            ".github/workflows/w.yml@x.yml"
        );
        for (file, at) in [
            ("evil/x/.github/workflows/w.yml", "refs/tags/v1"),
            ("o/r2/.github/workflows/w.yml", "refs/tags/v1"),
            ("o/r/.github/workflows/w.yml", "refs/tags/v2"),
        ] {
            assert_eq!(path(file, at), format!("https://github.com/{file}@{at}"));
        }
    }
}
