//! Keys of layouts and links, under the ids that in-toto gives them (in-toto specification v1.0, 4.2).

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sigstore_crypto::{KeyAlgorithm, SigningScheme, VerificationKey};
use sigstore_types::{DerPublicKey, SignatureBytes};

use super::canonical::canonical;
use super::p521::P521;
use crate::attestation::document;
use crate::digest::Sha256Digest;
use crate::report::{Reason, Refusal};
use crate::trust::{KeyError, KeyId, TrustedKey, Validity, der_of_pem};

/// A public key that may sign a layout or a link.
#[derive(Clone)]
pub struct FunctionaryKey {
    id: String,
    /// The key itself, whatever it is called.
    material: KeyId,
    key: Arc<Verifier>,
}

/// What verifies a key's signatures.
enum Verifier {
    Library(VerificationKey),
    P521(P521),
}

/// A scheme of securesystemslib, and what it is here.
#[derive(Clone, Copy)]
enum Scheme {
    Library(SigningScheme),
    P521,
}

/// Hexadecimal digits of a key's id in the name of a link's file.
pub(super) const PREFIX: usize = 8;

/// What comes before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410, 4).
const ED25519_HEAD: [u8; 12] = [48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0];

/// A key, as it stands in a layout. `keyid_hash_algorithms` is what older writers left behind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    keytype: String,
    scheme: String,
    keyval: KeyValue,
    #[serde(default)]
    keyid: Option<String>,
    #[serde(default, rename = "keyid_hash_algorithms")]
    _keyid_hash_algorithms: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyValue {
    public: String,
    /// Older writers have it, empty.
    #[serde(default)]
    private: Option<String>,
    #[serde(default)]
    certificate: Option<String>,
}

