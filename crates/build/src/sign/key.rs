//! Private keys in files: PKCS#8 in PEM (RFC 5958, RFC 7468), encrypted (RFC 8018, scrypt and
//! AES-256-CBC) or plain.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::KeypairBytes;
use p256::ecdsa;
use pkcs8::der::asn1::ObjectIdentifier;
use pkcs8::pkcs5::{self, pbes2, scrypt};
use pkcs8::rand_core::{OsRng, RngCore as _};
use pkcs8::{
    AssociatedOid as _, Document, EncodePrivateKey as _, EncodePublicKey as _,
    EncryptedPrivateKeyInfo, LineEnding, PrivateKeyInfo, SecretDocument,
};
use wheelmark_core::report::Escaped;
use wheelmark_core::trust::KeyId;
use zeroize::Zeroizing;

use super::pem::{LABEL_ENCRYPTED, LABEL_PLAIN, LABEL_PUBLIC, PemKind};
use super::{SignError, Signer};

/// A private key in memory. It is overwritten when dropped and never shown.
pub struct PrivateKey {
    secret: Secret,
    public: Document,
    id: KeyId,
}

/// The signature algorithms that keys are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256 (FIPS 186-5), nonces by RFC 6979.
    EcdsaP256,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// A private key file that was read, and whose key may still be locked.
pub struct KeyFile {
    path: PathBuf,
    document: SecretDocument,
    encrypted: bool,
}

/// Why a private key cannot be used. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read.
    #[error("cannot read the private key {}: {source}", shown(.path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than the owner can read or write the file.
    #[error("the private key {} can be read by others: its mode is {mode:04o}, not 0600", shown(.path))]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else than a private key that can be used here.
    #[error("{} is {found}, not a private key in PKCS#8 PEM for ECDSA P-256 or Ed25519", shown(.path))]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What would make it usable.
        hint: Option<&'static str>,
    },
    /// The file looks like a private key and cannot be parsed.
    #[error("the private key {} is damaged: {because}", shown(.path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        because: String,
    },
    /// The key is encrypted and no passphrase was given.
    #[error("the private key {} is encrypted and no passphrase was given", shown(.path))]
    PassphraseNeeded {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase does not open the key.
    #[error("wrong passphrase for the private key {}", shown(.path))]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
}

/// A key could not be written in its file format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot encode the key: {0}")]
pub struct EncodeError(String);

/// Bytes of a key file that are read: an encrypted P-256 key takes some 500.
const MAX_FILE: u64 = 64 * 1024;

/// Bytes that deriving the key from a passphrase may fill: 128·N·r·p of scrypt (RFC 7914). The keys made
/// here fill 80 MB.
const MAX_SCRYPT_WORK: u128 = 1 << 30;

const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ID_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

