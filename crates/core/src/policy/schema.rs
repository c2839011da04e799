//! What a policy says, typed. There is no `Default`: what is not written is not allowed.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::demand::Demand;
use super::exceptions::Exceptions;
use super::files::Files;
use super::identity::IdentityRule;
use super::includes::{Elsewhere, Include, Includes, NoIncludes};
use super::instructions::Instructions;
use super::lint::Finding;
use super::pattern::RefPattern;
use super::projects::{ByProject, ProjectPattern};
use super::read;
use super::rebuild::RebuildRule;
use super::revocations::Revocations;
use super::signature::SignedPolicy;
use super::signers::Signers;
use super::source::SourcePattern;
use super::unverified::Exemption;
use super::versions::Versions;
use crate::attestation::pep517::BUILD_TYPE;
use crate::attestation::provenance::PROVENANCE_TYPE;
use crate::attestation::rebuild_result::REBUILD_RESULT_TYPE;
use crate::attestation::repository::RepositoryUri;
use crate::digest::Sha256Digest;
use crate::report::Escaped;
use crate::trust::{Instances, TrustRoot};

/// A policy that was read whole and found free of contradictions.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) path: String,
    pub(super) sha256: Sha256Digest,
    pub(super) trust: TrustRoot,
    pub(super) rules: Vec<Rule>,
    pub(super) by_project: ByProject,
    pub(super) exceptions: Exceptions,
    pub(super) unverified: Vec<Exemption>,
    pub(super) revocations: Revocations,
    /// Every file that it includes, itself or through another one; of an included file none.
    pub(super) includes: Vec<Include>,
    /// Its signature, where one was asked for.
    pub(super) signed: Option<SignedPolicy>,
    /// Whom the other files of the composition revoke.
    pub(super) elsewhere: Vec<Arc<Elsewhere>>,
    /// What the policies revoke that name this one for what builds used: set once they are read whole.
    pub(super) above: Vec<Arc<OnceLock<Vec<Elsewhere>>>>,
    /// The paths of the policies that were read for something else.
    pub(super) also_read: Vec<String>,
}

/// What is asked of the files of some projects.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `rules[N]`.
    pub name: String,
    /// The line on which the rule begins, from 1; absent for a rule made from the command line.
    pub line: Option<usize>,
    /// The projects it names.
    pub projects: Projects,
    /// Which of their files it is about.
    pub files: Files,
    /// Who may sign; nobody where the rule asks only for other attestations ([`Rule::required`]).
    pub signers: Signers,
    /// The predicate types that count.
    pub attestations: BTreeSet<String>,
    /// How many different signers must each have made an attestation that holds; at least 1.
    pub threshold: usize,
    /// How old what was signed, uploaded and trusted must or may be.
    pub ages: Ages,
    /// Whether a signature over the bare file counts, which says nothing of its origin.
    pub bare_signature: bool,
    /// Where the source must come from.
    pub source: SourceRule,
    /// What must have run the build, and how.
    pub builder: BuilderRule,
    /// What else may decide what is built.
    pub instructions: Instructions,
    /// The policy that each file must satisfy that was installed for the build.
    pub build_requirements: Option<Arc<Policy>>,
    /// Further attestations, of each of which there must be one.
    pub required: Vec<Demand>,
    /// Attestations of which there must be none.
    pub forbidden: Vec<Demand>,
    /// Whether the file must be built again.
    pub rebuild: RebuildRule,
    /// What the rule lets pass although it proves less.
    pub unsafe_choices: Unsafe,
}

impl Rule {
    /// Whether it looks at attestations of a type beside those that decide.
    pub(crate) fn looks_at(&self, predicate_type: &str) -> bool {
        let mut demands = self.required.iter().chain(&self.forbidden);
        let rebuilds = self.rebuild.rebuilders.is_some() && predicate_type == REBUILD_RESULT_TYPE;
        rebuilds || demands.any(|demand| demand.predicate_type == predicate_type)
    }

    /// Whether it asks for what attestations say that do not decide by themselves.
    pub(crate) fn looks_at_others(&self) -> bool {
        !self.required.is_empty() || !self.forbidden.is_empty() || self.rebuild.rebuilders.is_some()
    }
}

