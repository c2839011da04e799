//! Every bound on work and size, in one place, each with its reason.
//!
//! A bound is an argument (house rule: nothing ambient), so each struct is passed down by the caller;
//! `standard()` gives the values that hold unless the person running the program asks otherwise.

use std::time::Duration;

/// Bytes of a distribution's file name: what common file systems hold in one name.
pub const FILENAME_LENGTH: usize = 255;

/// Tags one file name may expand to, since `a.b-c.d-e.f` multiplies. Real wheels stay under fifty.
pub const FILENAME_TAGS: usize = 1024;

/// Fields in METADATA, WHEEL or PKG-INFO, each of which is held in memory. The largest real ones, of
/// projects with hundreds of extras, have some thousand.
pub const METADATA_FIELDS: usize = 50_000;

/// Entries of `entry_points.txt`, likewise. The largest real ones have some hundred.
pub const ENTRY_POINTS: usize = 10_000;

/// Bytes of a git ref's name in provenance: what file systems hold in one name. It also bounds the work of
/// matching it against a pattern.
pub const REF_LENGTH: usize = 255;

/// Bytes of the bound on a JSON document for each value and key that it may hold. One takes up to 220 bytes of
/// memory, in an object of its own, and as few as three in the file. Real provenance has one in fifteen
/// bytes, and stays under half of this bound.
pub const JSON_BYTES_PER_NODE: usize = 32;

/// Bytes of a version: it is part of a file name.
pub const VERSION_LENGTH: usize = FILENAME_LENGTH;

/// Bytes of a requirement (PEP 508). The longest real ones, with a marker of a dozen terms, have some
/// hundred.
pub const REQUIREMENT_LENGTH: usize = 4096;

/// Opening parentheses of a requirement, each of which costs stack. Real markers have up to eight.
pub const REQUIREMENT_PARENTHESES: usize = 32;

/// Quotes in a requirement, two for each term of its marker: twelve terms, of which those that projects write
/// have up to nine. Resolvers write more into locks, where markers are not parsed. The worst of twelve is read in
/// some milliseconds, of sixteen in a second, of twenty-four never.
pub const REQUIREMENT_QUOTES: usize = 24;

/// Tags that a build can see, in provenance: tools that take the version from git look for the nearest
/// ones, and each costs a rebuild an object to fetch.
pub const RECORDED_TAGS: usize = 256;

/// Steps after the hooks, each of which costs a sandbox. Real builds have one or two.
pub const RECORDED_STEPS: usize = 32;

/// Submodules, each of which costs a clone. The largest real projects have some dozen.
pub const RECORDED_SUBMODULES: usize = 256;

/// Bytes of all variables of a build. `PATH` is the longest, with some hundred; the system takes 128 kB of
/// one.
pub const VARIABLES_LENGTH: usize = 16 << 10;

/// Bytes of a host name: what Linux holds (`HOST_NAME_MAX`), and one label by RFC 1123 has 63.
pub const HOSTNAME_LENGTH: usize = 64;

/// The latest time of a commit, in Unix seconds: the end of the year 9999, beyond which times have no
/// common form.
pub const LATEST_TIME: i64 = 253_402_300_799;
/// Bytes of a lock file. That of a workspace with some thousand projects is near 5 MB.
pub const LOCK_FILE: usize = 32 << 20;
/// Characters of a value that a refusal of provenance repeats: enough to find it in the document.
pub const SHOWN_LENGTH: usize = 200;

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
    /// Inflated bytes of all members for each byte of the file. The index refuses more than fifty; real
    /// wheels stay under eleven.
    pub wheel_ratio: u64,
    /// Inflated bytes up to which [`Self::wheel_ratio`] is not asked, as by the index.
    pub wheel_ratio_from: u64,
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
            wheel_ratio: 50,
            wheel_ratio_from: 64 << 20,
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

/// Bytes of a trusted root. Those of the public instances stay under 40 kB.
pub const TRUSTED_ROOT: usize = 4 << 20;

