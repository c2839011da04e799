//! Key files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use wheelmark_build::sign::key::PrivateKey;

/// Writes a private key to `path`, which nobody else can read, and the public one to where `public` says.
pub fn write(path: &Path, key: &PrivateKey, passphrase: Option<&str>, public: &Path) {
    write_private(path, &key.private_pem(passphrase).expect("PEM"));
    fs::write(public, key.public_pem().expect("PEM")).expect("written");
}

/// Writes the text of a private key, which nobody else can read.
pub fn write_private(path: &Path, pem: &str) {
    fs::write(path, pem).expect("written");
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("closed to others");
}
