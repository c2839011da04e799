//! What a verification found: reasons, checks, and the report that holds them.

mod reason;

pub use reason::Reason;
