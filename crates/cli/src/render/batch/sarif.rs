//! SARIF 2.1.0: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
//!
//! A rule a reason, a result a check that failed, and one of level `note` a note. What could not be decided
//! is a result too, since readers of SARIF show results and nothing else.

use std::collections::BTreeSet;
use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::report::{Decision, Escaped, Reason};

use super::{Render, failures, not_held, place, title};
use crate::batch::{Seen, Subject, Summary};
use crate::render::json;

/// The rule of what could not be decided.
const UNDECIDED: &str = "could-not-decide";

/// The rule of what a person should know and no check judges.
const NOTE: &str = "note";

/// What stands for itself in the path of an address (RFC 3986).
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Keeps the results: the rules that they name come before them.
#[derive(Default)]
pub struct Sarif {
    results: Vec<Found>,
}

/// A result before its rule has a number.
struct Found {
    rule: Rule,
    document: Value,
}

/// What a result says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Undecided,
    Refused(Reason),
    Note,
}

impl Rule {
    fn id(self) -> &'static str {
        match self {
            Self::Undecided => UNDECIDED,
            Self::Refused(reason) => reason.code(),
            Self::Note => NOTE,
        }
    }

    fn level(self) -> &'static str {
        match self {
            Self::Undecided | Self::Refused(_) => "error",
            Self::Note => "note",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Self::Undecided => "Nothing could be decided: a file is missing or cannot be read.",
            Self::Refused(reason) => reason.explanation(),
            Self::Note => "A fact that a person should know and that no check judges.",
        }
    }
}

impl Render for Sarif {
    fn seen(&mut self, seen: Seen, _: &mut dyn Write) -> io::Result<()> {
        match &seen.outcome {
            Ok(report) => {
                for failure in failures(report) {
                    let reason = failure.refusal.reason;
                    let about = format!("{}: {}", title(&seen.subject), failure.lines.join("\n"));
                    let hash = report.wheel.sha256.to_string();
                    let same = [reason.code(), failure.check, &report.wheel.filename, &hash];
                    self.put(&seen, Rule::Refused(reason), &about, &same, Some(&hash));
                }
                if report.decision() == Decision::Rejected && report.checks().is_empty() {
                    self.put(&seen, Rule::Undecided, "no check was made", &[], None);
                }
                for note in &report.notes {
                    let about = format!("{}: {}", title(&seen.subject), Escaped(note));
                    let hash = report.wheel.sha256.to_string();
                    let same = [NOTE, note, &report.wheel.filename, &hash];
                    self.put(&seen, Rule::Note, &about, &same, Some(&hash));
                }
            }
            Err(error) => {
                let hint = error.hint.as_ref().map(|hint| format!("\nhint: {hint}"));
                let about = format!("{}{}", error.message, hint.unwrap_or_default());
                let (file, _) = place(&seen.subject);
                let what = match &seen.subject {
                    Subject::Locked { what, .. } => what.as_str(),
                    Subject::File(_) => "",
                    Subject::Indexed { release, .. } => release.as_str(),
                };
                self.put(&seen, Rule::Undecided, &about, &[UNDECIDED, &file, what], None);
            }
        }
        Ok(())
    }

    fn end(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        let rules: BTreeSet<Rule> = self.results.iter().map(|it| it.rule).collect();
        let rules: Vec<Rule> = rules.into_iter().collect();
        let index = |rule| rules.iter().position(|it| *it == rule);
        let results: Vec<Value> = self
            .results
            .iter()
            .map(|found| {
                let mut document = found.document.clone();
                document["ruleIndex"] = json!(index(found.rule));
                document
            })
            .collect();
        let told =
            |level: &str, text: String| json!({ "level": level, "message": { "text": text } });
        let notes = summary.notes.iter().map(|note| told("note", Escaped(note).to_string()));
        let notes: Vec<Value> =
            notes.chain(not_held(summary).map(|lock| told("error", lock))).collect();
        let document = json!({
            "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/\
                        sarif-schema-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "wheelmark",
                    "version": env!("CARGO_PKG_VERSION"),
                    "informationUri": "https://wheelmark.dev/",
                    "rules": rules.iter().map(|rule| described(*rule)).collect::<Vec<_>>(),
                } },
                "invocations": [{
                    "executionSuccessful": summary.undecided == 0,
                    "toolExecutionNotifications": notes,
                }],
                "results": results,
                "properties": {
                    "decision": summary.decision(),
                    "accepted": summary.accepted,
                    "rejected": summary.rejected,
                    "undecided": summary.undecided,
                    "trust": summary.trust,
                },
            }],
        });
        json::document(&document, out)
    }
}

impl Sarif {
    /// Keeps one result. `same` is what makes it the same result in another run.
    fn put(&mut self, seen: &Seen, rule: Rule, about: &str, same: &[&str], sha256: Option<&str>) {
        let (file, line) = place(&seen.subject);
        let mut physical = json!({ "artifactLocation": { "uri": uri(&file) } });
        // Viewers ask for a region; a file that is no text has only its beginning.
        physical["region"] = json!({ "startLine": line.unwrap_or(1) });
        let mut document = json!({
            "ruleId": rule.id(),
            "level": rule.level(),
            "message": { "text": about },
            "locations": [{ "physicalLocation": physical }],
            "partialFingerprints": {
                "wheelmark/v1": Sha256Digest::of(same.join("\0").as_bytes()).to_string(),
            },
        });
        if let Some(sha256) = sha256 {
            document["properties"] = json!({ "sha256": sha256 });
        }
        self.results.push(Found { rule, document });
    }
}

fn described(rule: Rule) -> Value {
    let text = rule.explanation();
    json!({
        "id": rule.id(),
        "shortDescription": { "text": text },
        "fullDescription": { "text": text },
        "help": { "text": text },
        "defaultConfiguration": { "level": rule.level() },
    })
}

/// A path as an address: relative to where the program runs, or of a file.
fn uri(path: &str) -> String {
    let encoded = utf8_percent_encode(path, PATH);
    match path.starts_with('/') {
        true => format!("file://{encoded}"),
        false => encoded.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn no_character_of_a_path_means_something_in_an_address() {
        assert_eq!(uri("dist/a-1.0+l.whl"), "dist/a-1.0%2Bl.whl");
        assert_eq!(uri("a:b?c#d%\n\u{202e}"), "a%3Ab%3Fc%23d%25%0A%E2%80%AE");
        assert_eq!(uri("/x y"), "file:///x%20y");
    }
}
