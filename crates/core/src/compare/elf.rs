//! ELF files: which sections, symbols, libraries and compilers differ.
//!
//! The `object` crate parses; every count taken from a file is bounded here, because sections and names
//! may overlap in a hostile one.

use std::collections::{BTreeMap, BTreeSet};

use object::{
    FileKind, Object, ObjectSection, ObjectSymbol, SectionFlags, SectionKind, SymbolKind,
};

use super::binary;
use super::container::cut;
use super::finding::Clue;
use super::text::{explain, tell};
use super::{Cause, Detail};
use crate::limits::CompareLimits;

/// Whether these are the first bytes of an ELF file.
pub(super) fn is_elf(bytes: &[u8]) -> bool {
    matches!(FileKind::parse(bytes), Ok(FileKind::Elf32 | FileKind::Elf64))
}

/// What two ELF files differ in; nothing if one of them cannot be parsed.
pub(super) fn compare(a: &[u8], b: &[u8], limits: &CompareLimits) -> Option<Vec<Clue>> {
    let (elf_a, elf_b) = (Elf::parse(a, limits)?, Elf::parse(b, limits)?);
    let mut clues = Vec::new();
    clues.extend(one_value(Cause::ElfHeader, &elf_a.header, &elf_b.header));
    clues.extend(list(Cause::ElfCompiler, &elf_a.comments, &elf_b.comments, limits));
    clues.extend(list(Cause::ElfDynamic, &elf_a.dynamic, &elf_b.dynamic, limits));
    clues.extend(one_value(Cause::ElfBuildId, &elf_a.build_id, &elf_b.build_id));
    clues.extend(list(Cause::ElfSymbols, &elf_a.symbols, &elf_b.symbols, limits));
    clues.extend(sources(&elf_a.sources, &elf_b.sources, limits));
    clues.extend(sections(&elf_a, &elf_b, limits));
    if clues.is_empty() {
        // The sections are equal: it lies in a header, in the padding, or after the end.
        clues.push(binary::changed("outside every section: ", a, b));
    }
    if elf_a.truncated || elf_b.truncated {
        let note = Detail::note("not every section and symbol was looked at: there are too many");
        clues[0].details.push(note);
    }
    Some(clues)
}

/// What is compared of an ELF file.
struct Elf<'d> {
    header: String,
    build_id: String,
    comments: BTreeSet<String>,
    dynamic: BTreeSet<String>,
    symbols: BTreeSet<String>,
    /// The files that it was linked from, as its symbols name them.
    sources: BTreeSet<String>,
    /// Sections by name; a name that occurs again has its number behind it.
    sections: BTreeMap<String, Section<'d>>,
    /// Functions by name.
    functions: BTreeMap<String, &'d [u8]>,
    truncated: bool,
}

struct Section<'d> {
    /// Size, alignment, flags, kind.
    shape: (u64, u64, SectionFlags, SectionKind),
    data: &'d [u8],
    compressed: bool,
}

impl<'d> Elf<'d> {
    fn parse(bytes: &'d [u8], limits: &CompareLimits) -> Option<Self> {
        let file = object::File::parse(bytes).ok()?;
        let mut elf = Elf {
            header: format!(
                "{:?}, {}, {}, {:?}, {:?}",
                file.architecture(),
                if file.is_64() { "64 bits" } else { "32 bits" },
                if file.is_little_endian() { "little-endian" } else { "big-endian" },
                file.kind(),
                file.flags(),
            ),
            build_id: match file.build_id() {
                Ok(Some(id)) => hex::encode(&id[..id.len().min(64)]),
                _ => "none".to_owned(),
            },
            comments: BTreeSet::new(),
            dynamic: BTreeSet::new(),
            symbols: BTreeSet::new(),
            sources: BTreeSet::new(),
            sections: BTreeMap::new(),
            functions: BTreeMap::new(),
            truncated: false,
        };
        // Twice the file is more than honest sections and names add up to.
        let mut budget = bytes.len().saturating_mul(2);
        elf.read_sections(&file, &mut budget, limits);
        elf.read_symbols(&file, &mut budget, limits);
        if let Some(comment) = elf.sections.get(".comment") {
            let texts = comment.data.split(|b| *b == 0).filter(|text| !text.is_empty());
            elf.comments = texts.map(|text| lossy(text, limits)).take(limits.listed).collect();
        }
        elf.dynamic = dynamic(&file, &elf.sections, limits);
        Some(elf)
    }

