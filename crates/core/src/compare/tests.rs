//! Planted differences: each is found, in its member, by its name and with its level.

use super::made::{INFO, Made, causes, compare, compare_within, demo, file};
use super::{Cause, Detail, Drift, Level, RebuildOutcome, WheelDiff, judge};
use crate::limits::CompareLimits;

fn planted(plant: impl Fn(&mut Made)) -> WheelDiff {
    let (a, mut b) = (demo(), demo());
    plant(&mut b);
    compare(&a, &b)
}

/// Exactly one finding beside RECORD's, with this cause, member and level.
#[track_caller]
fn only(diff: &WheelDiff, cause: Cause, member: &str, level: Level) -> String {
    let found = causes(diff);
    assert_eq!(found.len(), 1, "{diff}");
    assert_eq!(found[0].cause, cause, "{diff}");
    assert!(found[0].members[0].ends_with(member), "{diff}");
    assert_eq!((found[0].level, diff.level()), (level, level), "{diff}");
    format!("{} {:?}", found[0].summary, found[0].details)
}

#[test]
fn the_same_bytes_are_identical() {
    let diff = compare(&demo(), &demo());
    assert_eq!(diff.level(), Level::Identical);
    assert!(diff.findings().is_empty());
    assert_eq!(judge(&diff, &[]), RebuildOutcome::Identical);
}

#[test]
fn the_container_differs_in_times() {
    let diff = planted(|b| b.files.iter_mut().for_each(|file| file.time += 1 << 11));
    let found = causes(&diff);
    assert_eq!(
        (found.len(), found[0].cause, diff.level()),
        (1, Cause::Timestamps, Level::Container)
    );
    assert!(found[0].summary.contains("all 7 members"), "{}", found[0].summary);
    assert!(
        found[0].summary.contains("+3600 s (as another time zone would)"),
        "{}",
        found[0].summary
    );

    let diff =
        planted(|b| b.files.iter_mut().enumerate().for_each(|(n, file)| file.time += n as u16));
    let summary = &causes(&diff)[0].summary;
    assert!(
        summary.contains("one clock, 2026-11-23 12:00:00, in A, a time for each file in B"),
        "{summary}"
    );

    let plant = |b: &mut Made, by: u16| {
        b.files.iter_mut().enumerate().for_each(|(n, f)| f.time += n as u16 + by)
    };
    let (mut a, mut b) = (demo(), demo());
    plant(&mut a, 0);
    plant(&mut b, 15);
    let diff = compare(&a, &b);
    assert!(causes(&diff)[0].summary.contains("all 7 members shifted by +30 s"), "{diff}");
}

#[test]
fn the_container_differs_in_order() {
    let diff = planted(|b| b.files.swap(0, 1));
    let found = causes(&diff);
    let causes: Vec<Cause> = found.iter().map(|finding| finding.cause).collect();
    assert_eq!(causes, [Cause::RecordOrder, Cause::Order], "{diff}");
    assert_eq!(diff.level(), Level::RecordAndGenerator);
}

#[test]
fn permission_bits_are_noise_and_execution_is_not() {
    let noise = planted(|b| b.at("module.py").mode = 0o100_664);
    let told = only(&noise, Cause::Attributes, "module.py", Level::Container);
    assert!(told.contains("mode 100644 in A, mode 100664 in B"), "{told}");
    let type_missing = planted(|b| b.at("module.py").mode = 0o644);
    only(&type_missing, Cause::FileTypeMissing, "module.py", Level::Container);

    for mode in [0o100_755, 0o100_744, 0o755] {
        let diff = planted(|b| b.at("module.py").mode = mode);
        let found = causes(&diff);
        assert_eq!((found[0].cause, diff.level()), (Cause::ModeExecutable, Level::Code), "{diff}");
    }
    let diff = planted(|b| b.at("module.py").mode = 0o104_644);
    only(&diff, Cause::ModeSpecial, "module.py", Level::Code);

    // The type is what some installers ask for before they make a file executable.
    let (mut a, mut b) = (demo(), demo());
    a.at("module.py").mode = 0o100_755;
    b.at("module.py").mode = 0o755;
    let diff = compare(&a, &b);
    assert_eq!(
        (causes(&diff)[0].cause, diff.level()),
        (Cause::ModeExecutable, Level::Code),
        "{diff}"
    );
}

