//! `entry_points.txt`, held against what the source declares.

use std::collections::BTreeSet;

use super::Source;

/// Entry points that no file of the source declares, a line each.
pub fn undeclared(text: &str, source: &dyn Source) -> Vec<String> {
    let declared = declared(source);
    points(text)
        .difference(&declared)
        .map(|(group, name, target)| format!("[{group}] {name} = {target}"))
        .collect()
}

type Point = (String, String, String);

/// Group, name and object of each, without blanks.
fn points(text: &str) -> BTreeSet<Point> {
    let mut group = String::new();
    let mut points = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            name.trim().clone_into(&mut group);
            continue;
        }
        let (name, target) = line.split_once('=').unwrap_or((line, ""));
        points.insert((group.clone(), plain(name), plain(target)));
    }
    points
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect()
}

/// What `.egg-info`, `pyproject.toml` and `setup.cfg` declare.
fn declared(source: &dyn Source) -> BTreeSet<Point> {
    let text = |path: &str| {
        let path = source.files().get_key_value(path).map(|(path, _)| path.clone());
        path.and_then(|path| source.read(&path)).and_then(|bytes| String::from_utf8(bytes).ok())
    };
    let mut found = BTreeSet::new();
    let egg_info = source.files().keys().find(|it| it.ends_with(".egg-info/entry_points.txt"));
    if let Some(own) = egg_info.and_then(|path| text(path)) {
        found.extend(points(&own));
    }
    if let Some(table) = text("pyproject.toml").and_then(|text| text.parse::<toml::Table>().ok()) {
        of_pyproject(&table, &mut found);
    }
    if let Some(own) = text("setup.cfg") {
        of_setup_cfg(&own, &mut found);
    }
    found
}

fn of_pyproject(table: &toml::Table, found: &mut BTreeSet<Point>) {
    let mut add = |group: &str, points: Option<&toml::Value>| {
        for (name, target) in points.and_then(toml::Value::as_table).into_iter().flatten() {
            // Poetry also takes a table, which names the object as `reference` or `callable`.
            let named = |key: &str| target.get(key).and_then(toml::Value::as_str);
            let target =
                target.as_str().or_else(|| named("reference")).or_else(|| named("callable"));
            if let Some(target) = target {
                found.insert((group.to_owned(), plain(name), plain(target)));
            }
        }
    };
    let tool = |name: &str| table.get("tool").and_then(|tool| tool.get(name));
    let flit = tool("flit");
    for of in [table.get("project"), tool("poetry"), flit] {
        add("console_scripts", of.and_then(|it| it.get("scripts")));
        add("gui_scripts", of.and_then(|it| it.get("gui-scripts")));
        for key in ["entry-points", "plugins", "entrypoints"] {
            let groups = of.and_then(|it| it.get(key)).and_then(toml::Value::as_table);
            for (group, points) in groups.into_iter().flatten() {
                add(group, Some(points));
            }
        }
    }
}

fn of_setup_cfg(text: &str, found: &mut BTreeSet<Point>) {
    let (mut inside, mut group) = (false, String::new());
    for line in text.lines() {
        let content = line.trim();
        if content.starts_with('[') {
            inside = content == "[options.entry_points]";
        } else if inside && !content.is_empty() && !content.starts_with(['#', ';']) {
            let (name, target) = content.split_once('=').unwrap_or((content, ""));
            if line.starts_with([' ', '\t']) {
                found.insert((group.clone(), plain(name), plain(target)));
            } else {
                name.trim().clone_into(&mut group);
            }
        }
    }
}
