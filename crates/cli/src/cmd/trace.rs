//! `wheelmark trace`: where each member of a wheel comes from, without a build.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use serde::Serialize;
use wheelmark_build::source::sdist::Unpacked;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::dist::Metadata;
use wheelmark_core::report::Escaped;
use wheelmark_core::trace::{self, Line, Origin, Source, TEXT_LIMIT, TRACE_SCHEMA, Traced};

use crate::error::CliError;
use crate::exit::Exit;
use crate::inferred::{SourceChoice, Subject, Target};
use crate::input::Watched;
use crate::interrupt;
use crate::machine::Place;
use crate::render::human::{BAD, BOLD, GOOD, WARN, styled};
use crate::render::{Output, json};

/// Tell where each file of a wheel comes from, without building anything.
///
/// Every file is held against the source distribution of the same release: it has the bytes of a file of the source, or
/// a backend generates it and it is worked out again, or it is machine code, or it is unexplained; then what is nearest
/// to it is shown. No code of the project runs.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark trace psutil==7.2.2
  wheelmark trace demo-1.0-py3-none-any.whl --sdist demo-1.0.tar.gz

Exit codes: 0 every file is explained, 11 at least one is not, 12 of some it is only known that they are machine code,
1 could not decide, 2 wrong usage.")]
pub struct Arguments {
    /// A wheel, a release of the package index (NAME==VERSION), or the URL of a wheel that it has
    #[arg(value_name = "WHEEL")]
    wheel: PathBuf,
    /// Show the files that are explained, too
    #[arg(long)]
    all: bool,
    /// Answer in JSON, with every file
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    source: SourceChoice,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    schema: &'static str,
    wheel: &'a str,
    sha256: Sha256Digest,
    source: &'a str,
    source_sha256: Sha256Digest,
    explained: usize,
    compiled: usize,
    unexplained: usize,
    members: &'a [Line],
}

/// An unpacked source distribution, as a trace asks for it.
struct OfSdist<'a> {
    unpacked: &'a Unpacked,
    digests: BTreeMap<String, Sha256Digest>,
}

impl Source for OfSdist<'_> {
    fn files(&self) -> &BTreeMap<String, Sha256Digest> {
        &self.digests
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        // Only what the strict reader listed as a file, and never through a link.
        self.digests.get(path)?;
        let path = self.unpacked.folder.join(path);
        let length = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?.len();
        let mut bytes = Vec::new();
        let file = (length <= TEXT_LIMIT).then(|| File::open(path).ok()).flatten()?;
        file.take(TEXT_LIMIT).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn metadata(&self) -> &Metadata {
        self.unpacked.sdist.metadata()
    }
}

/// Traces, and tells what is not explained.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let target = Target::parse(&arguments.wheel)?;
    let cancel = interrupt::watch()?;
    let place = Place::make()?;
    let folder = place.workspace.path("subject");
    let subject = Subject::find(&target, &arguments.source, &folder, &cancel)?;
    let wheel = &subject.wheel;
    let mut file = Watched::open_quietly(&subject.path, &cancel)?;
    let members: Vec<_> = wheel.members().iter().filter(|member| !member.is_dir()).collect();
    let mut contents = Vec::with_capacity(members.len());
    for member in &members {
        let small = member.size() <= TEXT_LIMIT;
        let content = small.then(|| wheel.member_bytes(&mut file, member, TEXT_LIMIT)).transpose();
        contents.push(content.map_err(CliError::undecided)?);
    }
    let traced: Vec<_> = members
        .iter()
        .zip(&contents)
        .map(|(member, content)| Traced {
            name: member.name(),
            sha256: member.sha256(),
            content: content.as_deref(),
        })
        .collect();
    let of_source = &subject.source.files;
    let digests = of_source.iter().map(|(path, file)| (path.clone(), file.sha256)).collect();
    let source = OfSdist { unpacked: &subject.source, digests };
    let lines = trace::trace(&traced, wheel.metadata(), &source);
    tell(arguments, &subject, &lines, output)
}

fn tell(
    arguments: &Arguments,
    subject: &Subject,
    lines: &[Line],
    output: &mut Output,
) -> Result<Exit, CliError> {
    let explained = lines.iter().filter(|line| line.origin.is_explained()).count();
    let compiled = lines.iter().filter(|line| line.origin == Origin::Compiled).count();
    let unexplained = lines.len() - explained - compiled;
    let exit = match (unexplained, compiled) {
        (0, 0) => Exit::Accepted,
        (0, _) => Exit::Inconclusive,
        _ => Exit::Differs,
    };
    let (wheel, sdist) = (&subject.wheel, &subject.source.sdist);
    if arguments.json {
        let answer = Answer {
            schema: TRACE_SCHEMA,
            wheel: wheel.filename().as_str(),
            sha256: wheel.sha256(),
            source: sdist.filename().as_str(),
            source_sha256: sdist.sha256(),
            explained,
            compiled,
            unexplained,
            members: lines,
        };
        json::document(&answer, output)?;
        return Ok(exit);
    }
    writeln!(output, "{}", Escaped(wheel.filename().as_str()))?;
    writeln!(output, "  sha256  {}", wheel.sha256())?;
    writeln!(output, "  source  {} sha256 {}", Escaped(sdist.filename().as_str()), sdist.sha256())?;
    for line in lines {
        member(line, arguments.all, output)?;
    }
    let word = if unexplained == 0 { GOOD } else { BAD };
    let count = format!("{unexplained} of {} files are unexplained", lines.len());
    writeln!(output, "{}", styled(word, &count))?;
    if compiled > 0 {
        writeln!(output, "{compiled} are machine code: only a build tells what they are from")?;
    }
    Ok(exit)
}

fn member(line: &Line, all: bool, output: &mut Output) -> Result<(), CliError> {
    let name = Escaped(&line.member);
    match &line.origin {
        Origin::Unexplained { why, nearest, lines } => {
            writeln!(output, "{} {name}: {}", styled(BAD, "unexplained"), Escaped(why))?;
            if let Some(nearest) = nearest {
                writeln!(output, "  {} {}", styled(BOLD, "nearest:"), Escaped(nearest))?;
            }
            for line in lines {
                writeln!(output, "    {line}")?;
            }
        }
        Origin::Compiled => writeln!(output, "{} {name}", styled(WARN, "machine code"))?,
        _ if !all => {}
        Origin::Copied { path } => writeln!(output, "copied {name}: {}", Escaped(path))?,
        Origin::Generated { from } => {
            writeln!(output, "generated {name}: from {}", Escaped(from))?;
        }
        Origin::Derived { path, by } => {
            writeln!(output, "derived {name}: {} but for {by}", Escaped(path))?;
        }
    }
    Ok(())
}