    fn read_sections(
        &mut self,
        file: &object::File<'d>,
        budget: &mut usize,
        limits: &CompareLimits,
    ) {
        for (number, section) in file.sections().enumerate() {
            let data = section.data().unwrap_or_default();
            let name = lossy(section.name_bytes().unwrap_or_default(), limits);
            let cost = data.len() + name.len() + 1;
            if number >= limits.symbols || cost > *budget {
                self.truncated = true;
                return;
            }
            *budget -= cost;
            let compressed = section
                .compressed_file_range()
                .is_ok_and(|range| range.format != object::CompressionFormat::None);
            let section = Section {
                shape: (section.size(), section.align(), section.flags(), section.kind()),
                data,
                compressed,
            };
            let taken = self.sections.contains_key(&name);
            let name = if taken { format!("{name} (section {number})") } else { name };
            self.sections.insert(name, section);
        }
    }

    fn read_symbols(
        &mut self,
        file: &object::File<'d>,
        budget: &mut usize,
        limits: &CompareLimits,
    ) {
        let symbols = file.symbols().chain(file.dynamic_symbols());
        for (number, symbol) in symbols.enumerate() {
            let name = symbol.name_bytes().unwrap_or_default();
            if number >= limits.symbols || name.len() + 1 > *budget {
                self.truncated = true;
                return;
            }
            *budget -= name.len() + 1;
            if name.is_empty() || symbol.kind() == SymbolKind::Section {
                continue;
            }
            let name = lossy(name, limits);
            if symbol.kind() == SymbolKind::File {
                self.sources.insert(name);
                continue;
            }
            let code = symbol.section_index().and_then(|index| file.section_by_index(index).ok());
            let body = code
                .filter(|_| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
                .and_then(|section| section.data_range(symbol.address(), symbol.size()).ok()?);
            match body {
                Some(body) if body.len() <= *budget => {
                    *budget -= body.len();
                    self.functions.insert(name.clone(), body);
                }
                _ => {}
            }
            let kind = if symbol.is_undefined() { "undefined " } else { "" };
            self.symbols.insert(format!("{kind}{name}"));
        }
    }
}

/// Libraries needed, own name and search paths, from `.dynamic`.
fn dynamic(
    file: &object::File<'_>,
    sections: &BTreeMap<String, Section<'_>>,
    limits: &CompareLimits,
) -> BTreeSet<String> {
    let (Some(table), Some(strings)) = (sections.get(".dynamic"), sections.get(".dynstr")) else {
        return BTreeSet::new();
    };
    let word = if file.is_64() { 8 } else { 4 };
    let little = file.is_little_endian();
    let number = |bytes: &[u8]| {
        let join = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match little {
            true => bytes.iter().rev().fold(0, join),
            false => bytes.iter().fold(0, join),
        }
    };
    let entries = table.data.chunks_exact(2 * word).take(limits.listed * 10);
    let named = entries.filter_map(|entry| {
        let what = match number(&entry[..word]) {
            1 => "needs",
            14 => "is named",
            15 => "rpath",
            29 => "runpath",
            _ => return None,
        };
        let start = usize::try_from(number(&entry[word..])).ok()?;
        let text = strings.data.get(start..)?.split(|b| *b == 0).next()?;
        Some(format!("{what} {}", lossy(text, limits)))
    });
    named.collect()
}

fn sections(a: &Elf<'_>, b: &Elf<'_>, limits: &CompareLimits) -> Vec<Clue> {
    let names: BTreeSet<&String> = a.sections.keys().chain(b.sections.keys()).collect();
    let mut differ = Vec::new();
    let mut details = Vec::new();
    let mut clues = Vec::new();
    let mut debug = (Vec::new(), Vec::new());
    let mut looked_into = 0;
    for name in &names {
        let (left, right) = (a.sections.get(*name), b.sections.get(*name));
        let same = match (left, right) {
            (Some(x), Some(y)) => x.shape == y.shape && x.data == y.data,
            _ => false,
        };
        if same {
            continue;
        }
        differ.push(name.as_str());
        let size = |section: Option<&Section<'_>>| section.map(|s| format!("{} bytes", s.shape.0));
        if details.len() < limits.listed {
            details.push(Detail::values(name.as_str(), size(left), size(right)));
        }
        let (Some(left), Some(right)) = (left, right) else {
            continue;
        };
        if left.compressed || right.compressed {
            details.push(Detail::note(format!(
                "{name} is compressed: its content was not looked into"
            )));
        } else if name.starts_with(".debug") {
            debug.0.extend_from_slice(left.data);
            debug.1.extend_from_slice(right.data);
        } else if [".rodata", ".data"].iter().any(|start| name.starts_with(start)) {
            if looked_into == limits.listed {
                continue;
            }
            looked_into += 1;
            let (found, left) = binary::strings(left.data, right.data, limits);
            clues.extend(found);
            details.extend(left.into_iter().map(|detail| in_section(detail, name)));
        }
    }
    if differ.is_empty() {
        return clues;
    }
    let (found, _) = binary::strings(&debug.0, &debug.1, limits);
    clues.extend(found.into_iter().map(|mut clue| {
        if clue.cause == Cause::EmbeddedPath {
            clue.cause = Cause::ElfDebugPath;
        }
        clue
    }));
    let loaded = differ.iter().any(|name| !is_annotation(name));
    let kept = names.len() - differ.len();
    let shown = differ[..differ.len().min(limits.listed)].join(", ");
    let tail = match loaded {
        true => String::new(),
        false => "; nothing that is run".to_owned(),
    };
    let summary = format!("{shown} differ, {kept} other sections are equal{tail}");
    details.extend(functions(a, b, limits));
    clues.push(Clue::new(Cause::ElfSection, summary).with(details));
    clues
}

/// The names of the files it was linked from: an assembler's temporary file is a path of the build.
fn sources(a: &BTreeSet<String>, b: &BTreeSet<String>, limits: &CompareLimits) -> Vec<Clue> {
    let only_a: Vec<&str> = a.difference(b).map(String::as_str).collect();
    let only_b: Vec<&str> = b.difference(a).map(String::as_str).collect();
    let pairs = only_a.iter().copied().zip(only_b.iter().copied());
    match explain(pairs).filter(|_| only_a.len() == only_b.len()) {
        Some(causes) => tell(causes, limits),
        None => list(Cause::ElfSymbols, a, b, limits).into_iter().collect(),
    }
}

/// Whether a section says something about the code and is not part of it.
fn is_annotation(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        ".comment",
        ".note.gnu.build-id",
        ".gnu_debuglink",
        ".symtab",
        ".strtab",
        ".shstrtab",
        ".gnu.build.attributes",
    ];
    NAMES.contains(&name) || name.starts_with(".debug")
}

