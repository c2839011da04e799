//! Distributions, keys, policies and our own documents.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::TimeDelta;
use serde_json::Value;
use wheelmark_build::sign::key::KeyFile;
use wheelmark_build::sign::pem::PemKind;
use wheelmark_core::attestation::publish::PUBLISH_TYPE;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::policy::{Files, Policy, Projects, Revoked, Signers, SourceRule, When};
use wheelmark_core::trust::Embedded;
use wheelmark_core::trust::{TrustedKey, Validity};
use wheelmark_core::verify::Contents;

use super::{Description, Section, text};
use crate::artifact;
use crate::attestations::{self, OF_VERDICTS};
use crate::error::CliError;
use crate::policy_file::{Beside, refused};

/// A wheel or source distribution.
pub fn distribution(
    path: &Path,
    cancel: &Arc<AtomicBool>,
) -> Result<(Sha256Digest, Description), CliError> {
    let artifact = artifact::read(path, cancel)?;
    let mut description = Description::of(match &artifact.filename {
        Ok(DistFilename::Wheel(_)) => "a wheel",
        Ok(DistFilename::Sdist(_)) => "a source distribution",
        Err(_) => "a zip archive whose name is not a wheel's",
    });
    if let Ok(name) = &artifact.filename {
        let section = description.section("what the file name says");
        section.fact("project", name.project()).fact("version", name.version());
        if let DistFilename::Wheel(name) = name {
            section.maybe("build", name.build());
            for tag in name.tags() {
                section.fact("tag", tag);
            }
        }
    }
    match &artifact.contents {
        Ok(Contents::Wheel(wheel)) => {
            let section = description.section("what the wheel says of itself");
            let field = |wanted: &str| {
                let mut fields = wheel.metadata().fields().iter();
                fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
            };
            section
                .maybe("name", field("Name"))
                .maybe("version", field("Version"))
                .fact("metadata version", wheel.metadata().metadata_version())
                .maybe("requires python", wheel.metadata().requires_python());
            for requirement in wheel.metadata().requires_dist() {
                section.fact("requires", requirement);
            }
            section.maybe("made by", wheel.wheel_file().generator());
            let section = description.section("the archive");
            let inflated: u64 = wheel.members().iter().map(|member| member.size()).sum();
            section
                .fact("members", wheel.members().len())
                .fact("bytes", wheel.size())
                .fact("bytes inflated", inflated);
            for hook in wheel.startup_hooks() {
                description.note(format!("`{hook}` runs whenever Python starts"));
            }
            for note in wheel.notes() {
                description.note(note.to_string());
            }
            description.note(
                "archive and RECORD agree with each other, which says nothing of their origin",
            );
        }
        Ok(Contents::Sdist(sdist)) => {
            let section = description.section("what PKG-INFO says");
            section
                .fact("metadata version", sdist.metadata().metadata_version())
                .maybe("requires python", sdist.metadata().requires_python());
            for requirement in sdist.metadata().requires_dist() {
                section.fact("requires", requirement);
            }
            let section = description.section("the archive");
            section.fact("members", sdist.members().len()).fact("bytes", sdist.size());
        }
        Err(refusal) => description.note(format!("`wheelmark verify` would refuse it: {refusal}")),
    }
    let beside: Vec<_> = attestations::places(path, &OF_VERDICTS)
        .filter(|it| it.symlink_metadata().is_ok())
        .collect();
    for attestation in &beside {
        let attestation = attestation.file_name().unwrap_or_default().to_string_lossy();
        description.note(format!("there is an attestation beside it: `{attestation}`"));
    }
    if beside.is_empty() {
        description.note("there is no attestation beside it");
    }
    Ok((artifact.sha256, description))
}