enum Secret {
    EcdsaP256(ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl PrivateKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// [`EncodeError`], which no key made here gives.
    pub fn generate(algorithm: Algorithm) -> Result<Self, EncodeError> {
        let secret = match algorithm {
            Algorithm::EcdsaP256 => Secret::EcdsaP256(ecdsa::SigningKey::random(&mut OsRng)),
            Algorithm::Ed25519 => {
                let mut seed = Zeroizing::new([0; 32]);
                OsRng.fill_bytes(seed.as_mut());
                Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
            }
        };
        Self::of(secret).map_err(|error| EncodeError(error.to_string()))
    }

    /// Which algorithm it signs by.
    pub fn algorithm(&self) -> Algorithm {
        match self.secret {
            Secret::EcdsaP256(_) => Algorithm::EcdsaP256,
            Secret::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The public key as SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    /// [`EncodeError`], which no key made or read here gives.
    pub fn public_pem(&self) -> Result<String, EncodeError> {
        self.public
            .to_pem(LABEL_PUBLIC, LineEnding::LF)
            .map_err(|error| EncodeError(error.to_string()))
    }

    /// The private key as PKCS#8 in PEM, encrypted where there is a passphrase.
    ///
    /// # Errors
    /// [`EncodeError`], which no key made or read here gives.
    pub fn private_pem(&self, passphrase: Option<&str>) -> Result<Zeroizing<String>, EncodeError> {
        let pem = || -> Result<_, pkcs8::Error> {
            let document = self.secret.to_pkcs8()?;
            Ok(match passphrase {
                None => document.to_pem(LABEL_PLAIN, LineEnding::LF)?,
                Some(passphrase) => {
                    encrypt(&document, passphrase)?.to_pem(LABEL_ENCRYPTED, LineEnding::LF)?
                }
            })
        };
        pem().map_err(|error| EncodeError(error.to_string()))
    }

    fn of(secret: Secret) -> Result<Self, pkcs8::spki::Error> {
        let public = match &secret {
            Secret::EcdsaP256(key) => key.verifying_key().to_public_key_der()?,
            Secret::Ed25519(key) => key.verifying_key().to_public_key_der()?,
        };
        Ok(Self { id: KeyId::of_spki(public.as_bytes()), secret, public })
    }
}

impl Signer for PrivateKey {
    fn key_id(&self) -> &KeyId {
        &self.id
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let error = |error: ecdsa::Error| SignError(error.to_string());
        match &self.secret {
            Secret::EcdsaP256(key) => {
                let signature: ecdsa::Signature = key.try_sign(message).map_err(error)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Secret::Ed25519(key) => Ok(key.try_sign(message).map_err(error)?.to_vec()),
        }
    }
}

impl Algorithm {
    /// The name as the command line writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::EcdsaP256 => "ecdsa-p256",
            Algorithm::Ed25519 => "ed25519",
        }
    }
}

impl KeyFile {
    /// Reads a private key file, without opening its encryption.
    ///
    /// # Errors
    /// [`KeyError`] when it cannot be read, is open to others than its owner, or holds something else.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
        // The mode is asked of the open file, so that it is the mode of what is read.
        let mut file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let mut bytes = Zeroizing::new(Vec::new());
        file.by_ref().take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let wrong = |found: &str, hint| KeyError::WrongKind {
            path: path.to_owned(),
            found: found.to_owned(),
            hint,
        };
        if bytes.len() as u64 > MAX_FILE {
            return Err(wrong("a file of more than 64 KiB", None));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("not text", None))?;
        let encrypted = match PemKind::of(text) {
            Some(PemKind::EncryptedPrivateKey) => true,
            Some(PemKind::PrivateKey) => false,
            Some(PemKind::PublicKey) => {
                let hint = "the private key is the file without `.pub`";
                return Err(wrong("a public key", Some(hint)));
            }
            Some(PemKind::OtherPrivateKey(label)) => {
                let hint =
                    "`openssl pkcs8 -topk8 -in KEY -out NEW` writes a P-256 key in this form";
                return Err(wrong(&format!("`{}`", Escaped(&label)), Some(hint)));
            }
            Some(PemKind::Other(label)) => {
                return Err(wrong(&format!("`{}`", Escaped(&label)), None));
            }
            None => return Err(wrong("not PEM", Some("`wheelmark keygen` makes a key"))),
        };
        // Asked after the kind: that a public key can be read by others is nobody's concern.
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_file() && mode & 0o077 != 0 {
            let path = path.to_owned();
            return Err(KeyError::Exposed { path, mode });
        }
        let (_, document) = SecretDocument::from_pem(text.trim()).map_err(|error| {
            KeyError::Malformed { path: path.to_owned(), because: error.to_string() }
        })?;
        Ok(Self { path: path.to_owned(), document, encrypted })
    }

    /// Whether a passphrase is needed.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key. A passphrase for a key that is not encrypted is not looked at.
    ///
    /// # Errors
    /// [`KeyError`] when the passphrase is missing or wrong, or the key is of another algorithm.
    pub fn unlock(&self, passphrase: Option<&str>) -> Result<PrivateKey, KeyError> {
        if !self.encrypted {
            return self.parse(self.document.as_bytes());
        }
        let path = || self.path.clone();
        let passphrase = passphrase.ok_or_else(|| KeyError::PassphraseNeeded { path: path() })?;
        let info = EncryptedPrivateKeyInfo::try_from(self.document.as_bytes())
            .map_err(|error| self.malformed(&error))?;
        self.bound_work(&info)?;
        match info.decrypt(passphrase) {
            Ok(document) => self.parse(document.as_bytes()),
            // The library says `EncryptFailed` of padding that does not hold; and one wrong passphrase
            // in 256 gives padding that holds, around what is no DER.
            Err(
                pkcs8::Error::EncryptedPrivateKey(
                    pkcs5::Error::DecryptFailed | pkcs5::Error::EncryptFailed,
                )
                | pkcs8::Error::Asn1(_),
            ) => Err(KeyError::WrongPassphrase { path: path() }),
            Err(error) => Err(self.malformed(&error)),
        }
    }

    /// Refuses parameters under which deriving the key would take the machine.
    fn bound_work(&self, info: &EncryptedPrivateKeyInfo<'_>) -> Result<(), KeyError> {
        let scrypt =
            info.encryption_algorithm.pbes2().and_then(|parameters| parameters.kdf.scrypt());
        let work = scrypt.map_or(0, |scrypt| {
            128 * u128::from(scrypt.cost_parameter)
                * u128::from(scrypt.block_size)
                * u128::from(scrypt.parallelization)
        });
        if work > MAX_SCRYPT_WORK {
            let because =
                format!("its scrypt parameters ask for {work} bytes, at most {MAX_SCRYPT_WORK}");
            return Err(self.malformed(&because));
        }
        Ok(())
    }

    fn parse(&self, der: &[u8]) -> Result<PrivateKey, KeyError> {
        let info = PrivateKeyInfo::try_from(der).map_err(|error| self.malformed(&error))?;
        let wrong = |found: String| KeyError::WrongKind {
            path: self.path.clone(),
            found,
            hint: Some("`wheelmark keygen` makes a key that can be used"),
        };
        let secret = match info.algorithm.oid {
            ID_EC_PUBLIC_KEY => {
                let curve = info.algorithm.parameters_oid().ok();
                if curve != Some(p256::NistP256::OID) {
                    let curve = curve.map_or("no named curve".to_owned(), |oid| oid.to_string());
                    return Err(wrong(format!("an elliptic-curve key over {curve}")));
                }
                let key = ecdsa::SigningKey::try_from(info);
                Secret::EcdsaP256(key.map_err(|error| self.malformed(&error))?)
            }
            ID_ED25519 => {
                let key = ed25519_dalek::SigningKey::try_from(info);
                Secret::Ed25519(Box::new(key.map_err(|error| self.malformed(&error))?))
            }
            ID_RSA => return Err(wrong("an RSA key".to_owned())),
            other => return Err(wrong(format!("a key of algorithm {other}"))),
        };
        PrivateKey::of(secret).map_err(|error| self.malformed(&error))
    }

    fn malformed(&self, because: &dyn std::fmt::Display) -> KeyError {
        KeyError::Malformed { path: self.path.clone(), because: because.to_string() }
    }
}

impl KeyError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            KeyError::Exposed { path, .. } => Some(format!(
                "`chmod 600 {}` closes it; if others could have read it, make a new key",
                Escaped(&path.to_string_lossy())
            )),
            KeyError::WrongKind { hint, .. } => hint.map(str::to_owned),
            KeyError::PassphraseNeeded { .. } => {
                Some("run it on a terminal, or set WHEELMARK_PASSPHRASE".to_owned())
            }
            _ => None,
        }
    }
}