/// How many functions of the same name have the same bytes, and which have not.
fn functions(a: &Elf<'_>, b: &Elf<'_>, limits: &CompareLimits) -> Option<Detail> {
    let common = a.functions.iter().filter_map(|(name, x)| Some((name, x, b.functions.get(name)?)));
    let common: Vec<_> = common.collect();
    let differ: Vec<&str> =
        common.iter().filter(|(_, x, y)| x != y).map(|(name, ..)| name.as_str()).collect();
    if differ.is_empty() {
        return None;
    }
    let shown = differ[..differ.len().min(limits.listed)].join(", ");
    let equal = common.len() - differ.len();
    Some(Detail::note(format!(
        "{equal} of {} functions in both have the same bytes; not: {shown}",
        common.len()
    )))
}

fn in_section(detail: Detail, name: &str) -> Detail {
    match detail {
        Detail::Values { what, a, b } => Detail::values(format!("{name}: {what}"), a, b),
        other => other,
    }
}

fn one_value(cause: Cause, a: &str, b: &str) -> Option<Clue> {
    (a != b).then(|| Clue::new(cause, format!("{a} in A, {b} in B")))
}

/// What only one of two lists has.
fn list(
    cause: Cause,
    a: &BTreeSet<String>,
    b: &BTreeSet<String>,
    limits: &CompareLimits,
) -> Option<Clue> {
    let only = |x: &BTreeSet<String>, y: &BTreeSet<String>| {
        let only: Vec<String> = x.difference(y).cloned().collect();
        let shown = only[..only.len().min(limits.listed)].join(", ");
        match only.len() {
            0 => None,
            count if count > limits.listed => {
                Some(format!("{shown} and {} more", count - limits.listed))
            }
            _ => Some(shown),
        }
    };
    let (only_a, only_b) = (only(a, b), only(b, a));
    let summary = match (&only_a, &only_b) {
        (None, None) => return None,
        (Some(a), None) => format!("only in A: {a}"),
        (None, Some(b)) => format!("only in B: {b}"),
        (Some(a), Some(b)) => format!("only in A: {a}; only in B: {b}"),
    };
    Some(Clue::new(cause, cut(&summary, limits.width * 2)))
}

fn lossy(bytes: &[u8], limits: &CompareLimits) -> String {
    let start = &bytes[..bytes.len().min(limits.width * 8)];
    String::from_utf8_lossy(start).into_owned()
}

#[cfg(test)]
mod tests {
    use object::write::{Object as Writer, StandardSection, Symbol, SymbolSection};
    use object::{Architecture, BinaryFormat, Endianness, SymbolFlags, SymbolScope};
    use proptest::prelude::*;

    use super::*;

    /// An object file with two functions, a string, a compiler and the path of its source.
    struct Made {
        body: &'static [u8],
        string: &'static [u8],
        compiler: &'static [u8],
        path: &'static [u8],
        symbol: &'static str,
    }

