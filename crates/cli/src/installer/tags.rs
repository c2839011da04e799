//! The tags that an interpreter takes, as the library says that installers use.

use std::path::Path;
use std::process::{Command, Stdio};

use wheelmark_core::filename::DistFilename;

use super::output;
use crate::error::CliError;

/// In the order in which they are preferred (`packaging.tags.sys_tags`).
pub struct Tags(Vec<String>);

/// `packaging` as pip has it: installed, or in the wheel that the interpreter carries.
const SCRIPT: &str = "
try:
    from pip._vendor.packaging.tags import sys_tags
except ImportError:
    import ensurepip, glob, os, sys
    bundled = os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', 'pip-*.whl')
    sys.path[:0] = glob.glob(bundled)
    from pip._vendor.packaging.tags import sys_tags
print(*sys_tags(), sep='\\n')
";

/// The tags of an interpreter, which is started on its own.
pub(super) fn of(interpreter: &Path) -> Result<Tags, CliError> {
    let mut command = Command::new(interpreter);
    command.args(["-I", "-c", SCRIPT]).stdin(Stdio::null());
    let written = output(&mut command)
        .map_err(|error| error.hint("the interpreter has neither pip nor ensurepip"))?;
    Ok(Tags(written.printed.lines().map(str::to_owned).collect()))
}

impl Tags {
    /// How well a wheel fits, the smallest best; `None` where it does not, or is none.
    pub fn fit(&self, file: &DistFilename) -> Option<usize> {
        let DistFilename::Wheel(wheel) = file else { return None };
        let places = wheel.tags().iter().filter_map(|tag| {
            let tag = format!("{}-{}-{}", tag.python, tag.abi, tag.platform);
            self.0.iter().position(|known| *known == tag)
        });
        places.min()
    }
}
