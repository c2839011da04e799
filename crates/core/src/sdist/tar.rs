//! The inner layer: the members of the tar, one after the other.

use std::io::Read;

use sha2::{Digest as _, Sha256};

use super::error::SdistError;
use super::extended::{self, Extended};
use super::gzip::Gunzip;
use super::header::{BLOCK, Block, Header};
use super::link;
use super::member::{Kind, Member};
use crate::digest::Sha256Digest;
use crate::dist::{Refusal, names};
use crate::limits::SdistLimits;
use crate::report::Reason;

/// Bytes of content read at a time, a multiple of [`BLOCK`].
const CHUNK: usize = 64 * 1024;

/// A tar being read forwards.
pub(super) struct Tar<'l, R> {
    gunzip: Gunzip<R>,
    limits: &'l SdistLimits,
    buffer: Vec<u8>,
    /// Members and headers of the whole archive so far.
    seen: usize,
    /// Bytes of all names so far.
    names: u64,
}

impl<'l, R: Read> Tar<'l, R> {
    pub(super) fn new(reader: R, limits: &'l SdistLimits) -> Self {
        Self {
            gunzip: Gunzip::new(reader, limits),
            limits,
            buffer: vec![0; CHUNK],
            seen: 0,
            names: 0,
        }
    }

    /// The next member, with its content if `keep` asks for it; none after the last.
    pub(super) fn next(
        &mut self,
        keep: impl Fn(&str) -> bool,
    ) -> Result<Option<(Member, Vec<u8>)>, SdistError> {
        let mut extended: Option<Extended> = None;
        loop {
            let block = self.block()?;
            if block == [0; BLOCK] {
                if extended.is_some() {
                    let found = "an extended header with no member after it";
                    return Err(Refusal::new(Reason::SdistExtendedHeader, found).into());
                }
                return self.end().map(|()| None);
            }
            self.count()?;
            let offset = self.gunzip.offset - BLOCK as u64;
            let header = Header::parse(&block)
                .map_err(|refusal| refusal.at(&format!("the header at byte {offset}")))?;
            match header.kind {
                b'x' | b'L' if extended.is_none() => {
                    let data = self.small(&header)?;
                    extended = Some(match header.kind {
                        b'x' => Extended::pax(&data)?,
                        _ => Extended::gnu(&data)?,
                    });
                }
                b'g' if self.seen == 1 => extended::global(&self.small(&header)?)?,
                b'x' | b'L' | b'g' => {
                    let found = format!("a second or late one of type {}", char::from(header.kind));
                    return Err(Refusal::new(Reason::SdistExtendedHeader, found).into());
                }
                b'0' | b'2' | b'5' => {
                    let member = self.member(header, extended.unwrap_or_default(), keep);
                    return member.map(Some);
                }
                other => {
                    let found = format!("type {}", other.escape_ascii());
                    let refusal = Refusal::new(Reason::ArchiveFileType, found)
                        .at(&String::from_utf8_lossy(&header.name));
                    return Err(refusal.expected("a file, directory or symbolic link").into());
                }
            }
        }
    }

    /// After the last member: the digest and the size of the file.
    pub(super) fn finish(self) -> Result<(Sha256Digest, u64), SdistError> {
        self.gunzip.finish()
    }

    /// A file, directory or symbolic link.
    fn member(
        &mut self,
        header: Header,
        extended: Extended,
        keep: impl Fn(&str) -> bool,
    ) -> Result<(Member, Vec<u8>), SdistError> {
        let mut name = name(&header, extended.name)?;
        let refuse = |reason, found: &str| Refusal::new(reason, found).at(&name);
        names::check_one(&name)?;
        let link = extended.link.as_ref().map_or(header.link.len(), String::len);
        self.names += (name.len() + link) as u64;
        if self.names > self.limits.names {
            let refusal = refuse(Reason::ArchiveDirectoryTooLarge, "the names of all members");
            return Err(refusal.expected(format!("at most {} bytes", self.limits.names)).into());
        }
        if header.kind != b'2' && (!header.link.is_empty() || extended.link.is_some()) {
            return Err(refuse(Reason::SdistHeader, "the target of a link").into());
        }
        if header.kind != b'0' && header.size != 0 {
            let found = format!("{} bytes", header.size);
            return Err(refuse(Reason::ArchiveDirectoryContent, &found).into());
        }
        if header.kind != b'5' && name.ends_with('/') {
            // Some readers make it a directory, by its name, and some a file, by its type.
            return Err(refuse(Reason::ArchiveFileType, "a directory's name").into());
        }
        let mut content = Vec::new();
        let kind = match header.kind {
            b'0' => {
                let kept = keep(&name).then_some(&mut content);
                let sha256 = self.content(&name, header.size, kept)?;
                Kind::File { size: header.size, sha256 }
            }
            b'5' => {
                if !name.ends_with('/') {
                    name.push('/');
                }
                Kind::Directory
            }
            _ => Kind::Symlink { target: link::target(&name, &header.link, extended.link)? },
        };
        let member = Member { name, mode: header.mode, kind };
        Ok((member, content))
    }

