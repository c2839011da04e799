//! placeholder until the reader lands
/// stub
#[derive(Debug, Clone)]
pub struct Wheel;
impl Wheel {
    /// stub
    pub fn startup_hooks(&self) -> &[String] {
        &[]
    }
}
