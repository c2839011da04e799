//! `--layout`: an in-toto layout and its links say what is accepted, in place of a policy.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use wheelmark_build::beneath::Folder;
use wheelmark_build::error::BuildError;
use wheelmark_build::inspect::{InspectError, Inspector};
use wheelmark_build::link::LinkError;
use wheelmark_core::layout::{self, FunctionaryKey, LinkPath, Outcome, Parameters, Request};
use wheelmark_core::limits::LayoutLimits;
use wheelmark_core::report::{Escaped, Report};

use crate::error::{CliError, shown};
use crate::evidence::Evidence;
use crate::input;
use crate::interrupt;
use crate::machine::Place;
use crate::values::setting;

/// Bytes of a key file that are read.
const MAX_KEY: usize = 64 << 10;

/// A layout, whose word it is, and where its links are.
#[derive(clap::Args)]
#[command(next_help_heading = "An in-toto layout (in place of everything else that is trusted)")]
pub struct LayoutOptions {
    /// Accept what the last step of this layout gave, if every step was done as the layout asks
    #[arg(long, value_name = "FILE", requires_all = ["layout_key", "links"])]
    #[arg(conflicts_with_all = [
        "policy", "key", "trust", "trust_root", "identity", "issuer", "source", "git_ref", "builder", "step",
        "step_requires", "config_setting", "parameter", "bare_signature", "bundle", "locked", "locks", "files",
        "from_index", "fetch_attestations", "index", "index_timeout", "checkout", "build_requirements", "vsa", "svr",
    ])]
    layout: Option<PathBuf>,
    /// The public key (PEM) that must have signed the layout; of several, every one
    #[arg(long, value_name = "PUB", requires = "layout")]
    layout_key: Vec<PathBuf>,
    /// The folder of the links: STEP.KEYID.link, with the first eight digits of the key's id, and a folder
    /// STEP.KEYID for the links of a layout in place of a link
    #[arg(long, value_name = "DIR", requires = "layout")]
    links: Option<PathBuf>,
    /// A value for {NAME} in the rules of the layout
    #[arg(long, value_name = "NAME=VALUE", requires = "layout", value_parser = setting)]
    layout_parameter: Vec<(String, String)>,
    /// Run the inspections of the layout, which are commands of whoever signed it, over each file that holds so far: in
    /// the sandbox that builds run in, without network, in a folder with a copy of the file and nothing else. Without
    /// this none is run, and a layout that has any is refused
    #[arg(long, requires = "layout")]
    run_inspections: bool,
}

/// A layout that was held against its links.
pub struct Judged {
    path: String,
    outcome: Outcome,
    /// What runs its inspections, with the place for that.
    inspector: Option<(Inspector, Place)>,
}

impl Judged {
    /// Makes ready to run inspections, if there are any to be run. `cancel` ends them.
    pub fn ready(&mut self, cancel: &Arc<AtomicBool>) -> Result<(), CliError> {
        if self.outcome.has_inspections() {
            let place = Place::make()?;
            self.inspector = Some((Inspector::new(Arc::clone(cancel))?, place));
        }
        Ok(())
    }

    /// What that says of a file, after the inspections that are to be run over it.
    pub fn report(&self, evidence: &Evidence) -> Result<Report, CliError> {
        let artifact = &evidence.artifact;
        let inspections = self.outcome.inspections_of(artifact);
        let inspected = match (&self.inspector, &evidence.path) {
            (Some((inspector, _)), Some(path)) if !inspections.is_empty() => {
                inspector.inspect(artifact, path, inspections)?
            }
            // Of what was not run the report says so.
            _ => Vec::new(),
        };
        Ok(self.outcome.report(artifact, &inspected, &self.path))
    }
}

impl From<InspectError> for CliError {
    fn from(error: InspectError) -> Self {
        match error {
            InspectError::Sandbox(error) => BuildError::Sandbox(error).into(),
            InspectError::Link(LinkError::Cancelled) => Self::undecided(interrupt::MESSAGE),
            // What is left out of a record by its name is no choice of whoever verifies.
            InspectError::Link(error) => Self::undecided(&error),
            InspectError::Copy { path, source } => Self::io("copy", &path, &source),
            InspectError::Changed { path } => Self::undecided(format!(
                "{} was changed while it was verified, and nothing was run over it",
                shown(&path)
            )),
        }
    }
}

impl LayoutOptions {
    /// Reads and judges the layout, if there is one.
    pub fn judge(&self, now: DateTime<Utc>) -> Result<Option<Judged>, CliError> {
        let (Some(path), Some(links)) = (&self.layout, &self.links) else { return Ok(None) };
        let keys = self.layout_key.iter().map(|path| key(path)).collect::<Result<Vec<_>, _>>()?;
        let mut parameters = Parameters::default();
        for (name, value) in &self.layout_parameter {
            parameters.insert(name, value).map_err(|error| {
                CliError::usage(format!("--layout-parameter: {}", Escaped(&error)))
            })?;
        }
        let limits = LayoutLimits::standard();
        let document = input::read_bounded(path, limits.document)?;
        let folder = Folder::open(links).map_err(|error| CliError::io("open", links, &error))?;
        let request = Request {
            layout: &document,
            keys: &keys,
            parameters: &parameters,
            now,
            run_inspections: self.run_inspections,
            limits: &limits,
        };
        let mut read = |path: &LinkPath| read(&folder, links, path, limits.document);
        let outcome = layout::verify(&request, &mut read)?;
        let path = path.to_string_lossy().into_owned();
        Ok(Some(Judged { path, outcome, inspector: None }))
    }
}

fn key(path: &Path) -> Result<FunctionaryKey, CliError> {
    let pem = input::read_text(path, MAX_KEY)?;
    FunctionaryKey::from_pem(&pem).map_err(|error| {
        CliError::usage(format!("{}: {}", shown(path), Escaped(&error.to_string())))
    })
}

/// A link's file. Only "there is no such file" is an absence; what cannot be read is an error, and so is what lies
/// behind a symbolic link, by which the links of another layout could be put in place of these.
fn read(
    folder: &Folder,
    below: &Path,
    path: &LinkPath,
    limit: usize,
) -> Result<Option<Vec<u8>>, CliError> {
    let place = path.parts().iter().fold(below.to_owned(), |place, part| place.join(part));
    let failed = |error: io::Error| {
        let linked = place.ancestors().take(path.parts().len()).any(Path::is_symlink);
        match linked {
            true => CliError::undecided(format!(
                "cannot read {}: a symbolic link is on the way",
                shown(&place)
            ))
            .hint("put the links themselves into the folder"),
            false => CliError::io("read", &place, &error),
        }
    };
    let mut file = match folder.file(path.parts().iter().map(OsStr::new)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    // One byte more than the bound, for the parser to refuse.
    file.by_ref().take(limit as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}
