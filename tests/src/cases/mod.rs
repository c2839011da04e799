//! The cases of `fixtures/cases`: a wheel, its bundle and a policy a folder, and what `wheelmark verify`
//! must say of them.
//!
//! They are derived: [`all`] makes every file of every folder, byte by byte the same each time, from the
//! test keys of `fixtures/keys` and a Sigstore instance in memory. The folders on disk are what is tested,
//! so that other programs can be held against them too. `WHEELMARK_BLESS=1 cargo test -p wheelmark-tests
//! --test cases` writes them.

mod certificates;
mod claims;
mod demands;
mod held;
mod list;
mod origins;
mod signed;

use std::fs;
use std::path::{Path, PathBuf};

pub use held::Held;
pub use list::all;
pub use signed::{TestKey, bundle_of, envelope};

use crate::hostile::{Entry, Plan};
use crate::tiny;

/// The time at which every case is judged.
pub const AT: &str = "2026-01-01T00:00:00Z";

/// The file of a case's folder that is given as `--trust-root`, where it is there.
pub const TRUSTED_ROOT: &str = "trusted_root.json";

/// One folder of `fixtures/cases`.
#[derive(Debug, Clone)]
pub struct Case {
    /// The folder's name; that of a case that must be rejected ends in `_fail`.
    pub name: String,
    /// What was changed, a sentence.
    pub changed: String,
    /// The checks that must fail, each with its reason, in the order of the report.
    pub fails: Vec<(&'static str, &'static str)>,
    /// The name of the wheel.
    pub filename: String,
    /// Its bytes.
    pub wheel: Vec<u8>,
    /// The bundle beside it.
    pub bundle: Option<Vec<u8>>,
    /// Further attestations beside the wheel, each by what follows the wheel's name.
    pub beside: Vec<(&'static str, Vec<u8>)>,
    /// The policy.
    pub policy: String,
    /// The trusted root of the instance that the policy calls `private`.
    pub trusted_root: Option<Vec<u8>>,
}

/// Where the cases are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases")
}

/// Copies what is in the folder of a case into another one.
pub fn copy(case: &str, to: &Path) {
    for entry in fs::read_dir(folder().join(case)).expect("a case") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

/// The wheel of a plan, its members stored: the bytes then depend on no compressor's version.
pub fn packed(plan: &Plan) -> Vec<u8> {
    let record = plan.record.clone().unwrap_or_else(|| plan.honest_record());
    let files = plan.files.iter().map(|(name, data)| Entry::stored(name, data));
    let mut archive = plan.archive();
    archive.entries = files.chain([Entry::stored(&plan.record_path, record.as_bytes())]).collect();
    archive.bytes()
}

impl Case {
    /// A case in which everything holds, to be changed.
    pub fn new(name: &str, changed: &str) -> Self {
        let statement = signed::statement();
        Self {
            name: name.to_owned(),
            changed: changed.to_owned(),
            fails: Vec::new(),
            filename: tiny::FILENAME.to_owned(),
            bundle: Some(bundle_of(TestKey::Release, &statement.to_string())),
            policy: signed::policy(),
            wheel: packed(&Plan::new()),
            beside: Vec::new(),
            trusted_root: None,
        }
    }

    /// One whose bundle the release key signs around a payload, whatever that is.
    fn signed(name: &str, changed: &str, fails: list::Fails, payload: &str) -> Self {
        let mut case = Self::new(name, changed).failing(fails);
        case.bundle = Some(bundle_of(TestKey::Release, payload));
        case
    }

    /// The same under a policy that says something else in one place.
    fn under(mut self, from: &str, to: &str) -> Self {
        assert!(self.policy.contains(from), "{from}");
        self.policy = self.policy.replacen(from, to, 1);
        self
    }

    /// Every file but `expected.json`, by name.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = vec![
            ("README.md".to_owned(), self.readme().into_bytes()),
            ("policy.toml".to_owned(), self.policy.clone().into_bytes()),
            (self.filename.clone(), self.wheel.clone()),
        ];
        if let Some(bundle) = &self.bundle {
            files.push((format!("{}.sigstore.json", self.filename), bundle.clone()));
        }
        for (suffix, attestation) in &self.beside {
            files.push((format!("{}{suffix}", self.filename), attestation.clone()));
        }
        if let Some(root) = &self.trusted_root {
            files.push((TRUSTED_ROOT.to_owned(), root.clone()));
        }
        files
    }

    fn readme(&self) -> String {
        let outcome = match &self.fails[..] {
            [] => "Accepted.".to_owned(),
            fails => {
                let fails: Vec<_> = fails
                    .iter()
                    .map(|(check, reason)| format!("`{check}` fails with `{reason}`"))
                    .collect();
                format!("Rejected: {}.", fails.join(", "))
            }
        };
        format!("{}\n{outcome}\n", self.changed)
    }
}
