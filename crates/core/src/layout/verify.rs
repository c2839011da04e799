//! The verification of a layout and its links, as one procedure (in-toto specification v1.0, 5.2).
//!
//! 1. Every key that was given signed the layout.
//! 2. It is well-formed, every parameter has a value, and it has no inspections unless they are run; a layout in place
//!    of a link has none at all.
//! 3. It has not expired.
//! 4. Of every step there are links by as many different authorized keys as its threshold; a layout in place of a
//!    link is verified in the same way, with the key that signed it and its own folder of links, and stands for one.
//! 5. They say the same.
//! 6. Every artifact rule holds.
//! 7. The file is a product of the last step, by name and digest.
//! 8. The inspections, run over the file by who calls, all ended well, and their artifact rules hold.

use std::fmt;

use chrono::{DateTime, Utc};

use super::artifacts::{Chain, apply};
use super::envelope::{Envelope, Signed, Unsigned};
use super::key::FunctionaryKey;
use super::link::{Artifacts, Link};
use super::model::{self, Layout, Step};
use super::names::{LinkPath, StepName};
use super::outcome::{Held, Outcome};
use super::parameters::Parameters;
use super::pattern::Work;
use crate::digest::Sha256Digest;
use crate::limits::{LayoutLimits, SHOWN_LENGTH};
use crate::report::{Reason, Refusal};

/// What is verified, and how.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The layout's file.
    pub layout: &'a [u8],
    /// The keys that must all have signed it. None at all sign nothing.
    pub keys: &'a [FunctionaryKey],
    /// The values of its parameters.
    pub parameters: &'a Parameters,
    /// The time by which it must not have expired.
    pub now: DateTime<Utc>,
    /// Whether who calls will run the layout's inspections over each file. Otherwise one that has any is refused.
    pub run_inspections: bool,
    /// Bounds.
    pub limits: &'a LayoutLimits,
}

/// Gives the file of a link, `None` where there is none.
pub type Read<'a, E> = dyn FnMut(&LinkPath) -> Result<Option<Vec<u8>>, E> + 'a;

/// Verifies a layout and its links. `read` gives the file of a link, `None` where there is none; it is asked for
/// no other files than those that the layouts name.
///
/// # Errors
/// That of `read`, which leaves everything undecided.
pub fn verify<'a, E>(request: &Request<'a>, read: &'a mut Read<'a, E>) -> Result<Outcome, E> {
    let Request { now, limits, .. } = *request;
    let mut walk = Walk {
        read,
        now,
        limits,
        work: Work::new(limits.comparisons),
        looked_for: 0,
        bytes: 0,
        passed: Vec::new(),
        notes: Vec::new(),
    };
    let ended = walk.root(request);
    let Walk { passed, notes, .. } = walk;
    let ended = match ended {
        Ok(held) => Ok(held),
        Err(Stop::Refused(refusal)) => Err(*refusal),
        Err(Stop::Unread(error)) => return Err(error),
    };
    let sha256 = Sha256Digest::of(request.layout);
    Ok(Outcome::new(sha256, now, passed, notes, ended))
}

/// Whether a file is a link of this step that this key signed.
///
/// # Errors
/// Why not.
pub fn is_signed_link(
    file: &[u8],
    step: &StepName,
    key: &FunctionaryKey,
    limits: &LayoutLimits,
) -> Result<(), Refusal> {
    let malformed = |error: String| Refusal::new(Reason::LinkMalformed).found(error);
    let envelope = Envelope::parse(file, limits.document).map_err(malformed)?;
    let signed = envelope.signed_by(key).map_err(|_| {
        Refusal::new(Reason::SignatureInvalid).expected(format!("a signature by {}", key.id()))
    })?;
    Link::read(signed, step).map(drop)
}

/// Why a walk ended early.
enum Stop<E> {
    Refused(Box<Refusal>),
    Unread(E),
}

impl<E> From<Refusal> for Stop<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// Where a layout stands in the tree of layouts, and the folder of its links.
#[derive(Clone, Copy)]
struct Place<'a> {
    folder: &'a LinkPath,
    depth: usize,
}

/// A walk through a layout and those in place of its links.
struct Walk<'a, E> {
    read: &'a mut Read<'a, E>,
    now: DateTime<Utc>,
    limits: &'a LayoutLimits,
    work: Work,
    /// Links that were looked for, whether or not they are there.
    looked_for: usize,
    /// Bytes of those that are.
    bytes: usize,
    /// What the checks of the outermost layout found, as far as they held.
    passed: Vec<Option<String>>,
    notes: Vec<String>,
}

