//! The wheel under test and its source, found and read strictly.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use wheelmark_build::infer::{Evidence, Pythons};
use wheelmark_build::source::sdist::{self, Unpacked};
use wheelmark_core::filename::{DistFilename, ProjectName, SdistFilename, WheelFilename};
use wheelmark_core::limits::WheelLimits;
use wheelmark_core::report::Escaped;
use wheelmark_core::verify::{Artifact, Contents};
use wheelmark_core::wheel::Wheel;
use wheelmark_index::{FileListed, ProjectPage};

use super::Target;
use crate::artifact;
use crate::error::CliError;
use crate::from_index::Asked;
use crate::index_options::IndexChoice;
use crate::progress::Files;

/// Where the source of a wheel comes from.
#[derive(clap::Args)]
pub struct SourceChoice {
    /// The source distribution; without it, that of the same release from the package index
    #[arg(long, value_name = "FILE")]
    pub sdist: Option<PathBuf>,
    /// Of a release with several wheels, the one of this file name
    #[arg(long, value_name = "FILENAME")]
    pub wheel_name: Option<String>,
    #[command(flatten)]
    pub index: IndexChoice,
}

/// A wheel whose build is to be inferred, with its source.
pub struct Subject {
    /// Where the wheel lies.
    pub path: PathBuf,
    /// The wheel.
    pub wheel: Box<Wheel>,
    /// Its METADATA.
    pub metadata: String,
    /// Its `entry_points.txt`; empty where it has none.
    pub entry_points: String,
    /// When it was uploaded, where the index says.
    pub uploaded: Option<DateTime<Utc>>,
    /// Its source.
    pub source: Unpacked,
}

impl Subject {
    /// Finds wheel and source; what is downloaded and unpacked lies in `folder`.
    pub fn find(
        target: &Target,
        choice: &SourceChoice,
        folder: &Path,
        cancel: &Arc<AtomicBool>,
    ) -> Result<Self, CliError> {
        let failed = |error| CliError::io("use the work folder", folder, &error);
        let downloads = folder.join("downloads");
        fs::create_dir_all(&downloads).map_err(failed)?;
        let index = choice.index.open(cancel)?;
        let of_file = match target {
            Target::File(path) => Some((path.clone(), artifact::read(path, cancel)?)),
            _ => None,
        };
        let needs_index = of_file.is_none() || choice.sdist.is_none();
        let project = project(target, of_file.as_ref().map(|(_, artifact)| artifact))?;
        let page = match needs_index {
            true => Some(page(&index, &project)?),
            // When it was uploaded helps, and is not needed.
            false => page(&index, &project).ok(),
        };
        let fetch = |listed: &FileListed| -> Result<(PathBuf, Artifact), CliError> {
            let artifact = index.artifact(listed, Some(&downloads), &Files::new(1))?;
            Ok((downloads.join(listed.filename().as_str()), artifact))
        };
        let (path, artifact, uploaded) = match of_file {
            Some((path, artifact)) => {
                let uploaded = page.as_ref().and_then(|page| listed_as(page, &artifact));
                (path, artifact, uploaded)
            }
            None => {
                let listed = choose(target, choice, page.as_ref(), &index)?;
                let (path, artifact) = fetch(&listed)?;
                (path, artifact, listed.uploaded())
            }
        };
        let wheel = sound_wheel(artifact)?;
        let metadata = member_text(&wheel, &path, "METADATA", cancel)?;
        let entry_points = member_text(&wheel, &path, "entry_points.txt", cancel)?;
        let source_path = match &choice.sdist {
            Some(path) => path.clone(),
            None => fetch(&source_of(page.as_ref(), wheel.filename(), &index)?)?.0,
        };
        let source = unpack(&source_path, wheel.filename(), &folder.join("source"))?;
        Ok(Self { path, wheel, metadata, entry_points, uploaded, source })
    }

    /// What an inference looks at.
    pub fn evidence(&self, pythons: Pythons) -> Evidence<'_> {
        Evidence {
            wheel: &self.wheel,
            metadata: &self.metadata,
            entry_points: &self.entry_points,
            source: &self.source,
            uploaded: self.uploaded,
            pythons,
        }
    }
}

