//! Umask, the modes of the source's files, and the kind of system, from the archive's external attributes.
//!
//! Sees: the mode of WHEEL, which no source has, so that the umask alone decides it; the modes of files that are the
//! source's; the system's number in the members' headers (APPNOTE 4.4.2).
//!
//! Can be wrong: backends that normalise modes show nothing of the umask; it is then without effect too.

use super::Evidence;
use super::backend::is_of_setuptools;
use crate::plan::{BuildPlan, Modes, Origin, System, Value};
use crate::source::sdist::mode_of;

/// The number of MS-DOS and Windows. APPNOTE 4.4.2.
const WINDOWS: u16 = 0;

/// Settles umask, modes and system.
pub fn conclude(evidence: &Evidence<'_>, plan: &mut BuildPlan) {
    let Some(wheel) = evidence.of_dist_info("WHEEL") else {
        return;
    };
    let record = evidence.of_dist_info("RECORD").unwrap_or(wheel);
    if record.version_made_by() >> 8 == WINDOWS {
        plan.system = Value::new(System::Windows, Origin::Wheel, "the archive's members say so");
        return;
    }
    let Some(mode) = wheel.unix_mode().map(|mode| mode & 0o777) else {
        return;
    };
    // Archives that are written without files have the default of Python's `zipfile`, which is no umask.
    let umask = 0o666 & !mode;
    if mode & 0o111 == 0 && mode & 0o400 != 0 && umask != 0o022 {
        let because = format!("WHEEL has mode {mode:04o}");
        plan.umask = Value::new(format!("{umask:04o}"), Origin::Wheel, because);
    }
    // setuptools writes modules anew, by the umask.
    let anew = evidence.generator().is_some_and(|it| is_of_setuptools(&it.name));
    let mut copies = evidence.copies();
    copies.retain(|(member, _)| !(anew && member.name().ends_with(".py")));
    copies.extend(evidence.copied_metadata());
    let fits = |rule: Modes| {
        let fits = copies.iter().filter(|(member, file)| {
            member.unix_mode().map(|mode| mode & 0o777) == Some(mode_of(file.mode, rule, umask))
        });
        fits.count()
    };
    let archive = fits(Modes::Archive);
    for rule in [Modes::Filtered, Modes::Umask] {
        let count = fits(rule);
        if count > archive && count >= fits(plan.modes.value) {
            if plan.modes.value != Modes::Archive && count == fits(plan.modes.value) {
                continue;
            }
            let because = format!("{count} of {} copies have these modes", copies.len());
            plan.modes = Value::new(rule, Origin::Wheel, because);
        }
    }
}
