//! What a person should know beside what was built, and what to do about it.

use std::path::Path;
use std::slice;

use wheelmark_build::environment::project::BuildSystem;
use wheelmark_build::error::BuildError;
use wheelmark_build::sandbox::Isolation;
use wheelmark_build::source::ResolvedSource;
use wheelmark_core::report::Escaped;

use super::Arguments;
use super::told::Warning;
use crate::error::{CliError, shown};

/// What was asked for and proves less, and what of the source a policy may ask for in vain.
pub(super) fn warnings(arguments: &Arguments, source: &ResolvedSource) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |text: &str, hint: Option<String>| {
        warnings.push(Warning { warning: text.to_owned(), hint });
    };
    if arguments.isolation == Isolation::None {
        let text = "nothing held this build; it is recorded, and policies refuse it by default";
        warn(text, None);
    }
    if arguments.allow_dirty_unsafe {
        let text = "changed and untracked files are part of this build; that is recorded, and policies \
                    refuse it by default";
        warn(text, None);
    }
    if arguments.no_trace {
        warn("what ran during the build is recorded as not known", None);
    }
    if source.uri.starts_with("git+file:") && arguments.source_uri.is_none() {
        let text = "the source is recorded as a folder of this machine, where nobody else can look";
        let hint = "--source-uri records the repository's public URI, such as \
                    https://example.org/owner/project";
        warn(text, Some(hint.to_owned()));
    }
    if source.git_ref.is_none() {
        let text = "no ref is recorded, and a policy that asks for one refuses these files";
        warn(text, Some(how_to_name_a_ref(source)));
    }
    warnings
}

/// How the same commit is built under a ref.
fn how_to_name_a_ref(source: &ResolvedSource) -> String {
    let tags: Vec<_> = source.tags.iter().filter(|tag| tag.commit == source.commit).collect();
    match &tags[..] {
        [] => "check out a branch or a tag, or build `git+URI@REF`".to_owned(),
        [tag, rest @ ..] => {
            let several = match rest {
                [] => String::new(),
                rest => format!(
                    "{} tags name this commit ({}); ",
                    tags.len(),
                    rest.iter().fold(tag.name.clone(), |all, tag| all + ", " + &tag.name)
                ),
            };
            let (uri, tag) = (&source.uri, &tag.name);
            Escaped(&format!("{several}say which: `wheelmark build {uri}@{tag}`")).to_string()
        }
    }
}

/// Refuses a folder for the output, and a file for the log, that would make the source's work tree other than its
/// commit.
pub(super) fn refuse_output_in_source(
    arguments: &Arguments,
    source: &ResolvedSource,
) -> Result<(), CliError> {
    let names = ["built-1.0-py3-none-any.whl", "built-1.0-py3-none-any.whl.sigstore.json"];
    let files = names.map(|name| arguments.out.join(name));
    if let Some(log) = &arguments.log
        && source.would_be_untracked(slice::from_ref(log)).map_err(BuildError::from)?
    {
        let message = format!(
            "--log {} is in the source's work tree, and git does not ignore it: the next build would be refused",
            shown(log)
        );
        return Err(
            CliError::usage(message).hint("name a file outside, such as --log ../build.log")
        );
    }
    if !source.would_be_untracked(&files).map_err(BuildError::from)? {
        return Ok(());
    }
    let message = format!(
        "{} is in the source's work tree, and git does not ignore it: the next build would be refused \
         for its untracked files",
        shown(&arguments.out)
    );
    Err(CliError::usage(message)
        .hint("give a folder outside, such as --out ../dist, or commit a .gitignore that names it"))
}

/// Whose code a hook that failed ran.
pub(super) fn which_hook(error: &BuildError, project: &Path) -> Option<String> {
    if !matches!(error, BuildError::Failed { what, .. } if HOOKS.contains(&what.as_str())) {
        return None;
    }
    let backend = BuildSystem::read(project).ok()?.backend;
    let name = Escaped(&backend.name);
    let of = match project.join("pyproject.toml").exists() {
        true => "of pyproject.toml",
        false => "of a project without pyproject.toml",
    };
    let own = match (backend.path.is_empty(), project.join("setup.py").exists()) {
        (false, _) => ", in the project's own folder",
        (true, true) if backend.name.starts_with("setuptools.") => {
            ", which runs the project's `setup.py`"
        }
        _ => "",
    };
    Some(format!("the hook is that of `{name}`, the build backend {of}{own}"))
}

const HOOKS: &[&str] =
    &["get_requires_for_build_wheel", "get_requires_for_build_sdist", "build_wheel", "build_sdist"];