impl<E> Walk<'_, E> {
    fn root(&mut self, request: &Request<'_>) -> Result<Held, Stop<E>> {
        // 1. Signatures: of every key, and of one at least.
        let malformed = |error: String| Refusal::new(Reason::LayoutMalformed).found(error);
        let envelope = Envelope::parse(request.layout, self.limits.document).map_err(malformed)?;
        let signed = signed_by_all(&envelope, request.keys)?;
        let ids: Vec<_> = request.keys.iter().map(FunctionaryKey::id).collect();
        self.passed.push(Some(ids.join(" and ")));
        // 2. Its form.
        let layout = Layout::read(signed, request.parameters, request.run_inspections)?;
        self.passed.push(None);
        // 3. Its time.
        layout.check_expiry(self.now)?;
        self.passed.push(Some(format!("until {}", layout.expires.to_rfc3339())));
        // 4. and 5. Links.
        let folder = LinkPath::default();
        let chain = self.links(&layout, Place { folder: &folder, depth: 0 })?;
        let names: Vec<_> = layout.steps.iter().map(|step| format!("`{}`", step.name)).collect();
        self.passed.push(Some(names.join(", ")));
        // 6. Rules.
        self.rules(&layout, &chain)?;
        self.passed.push(None);
        // 7. and 8. are asked of each file.
        let Layout { steps, inspections, .. } = layout;
        let last = steps.into_iter().next_back().ok_or_else(no_steps)?.name;
        Ok(Held { last, chain, inspections, comparisons: self.limits.comparisons })
    }

    /// A layout in place of a link: what it says of the step that it stands for.
    fn sublayout(&mut self, signed: Signed<'_>, place: Place<'_>) -> Result<Link, Stop<E>> {
        if place.depth > self.limits.depth {
            return Err(too_large(format!(
                "layouts in layouts, deeper than {}",
                self.limits.depth
            )));
        }
        // Parameters are those of the outermost layout, as in-toto has it.
        let layout = Layout::read(signed, &Parameters::default(), false)?;
        layout.check_expiry(self.now)?;
        let chain = self.links(&layout, place)?;
        self.rules(&layout, &chain)?;
        let (materials, products) = summary(&layout, chain)?;
        Ok(Link { materials, products, command: Vec::new(), return_value: None })
    }

    /// One link for every step, which as many authorized keys signed as its threshold asks for.
    fn links(&mut self, layout: &Layout, place: Place<'_>) -> Result<Chain, Stop<E>> {
        let mut chain = Chain::new();
        for step in &layout.steps {
            let link = self.link_of(layout, step, place)?;
            self.tell(step, &link, place);
            chain.insert(step.name.as_str().to_owned(), link);
        }
        Ok(chain)
    }

    fn link_of(&mut self, layout: &Layout, step: &Step, place: Place<'_>) -> Result<Link, Stop<E>> {
        let mut counted: Vec<(String, Link)> = Vec::new();
        let mut others = Vec::new();
        for id in &step.keys {
            let Some(key) = layout.keys.get(id) else {
                others.push(format!("the layout does not have the key {id}"));
                continue;
            };
            let path = place.folder.file(&step.name, key.prefix());
            let Some(envelope) = self.envelope(&path)? else { continue };
            match envelope.signed_by(key) {
                Ok(signed) => {
                    let link = self.read_link(signed, step, key, place);
                    counted.push((path.to_string(), link.map_err(|stop| at(&path, stop))?));
                }
                Err(Unsigned::Missing) => others.push(format!("{path} is not signed by {id}")),
                Err(Unsigned::Wrong) => {
                    others.push(format!("the signature of {path} is not that of {id}"));
                }
            }
        }
        // Keys differ, since no layout has one twice: so do those who signed.
        let enough = usize::try_from(step.threshold).is_ok_and(|wanted| counted.len() >= wanted);
        if !enough {
            let mut found = format!("{} of the step `{}`", counted.len(), step.name);
            for other in others {
                found = found + "; " + &other;
            }
            return Err(Refusal::new(Reason::LinksTooFew)
                .expected(format!(
                    "{}, each by another of its {} keys",
                    step.threshold,
                    step.keys.len()
                ))
                .found(below(place, found))
                .into());
        }
        self.notes.extend(others.into_iter().map(|other| format!("does not count: {other}")));
        let mut counted = counted.into_iter();
        let Some((path, link)) = counted.next() else {
            return Err(Refusal::new(Reason::LinksTooFew).found(below(place, "none")).into());
        };
        for (other_path, other) in counted {
            if other.materials != link.materials || other.products != link.products {
                return Err(Refusal::new(Reason::LinksDisagree)
                    .expected(format!("the artifacts of {path}"))
                    .found(format!("others in {other_path}"))
                    .into());
            }
        }
        Ok(link)
    }

    fn read_link(
        &mut self,
        signed: Signed<'_>,
        step: &Step,
        key: &FunctionaryKey,
        place: Place<'_>,
    ) -> Result<Link, Stop<E>> {
        let kind = signed.document().get("_type").and_then(serde_json::Value::as_str);
        if kind != Some(model::TYPE) {
            return Ok(Link::read(signed, &step.name)?);
        }
        let folder = place.folder.folder(&step.name, key.prefix());
        self.sublayout(signed, Place { folder: &folder, depth: place.depth + 1 })
    }

    /// The file of a link, if there is one.
    fn envelope(&mut self, path: &LinkPath) -> Result<Option<Envelope>, Stop<E>> {
        self.looked_for += 1;
        if self.looked_for > self.limits.links {
            return Err(too_large(format!("more than {} links", self.limits.links)));
        }
        let Some(bytes) = (self.read)(path).map_err(Stop::Unread)? else { return Ok(None) };
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > self.limits.bytes {
            return Err(too_large(format!("more than {} bytes of links", self.limits.bytes)));
        }
        let envelope = Envelope::parse(&bytes, self.limits.document).map_err(|error| {
            Refusal::new(Reason::LinkMalformed).found(format!("{path}: {error}"))
        })?;
        Ok(Some(envelope))
    }

    fn rules(&self, layout: &Layout, chain: &Chain) -> Result<(), Stop<E>> {
        for step in &layout.steps {
            apply(step.into(), chain, &self.work)?;
        }
        Ok(())
    }

    /// What a person should know and no rule decides.
    fn tell(&mut self, step: &Step, link: &Link, place: Place<'_>) {
        let name = below(place, format!("the step `{}`", step.name));
        let mut note = |what: String| self.notes.push(format!("{name} {what}"));
        if !step.command.is_empty() && !link.command.is_empty() && link.command != step.command {
            let shown = |words: &[String]| -> String {
                words.join(" ").chars().take(SHOWN_LENGTH).collect()
            };
            let (found, expected) = (shown(&link.command), shown(&step.command));
            note(format!("ran `{found}`, where the layout expects `{expected}`"));
        }
        if let Some(code) = link.return_value.as_ref().filter(|code| **code != 0) {
            note(format!("ended with {code}, as its link says"));
        }
        if !step.products.iter().any(super::rule::Rule::refuses_the_rest) {
            note("may give anything: its rules for products have no `DISALLOW *`".to_owned());
        }
    }
}