impl FunctionaryKey {
    /// Reads a SubjectPublicKeyInfo in PEM. Its id is that of in-toto: the SHA-256 of the canonical JSON of
    /// its type, scheme and value. An RSA key signs by PSS with SHA-256, as in-toto takes it of a file.
    ///
    /// # Errors
    /// [`KeyError`] when it is something else, or of an algorithm that is not supported.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let unsupported = |what: &dyn fmt::Display| KeyError::of(what.to_string());
        let der = der_of_pem(pem)?;
        if let Some(key) = P521::read(&der) {
            let key = Verifier::P521(key.map_err(|error| unsupported(&error))?);
            return Self::named("ecdsa", "ecdsa-sha2-nistp521", pem_of(&der), &der, key);
        }
        let trusted = TrustedKey::from_pem(pem, Validity::default())?;
        let der = trusted.der();
        let algorithm = KeyAlgorithm::from_spki(der).map_err(|error| unsupported(&error))?;
        let (keytype, scheme_name, scheme) = match algorithm {
            KeyAlgorithm::Ed25519 => ("ed25519", "ed25519", SigningScheme::Ed25519),
            KeyAlgorithm::EcdsaP256 => {
                ("ecdsa", "ecdsa-sha2-nistp256", SigningScheme::EcdsaP256Sha256)
            }
            KeyAlgorithm::EcdsaP384 => {
                ("ecdsa", "ecdsa-sha2-nistp384", SigningScheme::EcdsaP384Sha384)
            }
            KeyAlgorithm::Rsa => ("rsa", "rsassa-pss-sha256", SigningScheme::RsaPssSha256),
            _ => return Err(unsupported(&"layouts know no keys of this algorithm")),
        };
        let key = VerificationKey::from_spki_with_scheme(der, scheme)
            .map_err(|error| unsupported(&error))?;
        let public = match algorithm {
            KeyAlgorithm::Ed25519 => hex::encode(key.as_bytes()),
            _ => pem_of(der),
        };
        Self::named(keytype, scheme_name, public, der, Verifier::Library(key))
    }

    /// A key under the id that its type, scheme and value give it.
    fn named(
        keytype: &str,
        scheme: &str,
        public: String,
        der: &DerPublicKey,
        key: Verifier,
    ) -> Result<Self, KeyError> {
        let named = json!({ "keytype": keytype, "scheme": scheme, "keyval": { "public": public } });
        let named = canonical(&named).map_err(|error| KeyError::of(error.to_string()))?;
        let id = Sha256Digest::of(&named).to_string();
        Ok(Self { id, material: KeyId::of_spki(der.as_bytes()), key: Arc::new(key) })
    }

    /// Reads a key of a layout, whose id is what the layout calls it.
    pub(super) fn from_layout(id: &str, value: &Value) -> Result<Self, Refusal> {
        let malformed = |what: String| {
            Refusal::new(Reason::LayoutMalformed).found(format!("the key {id}: {what}"))
        };
        check_id(id).map_err(malformed)?;
        if value.get("method").is_some() {
            return Err(unsupported(id, "a key of OpenPGP").expected(
                "of who signs by OpenPGP, another key in the layout, and links that it signed",
            ));
        }
        let written: Written =
            document::read(value).map_err(|error| malformed(error.to_string()))?;
        if written.keyid.is_some_and(|own| own != id) {
            return Err(malformed("it calls itself otherwise in `keyid`".to_owned()));
        }
        let KeyValue { public, private, certificate } = written.keyval;
        if private.is_some_and(|it| !it.is_empty()) {
            return Err(malformed("it holds a private key".to_owned()));
        }
        if certificate.is_some_and(|it| !it.is_empty()) {
            return Err(unsupported(id, "a key by its certificate"));
        }
        let scheme = scheme(&written.keytype, &written.scheme).ok_or_else(|| {
            unsupported(id, &format!("type `{}`, scheme `{}`", written.keytype, written.scheme))
        })?;
        let pem = match scheme {
            Scheme::Library(SigningScheme::Ed25519) => {
                let mut der = ED25519_HEAD.to_vec();
                let raw = hex::decode(&public).ok().filter(|raw| raw.len() == 32);
                der.extend(raw.ok_or_else(|| malformed("not 32 bytes in hexadecimal".to_owned()))?);
                pem_of(&DerPublicKey::new(der))
            }
            _ => public,
        };
        let der = der_of_pem(&pem).map_err(|error| malformed(error.to_string()))?;
        let key = match scheme {
            Scheme::Library(scheme) => VerificationKey::from_spki_with_scheme(&der, scheme)
                .map(Verifier::Library)
                .map_err(|error| malformed(error.to_string()))?,
            Scheme::P521 => P521::read(&der)
                .unwrap_or(Err("not a key over P-521"))
                .map(Verifier::P521)
                .map_err(|error| malformed(error.to_owned()))?,
        };
        let material = KeyId::of_spki(der.as_bytes());
        Ok(Self { id: id.to_owned(), material, key: Arc::new(key) })
    }

    /// The id that in-toto gives it, in hexadecimal.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the name of a link's file has of the id.
    pub fn prefix(&self) -> &str {
        self.id.get(..PREFIX).unwrap_or(&self.id)
    }

    /// The key itself: two ids of one key have the same.
    pub(super) fn material(&self) -> &KeyId {
        &self.material
    }

    /// Whether `signature` is this key's over `message`.
    pub(super) fn holds(&self, message: &[u8], signature: &SignatureBytes) -> bool {
        match &*self.key {
            Verifier::Library(key) => key.verify(message, signature).is_ok(),
            Verifier::P521(key) => key.holds(message, signature.as_bytes()),
        }
    }
}

impl fmt::Debug for FunctionaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionaryKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An id becomes part of a file's name, and of two spellings one would be another key.
pub(super) fn check_id(id: &str) -> Result<(), String> {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if (PREFIX..=128).contains(&id.len()) && id.bytes().all(digit) {
        return Ok(());
    }
    Err(format!("its id is not {PREFIX} to 128 lower-case hexadecimal digits"))
}

