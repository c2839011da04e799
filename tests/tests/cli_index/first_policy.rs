//! The README's way from a lock to an enforced policy: its very commands, with uv and pip, and what it shows of their
//! output.

use std::process;

use wheelmark_tests::program::beside;

use super::*;

const README: &str = include_str!("../../../README.md");
const SECTION: &str = "### From a lock to an enforced policy";

/// What the README's project needs, and the version that it has at first. Its index has no attestations.
const PROJECTS: [(&str, &str); 4] =
    [("markdown-it-py", "4.3.0"), ("mdurl", "0.1.2"), ("pygments", "2.21.0"), ("rich", "14.3.0")];

/// A block of the README, without its fences.
struct Block {
    language: String,
    lines: Vec<String>,
}

/// The blocks of the section.
fn blocks() -> Vec<Block> {
    let (_, section) = README.split_once(SECTION).expect("the section");
    let section = section.split("\n### ").next().expect("its text");
    let parts: Vec<_> = section.split("```").skip(1).step_by(2).collect();
    let block = |part: &&str| {
        let (language, text) = part.split_once('\n').expect("a block");
        Block { language: language.to_owned(), lines: text.lines().map(str::to_owned).collect() }
    };
    parts.iter().map(block).collect()
}

/// The commands of a block, each with what is shown of its output.
fn commands(block: &Block) -> Vec<(&str, Vec<&str>)> {
    let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in &block.lines {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command, Vec::new())),
            (None, Some((_, shown))) => shown.push(line),
            (None, None) => panic!("output of no command: {line}"),
        }
    }
    commands
}

/// A line with what differs from run to run taken out: days, digests, and the lines of a policy.
fn masked(line: &str) -> String {
    let mut masked = Vec::new();
    let mut before = "";
    for word in line.split(' ') {
        let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_day = core.len() >= 10
            && core.as_bytes()[..10].iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let is_digest = core.len() == 64 && core.bytes().all(|byte| byte.is_ascii_hexdigit());
        masked.push(match () {
            () if is_day => word.replace(core, "DAY"),
            () if is_digest => word.replace(core, "DIGEST"),
            () if before == "line" => "LINE".to_owned(),
            () => word.to_owned(),
        });
        before = word;
    }
    masked.join(" ")
}

/// Whether a line is as it is shown; `…` at its end stands for anything.
fn is_shown(line: &str, shown: &str) -> bool {
    let (line, shown) = (masked(line), masked(shown));
    match shown.strip_suffix('…') {
        Some(start) => line.starts_with(start.trim_end()),
        None => line == shown,
    }
}

/// Asserts that a command prints what is shown of it, line by line; a line of `…` stands for any.
#[track_caller]
fn prints(command: &str, printed: &str, shown: &[&str]) {
    let mut lines = printed.lines();
    let mut gap = false;
    for expected in shown {
        if *expected == "…" {
            gap = true;
            continue;
        }
        let line = match gap {
            true => lines.find(|line| is_shown(line, expected)),
            false => lines.next(),
        };
        let fits = line.is_some_and(|line| is_shown(line, expected));
        assert!(fits, "$ {command}\n{printed}\nis not as the README shows it:\n{expected}");
        gap = false;
    }
    assert!(gap || lines.next().is_none(), "$ {command}\n{printed}\nhas more than the README");
}

/// The person's project, and the shell in which the commands are typed.
struct Shell {
    place: Place,
}

impl Shell {
    fn new() -> Self {
        let place = Place::new();
        let project = place.folder.path().join("shop");
        fs::create_dir(&project).expect("a folder");
        for (name, version) in PROJECTS {
            serve(&place, name, &[version]);
        }
        let needs: Vec<_> = PROJECTS.map(|(name, version)| format!("\"{name}=={version}\"")).into();
        let text = format!(
            "[project]\nname = \"shop\"\nversion = \"0.1.0\"\nrequires-python = \">=3.9\"\ndependencies = [{}]\n",
            needs.join(", ")
        );
        fs::write(project.join("pyproject.toml"), text).expect("written");
        Self { place }
    }

    /// What a command prints that ends with this code.
    #[track_caller]
    fn run(&self, line: &str, code: i32) -> String {
        let output = self.command(line).output().expect("a shell");
        let (printed, said) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "$ {line}\n{printed}\n{said}");
        printed.into_owned()
    }

    fn command(&self, line: &str) -> process::Command {
        let folder = self.place.folder.path();
        let mut command = process::Command::new("sh");
        command.args(["-c", line]).current_dir(folder.join("shop"));
        let own = beside("wheelmark").parent().expect("its folder").to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [own].into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(path).expect("folders"));
        command.env("UV_DEFAULT_INDEX", self.place.server.url());
        command.env("UV_CACHE_DIR", folder.join("uv-cache")).env("TMPDIR", folder.join("tmp"));
        command.env("UV_PYTHON", "python3").env("NO_COLOR", "1");
        command.env("WHEELMARK_DATA", folder.join("no-data"));
        for name in ["WHEELMARK_POLICY_KEY", "VIRTUAL_ENV", "UV_INDEX", "UV_EXTRA_INDEX_URL"] {
            command.env_remove(name);
        }
        command
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.folder.path().join("shop").join(name)
    }

    /// Which version of `rich` an environment has.
    fn rich(&self, environment: &str) -> Option<String> {
        let libraries = fs::read_dir(self.path(environment).join("lib")).ok()?;
        let packages = libraries.flatten().map(|it| it.path().join("site-packages")).next()?;
        let names = fs::read_dir(packages).ok()?.flatten().map(|it| it.file_name());
        let names = names.filter_map(|name| name.into_string().ok());
        names
            .filter_map(|name| {
                Some(name.strip_prefix("rich-")?.strip_suffix(".dist-info")?.to_owned())
            })
            .next()
    }
}

