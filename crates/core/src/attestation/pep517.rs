//! The build type `pep517/v1`, documented in `docs/build-types/pep517-v1.md`.
//!
//! [`Pep517Build`] is both what `build` writes and what `verify` and `rebuild` read, so that nothing is
//! recorded that is not read back, and nothing is read that was not recorded.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::environment::{EnvironmentManifest, Observation};
use super::provenance::BuildDefinition;
use super::statement::ResourceDescriptor;
use super::{checks, document};
use crate::digest::{GitObjectId, Sha256Digest};
use crate::filename::{ProjectName, WheelFilename};
use crate::report::{Reason, Refusal};
use crate::requirement;

/// The URI of this build type.
pub const BUILD_TYPE: &str = "https://wheelmark.dev/build-types/pep517/v1";

/// `buildDefinition` of this build type, typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Pep517Build {
    /// What was asked for from outside.
    pub external: ExternalParameters,
    /// What the builder decided and saw.
    pub internal: InternalParameters,
    /// The commit that was built.
    pub commit: GitObjectId,
    /// The tree of that commit.
    pub tree: GitObjectId,
    /// The files that were installed for the build backend and for the steps.
    pub requirements: Vec<Requirement>,
    /// The Rust crates fetched before the build.
    pub crates: Vec<Crate>,
    /// Compilers, linkers and system packages that took part, as they were seen.
    pub tools: Vec<ResourceDescriptor>,
}

/// `externalParameters`. A field that is not listed here is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalParameters {
    /// Where the source is.
    pub source: Source,
    /// The project's folder within the source; empty for its top.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subdirectory: String,
    /// What was built.
    pub distribution: Distribution,
    /// `config_settings` of the PEP 517 hooks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config_settings: BTreeMap<String, Value>,
    /// Commands run on the built wheel, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// The interpreter that was asked for; absent for the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// The time as of which build requirements were resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_newer: Option<DateTime<Utc>>,
    /// Requirements (PEP 508) by which the resolution was held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_constraints: Vec<String>,
}

/// `externalParameters.source`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// `git+` and the repository's URI, without credentials.
    pub uri: String,
    /// The full name of the ref that was asked for, such as `refs/tags/v1.0`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
}

/// Which of the two distribution kinds of PEP 517 was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distribution {
    /// `build_wheel`.
    Wheel,
    /// `build_sdist`.
    Sdist,
}

/// A command run after the hooks, such as `auditwheel repair`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// The argument vector; `{wheel}` stands for the wheel so far and `{out}` for the empty folder in
    /// which exactly one new wheel must appear.
    pub command: Vec<String>,
    /// The requirements (PEP 508) that were installed for it, apart from the backend's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
}

/// `internalParameters`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InternalParameters {
    /// What a rebuild puts back.
    pub environment: EnvironmentManifest,
    /// The state of the source that the commit id alone does not say.
    pub source: SourceState,
    /// What was seen running.
    pub observed: Observation,
}

/// What a clone must hold besides the commit for the build to see the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceState {
    /// The tags that the build could see, newest first; a rebuild's clone has exactly these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<SourceTag>,
    /// Submodules at their recorded commits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub submodules: Vec<SourceSubmodule>,
    /// Why the tree was not the commit's, where someone insisted on building it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<String>,
}

/// A git tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceTag {
    /// Its name without `refs/tags/`.
    pub name: String,
    /// What the ref points at: a tag object, or the commit itself.
    pub object: GitObjectId,
    /// The commit behind it.
    pub commit: GitObjectId,
}

/// A git submodule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceSubmodule {
    /// Its path in the tree.
    pub path: String,
    /// Its URL as `.gitmodules` has it, without credentials.
    pub url: String,
    /// The commit that the superproject records.
    pub commit: GitObjectId,
}

/// A file installed from the index for the build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Its part in the build.
    pub role: Role,
    /// The normalised project name.
    pub name: String,
    /// The exact version.
    pub version: String,
    /// The file's name.
    pub filename: String,
    /// The file's digest.
    pub sha256: Sha256Digest,
    /// Where it was downloaded, without credentials.
    pub url: Option<String>,
}

/// Which of the two environments a requirement was installed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// For the build backend.
    Build,
    /// For the steps after it.
    Step,
}

