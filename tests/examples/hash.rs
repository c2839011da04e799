//! Bare hashing of a file by the libraries that wheelmark hashes with: what `verify` is measured against.
//!
//!     hash sha256[,sha256][,crc32] FILE

use std::fs::File;
use std::io::{self, Read as _};

use sha2::{Digest as _, Sha256};

/// Bytes read at a time; as many as the reader of wheels reads.
const PIECE: usize = 256 * 1024;

enum Hash {
    Sha256(Box<Sha256>),
    Crc32(crc32fast::Hasher),
}

fn main() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, kinds, path] = &arguments[..] else {
        return Err(io::Error::other("usage: hash sha256[,crc32…] FILE"));
    };
    let mut hashes = kinds
        .split(',')
        .map(|kind| match kind {
            "sha256" => Ok(Hash::Sha256(Box::default())),
            "crc32" => Ok(Hash::Crc32(crc32fast::Hasher::new())),
            _ => Err(io::Error::other("one of sha256, crc32")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let (mut file, mut piece) = (File::open(path)?, vec![0; PIECE]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        for hash in &mut hashes {
            match hash {
                Hash::Sha256(hash) => hash.update(&piece[..read]),
                Hash::Crc32(hash) => hash.update(&piece[..read]),
            }
        }
    }
    for hash in hashes {
        match hash {
            Hash::Sha256(hash) => println!("{:x}", hash.finalize()),
            Hash::Crc32(hash) => println!("{:08x}", hash.finalize()),
        }
    }
    Ok(())
}