#[test]
fn execution_is_not_hidden_behind_an_explained_difference() {
    let diff = planted(|b| {
        b.at("module.py").mode = 0o100_755;
        b.files.iter_mut().for_each(|file| file.time += 9);
    });
    assert_eq!(diff.level(), Level::Code);
    assert!(matches!(judge(&diff, &[]), RebuildOutcome::Different { .. }));
}

#[test]
fn the_container_differs_in_compression() {
    let diff = planted(|b| b.at("module.py").level = None);
    only(&diff, Cause::CompressionMethod, "module.py", Level::Container);
    let diff = planted(|b| b.at("module.py").level = Some(1));
    let told = only(&diff, Cause::CompressionLevel, "module.py", Level::Container);
    assert!(told.contains("bytes in A"), "{told}");
}

#[test]
fn the_container_differs_in_small_fields() {
    let diff = planted(|b| b.at("module.py").made_by = 0x0014);
    only(&diff, Cause::CreateSystem, "module.py", Level::Container);
    let diff = planted(|b| b.at("module.py").flags = 1 << 11);
    only(&diff, Cause::ZipFlags, "module.py", Level::Container);
    let diff = planted(|b| b.at("module.py").internal = 1);
    only(&diff, Cause::InternalAttributes, "module.py", Level::Container);
    let diff = planted(|b| b.at("module.py").extra = vec![0x55, 0x54, 5, 0, 1, 0, 0, 0, 0]);
    only(&diff, Cause::ZipExtra, "module.py", Level::Container);
}

#[test]
fn members_come_go_and_move() {
    let diff = planted(|b| b.files.insert(0, file("demo/more.py", "x = 1\n")));
    only(&diff, Cause::MemberOnlyInB, "more.py", Level::Code);
    let diff = planted(|b| b.files.retain(|file| !file.name.ends_with("module.py")));
    only(&diff, Cause::MemberOnlyInA, "module.py", Level::Code);
    let diff = planted(|b| b.at("module.py").name = "demo/renamed.py".to_owned());
    let told = only(&diff, Cause::MemberRenamed, "module.py", Level::Code);
    assert!(told.contains("demo/renamed.py"), "{told}");
    let diff = planted(|b| b.at("LICENSE").name = format!("{INFO}/licenses/LICENSE"));
    only(&diff, Cause::License, "LICENSE", Level::Metadata);
}

#[test]
fn what_runs_at_every_start_is_told_first() {
    let diff = planted(|b| {
        (0..30).for_each(|n| b.files.insert(0, file(&format!("demo/a{n}.py"), format!("{n}\n"))));
        b.files.push(file("zz_demo.pth", "import demo\n"));
    });
    let first = &diff.findings()[0];
    assert_eq!((first.cause, first.members[0].as_str()), (Cause::StartupHook, "zz_demo.pth"));
    assert_eq!(first.summary, "only in B: 12 bytes");
    let count: usize = diff
        .findings()
        .iter()
        .map(|finding| if finding.cause == Cause::MemberOnlyInB { finding.member_count } else { 0 })
        .sum();
    assert_eq!(count, 30);
}

#[test]
fn metadata_differs_by_field() {
    for (member, from, to, cause) in [
        ("METADATA", "Version: 2.1", "Version: 2.2", Cause::MetadataVersion),
        ("METADATA", "alpha>=1", "alpha>=2", Cause::RequiresDist),
        ("METADATA", "A description.", "Another description.", Cause::Description),
        ("METADATA", "\n\nA", "\nLicense: MIT\n\nA", Cause::License),
        ("METADATA", "\n\nA", "\nKeywords: x\n\nA", Cause::MetadataField),
        (
            "METADATA",
            "alpha>=1\nRequires-Dist: beta",
            "beta\nRequires-Dist: alpha>=1",
            Cause::Ordering,
        ),
        ("WHEEL", "Purelib: true", "Purelib: false", Cause::RootIsPurelib),
        ("LICENSE", "like.\n", "like.\r\n", Cause::LineEndings),
    ] {
        let diff = planted(|b| b.replace(member, from, to));
        only(&diff, cause, member, Level::Metadata);
    }
    let diff = planted(|b| b.replace("METADATA", "alpha>=1", "alpha (>=1)"));
    let told = only(&diff, Cause::RequiresDist, "METADATA", Level::Metadata);
    assert!(told.contains("the same requirements, written otherwise"), "{told}");
}

