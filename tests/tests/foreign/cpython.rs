//! 450 bundles of CPython's release files, by the digest of the file and the release manager's identity.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use serde::Deserialize;
use serde_json::Value;
use wheelmark_core::attestation::bundle::Attestation;
use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::policy::IdentityRule;
use wheelmark_core::report::Reason;
use wheelmark_core::trust::{Instance, InstanceName, SignerIdentity, TrustRoot};
use wheelmark_tests::corpus;

use crate::mutations::{self, Expected};

/// A release file.
pub struct Release {
    pub name: String,
    pub sha256: Sha256Digest,
    pub bundle: Value,
    identity: IdentityRule,
}

#[derive(Deserialize)]
struct Manager {
    #[serde(rename = "Release")]
    release: String,
    #[serde(rename = "Release manager")]
    name: String,
    /// Absent for releases to come, whose rows have their columns mixed up.
    #[serde(rename = "OIDC Issuer")]
    issuer: Option<String>,
}

#[derive(Deserialize)]
struct File {
    url: String,
    sha256: Sha256Digest,
    sigstore: Option<Value>,
}

fn releases(folder: &Path) -> Vec<Release> {
    let read = |path: &Path| fs::read(path).expect("a file of the corpus");
    let managers = read(&folder.join("signing-identities.json"));
    let managers: Vec<Manager> = serde_json::from_slice(&managers).expect("managers");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().is_some_and(|name| name != "signing-identities.json"))
        .collect();
    paths.sort();
    let mut releases = Vec::new();
    for path in paths {
        let version = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let minor = version.split('.').take(2).collect::<Vec<_>>().join(".");
        let manager = managers.iter().find(|it| it.release == minor).expect("a manager");
        let files: Vec<File> = serde_json::from_slice(&read(&path)).expect("files");
        releases.extend(files.into_iter().filter_map(|file| {
            let issuer = manager.issuer.clone().expect("an issuer");
            let name = Some(manager.name.clone());
            Some(Release {
                name: file.url.rsplit('/').next().expect("a name").to_owned(),
                sha256: file.sha256,
                bundle: file.sigstore?,
                identity: IdentityRule::named(InstanceName::PublicGood, issuer, name),
            })
        }));
    }
    releases
}

/// Why a bundle is refused for a file; `None` where it is accepted.
pub fn refused(trust: &TrustRoot, release: &Release, bundle: &[u8]) -> Option<Reason> {
    let limits = AttestationLimits::standard();
    let verified = Attestation::parse(bundle, &limits).and_then(|attestation| {
        VerifiedEnvelope::verify(&attestation, trust, Signed::Digest(release.sha256), Utc::now())
    });
    match verified {
        Err(refusal) => Some(refusal.reason),
        Ok(envelope) => match envelope.signer() {
            SignerIdentity::Certificate(found) if release.identity.mismatch(found).is_none() => {
                None
            }
            _ => Some(Reason::SignerNotAllowed),
        },
    }
}

pub fn public_good() -> TrustRoot {
    let instance = Instance::embedded(InstanceName::PublicGood).expect("the embedded root");
    TrustRoot::new(Vec::new(), vec![Arc::new(instance)])
}

#[test]
fn every_bundle_of_cpython_verifies_by_digest_and_by_its_release_manager() {
    let Some(folder) = corpus::folder("cpython-releases") else { return };
    let (trust, releases) = (public_good(), releases(&folder));
    for release in &releases {
        let bundle = release.bundle.to_string();
        assert_eq!(refused(&trust, release, bundle.as_bytes()), None, "{}", release.name);
    }
    assert_eq!(releases.len(), 450);
}

/// Each bundle is changed in every way of `mutations`; where it has not the part, the way is left out, and
/// at least twelve must be left.
#[test]
fn no_change_of_a_bundle_of_cpython_is_accepted() {
    let Some(folder) = corpus::folder("cpython-releases") else { return };
    let (trust, releases) = (public_good(), releases(&folder));
    let mut seen = std::collections::BTreeMap::new();
    for (index, release) in releases.iter().enumerate() {
        // Of another file and, where there is one, by another signer.
        let other = &releases[(index + 97) % releases.len()];
        let mut ways = 0;
        for mutation in mutations::ALL {
            let mut bundle = release.bundle.clone();
            if (mutation.change)(&mut bundle, &other.bundle).is_none() {
                continue;
            }
            assert_ne!(bundle, release.bundle, "{}: {}", release.name, mutation.name);
            let found = refused(&trust, release, bundle.to_string().as_bytes());
            match mutation.expected {
                Expected::Refused => {
                    assert!(found.is_some(), "{}: {} is accepted", release.name, mutation.name);
                    ways += 1;
                }
                Expected::Harmless => {
                    assert_eq!(found, None, "{}: {}", release.name, mutation.name);
                }
            }
            *seen.entry((mutation.name, found.map(Reason::code))).or_insert(0_usize) += 1;
        }
        assert!(ways >= 12, "{}: only {ways} ways", release.name);
        let wrong = Release { sha256: other.sha256, ..release.clone_of() };
        let bundle = release.bundle.to_string();
        assert!(refused(&trust, &wrong, bundle.as_bytes()).is_some(), "{}", release.name);
    }
    for mutation in mutations::ALL {
        let applied = seen.keys().any(|(name, _)| *name == mutation.name);
        assert!(applied, "{} was applied to none", mutation.name);
    }
}

impl Release {
    fn clone_of(&self) -> Self {
        Self {
            name: self.name.clone(),
            sha256: self.sha256,
            bundle: self.bundle.clone(),
            identity: self.identity.clone(),
        }
    }
}
