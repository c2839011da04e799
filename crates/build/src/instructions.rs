//! A rebuild by hand: the same steps as a plain shell script, or as a Containerfile.
//!
//! Everything that comes from the provenance is quoted for the shell: it is the word of a stranger, even
//! of one whose key is trusted.

mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pep440_rs::Version;
use wheelmark_core::attestation::pep517::{Distribution, Pep517Build, Requirement, Role};
use wheelmark_core::attestation::repository::RepositoryUri;
use wheelmark_core::attestation::statement::ResourceDescriptor;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::verify::VerifiedBuild;

use crate::error::BuildError;
use crate::execute::recorded_toolchain;
use crate::layout::Layout;
use crate::source::RepositoryUrl;
pub(crate) use words::RustVersion;
use words::{DebianName, ascii_json, bare, base_image, comment, hides, quoted, unusable};

/// The form in which instructions are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A POSIX shell script that needs git, uv and bubblewrap.
    Shell,
    /// A Containerfile, which needs a container engine.
    Containerfile,
}

/// The instructions for a file of verified provenance.
///
/// # Errors
/// [`BuildError::Unusable`] for a record with a value that does not have its form, or that a person who
/// reads the instructions could not see as it is: no line of them is the record's own.
pub fn print(verified: &VerifiedBuild, filename: &str, form: Form) -> Result<String, BuildError> {
    let script = Script::new(verified.get(), filename)?;
    let sha256 = verified.sha256().to_string();
    let text = match form {
        Form::Shell => script.shell(&sha256),
        Form::Containerfile => script.containerfile(&sha256)?,
    };
    // Whatever was overlooked above.
    match text.split('\n').find(|line| line.chars().any(hides)) {
        None => Ok(text),
        Some(line) => Err(unusable("a value", line)),
    }
}

struct Script<'a> {
    build: &'a Pep517Build,
    layout: Layout,
    filename: &'a str,
    /// As git takes it: what was recorded, as it was read and not as it was spelled.
    repository: String,
    python: Version,
    uv: Version,
    rust: Option<RustVersion>,
    packages: BTreeSet<DebianName>,
    /// Lines of `requirements.txt`, each with its environment.
    requirements: Vec<(Role, String)>,
}

impl<'a> Script<'a> {
    fn new(build: &'a Pep517Build, filename: &'a str) -> Result<Self, BuildError> {
        let environment = &build.internal.environment;
        let uri = &build.external.source.uri;
        let version = |what, text: &str| text.parse::<Version>().map_err(|_| unusable(what, text));
        let tool = |tool: &ResourceDescriptor| {
            let version = tool.annotations.get("version")?.as_str()?;
            version.strip_prefix("rustc ")?.split_whitespace().next().map(RustVersion::parse)
        };
        let package = |tool: &ResourceDescriptor| {
            let rest = tool.uri.as_deref()?.strip_prefix("pkg:deb/")?;
            Some(DebianName::parse(rest.split_once('@').map_or(rest, |(name, _)| name)))
        };
        if let Some(word) = words(build).find(|word| word.chars().any(hides)) {
            return Err(unusable("a word", word));
        }
        Ok(Self {
            build,
            layout: Layout::fixed(),
            filename,
            repository: repository(uri).ok_or_else(|| unusable("a source", uri))?,
            python: version("a version of Python", &environment.interpreter.version)?,
            uv: version("a version of uv", &environment.installer.version)?,
            rust: build.tools.iter().find_map(tool).transpose()?,
            packages: build.tools.iter().filter_map(package).collect::<Result<_, _>>()?,
            requirements: build.requirements.iter().map(requirement).collect::<Result<_, _>>()?,
        })
    }

    fn shell(&self, sha256: &str) -> String {
        let mut text = String::new();
        self.head(&mut text, "#!/bin/sh");
        self.needs(&mut text);
        text.push_str(
            "# Takes a clone of the repository as its first argument, or clones the recorded URI.\n\
             set -eu\n\
             umask 022\n\
             root=$(mktemp -d)\n\
             trap 'chmod -R u+w \"$root\"; rm -rf \"$root\"' EXIT\n",
        );
        self.prepare(&mut text);
        self.sandbox(&mut text);
        self.run_hook(&mut text);
        self.run_steps(&mut text);
        self.compare(&mut text, sha256);
        text
    }