/// A Rust crate from a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its exact version.
    pub version: String,
    /// The checksum of its archive, as Cargo.lock has it.
    pub sha256: Sha256Digest,
}

const ROLE: &str = "role";
const ROLE_SOURCE: &str = "source";
const ROLE_INTERPRETER: &str = "interpreter";
const ROLE_CRATE: &str = "crate";

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Role::Build => "build-requirement",
            Role::Step => "step-requirement",
        }
    }
}

impl Pep517Build {
    /// Reads a `buildDefinition` whose `buildType` is [`BUILD_TYPE`].
    ///
    /// # Errors
    /// [`Reason::ParameterUnknown`] for a parameter that this build type does not have,
    /// [`Reason::ProvenanceMalformed`] for one of the wrong form, and
    /// [`Reason::ProvenanceInconsistent`] where two places of the document contradict each other.
    pub fn read(definition: &BuildDefinition) -> Result<Self, Refusal> {
        let external: ExternalParameters =
            typed("externalParameters", &definition.external_parameters)?;
        let internal: InternalParameters =
            typed("internalParameters", &definition.internal_parameters)?;

        checks::all(&external, &internal)?;

        let mut source = None;
        let mut interpreter = None;
        let mut requirements = Vec::new();
        let mut crates = Vec::new();
        let mut tools = Vec::new();
        for (index, dependency) in definition.resolved_dependencies.iter().enumerate() {
            let at = Place { index, dependency };
            match dependency.annotations.get(ROLE).and_then(Value::as_str) {
                Some(ROLE_SOURCE) if source.is_none() => {
                    let uri = at.text("uri", dependency.uri.as_deref())?;
                    source = Some((uri, at.digest("gitCommit")?, at.digest("gitTree")?));
                }
                Some(ROLE_INTERPRETER) if interpreter.is_none() => {
                    interpreter = Some(at.digest::<Sha256Digest>("sha256")?);
                }
                Some(ROLE_SOURCE | ROLE_INTERPRETER) => return Err(at.malformed("named twice")),
                Some(role) if role == Role::Build.as_str() => {
                    requirements.push(at.requirement(Role::Build)?);
                }
                Some(role) if role == Role::Step.as_str() => {
                    requirements.push(at.requirement(Role::Step)?);
                }
                Some(ROLE_CRATE) => {
                    let (name, version) = at.package("pkg:cargo/")?;
                    crates.push(Crate { name, version, sha256: at.digest("sha256")? });
                }
                Some(_) => tools.push(dependency.clone()),
                None => return Err(at.malformed("has no `role` annotation")),
            }
        }
        let missing = |what: &str| {
            Refusal::new(Reason::ProvenanceMalformed)
                .found(format!("resolvedDependencies name no {what}"))
        };
        let (uri, commit, tree) = source.ok_or_else(|| missing("source"))?;
        let interpreter = interpreter.ok_or_else(|| missing("interpreter"))?;

        if uri != external.source.uri {
            return Err(Refusal::new(Reason::ProvenanceInconsistent)
                .expected(format!("externalParameters.source.uri `{}`", external.source.uri))
                .found(format!("resolvedDependencies source `{uri}`")));
        }
        let recorded = internal.environment.interpreter.sha256;
        if interpreter != recorded {
            return Err(Refusal::new(Reason::ProvenanceInconsistent)
                .expected(format!("environment.interpreter sha256 {recorded}"))
                .found(format!("resolvedDependencies interpreter sha256 {interpreter}")));
        }
        Ok(Self { external, internal, commit, tree, requirements, crates, tools })
    }