/// Serves these versions of a project, without attestations.
fn serve(place: &Place, project: &str, versions: &[&str]) {
    let files: Vec<_> = versions.iter().map(|it| Served::unattested(project, it)).collect();
    place.server.serve(project, &files);
}

/// The exception that an explanation offers, with a reason and an owner as the README has them.
fn mended(explained: &str, shown: &[String]) -> String {
    let lines = explained.lines().map(str::trim_start);
    let offered: Vec<_> =
        lines.skip_while(|line| *line != "[[exceptions]]").take(shown.len()).collect();
    let keys = |line: &str| line.split(" = ").next().unwrap_or_default().to_owned();
    let mut text = "\n".to_owned();
    for (offered, shown) in offered.iter().zip(shown) {
        match keys(shown).as_str() {
            "reason" | "owner" => {
                assert_eq!(keys(offered), keys(shown));
                text += shown;
            }
            _ => {
                assert_eq!(masked(offered), masked(shown.trim_start()));
                text += offered;
            }
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_readme_leads_from_a_lock_to_an_enforced_policy() {
    let shell = Shell::new();
    shell.run("uv lock --quiet && uv venv --quiet", 0);
    serve(&shell.place, "rich", &["14.3.0", "15.0.0"]);
    let (mut explained, mut done) = (String::new(), Vec::new());
    for block in blocks() {
        if block.language == "toml" {
            let policy = fs::read_to_string(shell.path("policy.toml")).expect("the policy");
            fs::write(shell.path("policy.toml"), policy + &mended(&explained, &block.lines))
                .expect("written");
            continue;
        }
        assert_eq!(block.language, "console");
        for (command, shown) in commands(&block) {
            let refused = shown.iter().any(|line| line.starts_with("nothing was installed"));
            let explains = command.contains("policy explain");
            let printed = shell.run(command, if refused || explains { 10 } else { 0 });
            prints(command, &printed, &shown);
            if explains {
                explained = printed;
            }
            if command.starts_with("wheelmark install") {
                done.push((shell.rich(".venv"), shell.rich("env")));
            }
        }
    }
    // Installed as it was locked; refused, and as it was; then the new one, by uv, and by pip into another environment.
    let (old, new) = (Some("14.3.0".to_owned()), Some("15.0.0".to_owned()));
    let expected = [(old.clone(), None), (old, None), (new.clone(), None), (new.clone(), new)];
    assert_eq!(done, expected);
}

/// The same where the index has attestations: the project is bound to who signs it, and nobody else is taken.
#[test]
fn an_attested_project_is_installed_by_who_signs_it_and_by_nobody_else() {
    let place = Place::new();
    let run = |words: &[&str], code: i32| {
        let mut command = wheelmark();
        command.current_dir(&place.folder).env("TMPDIR", place.folder.path().join("tmp"));
        command.env("UV_CACHE_DIR", place.folder.path().join("uv-cache"));
        let at = words.iter().position(|word| *word == "--").unwrap_or(words.len());
        command.args(&words[..at]).args(["--trust-root", TRUSTED_ROOT, "--at", AT]);
        if !words.contains(&"check") {
            command.args(["--index", &place.server.url()]);
        }
        said(command.args(&words[at..]), code)
    };
    let digest = wheelmark_core::digest::Sha256Digest::of(&demo().bytes);
    place.put("requirements.txt", format!("demo==1.0 --hash=sha256:{digest}\n").as_bytes());
    fs::remove_file(place.folder.path().join("policy.toml")).expect("removed");
    let init =
        ["policy", "init", "-r", "requirements.txt", "--trust", "private", "--out", "policy.toml"];
    assert!(run(&init, 0).contains("\n  1 by who signs them\n"));
    run(&["policy", "check", "policy.toml", "--deny-warnings"], 0);
    let made = process::Command::new("uv")
        .args(["venv", "--quiet", "--seed", "--python", "python3", "env"])
        .current_dir(&place.folder)
        .output()
        .expect("uv runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let install =
        ["install", "--policy", "policy.toml", "--", "uv", "pip", "install", "--reinstall"];
    let with_uv =
        [&install[..], &["--python", "env/bin/python", "-r", "requirements.txt"]].concat();
    let with_pip =
        ["install", "--policy", "policy.toml", "--", "env/bin/pip", "install", "--force-reinstall"];
    let with_pip = [&with_pip[..], &["-r", "requirements.txt"]].concat();
    run(&with_uv, 0);
    run(&with_pip, 0);
    // Another attests the next release: refused by both, and explained with whom it would take.
    let attested = fixture(&format!("{FILENAME}.provenance"));
    let forged = String::from_utf8(attested).expect("UTF-8").replace("octo/demo", "fork/demo");
    place.server.serve(PROJECT, &[Served { provenance: Some(forged.into_bytes()), ..demo() }]);
    for command in [&with_uv, &with_pip] {
        assert!(run(command, 10).contains("nothing was installed: all or nothing"));
    }
}
