//! The files that a rebuild writes: the rebuilt one, and its result, signed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;
use wheelmark_build::atomic::Existing;
use wheelmark_build::sign::Signer as _;
use wheelmark_build::sign::key::PrivateKey;
use wheelmark_core::policy::Policy;

use super::{Arguments, signing_key};
use crate::attestations::{self, OF_REBUILD};
use crate::error::CliError;
use crate::outputs;

/// The files that a rebuild leaves, where it was asked for any.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// The rebuilt file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// What was shown, signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<SignedResult>,
}

/// A signed result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedResult {
    /// Where it is.
    pub file: String,
    /// The id of the key that signed it.
    pub key: String,
}

fn result_path(arguments: &Arguments) -> PathBuf {
    let beside = || attestations::beside(arguments.wheel(), OF_REBUILD);
    arguments.result.clone().unwrap_or_else(beside)
}

/// Refuses to write over what this rebuild starts from, or over what is there, before anything is built.
pub fn check(arguments: &Arguments, policy: &Policy) -> Result<(), CliError> {
    let result = arguments.sign_result.then(|| result_path(arguments));
    let kept = arguments.keep.as_ref().map(|folder| kept_path(arguments, folder));
    let outputs = [("--result", result), ("--keep", kept)];
    let outputs = outputs.iter().filter_map(|(option, path)| Some((*option, path.as_deref()?)));
    let mut inputs: Vec<_> = attestations::places(arguments.wheel(), &[OF_REBUILD]).collect();
    inputs.push(arguments.wheel().to_owned());
    inputs.extend(arguments.bundle.clone());
    inputs.extend(signing_key(arguments)?.map(Path::to_owned));
    inputs.extend(arguments.trust.read(policy));
    if let Some(folder) = &arguments.build_requirements {
        inputs.extend(attestations::places_in(folder, &[OF_REBUILD])?);
    }
    outputs::spare(outputs.clone(), inputs)?;
    match arguments.overwrite {
        true => Ok(()),
        false => outputs.map(|(_, path)| path).try_for_each(outputs::refuse_existing),
    }
}

fn kept_path(arguments: &Arguments, folder: &Path) -> PathBuf {
    folder.join(arguments.wheel().file_name().unwrap_or_default())
}

/// Writes the signed result where it is to go.
pub fn write_result(
    arguments: &Arguments,
    key: &PrivateKey,
    signed: &[u8],
) -> Result<SignedResult, CliError> {
    let path = result_path(arguments);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    outputs::write_into(folder, &path, Box::new(signed), arguments.existing())?;
    Ok(SignedResult { file: path.to_string_lossy().into_owned(), key: key.key_id().to_string() })
}

/// Keeps the rebuilt file in a folder.
pub fn keep(arguments: &Arguments, file: &Path, folder: &Path) -> Result<String, CliError> {
    let content = File::open(file).map_err(|error| CliError::io("read", file, &error))?;
    fs::create_dir_all(folder).map_err(|error| CliError::io("write to", folder, &error))?;
    outputs::write_into(folder, file, Box::new(content), arguments.existing())?;
    Ok(folder.join(file.file_name().unwrap_or_default()).to_string_lossy().into_owned())
}

impl Arguments {
    /// Whether files that are there are replaced.
    pub fn existing(&self) -> Existing {
        if self.overwrite { Existing::Replace } else { Existing::Keep }
    }
}
