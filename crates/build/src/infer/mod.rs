//! From a wheel, its source and what the index says: the plan of its build.
//!
//! Each rule looks at the [`Evidence`] and settles some values of the plan, in this order: [`backend`] (which tool made
//! it, and how it was called), [`setuptools`] (its release, where only `wheel` is named), [`before`] (as of when requirements are resolved), [`interpreter`], [`times`] (clock and
//! zone), [`modes`] (umask, modes, system), [`arguments`]. A rule that sees nothing leaves the default, so every wheel
//! has a plan. [`again`] looks at what a build of it came to, and says what to try next.

pub mod again;
pub mod arguments;
pub mod backend;
pub mod before;
mod evidence;
pub mod interpreter;
pub mod modes;
pub mod setuptools;
pub mod times;
pub mod zone;

use wheelmark_core::digest::Sha256Digest;

use crate::plan::{
    BuildPlan, Clock, Compressor, EggInfo, Extensions, Frontend, Modes, Named, Origin, PLAN_SCHEMA,
    System, Times, Value,
};

pub use evidence::{Evidence, Generator, Pythons};

/// Builds of one wheel, at most, where nobody says otherwise.
pub const MAX_BUILDS: usize = 3;

/// The plan that all evidence together suggests.
pub fn infer(evidence: &Evidence<'_>) -> BuildPlan {
    let named =
        |filename: &str, sha256: Sha256Digest| Named { filename: filename.to_owned(), sha256 };
    let wheel = evidence.wheel;
    let sdist = &evidence.source.sdist;
    let mut plan = BuildPlan {
        schema: PLAN_SCHEMA.to_owned(),
        wheel: named(wheel.filename().as_str(), wheel.sha256()),
        source: Value::new(
            named(sdist.filename().as_str(), sdist.sha256()),
            Origin::Index,
            "the source distribution of this release",
        ),
        python: Value::default_of("3".to_owned()),
        frontend: Value::default_of(Frontend::Pep517),
        arguments: Vec::new(),
        clock: Value::default_of(Clock::Unset),
        zone: Value::default_of("UTC".to_owned()),
        umask: Value::default_of("0022".to_owned()),
        modes: Value::default_of(Modes::Archive),
        times: Value::default_of(Times::Source),
        egg_info: Value::default_of(EggInfo::Build),
        compressor: Value::default_of(Compressor::Zlib),
        extensions: Value::default_of(Extensions::Compiled),
        system: Value::default_of(System::Unix),
        exclude_newer: None,
        requires: Vec::new(),
        locked: Vec::new(),
    };
    times::conclude(evidence, &mut plan);
    before::conclude(evidence, &mut plan);
    backend::conclude(evidence, &mut plan);
    setuptools::conclude(evidence, &mut plan);
    modes::conclude(evidence, &mut plan);
    arguments::conclude(evidence, &mut plan);
    interpreter::conclude(evidence, &mut plan);
    plan
}
