//! The results of a list as one page of HTML that needs nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// How many lines came to each outcome.
pub fn counts(lines: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(outcome(line).to_owned()).or_default() += 1;
    }
    counts
}

/// What a line came to; `undecided` where nothing was built.
pub fn outcome(line: &Value) -> &str {
    line["answer"]["outcome"].as_str().unwrap_or("undecided")
}

/// The page.
pub fn page(lines: &[Value]) -> String {
    let mut html = String::from(HEAD);
    rates(&mut html, "By backend", lines, |line| generator(line).to_owned());
    rates(&mut html, "By year of upload", lines, |line| {
        line["answer"]["uploaded"].as_str().map_or("unknown", |time| &time[..4]).to_owned()
    });
    rates(&mut html, "By cause", lines, cause);
    html.push_str("<h2>Wheels</h2>\n");
    for line in lines {
        wheel(&mut html, line);
    }
    html.push_str("</main>\n</html>\n");
    html
}

const HEAD: &str = "\
<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Rebuilt wheels</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: auto; padding: 1rem }
table { border-collapse: collapse; margin: 0 0 1.5rem }
th, td { padding: .2rem .8rem; text-align: left; border-bottom: 1px solid #8886 }
td.n { text-align: right; font-variant-numeric: tabular-nums }
summary { cursor: pointer; padding: .15rem 0 }
pre { overflow-x: auto; padding: .5rem; border: 1px solid #8886 }
</style>
<main>
<h1>Rebuilt wheels</h1>
";

fn rates(html: &mut String, title: &str, lines: &[Value], key: impl Fn(&Value) -> String) {
    let mut groups: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in lines {
        let group = groups.entry(key(line)).or_default();
        group.1 += 1;
        group.0 += usize::from(outcome(line) == "identical");
    }
    let _ = write!(
        html,
        "<h2>{title}</h2>\n<table>\n<thead><tr><th scope=\"col\">{title}</th><th scope=\"col\">identical</th>\
         <th scope=\"col\">of</th><th scope=\"col\">rate</th></tr></thead>\n<tbody>\n"
    );
    for (name, (identical, all)) in groups {
        let rate = 100 * identical / all.max(1);
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td class=\"n\">{identical}</td><td class=\"n\">{all}</td>\
             <td class=\"n\">{rate} %</td></tr>",
            escaped(&name)
        );
    }
    html.push_str("</tbody>\n</table>\n");
}

fn generator(line: &Value) -> &str {
    line["answer"]["generator"].as_str().and_then(|it| it.split(' ').next()).unwrap_or("unknown")
}

/// What keeps a wheel from being identical: the gravest finding, or how it failed.
pub fn cause(line: &Value) -> String {
    let answer = &line["answer"];
    if outcome(line) == "identical" {
        return "identical".to_owned();
    }
    if let Some(cause) = answer["diff"]["findings"][0]["cause"].as_str() {
        return cause.to_owned();
    }
    match answer["error"].as_str() {
        Some(_) => "undecided".to_owned(),
        None => outcome(line).to_owned(),
    }
}

fn wheel(html: &mut String, line: &Value) {
    let answer = &line["answer"];
    let target = escaped(line["target"].as_str().unwrap_or_default());
    let _ = writeln!(html, "<details><summary>{target}: {}</summary>", escaped(outcome(line)));
    for key in ["wheel", "sha256", "source", "generator", "uploaded", "rebuilt", "cause", "error"] {
        if let Some(text) = answer[key].as_str() {
            let _ = writeln!(html, "<p>{key}: {}</p>", escaped(text));
        }
    }
    for copied in answer["copied"].as_array().into_iter().flatten() {
        let text = escaped(copied.as_str().unwrap_or_default());
        let _ = writeln!(html, "<p>copied from the wheel under test: {text}</p>");
    }
    for finding in answer["diff"]["findings"].as_array().into_iter().flatten() {
        let _ =
            writeln!(html, "<p>{}</p>", escaped(finding["summary"].as_str().unwrap_or_default()));
        for detail in finding["details"].as_array().into_iter().flatten() {
            let shown: Vec<_> = detail["lines"].as_array().into_iter().flatten().collect();
            if !shown.is_empty() {
                let text: Vec<_> = shown.iter().filter_map(|line| line.as_str()).collect();
                let _ = writeln!(html, "<pre>{}</pre>", escaped(&text.join("\n")));
            }
        }
    }
    html.push_str("</details>\n");
}

/// Text that is nothing but text in HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
    html
}
