//! Who asks for a certificate, and what the issuer of the identity says of them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::Extension;

use super::authority;
use super::key::Key;
use super::{CODE_SIGNING, signed_at};

/// The repository whose workflow signs.
pub const REPOSITORY: &str = "https://github.com/octo/demo";
/// The commit that it built.
pub const COMMIT: &str = "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0";
/// The ref that it built.
pub const GIT_REF: &str = "refs/tags/v1.0";
/// The file of the workflow.
pub const WORKFLOW: &str = ".github/workflows/release.yml";
/// The run.
pub const RUN: &str = "https://github.com/octo/demo/actions/runs/15361/attempts/1";
/// The issuer that vouches for workflows of GitHub.
pub const GITHUB: &str = "https://token.actions.githubusercontent.com";
/// The issuer that vouches for people with an account of Google.
pub const GOOGLE: &str = "https://accounts.google.com";
/// The person in the tests.
pub const EMAIL: &str = "manager@demo.example";

/// The one name of a certificate.
#[derive(Debug, Clone)]
pub enum Name {
    /// `uniformResourceIdentifier`.
    Uri(String),
    /// `rfc822Name`.
    Email(String),
    /// `dNSName`, which no signer of Sigstore has.
    Host(String),
    /// Two mail addresses, where there must be one name.
    Emails([String; 2]),
}

/// Whose promise that the certificate is in a log the certificate holds.
#[derive(Debug, Clone)]
pub enum Promise {
    /// That of the instance's own log.
    Own,
    /// None.
    None,
    /// That of a log by its key.
    By(Key),
    /// That of the instance's own log, for a certificate of another time.
    ForAnother,
}

/// What a certificate is asked for.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The holder's own key.
    pub key: Key,
    /// The subject alternative name.
    pub name: Name,
    /// The Fulcio extensions by the last number of their identifier, below 1.3.6.1.4.1.57264.1.
    pub claims: BTreeMap<u32, String>,
    /// Further ones, each with a value of any bytes in place of an encoded text.
    pub raw_claims: BTreeMap<u32, Vec<u8>>,
    /// What the certificate may be used for.
    pub purpose: ObjectIdentifier,
    /// What its key may be used for, where it says.
    pub usage: Option<Extension>,
    /// From when on it is valid: for ten minutes.
    pub from: DateTime<Utc>,
    /// The promise that it is logged.
    pub promise: Promise,
}

impl Holder {
    fn new(name: Name, claims: &[(u32, &str)]) -> Self {
        Self {
            key: Key::named("holder"),
            name,
            claims: claims.iter().map(|(at, text)| (*at, (*text).to_owned())).collect(),
            raw_claims: BTreeMap::new(),
            purpose: CODE_SIGNING,
            usage: Some(authority::key_usage(false)),
            from: signed_at() - TimeDelta::minutes(1),
            promise: Promise::Own,
        }
    }

    /// The release workflow of [`REPOSITORY`], at the tag of version 1.0, with every extension that Fulcio
    /// gives it today.
    pub fn workflow() -> Self {
        let uri = format!("{REPOSITORY}/{WORKFLOW}@{GIT_REF}");
        let mut it = Self::new(
            Name::Uri(uri.clone()),
            &[
                (8, GITHUB),
                (9, &uri),
                (10, COMMIT),
                (11, "github-hosted"),
                (12, REPOSITORY),
                (13, COMMIT),
                (14, GIT_REF),
                (15, "1001"),
                (16, "https://github.com/octo"),
                (17, "2002"),
                (18, &uri),
                (19, COMMIT),
                (20, "push"),
                (21, RUN),
                (22, "public"),
                (23, "pypi"),
                (24, "repo:octo/demo:environment:pypi"),
            ],
        );
        it.claims.extend(Self::old_workflow().claims);
        it
    }

    /// The same as Fulcio wrote it at first: with the deprecated extensions alone.
    pub fn old_workflow() -> Self {
        Self::new(
            Name::Uri(format!("{REPOSITORY}/{WORKFLOW}@{GIT_REF}")),
            &[
                (1, GITHUB),
                (2, "push"),
                (3, COMMIT),
                (4, "Release"),
                (5, "octo/demo"),
                (6, GIT_REF),
            ],
        )
    }

    /// A person, who has no claims beside the issuer.
    pub fn person() -> Self {
        Self::new(Name::Email(EMAIL.to_owned()), &[(1, GOOGLE), (8, GOOGLE)])
    }

    /// The same with another value of an extension.
    #[must_use]
    pub fn claiming(mut self, number: u32, text: &str) -> Self {
        self.claims.insert(number, text.to_owned());
        self
    }

    /// The same without some extensions.
    #[must_use]
    pub fn without(mut self, numbers: &[u32]) -> Self {
        self.claims.retain(|number, _| !numbers.contains(number));
        self
    }

    /// The same, its workflow another file or of another repository: `uri` is its name, without the ref.
    #[must_use]
    pub fn running(mut self, uri: &str) -> Self {
        let uri = format!("{uri}@{GIT_REF}");
        self.name = Name::Uri(uri.clone());
        self.claiming(9, &uri).claiming(18, &uri)
    }
}
