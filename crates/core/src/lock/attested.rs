//! `[[packages.attestation-identities]]` of `pylock.toml`, PEP 751: who attested the files of a package.
//!
//! An entry is a Trusted Publisher as an index names one (PEP 740), its keys at the top of the table. It is held against
//! the certificate that signed, never against what was signed, and it only tightens: whatever a policy takes, an
//! exception too, a file is refused that none of these attested.

use std::fmt;

use serde::Deserialize;
use toml::{Table, Value};

use super::LockedProject;
use crate::attestation::publisher::Publisher;
use crate::digest::Sha256Digest;
use crate::report::{Check, CheckName, Decision, Escaped, Reason, Refusal, Report, Status};
use crate::trust::{CertificateIdentity, SignerIdentity};

/// The keys of each kind, beside `kind`: those that there must be, and those that there may be. One that is not known
/// may ask for something, and is refused.
const KINDS: [(&str, &[&str], &[&str]); 5] = [
    ("GitHub", &["repository", "workflow"], &["environment"]),
    ("GitLab", &["repository", "workflow_filepath"], &["environment"]),
    ("Google", &["email"], &[]),
    ("ActiveState", &["organization", "project"], &[]),
    ("CircleCI", &["project_id", "pipeline_definition_id"], &["vcs_origin", "vcs_ref"]),
];

/// Who may have attested a package's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestationIdentity {
    publisher: Publisher,
    /// As it is written: the kind, and then its keys in the order of the specification.
    written: Vec<(&'static str, String)>,
}

impl AttestationIdentity {
    /// Reads an entry.
    ///
    /// # Errors
    /// What is wrong with it, in words: no `kind` or one that is not known, a key that is missing, not known, empty or no
    /// text.
    pub(super) fn read(entry: &Table) -> Result<Self, String> {
        let kind = match entry.get("kind") {
            Some(Value::String(kind)) => kind,
            Some(_) => return Err("has a `kind` that is no text".to_owned()),
            None => return Err("has no `kind`".to_owned()),
        };
        let Some((kind, must, may)) = KINDS.iter().find(|(known, ..)| known == kind) else {
            let known = KINDS.map(|(known, ..)| known).join(", ");
            let kind = Escaped(kind);
            return Err(format!("is of kind `{kind}`, which is not known; these are: {known}"));
        };
        if let Some(key) = must.iter().find(|key| !entry.contains_key(**key)) {
            return Err(format!("of kind `{kind}` has no `{key}`"));
        }
        let mut written = vec![("kind", (*kind).to_owned())];
        for (key, value) in entry {
            let known = must.iter().chain(*may).find(|known| *known == key);
            match (known, value) {
                (None, _) if key == "kind" => {}
                (None, _) => {
                    let key = Escaped(key);
                    return Err(format!(
                        "of kind `{kind}` has the key `{key}`, which is not known"
                    ));
                }
                // The one that may be empty: an index has it so for any.
                (Some(&"environment"), Value::String(value)) if value.is_empty() => {}
                (Some(key), Value::String(value)) if !value.is_empty() => {
                    written.push((key, value.clone()));
                }
                (Some(key), _) => return Err(format!("has a `{key}` that is empty or no text")),
            }
        }
        let place = |key: &str| must.iter().chain(*may).position(|known| *known == key);
        written.sort_by_key(|(key, _)| place(key));
        let publisher = Publisher::deserialize(Value::Table(entry.clone()));
        let publisher = publisher.map_err(|error| Escaped(error.message()).to_string())?;
        Ok(Self { publisher, written })
    }

    /// Who the holder of a certificate is, in the words of this format; `None` where it has none for that.
    pub fn of(certificate: &CertificateIdentity) -> Option<Self> {
        let publisher = Publisher::of(certificate)?;
        let values = publisher.values().into_iter();
        let entry = values.map(|(key, value)| (key.to_owned(), Value::String(value))).collect();
        let read = Self::read(&entry).ok()?;
        read.admits(certificate).ok().map(|()| read)
    }

