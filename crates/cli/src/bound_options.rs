//! `--timeout`, `--memory`, `--disk`: what one hook or step may use. Every verb that builds takes these.

use std::time::Duration;

use wheelmark_build::sandbox::{Bound, Bounds};

/// Bounds other than the usual ones.
#[derive(clap::Args)]
#[command(next_help_heading = "Bounds of each hook and step")]
pub struct BoundOptions {
    /// Stop it after this many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// Stop it when its processes use more memory than this, as in 512M or 8G; each folder that it has in memory
    /// (/tmp, /dev/shm, its home) holds a quarter of it, at most 4G
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    memory: Option<u64>,
    /// Stop it when it has written more than this to disk
    #[arg(long, value_name = "SIZE", value_parser = size)]
    disk: Option<u64>,
}

impl BoundOptions {
    /// The same as arguments of this program.
    pub fn passed_on(&self) -> Vec<String> {
        let given = [("timeout", self.timeout), ("memory", self.memory), ("disk", self.disk)];
        given.iter().filter_map(|(name, value)| Some(format!("--{name}={}", (*value)?))).collect()
    }

    /// The usual bounds, but for those that were given.
    pub fn bounds(&self) -> Bounds {
        let usual = Bounds::standard();
        let memory = self.memory.unwrap_or(usual.memory);
        Bounds {
            wall: self.timeout.map_or(usual.wall, Duration::from_secs),
            memory,
            scratch: usual.scratch.min(memory / 4),
            disk: self.disk.unwrap_or(usual.disk),
            ..usual
        }
    }
}

/// How to allow more, where an option does.
pub fn hint(bound: Bound) -> &'static str {
    match bound {
        Bound::Wall => "`--timeout SECONDS` allows it more",
        Bound::Memory => "`--memory SIZE` allows it more",
        Bound::Disk => "`--disk SIZE` allows it more",
        _ => "",
    }
}

/// No interpreter starts in less.
const LEAST_MEMORY: u64 = 1 << 20;

fn memory(text: &str) -> Result<u64, String> {
    match size(text)? {
        bytes if bytes < LEAST_MEMORY => Err("nothing runs in less than 1M".to_owned()),
        bytes => Ok(bytes),
    }
}

/// Bytes, written as a number with `K`, `M`, `G` or `T` for powers of 1024 after it, or with nothing.
fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K') => (&text[..text.len() - 1], 10),
        Some(b'M') => (&text[..text.len() - 1], 20),
        Some(b'G') => (&text[..text.len() - 1], 30),
        Some(b'T') => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    digits
        .parse::<u64>()
        .ok()
        .filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|number| number.checked_mul(1 << shift))
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "a size is written as in 512M or 8G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_whole_and_more_than_nothing() {
        for (text, bytes) in [("1", 1), ("4096", 4096), ("512M", 512 << 20), ("3T", 3 << 40)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in
            ["", "M", "0", "0G", "-1", "+1", "1.5G", "1g", "1GB", "99999999999T", "1 G", "é"]
        {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
