//! Every reason a file can be refused for. `docs/reasons.md` is generated from this list.

use crate::coded::coded;

coded! {
    /// Why something was refused: one stable, kebab-case code each, with one line that explains it.
    pub enum Reason {
        // ---- file names (filename.rs)
        /// The file name has not the parts or the extension of a wheel or source distribution.
        FilenameMalformed = "filename-malformed",
        /// The file name holds a character that no part of it may hold, or is too long.
        FilenameCharacters = "filename-characters",
        /// The project name in a file name is not a valid project name.
        FilenameName = "filename-name",
        /// The version in a file name is not a PEP 440 version.
        FilenameVersion = "filename-version",
        /// The build tag in a file name does not start with a number.
        FilenameBuild = "filename-build",
        /// A compatibility tag in a file name is empty, malformed, or expands to too many.
        FilenameTags = "filename-tags",

        // ---- the archive (wheel/, dist/names.rs): a wheel's, and a source distribution's where it is said so
        /// The file is not a zip archive: no end-of-central-directory record where one must be.
        ArchiveNotZip = "archive-not-zip",
        /// The first block of the file is also a valid tar header, so that readers differ on what it is.
        ArchiveAlsoTar = "archive-also-tar",
        /// The file is larger than the bound.
        ArchiveTooLarge = "archive-too-large",
        /// The archive holds more members than the bound.
        ArchiveTooManyMembers = "archive-too-many-members",
        /// The central directory, or in a source distribution all names together, are larger than the bound.
        ArchiveDirectoryTooLarge = "archive-directory-too-large",
        /// The members together would inflate to more than the bound.
        ArchiveInflatedTooLarge = "archive-inflated-too-large",
        /// A member, or the whole wheel, claims to inflate to more, for each compressed byte, than the bound.
        ArchiveInflationRatio = "archive-inflation-ratio",
        /// A member that must be held in memory is larger than the bound.
        ArchiveMemberTooLarge = "archive-member-too-large",
        /// The archive carries a comment, in which another archive can hide.
        ArchiveComment = "archive-comment",
        /// A member carries a comment in the central directory.
        ArchiveMemberComment = "archive-member-comment",
        /// Bytes follow the end-of-central-directory record.
        ArchiveTrailingData = "archive-trailing-data",
        /// A second end-of-central-directory signature lies where a reader could find it first.
        ArchiveSeveralEndRecords = "archive-several-end-records",
        /// The end-of-central-directory record lies about disks, counts, sizes or offsets.
        ArchiveEndRecord = "archive-end-record",
        /// A ZIP64 record, locator or extra field is malformed, missing, needless or contradictory.
        ArchiveZip64 = "archive-zip64",
        /// The central directory is malformed or is not exactly where and what the end record says.
        ArchiveCentralDirectory = "archive-central-directory",
        /// No well-formed local header lies where the central directory says one does.
        ArchiveLocalHeader = "archive-local-header",
        /// The local header of a member says something else than the central directory.
        ArchiveHeadersDisagree = "archive-headers-disagree",
        /// A member whose sizes and CRC-32 follow its data: readers must guess where it ends, or seek.
        ArchiveDataDescriptor = "archive-data-descriptor",
        /// Bytes lie before, between or after the members that belong to none of them.
        ArchiveGap = "archive-gap",
        /// Two members, or a member and the central directory, share bytes.
        ArchiveOverlap = "archive-overlap",
        /// The central directory does not list the members in the order of their data.
        ArchiveOrder = "archive-order",
        /// An extra field is malformed, repeated, unknown, or able to replace the name or the data.
        ArchiveExtraField = "archive-extra-field",
        /// A general purpose flag is set that a wheel does not use.
        ArchiveFlags = "archive-flags",
        /// A member or the central directory is encrypted.
        ArchiveEncrypted = "archive-encrypted",
        /// A member is neither stored nor deflated.
        ArchiveMethod = "archive-method",
        /// A member needs a version of the zip format that a wheel does not use.
        ArchiveVersionNeeded = "archive-version-needed",
        /// A member's name is not UTF-8, or is not ASCII without the flag that says it is UTF-8.
        ArchiveNameEncoding = "archive-name-encoding",
        /// A member's name is absolute.
        ArchiveNameAbsolute = "archive-name-absolute",
        /// A member's name has an empty, `.` or `..` segment, or one that some file system reads otherwise.
        ArchiveNameSegment = "archive-name-segment",
        /// A member's name holds a backslash, a control character, a line separator or, in a wheel, one of
        /// `<>|?*"`.
        ArchiveNameCharacters = "archive-name-characters",
        /// A member's name holds a colon: a drive letter or an alternate stream on Windows.
        ArchiveNameColon = "archive-name-colon",
        /// Two members have the same name.
        ArchiveNameDuplicate = "archive-name-duplicate",
        /// Two names, or one and `entry_points.txt`, are the same file where case or Unicode normal form do
        /// not count.
        ArchiveNameCollision = "archive-name-collision",
        /// One name is both a file and a directory.
        ArchiveNameFileAndDirectory = "archive-name-file-and-directory",
        /// A member is of a type that the archive may not hold, or of another type than its name says.
        ArchiveFileType = "archive-file-type",
        /// A directory or link has content.
        ArchiveDirectoryContent = "archive-directory-content",
        /// A member's compressed data is not a valid DEFLATE stream, or ends early.
        ArchiveDeflate = "archive-deflate",
        /// Compressed bytes are left over after the end of a member's DEFLATE stream.
        ArchiveDeflateTrailing = "archive-deflate-trailing",
        /// A member's data is not as long as its headers say.
        ArchiveSize = "archive-size",
        /// A member's data does not have the CRC-32 its headers say.
        ArchiveCrc = "archive-crc",

        // ---- the source distribution as an archive (sdist/)
        /// The file is not a gzip stream, is damaged, or ends early.
        SdistGzip = "sdist-gzip",
        /// Bytes follow the gzip stream: another archive, or another part of this one.
        SdistGzipTrailing = "sdist-gzip-trailing",
        /// The file ends as a zip does, so that installers differ on what it is.
        SdistAlsoZip = "sdist-also-zip",
        /// A tar header is of an unknown form, or has bytes where there must be none.
        SdistHeader = "sdist-header",
        /// A tar header does not have the sum that it states.
        SdistChecksum = "sdist-checksum",
        /// A number in a tar header is not in the one form that all readers read alike.
        SdistNumber = "sdist-number",
        /// An extended tar header is malformed, says a thing twice, or stands where none may.
        SdistExtendedHeader = "sdist-extended-header",
        /// An extended tar header changes a size, or says something unknown.
        SdistExtendedRecord = "sdist-extended-record",
        /// A tar header and the extended header before it name different members or targets.
        SdistNamesDisagree = "sdist-names-disagree",
        /// A symbolic link is absolute, leads out, or goes down before it goes up.
        SdistLink = "sdist-link",
        /// Bytes other than zero fill up the last block of a member.
        SdistPadding = "sdist-padding",
        /// The tar ends in the middle of a member, or without its two blocks of zeros.
        SdistTruncated = "sdist-truncated",
        /// Bytes other than zero follow the end of the tar.
        SdistDataAfterEnd = "sdist-data-after-end",
        /// A member is not in the one directory of the project and version.
        SdistRoot = "sdist-root",
        /// There is no PKG-INFO in the top directory.
        SdistPkgInfoMissing = "sdist-pkg-info-missing",

        // ---- RECORD (wheel/record.rs)
        /// The wheel has no RECORD.
        RecordMissing = "record-missing",
        /// RECORD is not UTF-8 CSV of three columns.
        RecordSyntax = "record-syntax",
        /// A member is not listed in RECORD.
        RecordIncomplete = "record-incomplete",
        /// RECORD lists a file the wheel does not hold.
        RecordUnknownMember = "record-unknown-member",
        /// RECORD lists a file twice.
        RecordDuplicate = "record-duplicate",
        /// RECORD gives no hash for a file that must have one.
        RecordHashMissing = "record-hash-missing",
        /// RECORD gives a hash by an algorithm weaker than SHA-256, or one unknown.
        RecordHashWeak = "record-hash-weak",
        /// RECORD gives a hash that is not unpadded base64url of the algorithm's length.
        RecordHashMalformed = "record-hash-malformed",
        /// A member's data does not have the hash RECORD gives.
        RecordHashMismatch = "record-hash-mismatch",
        /// A member's data is not as long as RECORD says.
        RecordSizeMismatch = "record-size-mismatch",
        /// RECORD gives a hash or a size for itself.
        RecordOfItself = "record-of-itself",

        // ---- what the distribution says of itself (wheel/{layout,wheel_file,entry_points}.rs, dist/metadata.rs)
        /// The wheel has no `.dist-info` directory at its root.
        MetadataDistInfoMissing = "metadata-dist-info-missing",
        /// The wheel has, or would install, more than its one `.dist-info` directory, or an egg's metadata.
        MetadataDistInfoSeveral = "metadata-dist-info-several",
        /// The `.dist-info` directory does not bear the name and version of the file name, spelled alike.
        MetadataDistInfoName = "metadata-dist-info-name",
        /// A `.data` directory is not the wheel's own, or lies in one.
        MetadataDataDirectory = "metadata-data-directory",
        /// A member lies in a `.data` directory outside the known schemes, or by the scheme `data` in the
        /// library.
        MetadataDataScheme = "metadata-data-scheme",
        /// Two members install to the same place.
        MetadataInstallCollision = "metadata-install-collision",
        /// The wheel has no METADATA.
        MetadataMissing = "metadata-missing",
        /// METADATA, PKG-INFO or WHEEL is not UTF-8 header lines.
        MetadataSyntax = "metadata-syntax",
        /// METADATA, PKG-INFO or WHEEL gives a field twice that may be given once.
        MetadataDuplicateField = "metadata-duplicate-field",
        /// METADATA, PKG-INFO or WHEEL lacks a field it must have, or the field's value is not of its form.
        MetadataField = "metadata-field",
        /// METADATA or PKG-INFO is of an unknown Metadata-Version.
        MetadataVersionUnknown = "metadata-version-unknown",
        /// METADATA or PKG-INFO names another project than the file name.
        MetadataNameMismatch = "metadata-name-mismatch",
        /// METADATA or PKG-INFO gives another version than the file name.
        MetadataVersionMismatch = "metadata-version-mismatch",
        /// The wheel has no WHEEL file.
        MetadataWheelMissing = "metadata-wheel-missing",
        /// WHEEL is of an unknown Wheel-Version.
        MetadataWheelVersion = "metadata-wheel-version",
        /// WHEEL's tags are not those of the file name (platforms: where nothing that was signed names it).
        MetadataTagsMismatch = "metadata-tags-mismatch",
        /// WHEEL gives another build tag than the file name (or none, where nothing that was signed names
        /// it).
        MetadataBuildMismatch = "metadata-build-mismatch",
        /// `entry_points.txt` cannot be read in one way only.
        MetadataEntryPoints = "metadata-entry-points",
        /// The name of an entry point would place its script outside the scripts folder.
        MetadataEntryPointEscapes = "metadata-entry-point-escapes",

        // ---- the attestation (attestation/envelope.rs)
        /// No attestation of the file was found, and none was given.
        AttestationMissing = "attestation-missing",
        /// The attestation is not a Sigstore bundle that can be read.
        BundleMalformed = "bundle-malformed",
        /// The attestation is of a form, or uses an algorithm, that is known and not supported.
        BundleUnsupported = "bundle-unsupported",
        /// The bundle signs bare bytes; it holds no statement about where they came from.
        BundleNotAttestation = "bundle-not-attestation",
        /// There must be exactly one signature: none proves nothing, and two let readers disagree.
        SignatureCount = "signature-count",
        /// The signer is of a kind that this policy cannot judge.
        SignerUnsupported = "signer-unsupported",
        /// The key that the bundle names is not one that the policy trusts.
        KeyUnknown = "key-unknown",
        /// The envelope and the bundle around it name different keys.
        KeyIdMismatch = "key-id-mismatch",
        /// The key is trusted, but not at this time.
        KeyNotValidNow = "key-not-valid-now",
        /// The signature is not the key's over these bytes: something was changed, or another key signed.
        SignatureInvalid = "signature-invalid",
        /// What was signed is not marked as an in-toto statement.
        PayloadTypeWrong = "payload-type-wrong",
        /// What was signed is not an in-toto Statement v1.
        StatementMalformed = "statement-malformed",

        /// The index names a publisher of a kind that is not known.
        PublisherUnknown = "publisher-unknown",
        /// The index names another publisher than the certificate.
        PublisherDisagrees = "publisher-disagrees",
        /// A log or time stamp says that it was signed after the time of verification.
        SignedLater = "signed-later",

        // ---- certificates, logs and time stamps (trust/refused.rs)
        /// The certificate cannot be read, or names no holder and issuer.
        CertificateMalformed = "certificate-malformed",
        /// No authority that is trusted, and counted at that time, issued the certificate.
        CertificateUntrusted = "certificate-untrusted",
        /// The certificate was not valid when it signed.
        CertificateNotValid = "certificate-not-valid",
        /// No certificate log that is trusted vouches for the certificate.
        CertificateNotLogged = "certificate-not-logged",
        /// The signature comes without the entry of a log that it must have, or without its proof.
        LogEntryMissing = "log-entry-missing",
        /// The entry is of a log that is not trusted.
        LogUnknown = "log-unknown",
        /// The proof does not show that the entry is in the log.
        LogInclusion = "log-inclusion",
        /// The log's checkpoint is malformed, or not signed by the log.
        LogCheckpoint = "log-checkpoint",
        /// The log's promise to take the entry is not signed by the log.
        LogPromise = "log-promise",
        /// The entry is about another signature, signer or file.
        LogEntryMismatch = "log-entry-mismatch",
        /// The log's time lies in the future, or when the certificate was not valid.
        LogTime = "log-time",
        /// The entry cannot be read, or is of a kind that is not known.
        LogEntryMalformed = "log-entry-malformed",
        /// The time stamp is not a trusted authority's over this signature, or not at a time it may sign.
        TimestampInvalid = "timestamp-invalid",
        /// Nothing that is trusted says when it was signed.
        TimestampMissing = "timestamp-missing",

        // ---- the statement (verify.rs)
        /// The statement must be about exactly one file.
        SubjectCount = "subject-count",
        /// The statement is about a file of another name.
        SubjectNameMismatch = "subject-name-mismatch",
        /// The statement is about other bytes than this file's.
        SubjectDigestMismatch = "subject-digest-mismatch",
        /// The predicate is not of a type that the policy accepts.
        PredicateTypeWrong = "predicate-type-wrong",
        /// The predicate lacks something that its type requires, or holds a value of the wrong form.
        PredicateMalformed = "predicate-malformed",
        /// The provenance was made by a build type that the policy does not accept.
        BuildTypeNotAllowed = "build-type-not-allowed",
        /// The build type is not one whose parameters this program knows.
        BuildTypeUnknown = "build-type-unknown",
        /// The provenance names a parameter that its build type does not have.
        ParameterUnknown = "parameter-unknown",
        /// The provenance names a parameter that decided what was built and that the policy does not look at.
        ParameterNotAllowed = "parameter-not-allowed",
        /// The provenance says something else than the certificate of its signer.
        CertificateDisagrees = "certificate-disagrees",
        /// The provenance lacks something or holds a value of the wrong form.
        ProvenanceMalformed = "provenance-malformed",
        /// Two places of the provenance contradict each other.
        ProvenanceInconsistent = "provenance-inconsistent",

        // ---- the policy (policy/evaluate.rs)
        /// No rule of the policy names this project.
        ProjectNotNamed = "project-not-named",
        /// The policy revokes the file by its digest, or its release.
        FileRevoked = "file-revoked",
        /// The policy revokes the signer, whenever it signed.
        SignerRevoked = "signer-revoked",
        /// The policy has an exception for it, whose time is over.
        ExceptionExpired = "exception-expired",
        /// It is no file that could be verified, and the policy does not exempt it from this place.
        ExemptionMissing = "exemption-missing",
        /// The attestation was signed longer ago than the rule allows, or nobody vouches for when.
        AttestationTooOld = "attestation-too-old",
        /// What is known of the signer's Sigstore instance was asked for longer ago than the rule allows, or nobody
        /// knows when.
        TrustTooOld = "trust-too-old",
        /// The file was uploaded more lately than the rule allows.
        UploadTooRecent = "upload-too-recent",
        /// The rule asks how long ago the file was uploaded, and no index that was asked says it.
        UploadTimeUnknown = "upload-time-unknown",
        /// Fewer different signers than the rule asks for made an attestation that holds.
        SignersTooFew = "signers-too-few",
        /// A trusted signer signed, but not one that this project's rule allows.
        SignerNotAllowed = "signer-not-allowed",
        /// The builder is not one that the rule allows.
        BuilderNotAllowed = "builder-not-allowed",
        /// The builder is one that the rule allows, of a version that it does not, or that nobody states.
        BuilderVersionNotAllowed = "builder-version-not-allowed",
        /// The provenance lacks a parameter that the rule asks for, or has another value of it.
        ParameterMissing = "parameter-missing",
        /// The rule asks for a build without a network, and nothing that was signed says that it had none.
        HermeticityUnproven = "hermeticity-unproven",
        /// The file was built from another repository.
        SourceNotAllowed = "source-not-allowed",
        /// The file was built from another ref than the rule allows.
        RefNotAllowed = "ref-not-allowed",
        /// The job was started by an event that the rule forbids, or nothing says by which.
        TriggerNotAllowed = "trigger-not-allowed",
        /// The commit that was built is on none of the rule's branches, or no checkout shows that it is.
        CommitNotOnBranch = "commit-not-on-branch",
        /// The tree that was built was not the commit's.
        SourceDirty = "source-dirty",
        /// Nothing held the build while it ran.
        IsolationMissing = "isolation-missing",
        /// A file that was installed for the build is refused by the policy that the rule names for that.
        BuildRequirementRefused = "build-requirement-refused",
        /// Nothing is known of a file that was installed for the build, or of which files were.
        BuildRequirementUnknown = "build-requirement-unknown",
        /// The rule asks for a further attestation, and there is none of its type.
        AttestationRequired = "attestation-required",
        /// There is an attestation of which the rule takes none.
        AttestationForbidden = "attestation-forbidden",
        /// The condition of the rule is false of what was signed.
        ExpressionNotHeld = "expression-not-held",
        /// The condition of the rule has no value for what was signed, as of a field that is not there.
        ExpressionFailed = "expression-failed",
        /// The verification that a summary tells of did not pass.
        SummaryFailed = "summary-failed",
        /// The summary of a verification is another verifier's.
        SummaryOfAnotherVerifier = "summary-of-another-verifier",
        /// The file was verified as another resource.
        SummaryOfAnotherResource = "summary-of-another-resource",
        /// The file was verified by another policy.
        SummaryByAnotherPolicy = "summary-by-another-policy",
        /// The summary of a verification lacks a level or property that the rule asks for.
        SummaryLevelMissing = "summary-level-missing",
        /// Fewer different rebuilders than the rule asks for got the same file.
        RebuildersTooFew = "rebuilders-too-few",
        /// The rule asks for a rebuild, and none has shown the same bytes.
        RebuildRequired = "rebuild-required",
        /// No rebuild could be made here, so nothing is known of what it would give.
        RebuildNotMade = "rebuild-not-made",
        /// The build failed when it was made again.
        RebuildFailed = "rebuild-failed",
        /// A rebuild gave other bytes, from another environment than the recorded one: it shows nothing.
        RebuildInconclusive = "rebuild-inconclusive",
        /// The file was built again, and that did not give the same bytes.
        RebuildNotIdentical = "rebuild-not-identical",

        // ---- the lock (lock/)
        /// The file is of a locked project and version, but not one of the files that the lock allows.
        LockDigestMismatch = "lock-digest-mismatch",

        // ---- who may have attested what is locked (lock/attested.rs)
        /// The lock names who attested the file, and no attestation of it was verified; an exception verifies none.
        AttestationIdentityMissing = "attestation-identity-missing",
        /// The lock names who attested the file, and it was somebody else.
        AttestationIdentityMismatch = "attestation-identity-mismatch",

        // ---- layouts and their links (layout/)
        /// The layout is not in a form that in-toto knows, or says a thing twice, or something unknown.
        LayoutMalformed = "layout-malformed",
        /// A key that was given did not sign the layout.
        LayoutNotSigned = "layout-not-signed",
        /// The layout has expired.
        LayoutExpired = "layout-expired",
        /// The layout has a key of a kind that is not read.
        LayoutKeyUnsupported = "layout-key-unsupported",
        /// The layout has one key under two ids, and would count it twice.
        LayoutKeyTwice = "layout-key-twice",
        /// The layout asks for a parameter that has no value.
        LayoutParameter = "layout-parameter",
        /// The layout asks for commands to be run when it is verified, and nobody who verifies asked for that; or one in
        /// place of a link does.
        LayoutInspections = "layout-inspections",
        /// The layout and its links ask for more work than the bound.
        LayoutTooLarge = "layout-too-large",
        /// A link is not in a form that in-toto knows, or says a thing twice, or something unknown.
        LinkMalformed = "link-malformed",
        /// A link of another step lies in this step's place.
        LinkStepMismatch = "link-step-mismatch",
        /// A link names an artifact by a path that rules would not know it by.
        LinkArtifactName = "link-artifact-name",
        /// Fewer keys signed a link of a step than the layout asks for.
        LinksTooFew = "links-too-few",
        /// Two links of one step say different things.
        LinksDisagree = "links-disagree",
        /// A step has an artifact that the layout's rules do not allow.
        ArtifactDisallowed = "artifact-disallowed",
        /// A step has not an artifact that the layout's rules ask for.
        ArtifactMissing = "artifact-missing",
        /// A command that the layout asks to be run over the file did not end well.
        InspectionFailed = "inspection-failed",
        /// The file is not one that the layout's last step gave.
        ProductUnknown = "product-unknown",
        /// The layout's last step gave other bytes under the file's name.
        ProductDigestMismatch = "product-digest-mismatch",

        // ---- who signed before (identity_lock.rs)
        /// The identities that were locked name no such project.
        IdentityNotLocked = "identity-not-locked",
        /// The project was signed by somebody else before.
        IdentityChanged = "identity-changed",
        /// The project had attestations before, and this file was taken without one.
        IdentityLost = "identity-lost",
    }
}
