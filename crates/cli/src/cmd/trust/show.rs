//! `wheelmark trust show`: which authorities, logs and keys are trusted, and until when.

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::{Authority, Contents, InstanceName, Log, Window};

use crate::data_folder::TrustFile;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{Output, human, json};
use crate::trust_roots::{Origin, TrustRoots};

/// Show which authorities, logs and keys are trusted, and until when.
///
/// Of each instance what a verification would use now: what was refreshed, or what the program carries.
#[derive(clap::Args)]
#[command(after_help = "Example: wheelmark trust show public-good")]
pub struct Arguments {
    /// The instances: public-good, github, staging or private; without any, all that are known
    #[arg(value_name = "INSTANCE")]
    instances: Vec<InstanceName>,
    /// The trusted_root.json of a private instance
    #[arg(long, value_name = "FILE")]
    trust_root: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/trust/v1";

#[derive(Serialize)]
struct Answer {
    schema: &'static str,
    instances: Vec<Shown>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    instance: &'static str,
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    sha256: Sha256Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(flatten)]
    contents: Contents,
}

/// Shows them.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let roots = TrustRoots::new(arguments.trust_root.clone());
    let now = Utc::now();
    let names = chosen(arguments)?;
    let instances =
        names.into_iter().map(|name| shown(name, &roots, now)).collect::<Result<Vec<_>, _>>()?;
    if arguments.json {
        json::document(&Answer { schema: SCHEMA, instances }, output)?;
        return Ok(Exit::Accepted);
    }
    for (index, instance) in instances.iter().enumerate() {
        if index > 0 {
            writeln!(output)?;
        }
        write(instance, now, output)?;
    }
    Ok(Exit::Accepted)
}

/// What was asked for; without that all that is known, of a private instance only what is at hand.
fn chosen(arguments: &Arguments) -> Result<Vec<InstanceName>, CliError> {
    let mut names = arguments.instances.clone();
    if arguments.trust_root.is_some() {
        names.push(InstanceName::Private);
    } else if names.is_empty() {
        names.extend([InstanceName::PublicGood, InstanceName::Github, InstanceName::Staging]);
        let private = TrustFile::of(InstanceName::Private)?;
        if private.is_some_and(|file| file.path().symlink_metadata().is_ok()) {
            names.push(InstanceName::Private);
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn shown(name: InstanceName, roots: &TrustRoots, now: DateTime<Utc>) -> Result<Shown, CliError> {
    let (instance, origin) = roots.find(name)?;
    let used = instance.used(now);
    let (from, file) = match origin {
        Origin::Embedded => ("embedded", None),
        Origin::Refreshed(_) => ("refreshed", None),
        Origin::File(path) => ("file", Some(path.to_string_lossy().into_owned())),
    };
    Ok(Shown {
        instance: name.as_str(),
        from,
        file,
        sha256: used.sha256,
        as_of: used.as_of,
        age_days: used.age_days,
        note: used.note(),
        contents: instance.contents(),
    })
}

fn write(shown: &Shown, now: DateTime<Utc>, out: &mut dyn Write) -> io::Result<()> {
    let from = match (&shown.file, shown.as_of, shown.age_days) {
        (Some(file), ..) => format!("from the file {}", Escaped(file)),
        (None, Some(as_of), Some(days)) if shown.from == "refreshed" => {
            format!("refreshed at {}, {}", as_of.format("%Y-%m-%d %H:%M"), human::old(days))
        }
        (None, Some(as_of), Some(days)) => {
            format!("in the program as of {}, {}", as_of.format("%Y-%m-%d"), human::old(days))
        }
        (None, ..) => "in the program".to_owned(),
    };
    writeln!(out, "{}: {from}", human::styled(human::BOLD, shown.instance))?;
    writeln!(out, "  sha256 {}", shown.sha256)?;
    let contents = &shown.contents;
    authorities("certificate authorities", &contents.certificate_authorities, now, out)?;
    logs("transparency logs", &contents.transparency_logs, now, out)?;
    logs("certificate logs", &contents.certificate_logs, now, out)?;
    authorities("time stamp authorities", &contents.timestamp_authorities, now, out)?;
    if let Some(note) = &shown.note {
        writeln!(out, "  {} {}", human::styled(human::BOLD, "note:"), Escaped(note))?;
    }
    Ok(())
}

fn authorities(
    heading: &str,
    all: &[Authority],
    now: DateTime<Utc>,
    out: &mut dyn Write,
) -> io::Result<()> {
    begin(heading, all.is_empty(), out)?;
    for authority in all {
        let Authority { organization, common_name, uri, window, certificates } = authority;
        let names = [organization, common_name, uri].into_iter().flatten();
        let names: Vec<_> = names.map(|name| Escaped(name).to_string()).collect();
        let name = if names.is_empty() { "without a name".to_owned() } else { names.join(", ") };
        writeln!(out, "    {name}: {}", trusted(*window, now))?;
        for certificate in certificates {
            let subject = certificate.subject.as_deref().unwrap_or("a subject that cannot be read");
            let end = match certificate.not_after {
                Some(end) => format!("valid until {}", day(end)),
                None => "valid until an unknown time".to_owned(),
            };
            writeln!(out, "      certificate of {}, {end}", Escaped(subject))?;
        }
    }
    Ok(())
}

fn logs(heading: &str, all: &[Log], now: DateTime<Utc>, out: &mut dyn Write) -> io::Result<()> {
    begin(heading, all.is_empty(), out)?;
    for log in all {
        writeln!(out, "    {}: {}", Escaped(&log.base_url), trusted(log.window, now))?;
        let unsupported = match log.supported {
            true => "",
            false => ", of a kind that is not supported: the log vouches for nothing here",
        };
        writeln!(out, "      log id {}, key {}{unsupported}", log.log_id, Escaped(&log.key_type))?;
    }
    Ok(())
}

fn begin(heading: &str, none: bool, out: &mut dyn Write) -> io::Result<()> {
    let none = if none { ": none, and none is asked for" } else { "" };
    writeln!(out, "  {}{none}", human::styled(human::BOLD, heading))
}

/// When what an authority or log signs counts.
fn trusted(window: Window, now: DateTime<Utc>) -> String {
    match (window.valid_from, window.valid_until) {
        (Some(from), _) if from > now => format!("trusted only from {} on", day(from)),
        (Some(from), None) => format!("trusted since {}", day(from)),
        (Some(from), Some(until)) if until < now => {
            format!("trusted for what is from {} to {}", day(from), day(until))
        }
        (Some(from), Some(until)) => format!("trusted since {}, until {}", day(from), day(until)),
        (None, Some(until)) => format!("trusted until {}", day(until)),
        (None, None) => "trusted at any time".to_owned(),
    }
}

fn day(time: DateTime<Utc>) -> impl std::fmt::Display {
    time.format("%Y-%m-%d")
}
