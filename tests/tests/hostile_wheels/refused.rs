//! Every way a wheel can lie that the reader knows of: a name, the wheel, the reason it must give.

use wheelmark_core::report::Reason::{self, *};
use wheelmark_tests::hostile::{End, Entry, Plan, deflate, extra, record_row, zip64};

use crate::change::*;

pub type Case = (&'static str, File, Reason);

pub fn cases() -> Vec<Case> {
    [frame(), zip64_records(), members(), headers(), data(), names(), records(), layout(), claims()]
        .concat()
}

/// The archive as a whole.
#[rustfmt::skip]
fn frame() -> Vec<Case> {
    let name = || Plan::new().filename;
    let honest = packed(|_| {}).1;
    vec![
        ("empty-file", (name(), vec![]), ArchiveNotZip),
        ("not-a-zip", (name(), vec![b'x'; 100_000]), ArchiveNotZip),
        ("comment", packed(|a| a.end.comment = b"hello".to_vec()), ArchiveComment),
        ("comment-that-is-a-wheel", packed(|a| a.end.comment = honest.clone()), ArchiveEndRecord),
        ("comment-with-end-signature", packed(|a| a.end.comment = b"PK\x05\x06 and more text than a record has".to_vec()), ArchiveTrailingData),
        ("comment-length-lies", packed(|a| a.end.comment_length = Some(9)), ArchiveComment),
        ("trailing-byte", packed(|a| a.after = vec![0]), ArchiveTrailingData),
        ("trailing-wheel", packed(|a| a.after = honest.clone()), ArchiveEndRecord),
        ("prefix", packed(|a| a.entries[0].before = b"#!/bin/sh\n".to_vec()), ArchiveGap),
        ("end-signature-in-directory", packed(|a| a.entry(INIT).central().external_attributes = u32::from_le_bytes(*b"PK\x05\x06")), ArchiveSeveralEndRecords),
        ("another-disk", packed(|a| a.end.disk = 1), ArchiveEndRecord),
        ("directory-on-another-disk", packed(|a| a.end.directory_disk = 1), ArchiveEndRecord),
        ("member-on-another-disk", packed(|a| a.entry(INIT).central().disk = 1), ArchiveCentralDirectory),
        ("counts-differ", packed(|a| a.end.entries_here = Some(1)), ArchiveEndRecord),
        ("count-too-low", packed(|a| (a.end.entries_here, a.end.entries) = (Some(4), Some(4))), ArchiveEndRecord),
        ("count-too-high", packed(|a| (a.end.entries_here, a.end.entries) = (Some(6), Some(6))), ArchiveEndRecord),
        ("directory-length-lies", packed(|a| a.end.length = Some(46)), ArchiveEndRecord),
        ("directory-offset-lies", packed(|a| a.end.offset = Some(0)), ArchiveEndRecord),
        ("directory-signature", packed(|a| a.entry(INIT).central().shared.signature = *b"PK\x05\x05"), ArchiveCentralDirectory),
        ("gap-between-members", packed(|a| a.entry(EMPTY).before = b"hidden".to_vec()), ArchiveGap),
        ("gap-before-directory", packed(|a| a.before_directory = b"hidden".to_vec()), ArchiveGap),
        ("member-not-in-directory", packed(|a| a.entries.insert(1, Entry { central: None, ..Entry::new("evil.pth", b"x") })), ArchiveGap),
        ("member-without-local-header", packed(|a| a.entry(EMPTY).local = None), ArchiveOverlap),
        ("members-out-of-order", packed(|a| {
            let second = a.entries[0].local().name.len() + 30 + a.entries[0].data.len();
            let third = second + a.entries[1].local().name.len() + 30;
            a.entries[1].central().offset = Some(third as u32);
            a.entries[2].central().offset = Some(second as u32);
        }), ArchiveOrder),
        ("two-headers-for-one-place", packed(|a| a.entry(EMPTY).central().offset = Some(0)), ArchiveOverlap),
        ("offset-past-directory", packed(|a| a.entry(RECORD).central().offset = Some(1 << 30)), ArchiveOrder),
        ("also-a-tar", also_tar(|byte| byte.into()), ArchiveAlsoTar),
        ("also-a-tar-by-signed-sum", also_tar(|byte| byte.cast_signed().into()), ArchiveAlsoTar),
    ]
}

#[rustfmt::skip]
fn zip64_records() -> Vec<Case> {
    let saturated = End::saturated;
    vec![
        ("zip64-directory-elsewhere", end64(saturated(), |end| end.offset = Some(0)), ArchiveEndRecord),
        ("zip64-directory-overflows", end64(saturated(), |end| end.offset = Some(u64::MAX)), ArchiveEndRecord),
        ("zip64-count-unlike-end-record", end64(End { entries: Some(1), ..saturated() }, |_| {}), ArchiveZip64),
        ("zip64-offset-unlike-end-record", end64(End { offset: Some(0), ..saturated() }, |_| {}), ArchiveZip64),
        ("zip64-count-lies", end64(saturated(), |end| (end.entries_here, end.entries) = (Some(4), Some(4))), ArchiveEndRecord),
        ("zip64-count-enormous", end64(saturated(), |end| (end.entries_here, end.entries) = (Some(1 << 60), Some(1 << 60))), ArchiveTooManyMembers),
        ("zip64-locator-lies", end64(saturated(), |end| end.located = Some(0)), ArchiveZip64),
        ("zip64-locator-disks", end64(saturated(), |end| end.disks = Some(2)), ArchiveZip64),
        ("zip64-record-size-lies", end64(saturated(), |end| end.size = Some(4)), ArchiveZip64),
        ("zip64-extensible-data", end64(saturated(), |end| end.extensible = vec![0; 8]), ArchiveZip64),
        ("zip64-gap-before-locator", end64(saturated(), |end| end.between = vec![0; 8]), ArchiveZip64),
        ("zip64-counts-differ", end64(saturated(), |end| end.entries_here = Some(1)), ArchiveZip64),
        ("zip64-disk", end64(saturated(), |end| end.disk = 1), ArchiveZip64),
        ("zip64-records-missing", packed(|a| a.end = saturated()), ArchiveZip64),
        ("zip64-field-missing", zip64_sizes(None, Some(vec![])), ArchiveZip64),
        ("zip64-field-too-long", zip64_sizes(None, Some(zip64(&[14, 16, 0]))), ArchiveZip64),
        ("zip64-field-needless", packed(|a| a.entry(INIT).central().shared.extra = sizes()), ArchiveZip64),
        ("zip64-local-field-missing", zip64_sizes(Some(vec![]), None), ArchiveZip64),
        ("zip64-local-field-half", zip64_sizes(Some(zip64(&[14])), None), ArchiveZip64),
        ("zip64-local-field-lies", zip64_sizes(Some(zip64(&[14, 1])), None), ArchiveHeadersDisagree),
        ("zip64-local-field-unlike-its-header", local_header(|h| h.extra = zip64(&[15, 16])), ArchiveZip64),
    ]
}

/// Flags, methods, types.
#[rustfmt::skip]
fn members() -> Vec<Case> {
    vec![
        ("encrypted", both_headers(|h| h.flags |= 1), ArchiveEncrypted),
        ("strongly-encrypted", both_headers(|h| h.flags |= 1 << 6), ArchiveEncrypted),
        ("masked-headers", both_headers(|h| h.flags |= 1 << 13), ArchiveEncrypted),
        ("patched-data", both_headers(|h| h.flags |= 1 << 5), ArchiveFlags),
        ("method-bzip2", both_headers(|h| h.method = 12), ArchiveMethod),
        ("method-deflate64", both_headers(|h| h.method = 9), ArchiveMethod),
        ("version-needed", both_headers(|h| h.version_needed = 63), ArchiveVersionNeeded),
        ("member-comment", packed(|a| a.entry(INIT).central().comment = b"x".to_vec()), ArchiveMemberComment),
        ("symlink", attributes(0o120_777 << 16), ArchiveFileType),
        ("device", attributes(0o020_666 << 16), ArchiveFileType),
        ("block-device", attributes(0o060_666 << 16), ArchiveFileType),
        ("socket", attributes(0o140_777 << 16), ArchiveFileType),
        ("fifo", attributes(0o010_644 << 16), ArchiveFileType),
        ("file-that-says-directory", attributes(0o040_755 << 16), ArchiveFileType),
        ("file-that-says-directory-to-dos", attributes(0x10), ArchiveFileType),
        ("directory-that-says-file", packed(|a| {
            a.entries.insert(0, Entry::new("demo/", b""));
            a.entries[0].central().external_attributes = 0o100_644 << 16;
        }), ArchiveFileType),
        ("directory-with-content", packed(|a| a.entries.insert(0, Entry::new("demo/", b"hidden"))), ArchiveDirectoryContent),
    ]
}

/// Local headers unlike the central directory, and extra fields.
#[rustfmt::skip]
fn headers() -> Vec<Case> {
    let times = |last| extra(0x5455, &[1, 0, 0, 0, last]);
    vec![
        ("local-signature", local_header(|h| h.signature = *b"PK\x03\x05"), ArchiveLocalHeader),
        ("local-name", local_header(|h| h.name = b"demo/__evil__.py".to_vec()), ArchiveHeadersDisagree),
        ("local-flags", local_header(|h| h.flags = 1 << 11), ArchiveHeadersDisagree),
        ("local-descriptor-flag", local_header(|h| h.flags = 1 << 3), ArchiveHeadersDisagree),
        ("local-method", local_header(|h| h.method = 0), ArchiveHeadersDisagree),
        ("local-version-needed", local_header(|h| h.version_needed = 10), ArchiveHeadersDisagree),
        ("local-time", local_header(|h| h.time = 1), ArchiveHeadersDisagree),
        ("local-date", local_header(|h| h.date = 34), ArchiveHeadersDisagree),
        ("local-crc", local_header(|h| h.crc32 ^= 1), ArchiveHeadersDisagree),
        ("local-size", local_header(|h| h.size += 1), ArchiveHeadersDisagree),
        ("local-compressed-size", local_header(|h| h.compressed_size -= 1), ArchiveHeadersDisagree),
        ("local-sizes-zero", local_header(|h| (h.crc32, h.size, h.compressed_size) = (0, 0, 0)), ArchiveHeadersDisagree),
        ("local-extra-alone", local_header(|h| h.extra = times(0)), ArchiveHeadersDisagree),
        ("central-extra-alone", packed(|a| a.entry(INIT).central().shared.extra = times(0)), ArchiveHeadersDisagree),
        ("extra-times-differ", packed(|a| {
            a.entry(INIT).central().shared.extra = times(0);
            a.entry(INIT).local().extra = times(1);
        }), ArchiveHeadersDisagree),
        ("extra-unicode-path", both_headers(|h| h.extra = extra(0x7075, b"\x01\0\0\0\0evil.py")), ArchiveExtraField),
        ("extra-aes", both_headers(|h| h.extra = extra(0x9901, &[0; 7])), ArchiveExtraField),
        ("extra-twice", both_headers(|h| h.extra = [extra(0x7875, b""), extra(0x7875, b"")].concat()), ArchiveExtraField),
        ("extra-too-long", both_headers(|h| h.extra = b"\x55\x54\xff\0".to_vec()), ArchiveExtraField),
        ("extra-left-over", both_headers(|h| h.extra = vec![0; 3]), ArchiveExtraField),
        ("extra-local-unknown", local_header(|h| h.extra = extra(0x7075, b"\x01\0\0\0\0evil.py")), ArchiveExtraField),
    ]
}

/// Data, sizes and data descriptors.
#[rustfmt::skip]
fn data() -> Vec<Case> {
    let stored = || Entry::stored(INIT, b"print('demo')\n");
    vec![
        ("size-too-small", both_headers(|h| h.size -= 1), ArchiveSize),
        ("size-too-large", both_headers(|h| h.size += 1), ArchiveSize),
        ("size-of-stored", packed(|a| { *a.entry(INIT) = stored(); a.entry(INIT).both(|h| h.size = 1); }), ArchiveSize),
        ("size-past-next-member", both_headers(|h| h.compressed_size += 500), ArchiveOverlap),
        ("size-short-of-next-member", packed(|a| { *a.entry(INIT) = stored(); a.entry(INIT).both(|h| (h.size, h.compressed_size) = (13, 13)); }), ArchiveCrc),
        ("crc", both_headers(|h| h.crc32 ^= 1), ArchiveCrc),
        ("ratio", both_headers(|h| h.size = 1 << 24), ArchiveInflationRatio),
        ("ratio-of-the-whole", planned(|plan| { plan.put("demo/zeros", vec![0; (64 << 20) + 1]); }), ArchiveInflationRatio),
        ("deflate-distance-before-its-start", eight_back(7), ArchiveDeflate),
        ("deflate-invalid", repacked(|data| data.fill(0xff)), ArchiveDeflate),
        ("deflate-truncated", repacked(|data| { data.pop(); }), ArchiveDeflate),
        ("deflate-absent", packed(|a| { *a.entry(EMPTY) = Entry::new(EMPTY, b""); a.entry(EMPTY).both(|h| h.method = 8); }), ArchiveDeflate),
        ("deflate-trailing", repacked(|data| data.push(0)), ArchiveDeflateTrailing),
        ("deflate-and-its-own-trailer", trailed(&[]), ArchiveDeflateTrailing),
        ("deflate-its-trailer-and-data", trailed(b"hidden"), ArchiveDeflateTrailing),
        ("deflate-second-stream", repacked(|data| data.extend(deflate(b"hidden"))), ArchiveDeflateTrailing),
        ("descriptor", descriptor(|_| {}), ArchiveDataDescriptor),
        ("descriptor-missing", descriptor(|d| d.clear()), ArchiveDataDescriptor),
        ("descriptor-without-signature", descriptor(|d| { d.drain(..4); }), ArchiveDataDescriptor),
        ("descriptor-crc", descriptor(|d| d[4] ^= 1), ArchiveDataDescriptor),
        ("descriptor-followed-by-data", descriptor(|d| d.extend(b"hidden")), ArchiveDataDescriptor),
        ("descriptor-after-stored", packed(|a| { *a.entry(INIT) = stored(); a.entry(INIT).stream(); }), ArchiveDataDescriptor),
        ("descriptor-with-known-sizes", both_headers(|h| h.flags |= 1 << 3), ArchiveDataDescriptor),
        ("descriptor-unannounced", packed(|a| {
            a.entry(INIT).stream();
            let known = a.entry(INIT).central().shared.clone();
            let sizes = (known.crc32, known.compressed_size, known.size);
            a.entry(INIT).both(|h| h.flags = 0);
            let local = a.entry(INIT).local();
            (local.crc32, local.compressed_size, local.size) = sizes;
        }), ArchiveGap),
    ]
}

/// Names of members.
#[rustfmt::skip]
fn names() -> Vec<Case> {
    vec![
        ("name-absolute", named("/etc/passwd"), ArchiveNameAbsolute),
        ("name-parent", named("demo/../../evil.py"), ArchiveNameSegment),
        ("name-leading-parent", named("../evil.py"), ArchiveNameSegment),
        ("name-here", named("demo/./evil.py"), ArchiveNameSegment),
        ("name-empty-segment", named("demo//evil.py"), ArchiveNameSegment),
        ("name-empty", named(""), ArchiveNameSegment),
        ("name-dots-to-windows", named("demo/.. /evil.py"), ArchiveNameSegment),
        ("name-of-directory-parent", both_named("demo/../", "x"), ArchiveNameSegment),
        ("name-drive", named("C:evil.py"), ArchiveNameColon),
        ("name-stream", named("demo/__init__.py:evil"), ArchiveNameColon),
        ("name-backslash", named("demo\\..\\evil.py"), ArchiveNameCharacters),
        ("name-nul", named("demo/evil.py\0.txt"), ArchiveNameCharacters),
        ("name-newline", named("demo/evil\n.py"), ArchiveNameCharacters),
        ("name-escape", named("demo/\u{1b}[2K.py"), ArchiveNameCharacters),
        ("name-delete", named("demo/\u{7f}.py"), ArchiveNameCharacters),
        ("name-line-separator", named("demo/x\u{2028}/etc/passwd"), ArchiveNameCharacters),
        ("name-paragraph-separator", named("demo/x\u{2029}y"), ArchiveNameCharacters),
        ("name-c1-control", named("demo/\u{9b}.py"), ArchiveNameCharacters),
        ("name-not-utf8", both_headers(|h| h.name = b"demo/\xff.py".to_vec()), ArchiveNameEncoding),
        ("name-utf8-without-flag", both_headers(|h| h.name = "demo/\u{e9}.py".into()), ArchiveNameEncoding),
        ("name-twice", packed(|a| a.entries.insert(1, a.entries[0].clone())), ArchiveNameDuplicate),
        ("directory-twice", both_named("demo/", "demo/"), ArchiveNameDuplicate),
        ("name-by-case", named("Demo/__init__.py"), ArchiveNameCollision),
        ("name-by-full-case", both_named("demo/stra\u{df}e", "demo/STRASSE"), ArchiveNameCollision),
        ("name-by-normal-form", both_named("demo/\u{e9}", "demo/e\u{301}"), ArchiveNameCollision),
        ("name-by-compatible-form", both_named("demo/\u{fb01}le.py", "demo/file.py"), ArchiveNameCollision),
        ("name-by-width-and-case", both_named("demo/\u{ff21}.py", "demo/a.py"), ArchiveNameCollision),
        ("name-by-case-and-normal-form", both_named("demo/\u{c9}", "demo/e\u{301}"), ArchiveNameCollision),
        ("name-by-what-is-not-seen", both_named("demo/a.py", "demo/a\u{200d}.py"), ArchiveNameCollision),
        ("name-by-trailing-dot", named("demo/__init__.py."), ArchiveNameSegment),
        ("name-of-a-hook-and-a-dot", named("evil.pth."), ArchiveNameSegment),
        ("name-of-a-hook-and-a-space", named("evil.pth "), ArchiveNameSegment),
        ("name-of-a-folder-and-a-space", named("sitecustomize /__init__.py"), ArchiveNameSegment),
        ("name-of-dist-info-and-a-dot", named("other-1.0.dist-info./METADATA"), ArchiveNameSegment),
        ("name-of-data-and-a-dot", named("demo-1.0.data./scripts/x"), ArchiveNameSegment),
        ("name-of-entry-points-and-a-dot", named("demo-1.0.dist-info/entry_points.txt."), ArchiveNameSegment),
        ("name-of-a-directory-and-a-dot", named("demo/x./"), ArchiveNameSegment),
        ("name-of-dist-info-in-short", named("DEMO-1~1.DIS/ENTRY_~1.TXT"), ArchiveNameSegment),
        ("name-of-a-module-in-short", named("demo/__INIT~1.PY"), ArchiveNameSegment),
        ("name-of-a-device", named("demo/nul.py"), ArchiveNameSegment),
        ("name-of-a-device-by-case", named("demo/Aux/x.py"), ArchiveNameSegment),
        ("name-of-a-device-and-a-space", named("demo/con .tar.gz"), ArchiveNameSegment),
        ("name-of-a-port", named("demo/lpt1.txt"), ArchiveNameSegment),
        ("name-of-a-port-raised", named("demo/COM\u{b9}"), ArchiveNameSegment),
        ("name-with-a-star", named("demo/*.py"), ArchiveNameCharacters),
        ("name-with-a-quote", named("demo/\"x\".py"), ArchiveNameCharacters),
        ("name-with-a-pipe", named("demo/a|b"), ArchiveNameCharacters),
        ("file-and-directory", both_named("demo/x", "demo/x/"), ArchiveNameFileAndDirectory),
        ("file-and-parent", both_named("demo/x", "demo/x/y"), ArchiveNameFileAndDirectory),
        ("file-and-parent-by-case", both_named("demo/x-1", "demo/X-1/y/z"), ArchiveNameFileAndDirectory),
        ("file-and-parent-with-others-between", planned(|plan| {
            plan.put("demo/x", "").put("demo/x-1", "").put("demo/x.y", "").put("demo/x/y", "");
        }), ArchiveNameFileAndDirectory),
    ]
}

#[rustfmt::skip]
fn records() -> Vec<Case> {
    let hash = &init_hash()[..];
    vec![
        ("record-missing", packed(|a| { a.entries.pop(); }), RecordMissing),
        ("record-elsewhere", planned(|plan| plan.record_path = "demo/RECORD".into()), RecordMissing),
        ("record-lacks-member", planned(|plan| {
            plan.record = Some(plan.honest_record());
            plan.put("evil.pth", "import os\n");
        }), RecordIncomplete),
        ("record-lacks-itself", record("demo-1.0.dist-info/RECORD,,\n", ""), RecordIncomplete),
        ("record-empty", planned(|plan| plan.record = Some(String::new())), RecordIncomplete),
        ("record-lists-ghost", record_and(&record_row("demo/ghost.py", b"")), RecordUnknownMember),
        ("record-lists-outside", record_and(&record_row("../../etc/passwd", b"")), RecordUnknownMember),
        ("record-lists-directory", planned(|plan| {
            plan.record = Some(plan.honest_record() + &record_row("demo/", b""));
            plan.put("demo/", "");
        }), RecordUnknownMember),
        ("record-lists-twice", record_and(&record_row(EMPTY, b"")), RecordDuplicate),
        ("record-lists-itself-twice", record_and(&format!("{RECORD},,\n")), RecordDuplicate),
        ("record-without-hash", record(hash, ""), RecordHashMissing),
        ("record-md5", record(hash, "md5=rL0Y20zC-Fzt72VPzMSk2A"), RecordHashWeak),
        ("record-sha1", record(hash, "sha1=C-7Hteo_D9vJXQ3UfzxbwnXaijM"), RecordHashWeak),
        ("record-hash-padded", record(hash, &format!("{hash}=")), RecordHashMalformed),
        ("record-hash-hexadecimal", record(hash, &format!("sha256={}", "0".repeat(64))), RecordHashMalformed),
        ("record-hash-without-algorithm", record(hash, "abc"), RecordHashMalformed),
        ("record-hash-wrong", planned(|plan| {
            plan.record = Some(plan.honest_record());
            plan.put(INIT, "print('evil')\n");
        }), RecordHashMismatch),
        ("record-sha512-wrong", record(hash, &format!("sha512={}", "A".repeat(86))), RecordHashMismatch),
        ("record-sha384-wrong", record(hash, &format!("sha384={}", "A".repeat(64))), RecordHashMismatch),
        ("record-size-wrong", record(&format!("{hash},14"), &format!("{hash},15")), RecordSizeMismatch),
        ("record-size-signed", record(&format!("{hash},14"), &format!("{hash},+14")), RecordSyntax),
        ("record-size-unreadable", record(&format!("{hash},14"), &format!("{hash},x")), RecordSyntax),
        ("record-size-too-large", record(&format!("{hash},14"), &format!("{hash},18446744073709551630")), RecordSyntax),
        ("record-a-million-columns", record("RECORD,,", &format!("RECORD{}", ",".repeat(1_000_000))), RecordSyntax),
        ("record-a-million-empty-rows", record_and(&",,\n".repeat(1_000_000)), RecordHashMissing),
        ("record-two-columns", record("RECORD,,", "RECORD,"), RecordSyntax),
        ("record-four-columns", record("RECORD,,", "RECORD,,,"), RecordSyntax),
        ("record-blank-line", record("demo/empty.py", "\ndemo/empty.py"), RecordSyntax),
        ("record-stray-quote", record("demo/empty.py", "demo/\"empty.py"), RecordSyntax),
        ("record-open-quote", record("demo/empty.py", "\"demo/empty.py"), RecordSyntax),
        ("record-lone-return", record("demo/empty.py", "\rdemo/empty.py"), RecordSyntax),
        ("record-not-utf8", packed(|a| *a.entry(RECORD) = Entry::new(RECORD, b"\xff,,\n")), RecordSyntax),
        ("record-hash-of-itself", record("RECORD,,", &format!("RECORD,{hash},")), RecordOfItself),
        ("record-size-of-itself", record("RECORD,,", "RECORD,,14"), RecordOfItself),
    ]
}

/// Directories, and the name of the file.
#[rustfmt::skip]
fn layout() -> Vec<Case> {
    let filename = |name: &str| planned(|plan| plan.filename = name.to_owned());
    vec![
        ("renamed-project", filename("other-1.0-py3-none-any.whl"), MetadataDistInfoName),
        ("renamed-version", filename("demo-1.1-py3-none-any.whl"), MetadataDistInfoName),
        ("renamed-project-by-spelling", filename("Demo-1.0-py3-none-any.whl"), MetadataDistInfoName),
        ("renamed-version-by-spelling", filename("demo-1.0.0-py3-none-any.whl"), MetadataDistInfoName),
        ("dist-info-by-case", planned(|plan| {
            for (name, _) in &mut plan.files {
                *name = name.replace(".dist-info", ".Dist-Info");
            }
            plan.record_path = RECORD.replace(".dist-info", ".Dist-Info");
        }), MetadataDistInfoName),
        ("renamed-tag", filename("demo-1.0-py2-none-any.whl"), MetadataTagsMismatch),
        ("renamed-with-more-tags", filename("demo-1.0-py2.py3-none-any.whl"), MetadataTagsMismatch),
        ("renamed-build", planned(|plan| {
            plan.filename = "demo-1.0-2-py3-none-any.whl".into();
            plan.edit(WHEEL, "Tag:", "Build: 1\nTag:");
        }), MetadataBuildMismatch),
        ("renamed-interface", filename("demo-1.0-py3-abi3-any.whl"), MetadataTagsMismatch),
        ("two-dist-infos", named("evil-1.0.dist-info/METADATA"), MetadataDistInfoSeveral),
        ("two-dist-infos-by-case", named("evil-1.0.DIST-INFO/METADATA"), MetadataDistInfoSeveral),
        ("two-dist-infos-by-scheme", named("demo-1.0.data/purelib/pip-9.dist-info/METADATA"), MetadataDistInfoSeveral),
        ("two-dist-infos-by-long-s", named("demo-1.0.di\u{17f}t-info/entry_points.txt"), MetadataDistInfoSeveral),
        ("egg-info", named("evil.egg-info/PKG-INFO"), MetadataDistInfoSeveral),
        ("egg-info-as-a-file", named("evil-9-py3.11.EGG-INFO"), MetadataDistInfoSeveral),
        ("egg-info-of-its-own", named("demo.egg-info/entry_points.txt"), MetadataDistInfoSeveral),
        ("egg-info-by-scheme", named("demo-1.0.data/platlib/evil.egg-info/PKG-INFO"), MetadataDistInfoSeveral),
        ("egg", named("evil-9-py3.11.egg/EGG-INFO/PKG-INFO"), MetadataDistInfoSeveral),
        ("egg-link", named("evil.egg-link"), MetadataDistInfoSeveral),
        ("two-dist-infos-by-the-root", named("demo-1.0.data/data/pip-9.dist-info/METADATA"), MetadataDistInfoSeveral),
        ("entry-points-by-case", planned(|plan| {
            plan.put("demo-1.0.dist-info/Entry_Points.txt", "[console_scripts]\n../b = demo:main\n");
        }), ArchiveNameCollision),
        ("record-by-case", planned(|plan| plan.record_path = RECORD.replace("RECORD", "record")), RecordMissing),
        ("record-by-case-beside-record", named("demo-1.0.dist-info/record"), ArchiveNameCollision),
        ("no-dist-info", packed(|a| a.entries.truncate(2)), MetadataDistInfoMissing),
        ("data-of-another", named("evil-1.0.data/scripts/x"), MetadataDataDirectory),
        ("data-by-case", named("demo-1.0.DATA/scripts/x"), MetadataDataDirectory),
        ("data-that-is-a-file", named("demo-1.0.data"), MetadataDataDirectory),
        ("data-of-unknown-scheme", named("demo-1.0.data/stdlib/x"), MetadataDataScheme),
        ("data-of-no-scheme", named("demo-1.0.data/x"), MetadataDataScheme),
        ("data-of-scheme-by-case", named("demo-1.0.data/Scripts/x"), MetadataDataScheme),
        ("data-in-data", named("demo-1.0.data/purelib/demo-1.0.data/data/lib/python3.11/site-packages/evil.pth"), MetadataDataDirectory),
        ("data-in-data-by-case", named("demo-1.0.data/platlib/Demo-1.0.Data/scripts/python"), MetadataDataDirectory),
        ("data-in-data-of-the-root", named("demo-1.0.data/data/demo-1.0.data/scripts/x"), MetadataDataDirectory),
        ("data-in-data-that-is-a-file", named("demo-1.0.data/purelib/demo-1.0.data"), MetadataDataDirectory),
        ("data-over-library", named("demo-1.0.data/data/lib/python3.11/site-packages/demo/__init__.py"), MetadataDataScheme),
        ("data-over-library-of-64-bits", named("demo-1.0.data/data/lib64/python3.11/site-packages/demo/__init__.py"), MetadataDataScheme),
        ("data-over-library-by-case", named("demo-1.0.data/data/Lib/Site-Packages/demo/__init__.py"), MetadataDataScheme),
        ("data-over-library-of-debian", named("demo-1.0.data/data/lib/python3/dist-packages/evil.pth"), MetadataDataScheme),
        ("data-over-metadata", named("demo-1.0.data/data/lib/python3.11/site-packages/demo-1.0.dist-info/METADATA"), MetadataDistInfoSeveral),
        ("data-of-another-dist-info", named("demo-1.0.data/data/lib/python3.11/site-packages/other-1.0.dist-info/METADATA"), MetadataDistInfoSeveral),
        ("data-over-script", both_named("demo-1.0.data/data/bin/x", "demo-1.0.data/scripts/x"), MetadataInstallCollision),
        ("data-over-script-of-windows", both_named("demo-1.0.data/data/Scripts/X", "demo-1.0.data/scripts/x"), MetadataInstallCollision),
        ("data-over-header", both_named("demo-1.0.data/data/include/site/python3.11/demo/x.h", "demo-1.0.data/headers/x.h"), MetadataInstallCollision),
        ("data-over-header-of-windows", both_named("demo-1.0.data/data/Include/Demo/x.h", "demo-1.0.data/headers/x.h"), MetadataInstallCollision),
        ("data-escapes", named("demo-1.0.data/../x"), ArchiveNameSegment),
        ("data-scheme-escapes", named("demo-1.0.data/purelib/../../x"), ArchiveNameSegment),
        ("data-over-root", named("demo-1.0.data/purelib/demo/__init__.py"), MetadataInstallCollision),
        ("data-over-data", both_named("demo-1.0.data/purelib/x.py", "demo-1.0.data/platlib/X.py"), MetadataInstallCollision),
    ]
}

/// METADATA, WHEEL and entry points.
#[rustfmt::skip]
fn claims() -> Vec<Case> {
    let scripts = |text: &str| entry_points(&format!("[console_scripts]\n{text}\n"));
    vec![
        ("metadata-missing", planned(|plan| { plan.remove(METADATA); }), MetadataMissing),
        ("metadata-other-name", edited(METADATA, "Name: demo", "Name: evil"), MetadataNameMismatch),
        ("metadata-other-version", edited(METADATA, "\nVersion: 1.0", "\nVersion: 1.0.1"), MetadataVersionMismatch),
        ("metadata-version-not-one", edited(METADATA, "\nVersion: 1.0", "\nVersion: one"), MetadataVersionMismatch),
        ("metadata-no-name", edited(METADATA, "Name: demo\n", ""), MetadataField),
        ("metadata-name-in-body-only", edited(METADATA, "Name: demo\nVersion: 1.0\n", "Version: 1.0\n\nName: demo\n"), MetadataField),
        ("metadata-name-twice", edited(METADATA, "Name: demo\n", "Name: demo\nname: evil\n"), MetadataDuplicateField),
        ("metadata-of-version-three", edited(METADATA, "Metadata-Version: 2.1", "Metadata-Version: 3.0"), MetadataVersionUnknown),
        ("metadata-of-no-version", edited(METADATA, "Metadata-Version: 2.1\n", ""), MetadataField),
        ("metadata-empty", planned(|plan| { plan.put(METADATA, ""); }), MetadataField),
        ("metadata-after-blank-line", edited(METADATA, "Metadata-Version", "\nMetadata-Version"), MetadataField),
        ("metadata-not-headers", edited(METADATA, "Name: demo", "Name demo"), MetadataSyntax),
        ("metadata-lone-return", edited(METADATA, "Name: demo", "Summary: x\rName: evil\nName: demo"), MetadataSyntax),
        ("metadata-line-separator", edited(METADATA, "Name: demo", "Summary: x\u{2028}Version: 9\nName: demo"), MetadataSyntax),
        ("metadata-leading-space", edited(METADATA, "Metadata-Version", " Metadata-Version"), MetadataSyntax),
        ("metadata-space-before-colon", edited(METADATA, "Name: demo", "Name : demo"), MetadataSyntax),
        ("metadata-not-utf8", planned(|plan| { plan.put(METADATA, b"Name: \xff\n"); }), MetadataSyntax),
        ("wheel-file-missing", planned(|plan| { plan.remove(WHEEL); }), MetadataWheelMissing),
        ("wheel-of-version-two", edited(WHEEL, "Wheel-Version: 1.0", "Wheel-Version: 2.0"), MetadataWheelVersion),
        ("wheel-of-half-a-version", edited(WHEEL, "Wheel-Version: 1.0", "Wheel-Version: 1."), MetadataWheelVersion),
        ("wheel-purelib-unsaid", edited(WHEEL, "Root-Is-Purelib: true\n", ""), MetadataField),
        ("wheel-purelib-unclear", edited(WHEEL, "Purelib: true", "Purelib: yes"), MetadataField),
        ("wheel-purelib-twice", edited(WHEEL, "Tag:", "Root-Is-Purelib: false\nTag:"), MetadataDuplicateField),
        ("wheel-no-tag", edited(WHEEL, "Tag: py3-none-any\n", ""), MetadataTagsMismatch),
        ("wheel-other-tag", edited(WHEEL, "py3-none-any", "cp312-cp312-linux_x86_64"), MetadataTagsMismatch),
        ("wheel-ten-million-tags", edited(WHEEL, "Tag: py3-none-any\n", &many_tags()), MetadataTagsMismatch),
        ("metadata-a-million-fields", edited(METADATA, "Name:", &format!("{}Name:", "A:b\n".repeat(1_000_000))), MetadataSyntax),
        ("wheel-platform-of-a-megabyte", edited(WHEEL, "Tag: py3-none-any\n", &long_platform()), MetadataTagsMismatch),
        ("wheel-two-thousand-platforms", edited(WHEEL, "Tag: py3-none-any\n", &many_platforms()), MetadataTagsMismatch),
        ("wheel-build-malformed", edited(WHEEL, "Tag:", "Build: x\nTag:"), MetadataBuildMismatch),
        ("wheel-build-twice", edited(WHEEL, "Tag:", "Build: 1\nBuild: 1\nTag:"), MetadataDuplicateField),
        ("wheel-malformed-tag", edited(WHEEL, "py3-none-any", "py3-none"), MetadataTagsMismatch),
        ("wheel-build-not-in-name", edited(WHEEL, "Tag:", "Build: 1\nTag:"), MetadataBuildMismatch),
        ("wheel-body", edited(WHEEL, "Tag:", "\nTag:"), MetadataSyntax),
        ("script-escapes", scripts("../../evil = demo:main"), MetadataEntryPointEscapes),
        ("script-absolute", entry_points("[gui_scripts]\n/bin/sh = demo:main\n"), MetadataEntryPointEscapes),
        ("script-backslash", scripts("..\\evil = demo:main"), MetadataEntryPointEscapes),
        ("script-dots", scripts(".. = demo:main"), MetadataEntryPointEscapes),
        ("script-nameless", scripts(" = demo:main"), MetadataEntryPoints),
        ("script-by-other-delimiter", scripts("a: b = demo:main"), MetadataEntryPointEscapes),
        ("script-in-continuation", scripts("a = demo:main\n  ../b = demo:main"), MetadataEntryPoints),
        ("script-in-a-line-deeper-by-one-character", scripts("\u{a0}a = demo:main\n  b = demo:main"), MetadataEntryPoints),
        ("script-group-in-continuation", entry_points("[x]\na = demo:main\n [console_scripts]\n../b = demo:main\n"), MetadataEntryPoints),
        ("script-after-line-separator", scripts("a = demo:main\u{2028}../b = demo:main"), MetadataEntryPoints),
        ("script-after-line-separator-in-comment", scripts("# x\u{2029}../b = demo:main"), MetadataEntryPoints),
        ("script-after-next-line", scripts("a = demo:main\u{85}../b = demo:main"), MetadataEntryPoints),
        ("script-after-semicolon", scripts(";/../../b = demo:main"), MetadataEntryPoints),
        ("script-of-group-in-brackets", entry_points("[[console_scripts]]\n../b = demo:main\n"), MetadataEntryPoints),
        ("script-of-default-group", entry_points("[DEFAULT]\n../b = demo:main\n"), MetadataEntryPoints),
        ("script-of-no-group", entry_points("../b = demo:main\n[console_scripts]\n"), MetadataEntryPoints),
        ("script-twice", scripts("a = demo:main\na = demo:evil"), MetadataEntryPoints),
        ("script-twice-by-case", scripts("a = demo:main\nA = demo:evil"), MetadataEntryPoints),
        ("script-of-both-groups", entry_points("[console_scripts]\na = demo:main\n[gui_scripts]\na = demo:evil\n"), MetadataEntryPoints),
        ("script-group-twice", entry_points("[console_scripts]\na = b:c\n[console_scripts]\nd = e:f\n"), MetadataEntryPoints),
        ("script-over-a-file", planned(|plan| {
            plan.put("demo-1.0.data/scripts/A", "#!python\n");
            plan.put(ENTRY_POINTS, "[console_scripts]\na = demo:main\n");
        }), MetadataEntryPoints),
        ("script-over-a-file-of-the-root", planned(|plan| {
            plan.put("demo-1.0.data/data/bin/a", "#!python\n");
            plan.put(ENTRY_POINTS, "[console_scripts]\na = demo:main\n");
        }), MetadataEntryPoints),
        ("script-over-a-program-of-windows", planned(|plan| {
            plan.put("demo-1.0.data/scripts/a.exe", "MZ");
            plan.put(ENTRY_POINTS, "[console_scripts]\na = demo:main\n");
        }), MetadataEntryPoints),
        ("script-over-the-interpreter", scripts("python = demo:main"), MetadataEntryPoints),
        ("script-over-the-interpreter-of-a-version", scripts("Python3.11 = demo:main"), MetadataEntryPoints),
        ("script-over-the-interpreter-without-console", entry_points("[gui_scripts]\npythonw = demo:main\n"), MetadataEntryPoints),
        ("script-over-another-interpreter", scripts("pypy3 = demo:main"), MetadataEntryPoints),
        ("script-over-pyvenv.cfg", scripts("pyvenv.cfg = demo:main"), MetadataEntryPoints),
        ("script-with-space", scripts("a b = demo:main"), MetadataEntryPoints),
        ("entry-point-without-target", entry_points("[x.y]\nmulti\n"), MetadataEntryPoints),
        ("entry-points-a-million", entry_points(&format!("[x]\n{}", many_entries())), MetadataEntryPoints),
        ("script-after-lone-return", scripts("a = demo:main\r../b = demo:main"), MetadataEntryPoints),
        ("script-without-target", scripts("nothing"), MetadataEntryPoints),
        ("script-group-open", entry_points("[console_scripts\na = b\n"), MetadataEntryPoints),
    ]
}

/// Ten thousand lines each of which stands for a thousand tags.
fn many_tags() -> String {
    let parts: Vec<_> = (0..10).map(|part| format!("p{part}")).collect();
    let parts = parts.join(".");
    format!("Tag: {parts}-{parts}-{parts}\n").repeat(10_000)
}

fn many_entries() -> String {
    (0..1_000_000).map(|number| format!("{number}=a\n")).collect()
}

/// More platforms than a file name may have, each in a line.
fn many_platforms() -> String {
    (0..2000).map(|number| format!("Tag: py3-none-p{number}\n")).collect()
}

/// One line that stands for a thousand tags of a megabyte each.
fn long_platform() -> String {
    let parts: Vec<_> = (0..32).map(|part| format!("p{part}")).collect();
    let parts = parts.join(".");
    format!("Tag: {parts}-{parts}-{}\n", "a".repeat(1 << 20))
}
