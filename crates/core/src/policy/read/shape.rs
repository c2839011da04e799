//! The shape of the file: what may stand in it and where. An unknown key is an error.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::super::schema::Rebuild;

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
    pub(super) exceptions: Vec<Spanned<ExceptionEntry>>,
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
    pub(super) keys: Option<List>,
    pub(super) identities: Option<List>,
    pub(super) attestations: Option<List>,
    pub(super) threshold: Option<Spanned<usize>>,
    pub(super) max_age_days: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) bare_signature: bool,
    pub(super) source: Option<Spanned<String>>,
    #[serde(rename = "ref")]
    pub(super) git_ref: Option<Spanned<String>>,
    pub(super) builders: Option<List>,
    pub(super) build_types: Option<List>,
    pub(super) steps: Option<List>,
    pub(super) step_requires: Option<List>,
    pub(super) config_settings: Option<List>,
    pub(super) parameters: Option<List>,
    pub(super) rebuild: Rebuild,
    #[serde(default)]
    pub(super) allow_dirty_unsafe: bool,
    #[serde(default)]
    pub(super) allow_no_isolation_unsafe: bool,
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
