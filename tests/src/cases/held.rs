//! A case in memory, verified without the program.

use std::io::Cursor;
use std::sync::Arc;

use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::{DistFilename, WheelFilename};
use wheelmark_core::limits::{AttestationLimits, WheelLimits};
use wheelmark_core::policy::{IncludePath, Includes, Policy, PolicyError};
use wheelmark_core::report::{Reason, Refusal};
use wheelmark_core::trust::{Embedded, Instance, InstanceError, InstanceName, Instances};
use wheelmark_core::verify::{self, Artifact, Contents, Facts, Given, Outcome};
use wheelmark_core::wheel;

use super::{AT, Case};

/// A case as it is read.
pub struct Held {
    /// Its name.
    pub name: String,
    /// The name of the wheel.
    pub filename: String,
    /// Its bytes.
    pub wheel: Vec<u8>,
    /// Its attestations.
    pub given: Vec<Given>,
    /// The text of its policy.
    pub text: String,
    policy: Policy,
    roots: Roots,
}

/// The instances that a case's policy may name: its own root is that of one of them.
struct Roots(InstanceName, Option<Vec<u8>>);

impl Instances for Roots {
    fn instance(&self, name: InstanceName) -> Result<Arc<Instance>, InstanceError> {
        match &self.1 {
            Some(root) if name == self.0 => Instance::parse(name, root, None).map(Arc::new),
            _ => Embedded.instance(name),
        }
    }
}

impl Held {
    /// A case.
    pub fn of(case: Case) -> Self {
        Self::at(InstanceName::Private, case)
    }

    /// A case whose policy names the instance in memory so. The program believes nobody who says so of a public one, and
    /// only here can what they vouch for be tried.
    pub fn at(instance: InstanceName, mut case: Case) -> Self {
        case.policy =
            case.policy.replace("trust = \"private\"", &format!("trust = \"{instance}\""));
        let roots = Roots(instance, case.trusted_root);
        let bundle = case.bundle.map(|bytes| ("bundle", bytes));
        let files = bundle.into_iter().chain(case.beside);
        Self {
            name: case.name,
            filename: case.filename,
            wheel: case.wheel,
            given: files.map(|(from, bytes)| Given { from: from.to_owned(), bytes }).collect(),
            policy: Policy::parse("policy.toml", &case.policy, &roots).expect("a policy"),
            text: case.policy,
            roots,
        }
    }

    /// Another policy, with the instances of this one.
    pub fn policy(&self, text: &str) -> Result<Policy, PolicyError> {
        Policy::parse("policy.toml", text, &self.roots)
    }

    /// The same with what it includes: files beside it, by their names.
    pub fn composed(
        &self,
        text: &str,
        includes: &[(String, String)],
    ) -> Result<Policy, PolicyError> {
        struct Beside<'a>(&'a [(String, String)]);
        impl Includes for Beside<'_> {
            fn read(&self, _: &[String], path: &IncludePath, _: usize) -> Result<Vec<u8>, String> {
                let found = self.0.iter().find(|(name, _)| name == path.as_str());
                found
                    .map(|(_, text)| text.clone().into_bytes())
                    .ok_or_else(|| format!("no `{path}`"))
            }
        }
        Policy::parse_with("policy.toml", text, &self.roots, &Beside(includes))
    }

    /// What is said of a wheel and attestations under the case's policy.
    pub fn verify(&self, wheel: &[u8], given: &[Given]) -> Outcome {
        self.under(&self.policy, wheel, given)
    }

    /// The same under another one.
    pub fn under(&self, policy: &Policy, wheel: &[u8], given: &[Given]) -> Outcome {
        let filename = self.filename.parse::<WheelFilename>();
        let filename = filename.map_err(|error| Refusal::new(error.reason()));
        let read = |name: &WheelFilename| {
            wheel::read(Cursor::new(wheel), name.clone(), &WheelLimits::standard())
                .map(|wheel| Contents::Wheel(Box::new(wheel)))
                .map_err(|error| Refusal::new(error.reason().unwrap_or(Reason::ArchiveNotZip)))
        };
        let artifact = Artifact {
            name: self.filename.clone(),
            contents: filename.as_ref().map_err(Clone::clone).and_then(read),
            filename: filename.map(DistFilename::Wheel),
            sha256: Sha256Digest::of(wheel),
            facts: Facts::default(),
        };
        let now = AT.parse().expect("a time");
        verify::verify(&artifact, given, policy, now, &AttestationLimits::standard())
    }
}
