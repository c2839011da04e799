//! The bare arithmetic of verifying wheels, without a single check of what they say: SHA-256 of each file and of
//! each member, inflation by the fastest library there is, with each file and each member whole in memory; and the
//! signature of the bundle beside each file, by a key that was parsed before. What `verify` is measured against.
//!
//!     bare_wheels [--threads N] [--files-only] KEY FILE...
//!
//! With `--files-only` nothing of what is in a wheel is looked at: SHA-256 of the file, and the signature.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest as _, Sha256};
use sigstore_crypto::VerificationKey;
use sigstore_types::{Bundle, DerPublicKey, SignatureContent};

const USAGE: &str = "usage: bare_wheels [--threads N] [--files-only] KEY FILE...";

fn main() -> io::Result<()> {
    let mut arguments: Vec<_> = std::env::args().skip(1).collect();
    let usage = || io::Error::other(USAGE);
    let mut threads = 1;
    if arguments.first().is_some_and(|it| it == "--threads") {
        threads = arguments.get(1).and_then(|it| it.parse().ok()).ok_or_else(usage)?;
        arguments.drain(..2);
    }
    let files_only = arguments.first().is_some_and(|it| it == "--files-only");
    let (key, files) = arguments[usize::from(files_only)..].split_first().ok_or_else(usage)?;
    let key = read_key(&fs::read_to_string(key)?)?;
    let next = AtomicUsize::new(0);
    let sum = thread::scope(|scope| {
        let work = || sum(&key, files, &next, !files_only);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_fold(0, |sum, thread| {
            let own = thread.join().map_err(|_| io::Error::other("a thread panicked"))?;
            Ok::<_, io::Error>(sum ^ own?)
        })
    })?;
    println!("{sum:02x}");
    Ok(())
}

/// Takes one file after the other, as long as there is one.
fn sum(key: &VerificationKey, files: &[String], next: &AtomicUsize, whole: bool) -> io::Result<u8> {
    let mut inflater = libdeflater::Decompressor::new();
    let (mut bytes, mut output) = (Vec::new(), Vec::new());
    let mut sum = 0u8;
    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        signature(key, &fs::read_to_string(format!("{file}.sigstore.json"))?)?;
        bytes.clear();
        File::open(file)?.read_to_end(&mut bytes)?;
        sum ^= Sha256::digest(&bytes)[0];
        for (offset, packed, size, deflated) in if whole { members(&bytes) } else { Vec::new() } {
            let start = offset + 30 + u16_at(&bytes, offset + 26) + u16_at(&bytes, offset + 28);
            let mut data = &bytes[start..start + packed];
            if deflated {
                if output.len() < size {
                    output.resize(size, 0);
                }
                let inflated = inflater.deflate_decompress(data, &mut output[..size]);
                data = &output[..inflated.map_err(io::Error::other)?];
            }
            sum ^= Sha256::digest(data)[0];
        }
    }
    Ok(sum)
}

fn read_key(pem: &str) -> io::Result<VerificationKey> {
    let der = DerPublicKey::from_pem(pem).map_err(io::Error::other)?;
    VerificationKey::from_spki(&der).map_err(io::Error::other)
}

/// The one signature of a bundle; an error unless it holds.
fn signature(key: &VerificationKey, bundle: &str) -> io::Result<()> {
    let bundle = Bundle::from_json(bundle).map_err(io::Error::other)?;
    let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
        return Err(io::Error::other("a bundle without an envelope"));
    };
    key.verify(envelope.pae(), &envelope.signature.sig).map_err(io::Error::other)
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u16_at(bytes, at) | u16_at(bytes, at + 2) << 16
}

/// Offset, compressed size, size, and whether it is deflated, of each member of an honest archive without
/// ZIP64.
fn members(bytes: &[u8]) -> Vec<(usize, usize, usize, bool)> {
    let end = bytes.len() - 22;
    let mut at = u32_at(bytes, end + 16);
    (0..u16_at(bytes, end + 10))
        .map(|_| {
            let member = (
                u32_at(bytes, at + 42),
                u32_at(bytes, at + 20),
                u32_at(bytes, at + 24),
                u16_at(bytes, at + 10) == 8,
            );
            at += 46 + [28, 30, 32].map(|field| u16_at(bytes, at + field)).iter().sum::<usize>();
            member
        })
        .collect()
}