    /// The content of a file, hashed, and the zeros that fill its last block.
    fn content(
        &mut self,
        name: &str,
        size: u64,
        mut kept: Option<&mut Vec<u8>>,
    ) -> Result<Sha256Digest, SdistError> {
        if kept.is_some() && size > self.limits.metadata_file {
            let refusal = Refusal::new(Reason::ArchiveMemberTooLarge, size).at(name);
            return Err(refusal.expected(format!("at most {}", self.limits.metadata_file)).into());
        }
        let mut hasher = Sha256::new();
        let mut left = size;
        while left > 0 {
            let data = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
            let padded = data.next_multiple_of(BLOCK);
            let read = self.gunzip.fill(&mut self.buffer[..padded])?;
            if read < padded {
                return Err(truncated(self.gunzip.offset).at(name).into());
            }
            let (data, padding) = self.buffer[..padded].split_at(data);
            if padding.iter().any(|byte| *byte != 0) {
                let found = "bytes after its content";
                return Err(Refusal::new(Reason::SdistPadding, found).at(name).into());
            }
            hasher.update(data);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(data);
            }
            left -= data.len() as u64;
        }
        Ok(Sha256Digest::from_bytes(hasher.finalize().into()))
    }

    /// The data of an extended header.
    fn small(&mut self, header: &Header) -> Result<Vec<u8>, SdistError> {
        if header.size > self.limits.extended_header {
            let refusal = Refusal::new(Reason::SdistExtendedHeader, header.size);
            return Err(refusal
                .expected(format!("at most {} bytes", self.limits.extended_header))
                .into());
        }
        let mut data = Vec::new();
        self.content("an extended header", header.size, Some(&mut data))?;
        Ok(data)
    }

    fn block(&mut self) -> Result<Block, SdistError> {
        let mut block = [0; BLOCK];
        match self.gunzip.fill(&mut block)? {
            BLOCK => Ok(block),
            _ => Err(truncated(self.gunzip.offset).into()),
        }
    }

    fn count(&mut self) -> Result<(), Refusal> {
        self.seen += 1;
        // A member may have one extended header of its own.
        if self.seen > 2 * self.limits.members {
            let refusal = Refusal::new(Reason::ArchiveTooManyMembers, self.seen);
            return Err(refusal.expected(format!("at most {}", 2 * self.limits.members)));
        }
        Ok(())
    }

    /// After the first block of zeros: the second, and nothing but zeros after it.
    fn end(&mut self) -> Result<(), SdistError> {
        let start = self.gunzip.offset;
        loop {
            let read = self.gunzip.fill(&mut self.buffer)?;
            if self.buffer[..read].iter().any(|byte| *byte != 0) {
                let found = "bytes after a block of zeros";
                return Err(Refusal::new(Reason::SdistDataAfterEnd, found).into());
            }
            if read < CHUNK {
                break;
            }
        }
        match self.gunzip.offset - start {
            0..512 => Err(truncated(self.gunzip.offset).into()),
            _ => Ok(()),
        }
    }
}

fn truncated(offset: u64) -> Refusal {
    Refusal::new(Reason::SdistTruncated, format!("the end at byte {offset}"))
        .expected("a whole member, or two blocks of zeros")
}

/// The name, by the header or by what replaces it, if the two say the same. Writers leave the `/` at the
/// end of a directory's name away in either.
fn name(header: &Header, extended: Option<String>) -> Result<String, Refusal> {
    let Some(name) = extended else {
        return Ok(names::decode(&header.name)?.to_owned());
    };
    let directory = (header.kind == b'5').then(|| {
        let field = header.name.strip_suffix(b"/").unwrap_or(&header.name);
        (field, name.strip_suffix('/').unwrap_or(&name))
    });
    if extended::begins(&header.name, &name)
        || directory.is_some_and(|(field, name)| extended::begins(field, name))
    {
        return Ok(name);
    }
    Err(disagree(&header.name, &name))
}

/// A header and what replaces one of its names say different things.
pub(super) fn disagree(header: &[u8], name: &str) -> Refusal {
    let found = format!("`{}` in the header", String::from_utf8_lossy(header));
    Refusal::new(Reason::SdistNamesDisagree, found).expected(name).at(name)
}
