//! Arguments of `bdist_wheel`, from the wheel's tags and what the source itself configures.
//!
//! Sees: tags that setuptools gives only where it is told to: `py2.py3` (`--universal`), a Python tag other than the
//! interpreter's own (`--python-tag`), a build number (`--build-number`).
//!
//! Can be wrong: where the source sets them by code, they are given twice, to the same effect.

use super::Evidence;
use super::backend::is_of_setuptools;
use crate::plan::{BuildPlan, Frontend, Origin, Value};

/// Settles the arguments, and `setup.py` as what takes them.
pub fn conclude(evidence: &Evidence<'_>, plan: &mut BuildPlan) {
    if evidence.generator().is_none_or(|generator| !is_of_setuptools(&generator.name)) {
        return;
    }
    let name = evidence.wheel.filename();
    let python: Vec<&str> = {
        let mut tags: Vec<&str> = name.tags().iter().map(|tag| tag.python.as_str()).collect();
        tags.dedup();
        tags
    };
    let configured = evidence.source_text("setup.cfg").unwrap_or_default().to_ascii_lowercase();
    let mut add = |argument: String, because: String| {
        plan.arguments.push(Value::new(argument, Origin::Wheel, because));
    };
    match python[..] {
        ["py2", "py3"] if !configured.contains("universal") => {
            add("--universal".to_owned(), "the wheel is for py2.py3".to_owned());
        }
        [tag]
            if tag != "py3"
                && name.tags().iter().all(|tag| tag.abi == "none")
                && !configured.contains("python-tag")
                && !configured.contains("python_tag") =>
        {
            add(format!("--python-tag={tag}"), format!("the wheel is for {tag}"));
        }
        _ => {}
    }
    if let Some(build) = name.build() {
        add(format!("--build-number={build}"), format!("the wheel has build number {build}"));
    }
    if !plan.arguments.is_empty() && evidence.source.files.contains_key("setup.py") {
        plan.frontend = Value::new(Frontend::SetupPy, Origin::Wheel, "it takes the arguments");
    }
}
