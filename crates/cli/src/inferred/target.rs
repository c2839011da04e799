//! What a person may name: a file, a release of the index, or the URL of a file.

use std::path::PathBuf;
use std::str::FromStr as _;

use url::Url;

use crate::error::CliError;
use crate::index_options::Release;

/// A wheel as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file here.
    File(PathBuf),
    /// A wheel of a release that the index has.
    Release(Release),
    /// A file that the index has at this URL.
    Url(Url),
}

impl Target {
    /// Reads it. What is there as a file is one, whatever it looks like.
    pub fn parse(text: &std::path::Path) -> Result<Self, CliError> {
        let path = PathBuf::from(text);
        if path.exists() {
            return Ok(Self::File(path));
        }
        let text = text.to_string_lossy();
        if text.starts_with("https://") || text.starts_with("http://") {
            let url = Url::parse(&text)
                .map_err(|error| CliError::usage(format!("a URL that cannot be read: {error}")))?;
            return Ok(Self::Url(url));
        }
        if text.contains("==") && !text.contains('/') {
            return Release::from_str(&text).map(Self::Release).map_err(CliError::usage);
        }
        Ok(Self::File(path))
    }

    /// Whether it is to be had from the index.
    pub fn is_of_the_index(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Target;

    #[test]
    fn names_urls_and_files_are_told_apart() {
        let parse = |text: &str| Target::parse(Path::new(text)).ok();
        assert!(matches!(parse("requests==2.32.5"), Some(Target::Release(_))));
        assert!(matches!(parse("https://host.example/a.whl"), Some(Target::Url(_))));
        assert!(matches!(parse("no/such==1.whl"), Some(Target::File(_))));
        assert!(matches!(parse("a-1-py3-none-any.whl"), Some(Target::File(_))));
        assert_eq!(parse("a==x"), None);
    }
}
