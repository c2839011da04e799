//! What a first policy was made of, in numbers and words.

use std::collections::BTreeSet;
use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde::Serialize;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::report::Escaped;

use crate::render::human::{BAD, BOLD, GOOD, WARN, lines, styled};
use crate::signed::{FileSeen, Gathered};

/// Names, or entries that were left out, that are shown; the policy has them all.
const SHOWN: usize = 8;

/// How much of what a policy was made of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Projects that are bound to who signs them.
    attested: usize,
    /// Projects with files that are only taken by their digests.
    excepted: usize,
    /// Files whose attestations do not hold.
    refused: usize,
    /// What no file can be held against.
    left_out: usize,
    /// The same in words: the files first.
    left_out_because: Vec<String>,
    #[serde(skip)]
    by_digest: BTreeSet<ProjectName>,
    #[serde(skip)]
    projects: usize,
}

impl Counts {
    /// Counts.
    pub fn of(gathered: &Gathered) -> Self {
        let Gathered { projects, left_out, .. } = gathered;
        let with = |is: fn(&FileSeen) -> bool| -> BTreeSet<_> {
            let of = projects.iter().filter(|it| it.files.iter().any(is));
            of.map(|it| it.name().clone()).collect()
        };
        let files = projects.iter().flat_map(|it| &it.files);
        let refused: BTreeSet<_> = files
            .filter(|it| !it.is_taken())
            .map(|it| {
                let because = it.claims.iter().find_map(|claim| claim.as_ref().err());
                let because = because.map(|it| format!(": {it}")).unwrap_or_default();
                format!("{}{because}", it.filename.as_str())
            })
            .collect();
        let by_digest = with(FileSeen::is_bare);
        Self {
            attested: with(FileSeen::is_attested).len(),
            excepted: by_digest.len(),
            refused: refused.len(),
            left_out: left_out.len(),
            left_out_because: refused.into_iter().chain(left_out.iter().cloned()).collect(),
            by_digest,
            projects: with(|_| true).len(),
        }
    }

    /// Tells them.
    pub fn tell(&self, expires: DateTime<Utc>, out: &mut dyn Write) -> io::Result<()> {
        let Self { attested, by_digest, left_out_because, projects, .. } = self;
        writeln!(out, "  of {}:", counted(*projects, "project"))?;
        writeln!(out, "  {} by who signs them", styled(GOOD, attested))?;
        let names: Vec<_> = by_digest.iter().map(ToString::to_string).collect();
        let of_them = match names.is_empty() {
            true => String::new(),
            false => {
                format!(", by exceptions until {}: {}", expires.format("%Y-%m-%d"), some(&names))
            }
        };
        let style = if names.is_empty() { GOOD } else { WARN };
        writeln!(out, "  {} only by their digests{of_them}", styled(style, names.len()))?;
        for because in left_out_because.iter().take(SHOWN) {
            let because = lines(&Escaped(because).to_string());
            writeln!(out, "  {} and so refused: {because}", styled(BAD, "left out"))?;
        }
        if let more @ 1.. = left_out_because.len().saturating_sub(SHOWN) {
            writeln!(out, "  {} {more} more, which the policy names", styled(BAD, "left out"))?;
        }
        writeln!(
            out,
            "{}",
            styled(BOLD, "everything in it was trusted on first use: look at each line")
        )
    }
}

/// The first names of a list, and how many more there are.
fn some(names: &[String]) -> String {
    match names.len() {
        0..=SHOWN => names.join(", "),
        all => format!("{} and {} more", names[..SHOWN].join(", "), all - SHOWN),
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
