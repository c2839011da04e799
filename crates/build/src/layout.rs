//! The paths that a build sees. They are the same for every build, since some end up in its output.

/// The source tree.
pub const SOURCE: &str = "/build/src";
/// The folder in which the hook leaves its one file.
pub const OUT: &str = "/build/out";
/// The file so far, for a step.
pub const IN: &str = "/build/in";
/// The build environment, read-only.
pub const ENVIRONMENT: &str = "/build/env";
/// The environment of the steps, read-only.
pub const STEPS: &str = "/build/steps";
/// Our own hook caller and its task, read-only.
pub const DRIVER: &str = "/build/driver";
/// Where the hook caller leaves the hook's return value.
pub const RESULT: &str = "/build/result";
/// The home folder: empty at first, and gone with the build.
pub const HOME: &str = "/build/home";
/// Cargo's home with the vendored crates, for projects with Rust extensions.
pub const CARGO: &str = "/build/cargo";

/// The host name.
pub const HOSTNAME: &str = "build";
/// The file mode creation mask.
pub const UMASK: &str = "0022";
/// The locale.
pub const LOCALE: &str = "C.UTF-8";
/// The time zone.
pub const TIMEZONE: &str = "UTC";
/// The user id that a build sees itself as.
pub const USER: u32 = 1000;