    fn containerfile(&self, sha256: &str) -> Result<String, BuildError> {
        let environment = &self.build.internal.environment;
        let version = &self.python;
        let mut script = format!(
            "set -eu\n\
             umask 022\n\
             root=/build\n\
             mkdir -p \"$root\"\n\
             set -- \"$SOURCE\"\n\
             uv python find --quiet --no-project '{version}' >/dev/null 2>&1 || \
             uv python install --quiet '{version}'\n\
             PYTHON=$(uv python find --no-project '{version}')\n"
        );
        self.prepare(&mut script);
        if let Some(toolchain) = recorded_toolchain(&environment.variables) {
            let toolchain = quoted(&toolchain.to_string_lossy());
            let _ = write!(
                script,
                "mkdir -p \"$(dirname {toolchain})\"\n\
                 [ -e {toolchain} ] || ln -s \"$rust\" {toolchain}\n"
            );
        }
        // The container is the sandbox, and its /build is the recorded path.
        script.push_str("contained() { folder=$1; shift; (cd \"$folder\" && \"$@\"); }\n");
        self.run_hook(&mut script);
        self.run_steps(&mut script);
        self.compare(&mut script, sha256);

        let distribution = environment.platform.distribution.as_deref().unwrap_or("unknown");
        let mut text = String::new();
        self.head(&mut text, "# syntax=docker/dockerfile:1");
        let _ = writeln!(
            text,
            "# Recorded on {} with {}. SOURCE may name another place of the repository.\n\
             ARG BASE={}",
            comment(distribution),
            comment(&environment.platform.libc),
            base_image(distribution),
        );
        if let Some(rust) = &self.rust {
            let _ = writeln!(text, "FROM rust:{rust} AS rust");
        }
        let _ = writeln!(
            text,
            "FROM $BASE\n\
             ARG SOURCE={}\n\
             RUN apt-get update && apt-get install -y git ca-certificates pipx{}\n\
             RUN pipx install 'uv=={}'\n\
             ENV PATH=/root/.local/bin:/usr/local/cargo/bin:/usr/local/bin:/usr/bin:/bin",
            quoted(bare("a source", &self.repository)?),
            self.packages.iter().map(|name| format!(" {name}")).collect::<String>(),
            self.uv,
        );
        if self.rust.is_some() {
            text.push_str(
                "ENV RUSTUP_HOME=/usr/local/rustup\n\
                 COPY --from=rust /usr/local/rustup /usr/local/rustup\n\
                 COPY --from=rust /usr/local/cargo /usr/local/cargo\n",
            );
        }
        let _ = write!(text, "RUN <<'END-OF-REBUILD'\n{script}END-OF-REBUILD\n");
        Ok(text)
    }

    fn head(&self, text: &mut String, first: &str) {
        let interpreter = &self.build.internal.environment.interpreter;
        let _ = writeln!(
            text,
            "{first}\n# Rebuilds {} from commit {}\n# with {} {} (sha256 {}).",
            comment(self.filename),
            self.build.commit,
            comment(&interpreter.implementation),
            self.python,
            interpreter.sha256,
        );
    }

    fn needs(&self, text: &mut String) {
        text.push_str(
            "# PYTHON may name the interpreter; without it, uv's of that version is taken.\n",
        );
        text.push_str("# Needs git, uv and bubblewrap");
        for tool in &self.build.tools {
            let version = tool.annotations.get("version").and_then(|version| version.as_str());
            if let Some(version) = version.or(tool.uri.as_deref()) {
                let _ = write!(text, ",\n#   {}", comment(version));
            }
        }
        text.push_str(".\n");
    }

