//! Where a key's passphrase comes from: `WHEELMARK_PASSPHRASE`, or a person at the terminal.

use std::env::{self, VarError};
use std::io;
use std::path::Path;

use wheelmark_build::sign::key::{KeyFile, PrivateKey};
use zeroize::Zeroizing;

use crate::error::{CliError, shown};

/// The variable that holds a passphrase where there is no terminal.
pub const VARIABLE: &str = "WHEELMARK_PASSPHRASE";

/// Reads a private key and opens it, asking for its passphrase where it has one.
pub fn open_key(path: &Path) -> Result<PrivateKey, CliError> {
    let file = KeyFile::read(path)?;
    if !file.is_encrypted() {
        return Ok(file.unlock(None)?);
    }
    let passphrase = match from_variable()? {
        Some(passphrase) => passphrase,
        None => ask(&format!("passphrase for {}: ", shown(path)))?,
    };
    Ok(file.unlock(Some(&passphrase))?)
}

/// A passphrase for a new key: from the variable, or asked twice.
pub fn choose() -> Result<Zeroizing<String>, CliError> {
    let passphrase = match from_variable()? {
        Some(passphrase) => passphrase,
        None => {
            let first = ask("passphrase for the new key: ")?;
            if first != ask("the same once more: ")? {
                return Err(CliError::usage("the two passphrases are not the same"));
            }
            first
        }
    };
    if passphrase.is_empty() {
        return Err(CliError::usage("an empty passphrase protects nothing")
            .hint("give one, or say --no-passphrase"));
    }
    Ok(passphrase)
}

fn from_variable() -> Result<Option<Zeroizing<String>>, CliError> {
    match env::var(VARIABLE) {
        Ok(passphrase) => Ok(Some(Zeroizing::new(passphrase))),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(CliError::usage(format!("{VARIABLE} is not UTF-8"))),
    }
}

/// Asks on the terminal itself, whatever standard input and output are.
fn ask(prompt: &str) -> Result<Zeroizing<String>, CliError> {
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => CliError::undecided(crate::interrupt::MESSAGE),
        _ => CliError::usage(format!(
            "a passphrase is needed, {VARIABLE} is not set, and there is no terminal to ask on"
        ))
        .hint(format!("set {VARIABLE}")),
    })
}
