//! `wheelmark plan`: how a wheel would be built, and where each value comes from. Nothing is built.

use std::io::Write as _;
use std::path::PathBuf;

use wheelmark_build::infer::{self, Pythons};
use wheelmark_build::plan::{
    BuildPlan, Clock, Compressor, EggInfo, Extensions, Frontend, Modes, System, Times, Value, shown,
};
use wheelmark_core::report::Escaped;

use super::rebuild::inferred::subject_of;
use crate::error::CliError;
use crate::exit::Exit;
use crate::inferred::{SourceChoice, Target};
use crate::interrupt;
use crate::machine::Place;
use crate::render::{Output, json};

/// Print how a wheel would be built: a plan that `wheelmark rebuild --plan FILE` builds.
///
/// It is inferred from the wheel, its source distribution and what the package index says, and tells of each value
/// where it comes from. Nothing is built, and no code of the project runs. The plan is TOML; it may be edited.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark plan requests==2.32.5 > requests.plan.toml
  wheelmark rebuild requests==2.32.5 --plan requests.plan.toml

Exit codes: 0 done, 1 could not decide (no source distribution, for example), 2 wrong usage.")]
pub struct Arguments {
    /// A wheel, a release of the package index (NAME==VERSION), or the URL of a wheel that it has
    #[arg(value_name = "WHEEL")]
    wheel: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    source: SourceChoice,
}

/// Infers and prints.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let target = Target::parse(&arguments.wheel)?;
    let cancel = interrupt::watch()?;
    let place = Place::make()?;
    let (subject, pythons) = subject_of(&target, &arguments.source, &place, &cancel)?;
    let plan = infer::infer(&subject.evidence(Pythons(pythons)));
    match arguments.json {
        true => json::document(&plan, output)?,
        false => write!(output, "{}", plan.text())?,
    }
    Ok(Exit::Accepted)
}

/// The values of a plan, a line each, for a person.
pub fn values(plan: &BuildPlan, output: &mut Output) -> Result<(), CliError> {
    let mut line = |what: &str, value: String, of: String| {
        writeln!(output, "  {what:<8}{}  ({})", Escaped(&value), Escaped(&of))
    };
    line("python", plan.python.value.clone(), origin(&plan.python))?;
    let frontend = match plan.frontend.value {
        Frontend::Pep517 => "the hooks of PEP 517",
        Frontend::InstalledBackend => "the hooks of the installed backend, not of the source's own",
        Frontend::SetupPy => "setup.py bdist_wheel",
    };
    line("by", frontend.to_owned(), origin(&plan.frontend))?;
    for argument in &plan.arguments {
        line("with", argument.value.clone(), origin(argument))?;
    }
    for requirement in &plan.requires {
        line("needs", requirement.value.clone(), origin(requirement))?;
    }
    if let Some(newer) = &plan.exclude_newer {
        line("as of", newer.value.format("%Y-%m-%dT%H:%M:%SZ").to_string(), origin(newer))?;
    }
    let clock = match plan.clock.value {
        Clock::Unset => "SOURCE_DATE_EPOCH is not set".to_owned(),
        Clock::SourceDateEpoch(time) => format!("SOURCE_DATE_EPOCH={time}"),
        Clock::Stands(time) => format!("stands at {}", shown(time)),
        Clock::Moves { from, before } => {
            format!("stands at {}, two seconds later from {} on", shown(from), before.name())
        }
    };
    line("clock", clock, origin(&plan.clock))?;
    if plan.zone.value != "UTC" {
        line("zone", plan.zone.value.clone(), origin(&plan.zone))?;
    }
    line("umask", plan.umask.value.clone(), origin(&plan.umask))?;
    let modes = match plan.modes.value {
        Modes::Archive => "as in the source's archive",
        Modes::Filtered => "as in the source's archive, filtered (PEP 706)",
        Modes::Umask => "by the umask",
    };
    line("modes", modes.to_owned(), origin(&plan.modes))?;
    if plan.times.value == Times::Clock {
        line("times", "of the source's files: the clock's".to_owned(), origin(&plan.times))?;
    }
    if plan.egg_info.value == EggInfo::Source {
        line("times", "of .egg-info: the source's".to_owned(), origin(&plan.egg_info))?;
    }
    if plan.compressor.value == Compressor::ZlibNg {
        line("by", "zlib-ng".to_owned(), origin(&plan.compressor))?;
    }
    if plan.extensions.value == Extensions::LeftOut {
        line("without", "extension modules".to_owned(), origin(&plan.extensions))?;
    }
    if plan.system.value == System::Windows {
        line("system", "Windows".to_owned(), origin(&plan.system))?;
    }
    Ok(())
}

fn origin<T>(value: &Value<T>) -> String {
    match value.because.is_empty() {
        true => value.from.to_string(),
        false => format!("{}: {}", value.from, value.because),
    }
}
