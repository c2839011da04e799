//! Enumerations whose values have a stable code and one line of explanation.

/// Declares an enumeration from `/// explanation` and `Variant = "code"`, so that what people read, what
/// programs match on and what the compiler checks are written in one place.
macro_rules! coded {
    (
        $(#[$about:meta])+
        pub enum $name:ident {
            $($(#[doc = $doc:literal])+ $variant:ident = $code:literal,)+
        }
    ) => {
        $(#[$about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The stable code: kebab-case, never reused for another meaning.
            pub fn code(self) -> &'static str {
                match self { $($name::$variant => $code,)+ }
            }

            /// One line for people.
            pub fn explanation(self) -> &'static str {
                match self { $($name::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.code())
            }
        }
    };
}

pub(crate) use coded;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::compare::Cause;
    use crate::report::{CheckName, Reason};
    use crate::wheel::NoteKind;

    #[test]
    fn codes_are_kebab_case_and_unique() {
        let kebab = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        for codes in [
            Reason::ALL.iter().map(|it| it.code()).collect::<Vec<_>>(),
            Cause::ALL.iter().map(|it| it.code()).collect(),
            CheckName::ALL.iter().map(|it| it.code()).collect(),
            NoteKind::ALL.iter().map(|it| it.code()).collect(),
        ] {
            let unique: BTreeSet<_> = codes.iter().collect();
            assert_eq!(unique.len(), codes.len());
            assert!(codes.iter().all(|code| code.bytes().all(kebab)), "{codes:?}");
        }
    }
}
