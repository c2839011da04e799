//! The shape of the file: what may stand in it and where. An unknown key is an error.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::nearest;

/// What to do about a text that has not this shape, by what the reader says of it.
pub(super) fn suggestion(message: &str) -> String {
    let words: Vec<_> = message.split('`').skip(1).step_by(2).collect();
    match &words[..] {
        [word, known @ ..] if message.starts_with("unknown ") => {
            nearest::or(word, known.iter().copied(), "write one of these, or take it out")
        }
        [field, ..] if message.starts_with("missing field ") => format!("add `{field}`"),
        _ if message.starts_with("duplicate key") => "take one of them out".to_owned(),
        _ if message.starts_with("invalid type") => {
            "write a value of the kind that is expected".to_owned()
        }
        _ => "look at the line: TOML is read here, and `wheelmark policy schema` says what may stand where"
            .to_owned(),
    }
}

/// A list of texts, each with its place.
pub(super) type List = Spanned<Vec<Spanned<String>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) schema: Spanned<u32>,
    #[serde(default)]
    pub(super) includes: Vec<Spanned<IncludeEntry>>,
    #[serde(default)]
    pub(super) keys: BTreeMap<Spanned<String>, KeyEntry>,
    #[serde(default)]
    pub(super) identities: BTreeMap<Spanned<String>, IdentityEntry>,
    #[serde(default)]
    pub(super) rules: Vec<Spanned<RuleEntry>>,
    #[serde(default)]
    pub(super) policies: BTreeMap<Spanned<String>, IncludeEntry>,
    #[serde(default)]
    pub(super) exceptions: Vec<Spanned<ExceptionEntry>>,
    #[serde(default)]
    pub(super) unverified: Vec<Spanned<UnverifiedEntry>>,
    #[serde(default)]
    pub(super) revocations: Vec<Spanned<RevocationEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IncludeEntry {
    pub(super) path: Spanned<String>,
    pub(super) sha256: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct KeyEntry {
    pub(super) pem: Spanned<String>,
    pub(super) valid_from: Option<Spanned<toml::value::Datetime>>,
    pub(super) valid_until: Option<Spanned<toml::value::Datetime>>,
    pub(super) log: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct IdentityEntry {
    pub(super) trust: Spanned<String>,
    pub(super) issuer: Spanned<String>,
    pub(super) san: Option<Spanned<String>>,
    pub(super) repository: Option<Spanned<String>>,
    pub(super) workflow: Option<Spanned<String>>,
    pub(super) builder: Option<Spanned<String>>,
    pub(super) repository_id: Option<Spanned<String>>,
    pub(super) owner_id: Option<Spanned<String>>,
    pub(super) environment: Option<Spanned<String>>,
    pub(super) runner_environment: Option<Spanned<String>>,
    pub(super) triggers: Option<List>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RuleEntry {
    pub(super) projects: List,
    pub(super) versions: Option<Spanned<String>>,
    pub(super) kinds: Option<List>,
    pub(super) tags: Option<List>,
    pub(super) indexes: Option<List>,
    pub(super) keys: Option<List>,
    pub(super) identities: Option<List>,
    pub(super) attestations: Option<List>,
    pub(super) threshold: Option<Spanned<usize>>,
    pub(super) max_age_days: Option<Spanned<u32>>,
    pub(super) min_upload_age_days: Option<Spanned<u32>>,
    pub(super) max_trust_age_days: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) bare_signature: bool,
    pub(super) source: Option<Spanned<String>>,
    #[serde(rename = "ref")]
    pub(super) git_ref: Option<Spanned<String>>,
    pub(super) owners: Option<List>,
    pub(super) branches: Option<List>,
    pub(super) forbidden_triggers: Option<List>,
    pub(super) builders: Option<List>,
    pub(super) builder_versions: Option<Spanned<String>>,
    pub(super) build_types: Option<List>,
    pub(super) steps: Option<List>,
    pub(super) step_requires: Option<List>,
    pub(super) config_settings: Option<List>,
    pub(super) parameters: Option<List>,
    pub(super) required_parameters: Option<List>,
    pub(super) hermetic: Option<Spanned<bool>>,
    pub(super) build_requirements: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) require: Vec<Spanned<DemandEntry>>,
    #[serde(default)]
    pub(super) forbid: Vec<Spanned<DemandEntry>>,
    pub(super) rebuild: Spanned<RebuildEntry>,
    #[serde(default)]
    pub(super) allow_dirty_unsafe: bool,
    #[serde(default)]
    pub(super) allow_no_isolation_unsafe: bool,
}

impl RuleEntry {
    /// Every pair of lists in it that names keys and identities.
    pub(super) fn signers(&self) -> impl Iterator<Item = (&Option<List>, &Option<List>)> {
        let demands = self.require.iter().chain(&self.forbid).map(Spanned::get_ref);
        let rebuilders = match self.rebuild.get_ref() {
            RebuildEntry::Table(table) => Some((&table.keys, &table.identities)),
            _ => None,
        };
        [(&self.keys, &self.identities)]
            .into_iter()
            .chain(demands.map(|it| (&it.keys, &it.identities)))
            .chain(rebuilders)
    }
}

/// A further attestation that is demanded or forbidden.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DemandEntry {
    pub(super) predicate: Spanned<String>,
    pub(super) keys: Option<List>,
    pub(super) identities: Option<List>,
    pub(super) max_age_days: Option<Spanned<u32>>,
    #[serde(rename = "where")]
    pub(super) condition: Option<Spanned<String>>,
    pub(super) verifier: Option<Spanned<String>>,
    pub(super) policies: Option<List>,
    pub(super) resource: Option<Spanned<String>>,
    pub(super) levels: Option<List>,
}

