//! What a wheel says otherwise than its name does, though all readers install the same: accepted where what was
//! signed names the file, and told.

use std::fmt;

use crate::coded::coded;
use crate::dist::Shown;
use crate::report::Reason;

coded! {
    /// What kind of oddity. Each is one that the index serves, and by which no installer chooses:
    /// `docs/adr/0011-what-wheel-says.md`.
    pub enum NoteKind {
        /// WHEEL gives other platforms than the file name, by which installers choose.
        OtherPlatforms = "wheel-other-platforms",
        /// The file name has a build tag, by which installers prefer it, of which WHEEL says nothing.
        BuildUnsaid = "wheel-build-unsaid",
    }
}

/// An oddity of a wheel. What was found is the wheel's own text: [`fmt::Display`] escapes it,
/// and cuts it to a length a person can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Of what kind.
    pub kind: NoteKind,
    /// What WHEEL says.
    pub found: String,
    /// What the file name says.
    pub named: String,
}

impl Note {
    /// Why the wheel is refused all the same where nothing that was signed names the file.
    pub fn reason(&self) -> Reason {
        match self.kind {
            NoteKind::OtherPlatforms => Reason::MetadataTagsMismatch,
            NoteKind::BuildUnsaid => Reason::MetadataBuildMismatch,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, named) = (Shown(&self.found), Shown(&self.named));
        match self.kind {
            NoteKind::OtherPlatforms => {
                write!(f, "WHEEL says it is for `{found}`, the file name `{named}`")
            }
            NoteKind::BuildUnsaid => {
                write!(f, "the file name has the build tag `{named}`, of which WHEEL says nothing")
            }
        }
    }
}
