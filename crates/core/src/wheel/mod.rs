//! placeholder until the strict reader lands: same interface, no checks
use crate::digest::Sha256Digest;
use crate::filename::WheelFilename;
use crate::limits::WheelLimits;
use crate::report::Reason;
/// stub
#[derive(Debug, Clone)]
pub struct Wheel(Sha256Digest);
/// stub
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// stub
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// stub
    #[error("refused")]
    Refused(Refusal),
}
/// stub
#[derive(Debug)]
pub struct Refusal {
    /// stub
    pub reason: Reason,
    /// stub
    pub member: Option<String>,
    /// stub
    pub found: String,
    /// stub
    pub expected: Option<String>,
}
/// stub
pub fn read<R: std::io::Read + std::io::Seek>(
    reader: R,
    _: WheelFilename,
    _: &WheelLimits,
) -> Result<Wheel, WheelError> {
    Ok(Wheel(Sha256Digest::of_reader(reader)?.0))
}
impl Wheel {
    /// stub
    pub fn sha256(&self) -> Sha256Digest {
        self.0
    }
    /// stub
    pub fn startup_hooks(&self) -> &[String] {
        &[]
    }
}
