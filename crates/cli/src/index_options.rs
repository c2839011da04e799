//! What is asked of which package index: `--from-index`, `--fetch-attestations`, `--index`.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::ArgGroup;
use pep440_rs::Version;
use wheelmark_build::environment::index as configured;
use wheelmark_core::filename::ProjectName;
use wheelmark_core::limits::IndexLimits;
use wheelmark_core::requirement;
use wheelmark_index::{DEFAULT_INDEX_URL, IndexUrl};

use crate::error::CliError;
use crate::from_index::Asked;

/// What a package index is asked for, and which one.
#[derive(clap::Args)]
#[command(next_help_heading = "The package index (asked only by the first two of these)")]
#[command(group = ArgGroup::new("asks").multiple(true))]
pub struct IndexOptions {
    /// Download every file of this release from the package index, with its attestations, and check each;
    /// nothing is kept
    #[arg(long, value_name = "NAME==VERSION", group = "asks", conflicts_with = "bundle")]
    pub from_index: Vec<Release>,
    /// Also ask the package index for the attestations of each file; it must list the file with the same
    /// sha256
    #[arg(long, group = "asks")]
    pub fetch_attestations: bool,
    /// Its simple API; without this, the default index that uv or pip is configured with. Further indexes
    /// of theirs, and those that a lock names, are not asked
    // A text: were it parsed by clap, what clap says of a wrong one would show the password in it.
    #[arg(long, value_name = "URL", requires = "asks")]
    index: Option<String>,
    /// Give up where it is silent for this many seconds
    #[arg(long, value_name = "SECONDS", requires = "asks")]
    index_timeout: Option<NonZeroU64>,
}

impl IndexOptions {
    /// Whether anything is asked.
    pub fn ask(&self) -> bool {
        self.fetch_attestations || !self.from_index.is_empty()
    }

    /// The index that was named, else the one that uv or pip is configured with, else the public one.
    pub fn url(&self) -> Result<IndexUrl, CliError> {
        url(self.index.as_deref())
    }

    /// The usual bounds, but for the time that was given.
    pub fn limits(&self) -> IndexLimits {
        limits(self.index_timeout)
    }
}

/// Which package index a verb asks that always asks one.
#[derive(clap::Args)]
pub struct IndexChoice {
    /// The package index's simple API; without this, the default index that uv or pip is configured with. No other
    /// index is asked
    // A text: were it parsed by clap, what clap says of a wrong one would show the password in it.
    #[arg(long, value_name = "URL")]
    index: Option<String>,
    /// Give up where the index is silent for this many seconds
    #[arg(long, value_name = "SECONDS")]
    index_timeout: Option<NonZeroU64>,
}

impl IndexChoice {
    /// As [`IndexOptions::url`].
    pub fn url(&self) -> Result<IndexUrl, CliError> {
        url(self.index.as_deref())
    }

    /// The same as arguments of this program.
    pub fn passed_on(&self) -> Vec<String> {
        let timeout = self.index_timeout.map(|it| format!("--index-timeout={it}"));
        self.index.iter().map(|url| format!("--index={url}")).chain(timeout).collect()
    }

    /// The index, which nobody has asked yet.
    pub fn open(&self, cancel: &Arc<AtomicBool>) -> Result<Asked, CliError> {
        Asked::new(self.url()?, limits(self.index_timeout), cancel)
    }
}

/// Which package indexes a verb asks that asks several, each project of one of them.
#[derive(clap::Args)]
pub struct IndexChoices {
    /// A package index's simple API; without this, the default index that uv or pip is configured with, and no other. Of
    /// several a project is of one: the first that the rule naming it has in its `indexes`, and without these the first
    // A text: were it parsed by clap, what clap says of a wrong one would show the password in it.
    #[arg(long, value_name = "URL")]
    index: Vec<String>,
    /// Give up where an index is silent for this many seconds
    #[arg(long, value_name = "SECONDS")]
    index_timeout: Option<NonZeroU64>,
}

impl IndexChoices {
    /// The indexes, in their order, each once.
    pub fn urls(&self) -> Result<Vec<IndexUrl>, CliError> {
        let mut urls: Vec<IndexUrl> = Vec::new();
        for text in &self.index {
            let one = url(Some(text))?;
            if urls.iter().any(|other| other.to_string() == one.to_string()) {
                return Err(CliError::usage(format!("the index `{one}` is given twice")));
            }
            urls.push(one);
        }
        if urls.is_empty() {
            urls.push(url(None)?);
        }
        Ok(urls)
    }

    /// As [`IndexOptions::limits`].
    pub fn limits(&self) -> IndexLimits {
        limits(self.index_timeout)
    }
}

/// As [`IndexOptions::url`].
fn url(named: Option<&str>) -> Result<IndexUrl, CliError> {
    if let Some(url) = named {
        return url.parse().map_err(CliError::usage);
    }
    let url = configured::url().map_err(CliError::undecided)?;
    url.as_deref().unwrap_or(DEFAULT_INDEX_URL).parse().map_err(|error| {
        CliError::undecided(format!("as uv or pip is configured: {error}"))
            .hint("name another by `--index URL`")
    })
}

/// As [`IndexOptions::limits`].
fn limits(timeout: Option<NonZeroU64>) -> IndexLimits {
    let usual = IndexLimits::standard();
    match timeout.map(|seconds| Duration::from_secs(seconds.get())) {
        Some(time) => IndexLimits { connect: time, idle: time, ..usual },
        None => usual,
    }
}

/// One release of a project: `NAME==VERSION`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The project.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
}

impl FromStr for Release {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a release is written NAME==VERSION, as in sampleproject==4.0.0";
        let (name, version) = text.split_once("==").ok_or(wrong)?;
        Ok(Self {
            project: name.trim().parse().map_err(|_| wrong)?,
            version: requirement::version(version.trim()).ok_or(wrong)?,
        })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=={}", self.project, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn a_release_is_a_name_and_a_version() {
        let release = |text: &str| text.parse::<Release>();
        assert_eq!(release("Sample_Project==4.0.0").unwrap().to_string(), "sample-project==4.0.0");
        assert_eq!(release("a == 1!2.0.post1").unwrap().to_string(), "a==1!2.0.post1");
        assert_eq!(release("a==1.0"), release("A==1"));
        for text in [
            "a", "a==", "==1", "a=1", "a==x", "a>=1", "a===1", "a==1.*", "a[b]==1", "../a==1",
            "a/b==1", "a==1/2", "a==1,<2", "",
        ] {
            assert!(release(text).is_err(), "{text}");
        }
    }
}
