//! Classic in-toto layouts and links (in-toto specification v1.0): who may do which step of a supply chain, and what
//! each step was run on and gave. Start reading at [`verify`](mod@verify).
//!
//! Written here and not taken from a library: `docs/adr/0013-in-toto-layouts.md` says why. Where this is stricter
//! than in-toto's own reader, `docs/layouts.md` says so.

mod artifacts;
mod canonical;
mod envelope;
mod key;
mod link;
mod model;
mod names;
mod outcome;
mod p521;
mod parameters;
mod pattern;
mod rule;
#[cfg(test)]
mod tests;
pub mod verify;

pub use envelope::{Form, ToSign};
pub use key::FunctionaryKey;
pub use link::{Inspected, Recorded};
pub use model::Inspection;
pub use names::{LinkPath, StepName, artifact_name};
pub use outcome::Outcome;
pub use parameters::Parameters;
pub use pattern::{Pattern, TooMuchWork, Work};
pub use verify::{Request, is_signed_link, verify};