/// Rules of a policy that may name one project: each is held against the earlier ones, to tell whether it is ever
/// asked. Real ones have one, or a few by their versions.
pub const RULES_OF_PROJECT: usize = 100;

/// Patterns of a policy that are alike up to their first `*`, each of which is held against each name that begins so.
pub const PATTERNS_ALIKE: usize = 1_000;

/// Characters of what is said of an error in a policy.
pub const POLICY_ERROR_LENGTH: usize = 1_000;

/// Identities of a rule that counts its signers, any two of which are held against each other.
pub const COUNTED_IDENTITIES: usize = 100;

/// Elements that a condition may write down itself, which are made anew wherever they stand in a macro.
pub const EXPRESSION_ELEMENTS: usize = 64;

/// Attestations that one rule may demand or forbid.
pub const DEMANDS: usize = 64;

/// The least share of files of which a policy may ask a rebuild: of a smaller one nobody would ever see one, and the
/// policy would look as if it asked.
pub const SAMPLED_SHARE: f64 = 0.000_1;

/// Bytes of a condition of a policy. One that a person can follow has some hundred.
pub const EXPRESSION_LENGTH: usize = 4096;

/// Operators of it within each other, each of which costs stack when it is held against a document.
pub const EXPRESSION_DEPTH: usize = 48;

/// Sums in it, each of which copies the texts or lists that it puts together.
pub const EXPRESSION_SUMS: usize = 8;

/// Macros in it that go through a list, each of which walks what was signed once.
pub const EXPRESSION_LOOPS: usize = 16;

/// Files that a policy may include, itself or through others: each is another verification of every file.
pub const INCLUDES: usize = 32;

/// How deep included files may include others: an organisation, a team, a project.
pub const INCLUDE_DEPTH: usize = 8;

/// Bytes of all included files together, as of a policy with a rule for each of 100,000 projects, twice.
pub const INCLUDED_BYTES: usize = 32 << 20;

/// Errors of a policy that are told at a time. Whoever has so many to mend will look again, and each costs the length of
/// its line.
pub const POLICY_ERRORS: usize = 64;

/// Bytes of a policy file: a rule for each of 100,000 projects fits.
pub const POLICY_FILE: usize = 16 << 20;

/// Bytes of the bundle that signs a policy. One by a key has some hundred.
pub const POLICY_SIGNATURE: usize = 1 << 20;

/// Bytes of what is kept of the signed policies that were seen.
pub const POLICIES_SEEN: usize = 1 << 20;

/// Signed policies that are kept in mind, each by key and name. A machine has some.
pub const POLICIES_SEEN_COUNT: usize = 1_000;

/// Days after which what is known of a Sigstore instance is called old. Instances announce a change of
/// keys some months ahead, and a revocation should be known within a release or two.
pub const OLD_TRUST_DAYS: i64 = 90;

/// Days after the first file of a release after which one that is added to it is called late. Since July 2026
/// the public index refuses such uploads, by which a stolen token gives other code to a release of years ago.
pub const LATE_UPLOAD_DAYS: i64 = 14;

/// Bytes of what is kept of a refreshed trusted root: the root itself and the TUF metadata that vouches
/// for it. Those of the public instances stay under 200 kB.
pub const TRUST_STATE: usize = 32 << 20;

/// Bounds on an attestation that is read.
#[derive(Debug, Clone, Copy)]
pub struct AttestationLimits {
    /// Bytes of a bundle or of the statement in it. Provenance of a build with a thousand crates stays
    /// under 1 MB. Read, a hostile one takes some 80 MB of memory.
    pub bundle: usize,
    /// Attestations of one file, each of which costs a verification. The index takes two.
    pub attestations: usize,
}

impl AttestationLimits {
    /// The bounds used unless others are asked for.
    pub const fn standard() -> Self {
        Self { bundle: 4 << 20, attestations: 64 }
    }
}

/// Bytes of the name of a step in a layout: with a key's id and `.link` it is a file's name.
pub const STEP_NAME: usize = 200;

/// Bytes of the name of an artifact in a link: what Linux takes as a path.
pub const ARTIFACT_NAME: usize = 4096;

