//! What is pointed out in a policy that can be read.

use serde::Serialize;

use crate::coded::coded;

coded! {
    /// Why something in a policy is pointed out: a stable code each.
    pub enum Lint {
        /// No rule names the key or identity, which may be a slip.
        SignerUnused = "signer-unused",
        /// The key's time is over.
        KeyEnded = "key-ended",
        /// The key counts for ever.
        KeyWithoutEnd = "key-without-end",
        /// A repository is named and no lasting id of it: its name can be registered anew by somebody else.
        IdentityByNameAlone = "identity-by-name-alone",
        /// Every workflow of the repository may sign.
        AnyWorkflow = "any-workflow",
        /// The job may be started by somebody who has no rights in the repository.
        TriggerOfStrangers = "trigger-of-strangers",
        /// Some signers may sign every project.
        EveryProject = "every-project",
        /// What was built from any branch and any commit is taken, or from a ref of any kind.
        AnyRef = "any-ref",
        /// The ref is not bound to the file's version.
        RefOfAnyVersion = "ref-of-any-version",
        /// Every signer of the rule is revoked, or too many for its threshold, so that it takes nothing.
        AllRevoked = "all-revoked",
        /// The policy has exceptions and no rule: it holds files to their digests, and says nothing of who made them.
        NothingButExceptions = "nothing-but-exceptions",
        /// What is taken proves less than what could be asked for.
        ProvesLess = "proves-less",
        /// The time of the exception, or of what may be installed unverified, is over.
        ExceptionEnded = "exception-ended",
        /// It counts for more than a year.
        ExceptionLong = "exception-long",
    }
}

/// Something that is pointed out, with its place and what to do about it. All text in it is safe on a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    #[serde(rename = "code")]
    pub lint: Lint,
    /// The file, where it is one that the policy includes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What stands there, and what follows from it.
    pub message: String,
    /// What to do about it.
    pub suggestion: String,
}
