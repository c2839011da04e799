//! The output of a job: hashed, counted, written on.

use std::io::{self, PipeReader, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use sha2::{Digest as _, Sha256};
use wheelmark_core::digest::Sha256Digest;

/// What was printed.
pub(super) struct Log {
    pub sha256: Sha256Digest,
    pub written: u64,
    pub printed: u64,
    /// The first bytes, for a start that failed.
    pub said: Vec<u8>,
}

/// Bytes of output kept for a message.
const SAID: usize = 2048;

/// Copies the output to the log up to the limit, and reads on beyond, so that nobody waits for us.
pub(super) fn pump(
    mut reader: PipeReader,
    log: &mut (dyn Write + Send),
    limit: u64,
    printed: &AtomicU64,
    changed: &mpsc::Sender<()>,
) -> io::Result<Log> {
    let (mut hasher, mut written, mut total) = (Sha256::new(), 0, 0);
    let mut said = Vec::new();
    let mut failed = None;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        total += read as u64;
        let room = usize::try_from(limit - written).unwrap_or(usize::MAX).min(read);
        let kept = &buffer[..room];
        said.extend_from_slice(&kept[..room.min(SAID - said.len())]);
        if failed.is_none() {
            match log.write_all(kept) {
                Ok(()) => {
                    hasher.update(kept);
                    written += room as u64;
                }
                Err(error) => {
                    failed = Some(error);
                    // Ends the job as a log that is full does.
                    total = u64::MAX;
                }
            }
        }
        printed.store(total, Ordering::Relaxed);
        if total > limit {
            let _ = changed.send(());
            total = total.min(u64::MAX / 2);
        }
    }
    match failed.or_else(|| log.flush().err()) {
        Some(error) => Err(error),
        None => Ok(Log {
            sha256: Sha256Digest::from_bytes(hasher.finalize().into()),
            written,
            printed: total,
            said,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_cut_at_its_bound_and_its_digest_is_of_what_was_written() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"0123456789").unwrap();
        drop(writer);
        let mut kept = Vec::new();
        let printed = AtomicU64::new(0);
        let log = pump(reader, &mut kept, 4, &printed, &mpsc::channel().0).unwrap();
        assert_eq!(kept, b"0123");
        assert_eq!((log.written, log.printed, printed.into_inner()), (4, 10, 10));
        assert_eq!(log.sha256, Sha256Digest::of(b"0123"));
    }
}
