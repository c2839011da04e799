//! One check of a verification, and how it ended.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{Reason, Refusal};
use crate::coded::coded;

coded! {
    /// The checks of [`verify`](crate::verify), in the order in which it makes them.
    pub enum CheckName {
        /// The file itself, its name and what it says of itself are sound: it was read as hostile.
        Archive = "archive",
        /// The policy revokes neither the file nor its release.
        Revocation = "revocation",
        /// The policy has an exception for the file, or a rule that is about it.
        PolicyRule = "policy-rule",
        /// The file was uploaded as long ago as the rule asks, as the index says.
        CoolDown = "cool-down",
        /// An attestation is there and can be read.
        Attestation = "attestation",
        /// A key or certificate that is trusted made the signature, at a time when it counted.
        Signature = "signature",
        /// The signed payload is an in-toto statement.
        Statement = "statement",
        /// The statement is about a file of this name.
        SubjectName = "subject-name",
        /// The statement is about these bytes.
        SubjectDigest = "subject-digest",
        /// The predicate is of a type that the rule accepts.
        PredicateType = "predicate-type",
        /// The build type is one that the rule accepts and this program knows.
        BuildType = "build-type",
        /// The parameters of the build are known, well-formed and agree with each other; a publish
        /// attestation has none.
        Parameters = "parameters",
        /// The provenance says nothing that the signer's certificate denies.
        Certificate = "certificate",
        /// Nothing decided what was built that the rule does not allow.
        ExternalParameters = "external-parameters",
        /// The signer is one of the rule's, and the policy does not revoke it.
        Signer = "signer",
        /// The attestation, and what is known of its signer's Sigstore instance, are as new as the rule asks.
        Age = "age",
        /// The builder is one of the rule's.
        Builder = "builder",
        /// The source repository is the rule's.
        Source = "source",
        /// The ref matches the rule's pattern.
        Ref = "ref",
        /// The job was started by none of the events that the rule forbids.
        Trigger = "trigger",
        /// The commit is on one of the rule's branches, as the checkout that was given shows.
        Branch = "branch",
        /// The tree that was built was the commit's, without changes; asked of what `wheelmark build` made,
        /// which alone says so.
        CleanSource = "clean-source",
        /// The build was held by a sandbox; asked of what `wheelmark build` made, which alone says so, unless the rule
        /// asks for it of every build.
        Isolation = "isolation",
        /// Every file that was installed for the build satisfies the policy that the rule names for that.
        BuildRequirements = "build-requirements",
        /// As many different signers as the rule asks for each made an attestation that holds.
        Threshold = "threshold",
        /// Each further attestation that the rule asks for is there.
        Required = "required",
        /// None of the attestations that the rule forbids is there.
        Forbidden = "forbidden",
        /// The file was built again, where the rule asks for it.
        Rebuild = "rebuild",
        /// Every policy that the policy includes accepts the file, too; made where it includes any. The reason is that
        /// of the first one that refuses.
        Includes = "includes",
        /// The file is one that the lock names, where one was given. Made by whoever read the lock, after
        /// the others.
        Lock = "lock",
        /// Who attested the file is one of the `attestation-identities` that the lock has for it. Made by whoever read
        /// the lock, after the others.
        AttestationIdentity = "attestation-identity",
        /// Who signed is who signed the project before, where that was locked. Made by whoever read it, after the
        /// others.
        Identity = "identity",
        /// Every key that was given signed the layout. This and what follows are the checks of a layout, beside
        /// `archive` the only ones under one.
        LayoutSignature = "layout-signature",
        /// The layout is well-formed, every parameter of it has a value, and it asks for nothing to be run that is not.
        Layout = "layout",
        /// The layout has not expired.
        LayoutExpiry = "layout-expiry",
        /// As many keys as the layout asks for, of those that it allows, signed a link of each step, and these
        /// agree.
        Links = "links",
        /// Every artifact rule of the layout holds.
        ArtifactRules = "artifact-rules",
        /// The file is a product of the layout's last step, by name and digest.
        Product = "product",
        /// Every command that the layout asks to be run over the file ended well, and the rules for what it had and gave
        /// hold.
        Inspections = "inspections",
    }
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It held; with the authenticated value, where there is one to show.
    Passed(Option<String>),
    /// It did not hold.
    Failed(Refusal),
    /// It could not be made because another one failed.
    NotRun(CheckName),
    /// The rule does not ask for it.
    NotRequired,
}

/// A check and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which.
    pub name: CheckName,
    /// How.
    pub status: Status,
}

impl Check {
    /// The reason, where it failed.
    pub fn reason(&self) -> Option<Reason> {
        match &self.status {
            Status::Failed(refusal) => Some(refusal.reason),
            _ => None,
        }
    }

    /// Whether nothing stands against accepting the file.
    pub fn holds(&self) -> bool {
        matches!(self.status, Status::Passed(_) | Status::NotRequired)
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("check", self.name.code())?;
        match &self.status {
            Status::Passed(found) => {
                map.serialize_entry("status", "passed")?;
                if let Some(found) = found {
                    map.serialize_entry("found", found)?;
                }
            }
            Status::Failed(refusal) => {
                map.serialize_entry("status", "failed")?;
                map.serialize_entry("reason", &refusal.reason)?;
                map.serialize_entry("explanation", refusal.reason.explanation())?;
                if !refusal.expected.is_empty() {
                    map.serialize_entry("expected", &refusal.expected)?;
                }
                if let Some(found) = &refusal.found {
                    map.serialize_entry("found", found)?;
                }
                if let Some(change) = &refusal.change {
                    map.serialize_entry("changed", change)?;
                }
            }
            Status::NotRun(because) => {
                map.serialize_entry("status", "not-run")?;
                map.serialize_entry("because", because.code())?;
            }
            Status::NotRequired => map.serialize_entry("status", "not-required")?,
        }
        map.end()
    }
}
