//! A rebuild by hand: the same steps as a plain shell script, or as a Containerfile.
//!
//! Everything that comes from the provenance is quoted for the shell: it is the word of a stranger, even
//! of one whose key is trusted.

use std::fmt::Write as _;

use wheelmark_core::attestation::pep517::{Distribution, Pep517Build, Requirement, Role};
use wheelmark_core::verify::VerifiedProvenance;

use crate::layout::Layout;

/// The form in which instructions are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A POSIX shell script that needs git, uv and bubblewrap.
    Shell,
    /// A Containerfile, which needs a container engine.
    Containerfile,
}

/// The instructions for a file of verified provenance.
pub fn print(verified: &VerifiedProvenance, filename: &str, form: Form) -> String {
    let script = Script { build: verified.build(), layout: Layout::fixed(), filename };
    let sha256 = verified.sha256();
    match form {
        Form::Shell => script.shell(&sha256.to_string()),
        Form::Containerfile => script.containerfile(&sha256.to_string()),
    }
}

struct Script<'a> {
    build: &'a Pep517Build,
    layout: Layout,
    filename: &'a str,
}

impl Script<'_> {
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
        self.prepare(&mut text, &quoted(self.repository()));
        self.sandbox(&mut text);
        self.run_hook(&mut text, "contained");
        self.run_steps(&mut text, "contained");
        self.compare(&mut text, sha256);
        text
    }

    fn containerfile(&self, sha256: &str) -> String {
        let mut script = String::from("set -eu\numask 022\nroot=/build\nmkdir -p \"$root\"\n");
        self.prepare(&mut script, &quoted(self.repository()));
        // The container is the sandbox, and its /build is the recorded path.
        script.push_str("plain() { shift 2; env -i \"$@\"; }\n");
        self.run_hook(&mut script, "plain");
        self.run_steps(&mut script, "plain");
        self.compare(&mut script, sha256);

        let platform = &self.build.internal.environment.platform;
        let mut text = String::new();
        self.head(&mut text, "# syntax=docker/dockerfile:1");
        let _ = writeln!(
            text,
            "# Recorded on {} with {}; give the base image that fits as BASE.\n\
             ARG BASE=debian:stable\n\
             FROM $BASE\n\
             RUN apt-get update && apt-get install -y git ca-certificates pipx {}\n\
             RUN pipx install uv\n\
             ENV PATH=/root/.local/bin:$PATH\n\
             RUN <<'END-OF-REBUILD'",
            plain(platform.distribution.as_deref().unwrap_or("an unknown distribution")),
            plain(&platform.libc),
            self.system_packages(),
        );
        text.push_str(&script);
        text.push_str("END-OF-REBUILD\n");
        text
    }

    fn head(&self, text: &mut String, first: &str) {
        let interpreter = &self.build.internal.environment.interpreter;
        let _ = writeln!(
            text,
            "{first}\n# Rebuilds {} from commit {}\n# with {} {} (sha256 {}).",
            plain(self.filename),
            self.build.commit,
            plain(&interpreter.implementation),
            plain(&interpreter.version),
            interpreter.sha256,
        );
    }

    fn needs(&self, text: &mut String) {
        text.push_str("# Needs git, uv and bubblewrap");
        for tool in &self.build.tools {
            let version = tool.annotations.get("version").and_then(|version| version.as_str());
            if let Some(version) = version.or(tool.uri.as_deref()) {
                let _ = write!(text, ",\n#   {}", plain(version));
            }
        }
        text.push_str(".\n");
    }

    /// The source, the environments and the hook caller, all below `$root`.
    fn prepare(&self, text: &mut String, repository: &str) {
        let environment = &self.build.internal.environment;
        let source = &self.build.internal.source;
        let _ = write!(
            text,
            "python=${{PYTHON:-{}}}\n\
             git clone --quiet --no-checkout \"${{1:-{repository}}}\" \"$root/src\"\n\
             cd \"$root/src\"\n\
             git checkout --quiet --detach {}\n\
             test \"$(git rev-parse 'HEAD^{{tree}}')\" = {}\n\
             git for-each-ref --format='delete %(refname)' | git update-ref --stdin\n",
            quoted(&environment.interpreter.path),
            self.build.commit,
            self.build.tree,
        );
        for tag in &source.tags {
            let _ =
                writeln!(text, "git update-ref {} {}", quoted(&format!("refs/tags/{}", tag.name)), tag.object);
        }
        if !source.submodules.is_empty() {
            text.push_str("git submodule --quiet update --init --recursive\n");
        }
        let epoch = environment.source_date_epoch;
        let _ = write!(
            text,
            "git remote remove origin\n\
             find . -exec touch -h -d @{epoch} {{}} +\n\
             cd \"$root\"\n\
             mkdir out result driver home tmp\n"
        );
        self.environment(text, Role::Build, "env");
        if self.has(Role::Step) {
            self.environment(text, Role::Step, "steps");
        }
        if !self.build.crates.is_empty() {
            let manifest = format!("\"$root/src/\"{}/Cargo.toml", quoted(&self.subdirectory()));
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
            quoted(&task.to_string()),
        );
    }

    fn environment(&self, text: &mut String, role: Role, folder: &str) {
        let _ = writeln!(text, "cat >{folder}.txt <<'END-OF-FILE'");
        for requirement in self.requirements(role) {
            let (name, version) = (plain(&requirement.name), plain(&requirement.version));
            let _ = writeln!(text, "{name}=={version} --hash=sha256:{}", requirement.sha256);
        }
        let _ = write!(
            text,
            "END-OF-FILE\n\
             uv venv --quiet --relocatable --no-project --python \"$python\" {folder}\n\
             uv pip sync --quiet --require-hashes --link-mode copy --allow-empty-requirements \\\n\
             \x20   --python {folder}/bin/python {folder}.txt\n"
        );
    }

    /// A function that runs a command as the build ran: `contained FOLDER INPUT NAME=VALUE… COMMAND…`.
    fn sandbox(&self, text: &mut String) {
        text.push_str(
            "contained() {\n\
             \x20   folder=$1 input=$2\n\
             \x20   shift 2\n\
             \x20   prefix=$(\"$python\" -c 'import sys; print(sys.base_prefix)')\n\
             \x20   set -- --ro-bind /usr /usr --proc /proc --dev /dev --tmpfs /tmp \\\n\
             \x20       --unshare-all --die-with-parent --new-session --clearenv \\\n",
        );
        let hostname = quoted(&self.build.internal.environment.hostname);
        let _ = write!(
            text,
            "\x20       --hostname {hostname} --chdir \"$folder\" -- env \"$@\"\n\
             \x20   for system in /bin /sbin /lib /lib64 /etc/alternatives /etc/ld.so.cache; do\n\
             \x20       [ -e \"$system\" ] && set -- --ro-bind \"$system\" \"$system\" \"$@\"\n\
             \x20   done\n\
             \x20   case $prefix in /usr*) ;; *) set -- --ro-bind \"$prefix\" \"$prefix\" \"$@\" ;; esac\n\
             \x20   for own in env steps driver; do\n\
             \x20       [ -e \"$root/$own\" ] && set -- \"$@\"\n\
             \x20   done\n"
        );
        text.push_str("}\n");
    }
}