/// A parser of markers would end in its stack, or not at all.
#[test]
fn markers_are_compared_without_being_understood() {
    let deep = format!("{}os_name == 'x'{}", "(".repeat(100_000), ")".repeat(100_000));
    let pair = |i| format!("('{i}a' in platform_version and '{i}b' in sys_platform)");
    let wide = (0..40).map(pair).collect::<Vec<_>>().join(" or ");
    for marker in [deep, wide] {
        let respelt = marker.replace('\'', "\"").replace(' ', "  ");
        let requiring = |name: &str, marker: &str| {
            let mut made = demo();
            let to = format!("alpha>=1\nRequires-Dist: {name}; {marker}");
            made.replace("METADATA", "alpha>=1", &to);
            made
        };
        let (a, other) = (requiring("gamma", &marker), requiring("delta", &marker));
        let same = requiring("Gamma", &respelt);
        let told = only(&compare(&a, &other), Cause::RequiresDist, "METADATA", Level::Metadata);
        assert!(told.contains("delta; "), "{told}");
        let told = only(&compare(&a, &same), Cause::RequiresDist, "METADATA", Level::Metadata);
        assert!(told.contains("the same requirements, written otherwise"), "{told}");
    }
}

#[test]
fn the_generator_alone_is_level_two() {
    let diff = planted(|b| b.replace("WHEEL", "maker (1.0)", "maker (1.1)"));
    let told = only(&diff, Cause::Generator, "WHEEL", Level::RecordAndGenerator);
    assert!(told.contains("maker (1.0) in A, maker (1.1) in B"), "{told}");
    // With another line, it is metadata.
    let diff = planted(|b| {
        b.replace("WHEEL", "maker (1.0)", "maker (1.1)");
        b.replace("WHEEL", "Purelib: true", "Purelib: false");
    });
    assert_eq!(diff.level(), Level::Metadata, "{diff}");
    // And where only its place changed, that is said.
    let diff = planted(|b| {
        b.replace(
            "WHEEL",
            "Generator: maker (1.0)\nRoot-Is-Purelib: true",
            "Root-Is-Purelib: true\nGenerator: maker (1.1)",
        );
    });
    let names: Vec<Cause> = causes(&diff).iter().map(|finding| finding.cause).collect();
    assert_eq!((names, diff.level()), (vec![Cause::Ordering, Cause::Generator], Level::Metadata));
}

#[test]
fn entry_points_are_code_when_they_name_something_else() {
    let diff = planted(|b| b.replace("entry_points.txt", "demo:main", "demo:evil"));
    only(&diff, Cause::EntryPoints, "entry_points.txt", Level::Code);
    let diff = planted(|b| b.replace("entry_points.txt", "\ndemo = demo:main", "\ndemo=demo:main"));
    let found = causes(&diff);
    assert_eq!((found[0].cause, diff.level()), (Cause::TextChanged, Level::Metadata), "{diff}");
}

#[test]
fn record_differs_by_itself() {
    let with = |record: fn(String) -> String| planted(move |b| b.record = record);
    let diff = with(|record| record.lines().rev().map(|line| format!("{line}\n")).collect());
    only(&diff, Cause::RecordOrder, "RECORD", Level::RecordAndGenerator);
    let diff = with(|record| record.replace('\n', "\r\n"));
    only(&diff, Cause::RecordForm, "RECORD", Level::RecordAndGenerator);
}

