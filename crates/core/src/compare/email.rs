//! METADATA and WHEEL, field by field. Both are header lines; METADATA may have a body, the description.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::container::cut;
use super::finding::Clue;
use super::text::{self, Budget};
use super::{Cause, Detail, Level};
use crate::limits::CompareLimits;
use crate::requirement;

/// What two METADATA files differ in.
pub(super) fn metadata(a: &str, b: &str, limits: &CompareLimits, budget: &mut Budget) -> Vec<Clue> {
    let (file_a, file_b) = (Fields::parse(a), Fields::parse(b));
    let mut clues = fields(&file_a, &file_b, metadata_cause, limits);
    if file_a.body != file_b.body {
        let found = text::compare(file_a.body, file_b.body, limits, budget);
        clues.extend(found.into_iter().map(|clue| Clue {
            cause: Cause::Description,
            summary: match clue.cause {
                Cause::TextChanged => clue.summary,
                cause => format!("{cause}: {}", clue.summary),
            },
            details: clue.details,
        }));
    }
    or_text(clues, a, b, limits, budget)
}

/// What two WHEEL files differ in, each with its level: the generator alone is the least of it.
pub(super) fn wheel(
    a: &str,
    b: &str,
    limits: &CompareLimits,
    budget: &mut Budget,
) -> Vec<(Clue, Level)> {
    let clues = fields(&Fields::parse(a), &Fields::parse(b), wheel_cause, limits);
    let mut clues = or_text(clues, a, b, limits, budget);
    let masked = |text: &str| {
        let line = |line: &str| match line.starts_with("Generator:") {
            true => "Generator:\n".to_owned(),
            false => line.to_owned(),
        };
        text.split_inclusive('\n').map(line).collect::<String>()
    };
    let (rest_a, rest_b) = (masked(a), masked(b));
    let only_generator = rest_a == rest_b;
    if !only_generator && clues.iter().all(|clue| clue.cause == Cause::Generator) {
        clues.extend(text::compare(&rest_a, &rest_b, limits, budget));
    }
    let level = |clue: &Clue| match clue.cause {
        Cause::Generator if only_generator => Level::RecordAndGenerator,
        _ => Level::Metadata,
    };
    let leveled = clues.into_iter().map(|clue| {
        let level = level(&clue);
        (clue, level)
    });
    leveled.collect()
}

fn metadata_cause(field: &str) -> Cause {
    match field {
        "metadata-version" => Cause::MetadataVersion,
        "name" | "version" => Cause::NameVersion,
        "requires-dist" | "provides-extra" | "requires-python" => Cause::RequiresDist,
        "description" | "description-content-type" | "summary" => Cause::Description,
        "license" | "license-expression" | "license-file" => Cause::License,
        _ => Cause::MetadataField,
    }
}

fn wheel_cause(field: &str) -> Cause {
    match field {
        "generator" => Cause::Generator,
        "tag" | "build" => Cause::WheelTag,
        "root-is-purelib" => Cause::RootIsPurelib,
        _ => Cause::WheelField,
    }
}

/// Header fields in their order, names in lower case, and what follows the first empty line.
struct Fields<'t> {
    order: Vec<String>,
    values: BTreeMap<String, Vec<String>>,
    body: &'t str,
}

impl<'t> Fields<'t> {
    fn parse(text: &'t str) -> Self {
        let end =
            ["\n\n", "\n\r\n"].iter().filter_map(|gap| Some((text.find(gap)?, gap.len()))).min();
        let (head, body) = match end {
            Some((at, gap)) => (&text[..at], &text[at + gap..]),
            None => (text, ""),
        };
        let (mut order, mut values) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
        let mut last: Option<String> = None;
        for line in head.lines() {
            if line.starts_with([' ', '\t'])
                && let Some(value) = last.as_ref().and_then(|name| values.get_mut(name)?.last_mut())
            {
                value.push('\n');
                value.push_str(line);
                continue;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let name = name.to_ascii_lowercase();
            if last.as_ref() != Some(&name) {
                order.push(name.clone());
            }
            values.entry(name.clone()).or_default().push(value.trim().to_owned());
            last = Some(name);
        }
        Self { order, values, body }
    }
}

fn fields(
    a: &Fields<'_>,
    b: &Fields<'_>,
    cause: fn(&str) -> Cause,
    limits: &CompareLimits,
) -> Vec<Clue> {
    let mut clues = Vec::new();
    let names: BTreeSet<_> = a.values.keys().chain(b.values.keys()).collect();
    let none = Vec::new();
    for name in names {
        let (x, y) = (a.values.get(name).unwrap_or(&none), b.values.get(name).unwrap_or(&none));
        if x == y {
            continue;
        }
        let short = |values: &[String]| {
            let shown = values.iter().take(limits.listed).map(|v| cut(v, limits.width));
            (!values.is_empty()).then(|| shown.collect::<Vec<_>>().join("; "))
        };
        let (only_a, only_b) = (only(x, y), only(y, x));
        let clue = if only_a.is_empty() && only_b.is_empty() {
            let summary = format!("{name}: the same {} values in another order", x.len());
            Clue::new(Cause::Ordering, summary).with([Detail::values(
                name.as_str(),
                short(x),
                short(y),
            )])
        } else if name == "requires-dist" && same_requirements(x, y) {
            let summary = format!("{name}: the same requirements, written otherwise");
            let detail = Detail::values(name.as_str(), short(&only_a), short(&only_b));
            Clue::new(Cause::RequiresDist, summary).with([detail])
        } else {
            let says = |values: &[String]| short(values).unwrap_or_else(|| "nothing".to_owned());
            let summary = format!("{} in A, {} in B", says(&only_a), says(&only_b));
            let summary = match name.as_str() == cause(name).code() {
                true => summary,
                false => format!("{name}: {summary}"),
            };
            Clue::new(cause(name), cut(&summary, limits.width * 2))
        };
        clues.push(clue);
    }
    if clues.is_empty() && a.order != b.order {
        clues.push(Clue::new(Cause::Ordering, "the same fields in another order"));
    }
    clues
}

/// The values of `x` that `y` has not, or has not as often.
fn only(x: &[String], y: &[String]) -> Vec<String> {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for value in y {
        *left.entry(value).or_default() += 1;
    }
    let missing = x.iter().filter(|value| match left.get_mut(value.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    missing.cloned().collect()
}

/// Whether the requirements are the same but for their order and spelling.
fn same_requirements(a: &[String], b: &[String]) -> bool {
    let normal = |values: &[String]| {
        let forms = values.iter().map(|value| requirement::normal_form(value));
        let mut forms = forms.collect::<Option<Vec<_>>>()?;
        forms.sort_unstable();
        Some(forms)
    };
    normal(a).is_some_and(|a| normal(b) == Some(a))
}

/// Files whose fields are equal and whose bytes are not: the text says how.
fn or_text(
    mut clues: Vec<Clue>,
    a: &str,
    b: &str,
    limits: &CompareLimits,
    budget: &mut Budget,
) -> Vec<Clue> {
    if clues.is_empty() {
        clues = text::compare(a, b, limits, budget);
    }
    clues
}
