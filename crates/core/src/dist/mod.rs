//! What wheels and source distributions have in common: safe names of members, metadata that is true of
//! the file name, and how a refusal is told.

mod fields;
mod metadata;
pub(crate) mod names;
mod refusal;

pub(crate) use fields::Fields;
pub use metadata::Metadata;
pub use refusal::Refusal;
pub(crate) use refusal::Shown;