/// `rebuild`: a word, or a table that says more.
pub(super) enum RebuildEntry {
    Never,
    Required,
    Table(Box<RebuildTable>),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RebuildTable {
    pub(super) sampled: Option<Spanned<f64>>,
    pub(super) keys: Option<List>,
    pub(super) identities: Option<List>,
    pub(super) at_least: Option<Spanned<usize>>,
    pub(super) normalizers: Option<List>,
    #[serde(default)]
    pub(super) allow_inconclusive_unsafe: bool,
}

impl<'de> Deserialize<'de> for RebuildEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;

        impl<'de> Visitor<'de> for Entry {
            type Value = RebuildEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"never\", \"required\", or a table such as { sampled = 0.1 }")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<RebuildEntry, E> {
                match word {
                    "never" => Ok(RebuildEntry::Never),
                    "required" => Ok(RebuildEntry::Required),
                    other => Err(E::unknown_variant(other, &["never", "required"])),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RebuildEntry, A::Error> {
                RebuildTable::deserialize(MapAccessDeserializer::new(map))
                    .map(|table| RebuildEntry::Table(Box::new(table)))
            }
        }

        deserializer.deserialize_any(Entry)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExceptionEntry {
    pub(super) sha256: List,
    pub(super) names: Option<List>,
    pub(super) reason: Spanned<String>,
    pub(super) owner: Spanned<String>,
    pub(super) expires: Spanned<toml::value::Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnverifiedEntry {
    pub(super) project: Spanned<String>,
    pub(super) kind: Spanned<String>,
    pub(super) location: Spanned<String>,
    pub(super) reason: Spanned<String>,
    pub(super) owner: Spanned<String>,
    pub(super) expires: Spanned<toml::value::Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevocationEntry {
    pub(super) sha256: Option<List>,
    pub(super) projects: Option<List>,
    pub(super) versions: Option<Spanned<String>>,
    pub(super) kinds: Option<List>,
    pub(super) tags: Option<List>,
    pub(super) keys: Option<List>,
    pub(super) identities: Option<List>,
    pub(super) reason: Spanned<String>,
}