/// A key, or something else in PEM. Of a private key nothing but its public id is ever shown.
pub fn pem(path: &Path, text: &str, kind: &PemKind) -> Description {
    match kind {
        PemKind::PublicKey => public_key(text),
        PemKind::EncryptedPrivateKey => {
            let mut description = Description::private("a private key, encrypted");
            description
                .note("its id is known once it is opened; the file ending in `.pub` tells it too");
            note_mode(path, &mut description);
            description
        }
        PemKind::PrivateKey => {
            let mut description = Description::private("a private key, not encrypted");
            let key = KeyFile::read(path).and_then(|file| file.unlock(None));
            let public = key
                .map_err(|error| error.to_string())
                .and_then(|key| key.public_pem().map_err(|error| error.to_string()));
            match public {
                Ok(public) => the_key(&public, &mut description),
                Err(error) => description.note(error),
            }
            description.note("whoever reads the file can sign");
            note_mode(path, &mut description);
            description
        }
        PemKind::OtherPrivateKey(label) => {
            let mut description = Description::private(format!("a private key ({label})"));
            description.note("it is not in the form that wheelmark signs with (PKCS#8)");
            note_mode(path, &mut description);
            description
        }
        PemKind::Other(label) => Description::of(format!("PEM ({label})")),
    }
}

fn public_key(pem: &str) -> Description {
    let mut description = Description::of("a public key");
    the_key(pem, &mut description);
    description.note("a key says nothing of whose it is; compare its id with one from its owner");
    description
}

/// What the public half of a key tells.
fn the_key(pem: &str, description: &mut Description) {
    match TrustedKey::from_pem(pem, Validity::default()) {
        Ok(key) => {
            description
                .section("the key")
                .fact("key id", key.id())
                .fact("algorithm", key.algorithm())
                .fact("hint in bundles", key.id().hint());
        }
        Err(error) => description.note(format!("it cannot be used: {error}")),
    }
}

fn note_mode(path: &Path, description: &mut Description) {
    if let Ok(metadata) = path.metadata() {
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            description
                .note(format!("others can read or write it: its mode is {mode:04o}, not 0600"));
        }
    }
}

/// A policy.
pub fn policy(path: &Path, text: &str) -> Result<Description, CliError> {
    let name = path.to_string_lossy();
    let policy = Policy::parse_with(&name, text, &Embedded, &Beside).map_err(refused)?;
    let mut description = Description::of("a policy");
    says(&policy, "", &mut description);
    for include in policy.includes() {
        let included = include.policy();
        description
            .section(format!("included by {}", include.included_by()))
            .fact("path", included.path())
            .fact("sha256", included.sha256());
        says(included, &format!("{}: ", included.path()), &mut description);
    }
    Ok(description)
}