#[test]
fn code_differs_by_what_the_build_put_in() {
    let with = |a: &str, b: &str| {
        let (mut left, mut right) = (demo(), demo());
        left.set("module.py", format!("# made\nbuilt = {a}\nend = 1\n"));
        right.set("module.py", format!("# made\nbuilt = {b}\nend = 1\n"));
        compare(&left, &right)
    };
    for (a, b, cause) in [
        ("'2026-11-23 16:20:05'", "'2025-01-02 03:04:05'", Cause::EmbeddedTimestamp),
        ("'/tmp/build-one/src'", "'/home/two/src'", Cause::EmbeddedPath),
        ("'da39a3ee5e6b4b0d'", "'0beec7b5ea3f0fdb'", Cause::RandomValue),
        ("{'a', 'b', 'c'}", "{'c', 'a', 'b'}", Cause::Ordering),
        ("1", "1  ", Cause::TrailingWhitespace),
        ("1", "2", Cause::TextChanged),
        ("'x'\nif x: pass", "'x'\n  if x: pass", Cause::TextChanged),
    ] {
        let diff = with(a, b);
        only(&diff, cause, "module.py", Level::Code);
    }
    let told = with("'/tmp/build-one/src'", "'/home/two/src'");
    let summary = &causes(&told)[0].summary;
    assert_eq!(summary, "`/tmp/build-one/src` in A, `/home/two/src` in B");
}

#[test]
fn changed_text_is_shown_as_a_hunk() {
    let diff = planted(|b| b.replace("module.py", "value_20 = 20\n", "value_20 = 21\nmore = 1\n"));
    let finding = causes(&diff)[0];
    assert_eq!(finding.cause, Cause::TextChanged);
    let [Detail::Hunk { lines }] = finding.details.as_slice() else {
        panic!("{diff}");
    };
    assert_eq!(
        lines,
        &[
            "@@ -19,5 +19,6 @@",
            " value_18 = 18",
            " value_19 = 19",
            "-value_20 = 20",
            "+value_20 = 21",
            "+more = 1",
            " value_21 = 21",
            " value_22 = 22",
        ]
    );
}

#[test]
fn a_hunk_says_its_place_where_lines_repeat() {
    // Here the library leaves the place of the last deletion behind in B.
    let (mut a, mut b) = (demo(), demo());
    a.set("module.py", "same\n".repeat(11) + "gone\n");
    b.set("module.py", "new\n".to_owned() + &"same\n".repeat(18));
    let diff = compare(&a, &b);
    let [Detail::Hunk { lines }] = causes(&diff)[0].details.as_slice() else {
        panic!("{diff}");
    };
    let places: Vec<_> = lines.iter().filter(|line| line.starts_with("@@")).collect();
    assert_eq!(places, ["@@ -1,2 +1,10 @@", "@@ -10,3 +18,2 @@"]);
}

#[test]
fn two_causes_in_one_text_are_both_named() {
    let (mut a, mut b) = (demo(), demo());
    a.set("module.py", "t = '2026-11-23'\nsame = 1\nx = 1\n");
    b.set("module.py", "t = '2025-01-02'\nsame = 1\nx = 2\n");
    let diff = compare(&a, &b);
    let names: Vec<Cause> = causes(&diff).iter().map(|finding| finding.cause).collect();
    assert_eq!(names, [Cause::TextChanged, Cause::EmbeddedTimestamp]);
}

#[test]
fn bytes_that_are_no_text_differ_at_an_offset() {
    let (mut a, mut b) = (demo(), demo());
    a.set("module.py", b"\0\0abc\xff\xff".to_vec());
    b.set("module.py", b"\0\0abX\xff\xfe".to_vec());
    let diff = compare(&a, &b);
    let told = only(&diff, Cause::BinaryChanged, "module.py", Level::Code);
    assert!(told.contains("2 of 7 bytes differ, from offset 0x4"), "{told}");

    let pyc = |time: u8, code: &[u8]| {
        [&[0xa7, 13, 13, 10, 0, 0, 0, 0, time, 0, 0, 0, 9, 0, 0, 0], code].concat()
    };
    let with = |left: Vec<u8>, right: Vec<u8>| {
        let (mut a, mut b) = (demo(), demo());
        a.files.insert(0, file("demo/c.pyc", left));
        b.files.insert(0, file("demo/c.pyc", right));
        compare(&a, &b)
    };
    only(&with(pyc(1, b"\0code"), pyc(2, b"\0code")), Cause::PycHeader, "c.pyc", Level::Code);
    only(&with(pyc(1, b"\0code"), pyc(1, b"\0else")), Cause::PycCode, "c.pyc", Level::Code);
}

