//! Where packages come from, when that is said in pip's words: `PIP_*` variables and `pip.conf`.
//!
//! uv does not read these, and a machine whose mirror is configured for pip should build too. They hold
//! only where uv has no index setting of its own.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::uv::{UvError, home};

/// uv's own settings, any of which switches pip's off.
const OF_UV: &[&str] = &[
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_NO_INDEX",
];

/// The same settings as keys of `uv.toml`.
const KEYS_OF_UV: &[&str] = &[
    "index",
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
];

/// pip's settings, the variable of uv that means the same, and what uv puts between several values.
const TRANSLATED: &[(&str, &str, &str)] = &[
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("trusted-host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", " "),
    ("no-index", "UV_NO_INDEX", " "),
];

/// Variables to set for uv so that it uses the index that pip would use. They go into its environment
/// and not into its arguments, which any user of the machine can read: a URL may hold a password.
pub(super) fn settings() -> Result<Vec<(&'static str, OsString)>, UvError> {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if OF_UV.iter().any(|name| set(name)) || configured_for_uv()? {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for path in pip_files() {
        if let Some(text) = read(&path)? {
            files.push(text);
        }
    }
    let settings = TRANSLATED
        .iter()
        .filter_map(|&(setting, variable, separator)| {
            if set(variable) {
                return None;
            }
            let name = format!("PIP_{}", setting.to_uppercase().replace('-', "_"));
            let value = env::var(name)
                .ok()
                .filter(|value| !value.is_empty())
                .or_else(|| files.iter().rev().find_map(|text| lookup(text, setting)))?;
            let values: Vec<&str> = value
                .split_whitespace()
                // pip passes over a folder that is not there; uv takes it for an error.
                .filter(|value| setting != "find-links" || !is_missing_folder(value))
                .collect();
            (!values.is_empty()).then(|| (variable, values.join(separator).into()))
        });
    Ok(settings.collect())
}

fn is_missing_folder(value: &str) -> bool {
    !value.contains("://") && !Path::new(value).exists()
}

fn read(path: &Path) -> Result<Option<String>, UvError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(None)
        }
        Err(source) => Err(UvError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn configured_for_uv() -> Result<bool, UvError> {
    let files = match env::var_os("UV_CONFIG_FILE") {
        Some(file) => vec![PathBuf::from(file)],
        None => config_folders()
            .map(|folder| folder.join("uv/uv.toml"))
            .collect(),
    };
    for path in files {
        // A file that does not parse is for uv to complain of.
        let table = read(&path)?.and_then(|text| text.parse::<toml::Table>().ok());
        if let Some(table) = table {
            let of = |table: &toml::Table| KEYS_OF_UV.iter().any(|key| table.contains_key(*key));
            let pip = table.get("pip").and_then(toml::Value::as_table);
            if of(&table) || pip.is_some_and(of) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The folders of system and user configuration, the user's last.
fn config_folders() -> impl Iterator<Item = PathBuf> {
    let user = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| home().map(|home| home.join(".config")));
    let system = env::var_os("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".into());
    let mut folders: Vec<PathBuf> = env::split_paths(&system).collect();
    folders.reverse(); // the first named is the most important
    folders.push("/etc".into());
    folders.extend(user);
    folders.into_iter()
}

/// pip's configuration files, the least important first (pip's documentation, "Configuration files").
fn pip_files() -> Vec<PathBuf> {
    let named = env::var_os("PIP_CONFIG_FILE").map(PathBuf::from);
    if named.as_deref() == Some(Path::new("/dev/null")) {
        return Vec::new();
    }
    let mut files: Vec<PathBuf> = config_folders()
        .map(|folder| match folder == Path::new("/etc") {
            true => folder.join("pip.conf"),
            false => folder.join("pip/pip.conf"),
        })
        .collect();
    let legacy = home().map(|home| home.join(".pip/pip.conf"));
    files.splice(files.len() - 1..files.len() - 1, legacy);
    files.extend(named);
    files
}

/// A setting of `[install]`, else of `[global]`, in the form of Python's `configparser`: a line that is
/// indented goes on with the value before it.
fn lookup(text: &str, setting: &str) -> Option<String> {
    let mut found = [None::<String>, None];
    let mut section = None;
    let mut current = false;
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let (true, Some(value)) = (current, section.and_then(|s: usize| found[s].as_mut())) {
                value.push('\n');
                value.push_str(content);
            }
            continue;
        }
        current = false;
        if let Some(name) = content
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = ["install", "global"]
                .iter()
                .position(|known| *known == name);
        } else if let (Some(section), Some((key, value))) =
            (section, content.split_once(['=', ':']))
        {
            current = key.trim().to_lowercase().replace('_', "-") == setting;
            if current {
                found[section] = Some(value.trim().to_owned());
            }
        }
    }
    found.into_iter().flatten().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# comment
[global]
index_url = https://mirror.example/simple
find-links =
    /srv/a
    /srv/b
timeout: 60
[install]
extra-index-url = https://one.example
  https://two.example
find-links = /srv/c
[freeze]
cert = /nowhere
";

    #[test]
    fn settings_are_read_as_pip_reads_them() {
        assert_eq!(
            lookup(TEXT, "index-url").as_deref(),
            Some("https://mirror.example/simple")
        );
        assert_eq!(
            lookup(TEXT, "extra-index-url").as_deref(),
            Some("https://one.example\nhttps://two.example")
        );
        assert_eq!(lookup(TEXT, "find-links").as_deref(), Some("/srv/c"));
        assert_eq!(lookup(TEXT, "cert"), None);
        let global = TEXT.split("[install]").next().unwrap();
        assert_eq!(
            lookup(global, "find-links").as_deref(),
            Some("\n/srv/a\n/srv/b")
        );
    }
}