    /// The source, the environments and the hook caller, all below `$root`.
    fn prepare(&self, text: &mut String) {
        let environment = &self.build.internal.environment;
        let source = &self.build.internal.source;
        let _ = write!(
            text,
            "python=${{PYTHON:-$(uv python find --no-project {})}}\n\
             uri={}\n\
             git clone --quiet --no-checkout \"${{1:-$uri}}\" \"$root/src\"\n\
             cd \"$root/src\"\n\
             git checkout --quiet --detach {}\n\
             test \"$(git rev-parse 'HEAD^{{tree}}')\" = {}\n\
             git remote remove origin\n\
             git for-each-ref --format='delete %(refname)' | git update-ref --stdin\n",
            quoted(&self.python.to_string()),
            quoted(&self.repository),
            self.build.commit,
            self.build.tree,
        );
        for tag in &source.tags {
            let _ = writeln!(
                text,
                "git update-ref {} {}",
                quoted(&format!("refs/tags/{}", tag.name)),
                tag.object
            );
        }
        if !source.submodules.is_empty() {
            text.push_str("git submodule --quiet update --init --recursive\n");
        }
        let epoch = environment.source_date_epoch;
        let _ = write!(
            text,
            "find . -exec touch -h -d @{epoch} {{}} +\n\
             cd \"$root\"\n\
             mkdir out result driver home tmp\n\
             rust=\n"
        );
        self.environment(text, Role::Build, "env");
        if self.requirements(Role::Step).next().is_some() {
            self.environment(text, Role::Step, "steps");
        }
        if !self.build.crates.is_empty() {
            let manifest =
                format!("\"$root/src/\"{}/Cargo.toml", quoted(&self.build.external.subdirectory));
            let _ = write!(
                text,
                "mkdir cargo\n\
                 cargo vendor --locked --versioned-dirs --manifest-path {manifest} \\\n\
                 \x20   \"$root/cargo/vendor\" | sed \"s|$root|/build|\" >cargo/config.toml\n\
                 rust=$(rustc --print sysroot)\n"
            );
        }
        let task = serde_json::json!({
            "hook": self.hook(),
            "backend": environment.backend.name,
            "backendPath": environment.backend.path,
            "configSettings": self.build.external.config_settings,
            "out": self.layout.out,
            "result": self.layout.result.join("value.json"),
        });
        let _ = write!(
            text,
            "cat >driver/hooks.py <<'END-OF-FILE'\n{}END-OF-FILE\n\
             printf %s {} >driver/task.json\n",
            include_str!("hooks.py"),
            quoted(&ascii_json(&task)),
        );
    }

    fn environment(&self, text: &mut String, role: Role, folder: &str) {
        let _ = writeln!(text, "cat >{folder}.txt <<'END-OF-FILE'");
        for line in self.requirements(role) {
            let _ = writeln!(text, "{line}");
        }
        let _ = write!(
            text,
            "END-OF-FILE\n\
             uv venv --quiet --relocatable --no-project --python \"$python\" {folder}\n\
             uv pip sync --quiet --require-hashes --only-binary :all: --link-mode copy --allow-empty-requirements \\\n\
             \x20   --python {folder}/bin/python {folder}.txt\n"
        );
    }

    /// A function that runs a command as the build ran: `contained FOLDER COMMAND…`.
    fn sandbox(&self, text: &mut String) {
        let hostname = quoted(&self.build.internal.environment.hostname);
        let toolchain = recorded_toolchain(&self.build.internal.environment.variables);
        let toolchain = quoted(&toolchain.unwrap_or_default().to_string_lossy());
        let _ = write!(
            text,
            "prefix=$(\"$python\" -c 'import sys; print(sys.base_prefix)')\n\
             contained() {{\n\
             \x20   folder=$1\n\
             \x20   shift\n\
             \x20   bwrap --unshare-all --die-with-parent --new-session --clearenv \\\n\
             \x20       --hostname {hostname} --ro-bind /usr /usr --ro-bind \"$prefix\" \"$prefix\" \\\n\
             \x20       --symlink usr/bin /bin --symlink usr/sbin /sbin \\\n\
             \x20       --symlink usr/lib /lib --symlink usr/lib64 /lib64 \\\n\
             \x20       --ro-bind-try /etc/alternatives /etc/alternatives \\\n\
             \x20       --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache \\\n\
             \x20       --proc /proc --dev /dev --tmpfs /tmp \\\n\
             \x20       ${{rust:+--ro-bind \"$rust\" {toolchain}}} \\\n\
             \x20       --ro-bind \"$root/env\" /build/env --ro-bind-try \"$root/steps\" /build/steps \\\n\
             \x20       --ro-bind \"$root/driver\" /build/driver --bind \"$root/src\" /build/src \\\n\
             \x20       --bind \"$root/out\" /build/out --bind \"$root/result\" /build/result \\\n\
             \x20       --bind \"$root/home\" /build/home --ro-bind-try \"$root/cargo\" /build/cargo \\\n\
             \x20       --ro-bind-try \"$root/in\" /build/in --chdir \"$folder\" -- \"$@\"\n\
             }}\n"
        );
    }