#[test]
fn what_is_too_large_is_compared_by_digest_and_said_to_be() {
    let (a, mut b) = (demo(), demo());
    b.replace("module.py", "value_1 = 1\n", "value_1 = 2\n");
    let mut limits = CompareLimits::standard();
    limits.member = 10;
    let diff = compare_within(&a, &b, &limits);
    assert_eq!(diff.level(), Level::Code);
    let told = diff.to_string();
    assert!(told.contains("compared by digest only"), "{told}");
    let mut limits = CompareLimits::standard();
    limits.lines = 1;
    let diff = compare_within(&a, &b, &limits);
    assert_eq!((causes(&diff)[0].cause, diff.level()), (Cause::TextChanged, Level::Code), "{diff}");
}

#[test]
fn versions_are_paired_by_role() {
    let (a, mut b) = (demo(), demo());
    for file in &mut b.files {
        file.name = file.name.replace(INFO, "demo-1.1.dist-info");
    }
    b.replace("METADATA", "Version: 1.0", "Version: 1.1");
    b.filename = "demo-1.1-py3-none-any.whl".to_owned();
    let diff = compare(&a, &b);
    let names: Vec<Cause> = causes(&diff).iter().map(|finding| finding.cause).collect();
    assert_eq!(names, [Cause::NameVersion, Cause::NameVersion, Cause::Filename], "{diff}");
}

#[test]
fn text_from_a_wheel_cannot_drive_a_terminal() {
    let diff = planted(|b| b.replace("module.py", "value_1 = 1\n", "\u{1b}[31m\u{202e} = 1\n"));
    let told = diff.to_string();
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
    assert!(told.contains("\\u{1b}[31m\\u{202e}"), "{told}");
}

#[test]
fn json_has_a_schema_and_no_bool() {
    let diff = planted(|b| b.replace("WHEEL", "maker (1.0)", "maker (1.1)"));
    let json = serde_json::to_value(&diff).unwrap();
    assert_eq!(json["schema"], "https://wheelmark.dev/diff/v1");
    assert_eq!(json["level"], "record-and-generator");
    assert_eq!(json["findings"][0]["cause"], "generator");
    assert_eq!(json["findings"][0]["memberCount"], 1);
    assert!(!json.to_string().contains("true"));
}

#[test]
fn every_level_is_judged_with_and_without_drift() {
    let drift = [Drift {
        what: "interpreter version".to_owned(),
        recorded: "3.11.2".to_owned(),
        found: "3.11.4".to_owned(),
    }];
    let diffs = [
        (Level::Identical, compare(&demo(), &demo())),
        (Level::Container, planted(|b| b.at("module.py").time += 1)),
        (Level::RecordAndGenerator, planted(|b| b.replace("WHEEL", "(1.0)", "(1.1)"))),
        (Level::Metadata, planted(|b| b.replace("METADATA", "A desc", "The desc"))),
        (Level::Code, planted(|b| b.replace("module.py", "= 1\n", "= 2\n"))),
    ];
    for (level, diff) in diffs {
        assert_eq!(diff.level(), level);
        let (exact, drifted) = (judge(&diff, &[]), judge(&diff, &drift));
        match level {
            Level::Identical => {
                assert_eq!(
                    (exact, drifted),
                    (RebuildOutcome::Identical, RebuildOutcome::Identical)
                );
                continue;
            }
            Level::Container => assert_eq!(
                exact,
                RebuildOutcome::Equivalent {
                    normalizers: vec!["zip-times/1".to_owned()],
                    copied: Vec::new(),
                }
            ),
            _ => assert_eq!(exact, RebuildOutcome::Different { diffs: diff.causes() }),
        }
        let RebuildOutcome::Inconclusive { cause } = drifted else {
            panic!("{level:?}: {drifted:?}");
        };
        assert!(cause.contains("interpreter version: 3.11.2 recorded, 3.11.4 found"), "{cause}");
    }
}