/// What one policy file says, each title and note after `place`.
fn says(policy: &Policy, place: &str, description: &mut Description) {
    let keys: Vec<_> = policy.trust().keys().collect();
    if !keys.is_empty() {
        let section = description.section(format!("{place}keys that it trusts"));
        for key in keys {
            section.fact(key.algorithm(), key.id());
        }
    }
    let instances: Vec<_> = policy.trust().instances().collect();
    if !instances.is_empty() {
        let section = description.section(format!("{place}Sigstore instances that it trusts"));
        for instance in instances {
            section.fact(instance.name().as_str(), format!("sha256 {}", instance.sha256()));
        }
    }
    for revocation in policy.revocations().all() {
        let section = description.section(format!("{place}{}, what it refuses", revocation.name));
        section.fact("line", revocation.line).fact("reason", &revocation.reason);
        revoked(&revocation.revoked, section);
    }
    for exception in policy.exceptions().all() {
        description
            .section(format!("{place}{}, what it takes without proof", exception.name))
            .fact("line", exception.line)
            .fact("reason", &exception.reason)
            .fact("owner", &exception.owner)
            .fact("expires", exception.expires.to_rfc3339());
    }
    for rule in policy.rules() {
        let section = description.section(format!("{place}{}, what it asks", rule.name));
        section.maybe("line", rule.line);
        if let Projects::Named(projects) = &rule.projects {
            for project in projects {
                section.fact("project", project);
            }
        }
        about(&rule.files, section);
        signed_by(&rule.signers, "signed by", section);
        if rule.threshold > 1 {
            section.fact("different signers", rule.threshold);
        }
        let days = |age: Option<TimeDelta>| age.map(|age| age.num_days());
        section
            .maybe("signed within days", days(rule.ages.attestation))
            .maybe("uploaded at least days ago", days(rule.ages.upload))
            .maybe("trusted root asked for within days", days(rule.ages.trust));
        for predicate_type in &rule.attestations {
            section.fact("attestation", predicate_type);
        }
        let SourceRule { repository, owners, git_ref, branches, forbidden_triggers } = &rule.source;
        section
            .fact("source", repository.as_ref().map_or("any".to_owned(), ToString::to_string))
            .all("owner", owners)
            .fact("ref", git_ref.as_ref().map_or("any".to_owned(), ToString::to_string))
            .all("branch", branches)
            .all("not started by", forbidden_triggers)
            .all("builder", &rule.builder.ids)
            .maybe("builder version", rule.builder.versions.as_ref());
        if rule.builder.hermetic {
            section.fact("network of the build", "none");
        }
        let built = rule.attestations.iter().any(|it| it != PUBLISH_TYPE);
        for build_type in rule.builder.build_types.iter().filter(|_| built) {
            section.fact("build type", build_type);
        }
        section.maybe(
            "policy for what the build used",
            rule.build_requirements.as_ref().map(|it| it.path()),
        );
        section.all("parameter", &rule.instructions.required);
        for (what, demands) in [("also required", &rule.required), ("forbidden", &rule.forbidden)] {
            for demand in demands {
                section.fact(what, demand);
                signed_by(&demand.signers, "which was signed by", section);
            }
        }
        section.fact(
            "rebuild",
            match rule.rebuild.when {
                When::Never => "never",
                When::Always => "required",
                When::Sampled(_) => "of a share of the files",
            },
        );
        if let Some(rebuilders) = &rule.rebuild.rebuilders {
            section.fact("different rebuilders", rebuilders.at_least);
            signed_by(&rebuilders.signers, "rebuilt by", section);
        }
        let unsafe_choices = rule.unsafe_choices;
        let name = format!("{place}{}", rule.name);
        if unsafe_choices.dirty {
            description.note(format!("{name} lets pass a tree that was not the commit's"));
        }
        if rule.bare_signature {
            description
                .note(format!("{name} lets pass a signature that says nothing of the origin"));
        }
        if unsafe_choices.no_isolation {
            description.note(format!("{name} lets pass a build that nothing held"));
        }
    }
}

/// Which of a project's files something is about.
fn about(files: &Files, section: &mut Section) {
    section.maybe("versions", files.versions.as_ref());
    section.all("kind of file", &files.kinds).all("tag", &files.tags).all("index", &files.indexes);
}

fn signed_by(signers: &Signers, how: &str, section: &mut Section) {
    let holders = signers.identities.iter().map(|it| format!("the holder of a certificate: {it}"));
    section.all(how, &signers.keys).all(how, holders);
}

fn revoked(revoked: &Revoked, section: &mut Section) {
    match revoked {
        Revoked::Files(files) => {
            for file in files {
                section.fact("sha256", file);
            }
        }
        Revoked::Releases(projects, files) => {
            for project in projects {
                section.fact("project", project);
            }
            about(files, section);
        }
        Revoked::Keys(keys) => {
            for key in keys {
                section.fact("key", key);
            }
        }
        Revoked::Identities(identities) => {
            for identity in identities {
                section.fact("the holder of a certificate", identity);
            }
        }
    }
}

/// A document that wheelmark wrote: a report, an error.
pub fn own_document(value: &Value) -> Description {
    let schema = text(value, "/schema").unwrap_or_default();
    let mut description = Description::of("a document of wheelmark's, without a signature");
    description
        .section("what it says")
        .fact("schema", schema)
        .maybe("decision", text(value, "/decision"))
        .maybe("file", text(value, "/wheel/filename"))
        .maybe("its sha256", text(value, "/wheel/sha256"))
        .maybe("verified at", text(value, "/verifiedAt"))
        .maybe("error", text(value, "/error"));
    description.note("anybody can have written this: verify the file itself");
    description
}
