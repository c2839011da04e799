//! A wheel of whose build nothing is attested: what is rebuilt, from which source, by which plan.

mod attempts;
mod subject;
mod target;

pub use attempts::{Attempt, Attempts, attempts};
pub use subject::{SourceChoice, Subject};
pub use target::Target;