/// Where the source must come from. What is absent or empty asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceRule {
    /// The repository.
    pub repository: Option<SourcePattern>,
    /// What `{owner}` in it may stand for.
    pub owners: BTreeSet<String>,
    /// The refs that may be built; absent where any commit of the repository will do.
    pub git_ref: Option<RefPattern>,
    /// The branches on one of which the commit must be, as a checkout shows it.
    pub branches: BTreeSet<String>,
    /// The events that must not have started the job; where there are any, the event must be known.
    pub forbidden_triggers: BTreeSet<String>,
}

/// What must have run the build, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuilderRule {
    /// The builder ids that are trusted; empty only where no key may sign: a certificate names what ran.
    pub ids: BTreeSet<String>,
    /// The versions of the builder.
    pub versions: Option<Versions>,
    /// The build types that are accepted.
    pub build_types: BTreeSet<String>,
    /// Whether the provenance must say that the build had no network.
    pub hermetic: bool,
}

/// How old something must or may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ages {
    /// How long ago an attestation may have been signed.
    pub attestation: Option<TimeDelta>,
    /// How long ago the file must have been uploaded.
    pub upload: Option<TimeDelta>,
    /// How long ago what is known of the signer's Sigstore instance may have been asked for.
    pub trust: Option<TimeDelta>,
}

/// The projects that a rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projects {
    /// These.
    Named(BTreeSet<ProjectPattern>),
    /// The one on the command line, whose key and source were given beside it.
    OnCommandLine,
}

/// Choices that let through what proves less. Each is off unless it is spelled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Unsafe {
    /// `allow-dirty-unsafe`: accept a tree that was not the commit's.
    pub dirty: bool,
    /// `allow-no-isolation-unsafe`: accept a build that nothing held.
    pub no_isolation: bool,
}

impl Unsafe {
    /// Nothing unsafe is allowed.
    pub const NONE: Self = Self { dirty: false, no_isolation: false };
}

/// A policy that is refused, with the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", Escaped(.path))]
pub struct PolicyError {
    /// The file.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub suggestion: String,
}

/// The builder id of a build made by `wheelmark build` on somebody's own machine.
///
/// It says which program ran, not that the machine can be trusted: that is what the key says.
pub const LOCAL_BUILDER: &str = "https://wheelmark.dev/builders/local/v1";

/// What a person trusts who gives no policy file: some signers for one source.
#[derive(Debug, Clone)]
pub struct OnCommandLine {
    /// The keys and instances.
    pub trust: TrustRoot,
    /// The holders of certificates that may sign, beside the keys of `trust`.
    pub identities: Vec<IdentityRule>,
    /// As [`Rule::attestations`].
    pub attestations: BTreeSet<String>,
    /// As [`Rule::bare_signature`].
    pub bare_signature: bool,
    /// As [`SourceRule::repository`].
    pub source: Option<RepositoryUri>,
    /// As [`SourceRule::git_ref`].
    pub git_ref: Option<RefPattern>,
    /// As [`BuilderRule::ids`].
    pub builders: BTreeSet<String>,
    /// As [`BuilderRule::build_types`].
    pub build_types: BTreeSet<String>,
    /// As [`Rule::instructions`].
    pub instructions: Instructions,
}

impl OnCommandLine {
    /// One key, for what `wheelmark build` makes of one source.
    pub fn key(trust: TrustRoot, source: RepositoryUri) -> Self {
        Self {
            trust,
            identities: Vec::new(),
            attestations: [PROVENANCE_TYPE.to_owned()].into(),
            bare_signature: false,
            source: Some(source),
            git_ref: None,
            builders: [LOCAL_BUILDER.to_owned()].into(),
            build_types: [BUILD_TYPE.to_owned()].into(),
            instructions: Instructions::default(),
        }
    }
}

impl Policy {
    /// Reads the text of a policy file that stands alone. `path` is only for messages and reports; `instances` gives
    /// the trusted roots of the Sigstore instances that it names.
    ///
    /// # Errors
    /// [`PolicyError`] for anything but a complete policy without contradiction, and for one that includes others.
    pub fn parse(path: &str, text: &str, instances: &dyn Instances) -> Result<Self, PolicyError> {
        read::policy(path, text, instances, &NoIncludes)
    }

