//! Trusted Publishers, as a provenance object names them beside its attestations (PEP 740).
//!
//! The index is believed in nothing here: the name must be that of the certificate.

use serde::Deserialize;
use serde_json::Value;

use crate::report::{Reason, Refusal};
use crate::trust::{CertificateIdentity, GITHUB_ISSUER, GITLAB_ISSUER, SubjectName};

pub(super) const GOOGLE_ISSUER: &str = "https://accounts.google.com";
const CIRCLECI_ISSUER: &str = "https://oidc.circleci.com";
const ACTIVESTATE_ISSUER: &str = "https://platform.activestate.com/api/v1/oauth/oidc";

/// A Trusted Publisher. A kind that is not listed is refused when it is read.
///
/// The specification lets an index add keys to a publisher, so unknown ones are kept out; `claims` too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind")]
pub enum Publisher {
    /// A workflow of GitHub Actions.
    GitHub {
        /// `owner/name`.
        repository: String,
        /// The file name below `.github/workflows/`.
        workflow: String,
        /// The deployment environment; empty or absent for any.
        environment: Option<String>,
    },
    /// A pipeline of gitlab.com.
    GitLab {
        /// The full path of the project.
        repository: String,
        /// The path of the file that defines the pipeline.
        workflow_filepath: String,
        /// The deployment environment; empty or absent for any.
        environment: Option<String>,
    },
    /// A service account of Google Cloud.
    Google {
        /// Its mail address.
        email: String,
    },
    /// A project of the ActiveState platform.
    ActiveState {
        /// The organisation.
        organization: String,
        /// The project.
        project: String,
    },
    /// A pipeline of CircleCI.
    CircleCI {
        /// The id of the project.
        project_id: String,
        /// The id of the pipeline's definition.
        pipeline_definition_id: String,
        /// The repository as CircleCI writes it, without a scheme.
        vcs_origin: Option<String>,
        /// The full name of the ref.
        vcs_ref: Option<String>,
    },
}

impl Publisher {
    /// Reads the `publisher` of a provenance object.
    ///
    /// # Errors
    /// [`Reason::PublisherUnknown`] for a kind that is not known, [`Reason::BundleMalformed`] for a known
    /// one of the wrong form.
    pub(super) fn read(value: &Value) -> Result<Self, Refusal> {
        const KINDS: [&str; 5] = ["GitHub", "GitLab", "Google", "ActiveState", "CircleCI"];
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        if !KINDS.contains(&kind) {
            return Err(Refusal::new(Reason::PublisherUnknown)
                .expected_all(KINDS.map(str::to_owned))
                .found(kind));
        }
        Self::deserialize(value).map_err(|error| {
            Refusal::new(Reason::BundleMalformed).found(format!("publisher: {error}"))
        })
    }

    /// Who a certificate is of, where an index could have named that as a publisher; without the values that are
    /// not compared. What is given holds against the certificate, or is nothing: see [`Self::agrees`].
    pub(crate) fn of(certificate: &CertificateIdentity) -> Option<Self> {
        let claims = &certificate.claims;
        let environment = claims.deployment_environment.clone();
        let file = |root: &str| {
            let repository = certificate.repository()?.strip_prefix(root)?.to_owned();
            let file = config_file(certificate)?.strip_prefix(root)?.strip_prefix(&repository)?;
            Some((repository, file.to_owned()))
        };
        let found = match &*certificate.issuer {
            GITHUB_ISSUER => {
                let (repository, file) = file("https://github.com/")?;
                let workflow = file.strip_prefix("/.github/workflows/")?.to_owned();
                Self::GitHub { repository, workflow, environment }
            }
            GITLAB_ISSUER => {
                let (repository, file) = file("https://gitlab.com/")?;
                let workflow_filepath = file.strip_prefix("//")?.to_owned();
                Self::GitLab { repository, workflow_filepath, environment }
            }
            GOOGLE_ISSUER => Self::Google { email: certificate.san.as_str().to_owned() },
            ACTIVESTATE_ISSUER => {
                let path = certificate.san.as_str();
                let path = path.strip_prefix("https://platform.activestate.com/")?;
                let (organization, project) = path.split_once('/')?;
                let (organization, project) = (organization.to_owned(), project.to_owned());
                Self::ActiveState { organization, project }
            }
            CIRCLECI_ISSUER => {
                let uri = claims.build_signer_uri.as_deref()?;
                let path = uri.strip_prefix("https://circleci.com/api/v2/projects/")?;
                let (project_id, id) = path.split_once("/pipeline-definitions/")?;
                Self::CircleCI {
                    project_id: project_id.to_owned(),
                    pipeline_definition_id: id.to_owned(),
                    vcs_origin: claims.source_repository_uri.clone(),
                    // It changes with each release.
                    vcs_ref: None,
                }
            }
            _ => return None,
        };
        found.agrees(certificate).ok().map(|()| found)
    }