    /// The `buildDefinition` that [`Pep517Build::read`] reads back to the same value.
    ///
    /// # Errors
    /// Only what `serde_json` returns for values that have no JSON form.
    pub fn definition(&self) -> Result<BuildDefinition, serde_json::Error> {
        let interpreter = &self.internal.environment.interpreter;
        let mut dependencies = vec![
            ResourceDescriptor {
                uri: Some(self.external.source.uri.clone()),
                digest: [
                    ("gitCommit".to_owned(), self.commit.to_string()),
                    ("gitTree".to_owned(), self.tree.to_string()),
                ]
                .into(),
                annotations: role(ROLE_SOURCE),
                ..Default::default()
            },
            ResourceDescriptor {
                name: Some(interpreter.implementation.clone()),
                uri: Some(format!(
                    "pkg:generic/{}@{}",
                    interpreter.implementation, interpreter.version
                )),
                digest: [("sha256".to_owned(), interpreter.sha256.to_string())].into(),
                annotations: role(ROLE_INTERPRETER),
                ..Default::default()
            },
        ];
        dependencies.extend(self.requirements.iter().map(|requirement| ResourceDescriptor {
            name: Some(requirement.filename.clone()),
            uri: Some(format!("pkg:pypi/{}@{}", requirement.name, requirement.version)),
            digest: [("sha256".to_owned(), requirement.sha256.to_string())].into(),
            download_location: requirement.url.clone(),
            annotations: role(requirement.role.as_str()),
            ..Default::default()
        }));
        dependencies.extend(self.crates.iter().map(|package| ResourceDescriptor {
            uri: Some(format!("pkg:cargo/{}@{}", package.name, package.version)),
            digest: [("sha256".to_owned(), package.sha256.to_string())].into(),
            annotations: role(ROLE_CRATE),
            ..Default::default()
        }));
        dependencies.extend(self.tools.iter().cloned());
        Ok(BuildDefinition {
            build_type: BUILD_TYPE.to_owned(),
            external_parameters: serde_json::to_value(&self.external)?,
            internal_parameters: serde_json::to_value(&self.internal)?,
            resolved_dependencies: dependencies,
        })
    }
}

/// The annotation that says which part a dependency played.
pub fn role(name: &str) -> BTreeMap<String, Value> {
    [(ROLE.to_owned(), json!(name))].into()
}

fn typed<'de, T: Deserialize<'de>>(place: &str, value: &'de Value) -> Result<T, Refusal> {
    document::read(value).map_err(|error| {
        let text = error.to_string();
        let reason = if text.contains(": unknown field") {
            Reason::ParameterUnknown
        } else {
            Reason::ProvenanceMalformed
        };
        Refusal::new(reason).found(format!("{place}{text}"))
    })
}

/// One entry of `resolvedDependencies`, for errors that say where.
struct Place<'a> {
    index: usize,
    dependency: &'a ResourceDescriptor,
}

impl Place<'_> {
    fn malformed(&self, what: &str) -> Refusal {
        Refusal::new(Reason::ProvenanceMalformed)
            .found(format!("resolvedDependencies[{}] {what}", self.index))
    }

    fn text(&self, field: &str, value: Option<&str>) -> Result<String, Refusal> {
        value.map(str::to_owned).ok_or_else(|| self.malformed(&format!("has no `{field}`")))
    }

    fn digest<D: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        algorithm: &str,
    ) -> Result<D, Refusal> {
        let text = self.dependency.digest.get(algorithm).map(String::as_str);
        self.text(&format!("digest.{algorithm}"), text)?
            .parse()
            .map_err(|error| self.malformed(&format!("digest.{algorithm}: {error}")))
    }

    /// Name and version of a package URL of the given type.
    fn package(&self, prefix: &str) -> Result<(String, String), Refusal> {
        let uri = self.text("uri", self.dependency.uri.as_deref())?;
        uri.strip_prefix(prefix)
            .and_then(|rest| rest.split_once('@'))
            .filter(|(name, version)| !name.is_empty() && !version.is_empty())
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .ok_or_else(|| self.malformed(&format!("uri `{}`", uri.escape_debug())))
    }

    fn requirement(&self, role: Role) -> Result<Requirement, Refusal> {
        let (name, version) = self.package("pkg:pypi/")?;
        let filename = self.text("name", self.dependency.name.as_deref())?;
        let wheel = WheelFilename::parse(&filename)
            .map_err(|error| self.malformed(&format!("name: {error}")))?;
        let same = name.parse::<ProjectName>().is_ok_and(|name| name == *wheel.project())
            && requirement::version(&version).as_ref() == Some(wheel.version());
        if !same {
            let what = format!("`{name}` {version} is not the wheel `{filename}`");
            return Err(self.malformed(&what));
        }
        Ok(Requirement {
            role,
            name,
            version,
            filename,
            sha256: self.digest("sha256")?,
            url: self.dependency.download_location.clone(),
        })
    }
}
