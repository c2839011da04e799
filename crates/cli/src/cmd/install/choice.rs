//! Which file of which index each release is that the installer wants.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use wheelmark_core::filename::{DistFilename, ProjectName};
use wheelmark_core::policy::Policy;
use wheelmark_index::{FileListed, IndexUrl, ProjectPage, Yanked};

use crate::batch::{Item, Locked, Subject, Work};
use crate::error::CliError;
use crate::from_index::{Asked, undecided};
use crate::index_options::Release;
use crate::installer::{Held, Tags, Wanted};

/// What is wanted of each index: every project of the one that the policy binds it to.
pub(super) fn by_index(
    wanted: Vec<Wanted>,
    urls: &[IndexUrl],
    policy: &Policy,
) -> Result<Vec<Vec<Wanted>>, CliError> {
    let mut all: Vec<Vec<Wanted>> = urls.iter().map(|_| Vec::new()).collect();
    let names: Vec<_> = urls.iter().map(ToString::to_string).collect();
    for it in wanted {
        // Of the one index what is of another is for the rule to refuse.
        let at = match urls {
            [_] => 0,
            _ => policy.index_of(&it.project, &names).map_err(CliError::undecided)?,
        };
        all[at].push(it);
    }
    Ok(all)
}

/// The one file of each release that is wanted.
pub(super) fn items(
    index: &Asked,
    wanted: Vec<Wanted>,
    held: &Held,
    tags: Option<&Tags>,
) -> Result<Vec<Item>, CliError> {
    let mut projects: BTreeMap<ProjectName, Wanted> = BTreeMap::new();
    for it in wanted {
        if let Some(other) = projects.insert(it.project.clone(), it) {
            let message = format!("the installer wants `{}` twice", other.project);
            return Err(CliError::undecided(message));
        }
    }
    let mut items = Vec::new();
    index.pages(projects, |_, wanted, page| {
        let Wanted { project, version, .. } = &wanted;
        let release = Release { project: project.clone(), version: version.clone() };
        let locked = held.of(project, version);
        let file = page.and_then(|page| {
            let of_lock = locked.as_ref().ok().and_then(Option::as_ref);
            chosen(&page, &wanted, of_lock, tags, index.limits().files)
        });
        let name = file.as_ref().ok().map(|file| file.filename().as_str().to_owned());
        let work = match file.and_then(|file| Ok((file, locked?))) {
            Ok((file, locked)) => Work::Download(Box::new(file), locked),
            Err(error) => Work::Settled(error),
        };
        let subject = Subject::Indexed { release: release.to_string(), file: name };
        items.push(Item { subject, work });
    })?;
    Ok(items)
}

/// The build tag, which counts as its number and then as text; none is before any.
fn build(file: &FileListed) -> Option<(u64, String)> {
    let DistFilename::Wheel(wheel) = file.filename() else { return None };
    let tag = wheel.build()?.to_string();
    let digits = tag.bytes().take_while(u8::is_ascii_digit).count();
    Some((tag[..digits].parse().unwrap_or(u64::MAX), tag[digits..].to_owned()))
}

/// The file that the installer takes of a release: the one that it named, or the wheel that fits best.
fn chosen(
    page: &ProjectPage,
    wanted: &Wanted,
    locked: Option<&Locked>,
    tags: Option<&Tags>,
    limit: usize,
) -> Result<FileListed, CliError> {
    let Wanted { project, version, sha256 } = wanted;
    let files = page.release(version, limit).map_err(undecided)?;
    let found = match (sha256, tags) {
        (Some(sha256), _) => files.into_iter().find(|file| file.sha256() == *sha256),
        (None, Some(tags)) => files
            .into_iter()
            // The local version that was asked for, not another variant.
            .filter(|file| file.filename().version() == version)
            .filter(|file| locked.is_none_or(|locked| locked.project.has(file.sha256())))
            .filter_map(|file| Some((tags.fit(file.filename())?, file)))
            // One that was withdrawn only where there is no other (PEP 592); of two that fit alike that of the later
            // build.
            .min_by_key(|(fit, file)| (*file.yanked() != Yanked::No, *fit, Reverse(build(file))))
            .map(|(_, file)| file),
        (None, None) => None,
    };
    found.ok_or_else(|| {
        let what = match sha256 {
            Some(sha256) => format!("no file with sha256 {sha256}, which the installer would take"),
            None if locked.is_some() => {
                "no wheel that fits the interpreter and is locked".to_owned()
            }
            None => "no wheel that fits the interpreter".to_owned(),
        };
        CliError::undecided(format!("the index lists {what}, of `{project}` {version}"))
            .hint(
                "it may be of another index: `--index` may be given several times, and `indexes` of a rule says of which \
                 of them a project is",
            )
    })
}
