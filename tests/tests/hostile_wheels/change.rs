//! Ways to change an honest wheel: each gives the file's name and its bytes.

use wheelmark_tests::hostile::{Archive, End, End64, Entry, Local, Plan, record_row, zip64};

pub const INIT: &str = "demo/__init__.py";
pub const EMPTY: &str = "demo/empty.py";
pub const METADATA: &str = "demo-1.0.dist-info/METADATA";
pub const WHEEL: &str = "demo-1.0.dist-info/WHEEL";
pub const RECORD: &str = "demo-1.0.dist-info/RECORD";
pub const ENTRY_POINTS: &str = "demo-1.0.dist-info/entry_points.txt";

/// A file's name and its bytes.
pub type File = (String, Vec<u8>);

/// By its content.
pub fn planned(change: impl FnOnce(&mut Plan)) -> File {
    let mut plan = Plan::new();
    change(&mut plan);
    (plan.filename.clone(), plan.archive().bytes())
}

/// By its headers.
pub fn packed(change: impl FnOnce(&mut Archive)) -> File {
    let plan = Plan::new();
    let mut archive = plan.archive();
    change(&mut archive);
    (plan.filename, archive.bytes())
}

/// One more file, of this name.
pub fn named(name: &str) -> File {
    planned(|plan| {
        plan.put(name, "x");
    })
}

/// Two more members, of these names, empty and in this order.
pub fn both_named(one: &str, other: &str) -> File {
    planned(|plan| {
        plan.files.push((one.to_owned(), Vec::new()));
        plan.files.push((other.to_owned(), Vec::new()));
    })
}

/// Both headers of a file, alike.
pub fn both_headers(change: impl Fn(&mut Local)) -> File {
    packed(|archive| {
        archive.entry(INIT).both(change);
    })
}

/// The local header of a file, alone.
pub fn local_header(change: impl Fn(&mut Local)) -> File {
    packed(|archive| change(archive.entry(INIT).local()))
}

/// The external attributes of a file.
pub fn attributes(attributes: u32) -> File {
    packed(|archive| archive.entry(INIT).central().external_attributes = attributes)
}

/// The packed data of a file, both headers true of its new length.
pub fn repacked(change: impl FnOnce(&mut Vec<u8>)) -> File {
    packed(|archive| {
        let entry = archive.entry(INIT);
        change(&mut entry.data);
        let length = entry.data.len() as u32;
        entry.both(|header| header.compressed_size = length);
    })
}

/// A file in which a match goes eight bytes back after so many: with fewer than eight it reaches what a
/// careless inflater still has of the member before.
pub fn eight_back(literals: usize) -> File {
    let content = vec![b'x'; literals + 4];
    let mut plan = Plan::new();
    plan.put(EMPTY, &content);
    let mut archive = plan.archive();
    let data = crate::lax::eight_back(literals);
    let length = data.len() as u32;
    archive.entry(EMPTY).data = data;
    archive.entry(EMPTY).both(|header| header.compressed_size = length);
    (plan.filename, archive.bytes())
}

/// A file whose packed data is followed by what follows it in a gzip file, for which some readers stop, and
/// by more.
pub fn trailed(more: &[u8]) -> File {
    let mut archive = Plan::new().archive();
    let header = archive.entry(INIT).local();
    let trailer = [header.crc32.to_le_bytes(), header.size.to_le_bytes()].concat();
    repacked(|data| data.extend([&trailer, more].concat()))
}

/// A file with a data descriptor, changed.
pub fn descriptor(change: impl FnOnce(&mut Vec<u8>)) -> File {
    packed(|archive| change(&mut archive.entry(INIT).stream().descriptor))
}

/// The text of a file, by replacement.
pub fn edited(file: &str, from: &str, to: &str) -> File {
    planned(|plan| {
        plan.edit(file, from, to);
    })
}

/// The text of RECORD, by replacement.
pub fn record(from: &str, to: &str) -> File {
    planned(|plan| {
        plan.edit_record(from, to);
    })
}

/// RECORD with one more row.
pub fn record_and(row: &str) -> File {
    planned(|plan| plan.record = Some(plan.honest_record() + row))
}

/// Entry points.
pub fn entry_points(text: &str) -> File {
    planned(|plan| {
        plan.put(ENTRY_POINTS, text);
    })
}

/// ZIP64 end records.
pub fn end64(end: End, change: impl FnOnce(&mut End64)) -> File {
    packed(|archive| {
        let mut end64 = End64::default();
        change(&mut end64);
        archive.end64 = Some(end64);
        archive.end = end;
    })
}

/// A file whose sizes move into these extra fields of its local and its other header.
pub fn zip64_sizes(local: Option<Vec<u8>>, central: Option<Vec<u8>>) -> File {
    packed(|archive| {
        let entry = archive.entry(INIT);
        if let Some(extra) = central {
            let header = &mut entry.central().shared;
            (header.size, header.compressed_size) = (u32::MAX, u32::MAX);
            header.extra = extra;
        }
        if let Some(extra) = local {
            let header = entry.local();
            (header.size, header.compressed_size) = (u32::MAX, u32::MAX);
            header.extra = extra;
        }
    })
}

/// The sizes of that file as an honest ZIP64 field.
pub fn sizes() -> Vec<u8> {
    let mut archive = Plan::new().archive();
    let header = archive.entry(INIT).local();
    zip64(&[header.size.into(), header.compressed_size.into()])
}

/// A wheel of which the first 512 bytes are a tar header too, bytes summed as `value` takes them: its checksum
/// hides in a stored member.
pub fn also_tar(value: impl Fn(u8) -> i32) -> File {
    let name = "demo/a.txt";
    let checksum = 148 - 30 - name.len();
    // The sum covers the CRC-32 in the header, which covers the checksum: try until both hold.
    for guess in 0i32.. {
        let mut data = vec![b' '; 600];
        data[checksum..checksum + 8].copy_from_slice(format!("{guess:06o}\0 ").as_bytes());
        let mut block = [local_bytes(name, &data), data.clone()].concat();
        block[148..156].fill(b' ');
        if block[..512].iter().map(|byte| value(*byte)).sum::<i32>() == guess {
            let mut plan = Plan::new();
            plan.files.insert(0, (name.to_owned(), data.clone()));
            let mut archive = plan.archive();
            archive.entries[0] = Entry::stored(name, &data);
            return (plan.filename, archive.bytes());
        }
    }
    unreachable!("some checksum fits")
}

/// The local header of a stored member.
fn local_bytes(name: &str, data: &[u8]) -> Vec<u8> {
    let mut archive = Plan::new().archive();
    archive.entries = vec![Entry::stored(name, data)];
    let mut bytes = archive.bytes();
    bytes.truncate(30 + name.len());
    bytes
}

/// A wheel of stored members, in which every bit means something, and its archive.
pub fn stored() -> (File, Archive) {
    let plan = Plan::new();
    let mut archive = plan.archive();
    let record = plan.honest_record();
    for entry in &mut archive.entries {
        let name = String::from_utf8(entry.local().name.clone()).expect("text");
        let data = plan.files.iter().find(|(file, _)| *file == name);
        *entry = Entry::stored(&name, data.map_or(record.as_bytes(), |(_, data)| data));
    }
    ((plan.filename, archive.bytes()), archive)
}

/// The hash of [`INIT`] as its row of RECORD gives it.
pub fn init_hash() -> String {
    let row = record_row("", b"print('demo')\n");
    row.split(',').nth(1).expect("a hash").to_owned()
}
