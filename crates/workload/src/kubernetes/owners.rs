//! Objects between pods and workloads, asked for one by one as pods name them. To watch all of them
//! would be to hold those of the whole cluster on each node.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Client;
use kube::core::Request;
use kube::core::params::GetParams;
use tokio::time::timeout;

use super::answer::{Answer, NoAnswer};
use super::chain::Wanted;
use super::object::{Malformed, Owner, controller};
use super::watcher::Shared;

/// Asks for what is wanted, for ever.
pub(crate) async fn run(client: Client, shared: Arc<Shared>) {
    loop {
        // A failure is tried again after a time without anybody saying so.
        timeout(LOOK_EVERY, shared.pods_changed()).await.ok();
        for wanted in shared.wanted() {
            let answer = timeout(TIMEOUT, ask(&client, &wanted)).await;
            match answer.unwrap_or(Err(NoAnswer::Late(TIMEOUT))) {
                Ok(controller) => shared.owner_found(&wanted.uid, controller),
                Err(_) => shared.owner_failed(&wanted.uid, Instant::now(), TRY_AFTER),
            }
        }
    }
}

async fn ask(client: &Client, wanted: &Wanted) -> Result<Option<Owner>, NoAnswer> {
    let request = Request::new(&*wanted.path).get_metadata(&wanted.name, &GetParams::default());
    let request = request.map_err(|error| NoAnswer::Failed(error.to_string()))?;
    let body = Answer::to(client, request).await?.whole(MAX_LEN).await?;
    let text = std::str::from_utf8(&body).ok().ok_or(NoAnswer::Malformed)?;
    let (uid, controller) = controller(text).map_err(|Malformed| NoAnswer::Malformed)?;
    // Another object may have taken the name.
    if uid == wanted.uid { Ok(controller) } else { Err(NoAnswer::Malformed) }
}

/// The metadata of an object: labels and annotations have 256 KiB at most.
const MAX_LEN: usize = 1 << 20;

const TIMEOUT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// An object that is gone does not come back, and rights are seldom given while one waits.
const TRY_AFTER: Duration = Duration::from_secs(30);
