//! Every bound on work and size, in one place, each with its reason.
//!
//! A bound is an argument (house rule: nothing ambient), so each struct is passed down by the caller;
//! `standard()` gives the values that hold unless the person running the program asks otherwise.

/// Bytes of a distribution's file name: what common file systems hold in one name.
pub const FILENAME_LENGTH: usize = 255;

/// Tags one file name may expand to, since `a.b-c.d-e.f` multiplies. Real wheels stay under fifty.
pub const FILENAME_TAGS: usize = 1024;

/// Fields in METADATA, WHEEL or PKG-INFO, each of which is held in memory. The largest real ones, of
/// projects with hundreds of extras, have some thousand.
pub const METADATA_FIELDS: usize = 50_000;

/// Bytes of a git ref's name in provenance: what file systems hold in one name. It also bounds the work of
/// matching it against a pattern.
pub const REF_LENGTH: usize = 255;

/// Bytes of a member of a wheel that is inflated all at once, for which it is held in memory. Beside the next
/// bound it is what a reader needs for itself: 24 MiB, so that two at a time stay under 64 MiB with the
/// program around them. A third of the bytes of popular wheels lies in such members, and nearly all where
/// no large library is among them; twice the bound would add another twentieth.
pub const WHOLE_OUTPUT: usize = 16 << 20;

/// Bytes that such a member may take in the archive. What inflates to 16 MiB seldom takes half of that.
pub const WHOLE_INPUT: usize = 8 << 20;

/// Bounds on a wheel that is read.
#[derive(Debug, Clone, Copy)]
pub struct WheelLimits {
    /// Bytes of the file itself. The index takes at most 1 GB by default and a few projects have more.
    pub file_size: u64,
    /// Number of members. The largest real wheels hold some ten thousand.
    pub members: usize,
    /// Bytes of all members once inflated: what a reader must be ready to write to disk.
    pub inflated_total: u64,
    /// Inflated bytes for each compressed byte of a member. DEFLATE cannot exceed 1032, and runs of
    /// zeros in real data come near it, so a lower bound refuses honest files.
    pub inflation_ratio: u64,
    /// Bytes of a file that is parsed rather than hashed: METADATA, WHEEL, RECORD, entry points.
    pub metadata_file: u64,
    /// Bytes of the central directory, which is held in memory.
    pub central_directory: u64,
}

impl WheelLimits {
    /// The bounds used unless others are asked for.
    pub const fn standard() -> Self {
        Self {
            file_size: 4 << 30,
            members: 200_000,
            inflated_total: 16 << 30,
            inflation_ratio: 1032,
            metadata_file: 32 << 20,
            central_directory: 32 << 20,
        }
    }
}

/// Bounds on a source distribution that is read.
#[derive(Debug, Clone, Copy)]
pub struct SdistLimits {
    /// Bytes of the file itself, as for wheels.
    pub file_size: u64,
    /// Number of members. The largest real source distributions hold some ten thousand.
    pub members: usize,
    /// Bytes of the archive once inflated. Below 8 GB no size needs more than its twelve octal digits.
    pub inflated_total: u64,
    /// Bytes of all names, which are held in memory.
    pub names: u64,
    /// Bytes of an extended header, which holds long names and extended attributes.
    pub extended_header: u64,
    /// Bytes of PKG-INFO.
    pub metadata_file: u64,
}

impl SdistLimits {
    /// The bounds used unless others are asked for.
    pub const fn standard() -> Self {
        Self {
            file_size: 4 << 30,
            members: 200_000,
            inflated_total: 8 << 30,
            names: 32 << 20,
            extended_header: 1 << 20,
            metadata_file: 32 << 20,
        }
    }
}

/// Bounds on an attestation that is read.
#[derive(Debug, Clone, Copy)]
pub struct AttestationLimits {
    /// Bytes of a bundle or of the statement in it. Provenance of a build with a thousand crates stays
    /// under 1 MB.
    pub bundle: usize,
}

impl AttestationLimits {
    /// The bounds used unless others are asked for.
    pub const fn standard() -> Self {
        Self { bundle: 16 << 20 }
    }
}

/// Bounds on the comparison of two wheels. What lies beyond them is compared by digest, and the
/// comparison says so; the verdict whether bytes are equal never depends on a bound.
#[derive(Debug, Clone, Copy)]
pub struct CompareLimits {
    /// Inflated bytes of a member whose difference is explained; two such are in memory at a time. The
    /// largest extension modules in real wheels are near 500 MB, most are under 50.
    pub member: u64,
    /// Inflated bytes of all members whose differences are explained: bounds the time, not the memory.
    pub total: u64,
    /// Members whose differences are explained: bounds what is kept of them for the report.
    pub explained: usize,
    /// Lines of one text that is compared as text, each of which costs memory beside its bytes.
    pub text_lines: usize,
    /// Lines of one text that are aligned with another's; the work grows with the square of it.
    pub lines: usize,
    /// Lines of all texts that are aligned, for the same reason.
    pub lines_total: usize,
    /// Lines shown of a difference: two screens.
    pub hunk_lines: usize,
    /// Characters shown of a line or a value.
    pub width: usize,
    /// Members, symbols or values that are listed before "and so many more".
    pub listed: usize,
    /// Sections and symbols of an object file that are looked at. Chromium has some 500,000 symbols.
    pub symbols: usize,
}

impl CompareLimits {
    /// The bounds used unless others are asked for.
    pub const fn standard() -> Self {
        Self {
            member: 128 << 20,
            total: 2 << 30,
            explained: 5_000,
            text_lines: 1_000_000,
            lines: 4_000,
            lines_total: 100_000,
            hunk_lines: 60,
            width: 200,
            listed: 20,
            symbols: 1_000_000,
        }
    }
}