    /// The keys of its table and their values, `kind` first.
    pub(crate) fn values(&self) -> Vec<(&'static str, String)> {
        let with = |kind: &str, values: &[(&'static str, Option<&String>)]| {
            let values = values.iter().filter_map(|(key, value)| Some((*key, (*value)?.clone())));
            std::iter::once(("kind", kind.to_owned())).chain(values).collect()
        };
        match self {
            Self::GitHub { repository, workflow, environment } => with(
                "GitHub",
                &[
                    ("repository", Some(repository)),
                    ("workflow", Some(workflow)),
                    ("environment", environment.as_ref()),
                ],
            ),
            Self::GitLab { repository, workflow_filepath, environment } => with(
                "GitLab",
                &[
                    ("repository", Some(repository)),
                    ("workflow_filepath", Some(workflow_filepath)),
                    ("environment", environment.as_ref()),
                ],
            ),
            Self::Google { email } => with("Google", &[("email", Some(email))]),
            Self::ActiveState { organization, project } => with(
                "ActiveState",
                &[("organization", Some(organization)), ("project", Some(project))],
            ),
            Self::CircleCI { project_id, pipeline_definition_id, vcs_origin, vcs_ref } => with(
                "CircleCI",
                &[
                    ("project_id", Some(project_id)),
                    ("pipeline_definition_id", Some(pipeline_definition_id)),
                    ("vcs_origin", vcs_origin.as_ref()),
                    ("vcs_ref", vcs_ref.as_ref()),
                ],
            ),
        }
    }

    /// The deployment environment that it names; empty is none.
    pub(crate) fn environment(&self) -> Option<&str> {
        match self {
            Self::GitHub { environment, .. } | Self::GitLab { environment, .. } => {
                environment.as_deref().filter(|name| !name.is_empty())
            }
            _ => None,
        }
    }

    /// Holds the publisher against the certificate that signed.
    ///
    /// # Errors
    /// [`Reason::PublisherDisagrees`] with both values.
    pub(crate) fn agrees(&self, certificate: &CertificateIdentity) -> Result<(), Refusal> {
        let claims = &certificate.claims;
        match self {
            Self::GitHub { repository, workflow, environment } => {
                let repository = format!("https://github.com/{repository}");
                same("issuer", GITHUB_ISSUER, Some(&certificate.issuer))?;
                same("repository", &repository, certificate.repository().as_deref())?;
                let file = format!("{repository}/.github/workflows/{workflow}");
                same("workflow", &file, config_file(certificate))?;
                environment_agrees(environment.as_deref(), certificate)
            }
            Self::GitLab { repository, workflow_filepath, environment } => {
                let repository = format!("https://gitlab.com/{repository}");
                same("issuer", GITLAB_ISSUER, Some(&certificate.issuer))?;
                same("repository", &repository, certificate.repository().as_deref())?;
                let file = format!("{repository}//{workflow_filepath}");
                same("workflow", &file, config_file(certificate))?;
                environment_agrees(environment.as_deref(), certificate)
            }
            Self::Google { email } => {
                same("issuer", GOOGLE_ISSUER, Some(&certificate.issuer))?;
                let found = match &certificate.san {
                    SubjectName::Email(found) => Some(found.as_str()),
                    SubjectName::Uri(_) => None,
                };
                same("email", email, found)
            }
            Self::ActiveState { organization, project } => {
                same("issuer", ACTIVESTATE_ISSUER, Some(&certificate.issuer))?;
                let uri = format!("https://platform.activestate.com/{organization}/{project}");
                same("project", &uri, Some(certificate.san.as_str()))
            }
            Self::CircleCI { project_id, pipeline_definition_id, vcs_origin, vcs_ref } => {
                same("issuer", CIRCLECI_ISSUER, Some(&certificate.issuer))?;
                let uri = format!(
                    "https://circleci.com/api/v2/projects/{project_id}/pipeline-definitions/{pipeline_definition_id}"
                );
                same("pipeline", &uri, claims.build_signer_uri.as_deref())?;
                if let Some(origin) = vcs_origin {
                    same("repository", origin, claims.source_repository_uri.as_deref())?;
                }
                match vcs_ref {
                    Some(name) => same("ref", name, claims.source_repository_ref.as_deref()),
                    None => Ok(()),
                }
            }
        }
    }
}

/// The file that defines the job, without the ref it was read at. The ref must be one that the
/// certificate names too: it is what ends the file's name.
pub(super) fn config_file(certificate: &CertificateIdentity) -> Option<&str> {
    let uri = certificate.build_config()?;
    let commit = certificate.claims.source_repository_digest.as_deref();
    [certificate.git_ref(), commit]
        .into_iter()
        .flatten()
        .find_map(|at| uri.strip_suffix(at)?.strip_suffix('@'))
}

/// Only certificates of late name the environment; one that does not leaves nothing to compare.
fn environment_agrees(
    claimed: Option<&str>,
    certificate: &CertificateIdentity,
) -> Result<(), Refusal> {
    match (claimed.filter(|name| !name.is_empty()), &certificate.claims.deployment_environment) {
        (Some(claimed), Some(found)) => same("environment", claimed, Some(found)),
        _ => Ok(()),
    }
}

fn same(what: &str, claimed: &str, certified: Option<&str>) -> Result<(), Refusal> {
    if certified == Some(claimed) {
        return Ok(());
    }
    Err(Refusal::new(Reason::PublisherDisagrees)
        .expected(format!("{what} `{claimed}`, as the index names the publisher"))
        .found(format!("{what} `{}` in the certificate", certified.unwrap_or("none"))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn held(publisher: Value, certificate: &CertificateIdentity) -> Result<(), Reason> {
        let publisher = Publisher::read(&publisher).map_err(|refusal| refusal.reason)?;
        publisher.agrees(certificate).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_github_publisher_is_the_certificate_s() {
        let right = |repository: &str, workflow: &str| json!({"kind": "GitHub", "repository": repository, "workflow": workflow, "environment": "", "claims": null});
        assert_eq!(held(right("o/r", "w.yml"), &CertificateIdentity::of_github()), Ok(()));
        for (repository, workflow) in
            [("o/fork", "w.yml"), ("o/r", "other.yml"), ("o/r", "w.yml@refs/tags/v1"), ("o", "r")]
        {
            let refused = held(right(repository, workflow), &CertificateIdentity::of_github());
            assert_eq!(refused, Err(Reason::PublisherDisagrees), "{repository} {workflow}");
        }
        let mut other = CertificateIdentity::of_github();
        other.issuer = "https://issuer.example".to_owned();
        assert_eq!(held(right("o/r", "w.yml"), &other), Err(Reason::PublisherDisagrees));
    }

    #[test]
    fn an_environment_is_compared_where_the_certificate_has_one() {
        let publisher = json!({"kind": "GitHub", "repository": "o/r", "workflow": "w.yml", "environment": "pypi"});
        let mut certificate = CertificateIdentity::of_github();
        assert_eq!(held(publisher.clone(), &certificate), Ok(()));
        certificate.claims.deployment_environment = Some("pypi".to_owned());
        assert_eq!(held(publisher.clone(), &certificate), Ok(()));
        certificate.claims.deployment_environment = Some("other".to_owned());
        assert_eq!(held(publisher, &certificate), Err(Reason::PublisherDisagrees));
    }

    #[test]
    fn gitlab_google_circleci_and_activestate_publishers() {
        let mut gitlab = CertificateIdentity::of_github();
        let uri = "https://gitlab.com/g/s/p//.gitlab-ci.yml@refs/heads/main";
        gitlab.issuer = GITLAB_ISSUER.to_owned();
        gitlab.claims.source_repository_uri = Some("https://gitlab.com/g/s/p".to_owned());
        gitlab.claims.source_repository_ref = Some("refs/heads/main".to_owned());
        gitlab.claims.build_config_uri = Some(uri.to_owned());
        let publisher = |path: &str| json!({"kind": "GitLab", "repository": "g/s/p", "workflow_filepath": path});
        assert_eq!(held(publisher(".gitlab-ci.yml"), &gitlab), Ok(()));
        assert_eq!(held(publisher("x.yml"), &gitlab), Err(Reason::PublisherDisagrees));

        let mut google = CertificateIdentity::of_github();
        google.issuer = GOOGLE_ISSUER.to_owned();
        google.san = SubjectName::Email("a@p.iam.gserviceaccount.com".to_owned());
        let publisher = |email: &str| json!({"kind": "Google", "email": email});
        assert_eq!(held(publisher("a@p.iam.gserviceaccount.com"), &google), Ok(()));
        assert_eq!(held(publisher("b@p.example"), &google), Err(Reason::PublisherDisagrees));
        google.san = SubjectName::Uri("b@p.example".to_owned());
        assert_eq!(held(publisher("b@p.example"), &google), Err(Reason::PublisherDisagrees));

        let mut circle = CertificateIdentity::of_github();
        circle.issuer = CIRCLECI_ISSUER.to_owned();
        circle.claims.build_signer_uri =
            Some("https://circleci.com/api/v2/projects/p/pipeline-definitions/d".to_owned());
        let publisher =
            |id: &str| json!({"kind": "CircleCI", "project_id": id, "pipeline_definition_id": "d"});
        assert_eq!(held(publisher("p"), &circle), Ok(()));
        assert_eq!(held(publisher("q"), &circle), Err(Reason::PublisherDisagrees));
        // Fulcio and the index both have the repository as CircleCI's token writes it.
        circle.claims.source_repository_uri = Some("github.com/o/r".to_owned());
        for (origin, right) in [("github.com/o/r", true), ("https://github.com/o/r", false)] {
            let mut publisher = publisher("p");
            publisher["vcs_origin"] = json!(origin);
            publisher["vcs_ref"] = json!("refs/tags/v1");
            assert_eq!(held(publisher, &circle).is_ok(), right, "{origin}");
        }

        let mut active = CertificateIdentity::of_github();
        active.issuer = ACTIVESTATE_ISSUER.to_owned();
        active.san = SubjectName::Uri("https://platform.activestate.com/o/p".to_owned());
        let publisher =
            |name: &str| json!({"kind": "ActiveState", "organization": "o", "project": name});
        assert_eq!(held(publisher("p"), &active), Ok(()));
        assert_eq!(held(publisher("q"), &active), Err(Reason::PublisherDisagrees));
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        for kind in ["", "github", "Bitbucket"] {
            let read = Publisher::read(&json!({"kind": kind})).map_err(|refusal| refusal.reason);
            assert_eq!(read, Err(Reason::PublisherUnknown), "{kind}");
        }
        let read = Publisher::read(&json!({"kind": "GitHub"})).map_err(|refusal| refusal.reason);
        assert_eq!(read, Err(Reason::BundleMalformed));
    }
}