fn unsupported(id: &str, what: &str) -> Refusal {
    Refusal::new(Reason::LayoutKeyUnsupported)
        .expected("ed25519, ecdsa-sha2-nistp256, -nistp384 or -nistp521, rsassa-pss-sha* or rsa-pkcs1v15-sha*")
        .found(format!("the key {id}: {what}"))
}

/// The types and schemes of securesystemslib; older writers give the scheme of ECDSA as its type too.
fn scheme(keytype: &str, scheme: &str) -> Option<Scheme> {
    if let ("ecdsa" | "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521") = (keytype, scheme) {
        return Some(Scheme::P521);
    }
    Some(Scheme::Library(match (keytype, scheme) {
        ("ed25519", "ed25519") => SigningScheme::Ed25519,
        ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => SigningScheme::EcdsaP256Sha256,
        ("ecdsa" | "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384") => SigningScheme::EcdsaP384Sha384,
        ("rsa", "rsassa-pss-sha256") => SigningScheme::RsaPssSha256,
        ("rsa", "rsassa-pss-sha384") => SigningScheme::RsaPssSha384,
        ("rsa", "rsassa-pss-sha512") => SigningScheme::RsaPssSha512,
        ("rsa", "rsa-pkcs1v15-sha256") => SigningScheme::RsaPkcs1Sha256,
        ("rsa", "rsa-pkcs1v15-sha384") => SigningScheme::RsaPkcs1Sha384,
        ("rsa", "rsa-pkcs1v15-sha512") => SigningScheme::RsaPkcs1Sha512,
        _ => return None,
    }))
}

