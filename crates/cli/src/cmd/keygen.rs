//! `wheelmark keygen`: a new signing key.

use std::convert::Infallible;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;
use wheelmark_build::atomic::{self, Existing, NewFile, WriteError};
use wheelmark_build::sign::Signer as _;
use wheelmark_build::sign::key::{self, EncodeError, PrivateKey};
use wheelmark_core::report::Escaped;

use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::passphrase;
use crate::render::{Output, human, json};

/// Make a signing key.
///
/// Writes FILE, the private key, readable by its owner only, and FILE.pub, the public key to hand out.
/// Neither is ever overwritten. The passphrase is asked for twice on the terminal, or taken from the
/// variable WHEELMARK_PASSPHRASE.
#[derive(clap::Args)]
#[command(after_help = "Example: wheelmark keygen --out release.key")]
pub struct Arguments {
    /// Where to write the private key; the public key gets the same name and `.pub`
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The signature algorithm
    #[arg(long, value_enum, default_value = "ecdsa-p256")]
    algorithm: AlgorithmName,
    /// Do not encrypt the private key: whoever reads the file can sign
    #[arg(long)]
    no_passphrase: bool,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// The algorithms as the command line names them.
#[derive(Clone, Copy, ValueEnum)]
enum AlgorithmName {
    #[value(name = "ecdsa-p256")]
    EcdsaP256,
    #[value(name = "ed25519")]
    Ed25519,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/key/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    schema: &'static str,
    private_key: String,
    public_key: String,
    key_id: String,
    algorithm: &'static str,
    encrypted: bool,
}

/// Makes the key.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let (folder, name) = place(&arguments.out)?;
    let public_name = format!("{name}.pub");
    // Before a person is asked for a passphrase that would then be for nothing.
    for path in [arguments.out.clone(), arguments.out.with_file_name(&public_name)] {
        if path.symlink_metadata().is_ok() {
            return Err(exists(&path));
        }
    }
    let passphrase = match arguments.no_passphrase {
        true => None,
        false => Some(passphrase::choose()?),
    };
    let encode = |error: EncodeError| CliError::undecided(error);
    let key = PrivateKey::generate(arguments.algorithm.into()).map_err(encode)?;
    let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_str());
    let private = key.private_pem(passphrase).map_err(encode)?;
    let public = key.public_pem().map_err(encode)?;
    let files = vec![
        NewFile { name: &public_name, mode: 0o644, content: Box::new(public.as_bytes()) },
        NewFile { name: &name, mode: 0o600, content: Box::new(private.as_bytes()) },
    ];
    atomic::write_all(&folder, files, Existing::Keep, |_| Ok::<_, Infallible>(())).map_err(
        |error| match error {
            WriteError::Exists(path) => exists(&path),
            error => CliError::undecided(error),
        },
    )?;

    let answer = Answer {
        schema: SCHEMA,
        private_key: arguments.out.to_string_lossy().into_owned(),
        public_key: format!("{}.pub", arguments.out.to_string_lossy()),
        key_id: key.key_id().to_string(),
        algorithm: key.algorithm().as_str(),
        encrypted: passphrase.is_some(),
    };
    show(&answer, arguments.json, output)?;
    Ok(Exit::Accepted)
}

fn show(answer: &Answer, as_json: bool, output: &mut Output) -> Result<(), CliError> {
    if as_json {
        return Ok(json::document(answer, output)?);
    }
    let Answer { algorithm, key_id, .. } = answer;
    let done = human::styled(human::GOOD, "made");
    writeln!(output, "{done} a key for {algorithm}")?;
    writeln!(output, "  key id       {key_id}")?;
    let encrypted =
        if answer.encrypted { "encrypted" } else { "not encrypted: whoever reads it can sign" };
    let private = Escaped(&answer.private_key);
    writeln!(output, "  private key  {private} ({encrypted})")?;
    writeln!(output, "  public key   {}", Escaped(&answer.public_key))?;
    Ok(())
}

/// The folder and the name of a file to be written.
fn place(path: &Path) -> Result<(PathBuf, String), CliError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name =
        name.ok_or_else(|| CliError::usage(format!("--out {} does not name a file", shown(path))))?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(CliError::undecided(format!("there is no folder {}", shown(folder))));
    }
    Ok((folder.to_owned(), name.to_owned()))
}

fn exists(path: &Path) -> CliError {
    CliError::undecided(format!("{} exists already", shown(path)))
        .hint("a key is never overwritten; choose another name")
}

impl From<AlgorithmName> for key::Algorithm {
    fn from(name: AlgorithmName) -> Self {
        match name {
            AlgorithmName::EcdsaP256 => key::Algorithm::EcdsaP256,
            AlgorithmName::Ed25519 => key::Algorithm::Ed25519,
        }
    }
}
