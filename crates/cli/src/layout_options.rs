//! `--layout`: an in-toto layout and its links say what is accepted, in place of a policy.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use wheelmark_build::beneath::Folder;
use wheelmark_core::layout::{self, FunctionaryKey, LinkPath, Outcome, Parameters, Request};
use wheelmark_core::limits::LayoutLimits;
use wheelmark_core::report::{Escaped, Report};
use wheelmark_core::verify::Artifact;

use crate::error::{CliError, shown};
use crate::input;
use crate::values::setting;

/// Bytes of a key file that are read.
const MAX_KEY: usize = 64 << 10;

/// A layout, whose word it is, and where its links are.
#[derive(clap::Args)]
#[command(next_help_heading = "An in-toto layout (in place of everything else that is trusted)")]
pub struct LayoutOptions {
    /// Accept what the last step of this layout gave, if every step was done as the layout asks; its inspections
    /// are not run, and a layout that has any is refused
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
}

/// A layout that was held against its links.
pub struct Judged {
    path: String,
    outcome: Outcome,
}

impl Judged {
    /// What that says of a file.
    pub fn report(&self, artifact: &Artifact) -> Report {
        self.outcome.report(artifact, &self.path)
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
            limits: &limits,
        };
        let mut read = |path: &LinkPath| read(&folder, links, path, limits.document);
        let outcome = layout::verify(&request, &mut read)?;
        Ok(Some(Judged { path: path.to_string_lossy().into_owned(), outcome }))
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
