//! The files of releases on a package index, and which of the files at hand it lists.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use wheelmark_core::attestation::timestamp::seconds;
use wheelmark_core::filename::DistFilename;
use wheelmark_core::limits::{LATE_UPLOAD_DAYS, SHOWN_LENGTH};
use wheelmark_index::{FileListed, ProjectPage, Yanked};

use super::{Item, Plan, Subject, Work};
use crate::error::CliError;
use crate::from_index::{Asked, undecided};
use crate::index_options::{IndexOptions, Release};
use crate::progress::Stages;

/// What is wanted of a project's page, which is asked for once.
#[derive(Default)]
struct Wanted<'a> {
    releases: Vec<&'a Release>,
    files: Vec<(DistFilename, &'a mut Work)>,
}

/// Adds every file of the releases, and to the files of the plan how the index lists them. What the index
/// does not list, or not soundly, is an item that could not be decided.
pub fn plan(index: &Asked, options: &IndexOptions, plan: &mut Plan) -> Result<(), CliError> {
    plan.notes.push(format!("the package index that was asked is `{}`", index.url()));
    let mut wanted = BTreeMap::<_, Wanted<'_>>::new();
    for release in &options.from_index {
        let releases = &mut wanted.entry(release.project.clone()).or_default().releases;
        // `1` and `1.0` are one version.
        if !releases.contains(&release) {
            releases.push(release);
        }
    }
    for Item { subject, work } in &mut plan.items {
        let (true, Subject::File(path), Work::Judge(_)) =
            (options.fetch_attestations, &*subject, &*work)
        else {
            continue;
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // One that is no name of a distribution is rejected without the index.
        if let Ok(name) = DistFilename::parse(&name) {
            wanted.entry(name.project().clone()).or_default().files.push((name, work));
        }
    }
    let stages = Stages::new();
    stages.begin("asking the package index");
    let mut items = Vec::new();
    let mut notes = Vec::new();
    index.pages(wanted, |project, Wanted { releases, files }, page| {
        for (name, work) in files {
            let listed = page.as_ref().map_err(CliError::clone);
            match listed.and_then(|page| page.file(&name).map_err(undecided)) {
                Ok(listed) => match work {
                    Work::Judge(task) => task.listed = Some(Box::new(listed)),
                    Work::Download(..) | Work::Settled(_) => {}
                },
                Err(error) => *work = Work::Settled(error),
            }
        }
        for release in &releases {
            items.extend(files_of(release, page.as_ref(), index.limits().files));
        }
        let unread = page.map_or(0, |page| page.unread().len());
        if unread > 0 && !releases.is_empty() {
            notes.push(format!(
                "of the files that the index lists of `{project}`, in all versions, {unread} are neither \
                 wheels nor `.tar.gz` of a version of it, and were not looked at"
            ));
        }
    })?;
    stages.end();
    notes.sort();
    plan.items.extend(items);
    plan.notes.extend(notes);
    Ok(())
}

/// An item for each file of a release, or one for what kept them from being listed.
fn files_of(release: &Release, page: Result<&ProjectPage, &CliError>, limit: usize) -> Vec<Item> {
    let item = |file, work| {
        let subject = Subject::Indexed { release: release.to_string(), file };
        Item { subject, work }
    };
    let listed = page.map_err(CliError::clone);
    match listed.and_then(|page| page.release(&release.version, limit).map_err(undecided)) {
        Ok(files) => {
            let name = |listed: &FileListed| Some(listed.filename().as_str().to_owned());
            files
                .into_iter()
                .map(|file| item(name(&file), Work::Download(Box::new(file), None)))
                .collect()
        }
        Err(error) => vec![item(None, Work::Settled(error))],
    }
}

/// What a person should know of a file by what the index says of it.
pub fn notes(listed: &FileListed) -> impl Iterator<Item = String> {
    withdrawn(listed).into_iter().chain(added_late(listed))
}

/// The index withdrew it (PEP 592).
fn withdrawn(listed: &FileListed) -> Option<String> {
    let said = "the index says that this file was withdrawn";
    match listed.yanked() {
        Yanked::No => None,
        Yanked::Yes(None) => Some(said.to_owned()),
        Yanked::Yes(Some(why)) => {
            Some(format!("{said}: {}", why.chars().take(SHOWN_LENGTH).collect::<String>()))
        }
    }
}

/// It was added to a release that was out for long. That its signer is the right one does not say that the release
/// was meant to have it.
fn added_late(listed: &FileListed) -> Option<String> {
    let (uploaded, began) = (listed.uploaded()?, listed.release_began()?);
    (uploaded - began > TimeDelta::days(LATE_UPLOAD_DAYS)).then(|| {
        format!(
            "the index says that this file was uploaded at {}, more than {LATE_UPLOAD_DAYS} days after the first \
             file of its release, at {}",
            seconds(uploaded),
            seconds(began)
        )
    })
}