    fn run_hook(&self, text: &mut String) {
        let folder = self.layout.source.join(&self.build.external.subdirectory);
        self.run(
            text,
            &folder.to_string_lossy(),
            &self.build.internal.environment.variables,
            &[
                self.layout.environment.join("bin/python").to_string_lossy().into_owned(),
                self.layout.driver.join("hooks.py").to_string_lossy().into_owned(),
                self.layout.driver.join("task.json").to_string_lossy().into_owned(),
            ],
        );
    }

    fn run_steps(&self, text: &mut String) {
        let mut variables = self.build.internal.environment.variables.clone();
        if self.requirements(Role::Step).next().is_some() {
            let from = self.layout.environment.to_string_lossy();
            let to = self.layout.steps.to_string_lossy();
            variables.values_mut().for_each(|value| *value = value.replace(&*from, &to));
        }
        for step in &self.build.external.steps {
            text.push_str(
                "rm -rf \"$root/in\"; mv \"$root/out\" \"$root/in\"; mkdir \"$root/out\"\n\
                 wheel=$(basename \"$root\"/in/*)\n",
            );
            // The name of the wheel is only known when the script runs.
            let words: Vec<_> = step
                .command
                .iter()
                .map(|word| word.replace("{out}", &self.layout.out.to_string_lossy()))
                .collect();
            self.run(text, &self.layout.out.to_string_lossy(), &variables, &words);
        }
    }

    fn run(
        &self,
        text: &mut String,
        folder: &str,
        variables: &BTreeMap<String, String>,
        words: &[String],
    ) {
        let _ = writeln!(text, "contained {} env -i \\", quoted(folder));
        for (name, value) in variables {
            let _ = writeln!(text, "    {} \\", quoted(&format!("{name}={value}")));
        }
        let input = self.layout.input.to_string_lossy();
        let words: Vec<_> = words
            .iter()
            .map(|word| quoted(word).replace("{wheel}", &format!("{input}/'\"$wheel\"'")))
            .collect();
        let _ = writeln!(text, "    {}", words.join(" "));
    }

    fn compare(&self, text: &mut String, sha256: &str) {
        let _ = write!(
            text,
            "name={}\n\
             test \"$(ls \"$root/out\")\" = \"$name\"\n\
             found=$(sha256sum <\"$root/out/$name\" | cut -d ' ' -f 1)\n\
             if [ \"$found\" = {sha256} ]; then\n\
             \x20   echo \"identical: $name sha256 $found\"\n\
             else\n\
             \x20   echo \"different: $name sha256 $found, not {sha256}\" >&2\n\
             \x20   exit 11\n\
             fi\n",
            quoted(self.filename),
        );
    }

    fn requirements(&self, role: Role) -> impl Iterator<Item = &str> {
        let lines = self.requirements.iter();
        lines.filter(move |(of, _)| *of == role).map(|(_, line)| line.as_str())
    }

    fn hook(&self) -> &'static str {
        match self.build.external.distribution {
            Distribution::Wheel => "build_wheel",
            Distribution::Sdist => "build_sdist",
        }
    }
}

/// The recorded URI as git takes it, where it names a repository and nothing else: `https:host/path`, which
/// git reads as a path on the host `https`, is `https://host/path`.
fn repository(uri: &str) -> Option<String> {
    uri.parse::<RepositoryUri>().ok()?;
    RepositoryUrl::parse(uri).ok().map(|url| url.to_string())
}

fn requirement(requirement: &Requirement) -> Result<(Role, String), BuildError> {
    let Requirement { role, name, version, sha256, .. } = requirement;
    match (name.parse::<ProjectName>(), version.parse::<Version>()) {
        (Ok(name), Ok(version)) => Ok((*role, format!("{name}=={version} --hash=sha256:{sha256}"))),
        _ => Err(unusable("a requirement", &format!("{name}=={version}"))),
    }
}

/// What is printed as it was recorded, in quotes.
fn words(build: &Pep517Build) -> impl Iterator<Item = &str> {
    let environment = &build.internal.environment;
    let variables = environment.variables.iter().flat_map(|(name, value)| [name, value]);
    let steps = build.external.steps.iter().flat_map(|step| &step.command);
    let tags = build.internal.source.tags.iter().map(|tag| &tag.name);
    let more = [&environment.hostname, &build.external.subdirectory];
    variables.chain(steps).chain(tags).chain(more).map(String::as_str)
}
