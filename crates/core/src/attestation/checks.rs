//! What must hold of the parameters of `pep517/v1` beyond their form: a rebuild passes them to programs,
//! joins them to paths and prints them into scripts, and what they say twice they must say alike.

use std::collections::BTreeSet;

use pep508_rs::VersionOrUrl;
use url::Url;

use super::environment::{EnvironmentManifest, Interpreter};
use super::pep517::{Distribution, ExternalParameters, InternalParameters, SourceState, Step};
use crate::limits::{
    HOSTNAME_LENGTH, LATEST_TIME, RECORDED_STEPS, RECORDED_SUBMODULES, RECORDED_TAGS, REF_LENGTH,
    VARIABLES_LENGTH,
};
use crate::report::{Reason, Refusal};
use crate::requirement;

/// The variables that a build of this type can have. Any other would change what runs, as `PYTHONPATH`
/// does, and nothing says so.
const VARIABLES: &[&str] = &[
    "CARGO_HOME",
    "CARGO_NET_OFFLINE",
    "HOME",
    "LANG",
    "LC_ALL",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED",
    "PYTHONNOUSERSITE",
    "SOURCE_DATE_EPOCH",
    "TMPDIR",
    "TZ",
    "VIRTUAL_ENV",
];

pub(super) fn all(
    external: &ExternalParameters,
    internal: &InternalParameters,
) -> Result<(), Refusal> {
    let environment = &internal.environment;
    subdirectory(&external.subdirectory)?;
    printable(external, internal)?;
    constraints(&external.build_constraints)?;
    if let Some(name) = &external.source.git_ref
        && !is_ref(name)
    {
        return Err(malformed(
            "the full name of a git ref",
            format!("externalParameters.source.ref `{}`", start(name)),
        ));
    }
    steps(&external.steps)?;
    source(&internal.source)?;
    interpreter(&environment.interpreter)?;
    variables(environment)?;
    host(&environment.hostname)?;
    hooks(&environment.hooks, external.distribution)?;
    said_twice(environment)
}

fn malformed(expected: impl Into<String>, found: impl Into<String>) -> Refusal {
    Refusal::new(Reason::ProvenanceMalformed).expected(expected.into()).found(found.into())
}

/// No more of a text than a message needs.
fn start(text: &str) -> String {
    text.chars().take(REF_LENGTH).collect()
}

fn at_most(what: &str, found: usize, limit: usize) -> Result<(), Refusal> {
    match found > limit {
        true => Err(malformed(format!("at most {limit}"), format!("{found} {what}"))),
        false => Ok(()),
    }
}

/// A rebuild joins it to a path: it must stay below.
fn subdirectory(subdirectory: &str) -> Result<(), Refusal> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
    if subdirectory.is_empty() || subdirectory.split('/').all(plain) {
        return Ok(());
    }
    Err(malformed(
        "a folder below the source's top",
        format!("externalParameters.subdirectory `{subdirectory}`"),
    ))
}

/// Requirements of an index. By a URL, or an option on its line, something else would be built with, which no rule
/// looks at.
fn constraints(constraints: &[String]) -> Result<(), Refusal> {
    for (index, text) in constraints.iter().enumerate() {
        let requirement = requirement::parse::<Url>(text).ok();
        let by_url = |it: &Option<VersionOrUrl<Url>>| matches!(it, Some(VersionOrUrl::Url(_)));
        if requirement.is_none_or(|it| by_url(&it.version_or_url)) {
            return Err(malformed(
                "a requirement (PEP 508) without URL",
                format!("externalParameters.buildConstraints[{index}] `{}`", start(text)),
            ));
        }
    }
    Ok(())
}

/// A full ref name as git allows them (git-check-ref-format), which begins with `refs/`.
fn is_ref(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    name.len() <= REF_LENGTH
        && name.starts_with("refs/")
        && !name.contains([' ', '~', '^', ':', '?', '*', '[', '\\'])
        && !name.contains(char::is_control)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name.split('/').all(part)
}