/// A key in PEM, as it goes into its id: lines of 64, the last one ended.
fn pem_of(der: &DerPublicKey) -> String {
    let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
    let mut rest = &*STANDARD.encode(der.as_bytes());
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem + "-----END PUBLIC KEY-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEASZK/l179O8sn1UU5jyAIFU6i5gsl3titFywioRFgeEk=
-----END PUBLIC KEY-----";
    const RAW: &str = "4992bf975efd3bcb27d545398f2008154ea2e60b25ded8ad172c22a111607849";
    const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEyBd5XWMyS13lYlYkHTmtd309+w72uboW
JjE/yyimm01meHPNoou0V5A/cG9B/c+F+fKdn4li3GvHV/jP6IHtgxMM18McGuDT
yKhXpzJMN16JPDXLPkTWW9OFKIWem61T
-----END PUBLIC KEY-----";

    const P521: &str = "-----BEGIN PUBLIC KEY-----
MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBkJrQqwjjZjgfT6T26XzZ9D5Hg5ZF
ymnixo0yFG8tHy5EBwLsw1TB18lzHsM1k92MGAwhecA5aI9kuGw6yBXr7+IAGbNh
MKPn2zl46dzO1I2urZi5WG0ltxulxF3G5ltd2wreqt6DtCCn3eABr2nW7mzx/mBF
G++IZ10S459Yl6FUcEY=
-----END PUBLIC KEY-----";
    /// Over `x`, by OpenSSL.
    const BY_P521: &str = "MIGIAkIBNjUOywPHOTzbf4f97jGmy3JiZaH8JdE1WmJXA0TZe6aCVQT1iIDQMQy3P42cGGCO/x0Jvb68YDnGih6XWfqAlYICQgHrd9LEWps6OuBDarbtKd0wLv+seZRWwXOip6pFPdQJPIlC476hP+kCNtLfacYD7GbAWPd06qGsmlS1siuVoUz+3A==";
    /// The same key with its point compressed.
    const P521_COMPRESSED: &str = "-----BEGIN PUBLIC KEY-----
MFgwEAYHKoZIzj0CAQYFK4EEACMDRAACAZCa0KsI42Y4H0+k9ul82fQ+R4OWRcpp
4saNMhRvLR8uRAcC7MNUwdfJcx7DNZPdjBgMIXnAOWiPZLhsOsgV6+/i
-----END PUBLIC KEY-----";

    #[test]
    fn a_key_over_p521_signs_and_has_one_encoding() {
        let key = FunctionaryKey::from_pem(P521).expect("a key");
        let signature = STANDARD.decode(BY_P521).expect("base64");
        let holds = |message: &[u8], signature: &[u8]| {
            key.holds(message, &SignatureBytes::new(signature.to_vec()))
        };
        assert!(holds(b"x", &signature));
        assert!(!holds(b"y", &signature) && !holds(b"x", &signature[1..]) && !holds(b"x", b""));
        assert!(FunctionaryKey::from_pem(P521_COMPRESSED).is_err());
        // A point that is not on the curve.
        let mut der = der_of_pem(P521).expect("PEM").as_bytes().to_vec();
        if let Some(last) = der.last_mut() {
            *last ^= 1;
        }
        assert!(FunctionaryKey::from_pem(&pem_of(&DerPublicKey::new(der))).is_err());
        for public in [P384, P521_COMPRESSED] {
            let other = written("ecdsa", "ecdsa-sha2-nistp521", public);
            assert_eq!(refused("0123abcd", &other), Reason::LayoutMalformed);
        }
        let other = written("ecdsa", "ecdsa-sha2-nistp256", P521);
        assert_eq!(refused("0123abcd", &other), Reason::LayoutMalformed);
    }

    fn written(keytype: &str, scheme: &str, public: &str) -> Value {
        json!({ "keytype": keytype, "scheme": scheme, "keyval": { "public": public } })
    }

    fn refused(id: &str, value: &Value) -> Reason {
        FunctionaryKey::from_layout(id, value).expect_err("refused").reason
    }

    #[test]
    fn one_key_is_one_key_in_a_file_and_in_a_layout() {
        for (pem, keytype, scheme, public) in [
            (ED25519, "ed25519", "ed25519", RAW),
            (P384, "ecdsa", "ecdsa-sha2-nistp384", P384),
            (P521, "ecdsa", "ecdsa-sha2-nistp521", P521),
            (P521, "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", P521),
            (P384, "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", P384),
        ] {
            let file = FunctionaryKey::from_pem(pem).expect("a key");
            let value = written(keytype, scheme, public);
            let layout = FunctionaryKey::from_layout("0123abcd", &value).expect("a key");
            assert_eq!(file.material(), layout.material());
            assert_eq!(layout.prefix(), "0123abcd");
        }
    }

    #[test]
    fn what_is_no_key_of_a_layout_is_refused() {
        let good = written("ed25519", "ed25519", RAW);
        let bent = |bend: fn(&mut Value)| {
            let mut value = good.clone();
            bend(&mut value);
            value
        };
        assert!(FunctionaryKey::from_layout("0123abcd", &good).is_ok());
        for id in ["0123abc", "0123ABCD", "../../ab", "0123abcg", ""] {
            assert_eq!(refused(id, &good), Reason::LayoutMalformed, "{id}");
        }
        let malformed: [fn(&mut Value); 6] = [
            |it| it["keyid"] = json!("0123abce"),
            |it| it["keyval"]["private"] = json!("ab"),
            |it| it["keyval"]["public"] = json!("ab"),
            |it| it["subkeys"] = json!({}),
            |it| it["Keytype"] = json!("rsa"),
            |it| it["keyval"] = json!(["ab"]),
        ];
        for bend in malformed {
            assert_eq!(refused("0123abcd", &bent(bend)), Reason::LayoutMalformed);
        }
        let unsupported: [fn(&mut Value); 4] = [
            |it| it["scheme"] = json!("ml-dsa-65/1"),
            |it| it["keytype"] = json!("rsa"),
            |it| it["method"] = json!("pgp+rsa-pkcsv1.5"),
            |it| it["keyval"]["certificate"] = json!("ab"),
        ];
        for bend in unsupported {
            assert_eq!(refused("0123abcd", &bent(bend)), Reason::LayoutKeyUnsupported);
        }
        // The scheme of a key of another algorithm.
        let other = written("ecdsa", "ecdsa-sha2-nistp256", P384);
        assert_eq!(refused("0123abcd", &other), Reason::LayoutMalformed);
    }
}