    /// The keys and values of its table, in their order.
    pub fn values(&self) -> &[(&'static str, String)] {
        &self.written
    }

    /// Holds it against the certificate that signed.
    ///
    /// # Errors
    /// [`Reason::PublisherDisagrees`] with what is another value, an environment that the certificate does not name
    /// included.
    pub fn admits(&self, certificate: &CertificateIdentity) -> Result<(), Refusal> {
        self.publisher.agrees(certificate)?;
        // What is asked for and cannot be told is not there.
        match (self.publisher.environment(), &certificate.claims.deployment_environment) {
            (Some(asked), None) => Err(Refusal::new(Reason::PublisherDisagrees)
                .expected(format!("environment `{asked}`"))
                .found("none in the certificate")),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for AttestationIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.written.iter().map(|(key, value)| match *key {
            "kind" => value.clone(),
            key => format!("{key} `{value}`"),
        });
        f.write_str(&values.collect::<Vec<_>>().join(", "))
    }
}

impl LockedProject {
    /// Who may have attested the file of these bytes: for each entry of the lock that names it and has identities, one
    /// of these must have. Nothing where no entry has.
    pub fn identities_of(&self, sha256: Sha256Digest) -> Vec<&[AttestationIdentity]> {
        let files = self.files.iter().filter(|file| file.sha256 == Some(sha256));
        let mut asked: Vec<_> =
            files.map(|file| &*file.identities).filter(|all| !all.is_empty()).collect();
        // The same file of one entry, for example as a wheel of several indexes.
        asked.dedup();
        asked
    }

    /// Holds who attested a file against the identities that are locked for it.
    ///
    /// # Errors
    /// [`Reason::AttestationIdentityMissing`] where no certificate did, [`Reason::AttestationIdentityMismatch`] where
    /// others did.
    pub fn attested<'a>(
        &self,
        sha256: Sha256Digest,
        signers: impl Iterator<Item = &'a SignerIdentity> + Clone,
    ) -> Result<(), Refusal> {
        for asked in self.identities_of(sha256) {
            let holds = |signer: &SignerIdentity| match signer {
                SignerIdentity::Certificate(certificate) => {
                    asked.iter().any(|it| it.admits(certificate).is_ok())
                }
                // No index names a key as a publisher.
                SignerIdentity::Key(_) => false,
            };
            if signers.clone().any(holds) {
                continue;
            }
            let found: Vec<_> = signers.clone().map(ToString::to_string).collect();
            let (reason, found) = match found.is_empty() {
                true => (
                    Reason::AttestationIdentityMissing,
                    "nobody whose attestation holds".to_owned(),
                ),
                false => (Reason::AttestationIdentityMismatch, found.join(", ")),
            };
            let expected = asked.iter().map(ToString::to_string);
            return Err(Refusal::new(reason).expected_all(expected).found(found));
        }
        Ok(())
    }

    /// Adds to a report whether who attested the file is who is locked for it, where somebody is. It can turn an
    /// acceptance into a rejection and nothing else.
    pub fn hold_to_identities(
        &self,
        report: Report,
        sha256: Sha256Digest,
        signers: &[SignerIdentity],
    ) -> Report {
        if self.identities_of(sha256).is_empty() {
            return report;
        }
        let status = match report.decision() == Decision::Rejected {
            // Whatever else is wrong, it is not known who signed.
            true => {
                let failed = report.checks().iter().find(|check| check.reason().is_some());
                Status::NotRun(failed.map_or(CheckName::Signature, |check| check.name))
            }
            false => match self.attested(sha256, signers.iter()) {
                Ok(()) => Status::Passed(None),
                Err(refusal) => Status::Failed(refusal),
            },
        };
        report.also(Check { name: CheckName::AttestationIdentity, status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::{Lock, LockFormat};

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn read(entry: &str) -> Result<AttestationIdentity, String> {
        AttestationIdentity::read(&toml::from_str(entry).expect("TOML"))
    }

    fn lock(packages: &[(&str, &str, &str)]) -> Result<Lock, String> {
        let package = |(marker, digest, identities): &(&str, &str, &str)| {
            format!(
                "[[packages]]\nname = \"demo\"\nversion = \"1.0\"\nmarker = \"{marker}\"\nwheels = [{{ \
                 name = \"demo-1.0-py3-none-any.whl\", hashes = {{ sha256 = \"{digest}\" }} }}]\n{identities}"
            )
        };
        let packages: String = packages.iter().map(package).collect();
        let text = format!("lock-version = \"1.0\"\ncreated-by = \"x\"\n{packages}");
        let read = Lock::parse(LockFormat::Pylock, "pylock.toml", &text);
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn who_a_certificate_is_of_is_written_and_read_again() {
        let mut certificate = CertificateIdentity::of_github();
        certificate.claims.deployment_environment = Some("pypi".to_owned());
        let identity = AttestationIdentity::of(&certificate).expect("a publisher");
        let values: Vec<_> = identity.values().iter().map(|(k, v)| (*k, v.as_str())).collect();
        assert_eq!(
            values,
            [
                ("kind", "GitHub"),
                ("repository", "o/r"),
                ("workflow", "w.yml"),
                ("environment", "pypi")
            ]
        );
        for (key, other) in
            [("repository", "o/fork"), ("workflow", "x.yml"), ("environment", "testpypi")]
        {
            let entry = values.iter().map(|(k, v)| (*k, if *k == key { other } else { v }));
            let entry: String = entry.map(|(k, v)| format!("{k} = \"{v}\"\n")).collect();
            let read = read(&entry).expect(key);
            let refused = read.admits(&certificate).map_err(|it| it.reason);
            assert_eq!(refused, Err(Reason::PublisherDisagrees), "{key}");
        }
        // A workflow of another repository, and an issuer that is no publisher, have no name here.
        let mut called = certificate.clone();
        called.claims.build_config_uri =
            Some("https://github.com/other/r/.github/workflows/w.yml@refs/tags/v1".to_owned());
        assert_eq!(AttestationIdentity::of(&called), None);
        certificate.issuer = "https://issuer.example".to_owned();
        assert_eq!(AttestationIdentity::of(&certificate), None);
    }

    /// An index may have named the environment for a certificate that does not.
    #[test]
    fn an_environment_that_the_certificate_does_not_name_is_not_taken_on_trust() {
        let entry = "kind = \"GitHub\"\nrepository = \"o/r\"\nworkflow = \"w.yml\"\n";
        assert!(read(entry).expect("read").admits(&CertificateIdentity::of_github()).is_ok());
        let any = read(&format!("{entry}environment = \"\"\n")).expect("read");
        assert!(any.admits(&CertificateIdentity::of_github()).is_ok());
        let asked = read(&format!("{entry}environment = \"pypi\"\n")).expect("read");
        assert!(asked.admits(&CertificateIdentity::of_github()).is_err());
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        let entry = "[[packages.attestation-identities]]\n";
        for (identities, says) in [
            ("attestation-identities = []\n", ":8: `demo` has an empty list"),
            (&*format!("{entry}repository = \"o/r\"\n"), "has no `kind`"),
            (&format!("{entry}kind = 1\n"), "has a `kind` that is no text"),
            (
                &format!("{entry}kind = \"Bitbucket\"\n"),
                ":8: an attestation identity of `demo` is of kind `Bitbucket`, which is not known",
            ),
            (&format!("{entry}kind = \"github\"\n"), "is of kind `github`, which is not known"),
            (&format!("{entry}kind = \"GitHub\"\n"), "of kind `GitHub` has no `repository`"),
            (
                &format!("{entry}kind = \"Google\"\nemail = \"\"\n"),
                "a `email` that is empty or no text",
            ),
            (
                &format!("{entry}kind = \"Google\"\nemail = 1\n"),
                "a `email` that is empty or no text",
            ),
            (
                &format!("{entry}kind = \"Google\"\nemail = \"a\"\nrepository = \"o/r\"\n"),
                "has the key `repository`, which is not known",
            ),
            ("attestation-identities = [1]\n", ":8: "),
            ("attestation-identities = {}\n", ":8: "),
        ] {
            let error = lock(&[("", A, identities)]).expect_err(says);
            assert!(error.contains(says), "{identities}: {error}");
        }
        // One that is known does not carry one that is not.
        let known = "kind = \"Google\"\nemail = \"a@b.example\"\n";
        assert!(lock(&[("", A, &format!("{entry}{known}"))]).is_ok());
        assert!(lock(&[("", A, &format!("{entry}{known}{entry}kind = \"Other\"\n"))]).is_err());
    }

    #[test]
    fn each_entry_of_a_lock_asks_for_its_own() {
        let of = |repository: &str| {
            format!(
                "[[packages.attestation-identities]]\nkind = \"GitHub\"\nrepository = \"{repository}\"\n\
                 workflow = \"w.yml\"\n"
            )
        };
        let signer = SignerIdentity::Certificate(Box::new(CertificateIdentity::of_github()));
        let (right, wrong, b) = (of("o/r"), of("o/fork"), "b".repeat(64));
        let held = |packages: &[(&str, &str, &str)], digest: &str, signers: &[SignerIdentity]| {
            let lock = lock(packages).expect("a lock");
            let held = lock.entries[0].attested(digest.parse().expect("digest"), signers.iter());
            held.map_err(|refusal| refusal.reason)
        };
        let one = std::slice::from_ref(&signer);
        assert_eq!(held(&[("a", A, &right)], A, one), Ok(()));
        let (missing, mismatch) =
            (Reason::AttestationIdentityMissing, Reason::AttestationIdentityMismatch);
        assert_eq!(held(&[("a", A, &right)], A, &[]), Err(missing));
        assert_eq!(held(&[("a", A, &wrong)], A, one), Err(mismatch));
        assert_eq!(held(&[("a", A, &format!("{wrong}{right}"))], A, one), Ok(()));
        // Of the same bytes in two entries both are held; of others each its own.
        assert_eq!(held(&[("a", A, &wrong), ("b", A, &right)], A, one), Err(mismatch));
        assert_eq!(held(&[("a", A, &wrong), ("b", A, "")], A, one), Err(mismatch));
        assert_eq!(held(&[("a", A, &wrong), ("b", &b, &right)], A, one), Err(mismatch));
        assert_eq!(held(&[("a", A, &wrong), ("b", &b, &right)], &b, one), Ok(()));
        assert_eq!(held(&[("a", A, &wrong), ("b", &b, "")], &b, &[]), Ok(()));
    }
}