/// A step's program is what `env` takes for a program: not another variable, nor an option.
fn steps(steps: &[Step]) -> Result<(), Refusal> {
    at_most("steps", steps.len(), RECORDED_STEPS)?;
    for (index, step) in steps.iter().enumerate() {
        let program = step.command.first().map_or("", String::as_str);
        if program.is_empty() || program.starts_with('-') || program.contains('=') {
            return Err(malformed(
                "a program, without `=` and not beginning with `-`",
                format!("externalParameters.steps[{index}].command runs `{}`", start(program)),
            ));
        }
    }
    Ok(())
}

/// The tags that a clone is given, each once and by git's own rules, and not more than are recorded.
fn source(source: &SourceState) -> Result<(), Refusal> {
    at_most("tags", source.tags.len(), RECORDED_TAGS)?;
    at_most("submodules", source.submodules.len(), RECORDED_SUBMODULES)?;
    let mut seen = BTreeSet::new();
    for tag in &source.tags {
        if !is_ref(&format!("refs/tags/{}", tag.name)) || !seen.insert(&tag.name) {
            return Err(malformed(
                "names of git tags, each once",
                format!("source.tags `{}`", start(&tag.name)),
            ));
        }
    }
    Ok(())
}

fn interpreter(interpreter: &Interpreter) -> Result<(), Refusal> {
    let path = &interpreter.path;
    let version = requirement::version(&interpreter.version).is_some();
    if version && path.starts_with('/') && !path.split('/').any(|part| part == "..") {
        return Ok(());
    }
    Err(malformed(
        "a version and an absolute path",
        format!("environment.interpreter {} at `{path}`", interpreter.version),
    ))
}

/// Words that a rebuild passes to programs, or prints into a script, hold no control character: neither
/// a line break that would end a line of the script, nor anything that a terminal would obey.
fn printable(external: &ExternalParameters, internal: &InternalParameters) -> Result<(), Refusal> {
    let environment = &internal.environment;
    let variables = environment.variables.iter().flat_map(|(name, value)| [name, value]);
    let steps = external.steps.iter().flat_map(|step| step.command.iter().chain(&step.requires));
    let source = &internal.source;
    let words = variables
        .chain(steps)
        .chain(source.tags.iter().map(|tag| &tag.name))
        .chain(source.submodules.iter().flat_map(|module| [&module.path, &module.url]))
        .chain(external.source.git_ref.iter())
        .chain(external.python.iter().chain(&external.build_constraints))
        .chain([&external.source.uri, &external.subdirectory])
        .chain([&environment.hostname, &environment.build_path, &environment.interpreter.path])
        .chain([&environment.interpreter.version, &environment.backend.name])
        .chain(&environment.backend.path);
    for word in words {
        if word.chars().any(char::is_control) {
            return Err(malformed("no control characters", word.clone()));
        }
    }
    Ok(())
}

/// Only variables that this build type has, and a `PATH` of folders that are what they look like: from it
/// a rebuild takes the place of the Rust toolchain.
fn variables(environment: &EnvironmentManifest) -> Result<(), Refusal> {
    let variables = &environment.variables;
    let length = variables.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    at_most("bytes of variables", length, VARIABLES_LENGTH)?;
    if let Some(name) = variables.keys().find(|name| !VARIABLES.contains(&name.as_str())) {
        return Err(Refusal::new(Reason::ParameterUnknown)
            .expected(VARIABLES.join(", "))
            .found(format!("environment.variables `{}`", start(name))));
    }
    let plain = |folder: &str| {
        folder.starts_with('/') && !folder.split('/').any(|part| matches!(part, "." | ".."))
    };
    match variables.get("PATH").filter(|path| !path.split(':').all(plain)) {
        None => Ok(()),
        Some(path) => Err(malformed(
            "absolute folders without `.` and `..`",
            format!("environment.variables PATH `{}`", start(path)),
        )),
    }
}