    const DEMO: Made = Made {
        body: &[0x90, 0x90, 0xc3, 0xc3],
        string: b"hello, world\0",
        compiler: b"\0GCC: (Debian 12.2.0-14) 12.2.0\0",
        path: b"/tmp/build-one/demo.c\0",
        symbol: "demo_two",
    };

    impl Made {
        fn bytes(&self) -> Vec<u8> {
            let mut elf = Writer::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
            let text = elf.section_id(StandardSection::Text);
            elf.append_section_data(text, self.body, 16);
            let data = elf.section_id(StandardSection::ReadOnlyData);
            elf.append_section_data(data, self.string, 8);
            for (name, content) in [(".comment", self.compiler), (".debug_str", self.path)] {
                let id = elf.add_section(Vec::new(), name.into(), object::SectionKind::OtherString);
                elf.append_section_data(id, content, 1);
            }
            for (name, value) in [("demo_one", 0), (self.symbol, 2)] {
                elf.add_symbol(Symbol {
                    name: name.into(),
                    value,
                    size: 2,
                    kind: SymbolKind::Text,
                    scope: SymbolScope::Dynamic,
                    weak: false,
                    section: SymbolSection::Section(text),
                    flags: SymbolFlags::None,
                });
            }
            elf.write().unwrap()
        }
    }

    fn told(other: &Made) -> Vec<(Cause, String)> {
        let clues = compare(&DEMO.bytes(), &other.bytes(), &CompareLimits::standard()).unwrap();
        let told = |clue: &Clue| (clue.cause, format!("{} {:?}", clue.summary, clue.details));
        clues.iter().map(told).collect()
    }

    fn causes(told: &[(Cause, String)]) -> Vec<Cause> {
        told.iter().map(|(cause, _)| *cause).collect()
    }

    #[test]
    fn a_changed_function_is_named() {
        let found = told(&Made { body: &[0x90, 0x90, 0x90, 0xc3], ..DEMO });
        assert_eq!(causes(&found), [Cause::ElfSection]);
        assert!(found[0].1.starts_with(".text differ"), "{found:?}");
        assert!(found[0].1.contains("1 of 2 functions in both have the same bytes; not: demo_two"));
    }

    #[test]
    fn another_compiler_is_named() {
        let found = told(&Made { compiler: b"\0clang version 15.0.6\0", ..DEMO });
        assert_eq!(causes(&found), [Cause::ElfCompiler, Cause::ElfSection]);
        assert!(found[0].1.contains(
            "only in A: GCC: (Debian 12.2.0-14) 12.2.0; only in B: clang version 15.0.6"
        ));
        assert!(found[1].1.contains("nothing that is run"), "{found:?}");
    }

    #[test]
    fn paths_of_the_build_are_told_from_paths_of_the_code() {
        let found = told(&Made { path: b"/home/two/srcs/demo.c\0", ..DEMO });
        assert_eq!(causes(&found), [Cause::ElfDebugPath, Cause::ElfSection]);
        assert!(
            found[0].1.starts_with("`/tmp/build-one/demo.c` in A, `/home/two/srcs/demo.c` in B")
        );
        let found = told(&Made { string: b"Nov 23 2026\0\0", ..DEMO });
        assert_eq!(causes(&found), [Cause::ElfSection], "only one side is a date");
    }

    #[test]
    fn symbols_that_come_and_go_are_named() {
        let found = told(&Made { symbol: "demo_tri", ..DEMO });
        assert_eq!(causes(&found)[0], Cause::ElfSymbols);
        assert!(found[0].1.contains("only in A: demo_two; only in B: demo_tri"), "{found:?}");
    }

    #[test]
    fn bytes_outside_every_section_are_not_overlooked() {
        let (a, mut b) = (DEMO.bytes(), DEMO.bytes());
        b.push(0);
        let clues = compare(&a, &b, &CompareLimits::standard()).unwrap();
        assert_eq!(clues[0].cause, Cause::BinaryChanged);
        assert!(clues[0].summary.starts_with("outside every section"));
    }

    proptest! {
        #[test]
        fn a_hostile_file_neither_panics_nor_goes_unnamed(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
            cut in any::<prop::sample::Index>(),
        ) {
            let a = DEMO.bytes();
            let mut b = a.clone();
            for (at, byte) in changes {
                let at = at.index(b.len());
                b[at] = byte;
            }
            b.truncate(b.len() - cut.index(64));
            prop_assume!(a != b);
            if let Some(clues) = compare(&a, &b, &CompareLimits::standard()) {
                prop_assert!(!clues.is_empty());
            }
        }
    }
}
