//! Artifact rules, applied (in-toto specification v1.0, 4.3.3): every artifact of a step waits in a queue, rule after
//! rule takes some out, `DISALLOW` refuses what it finds there and `REQUIRE` what it does not.

use std::collections::{BTreeMap, BTreeSet};

use super::link::Link;
use super::model::{Inspection, Step};
use super::names::StepName;
use super::pattern::{Pattern, TooMuchWork, Work};
use super::rule::{Match, Rule, Side};
use crate::report::{Reason, Refusal};

/// One link for each step, and for each inspection once that was run.
pub(super) type Chain = BTreeMap<String, Link>;

type Queue<'a> = BTreeSet<&'a str>;

/// What has rules.
#[derive(Clone, Copy)]
pub(super) struct Ruled<'a> {
    kind: &'static str,
    name: &'a StepName,
    materials: &'a [Rule],
    products: &'a [Rule],
}

impl<'a> From<&'a Step> for Ruled<'a> {
    fn from(step: &'a Step) -> Self {
        let Step { name, materials, products, .. } = step;
        Self { kind: "step", name, materials, products }
    }
}

impl<'a> From<&'a Inspection> for Ruled<'a> {
    fn from(inspection: &'a Inspection) -> Self {
        let Inspection { name, materials, products, .. } = inspection;
        Self { kind: "inspection", name, materials, products }
    }
}

/// Holds the rules of a step or an inspection against its link.
pub(super) fn apply(ruled: Ruled<'_>, chain: &Chain, work: &Work) -> Result<(), Refusal> {
    // Every step of a layout has a link by now; without one there is nothing to take from a queue.
    let Some(link) = chain.get(ruled.name.as_str()) else {
        return Err(Refusal::new(Reason::LinksTooFew).found(format!("none of `{}`", ruled.name)));
    };
    for (side, rules) in [(Side::Materials, ruled.materials), (Side::Products, ruled.products)] {
        let of_step = OfStep { ruled, side, link, chain, work };
        let mut queue: Queue<'_> = link.side(side).keys().map(String::as_str).collect();
        for rule in rules {
            let taken = of_step.taken(rule, &queue).map_err(|stop| match stop {
                Stop::Refused(refusal) => refusal,
                Stop::TooMuchWork => Refusal::new(Reason::LayoutTooLarge)
                    .found(format!("too many comparisons, at {}", of_step.place(rule))),
            })?;
            for name in taken {
                queue.remove(name);
            }
        }
    }
    Ok(())
}

enum Stop {
    Refused(Refusal),
    TooMuchWork,
}

impl From<TooMuchWork> for Stop {
    fn from(_: TooMuchWork) -> Self {
        Self::TooMuchWork
    }
}

/// The artifacts of one side of a step or an inspection, and what they are held against.
struct OfStep<'a> {
    ruled: Ruled<'a>,
    side: Side,
    link: &'a Link,
    chain: &'a Chain,
    work: &'a Work,
}

impl<'a> OfStep<'a> {
    /// What a rule takes out of the queue.
    fn taken(&self, rule: &Rule, queue: &Queue<'a>) -> Result<Vec<&'a str>, Stop> {
        let Link { materials, products, .. } = self.link;
        let matching = |pattern: &Pattern| -> Result<Vec<&'a str>, TooMuchWork> {
            let mut found = Vec::new();
            for name in queue {
                if pattern.matches(name, self.work)? {
                    found.push(*name);
                }
            }
            Ok(found)
        };
        let that = |pattern: &Pattern, holds: &dyn Fn(&str) -> bool| {
            let mut found = matching(pattern)?;
            found.retain(|name| holds(name));
            Ok(found)
        };
        match rule {
            Rule::Create(pattern) => {
                that(pattern, &|name| products.contains_key(name) && !materials.contains_key(name))
            }
            Rule::Delete(pattern) => {
                that(pattern, &|name| materials.contains_key(name) && !products.contains_key(name))
            }
            Rule::Modify(pattern) => that(pattern, &|name| {
                let pair = materials.get(name).zip(products.get(name));
                pair.is_some_and(|(before, after)| before != after)
            }),
            Rule::Allow(pattern) => Ok(matching(pattern)?),
            Rule::Match(rule) => Ok(self.matched(rule, queue)?),
            Rule::Disallow(pattern) => match matching(pattern)?.first() {
                None => Ok(Vec::new()),
                Some(name) => Err(Stop::Refused(
                    Refusal::new(Reason::ArtifactDisallowed)
                        .expected(format!("nothing left for {}", self.place(rule)))
                        .found(format!("`{name}`")),
                )),
            },
            Rule::Require(name) if queue.contains(name.as_str()) => Ok(Vec::new()),
            Rule::Require(name) => Err(Stop::Refused(
                Refusal::new(Reason::ArtifactMissing)
                    .expected(format!("`{name}`, by {}", self.place(rule)))
                    .found(match self.link.side(self.side).contains_key(name) {
                        true => "a rule before took it",
                        false => "it is not there",
                    }),
            )),
        }
    }

    /// What is the same, by name and every digest, as an artifact of the other step.
    fn matched(&self, rule: &Match, queue: &Queue<'a>) -> Result<Vec<&'a str>, TooMuchWork> {
        // A step that there is not has nothing.
        let Some(other) = self.chain.get(&rule.from) else { return Ok(Vec::new()) };
        let (own, other) = (self.link.side(self.side), other.side(rule.with));
        let mut found = Vec::new();
        for name in queue {
            // Also for those that are elsewhere.
            self.work.spend()?;
            let Some(below) = below(name, &rule.source) else { continue };
            if !rule.pattern.matches(below, self.work)? {
                continue;
            }
            let there = match &*rule.destination {
                "" => below.to_owned(),
                folder => format!("{folder}/{below}"),
            };
            let pair = own.get(*name).zip(other.get(&there));
            if pair.is_some_and(|(own, other)| own == other) {
                found.push(*name);
            }
        }
        Ok(found)
    }

    fn place(&self, rule: &Rule) -> String {
        let Ruled { kind, name, .. } = self.ruled;
        format!("`{rule}` of the {} of the {kind} `{name}`", self.side.as_str())
    }
}

/// A name below a folder, without the folder.
fn below<'a>(name: &'a str, folder: &str) -> Option<&'a str> {
    match folder {
        "" => Some(name),
        folder => name.strip_prefix(folder)?.strip_prefix('/'),
    }
}