/// Bytes of a word of an artifact rule: a pattern is held against every name.
pub const RULE_WORD: usize = ARTIFACT_NAME;

/// Bounds on a layout and its links.
#[derive(Debug, Clone, Copy)]
pub struct LayoutLimits {
    /// Bytes of a layout or a link. A link of a step with fifty thousand artifacts fits; read, it takes some 60 MB
    /// of memory.
    pub document: usize,
    /// Bytes of all links, which are read one after the other and of which the artifacts are kept.
    pub bytes: usize,
    /// Links that are looked for: each is a file and perhaps a signature. Real layouts have some dozen.
    pub links: usize,
    /// Layouts in layouts. Real ones have one or two.
    pub depth: usize,
    /// Steps of comparing names with patterns: some seconds. Twenty rules over fifty thousand artifacts of sixty
    /// characters take 60 million.
    pub comparisons: u64,
}

impl LayoutLimits {
    /// The bounds used unless others are asked for.
    pub const fn standard() -> Self {
        Self { document: 8 << 20, bytes: 64 << 20, links: 1_000, depth: 8, comparisons: 1 << 30 }
    }
}

/// Bounds on what a package index answers, and on how long it is waited for.
#[derive(Debug, Clone, Copy)]
pub struct IndexLimits {
    /// Bytes of a project's page. The largest, of projects with a release every night and some dozen
    /// files each, are near 10 MB; parsed, a page takes about ten times its size in memory.
    pub page: usize,
    /// Files of one release, each of which is downloaded. The largest real ones have near two hundred.
    pub files: usize,
    /// Bytes of a provenance object: as many as of a bundle, of which it holds two or three.
    pub provenance: usize,
    /// Bytes of a distribution, as in [`WheelLimits::file_size`].
    pub file: u64,
    /// Redirects that are followed from one URL. Real indexes use one or two.
    pub redirects: usize,
    /// Requests for one URL that an index answers with "too many requests", the first one counted.
    pub attempts: usize,
    /// The longest pause an index may ask for before the next request. One that asks for more is not
    /// waited for: a person would rather know.
    pub retry_after: Duration,
    /// Until a connection stands, TLS included.
    pub connect: Duration,
    /// Without a byte, while an answer is waited for or read.
    pub idle: Duration,
    /// For a whole page or provenance object, so that a byte now and then does not hold us for ever.
    pub document: Duration,
    /// For a whole distribution, for the same reason: 4 GB at 10 Mbit/s.
    pub download: Duration,
}

impl IndexLimits {
    /// The bounds used unless others are asked for.
    pub const fn standard() -> Self {
        Self {
            page: 32 << 20,
            files: 1_000,
            provenance: AttestationLimits::standard().bundle,
            file: WheelLimits::standard().file_size,
            redirects: 5,
            attempts: 3,
            retry_after: Duration::from_secs(30),
            connect: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            document: Duration::from_secs(180),
            download: Duration::from_secs(3600),
        }
    }
}

/// Bounds on a TUF repository that is asked for a trusted root. The sizes are those of the reference
/// implementation, python-tuf, but for the target: the public instances' metadata stays under 10 kB.
#[derive(Debug, Clone, Copy)]
pub struct TufLimits {
    /// Bytes of one version of the root.
    pub root: u64,
    /// Bytes of the timestamp.
    pub timestamp: u64,
    /// Bytes of the snapshot.
    pub snapshot: u64,
    /// Bytes of targets metadata, the top one's or a delegated one's.
    pub targets: u64,
    /// Versions of the root that are walked in one refresh. The public instances make a few a year.
    pub rotations: u32,
    /// Roles that are asked for the trusted root.
    pub delegations: u32,
    /// How long an answer is waited for, and how often.
    pub answers: IndexLimits,
}

impl TufLimits {
    /// The bounds used unless others are asked for.
    pub const fn standard() -> Self {
        Self {
            root: 512_000,
            timestamp: 16_384,
            snapshot: 2_000_000,
            targets: 5_000_000,
            rotations: 32,
            delegations: 32,
            answers: IndexLimits::standard(),
        }
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