    /// As [`Policy::parse`], with what the policy includes, of which `includes` gives the bytes.
    ///
    /// # Errors
    /// As [`Policy::parse`], and for an included file that is not at hand, is another one than its digest says, or is
    /// itself refused; beyond the bounds, too.
    pub fn parse_with(
        path: &str,
        text: &str,
        instances: &dyn Instances,
        includes: &dyn Includes,
    ) -> Result<Self, PolicyError> {
        read::policy(path, text, instances, includes)
    }

    /// As [`Policy::parse_with`], with what is to be pointed out in it at the time `now`, in the order of the file; what
    /// is included comes after the file that includes it.
    ///
    /// # Errors
    /// As [`Policy::parse_with`], but everything that can be told by itself, up to [`POLICY_ERRORS`]; at least one.
    ///
    /// [`POLICY_ERRORS`]: crate::limits::POLICY_ERRORS
    pub fn linted(
        path: &str,
        text: &str,
        instances: &dyn Instances,
        includes: &dyn Includes,
        now: DateTime<Utc>,
    ) -> Result<(Self, Vec<Finding>), Vec<PolicyError>> {
        read::linted(path, text, instances, includes, now)
    }

    /// The policy that signers and a source on the command line mean: these alone, whatever the project,
    /// from a clean tree built in a sandbox, where the attestation speaks of that.
    pub fn on_command_line(said: OnCommandLine) -> Self {
        let keys: BTreeSet<_> = said.trust.keys().map(|key| key.id().clone()).collect();
        let shown = format!(
            "keys {keys:?} identities {:?} attestations {:?} bare {} source {:?} ref {:?} builders {:?} types {:?} instructions {:?}",
            said.identities,
            said.attestations,
            said.bare_signature,
            said.source,
            said.git_ref,
            said.builders,
            said.build_types,
            said.instructions,
        );
        Self {
            path: "command line".to_owned(),
            sha256: Sha256Digest::of(shown.as_bytes()),
            rules: vec![Rule {
                name: "command line".to_owned(),
                line: None,
                projects: Projects::OnCommandLine,
                files: Files::default(),
                signers: Signers {
                    keys,
                    identities: said.identities.into_iter().map(Arc::new).collect(),
                },
                attestations: said.attestations,
                threshold: 1,
                ages: Ages::default(),
                bare_signature: said.bare_signature,
                source: SourceRule {
                    repository: said.source.map(SourcePattern::from),
                    git_ref: said.git_ref,
                    ..SourceRule::default()
                },
                builder: BuilderRule {
                    ids: said.builders,
                    build_types: said.build_types,
                    ..BuilderRule::default()
                },
                instructions: said.instructions,
                build_requirements: None,
                required: Vec::new(),
                forbidden: Vec::new(),
                rebuild: RebuildRule::NEVER,
                unsafe_choices: Unsafe::NONE,
            }],
            by_project: ByProject::default(),
            exceptions: Exceptions::default(),
            unverified: Vec::new(),
            revocations: Revocations::default(),
            includes: Vec::new(),
            above: Vec::new(),
            also_read: Vec::new(),
            elsewhere: Vec::new(),
            signed: None,
            trust: said.trust,
        }
    }

    /// With its signature, for the report. One of another text is left out.
    #[must_use]
    pub fn signed(mut self, signed: SignedPolicy) -> Self {
        self.signed = Some(signed).filter(|it| it.sha256() == self.sha256);
        self
    }

    /// Its signature, where one was asked for.
    pub fn signature(&self) -> Option<&SignedPolicy> {
        self.signed.as_ref()
    }

    /// Where it was read from.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The digest of its text.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// The keys that it trusts at all.
    pub fn trust(&self) -> &TrustRoot {
        &self.trust
    }

    /// Its rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The files that it takes without proof.
    pub fn exceptions(&self) -> &Exceptions {
        &self.exceptions
    }

    /// What it refuses whatever else holds.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }
}