impl Secret {
    fn to_pkcs8(&self) -> Result<SecretDocument, pkcs8::Error> {
        match self {
            Secret::EcdsaP256(key) => key.to_pkcs8_der(),
            // Without the public key it is PKCS#8 version 1, which every reader knows.
            Secret::Ed25519(key) => {
                KeypairBytes { secret_key: key.to_bytes(), public_key: None }.to_pkcs8_der()
            }
        }
    }
}

/// Encrypts by scrypt and AES-256-CBC.
///
/// N = 2^14, r = 8, p = 5 is as dear to guess as the library's default of N = 2^17, p = 1, but takes
/// 16 MB and not 128, of which OpenSSL refuses to give more than 32.
fn encrypt(document: &SecretDocument, passphrase: &str) -> Result<SecretDocument, pkcs8::Error> {
    let key_length = scrypt::Params::RECOMMENDED_LEN;
    let scrypt =
        scrypt::Params::new(14, 8, 5, key_length).map_err(|_| pkcs8::Error::ParametersMalformed)?;
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    OsRng.fill_bytes(&mut salt);
    OsRng.fill_bytes(&mut iv);
    let parameters = pbes2::Parameters::scrypt_aes256cbc(scrypt, &salt, &iv)?;
    PrivateKeyInfo::try_from(document.as_bytes())?.encrypt_with_params(parameters, passphrase)
}

