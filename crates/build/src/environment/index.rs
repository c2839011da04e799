//! Where packages come from, when that is said in pip's words: `PIP_*` variables and `pip.conf`.
//!
//! uv does not read these, and a machine whose mirror is configured for pip should build too. They hold
//! only where uv has no index setting of its own.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::homes::home;
use super::uv::UvError;

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
const KEYS_OF_UV: &[&str] = &["index", "index-url", "extra-index-url", "find-links", "no-index"];

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
    settings_in(&Surroundings {
        variable: &|name| env::var_os(name),
        home: home(),
        etc: "/etc".into(),
    })
}

/// The URL of the index that builds on this machine resolve from, by uv's settings or else pip's; none
/// where neither names one. It may hold a password: it is not to be shown.
///
/// # Errors
/// [`UvError::File`] for a configuration file that cannot be read.
pub fn url() -> Result<Option<String>, UvError> {
    url_in(&Surroundings { variable: &|name| env::var_os(name), home: home(), etc: "/etc".into() })
}

/// What decides where the configuration is.
struct Surroundings<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
    etc: PathBuf,
}

impl Surroundings<'_> {
    /// A variable that is not empty.
    fn get(&self, name: &str) -> Option<OsString> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }
}

fn url_in(here: &Surroundings<'_>) -> Result<Option<String>, UvError> {
    let variables = ["UV_DEFAULT_INDEX", "UV_INDEX_URL"].iter();
    let of_uv = variables.filter_map(|name| here.get(name)?.into_string().ok()).next();
    if let Some(value) = of_uv {
        return Ok(Some(without_name(&value).to_owned()));
    }
    let tables = tables_of_uv(here)?;
    if let Some(url) = tables.iter().rev().find_map(default_index) {
        return Ok(Some(url.to_owned()));
    }
    let of_pip = settings_in(here)?.into_iter().find(|(name, _)| *name == "UV_DEFAULT_INDEX");
    Ok(of_pip.and_then(|(_, url)| url.into_string().ok()))
}

/// uv takes `name=URL` for an index that has a name.
fn without_name(value: &str) -> &str {
    match value.split_once('=') {
        Some((name, url)) if !name.contains(':') => url,
        _ => value,
    }
}

/// The default index that a `uv.toml` names.
fn default_index(table: &toml::Table) -> Option<&str> {
    let indexes = table.get("index").and_then(toml::Value::as_array);
    let mut indexes = indexes.into_iter().flatten().filter_map(toml::Value::as_table);
    let is_default =
        |index: &&toml::Table| index.get("default").and_then(toml::Value::as_bool) == Some(true);
    let named = indexes.find(is_default).and_then(|index| index.get("url"));
    named.or_else(|| table.get("index-url")).and_then(toml::Value::as_str)
}

fn settings_in(here: &Surroundings<'_>) -> Result<Vec<(&'static str, OsString)>, UvError> {
    let set = |name: &str| here.get(name).is_some();
    if OF_UV.iter().any(|name| set(name)) || configured_for_uv(here)? {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for path in pip_files(here) {
        if let Some(text) = read(&path)? {
            files.push(text);
        }
    }
    let settings = TRANSLATED.iter().filter_map(|&(setting, variable, separator)| {
        if set(variable) {
            return None;
        }
        let name = format!("PIP_{}", setting.to_uppercase().replace('-', "_"));
        let value = here
            .get(&name)
            .and_then(|value| value.into_string().ok())
            .or_else(|| files.iter().rev().find_map(|text| lookup(text, setting)))?;
        let values: Vec<String> = match setting {
            "find-links" => value.split_whitespace().filter_map(place_of_links).collect(),
            _ => value.split_whitespace().map(ToOwned::to_owned).collect(),
        };
        (!values.is_empty()).then(|| (variable, values.join(separator).into()))
    });
    Ok(settings.collect())
}

/// A URL, or an absolute path: uv runs in another folder. pip passes over a path that is not there, uv
/// takes it for an error.
fn place_of_links(value: &str) -> Option<String> {
    if value.contains("://") {
        return Some(value.to_owned());
    }
    let path = fs::canonicalize(value).ok()?;
    path.into_os_string().into_string().ok()
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
        Err(source) => Err(UvError::File { path: path.to_owned(), source }),
    }
}

fn configured_for_uv(here: &Surroundings<'_>) -> Result<bool, UvError> {
    let of = |table: &toml::Table| KEYS_OF_UV.iter().any(|key| table.contains_key(*key));
    Ok(tables_of_uv(here)?.iter().any(|table| {
        let pip = table.get("pip").and_then(toml::Value::as_table);
        of(table) || pip.is_some_and(of)
    }))
}

/// What uv's configuration files hold, the least important first.
fn tables_of_uv(here: &Surroundings<'_>) -> Result<Vec<toml::Table>, UvError> {
    let files = match here.get("UV_CONFIG_FILE") {
        Some(file) => vec![PathBuf::from(file)],
        None => config_folders(here).into_iter().map(|folder| folder.join("uv/uv.toml")).collect(),
    };
    let mut tables = Vec::new();
    for path in files {
        // A file that does not parse is for uv to complain of.
        tables.extend(read(&path)?.and_then(|text| text.parse::<toml::Table>().ok()));
    }
    Ok(tables)
}

