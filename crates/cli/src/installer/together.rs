//! Several indexes, of which the installer sees one: each project is of one of them, as the policy binds it.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use wheelmark_core::limits::IndexLimits;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::Escaped;
use wheelmark_index::{Index, IndexUrl, Together};

use crate::error::CliError;
use crate::from_index::undecided;

/// How often it is looked whether the installer has ended.
const LOOK: Duration = Duration::from_millis(20);

/// How much of what was not served is told.
const TOLD: usize = 5;

/// Has `ask` see the indexes as one, by its URL, while it runs.
pub fn as_one<T>(
    indexes: &[IndexUrl],
    limits: IndexLimits,
    policy: &Arc<Policy>,
    ask: impl FnOnce(&str) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let failed = |error: std::io::Error| {
        CliError::undecided(format!("the indexes cannot be served to the installer: {error}"))
    };
    let opened = indexes.iter().map(|url| Index::new(url.clone(), limits).map_err(undecided));
    let opened = opened.collect::<Result<Vec<_>, _>>()?;
    let names: Vec<_> = indexes.iter().map(ToString::to_string).collect();
    let bound = Arc::clone(policy);
    let binding =
        move |project: &_| bound.index_of(project, &names).map_err(|error| error.to_string());
    let secret = secret().map_err(failed)?;
    let together = Together::new(opened, Box::new(binding), &secret, tempfile::tempfile);
    let together = together.map_err(failed)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (url, not_served) = (together.url(), together.not_served());
    let ended = AtomicBool::new(false);
    let asked = thread::scope(|scope| {
        scope.spawn(|| {
            runtime.block_on(async {
                let end = async {
                    while !ended.load(Ordering::Relaxed) {
                        tokio::time::sleep(LOOK).await;
                    }
                };
                // Where the port is lost, the installer is told so by its own requests.
                futures_util::future::select(std::pin::pin!(together.serve()), std::pin::pin!(end))
                    .await;
            });
            // Not waited for: the look-up of a host's name, which nothing can interrupt.
            runtime.shutdown_background();
        });
        let asked = ask(&url);
        ended.store(true, Ordering::Relaxed);
        asked
    });
    asked.map_err(|error| {
        // The URL that the installer saw is nobody's, and a secret.
        let mut message = error.message.replace(&*url, "the indexes/").replace(&secret, "…");
        for why in not_served.all().iter().take(TOLD) {
            message += &format!("\n{}", Escaped(why));
        }
        CliError { message, ..error }
    })
}

/// A word that nobody can guess.
fn secret() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
