//! What is to be installed that nobody can verify, and what the policy says of each.

use std::io::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;
use wheelmark_core::attestation::timestamp::seconds;
use wheelmark_core::identity_lock::IdentityLock;
use wheelmark_core::policy::{Exemption, Policy};
use wheelmark_core::report::{Escaped, Reason, Refusal};

use crate::error::CliError;
use crate::installer::{Direct, Wanted};
use crate::render::Output;

/// What the policy says of all of it.
#[derive(Default)]
pub struct Decided {
    /// What is exempted, with what it is exempted by.
    pub exempted: Vec<Exempted>,
    /// What is refused.
    pub refused: Vec<Refused>,
}

/// Something that nobody verified, and that the policy lets be installed.
#[derive(Clone, Serialize)]
pub struct Exempted {
    #[serde(flatten)]
    named: Named,
    by: Vec<Exemption>,
    #[serde(skip)]
    pub direct: Direct,
}

/// Something that nobody verified, and that the policy refuses.
#[derive(Clone, Serialize)]
pub struct Refused {
    #[serde(flatten)]
    named: Named,
    reason: Reason,
    explanation: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expected: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
}

#[derive(Clone, Serialize)]
struct Named {
    project: String,
    kind: &'static str,
    location: String,
}

/// Asks the policy about each; and the identities that were locked, since what somebody signed before is not to lose its
/// signer on this way.
pub fn decided(
    all: Vec<Direct>,
    policy: &Policy,
    locked: Option<&IdentityLock>,
    now: DateTime<Utc>,
) -> Decided {
    let mut decided = Decided::default();
    for direct in all {
        let Direct { project, place } = &direct;
        let named = Named {
            project: project.to_string(),
            kind: place.kind(),
            location: place.location().to_owned(),
        };
        let signed = locked.and_then(|locked| locked.signed(project));
        let ruling = signed.map_or_else(|| policy.exempted(project, place, now), Err);
        match ruling {
            Ok(by) => {
                let by = by.into_iter().cloned().collect();
                decided.exempted.push(Exempted { named, by, direct });
            }
            Err(refusal) => decided.refused.push(Refused::of(named, refusal)),
        }
    }
    decided
}

impl Decided {
    /// That the index is asked for none of it under its name: two of one name would be one too many.
    pub fn apart_from(&self, wanted: &[Wanted]) -> Result<(), CliError> {
        let names = |it: &&Exempted| wanted.iter().any(|other| other.project == it.direct.project);
        match self.exempted.iter().find(names) {
            None => Ok(()),
            Some(it) => Err(CliError::undecided(format!(
                "`{}` is exempted from {}, and something else needs it of an index",
                it.direct.project, it.direct.place
            ))
            .hint(
                "nothing was installed: install what needs it apart, or take it from the index too",
            )),
        }
    }

    /// Tells people.
    pub fn tell(&self, output: &mut Output) -> Result<(), CliError> {
        for Exempted { named, by, .. } in &self.exempted {
            writeln!(output, "exempted {named}: nobody verified it")?;
            for Exemption { name, line, reason, owner, expires, .. } in by {
                writeln!(
                    output,
                    "  by {name} in line {line}: {} ({}, until {})",
                    Escaped(reason),
                    Escaped(owner),
                    seconds(*expires)
                )?;
            }
        }
        for Refused { named, reason, explanation, expected, found } in &self.refused {
            writeln!(output, "rejected {named}")?;
            writeln!(output, "  {}: {explanation}", reason.code())?;
            if !expected.is_empty() {
                writeln!(output, "  expected {}", Escaped(&expected.join(" or ")))?;
            }
            if let Some(found) = found {
                writeln!(output, "  found {}", Escaped(found))?;
            }
        }
        Ok(())
    }
}

impl Refused {
    fn of(named: Named, refusal: Refusal) -> Self {
        let Refusal { reason, expected, found, .. } = refusal;
        Self { named, reason, explanation: reason.explanation(), expected, found }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`, {} `{}`", self.project, self.kind, Escaped(&self.location))
    }
}