/// The folders of system and user configuration, the user's last.
fn config_folders(here: &Surroundings<'_>) -> Vec<PathBuf> {
    let user = here
        .get("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| here.home.as_ref().map(|home| home.join(".config")));
    let system = here.get("XDG_CONFIG_DIRS").unwrap_or_else(|| here.etc.join("xdg").into());
    let mut folders: Vec<PathBuf> = env::split_paths(&system).collect();
    folders.reverse(); // the first named is the most important
    folders.push(here.etc.clone());
    folders.extend(user);
    folders
}

/// pip's configuration files, the least important first (pip's documentation, "Configuration files").
fn pip_files(here: &Surroundings<'_>) -> Vec<PathBuf> {
    let named = here.get("PIP_CONFIG_FILE").map(PathBuf::from);
    if named.as_deref() == Some(Path::new("/dev/null")) {
        return Vec::new();
    }
    let mut files: Vec<PathBuf> = config_folders(here)
        .into_iter()
        .map(|folder| match folder == here.etc {
            true => folder.join("pip.conf"),
            false => folder.join("pip/pip.conf"),
        })
        .collect();
    let legacy = here.home.as_ref().map(|home| home.join(".pip/pip.conf"));
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
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = ["install", "global"].iter().position(|known| *known == name);
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
        assert_eq!(lookup(TEXT, "index-url").as_deref(), Some("https://mirror.example/simple"));
        assert_eq!(
            lookup(TEXT, "extra-index-url").as_deref(),
            Some("https://one.example\nhttps://two.example")
        );
        assert_eq!(lookup(TEXT, "find-links").as_deref(), Some("/srv/c"));
        assert_eq!(lookup(TEXT, "cert"), None);
        let global = TEXT.split("[install]").next().unwrap();
        assert_eq!(lookup(global, "find-links").as_deref(), Some("\n/srv/a\n/srv/b"));
    }

    /// Does something on a machine with these files below `/` and variables.
    fn on_machine<T>(
        files: &[(&str, &str)],
        variables: &[(&str, &str)],
        work: impl FnOnce(&Surroundings<'_>) -> T,
    ) -> T {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let here = Surroundings {
            variable: &variable,
            home: Some(root.path().join("home")),
            etc: root.path().join("etc"),
        };
        work(&here)
    }

    fn machine(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        let settings = on_machine(files, variables, settings_in).unwrap().into_iter();
        settings.map(|(name, value)| (name, value.into_string().unwrap())).collect()
    }

    fn index(url: &str) -> String {
        format!("[global]\nindex-url = {url}\n")
    }

    #[test]
    fn the_more_particular_setting_of_pip_holds() {
        let (a, b, c) =
            (index("https://a.example"), index("https://b.example"), index("https://c.example"));
        let files = [
            ("etc/pip.conf", a.as_str()),
            ("home/.pip/pip.conf", &b),
            ("home/.config/pip/pip.conf", &c),
        ];
        let url = |url: &str| vec![("UV_DEFAULT_INDEX", url.to_owned())];
        assert_eq!(machine(&files[..1], &[]), url("https://a.example"));
        assert_eq!(machine(&files[..2], &[]), url("https://b.example"));
        assert_eq!(machine(&files, &[]), url("https://c.example"));
        let variable = [("PIP_INDEX_URL", "https://d.example")];
        assert_eq!(machine(&files, &variable), url("https://d.example"));
        assert_eq!(machine(&files, &[("PIP_CONFIG_FILE", "/dev/null")]), []);
    }

    #[test]
    fn settings_of_uv_switch_those_of_pip_off() {
        let pip = index("https://a.example");
        let files =
            [("etc/pip.conf", pip.as_str()), ("home/.config/uv/uv.toml", "index-url = 'x'")];
        assert_eq!(machine(&files, &[]), []);
        assert_eq!(machine(&files[..1], &[("UV_INDEX_URL", "https://b.example")]), []);
        let other = [files[0], ("home/.config/uv/uv.toml", "link-mode = 'copy'")];
        assert_eq!(machine(&other, &[]).len(), 1);
    }

    #[test]
    fn folders_of_links_that_are_not_there_are_passed_over() {
        let variables = [("PIP_FIND_LINKS", "/nonexistent/wheels https://links.example /usr/")];
        let expected = vec![("UV_FIND_LINKS", "https://links.example,/usr".to_owned())];
        assert_eq!(machine(&[], &variables), expected);
    }

    #[test]
    fn the_index_is_that_of_uv_or_else_of_pip() {
        let url = |files: &[(&str, &str)], variables: &[(&str, &str)]| {
            on_machine(files, variables, url_in).unwrap()
        };
        let pip = index("https://a.example");
        let pip = ("etc/pip.conf", pip.as_str());
        let table = "[[index]]\nurl = 'https://x.example'\n[[index]]\nurl = 'https://b.example'\ndefault = true\n";
        let system = ("etc/uv/uv.toml", "index-url = 'https://c.example'");
        let user = ("home/.config/uv/uv.toml", table);
        let old = ("UV_INDEX_URL", "https://d.example");
        let new = ("UV_DEFAULT_INDEX", "corp=https://e.example/?a=b");
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(url(&[], &[]), None);
        assert_eq!(url(&[pip], &[]), is("https://a.example"));
        assert_eq!(url(&[pip], &[("PIP_INDEX_URL", "https://f.example")]), is("https://f.example"));
        assert_eq!(url(&[pip, system], &[]), is("https://c.example"));
        assert_eq!(url(&[pip, system, user], &[]), is("https://b.example"));
        assert_eq!(url(&[pip, user], &[old]), is("https://d.example"));
        assert_eq!(url(&[pip, user], &[old, new]), is("https://e.example/?a=b"));
        // uv's extra index switches pip's settings off, for builds too.
        assert_eq!(url(&[pip], &[("UV_INDEX", "https://g.example")]), None);
    }
}