/// What a whole layout is run on and gives: the materials of its first step, the products of its last.
fn summary(layout: &Layout, mut chain: Chain) -> Result<(Artifacts, Artifacts), Refusal> {
    let first = layout.steps.first().ok_or_else(no_steps)?;
    let last = layout.steps.last().ok_or_else(no_steps)?;
    let materials = chain.get(first.name.as_str()).ok_or_else(no_steps)?.materials.clone();
    let Link { products, .. } = chain.remove(last.name.as_str()).ok_or_else(no_steps)?;
    Ok((materials, products))
}

/// A layout has steps, or it is not read.
fn no_steps() -> Refusal {
    Refusal::new(Reason::LayoutMalformed).found("no steps")
}

/// What every key signed, of which there is one at least.
fn signed_by_all<'a>(
    envelope: &'a Envelope,
    keys: &[FunctionaryKey],
) -> Result<Signed<'a>, Refusal> {
    let mut all = None;
    for key in keys {
        let refuse = |reason: Reason, found: &str| {
            Refusal::new(reason).expected(format!("a signature by {}", key.id())).found(found)
        };
        all = Some(envelope.signed_by(key).map_err(|unsigned| match unsigned {
            Unsigned::Missing => refuse(Reason::LayoutNotSigned, "none under this id"),
            Unsigned::Wrong => refuse(
                Reason::SignatureInvalid,
                "one under this id, over other bytes or by another key",
            ),
        })?);
    }
    all.ok_or_else(|| Refusal::new(Reason::LayoutNotSigned).found("no key was given"))
}

fn too_large<E>(found: String) -> Stop<E> {
    Refusal::new(Reason::LayoutTooLarge).found(found).into()
}

/// A refusal with the file that it is about; where several are on the way, the innermost comes last.
fn at<E>(path: &LinkPath, stop: Stop<E>) -> Stop<E> {
    match stop {
        Stop::Refused(refusal) => {
            let found = refusal.found.unwrap_or_default();
            Stop::Refused(Box::new(Refusal { found: Some(format!("{path}: {found}")), ..*refusal }))
        }
        unread => unread,
    }
}

/// Says in which folder of links, where that is not the outermost.
fn below(place: Place<'_>, what: impl fmt::Display) -> String {
    match place.depth {
        0 => what.to_string(),
        _ => format!("{}: {what}", place.folder),
    }
}