fn project(target: &Target, artifact: Option<&Artifact>) -> Result<ProjectName, CliError> {
    match (target, artifact) {
        (Target::Release(release), _) => Ok(release.project.clone()),
        (Target::Url(url), _) => Ok(filename_of(url)?.project().clone()),
        (Target::File(_), Some(Artifact { filename: Ok(filename), .. })) => {
            Ok(filename.project().clone())
        }
        (Target::File(path), _) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Err(CliError::undecided(format!("`{}` is no name of a wheel", Escaped(&name))))
        }
    }
}

fn filename_of(url: &url::Url) -> Result<DistFilename, CliError> {
    let last = url.path_segments().and_then(|mut it| it.next_back()).unwrap_or_default();
    let last = last.replace("%2B", "+").replace("%2b", "+");
    DistFilename::parse(&last).map_err(|_| {
        CliError::usage(format!(
            "the URL ends in `{}`, which is no name of a wheel",
            Escaped(&last)
        ))
    })
}

fn page(index: &Asked, project: &ProjectName) -> Result<ProjectPage, CliError> {
    let mut answer = None;
    index.pages([(project.clone(), ())], |_, (), page| answer = Some(page))?;
    answer.unwrap_or_else(|| Err(CliError::undecided("the index gave no answer")))
}

/// When the index says that this very file was uploaded.
fn listed_as(page: &ProjectPage, artifact: &Artifact) -> Option<DateTime<Utc>> {
    let listed = page.file(artifact.filename.as_ref().ok()?).ok()?;
    (listed.sha256() == artifact.sha256).then(|| listed.uploaded()).flatten()
}

/// The wheel that a release or a URL stands for.
fn choose(
    target: &Target,
    choice: &SourceChoice,
    page: Option<&ProjectPage>,
    index: &Asked,
) -> Result<FileListed, CliError> {
    let none = |what: &str| CliError::undecided(format!("the index {} {what}", index.url()));
    let page = page.ok_or_else(|| none("gave no answer"))?;
    let release = match target {
        Target::Url(url) => {
            let listed = page.file(&filename_of(url)?).map_err(crate::from_index::undecided)?;
            let mut plain = url.clone();
            plain.set_fragment(None);
            return match *listed.url() == plain {
                true => Ok(listed),
                false => Err(none("has the file of this name at another URL")
                    .hint("download the file and give it instead of its URL")),
            };
        }
        Target::Release(release) => release,
        Target::File(_) => return Err(none("is not asked for a file that is here")),
    };
    let limit = index.limits().files;
    let listed = page.release(&release.version, limit).map_err(crate::from_index::undecided)?;
    let mut wheels: Vec<(&WheelFilename, &FileListed)> = listed
        .iter()
        .filter_map(|file| match file.filename() {
            DistFilename::Wheel(name) => Some((name, file)),
            DistFilename::Sdist(_) => None,
        })
        .collect();
    if let Some(wanted) = &choice.wheel_name {
        wheels.retain(|(name, _)| name.as_str() == wanted);
    }
    if wheels.len() > 1 {
        let pure = |name: &WheelFilename| name.tags().iter().all(|tag| tag.platform == "any");
        let pure: Vec<_> = wheels.iter().copied().filter(|(name, _)| pure(name)).collect();
        // Of several for different Pythons that of Python 3.
        let three =
            |name: &WheelFilename| name.tags().iter().any(|tag| tag.python.starts_with("py3"));
        let of_three = pure.iter().copied().find(|(name, _)| three(name));
        if let Some(one) = of_three.or(pure.first().copied()) {
            wheels = vec![one];
        }
    }
    if wheels.len() > 1
        && let Some(one) = of_this_machine(&wheels)
    {
        return Ok(one.clone());
    }
    match wheels[..] {
        [(_, one)] => Ok(one.clone()),
        [] => Err(none(&format!("has no wheel of {release}"))),
        _ => {
            let names: Vec<_> =
                wheels.iter().map(|(name, _)| Escaped(name.as_str()).to_string()).collect();
            Err(CliError::usage(format!("{release} has several wheels: {}", names.join(", ")))
                .hint("name one with --wheel-name FILENAME"))
        }
    }
}

