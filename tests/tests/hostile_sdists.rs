//! The reader of source distributions against hostile ones: every lie refused with its reason, every
//! honest one taken.

#![allow(clippy::expect_used)] // a case that cannot be made should stop the test

use std::io::{self, Read, Write as _};

use wheelmark_core::digest::Sha256Digest;
use wheelmark_core::filename::SdistFilename;
use wheelmark_core::limits::SdistLimits;
use wheelmark_core::report::Reason::{self, *};
use wheelmark_core::sdist::{self, Kind, Sdist, SdistError};
use wheelmark_tests::hostile;
use wheelmark_tests::hostile_sdist::{
    Entry, KIND, LINK, MAGIC, MTIME, PREFIX, SIZE, Sdist as Plan, gzip, pax_records,
};

/// A file's name and its bytes.
type File = (String, Vec<u8>);

fn read(filename: &str, bytes: &[u8]) -> Result<Sdist, SdistError> {
    let filename = SdistFilename::parse(filename).expect("a source distribution's name");
    sdist::read(bytes, filename, &SdistLimits::standard())
}

fn planned(change: impl FnOnce(&mut Plan)) -> File {
    let mut plan = Plan::new();
    change(&mut plan);
    (plan.filename.clone(), plan.bytes())
}

/// More headers after the honest ones.
fn with(entries: impl IntoIterator<Item = Entry>) -> File {
    planned(|plan| plan.entries.extend(entries))
}

/// One more file, of this name.
fn named(name: &str) -> File {
    with([Entry::file(name, "x")])
}

/// The header of the first file.
fn header(at: usize, bytes: &[u8]) -> File {
    planned(|plan| {
        plan.entries[0].put(at, bytes);
    })
}

/// A file, and records before it.
fn records(records: &[(&str, &str)]) -> File {
    with([Entry::pax(records), Entry::file("demo-1.0/more", "x")])
}

/// A file, and an extended header with this data before it.
fn raw_records(data: &[u8]) -> File {
    with([Entry::new(b'x', "PaxHeader", data), Entry::file("demo-1.0/more", "x")])
}

/// Another PKG-INFO.
fn pkg_info(text: &str) -> File {
    planned(|plan| plan.entries[1] = Entry::file("demo-1.0/PKG-INFO", text))
}

/// The bytes of the whole file, changed.
fn file(change: impl FnOnce(&mut Vec<u8>)) -> File {
    let (name, mut bytes) = planned(|_| {});
    change(&mut bytes);
    (name, bytes)
}

fn link(target: &str) -> File {
    with([Entry::symlink("demo-1.0/a/link", target)])
}

fn of_kind(kind: u8) -> File {
    with([Entry::new(kind, "demo-1.0/more", b"")])
}

/// A path that fits no header, and what a writer leaves of it there.
fn long() -> (String, String) {
    let path = format!("demo-1.0/{}/end", "long".repeat(50));
    let cut = path[..100].to_owned();
    (path, cut)
}

