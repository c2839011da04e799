//! `wheelmark policy sign`: a policy with a version and an end, signed by a key.

use std::io::Write as _;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::Serialize;
use wheelmark_build::atomic::Existing;
use wheelmark_build::sign::{Signer as _, sign_statement};
use wheelmark_core::attestation::timestamp::seconds;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::policy::signature::{PolicyStatement, SignedPolicy};
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::TrustRoot;

use crate::attestations;
use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::outputs;
use crate::passphrase;
use crate::policy_file::{PolicyFile, refused_for};
use crate::policy_key::SIGNATURE;
use crate::render::human::{GOOD, WARN, styled};
use crate::render::{Output, json};
use crate::trust_options::half_of;
use crate::trust_roots::TrustRoots;
use crate::values::time;

/// Sign a policy, with a version and the time until which it counts.
///
/// Where a policy key is configured (--policy-key, or WHEELMARK_POLICY_KEY), a policy counts only with such a signature.
/// Of one name a higher version takes the place of the lower ones, which are then refused. What the policy includes is
/// held by its digests, and needs no signature of its own. The file keeps its name: the signature is for that name.
#[derive(clap::Args)]
#[command(after_help = "\
Example: wheelmark policy sign policy.toml --key policy.key --version 3 --expires 2027-01-01T00:00:00Z

Exit codes: 0 signed, 1 not signed, 2 wrong usage.")]
pub struct Arguments {
    /// The policy
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// The private key (PEM) that signs; WHEELMARK_PASSPHRASE or the terminal gives its passphrase
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The version, from 1: higher than that of every policy of this name that was signed before
    #[arg(long, value_name = "N")]
    version: NonZeroU64,
    /// The last moment at which the policy counts (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: DateTime<Utc>,
    /// Where the signature goes; without it beside the policy, named <POLICY>.sigstore.json
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a signature that is there already
    #[arg(long)]
    overwrite: bool,
    /// The trusted root of the instance `private` (trusted_root.json)
    #[arg(long, value_name = "FILE")]
    trust_root: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    schema: &'static str,
    policy: String,
    sha256: Sha256Digest,
    signature: String,
    key: String,
    #[serde(flatten)]
    says: &'a PolicyStatement,
    /// How much `wheelmark policy check` points out.
    warnings: usize,
}

/// The `schema` of the answer.
const SCHEMA: &str = "https://wheelmark.dev/policy-sign/v1";

/// Signs it.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let Arguments { policy, out, overwrite, .. } = arguments;
    let out = out.clone().unwrap_or_else(|| attestations::beside(policy, SIGNATURE));
    let now = Utc::now();
    if arguments.expires <= now {
        let expires = seconds(arguments.expires);
        return Err(CliError::usage(format!("--expires {expires} is over already")));
    }
    let name = policy.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| CliError::usage(format!("{} has no name", shown(policy))))?;
    // What is signed must be a policy that is read as one, with all that it includes.
    let file = PolicyFile::open(policy)?;
    let roots = TrustRoots::new(arguments.trust_root.clone());
    let (read, warnings) = file.linted(&roots, now).map_err(refused_for)?;
    let named = [Some(&arguments.key), arguments.trust_root.as_ref()];
    let named = named.into_iter().flatten().map(PathBuf::as_path);
    outputs::spare([("--out", out.as_path())], named.chain(read.all_files().map(Path::new)))?;
    if !overwrite {
        outputs::refuse_existing(&out)?;
    }
    let says = PolicyStatement {
        version: arguments.version.get(),
        expires: arguments.expires.trunc_subsecs(0),
        issued_at: Some(now.trunc_subsecs(0)),
    };
    let key = passphrase::open_key(&arguments.key)?;
    let statement = says.about(name, read.sha256()).map_err(CliError::undecided)?;
    let signed = sign_statement(&key, &statement).map_err(CliError::undecided)?;
    // Our own output is verified before it is written.
    let keys = TrustRoot::new(vec![half_of(&key)?], Vec::new());
    SignedPolicy::verify(name, file.text.as_bytes(), &signed, &keys, now, now).map_err(
        |error| {
            let error = error.to_string();
            CliError::undecided(format!(
                "the signature would be refused, so it was not written: {}",
                Escaped(&error)
            ))
        },
    )?;
    let folder = out.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let existing = if *overwrite { Existing::Replace } else { Existing::Keep };
    outputs::write_into(folder, &out, Box::new(&signed[..]), existing)?;
    let answer = Answer {
        schema: SCHEMA,
        policy: policy.to_string_lossy().into_owned(),
        sha256: read.sha256(),
        signature: out.to_string_lossy().into_owned(),
        key: key.key_id().to_string(),
        says: &says,
        warnings: warnings.len(),
    };
    match arguments.json {
        true => json::document(&answer, output)?,
        false => human(&answer, output)?,
    }
    Ok(Exit::Accepted)
}

fn human(answer: &Answer<'_>, output: &mut Output) -> Result<(), CliError> {
    let (policy, signature) = (Escaped(&answer.policy), Escaped(&answer.signature));
    writeln!(output, "{} {policy}, version {}", styled(GOOD, "signed"), answer.says.version)?;
    writeln!(output, "  sha256     {}", answer.sha256)?;
    writeln!(output, "  until      {}", seconds(answer.says.expires))?;
    writeln!(output, "  key id     {}", answer.key)?;
    writeln!(output, "  signature  {signature}")?;
    if answer.warnings > 0 {
        let warning = styled(WARN, "warning:");
        let shows = "`wheelmark policy check` points out";
        writeln!(output, "{warning} {shows} {} in it", answer.warnings)?;
    }
    Ok(())
}
