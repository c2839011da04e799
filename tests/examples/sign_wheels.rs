//! Signs wheels by a key of their own, as `wheelmark build` would have: beside each a bundle with provenance that
//! every check accepts. What `verify` is measured on.
//!
//!     sign_wheels FOLDER FILE...
//!
//! Writes FOLDER/policy.toml, with one rule that names every project, and the public key to FOLDER/signer.pub. The
//! private key is in memory only.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use wheelmark_build::sign::key::{Algorithm, PrivateKey};
use wheelmark_core::filename::WheelFilename;
use wheelmark_core::policy::LOCAL_BUILDER;
use wheelmark_tests::statement;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("usage: sign_wheels FOLDER FILE...")?;
    let key = PrivateKey::generate(Algorithm::EcdsaP256)?;
    let mut projects = BTreeSet::new();
    for file in arguments {
        projects.insert(sign(&key, &file)?);
    }
    let pem = key.public_pem()?;
    let projects: Vec<_> = projects.iter().collect();
    fs::write(folder.join("policy.toml"), policy(&pem, &projects))?;
    fs::write(folder.join("signer.pub"), pem)?;
    Ok(())
}

/// Writes the bundle of a wheel, which says that it was built from the tag of its version. Gives its project.
fn sign(key: &PrivateKey, file: &Path) -> Result<String, Box<dyn Error>> {
    let name = file.file_name().and_then(|name| name.to_str()).ok_or("a file without a name")?;
    let filename = WheelFilename::parse(name)?;
    let mut build = statement::build();
    build.external.source.git_ref = Some(format!("refs/tags/v{}", filename.version()));
    let bundle = statement::sign(key, &statement::statement_of(name, &fs::read(file)?, &build));
    fs::write(file.with_file_name(format!("{name}.sigstore.json")), bundle)?;
    Ok(filename.project().as_str().to_owned())
}

fn policy(pem: &str, projects: &[&String]) -> String {
    format!(
        "schema = 1\n\n[keys.signer]\npem = \"\"\"\n{pem}\"\"\"\n\n[[rules]]\nprojects = {projects:?}\n\
         keys = [\"signer\"]\nsource = \"{}\"\nref = \"refs/tags/v{{version}}\"\n\
         builders = [\"{LOCAL_BUILDER}\"]\nrebuild = \"never\"\n",
        statement::SOURCE
    )
}
