//! Which level of SLSA's build track was proven of a file. `docs/verdicts.md` has the same table with the reason for
//! each row.
//!
//! SLSA 1.2, "Verifying artifacts", step 1: the level is looked up by who signed and by the builder's id, and is 1
//! for whatever is not known. So a row needs a signer that is the builder itself, and a policy that names it.

use crate::attestation::build_types::{github_workflow, slsa_github_generator};
use crate::attestation::origin::Origin;
use crate::attestation::vsa::{BUILD_UNEVALUATED, SLSA_BUILD_REPRODUCED};
use crate::policy::Rule;
use crate::trust::{CertificateIdentity, InstanceName, SignerIdentity};

/// A level of SLSA's build track that provenance can prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildLevel {
    /// There is provenance, and a trusted signer made it.
    One,
    /// A hosted platform signed it for the job that it ran.
    Two,
    /// A builder signed it that keeps the key from the steps of the build.
    Three,
}

impl BuildLevel {
    /// The level as a VSA writes it.
    pub fn code(self) -> &'static str {
        match self {
            Self::One => "SLSA_BUILD_LEVEL_1",
            Self::Two => "SLSA_BUILD_LEVEL_2",
            Self::Three => "SLSA_BUILD_LEVEL_3",
        }
    }
}

/// What a VSA may say of a file: the highest level that the attestations prove which held, and the properties that
/// were proven. `None` where no provenance held: of a build that nobody looked at nothing is claimed, not even
/// level 0.
///
/// `independent_builders` counts the independently operated platforms whose trusted provenance, or identical rebuild,
/// is of exactly these bytes. Under two the file was reproduced by nobody
/// (<https://slsa.dev/spec/v1.2/verified-properties>).
pub fn levels(proven: Option<BuildLevel>, independent_builders: usize) -> Vec<String> {
    let level = proven.map_or(BUILD_UNEVALUATED, BuildLevel::code);
    let reproduced = (independent_builders >= 2).then_some(SLSA_BUILD_REPRODUCED);
    [Some(level), reproduced].into_iter().flatten().map(str::to_owned).collect()
}

/// Where the workflows of slsa-github-generator are, which other repositories' workflows call.
const GENERATOR: &str =
    "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/";

/// Those whose provenance is read here and is signed by them alone.
const GENERATOR_WORKFLOWS: [&str; 2] = ["generator_generic_slsa3.yml", "builder_go_slsa3.yml"];

/// The builder that the first releases of GitHub's action named: the machine in place of the workflow.
const GITHUB_HOSTED_RUNNER: &str = "https://github.com/actions/runner/github-hosted";

/// GitHub's own machines, as its certificates name them.
const GITHUB_HOSTED: &str = "github-hosted";

/// The level of provenance for which every check of the rule held; `origin` is what it and the certificate say.
pub(crate) fn of_provenance(rule: &Rule, origin: &Origin, signer: &SignerIdentity) -> BuildLevel {
    let certificate = match signer {
        // Whoever holds a key in a file can have written the provenance by hand.
        SignerIdentity::Key(_) => return BuildLevel::One,
        SignerIdentity::Certificate(certificate) => &**certificate,
    };
    let (Some(builder), Some(workflow)) = (origin.builder.as_deref(), certificate.build_signer())
    else {
        return BuildLevel::One;
    };
    if !ran_at_github(certificate) {
        return BuildLevel::One;
    }
    let build_type = origin.build_type.as_deref().unwrap_or_default();
    let is_generator =
        matches!(build_type, slsa_github_generator::GENERIC | slsa_github_generator::GO);
    let whole = names_builder(rule, builder, certificate);
    if is_generator && builder == workflow && is_released_generator(workflow) && whole {
        return BuildLevel::Three;
    }
    let speaks = builder == workflow || builder == GITHUB_HOSTED_RUNNER;
    let named = whole || names_repository(rule, workflow, certificate);
    match build_type == github_workflow::BUILD_TYPE && speaks && named {
        true => BuildLevel::Two,
        false => BuildLevel::One,
    }
}

/// Whether GitHub vouches for the job, and that it ran on GitHub's own machine. Certificates from before that claim
/// do not say so. Whoever runs an instance of their own can issue certificates that say anything.
fn ran_at_github(certificate: &CertificateIdentity) -> bool {
    let public = matches!(certificate.instance, InstanceName::PublicGood | InstanceName::Github);
    let runner = certificate.claims.runner_environment.as_deref();
    public && certificate.is_github() && runner == Some(GITHUB_HOSTED)
}

/// A workflow of slsa-github-generator at the tag of a release: at a branch it may be any text.
fn is_released_generator(workflow: &str) -> bool {
    let Some((file, tag)) =
        workflow.strip_prefix(GENERATOR).and_then(|rest| rest.split_once("@refs/tags/v"))
    else {
        return false;
    };
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<_> = tag.split('.').collect();
    GENERATOR_WORKFLOWS.contains(&file) && parts.len() == 3 && parts.into_iter().all(number)
}

/// The policy names the builder whole: as one of the rule's builders, or as the name of the one who signs.
fn names_builder(rule: &Rule, builder: &str, certificate: &CertificateIdentity) -> bool {
    let mut matching =
        rule.signers.identities.iter().filter(|it| it.mismatch(certificate).is_none());
    rule.builder.ids.contains(builder) || matching.any(|it| it.san.as_deref() == Some(builder))
}

/// The policy names the repository, and the workflow that signed is a file of it.
fn names_repository(rule: &Rule, workflow: &str, certificate: &CertificateIdentity) -> bool {
    let mut matching =
        rule.signers.identities.iter().filter(|it| it.mismatch(certificate).is_none());
    let named = rule.source.repository.is_some() || matching.any(|it| it.repository.is_some());
    let own = certificate.repository().is_some_and(|repository| {
        workflow
            .strip_prefix(&repository)
            .is_some_and(|rest| rest.starts_with("/.github/workflows/"))
    });
    named && own
}

#[cfg(test)]
mod tests;