#[rustfmt::skip]
fn cases() -> Vec<(&'static str, File, Reason)> {
    let (path, cut) = long();
    let wheel = hostile::Plan::new().archive().bytes();
    vec![
        // The gzip around it.
        ("empty-file", file(Vec::clear), SdistGzip),
        ("not-a-gzip", file(|b| *b = b"x".repeat(1000)), SdistGzip),
        ("bare-tar", file(|b| *b = Plan::new().tar()), SdistGzip),
        ("a-wheel", file(|b| b.clone_from(&wheel)), SdistGzip),
        ("gzip-other-method", file(|b| b[2] = 7), SdistGzip),
        ("gzip-wrong-sum", file(|b| { let at = b.len() - 8; b[at] ^= 1; }), SdistGzip),
        ("gzip-wrong-length", file(|b| { let at = b.len() - 1; b[at] ^= 1; }), SdistGzip),
        ("gzip-cut", file(|b| { b.pop(); }), SdistGzip),
        ("gzip-and-bytes", file(|b| b.push(0)), SdistGzipTrailing),
        ("gzip-and-gzip", file(|b| b.extend(gzip(&Plan::new().tar()))), SdistGzipTrailing),
        ("gzip-and-empty-gzip", file(|b| b.extend(gzip(b""))), SdistGzipTrailing),
        ("gzip-and-zip", file(|b| b.extend(&wheel)), SdistGzipTrailing),
        ("zip-inside-stored", file(|b| *b = stored_zip(&wheel)), SdistAlsoZip),

        // Headers.
        ("checksum-wrong", planned(|p| { p.entries[0].put(148, b"0000001\0").sum = false; }), SdistChecksum),
        ("checksum-signed", signed_checksum(), SdistChecksum),
        ("checksum-blank", planned(|p| { p.entries[0].put(148, b"        ").sum = false; }), SdistChecksum),
        ("magic-none", header(MAGIC, &[0; 8]), SdistHeader),
        ("magic-other-version", header(MAGIC, b"ustar\x0001"), SdistHeader),
        ("magic-star", header(508, b"tar\0"), SdistHeader),
        ("gnu-with-prefix", planned(|p| { p.entries[0].put(MAGIC, b"ustar  \0").put(PREFIX, b"demo-1.0"); }), SdistHeader),
        ("name-after-nul", header(60, b"hidden"), SdistHeader),
        ("prefix-after-nul", header(PREFIX + 60, b"hidden"), SdistHeader),
        ("link-name-after-nul", with([{ let mut e = Entry::symlink("demo-1.0/l", "x"); e.put(LINK + 9, b"y"); e }]), SdistHeader),
        ("name-missing", header(0, &[0; 100]), SdistHeader),
        ("file-with-target", header(LINK, b"elsewhere"), SdistHeader),
        ("size-binary", header(SIZE, b"\x80\0\0\0\0\0\0\0\0\0\0\x0e"), SdistNumber),
        ("size-negative", header(SIZE, &[0xff; 12]), SdistNumber),
        ("size-minus", header(SIZE, b"-0000000016"), SdistNumber),
        ("size-underscore", header(SIZE, b"000000_0016"), SdistNumber),
        ("size-prefixed", header(SIZE, b"0o000000016"), SdistNumber),
        ("size-spaced", header(SIZE, b"      16   "), SdistNumber),
        ("size-not-octal", header(SIZE, b"00000000018"), SdistNumber),
        ("size-endless", header(SIZE, b"000000000016"), SdistNumber),
        ("size-after-its-end", header(SIZE, b"16\x00000000000"), SdistNumber),
        ("size-blank", header(SIZE, &[0; 12]), SdistNumber),
        ("mode-blank", header(100, &[0; 8]), SdistNumber),
        ("uid-not-a-number", header(108, b"nobody\0\0"), SdistNumber),
        ("gid-not-a-number", header(116, b"1_0\0\0\0\0\0"), SdistNumber),
        ("mtime-not-a-number", header(MTIME, b"never\0\0\0\0\0\0\0"), SdistNumber),
        ("mtime-other-binary", header(MTIME, &[0x81; 12]), SdistNumber),
        ("mtime-of-no-time", header(MTIME, b"\x80\0\0\0\0\0\0\x01\0\0\0\0"), SdistNumber),
        ("mtime-before-all-time", header(MTIME, b"\xffa000000001"), SdistNumber),
        ("uid-of-nobody", header(108, b"\x80\0\0\x01\0\0\0\0"), SdistNumber),
        ("device-not-a-number", header(329, b"sda"), SdistNumber),

        // Extended headers.
        ("pax-size", records(&[("size", "1")]), SdistExtendedRecord),
        ("pax-size-other", records(&[("size", "512")]), SdistExtendedRecord),
        ("pax-sparse", records(&[("GNU.sparse.major", "1")]), SdistExtendedRecord),
        ("pax-sparse-name", records(&[("GNU.sparse.name", "demo-1.0/x")]), SdistExtendedRecord),
        ("pax-real-size", records(&[("SCHILY.realsize", "9")]), SdistExtendedRecord),
        ("pax-charset", records(&[("hdrcharset", "BINARY")]), SdistExtendedRecord),
        ("pax-unknown", records(&[("x", "y")]), SdistExtendedRecord),
        ("pax-mtime-not-a-number", records(&[("mtime", "1e9")]), SdistExtendedRecord),
        ("pax-mtime-of-no-time", records(&[("mtime", "-99999999999999999999.5")]), SdistExtendedRecord),
        ("pax-other-name", records(&[("path", "demo-1.0/less")]), SdistNamesDisagree),
        ("pax-longer-name", records(&[("path", "demo-1.0/more/and/more")]), SdistNamesDisagree),
        ("pax-shorter-name", records(&[("path", "demo-1.0/mor")]), SdistNamesDisagree),
        ("pax-name-of-a-directory", records(&[("path", "demo-1.0/more/")]), SdistNamesDisagree),
        ("pax-long-name-of-another", with([Entry::pax(&[("path", &path)]), Entry::file("demo-1.0/long", "x")]), SdistNamesDisagree),
        ("pax-other-target", with([Entry::pax(&[("linkpath", "b")]), Entry::symlink("demo-1.0/l", "a")]), SdistNamesDisagree),
        ("pax-target-of-a-file", records(&[("linkpath", "a")]), SdistHeader),
        ("pax-empty-name", records(&[("path", "")]), SdistExtendedHeader),
        ("pax-nul-in-name", records(&[("path", "demo-1.0/more\0x")]), SdistExtendedHeader),
        ("pax-twice-the-same", records(&[("comment", "a"), ("comment", "b")]), SdistExtendedHeader),
        ("pax-line-in-value", records(&[("comment", "a\n9 size=1")]), SdistExtendedHeader),
        ("pax-length-wrong", raw_records(b"12 comment=a\n"), SdistExtendedHeader),
        ("pax-length-beyond", raw_records(b"99 comment=a\n"), SdistExtendedHeader),
        ("pax-length-leading-zero", raw_records(b"013 comment=a\n"), SdistExtendedHeader),
        ("pax-no-equals", raw_records(b"6 abc\n"), SdistExtendedHeader),
        ("pax-nul-padded", raw_records(b"13 comment=a\n\0\0\0"), SdistExtendedHeader),
        ("pax-twice", with([Entry::pax(&[("mtime", "1")]), Entry::pax(&[("mtime", "2")]), Entry::file("demo-1.0/more", "x")]), SdistExtendedHeader),
        ("pax-and-gnu", with([Entry::pax(&[("path", &path)]), Entry::long_name(&path), Entry::file(&cut, "x")]), SdistExtendedHeader),
        ("pax-of-nothing", with([Entry::pax(&[("mtime", "1")])]), SdistExtendedHeader),
        ("pax-name-not-utf8", raw_records(b"20 path=demo-1.0/\xff\xff\n"), ArchiveNameEncoding),
        ("pax-too-large", with([Entry::pax(&[("comment", &"x".repeat(2 << 20))]), Entry::file("demo-1.0/more", "x")]), SdistExtendedHeader),
        ("global-name", global(&[("path", "demo-1.0/x")]), SdistExtendedRecord),
        ("global-size", global(&[("size", "0")]), SdistExtendedRecord),
        ("global-later", with([Entry::new(b'g', "pax_global_header", &pax_records(&[("comment", "c0")]))]), SdistExtendedHeader),
        ("gnu-name-of-another", with([Entry::long_name(&path), Entry::file("demo-1.0/x", "x")]), SdistNamesDisagree),
        ("gnu-name-endless", with([Entry::new(b'L', "././@LongLink", path.as_bytes()), Entry::file(&cut, "x")]), SdistExtendedHeader),
        ("gnu-name-two-nuls", with([Entry::long_name(&format!("{path}\0x")), Entry::file(&cut, "x")]), SdistExtendedHeader),
        ("gnu-long-target", with([Entry::new(b'K', "././@LongLink", b"x\0"), Entry::symlink("demo-1.0/l", "x")]), ArchiveFileType),

        // Members.
        ("hard-link", of_kind(b'1'), ArchiveFileType),
        ("character-device", of_kind(b'3'), ArchiveFileType),
        ("block-device", of_kind(b'4'), ArchiveFileType),
        ("fifo", of_kind(b'6'), ArchiveFileType),
        ("contiguous", of_kind(b'7'), ArchiveFileType),
        ("old-directory", with([Entry::new(0, "demo-1.0/more/", b"")]), ArchiveFileType),
        ("sparse", of_kind(b'S'), ArchiveFileType),
        ("dump-directory", of_kind(b'D'), ArchiveFileType),
        ("volume", of_kind(b'V'), ArchiveFileType),
        ("solaris-extended", of_kind(b'X'), ArchiveFileType),
        ("file-named-as-directory", named("demo-1.0/more/"), ArchiveFileType),
        ("directory-with-content", with([Entry::new(b'5', "demo-1.0/more/", &[0; 512])]), ArchiveDirectoryContent),
        ("link-with-content", with([{ let mut e = Entry::file("demo-1.0/l", [0; 512]); e.put(KIND, b"2").put(LINK, b"a"); e }]), ArchiveDirectoryContent),
        ("link-absolute", link("/etc/passwd"), SdistLink),
        ("link-out", link("../../x"), SdistLink),
        ("link-to-the-top", link(".."), SdistLink),
        ("link-down-and-up", link("b/../../../x"), SdistLink),
        ("link-nowhere", link(""), SdistLink),
        ("link-backslash", link("..\\..\\x"), SdistLink),
        ("link-drive", link("c:x"), SdistLink),
        ("link-and-what-lies-in-it", with([Entry::symlink("demo-1.0/l", "demo"), Entry::file("demo-1.0/l/x", "x")]), ArchiveNameFileAndDirectory),
        ("padding", planned(|p| p.entries[0].padding[0] = b'x'), SdistPadding),
        ("padding-of-extended-header", with([{ let mut e = Entry::pax(&[("mtime", "1")]); e.padding[0] = 1; e }, Entry::file("demo-1.0/more", "x")]), SdistPadding),

        // Names.
        ("absolute", named("/demo-1.0/more"), ArchiveNameAbsolute),
        ("dot-dot", named("demo-1.0/../../more"), ArchiveNameSegment),
        ("dot", named("./demo-1.0/more"), ArchiveNameSegment),
        ("empty-segment", named("demo-1.0//more"), ArchiveNameSegment),
        ("prefix-empty-segment", planned(|p| { p.entries[0].put(0, &[0; 100]).put(0, b"x").put(PREFIX, b"demo-1.0/"); }), ArchiveNameSegment),
        ("dots-as-windows-reads-them", named("demo-1.0/.. /more"), ArchiveNameSegment),
        ("backslash", named("demo-1.0\\..\\more"), ArchiveNameCharacters),
        ("control", named("demo-1.0/\u{1b}[2K"), ArchiveNameCharacters),
        ("pax-line-end", named("demo-1.0/a\nb"), ArchiveNameCharacters),
        ("drive", named("c:demo-1.0/more"), ArchiveNameColon),
        ("not-utf8", planned(|p| { p.entries[0].put(9, b"\xff"); }), ArchiveNameEncoding),
        ("twice", named("demo-1.0/demo/__init__.py"), ArchiveNameDuplicate),
        ("twice-by-case", named("demo-1.0/pkg-info"), ArchiveNameCollision),
        ("twice-by-form", with([Entry::file("demo-1.0/\u{e9}", "x"), Entry::file("demo-1.0/e\u{301}", "y")]), ArchiveNameCollision),
        ("twice-by-compatible-form", with([Entry::file("demo-1.0/\u{fb01}", "x"), Entry::file("demo-1.0/fi", "y")]), ArchiveNameCollision),
        ("twice-by-trailing-dot", named("demo-1.0/PKG-INFO."), ArchiveNameCollision),
        ("file-and-directory", named("demo-1.0/PKG-INFO/more"), ArchiveNameFileAndDirectory),
        ("file-and-directory-by-case", with([Entry::new(b'5', "demo-1.0/pkg-info/", b"")]), ArchiveNameFileAndDirectory),
        ("other-root", named("demo-1.1/more"), SdistRoot),
        ("beside-root", named("setup.py"), SdistRoot),
        ("root-is-a-file", planned(|p| p.entries.insert(0, Entry::file("demo-1.0", "x"))), SdistRoot),
        ("root-in-another-case", named("Demo-1.0/more"), SdistRoot),
        ("root-of-another-version", planned(|p| p.filename = "demo-1.1.tar.gz".into()), SdistRoot),
        ("root-of-another-project", planned(|p| p.filename = "other-1.0.tar.gz".into()), SdistRoot),

        // Its end.
        ("empty-tar", planned(|p| p.entries.clear()), SdistPkgInfoMissing),
        ("no-end", planned(|p| p.end.clear()), SdistTruncated),
        ("one-block-of-zeros", planned(|p| p.end = vec![0; 512]), SdistTruncated),
        ("cut-in-a-member", planned(|p| { p.entries[1].data.truncate(10); p.entries[1].padding.clear(); p.end.clear(); }), SdistTruncated),
        ("size-beyond-the-end", header(SIZE, b"00007777777"), SdistTruncated),
        ("another-tar", planned(|p| p.end.extend(Plan::new().tar())), SdistDataAfterEnd),
        ("another-tar-after-one-block", planned(|p| p.end = [vec![0; 512], Plan::new().tar()].concat()), SdistDataAfterEnd),
        ("a-byte-after-the-end", planned(|p| { p.end.resize(100_000, 0); p.end.push(1); }), SdistDataAfterEnd),

        // PKG-INFO.
        ("pkg-info-missing", planned(|p| { p.entries.pop(); }), SdistPkgInfoMissing),
        ("pkg-info-elsewhere", planned(|p| { p.entries[1].put(0, b"demo-1.0/x/PKG-INFO"); }), SdistPkgInfoMissing),
        ("pkg-info-is-a-link", planned(|p| p.entries[1] = Entry::symlink("demo-1.0/PKG-INFO", "x")), SdistPkgInfoMissing),
        ("pkg-info-is-a-directory", planned(|p| p.entries[1] = Entry::new(b'5', "demo-1.0/PKG-INFO/", b"")), SdistPkgInfoMissing),
        ("pkg-info-other-name", pkg_info("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"), MetadataNameMismatch),
        ("pkg-info-other-version", pkg_info("Metadata-Version: 2.1\nName: demo\nVersion: 1.1\n"), MetadataVersionMismatch),
        ("pkg-info-two-names", pkg_info("Metadata-Version: 2.1\nName: demo\nName: demo\nVersion: 1.0\n"), MetadataDuplicateField),
        ("pkg-info-unknown-version", pkg_info("Metadata-Version: 9\nName: demo\nVersion: 1.0\n"), MetadataVersionUnknown),
        ("pkg-info-empty", pkg_info(""), MetadataField),
        ("pkg-info-not-headers", pkg_info("demo 1.0\n"), MetadataSyntax),
    ]
}

