//! Every cause a difference can have: a name first, so that a person can act without reading bytes.

use crate::coded::coded;

coded! {
    /// Why two wheels differ in one respect. Those that change what is installed or run come first.
    pub enum Cause {
        // ---- whether it is a wheel at all
        /// A wheel contradicts itself, so that verification refuses it: RECORD, a checksum or the metadata is not true of what it holds.
        Unsound = "unsound",

        // ---- which members there are
        /// Only one wheel has this file, which Python runs at every start once it is installed.
        StartupHook = "startup-hook",
        /// Only the first wheel has this member.
        MemberOnlyInA = "member-only-in-a",
        /// Only the second wheel has this member.
        MemberOnlyInB = "member-only-in-b",
        /// The same content lies under another name.
        MemberRenamed = "member-renamed",
        /// A member is executable once installed in one wheel and not in the other.
        ModeExecutable = "mode-executable",
        /// The set-user-id, set-group-id or sticky bit differs.
        ModeSpecial = "mode-special",
        /// The attributes give the member another file type.
        FileType = "file-type",

        // ---- what a member's content differs in
        /// The code of a compiled Python file differs.
        PycCode = "pyc-code",
        /// Text differs, and nothing more exact can be said than the lines.
        TextChanged = "text-changed",
        /// The data of a member cannot be read in one wheel, so that what differs cannot be said.
        Unreadable = "unreadable",
        /// Bytes differ, and nothing more exact can be said than where.
        BinaryChanged = "binary-changed",
        /// The ELF header differs: class, machine, type, flags or entry.
        ElfHeader = "elf-header",
        /// Libraries needed, search paths or the library's own name differ.
        ElfDynamic = "elf-dynamic",
        /// Symbols were added, removed, or changed between defined and undefined.
        ElfSymbols = "elf-symbols",
        /// The compilers or linkers that `.comment` names differ.
        ElfCompiler = "elf-compiler",
        /// The paths in the debug information differ.
        ElfDebugPath = "elf-debug-path",
        /// The difference is an absolute path: where the build ran.
        EmbeddedPath = "embedded-path",
        /// The difference is a date or a time: when the build ran.
        EmbeddedTimestamp = "embedded-timestamp",
        /// The difference is a number in a line that names a user, group or process, or right after a path that is the same: who or which process built, most often.
        EmbeddedNumber = "embedded-number",
        /// The difference is a value of the same length that looks random: hexadecimal, a UUID, a temporary name.
        RandomValue = "random-value",
        /// The same lines or words are there in another order.
        Ordering = "ordering",
        /// The content of these ELF sections differs.
        ElfSection = "elf-section",
        /// The build id differs, as it does after any other difference.
        ElfBuildId = "elf-build-id",
        /// The time of the source in the header of a compiled Python file differs.
        PycHeader = "pyc-header",
        /// Lines end in another way: CR LF against LF, or no newline at the end of the file.
        LineEndings = "line-endings",
        /// Spaces or tabs at the ends of lines differ.
        TrailingWhitespace = "trailing-whitespace",

        // ---- metadata
        /// A console script, GUI script or other entry point differs.
        EntryPoints = "entry-points",
        /// Project name or version differs.
        NameVersion = "name-version",
        /// The requirements differ.
        RequiresDist = "requires-dist",
        /// WHEEL says another place for the code: purelib against platlib.
        RootIsPurelib = "root-is-purelib",
        /// The compatibility tags or the build number differ.
        WheelTag = "wheel-tag",
        /// The Metadata-Version differs: another generation of the build backend.
        MetadataVersion = "metadata-version",
        /// The description or its type differs.
        Description = "description",
        /// A licence field, or the place of the licence files, differs.
        License = "license",
        /// Another field of METADATA differs.
        MetadataField = "metadata-field",
        /// Another field of WHEEL differs.
        WheelField = "wheel-field",
        /// The build backend that WHEEL names, or its version, differs.
        Generator = "generator",
        /// RECORD differs in a way that no other difference explains.
        RecordUnexplained = "record-unexplained",
        /// RECORD gives other hash algorithms or sizes, or is quoted otherwise.
        RecordForm = "record-form",
        /// RECORD lists the files in another order.
        RecordOrder = "record-order",
        /// RECORD differs, and each of its entries by a difference named elsewhere.
        RecordFollows = "record-follows",

        // ---- the zip container
        /// The members lie in another order.
        Order = "order",
        /// The members' times differ.
        Timestamps = "timestamps",
        /// Permission bits differ, without a member becoming executable: another umask, most often.
        Attributes = "attributes",
        /// One zip gives the file type in its attributes and the other does not.
        FileTypeMissing = "file-type-missing",
        /// Members are deflated in one zip and stored in the other.
        CompressionMethod = "compression-method",
        /// The same data was deflated to another stream: another level or library.
        CompressionLevel = "compression-level",
        /// The zip was written by another system or with another version number.
        CreateSystem = "create-system",
        /// Flag bits of the members' headers differ.
        ZipFlags = "zip-flags",
        /// Extra fields of the members' headers differ.
        ZipExtra = "zip-extra",
        /// The internal attributes of the members differ.
        InternalAttributes = "internal-attributes",
        /// The files are not the same bytes, yet nothing that was looked at differs.
        ContainerBytes = "container-bytes",
        /// The name of the file differs.
        Filename = "filename",
    }
}
