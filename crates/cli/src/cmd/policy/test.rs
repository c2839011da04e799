//! `wheelmark policy test`: what a policy is to decide of some files, held against what it decides.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use toml::Spanned;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::{Decision, Escaped, Reason};
use wheelmark_core::text;
use wheelmark_core::verify::{Facts, Given};

use super::decided::Decided;
use crate::error::{CliError, shown};
use crate::evidence::Evidence;
use crate::exit::Exit;
use crate::input;
use crate::interrupt;
use crate::policy_file::PolicyFile;
use crate::render::human::{BAD, GOOD, styled};
use crate::render::{Output, json};
use crate::trust_roots::TrustRoots;

/// Test a policy: what it is to decide of some files.
///
/// A folder holds `tests.toml`, or several `.toml`, each of which names the policy, and for each case a file, the time of the verification, the
/// decision and, of a rejection, every reason. Nothing is asked of any network.
#[derive(clap::Args)]
#[command(after_help = "\
Example: wheelmark policy test policies/tests

Exit codes: 0 every case is decided as it says, 10 at least one is not, 1 something could not be \
read, 2 wrong usage.")]
pub struct Arguments {
    /// Folders with a `tests.toml` or several `.toml`, or such files
    #[arg(value_name = "DIR", required = true)]
    places: Vec<PathBuf>,
    /// Answer with one JSON document for each, each on one line
    #[arg(long)]
    pub json: bool,
}

/// Bytes of a file of tests that are read.
const MAX_TESTS: usize = 4 << 20;

/// `tests.toml`. Every path in it is relative to its folder.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Tests {
    schema: Spanned<u32>,
    policy: PathBuf,
    trust_root: Option<PathBuf>,
    /// When that is supposed to have been asked for, for rules that ask how long ago.
    trust_as_of: Option<Spanned<toml::value::Datetime>>,
    /// What stands in the policy for somebody's own, and what to put there.
    #[serde(default)]
    fill: BTreeMap<String, Spanned<String>>,
    cases: Vec<Spanned<Case>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Case {
    name: String,
    file: PathBuf,
    /// Without it, what lies beside the file.
    attestations: Option<Vec<PathBuf>>,
    at: Spanned<toml::value::Datetime>,
    /// From which index the file is said to be, and since when it is there.
    index: Option<String>,
    uploaded: Option<Spanned<toml::value::Datetime>>,
    decision: Expected,
    #[serde(default)]
    reasons: BTreeSet<String>,
    rule: Option<String>,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Expected {
    Accepted,
    Rejected,
}

#[derive(Serialize)]
struct Held {
    name: String,
    passed: bool,
    expected: Decided,
    found: Decided,
}

#[derive(Serialize)]
struct Answer {
    schema: &'static str,
    tests: String,
    policy: String,
    passed: usize,
    failed: usize,
    cases: Vec<Held>,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/policy-test/v1";

/// Tests each.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let cancel = interrupt::watch()?;
    let mut exit = Exit::Accepted;
    for file in files(&arguments.places)? {
        let answer = held(&file, &cancel)?;
        if answer.failed > 0 {
            exit = Exit::Rejected;
        }
        match arguments.json {
            true => json::document(&answer, output)?,
            false => human(&answer, output)?,
        }
    }
    Ok(exit)
}

/// Of a folder its `tests.toml`, or every `.toml` in it where there is none.
fn files(places: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for place in places {
        let own = place.join("tests.toml");
        if !place.is_dir() {
            files.push(place.clone());
        } else if own.exists() {
            files.push(own);
        } else {
            let failed = |error: io::Error| CliError::io("read", place, &error);
            let mut all = Vec::new();
            for entry in std::fs::read_dir(place).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                if path.extension().is_some_and(|kind| kind == "toml") {
                    all.push(path);
                }
            }
            if all.is_empty() {
                return Err(CliError::undecided(format!("no tests are in {}", shown(place)))
                    .hint("a folder has `tests.toml`, or several `.toml`"));
            }
            all.sort();
            files.extend(all);
        }
    }
    Ok(files)
}