fn global(records: &[(&str, &str)]) -> File {
    planned(|plan| {
        let data = pax_records(records);
        let entry = Entry::new(b'g', "pax_global_header", &data);
        plan.entries.insert(0, entry);
    })
}

/// A sum over bytes taken as signed, as some old writers made it; only the unsigned one is POSIX's.
fn signed_checksum() -> File {
    planned(|plan| {
        let mut entry = Entry::file("demo-1.0/\u{e9}", "x");
        entry.put(148, b"        ");
        let sum: i32 = entry.block.iter().map(|byte| i32::from(*byte as i8)).sum();
        entry.put(148, format!("{sum:06o}\0 ").as_bytes()).sum = false;
        plan.entries.push(entry);
    })
}

/// A source distribution whose gzip does not compress, so that the zip in its last member is in the file
/// as well, near enough to its end.
fn stored_zip(zip: &[u8]) -> Vec<u8> {
    let mut plan = Plan::new();
    plan.entries.push(Entry::file("demo-1.0/more", zip));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(&plan.tar()).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn every_lie_is_refused_with_its_reason() {
    let cases = cases();
    let mut wrong = Vec::new();
    for (case, (filename, bytes), expected) in &cases {
        match read(filename, bytes) {
            Err(error) if error.reason() == Some(*expected) => {}
            Err(error) => wrong.push(format!("{case}: not {expected}: {error}")),
            Ok(_) => wrong.push(format!("{case}: accepted, not {expected}")),
        }
    }
    let told = wrong.join("\n");
    assert!(wrong.is_empty(), "{} of {}:\n{told}", wrong.len(), cases.len());
}

#[test]
fn every_reason_of_the_reader_has_a_case() {
    let cases = cases();
    let uncovered: Vec<_> = Reason::ALL
        .iter()
        .filter(|reason| reason.code().starts_with("sdist-"))
        .filter(|reason| cases.iter().all(|(_, _, expected)| expected != *reason))
        .collect();
    assert!(uncovered.is_empty(), "{uncovered:?}");
}

#[rustfmt::skip]
fn honest() -> Vec<(&'static str, File)> {
    let (path, cut) = long();
    let accented = format!("demo-1.0/{}", "\u{e9}".repeat(80));
    let questions = format!("demo-1.0/{}", "?".repeat(80));
    vec![
        ("plain", planned(|_| {})),
        ("named-otherwise", planned(|p| p.filename = "Demo-1.0.0.tar.gz".into())),
        ("directories", planned(|p| {
            p.entries.insert(0, Entry::new(b'5', "demo-1.0/", b""));
            p.entries.insert(1, Entry::new(b'5', "demo-1.0/demo", b""));
        })),
        ("old-file", of_kind(0)),
        ("empty-file", with([Entry::file("demo-1.0/empty", "")])),
        ("whole-blocks", with([Entry::file("demo-1.0/full", [b'x'; 1024])])),
        ("larger-than-a-buffer", with([Entry::file("demo-1.0/large", vec![b'x'; 200_001])])),
        ("inner-pkg-info", with([Entry::file("demo-1.0/demo.egg-info/PKG-INFO", "not read")])),
        ("gnu-magic", planned(|p| for e in &mut p.entries { e.put(MAGIC, b"ustar  \0"); })),
        ("gnu-binary-times", header(MTIME, b"\x80\0\0\0\0\0\0\0\0\0\0\x01")),
        ("gnu-binary-time-before-1970", header(MTIME, &[0xff; 12])),
        ("gnu-long-name", with([Entry::long_name(&path), Entry::file(&cut, "x")])),
        ("prefix", planned(|p| { p.entries[0].put(0, &[0; 100]).put(0, b"x").put(PREFIX, b"demo-1.0/demo"); })),
        ("pax-times", records(&[("mtime", "1714979289.123"), ("atime", "-1.5"), ("uid", "9999999"), ("uname", "\u{e9}")])),
        ("pax-attributes", records(&[("SCHILY.xattr.user.x", "\0"), ("LIBARCHIVE.creationtime", "1")])),
        ("pax-same-name", records(&[("path", "demo-1.0/more")])),
        ("pax-long-name", with([Entry::pax(&[("path", &path)]), Entry::file(&cut, "x")])),
        ("pax-long-directory", with([Entry::pax(&[("path", &path)]), Entry::new(b'5', &cut, b"")])),
        ("pax-accents-replaced", with([Entry::pax(&[("path", &accented)]), Entry::file(&questions, "x")])),
        ("accents", named("demo-1.0/\u{e9}\u{4e2d}")),
        ("git-commit", global(&[("comment", "c0ffee")])),
        ("more-zeros", planned(|p| p.end.resize(10_240, 0))),
        ("link-beside", link("other")),
        ("link-across", link("../demo/__init__.py")),
        ("link-long", with([Entry::pax(&[("linkpath", &path)]), Entry::symlink("demo-1.0/l", &cut)])),
    ]
}

#[test]
fn unusual_but_honest_ones_are_accepted() {
    for (case, (filename, bytes)) in honest() {
        if let Err(error) = read(&filename, &bytes) {
            panic!("{case}: {error}");
        }
    }
}

#[test]
fn bounds_are_held() {
    let (filename, bytes) = planned(|_| {});
    let standard = SdistLimits::standard;
    #[rustfmt::skip]
    let cases = [
        (SdistLimits { file_size: bytes.len() as u64 - 1, ..standard() }, ArchiveTooLarge),
        (SdistLimits { members: 1, ..standard() }, ArchiveTooManyMembers),
        (SdistLimits { members: 0, ..standard() }, ArchiveTooManyMembers),
        (SdistLimits { names: 10, ..standard() }, ArchiveDirectoryTooLarge),
        (SdistLimits { inflated_total: 1000, ..standard() }, ArchiveInflatedTooLarge),
        (SdistLimits { metadata_file: 10, ..standard() }, ArchiveMemberTooLarge),
    ];
    for (limits, expected) in cases {
        let filename = SdistFilename::parse(&filename).expect("a name");
        let error = sdist::read(&bytes[..], filename, &limits).expect_err("too much");
        assert_eq!(error.reason(), Some(expected), "{error}");
    }
}

#[test]
fn an_sdist_tells_what_it_holds() {
    let (filename, bytes) = with([
        Entry::new(b'5', "demo-1.0/tests", b""),
        Entry::symlink("demo-1.0/tests/link", "../PKG-INFO"),
    ]);
    let sdist = read(&filename, &bytes).expect("an honest one");
    assert_eq!(sdist.size(), bytes.len() as u64);
    assert_eq!(sdist.sha256(), Sha256Digest::of(&bytes));
    assert_eq!(sdist.metadata().project().as_str(), "demo");
    let members: Vec<_> = sdist.members().iter().map(|m| (m.name(), m.kind())).collect();
    let size_and_digest =
        |data: &[u8]| Kind::File { size: data.len() as u64, sha256: Sha256Digest::of(data) };
    let init = size_and_digest(b"print('demo')\n");
    let info = size_and_digest(&Plan::new().entries[1].data);
    let link = Kind::Symlink { target: "../PKG-INFO".to_owned() };
    assert_eq!(
        members,
        [
            ("demo-1.0/demo/__init__.py", &init),
            ("demo-1.0/PKG-INFO", &info),
            ("demo-1.0/tests/", &Kind::Directory),
            ("demo-1.0/tests/link", &link),
        ]
    );
    assert_eq!(sdist.members()[0].permissions(), 0o644);
}

#[test]
fn no_flipped_bit_outside_the_content_passes() {
    let plan = Plan::new();
    let mut tar = plan.tar();
    let content = |block: usize, entry: usize| {
        let start = block * 512;
        start..start + plan.entries[entry].data.len()
    };
    for index in 0..tar.len() {
        // The checksum itself may end in a space or a NUL.
        let either = matches!(index, 154 | 155 | 1178 | 1179);
        let free = content(1, 0).contains(&index) || content(3, 1).contains(&index) || either;
        for bit in 0..8 {
            tar[index] ^= 1 << bit;
            let passes = read(&plan.filename, &gzip(&tar)).is_ok();
            assert!(!passes || free, "bit {bit} of byte {index} passes");
            tar[index] ^= 1 << bit;
        }
    }
}

#[test]
fn no_part_of_one_is_one() {
    let plan = Plan::new();
    let (tar, bytes) = (plan.tar(), plan.bytes());
    for length in 0..bytes.len() {
        let part = read(&plan.filename, &bytes[..length]);
        assert_eq!(part.err().and_then(|e| e.reason()), Some(SdistGzip), "{length}");
    }
    for length in 0..tar.len() {
        let part = read(&plan.filename, &gzip(&tar[..length]));
        assert!(matches!(part, Err(SdistError::Refused(_))), "{length}");
    }
}

/// A file on a disk that fails.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            // The kind that a decoder gives for a damaged file.
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the disk is gone")),
            read => Ok(read),
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_not_called_bad() {
    let plan = Plan::new();
    let bytes = plan.bytes();
    for length in 0..=bytes.len() {
        let filename = SdistFilename::parse(&plan.filename).expect("a name");
        let limits = SdistLimits::standard();
        let error = sdist::read(Failing(&bytes[..length]), filename, &limits);
        assert!(matches!(error, Err(SdistError::Io(_))), "{length}: {error:?}");
    }
}
