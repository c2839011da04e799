//! Several indexes, of which the installer sees one: each project is of one of them, as the policy binds it.

use std::pin::pin;
use std::sync::Arc;
use std::thread;

use futures_util::future;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use uuid::Uuid;
use wheelmark_core::limits::IndexLimits;
use wheelmark_core::policy::Policy;
use wheelmark_core::report::Escaped;
use wheelmark_index::{Index, IndexUrl, Together};

use crate::error::CliError;
use crate::from_index::undecided;

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
    // A word that nobody can guess.
    let secret = Uuid::new_v4().simple().to_string();
    let together = Together::new(opened, Box::new(binding), &secret, tempfile::tempfile);
    let together = together.map_err(failed)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (url, not_served) = (together.url(), together.not_served());
    let asked = thread::scope(|scope| {
        // It ends when this is dropped, however the installer ended.
        let (_serving, ended) = oneshot::channel::<()>();
        scope.spawn(|| {
            // Where the port is lost, the installer is told so by its own requests.
            runtime.block_on(async {
                future::select(pin!(together.serve()), ended).await;
            });
            // Not waited for: the look-up of a host's name, which nothing can interrupt.
            runtime.shutdown_background();
        });
        ask(&url)
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