/// A host name by RFC 1123, as long as the system takes one.
fn host(name: &str) -> Result<(), Refusal> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match name.len() <= HOSTNAME_LENGTH && name.split('.').all(label) {
        true => Ok(()),
        false => Err(malformed(
            "a host name (RFC 1123)",
            format!("environment.hostname `{}`", start(name)),
        )),
    }
}

/// The hooks of PEP 517 for what was built: the one that builds, and before it the one that asks for
/// requirements.
fn hooks(hooks: &[String], distribution: Distribution) -> Result<(), Refusal> {
    let expected = match distribution {
        Distribution::Wheel => ["get_requires_for_build_wheel", "build_wheel"],
        Distribution::Sdist => ["get_requires_for_build_sdist", "build_sdist"],
    };
    match hooks == expected || hooks == &expected[1..] {
        true => Ok(()),
        false => Err(malformed(
            expected.join(", "),
            format!("environment.hooks {}", start(&hooks.join(", "))),
        )),
    }
}

/// What the environment says by itself, a variable may say again: the build saw the variable.
fn said_twice(environment: &EnvironmentManifest) -> Result<(), Refusal> {
    let epoch = environment.source_date_epoch;
    if !(0..=LATEST_TIME).contains(&epoch) {
        return Err(malformed(
            format!("a time from 0 to {LATEST_TIME}"),
            format!("environment.sourceDateEpoch {epoch}"),
        ));
    }
    let epoch = epoch.to_string();
    for (field, value, variable) in [
        ("sourceDateEpoch", &epoch, "SOURCE_DATE_EPOCH"),
        ("locale", &environment.locale, "LC_ALL"),
        ("locale", &environment.locale, "LANG"),
        ("timezone", &environment.timezone, "TZ"),
    ] {
        if let Some(set) = environment.variables.get(variable).filter(|set| *set != value) {
            return Err(Refusal::new(Reason::ProvenanceInconsistent)
                .expected(format!("environment.{field} `{}`", start(value)))
                .found(format!("environment.variables {variable} `{}`", start(set))));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::{Value, json};

    use super::*;

    /// Both parameters, of which nothing is wrong.
    fn honest() -> Value {
        let commit = "c0".repeat(20);
        json!({
            "external": {
                "source": {"uri": "git+https://example.org/a", "ref": "refs/tags/v1"},
                "distribution": "wheel",
                "steps": [{"command": ["auditwheel", "repair", "--x=y"]}],
            },
            "internal": {
                "environment": {
                    "platform": {"os": "Linux", "kernel": "6", "architecture": "a", "libc": "c"},
                    "interpreter": {
                        "implementation": "cpython",
                        "version": "3.11.7",
                        "path": "/usr/bin/python3",
                        "sha256": "0".repeat(64),
                    },
                    "frontend": {"name": "wheelmark", "version": "1"},
                    "installer": {"name": "uv", "version": "1"},
                    "variables": {
                        "PATH": "/build/env/bin:/usr/bin",
                        "SOURCE_DATE_EPOCH": "1700000000",
                        "LC_ALL": "C.UTF-8",
                        "LANG": "C.UTF-8",
                        "TZ": "UTC",
                    },
                    "umask": "0022",
                    "locale": "C.UTF-8",
                    "timezone": "UTC",
                    "hostname": "build",
                    "sourceDateEpoch": 1_700_000_000,
                    "buildPath": "/build/src",
                    "isolation": "bubblewrap",
                    "backend": {"name": "flit_core.buildapi"},
                    "hooks": ["get_requires_for_build_wheel", "build_wheel"],
                },
                "source": {
                    "tags": [{"name": "v1", "object": commit, "commit": commit}],
                    "submodules": [{"path": "a", "url": "https://example.org/b", "commit": commit}],
                },
                "observed": {"status": "unavailable", "reason": "not asked for"},
            },
        })
    }

    fn check(parameters: &Value) -> Result<(), Refusal> {
        let external = ExternalParameters::deserialize(&parameters["external"]).expect("external");
        let internal = InternalParameters::deserialize(&parameters["internal"]).expect("internal");
        all(&external, &internal)
    }

    /// The refusal of the honest parameters with one value put in the place of another, or added.
    #[track_caller]
    fn refused(at: &str, value: Value) -> Refusal {
        let mut parameters = honest();
        let (parent, name) = at.rsplit_once('/').expect("a path");
        let parent = parameters.pointer_mut(parent).expect("a place");
        parent[name] = value;
        check(&parameters).expect_err(at)
    }

    const ENVIRONMENT: &str = "/internal/environment";

    #[test]
    fn what_is_said_twice_is_said_alike() {
        assert_eq!(check(&honest()), Ok(()));
        for (field, value) in [
            ("sourceDateEpoch", json!(1)),
            ("locale", json!("tr_TR.UTF-8")),
            ("timezone", json!("Asia/Tokyo")),
            ("variables/LC_ALL", json!("tr_TR.UTF-8")),
            ("variables/LANG", json!("tr_TR.UTF-8")),
            ("variables/TZ", json!("Asia/Tokyo")),
            ("variables/SOURCE_DATE_EPOCH", json!("1700000000 ")),
        ] {
            let refusal = refused(&format!("{ENVIRONMENT}/{field}"), value);
            assert_eq!(refusal.reason, Reason::ProvenanceInconsistent, "{field}: {refusal}");
        }
    }

    #[test]
    fn a_variable_that_no_build_has_is_refused() {
        for name in ["PYTHONPATH", "LD_PRELOAD", "CC", "path", "A=B", ""] {
            let mut parameters = honest();
            parameters["internal"]["environment"]["variables"][name] = json!("x");
            let refusal = check(&parameters).expect_err(name);
            assert_eq!(refusal.reason, Reason::ParameterUnknown, "{name}: {refusal}");
        }
    }

    #[test]
    fn what_a_rebuild_could_not_use_is_malformed() {
        let commit = "c0".repeat(20);
        let tag = |name: &str| json!({"name": name, "object": commit, "commit": commit});
        let module = json!({"path": "a", "url": "https://example.org/b", "commit": commit});
        let step = json!({"command": ["true"]});
        let environment = |field: &str| format!("{ENVIRONMENT}/{field}");
        let mut cases = vec![
            (environment("sourceDateEpoch"), json!(i64::MIN)),
            (environment("sourceDateEpoch"), json!(LATEST_TIME + 1)),
            (environment("hooks"), json!(["build_wheel", "rm -rf"])),
            (environment("hooks"), json!(["build_sdist"])),
            (environment("hooks"), json!([])),
            (environment("variables/HOME"), json!("x".repeat(VARIABLES_LENGTH))),
            (environment("variables/PATH"), json!("/../../../tmp/evil/bin:/usr/bin")),
            (environment("variables/PATH"), json!("/usr/bin:")),
            ("/external/steps".to_owned(), json!(vec![step; RECORDED_STEPS + 1])),
            ("/internal/source/submodules".to_owned(), json!(vec![module; 257])),
            ("/internal/source/tags".to_owned(), json!([tag("v1"), tag("v1")])),
            (
                "/internal/source/tags".to_owned(),
                (0..=RECORDED_TAGS).map(|i| tag(&format!("t{i}"))).collect(),
            ),
        ];
        for host in ["", "-x", "x-", "a.", "a..b", "a b", "a_b", &"a".repeat(64), &"a.".repeat(40)]
        {
            cases.push((environment("hostname"), json!(host)));
        }
        for name in ["../../heads/x", "a..b", "a.lock", "", "a b", "/a", "a.", "a/.b", "a@{b"] {
            cases.push(("/internal/source/tags".to_owned(), json!([tag(name)])));
        }
        for command in [json!([]), json!([""]), json!(["A=b", "x"]), json!(["-i"])] {
            cases.push(("/external/steps".to_owned(), json!([{"command": command}])));
        }
        for (at, value) in cases {
            let refusal = refused(&at, value);
            assert_eq!(refusal.reason, Reason::ProvenanceMalformed, "{at}: {refusal}");
        }
    }
}
