//! Ctrl-C: the first one asks the work to end and clean up, the second ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::CliError;
use crate::exit::Exit;

/// The flag of the verb that runs, for reads that could wait for ever.
static WATCHED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// What an interrupted program says.
pub const MESSAGE: &str = "interrupted, nothing was written";

/// From here on Ctrl-C sets the returned flag, which the work must look at.
///
/// Only verbs that look at it call this; the others are ended by the signal itself.
pub fn watch() -> Result<Arc<AtomicBool>, CliError> {
    let cancel = Arc::clone(WATCHED.get_or_init(|| Arc::new(AtomicBool::new(false))));
    for signal in [SIGINT, SIGTERM] {
        // In this order: at the first signal the flag is not set yet when it is asked for.
        let code = i32::from(Exit::Undecided.code());
        flag::register_conditional_shutdown(signal, code, Arc::clone(&cancel))
            .and_then(|_| flag::register(signal, Arc::clone(&cancel)))
            .map_err(|error| CliError::undecided(format!("cannot watch for Ctrl-C: {error}")))?;
    }
    Ok(cancel)
}

/// An error, if a verb that watches for Ctrl-C was asked to end.
pub fn check_watched() -> Result<(), CliError> {
    WATCHED.get().map_or(Ok(()), |cancel| check(cancel))
}

/// An error, if the work was asked to end.
pub fn check(cancel: &AtomicBool) -> Result<(), CliError> {
    if cancel.load(Ordering::Relaxed) {
        return Err(CliError::undecided(MESSAGE));
    }
    Ok(())
}
