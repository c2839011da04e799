//! Every bound on work and size, in one place, each with its reason.
//!
//! A bound is an argument (house rule: nothing ambient), so each struct is passed down by the caller;
//! `standard()` gives the values that hold unless the person running the program asks otherwise.

/// Bytes of a distribution's file name: what common file systems hold in one name.
pub const FILENAME_LENGTH: usize = 255;

/// Tags one file name may expand to, since `a.b-c.d-e.f` multiplies. Real wheels stay under fifty.
pub const FILENAME_TAGS: usize = 1024;

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
