//! An honest little wheel, for tests that are about something else.

use crate::hostile::Plan;

/// The name of [`wheel`].
pub const FILENAME: &str = "demo-1.0-py3-none-any.whl";

/// A pure wheel of the project `demo`, version 1.0.
pub fn wheel() -> Vec<u8> {
    Plan::new().archive().bytes()
}

/// The same with a file more, or another content of one.
pub fn wheel_with(name: &str, data: &[u8]) -> Vec<u8> {
    Plan::new().put(name, data).archive().bytes()
}
