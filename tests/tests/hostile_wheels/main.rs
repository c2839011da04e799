//! The wheel reader against hostile wheels: every lie refused with its reason, every honest wheel taken.

#![allow(clippy::expect_used)] // a case that cannot be made should stop the test

mod change;
mod lax;
mod refused;

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use change::*;
use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::WheelFilename;
use wheelmark_core::limits::WheelLimits;
use wheelmark_core::report::Reason::{self, *};
use wheelmark_core::wheel::{self, Compression, NoteKind, Readable, Wheel, WheelError};
use wheelmark_tests::hostile::{End, Entry, Plan, extra};

fn read(filename: &str, bytes: &[u8]) -> Result<Wheel, WheelError> {
    let filename = WheelFilename::parse(filename).expect("a wheel's name");
    wheel::read(Cursor::new(bytes), filename, &WheelLimits::standard())
}

#[test]
fn every_lie_is_refused_with_its_reason() {
    let cases = refused::cases();
    let mut wrong = Vec::new();
    for (case, (filename, bytes), expected) in &cases {
        match read(filename, bytes) {
            Err(error) if error.reason() == Some(*expected) => {}
            Err(error) => wrong.push(format!("{case}: not {expected}: {error}")),
            Ok(_) => wrong.push(format!("{case}: accepted, not {expected}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// A comparison may read what a wheel holds and not what it is.
#[test]
fn only_what_members_hold_may_be_wrong_in_a_comparison() {
    let data = [ArchiveCrc, ArchiveDeflate, ArchiveDeflateTrailing, ArchiveSize];
    let layout = [
        MetadataDistInfoMissing,
        MetadataDistInfoSeveral,
        MetadataDistInfoName,
        MetadataDataDirectory,
        MetadataDataScheme,
        MetadataInstallCollision,
    ];
    let of_the_archive = |reason: Reason| {
        reason.code().starts_with("archive-") && !data.contains(&reason) || layout.contains(&reason)
    };
    let (mut wrong, mut shown) = (Vec::new(), 0);
    for (case, (filename, bytes), reason) in refused::cases() {
        let filename = WheelFilename::parse(&filename).expect("a wheel's name");
        let read = wheel::read_to_compare(Cursor::new(&bytes), filename, &WheelLimits::standard());
        let right = match &read {
            Ok(Readable::Sound(_)) => false,
            Ok(Readable::Unsound(wheel)) => {
                shown += 1;
                let mut contradictions = wheel.contradictions().iter();
                !of_the_archive(reason) && contradictions.any(|it| it.reason == reason)
            }
            // What is wrong with the archive may lie behind what the strict reader met first; and headers
            // may say already that the data cannot be what they say.
            Err(error) => error.reason().is_some_and(|found| {
                let headers = (found, reason) == (ArchiveSize, ArchiveSize);
                headers || of_the_archive(found) && (found == reason || !of_the_archive(reason))
            }),
        };
        if !right {
            wrong.push(format!("{case}: {reason}: {read:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(shown > 20, "{shown}");
}

/// Reasons that the bounds give, which have a test of their own.
const BY_BOUNDS: &[Reason] =
    &[ArchiveTooLarge, ArchiveDirectoryTooLarge, ArchiveInflatedTooLarge, ArchiveMemberTooLarge];

#[test]
fn every_reason_of_the_reader_has_a_case() {
    let cases = refused::cases();
    let of_the_reader = |reason: &&Reason| {
        let areas = ["archive-", "record-", "metadata-"];
        areas.iter().any(|area| reason.code().starts_with(area))
    };
    let uncovered: Vec<_> = Reason::ALL
        .iter()
        .filter(of_the_reader)
        .filter(|reason| !BY_BOUNDS.contains(reason))
        .filter(|reason| cases.iter().all(|(_, _, expected)| expected != *reason))
        .collect();
    assert!(uncovered.is_empty(), "{uncovered:?}");
}

#[test]
fn bounds_are_held() {
    let (filename, bytes) = packed(|_| {});
    let standard = WheelLimits::standard;
    #[rustfmt::skip]
    let cases = [
        (WheelLimits { file_size: bytes.len() as u64 - 1, ..standard() }, ArchiveTooLarge),
        (WheelLimits { members: 4, ..standard() }, ArchiveTooManyMembers),
        (WheelLimits { central_directory: 100, ..standard() }, ArchiveDirectoryTooLarge),
        (WheelLimits { inflated_total: 100, ..standard() }, ArchiveInflatedTooLarge),
        (WheelLimits { inflation_ratio: 0, ..standard() }, ArchiveInflationRatio),
        (WheelLimits { wheel_ratio: 0, wheel_ratio_from: 0, ..standard() }, ArchiveInflationRatio),
        (WheelLimits { metadata_file: 10, ..standard() }, ArchiveMemberTooLarge),
    ];
    for (limits, expected) in cases {
        let filename = WheelFilename::parse(&filename).unwrap();
        let error = wheel::read(Cursor::new(&bytes), filename, &limits).unwrap_err();
        assert_eq!(error.reason(), Some(expected), "{error}");
    }
}

#[rustfmt::skip]
fn honest() -> Vec<(&'static str, File)> {
    let sha512 = "sha512=4s-Cqby8HI9BAdhtDo4DtJm2BNrbXL4Or1ppC77UU26d1sEnY9wsWPxPBRbCCA5enpyo6Dted-7nWRYgJivrXA";
    vec![
        ("plain", packed(|_| {})),
        ("tags-in-another-order", planned(|plan| {
            plan.filename = "demo-1.0-py3.py2-none-any.whl".into();
            plan.edit(WHEEL, "Tag: py3-none-any", "Tag: py2-none-any\nTag: py3-none-any");
        })),
        ("tags-compressed", planned(|plan| {
            plan.filename = "demo-1.0-py3.py2-none-any.whl".into();
            plan.edit(WHEEL, "py3-none-any", "py2.py3-none-any");
        })),
        ("build-tag", planned(|plan| {
            plan.filename = "demo-1.0-7a-py3-none-any.whl".into();
            plan.edit(WHEEL, "Tag:", "Build: 7a\nTag:");
        })),
        ("two-generators", edited(WHEEL, "Tag:", "Generator: delocate 0.13.0\nTag:")),
        ("metadata-spelled-otherwise", planned(|plan| {
            plan.edit(METADATA, "Name: demo", "Name: DEMO").edit(METADATA, "\nVersion: 1.0", "\nVersion: 1.0.0");
        })),
        ("dist-info-spelled-as-the-name", planned(|plan| {
            plan.filename = "Demo-1.0.0-py3-none-any.whl".into();
            for (name, _) in &mut plan.files {
                *name = name.replace("demo-1.0.dist-info", "Demo-1.0.0.dist-info");
            }
            plan.record_path = "Demo-1.0.0.dist-info/RECORD".into();
        })),
        ("directory-entries", planned(|plan| {
            plan.put("demo/", "").put("demo-1.0.dist-info/", "").put("demo-1.0.data/", "");
            plan.put("demo-1.0.data/scripts/", "").put("demo-1.0.data/scripts/x", "#!python\n");
        })),
        ("unicode-name", named("demo/\u{e9}\u{4e2d}.py")),
        ("names-that-only-share-a-beginning", both_named("demo/__init__", "demo/__init__.py2/x")),
        ("utf8-flag-on-ascii", both_headers(|h| h.flags = 1 << 11)),
        ("stored", stored().0),
        ("record-first", packed(|a| a.entries.rotate_right(1))),
        ("empty-deflated", packed(|a| {
            let entry = a.entry(EMPTY);
            entry.data = vec![3, 0];
            entry.both(|h| (h.method, h.compressed_size) = (8, 2));
        })),
        ("deflate-eight-back", eight_back(8)),
        ("zip64-end-records", end64(End::saturated(), |_| {})),
        ("zip64-end-records-beside-a-full-one", end64(End::default(), |_| {})),
        ("zip64-sizes", zip64_sizes(Some(sizes()), Some(sizes()))),
        ("zip64-sizes-in-local-header", zip64_sizes(Some(sizes()), None)),
        ("zip64-sizes-given-twice", local_header(|h| h.extra = sizes())),
        ("unix-times", packed(|a| {
            a.entry(INIT).local().extra = extra(0x5455, &[3, 1, 2, 3, 4, 5, 6, 7, 8]);
            a.entry(INIT).central().shared.extra = extra(0x5455, &[3, 1, 2, 3, 4]);
        })),
        ("record-sha512", record(&init_hash(), sha512)),
        ("record-quoted", record("demo/empty.py", "\"demo/empty.py\"")),
        ("record-with-returns", record("\n", "\r\n")),
        ("record-without-final-newline", record("RECORD,,\n", "RECORD,,")),
        ("record-without-a-size", record(",14\n", ",\n")),
        ("record-signature", planned(|plan| {
            plan.record = Some(plan.honest_record());
            plan.put("demo-1.0.dist-info/RECORD.jws", "{}");
        })),
        ("record-signature-listed", planned(|plan| {
            plan.record = Some(plan.honest_record() + "demo-1.0.dist-info/RECORD.p7s,,\n");
            plan.put("demo-1.0.dist-info/RECORD.p7s", "{}");
        })),
        ("metadata-with-returns", edited(METADATA, "\n", "\r\n")),
        ("metadata-continued", edited(METADATA, "Name:", "License: one\n        two\nName:")),
        ("entry-points", entry_points("# made\n[console_scripts]\n demo.x-1 = demo:main [a]\n\n[x.y]\n a b: c = d\n a b: e = f\n[e]\n")),
        ("vendored-dist-info", named("demo/_vendor/six-1.0.dist-info/METADATA")),
        ("data-that-no-scheme-holds", named("demo/.data/x")),
        ("data-that-is-a-file-of-the-root", named("demo-1.0.data/data/share/demo/x.data")),
        ("headers-by-both-schemes", both_named("demo-1.0.data/data/include/pybind/x.h", "demo-1.0.data/headers/pybind/x.h")),
        ("names-too-long-to-be-short", both_named("demo/0bqafy~83g2md.js", "demo/0123456789~1.js")),
        ("devices-only-in-part", both_named("demo/null.py", "demo/com10.py")),
        ("scripts-beside-an-entry-point", planned(|plan| {
            plan.put("demo-1.0.data/data/bin/b", "").put("demo-1.0.data/data/share/a", "");
            plan.put("demo-1.0.data/scripts/c", "#!python\n");
            plan.put(ENTRY_POINTS, "[console_scripts]\na = demo:main\npython-demo = demo:main\nlibpythonista = demo:main\n");
        })),
        ("purelib-beside-root", named("demo-1.0.data/purelib/demo/more.py")),
    ]
}

#[test]
fn unusual_but_honest_wheels_are_accepted() {
    for (case, (filename, bytes)) in honest() {
        if let Err(error) = read(&filename, &bytes) {
            panic!("{case}: {error}");
        }
    }
}

#[test]
fn what_a_wheel_says_otherwise_than_its_name_is_told() {
    let notes = |(filename, bytes): File| {
        let wheel = read(&filename, &bytes).unwrap();
        wheel.notes().iter().map(|note| (note.kind, note.to_string())).collect::<Vec<_>>()
    };
    let named = |name: &str| planned(|plan| plan.filename = name.to_owned());
    assert_eq!(notes(packed(|_| {})), []);
    let text = "WHEEL says it is for `py3-none-any`, the file name `py3-none-win_amd64`".to_owned();
    assert_eq!(notes(named("demo-1.0-py3-none-win_amd64.whl")), [(NoteKind::OtherPlatforms, text)]);
    let text = "the file name has the build tag `1`, of which WHEEL says nothing".to_owned();
    assert_eq!(notes(named("demo-1.0-1-py3-none-any.whl")), [(NoteKind::BuildUnsaid, text)]);
}

#[test]
fn a_wheel_tells_what_it_holds() {
    let mut plan = Plan::new();
    plan.put("evil.pth", "import os\n").put("demo/inner.pth", "");
    plan.put("sitecustomize/__init__.py", "");
    plan.put("demo-1.0.data/platlib/usercustomize.so", "");
    plan.put("_distutils_hack/__init__.py", "").put("_virtualenv.py", "");
    plan.put("demo-1.0.data/data/lib/a.pth", "");
    plan.put("demo-1.0.data/data/bin/python3.11", "");
    plan.put("demo-1.0.data/data/bin/python311._pth", "");
    plan.put("demo-1.0.data/data/pyvenv.cfg", "");
    plan.put("demo-1.0.data/data/lib/python3.11/os.py", "");
    plan.put("demo-1.0.data/data/bin/python-config", "");
    plan.put("demo-1.0.data/data/lib/python312.zip", "");
    plan.put("demo-1.0.data/data/lib/libpython3.11.so.1.0", "");
    plan.put("demo-1.0.data/data/Lib/encodings/__init__.py", "");
    plan.put("demo-1.0.data/data/lib/cmake/demo.cmake", "");
    plan.put("demo-1.0.data/scripts/pyvenv.cfg", "");
    plan.put("demo-1.0.data/scripts/python3", "");
    plan.put("demo-1.0.data/scripts/python.com", "");
    plan.put("demo-1.0.data/scripts/pythonx", "");
    plan.edit(
        METADATA,
        "\nVersion: 1.0\n",
        "\nVersion: 1.0\nRequires-Dist: six\nRequires-Python: >=3\n",
    );
    let mut archive = plan.archive();
    let (date, time) = (46 << 9 | 7 << 5 | 4, 13 << 11 | 5 << 5 | 6);
    archive.entry(INIT).both(|header| (header.date, header.time) = (date, time));
    let bytes = archive.bytes();
    let wheel = read(&plan.filename, &bytes).unwrap();
    assert_eq!(
        wheel.startup_hooks(),
        [
            "evil.pth",
            "sitecustomize/__init__.py",
            "demo-1.0.data/platlib/usercustomize.so",
            "_distutils_hack/__init__.py",
            "_virtualenv.py",
            "demo-1.0.data/data/lib/a.pth",
            "demo-1.0.data/data/bin/python3.11",
            "demo-1.0.data/data/bin/python311._pth",
            "demo-1.0.data/data/pyvenv.cfg",
            "demo-1.0.data/data/lib/python3.11/os.py",
            "demo-1.0.data/data/lib/python312.zip",
            "demo-1.0.data/data/lib/libpython3.11.so.1.0",
            "demo-1.0.data/data/Lib/encodings/__init__.py",
            "demo-1.0.data/scripts/pyvenv.cfg",
            "demo-1.0.data/scripts/python3",
            "demo-1.0.data/scripts/python.com",
        ]
    );
    assert_eq!(wheel.size(), bytes.len() as u64);
    assert_eq!(wheel.sha256(), Sha256Digest::of(&bytes));
    assert_eq!(wheel.metadata().requires_dist().collect::<Vec<_>>(), ["six"]);
    assert_eq!(wheel.metadata().requires_python(), Some(">=3"));
    assert_eq!(wheel.wheel_file().generator(), Some("by hand"));
    assert!(wheel.wheel_file().root_is_purelib());
    assert_eq!(wheel.record().entries().len(), plan.files.len() + 1);

    let member = wheel.members().iter().find(|member| member.name() == INIT).unwrap();
    assert_eq!(member.size(), 14);
    assert_eq!(member.compression(), Compression::Deflated);
    assert_eq!(member.unix_mode(), Some(0o100_644));
    assert_eq!(member.dos_time(), (date, time));
    assert_eq!(member.modified().unwrap().to_string(), "2026-07-04 13:05:12");
    let data = wheel.member_bytes(Cursor::new(&bytes), member, 14).unwrap();
    assert_eq!(data, b"print('demo')\n");
    assert_eq!(member.sha256(), Sha256Digest::of(&data));
    let error = wheel.member_bytes(Cursor::new(&bytes), member, 13).unwrap_err();
    assert_eq!(error.reason(), Some(ArchiveMemberTooLarge));
    let other = packed(|a| *a.entry(INIT) = Entry::new(INIT, b"print('evil')\n")).1;
    let error = wheel.member_bytes(Cursor::new(&other), member, 14).unwrap_err();
    assert!(matches!(error, WheelError::Io(_)), "{error}");
}

/// Members are read and inflated by pieces: the rules hold wherever the last piece ends.
#[test]
fn members_of_every_size_are_held_to_the_same_rules() {
    const BIG: &str = "demo/big.bin";
    const PIECE: usize = 256 * 1024;
    // What hardly packs, so that what is read ends near a piece too.
    let mut state = 1u32;
    let mut noise = |length: usize| -> Vec<u8> {
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(next).collect()
    };
    let contents = [
        vec![b'x'; PIECE - 1],
        vec![b'x'; PIECE],
        vec![b'x'; PIECE + 1],
        vec![b'x'; 64 * PIECE],
        noise(PIECE - 4096),
        noise(PIECE + 4096),
    ];
    for content in contents {
        let mut plan = Plan::new();
        plan.put(BIG, &content);
        let honest = plan.archive();
        let changed = |change: fn(&mut Entry)| {
            let mut archive = honest.clone();
            change(archive.entry(BIG));
            read(&plan.filename, &archive.bytes()).map_err(|error| error.reason())
        };
        let longer = |entry: &mut Entry| {
            entry.data.push(0);
            entry.both(|header| header.compressed_size += 1);
        };
        let shorter = |entry: &mut Entry| {
            entry.data.pop();
            entry.both(|header| header.compressed_size -= 1);
        };
        let case = format!("{} bytes", content.len());
        assert!(changed(|_| {}).is_ok(), "{case}");
        for (change, expected) in [
            (longer as fn(&mut Entry), ArchiveDeflateTrailing),
            (shorter, ArchiveDeflate),
            (
                |entry| {
                    entry.both(|header| header.size -= 1);
                },
                ArchiveSize,
            ),
            (
                |entry| {
                    entry.both(|header| header.size += 1);
                },
                ArchiveSize,
            ),
            (
                |entry| {
                    entry.both(|header| header.crc32 ^= 1);
                },
                ArchiveCrc,
            ),
        ] {
            assert_eq!(changed(change).err(), Some(Some(expected)), "{case}");
        }
    }
}

/// What other inflaters take is refused, though sizes, CRC-32 and RECORD are those of what they make of it.
#[test]
fn deflate_is_what_its_specification_says() {
    let lax = lax::streams().into_iter().map(|stream| (stream, Some(ArchiveDeflate)));
    for ((case, packed, content), expected) in lax.chain([(lax::strict(), None)]) {
        let mut output = vec![0; content.len()];
        let inflated = libdeflater::Decompressor::new().deflate_decompress(&packed, &mut output);
        assert_eq!((inflated, &output), (Ok(content.len()), &content), "{case}");

        let mut plan = Plan::new();
        plan.put(INIT, &content);
        let mut archive = plan.archive();
        let entry = archive.entry(INIT);
        entry.data = packed;
        let length = entry.data.len() as u32;
        entry.both(|header| header.compressed_size = length);
        let read = read(&plan.filename, &archive.bytes());
        assert_eq!(read.err().and_then(|error| error.reason()), expected, "{case}");
    }
}

#[test]
fn no_flipped_bit_passes_but_where_the_archive_says_a_thing_once() {
    let ((filename, mut bytes), archive) = stored();
    assert!(read(&filename, &bytes).is_ok());
    // Said once: version made by, internal and external attributes, in each header of the directory.
    let mut said_once = vec![false; bytes.len()];
    let mut at = bytes.len() - 22;
    for mut entry in archive.entries.into_iter().rev() {
        at -= 46 + entry.local().name.len();
        said_once[at + 4..at + 6].fill(true);
        said_once[at + 36..at + 42].fill(true);
    }
    for index in 0..bytes.len() {
        for bit in 0..8 {
            bytes[index] ^= 1 << bit;
            match read(&filename, &bytes) {
                Ok(_) => assert!(said_once[index], "bit {bit} of byte {index} passes"),
                Err(WheelError::Refused(_)) => {}
                Err(WheelError::Io(error)) => panic!("bit {bit} of byte {index}: {error}"),
            }
            bytes[index] ^= 1 << bit;
        }
    }
}

#[test]
fn no_part_of_a_wheel_is_a_wheel() {
    let (filename, bytes) = packed(|_| {});
    for length in 0..bytes.len() {
        let part = read(&filename, &bytes[..length]);
        assert!(matches!(part, Err(WheelError::Refused(_))), "the first {length} bytes: {part:?}");
    }
}

/// A file that after a number of reads holds something else, or fails.
struct Shifty<'a> {
    now: Cursor<&'a [u8]>,
    then: Option<&'a [u8]>,
    reads: usize,
}

impl Read for Shifty<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.reads.checked_sub(1), self.then) {
            (Some(left), _) => self.reads = left,
            (None, None) => return Err(io::Error::other("the disk is gone")),
            (None, Some(then)) => {
                let position = self.now.position();
                self.now = Cursor::new(then);
                self.now.set_position(position);
            }
        }
        // In small pieces, so that there are many moments for it to change in.
        let length = buffer.len().min(100);
        self.now.read(&mut buffer[..length])
    }
}

impl Seek for Shifty<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.now.seek(to)
    }
}

#[test]
fn a_file_that_fails_or_changes_meanwhile_is_neither_accepted_nor_called_bad() {
    let ((filename, bytes), mut archive) = stored();
    archive.entry(INIT).central().version_made_by = 0;
    let other = archive.bytes();
    assert!(read(&filename, &other).is_ok(), "each of the two is a good wheel");
    let run = |reads, then| {
        let now = Cursor::new(&bytes[..]);
        let filename = WheelFilename::parse(&filename).unwrap();
        wheel::read(Shifty { now, then, reads }, filename, &WheelLimits::standard())
    };
    let needed = (0..1000).find(|reads| match run(*reads, None) {
        Ok(_) => true,
        Err(WheelError::Io(_)) => false,
        Err(refused) => panic!("after {reads} reads: {refused}"),
    });
    let mut changed = 0;
    for reads in 0..needed.expect("the file is read to its end") {
        match run(reads, Some(&other)) {
            // What is returned is one of the two files, never a mixture.
            Ok(wheel) => {
                let first = wheel.members().iter().find(|member| member.name() == INIT).unwrap();
                let is_other = first.version_made_by() == 0;
                let whole = if is_other { &other } else { &bytes };
                assert_eq!(wheel.sha256(), Sha256Digest::of(whole), "after {reads} reads");
            }
            Err(WheelError::Io(_)) => changed += 1,
            Err(refused) => panic!("after {reads} reads: {refused}"),
        }
    }
    assert!(changed > 5, "a change was seen {changed} times");
}

#[test]
fn what_a_wheel_says_is_shown_escaped() {
    let (filename, bytes) = named("demo/\u{1b}[2K\u{202e}.py");
    let message = read(&filename, &bytes).unwrap_err().to_string();
    assert!(message.contains("\\u{1b}[2K\\u{202e}"), "{message}");
    assert!(!message.contains(['\u{1b}', '\u{202e}']));
}