fn held(path: &Path, cancel: &Arc<AtomicBool>) -> Result<Answer, CliError> {
    let text = input::read_text(path, MAX_TESTS)?;
    let at = |span: std::ops::Range<usize>, message: &str| {
        let (line, column) = text::place(&text, span.start);
        let path = path.to_string_lossy();
        CliError::undecided(Escaped(&format!("{path}:{line}:{column}: {message}")))
    };
    let tests: Tests =
        toml::from_str(&text).map_err(|error| at(error.span().unwrap_or(0..0), error.message()))?;
    if *tests.schema.get_ref() != 1 {
        return Err(at(tests.schema.span(), "another schema than 1 is not known"));
    }
    if tests.cases.is_empty() {
        return Err(at(0..0, "no [[cases]]: nothing is tested"));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let instant = |time: &Spanned<toml::value::Datetime>| {
        DateTime::parse_from_rfc3339(&time.get_ref().to_string())
            .map(|time| time.to_utc())
            .map_err(|_| at(time.span(), "a date, a time and an offset are needed"))
    };
    if let (Some(time), None) = (&tests.trust_as_of, &tests.trust_root) {
        return Err(at(time.span(), "without `trust-root`, of which alone it could be said"));
    }
    let roots = TrustRoots::new(tests.trust_root.as_ref().map(|root| folder.join(root)))
        .supposing(tests.trust_as_of.as_ref().map(instant).transpose()?);
    let mut policy = PolicyFile::open(&folder.join(&tests.policy))?;
    for (placeholder, value) in &tests.fill {
        // A word for a word, or a key: nothing by which another policy would be tested.
        let word = |c: char| c.is_ascii_alphanumeric() || ":/._-@+=".contains(c);
        if placeholder.is_empty()
            || !placeholder.chars().all(word)
            || !value.get_ref().trim().chars().all(|c| word(c) || c == '\n')
        {
            return Err(at(
                value.span(),
                "a word stands for a word here, or for the lines of a key",
            ));
        }
        if !policy.text.contains(placeholder) {
            let message = format!("`{placeholder}` does not stand in the policy");
            return Err(at(value.span(), &message));
        }
        policy.text = policy.text.replace(placeholder, value.get_ref());
    }
    let policy = policy.read(&roots)?;
    let mut cases = Vec::new();
    for case in &tests.cases {
        interrupt::check(cancel)?;
        let (span, case) = (case.span(), case.get_ref());
        let facts = Facts {
            index: case.index.clone(),
            uploaded: case.uploaded.as_ref().map(instant).transpose()?,
            ..Facts::default()
        };
        let expected = case.expected().map_err(|message| at(span, &message))?;
        cases.push(case.held(expected, folder, &policy, (facts, instant(&case.at)?), cancel)?);
    }
    let passed = cases.iter().filter(|case| case.passed).count();
    Ok(Answer {
        schema: SCHEMA,
        tests: path.to_string_lossy().into_owned(),
        policy: policy.path().to_owned(),
        passed,
        failed: cases.len() - passed,
        cases,
    })
}

impl Case {
    /// What is to be decided, if that can be.
    fn expected(&self) -> Result<Decided, String> {
        let known = |reason: &String| Reason::ALL.iter().any(|it| it.code() == reason);
        if let Some(reason) = self.reasons.iter().find(|reason| !known(reason)) {
            return Err(format!("`{reason}` is no reason (docs/reasons.md)"));
        }
        let decision = match (self.decision, self.reasons.is_empty()) {
            (Expected::Accepted, true) => Decision::Accepted,
            (Expected::Rejected, false) => Decision::Rejected,
            (Expected::Accepted, false) => return Err("`reasons` of what is accepted".to_owned()),
            (Expected::Rejected, true) => {
                return Err(
                    "a case that is rejected for any reason tests none: say `reasons`".to_owned()
                );
            }
        };
        Ok(Decided { decision, reasons: self.reasons.clone(), rule: self.rule.clone() })
    }

    fn held(
        &self,
        expected: Decided,
        folder: &Path,
        policy: &Policy,
        (facts, now): (Facts, DateTime<Utc>),
        cancel: &Arc<AtomicBool>,
    ) -> Result<Held, CliError> {
        let file = folder.join(&self.file);
        let mut evidence = Evidence::of_file(&file, None, cancel)?;
        evidence.artifact.facts = facts;
        if let Some(named) = &self.attestations {
            evidence.given = named
                .iter()
                .map(|name| {
                    let path = folder.join(name);
                    let bytes = input::read_bounded(&path, AttestationLimits::standard().bundle)?;
                    Ok(Given { from: path.to_string_lossy().into_owned(), bytes })
                })
                .collect::<Result<_, CliError>>()?;
        }
        let report = evidence.weigh(policy, now).report;
        let found = Decided {
            // What was not asked for makes no difference.
            rule: report.policy.rule.clone().filter(|_| expected.rule.is_some()),
            ..Decided::of(&report)
        };
        Ok(Held { name: self.name.clone(), passed: found == expected, expected, found })
    }
}

fn human(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    for case in &answer.cases {
        let name = Escaped(&case.name);
        if case.passed {
            writeln!(out, "{} {name}", styled(GOOD, "ok"))?;
            continue;
        }
        writeln!(out, "{} {name}", styled(BAD, "FAILED"))?;
        writeln!(out, "    expected: {}", case.expected)?;
        writeln!(out, "    found:    {}", case.found)?;
    }
    let Answer { passed, failed, .. } = answer;
    let place = shown(Path::new(&answer.tests));
    writeln!(out, "{place}: {passed} decided as they say, {failed} not")
}
