//! Two source distributions held against each other, by their members.

use std::collections::BTreeMap;

use crate::report::Escaped;
use crate::sdist::{Kind, Sdist};

/// Why two source distributions are not the same bytes, a line each; never empty.
///
/// Where all members have the same names, kinds, permissions and contents, what is left are the headers of
/// the archive: time stamps of members and of the compression, owners, and order.
pub fn sdist_causes(a: &Sdist, b: &Sdist) -> Vec<String> {
    let members = |sdist: &Sdist| -> BTreeMap<_, _> {
        let all = sdist.members().iter();
        all.map(|member| (member.name().to_owned(), (member.permissions(), member.kind().clone())))
            .collect()
    };
    let (first, second) = (members(a), members(b));
    let names = first.keys().chain(second.keys().filter(|name| !first.contains_key(*name)));
    let mut causes = Vec::new();
    for name in names {
        let what = match (first.get(name), second.get(name)) {
            (Some(one), Some(other)) if one == other => continue,
            (Some((_, Kind::File { .. })), Some((_, Kind::File { .. }))) => {
                "another content or mode"
            }
            (Some(_), Some(_)) => "another kind",
            (Some(_), None) => "only in the first",
            _ => "only in the second",
        };
        causes.push(format!("{}: {what}", Escaped(name)));
    }
    if causes.is_empty() {
        causes.push(
            "every member has the same name, mode and content: only time stamps, owners or the order \
             of the archive differ"
                .to_owned(),
        );
    }
    causes
}
