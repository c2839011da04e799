//! What a verification found: reasons, checks, and the report that holds them.

mod check;
mod reason;
mod refusal;
#[expect(clippy::module_inception, reason = "the report is what this module is for")]
mod report;

pub use check::{Check, CheckName, Status};
pub use reason::Reason;
pub use refusal::{Change, ChangedValue, Escaped, Refusal};
pub use report::{
    AttestationSeen, Decision, FileSeen, IncludeUsed, PolicySigned, PolicyUsed, REPORT_SCHEMA,
    Report, Standing, TrustUsed,
};