fn shown(path: &Path) -> String {
    format!("`{}`", Escaped(&path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use chrono::Utc;
    use wheelmark_core::attestation::bundle::Attestation;
    use wheelmark_core::attestation::envelope::{Signed, VerifiedEnvelope};
    use wheelmark_core::limits::AttestationLimits;
    use wheelmark_core::trust::{TrustRoot, TrustedKey, Validity};

    use super::*;
    use crate::sign::sign_statement;

    const BOTH: [Algorithm; 2] = [Algorithm::EcdsaP256, Algorithm::Ed25519];

    /// A folder with a file `key` of this content and mode.
    fn file(content: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode");
        (folder, path)
    }

    fn refusal(content: &str, passphrase: Option<&str>) -> KeyError {
        let (_folder, path) = file(content, 0o600);
        let error =
            KeyFile::read(&path).and_then(|file| file.unlock(passphrase)).err().expect("refused");
        let named = shown(&path);
        assert!(error.to_string().contains(&named), "{error} names no file");
        error
    }

    #[test]
    fn what_a_key_read_back_signs_the_public_key_verifies() {
        for algorithm in BOTH {
            for passphrase in [None, Some("correct horse")] {
                let made = PrivateKey::generate(algorithm).expect("a key");
                let pem = made.private_pem(passphrase).expect("PEM");
                let (_folder, path) = file(&pem, 0o600);
                let file = KeyFile::read(&path).expect("read");
                assert_eq!(file.is_encrypted(), passphrase.is_some());
                let key = file.unlock(passphrase).expect("unlocked");
                assert_eq!(key.key_id(), made.key_id());

                let limits = AttestationLimits::standard();
                let bundle = sign_statement(&key, b"{}").expect("signed");
                let attestation = Attestation::parse(&bundle, &limits).expect("a bundle");
                let public = made.public_pem().expect("PEM");
                let public = TrustedKey::from_pem(&public, Validity::default()).expect("a key");
                let root = TrustRoot::new(vec![public], Vec::new());
                let envelope =
                    VerifiedEnvelope::verify(&attestation, &root, Signed::Bytes(b""), Utc::now());
                assert_eq!(
                    envelope.expect("verified").signer().to_string(),
                    format!("key {}", key.key_id())
                );
            }
        }
    }

    #[test]
    fn a_wrong_passphrase_is_told_from_a_missing_one_and_from_damage() {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
        let pem = key.private_pem(Some("right")).expect("PEM");
        assert!(!pem.contains("-----BEGIN PRIVATE KEY-----"));
        let wrong = refusal(&pem, Some("wrong"));
        assert!(matches!(wrong, KeyError::WrongPassphrase { .. }), "{wrong}");
        let missing = refusal(&pem, None);
        assert!(matches!(missing, KeyError::PassphraseNeeded { .. }), "{missing}");
        let cut = format!("{}-----END ENCRYPTED PRIVATE KEY-----\n", &pem[..150]);
        let damaged = refusal(&cut, Some("right"));
        assert!(matches!(damaged, KeyError::Malformed { .. }), "{damaged}");
    }

    #[test]
    fn other_things_than_a_private_key_are_named() {
        let key = PrivateKey::generate(Algorithm::Ed25519).expect("a key");
        let public = key.public_pem().expect("PEM");
        for (content, found) in [
            (public.as_str(), "a public key"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "`OPENSSH PRIVATE KEY`"),
            ("-----BEGIN RSA PRIVATE KEY-----\n", "`RSA PRIVATE KEY`"),
            ("-----BEGIN CERTIFICATE-----\n", "`CERTIFICATE`"),
            ("", "not PEM"),
        ] {
            let error = refusal(content, None);
            let KeyError::WrongKind { found: named, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(named, found);
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
        let pem = key.private_pem(None).expect("PEM");
        for mode in [0o644, 0o640, 0o602] {
            let (_folder, path) = file(&pem, mode);
            let error = KeyFile::read(&path).err().expect("refused");
            assert!(matches!(error, KeyError::Exposed { mode: found, .. } if found == mode));
            let hint = error.hint().expect("a hint");
            assert!(hint.contains("chmod 600"), "{hint}");
        }
    }

    #[test]
    fn parameters_that_would_take_the_machine_are_refused() {
        let key = PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
        let pem = key.private_pem(Some("x")).expect("PEM");
        let (_, document) = SecretDocument::from_pem(&pem).expect("PEM");
        let info = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).expect("PKCS#8");
        let mut parameters = info.encryption_algorithm.pbes2().expect("PBES2").clone();
        let mut scrypt = *parameters.kdf.scrypt().expect("scrypt");
        scrypt.cost_parameter = 1 << 40;
        parameters.kdf = scrypt.into();
        let dear = EncryptedPrivateKeyInfo {
            encryption_algorithm: parameters.into(),
            encrypted_data: info.encrypted_data,
        };
        let dear = SecretDocument::try_from(dear).expect("DER");
        let dear = dear.to_pem(LABEL_ENCRYPTED, LineEnding::LF).expect("PEM");
        let error = refusal(&dear, Some("x"));
        assert!(error.to_string().contains("scrypt"), "{error}");
    }
}