/// Of wheels for several platforms, one for this one: for CPython 3.11 where there is one, which most releases have,
/// else for the newest Python.
fn of_this_machine<'a>(wheels: &[(&WheelFilename, &'a FileListed)]) -> Option<&'a FileListed> {
    const USUAL: u64 = 11;
    let minor = |name: &WheelFilename| {
        let ours = |platform: &str| {
            platform.ends_with(std::env::consts::ARCH)
                && (platform.starts_with("manylinux") || platform.starts_with("linux"))
        };
        let of_tags = name.tags().iter().filter(|tag| ours(&tag.platform));
        let minors = of_tags.filter_map(|tag| match tag.abi.ends_with('t') {
            true => None,
            false => tag.python.strip_prefix("cp3")?.parse::<u64>().ok(),
        });
        minors.max()
    };
    let rank = |minor: u64| (minor == USUAL, minor);
    let ours = wheels.iter().filter_map(|(name, file)| Some((rank(minor(name)?), *file)));
    ours.max_by_key(|(rank, _)| *rank).map(|(_, file)| file)
}

fn source_of(
    page: Option<&ProjectPage>,
    wheel: &WheelFilename,
    index: &Asked,
) -> Result<FileListed, CliError> {
    let none = || {
        let (project, version) = (wheel.project(), wheel.version());
        let url = index.url();
        CliError::undecided(format!(
            "the index {url} has no source distribution (.tar.gz) of {project} {version}"
        ))
        .hint("give it with --sdist FILE")
    };
    let page = page.ok_or_else(none)?;
    let release = page.release(wheel.version(), index.limits().files);
    let release = release.map_err(crate::from_index::undecided)?;
    let is_sdist = |file: &FileListed| matches!(file.filename(), DistFilename::Sdist(_));
    release.into_iter().find(is_sdist).ok_or_else(none)
}

fn sound_wheel(artifact: Artifact) -> Result<Box<Wheel>, CliError> {
    let name = Escaped(&artifact.name).to_string();
    match artifact.contents {
        Ok(Contents::Wheel(wheel)) => Ok(wheel),
        Ok(Contents::Sdist(_)) => Err(CliError::usage(format!("`{name}` is no wheel"))),
        Err(refusal) => Err(CliError::undecided(format!(
            "`{name}` is refused when it is read strictly: {refusal}"
        ))),
    }
}

fn member_text(
    wheel: &Wheel,
    path: &Path,
    name: &str,
    cancel: &Arc<AtomicBool>,
) -> Result<String, CliError> {
    let suffix = format!(".dist-info/{name}");
    let member = wheel
        .members()
        .iter()
        .find(|member| member.name().ends_with(&suffix) && member.name().matches('/').count() == 1);
    let Some(member) = member else { return Ok(String::new()) };
    let file = crate::input::Watched::open_quietly(path, cancel)?;
    let limit = WheelLimits::standard().metadata_file;
    let bytes = wheel.member_bytes(file, member, limit).map_err(CliError::undecided)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unpack(path: &Path, wheel: &WheelFilename, folder: &Path) -> Result<Unpacked, CliError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let filename = SdistFilename::parse(&name).map_err(|error| {
        CliError::undecided(format!(
            "`{}` is no name of a source distribution: {}",
            Escaped(&name),
            error.problem()
        ))
    })?;
    if filename.project() != wheel.project() || filename.version() != wheel.version() {
        return Err(CliError::undecided(format!(
            "`{}` is the source of {} {}, and the wheel is {} {}",
            Escaped(&name),
            filename.project(),
            filename.version(),
            wheel.project(),
            wheel.version()
        )));
    }
    let file = File::open(path).map_err(|error| CliError::io("read", path, &error))?;
    sdist::unpack(&file, filename, folder)
        .map_err(|error| CliError::undecided(format!("`{}`: {error}", Escaped(&name))))
}
