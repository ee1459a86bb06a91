//! Tells violations to whoever is to know: puts them into the queue of each notifier, and empties it.

pub(crate) mod connect;
pub(crate) mod courier;
pub(crate) mod formats;
pub(crate) mod http;
pub(crate) mod notice;
pub(crate) mod notifier;
pub(crate) mod smtp;

use store::{Collection, Documents, StoreError, Violation};

use crate::app::App;
use crate::live::Happening;
use crate::routes::violations::describe;
use notice::{Event, Notice};
use notifier::{Kind, Notifier};

/// Tells violations: to who looks on, and to the notifiers.
pub(crate) fn tell(app: &App, violations: Vec<Violation>, event: Event) {
    if violations.is_empty() {
        return;
    }
    if let Err(error) = try_to_tell(app, violations, event) {
        app.log(&format!("violations could not be told: {error}"));
    }
}

fn try_to_tell(app: &App, violations: Vec<Violation>, event: Event) -> Result<(), StoreError> {
    let (control, now) = (&*app.parts.control, app.parts.clock.now());
    let notifiers = all(control)?;
    let outlet = app.parts.outlet.as_deref();
    if notifiers.is_empty() && !app.live.is_watched() && outlet.is_none() {
        return Ok(());
    }
    let rules = app.judge.rules();
    let mut parcels = Vec::new();
    for violation in describe(&*app.parts.sessions, control, violations, now)? {
        if let Ok(json) = serde_json::to_string(&violation) {
            app.live.tell(Happening::Violation(json.into()));
        }
        let notice = Notice::of(violation, event, &rules, now);
        if let (Some(outlet), Some(line)) = (outlet, notice.line()) {
            outlet.keep("", &line);
        }
        for (id, notifier) in &notifiers {
            if wants(id, notifier, &notice) {
                let body = serde_json::to_vec(std::slice::from_ref(&notice)).unwrap_or_default();
                parcels.push((id.as_str(), body));
            }
        }
    }
    // One by one they would wait for the disk, and for other servers, as often.
    for some in parcels.chunks(PUSHED_AT_ONCE) {
        control.push_parcels(some, now)?;
    }
    app.courier.wake();
    Ok(())
}

/// Puts notices into the queue of a notifier.
pub(crate) fn push(app: &App, id: &str, notices: &[Notice]) -> Result<(), StoreError> {
    let body = serde_json::to_vec(notices).unwrap_or_default();
    app.parts.control.push_parcel(id, &body, app.parts.clock.now())
}

/// Whether a notifier is to tell it.
pub(crate) fn wants(id: &str, notifier: &Notifier, notice: &Notice) -> bool {
    let is_named = notice.notifiers.is_empty() || notice.notifiers.iter().any(|named| named == id);
    is_named && notice.severity >= notifier.min_severity
}

/// All notifiers with their ids.
pub(crate) fn all(
    store: &(impl Documents + ?Sized),
) -> Result<Vec<(String, Notifier)>, StoreError> {
    let documents = store.documents(Collection::Notifiers)?;
    let read = |document: store::Document| {
        let notifier = serde_json::from_slice(&document.body).ok()?;
        Some((document.key, notifier))
    };
    Ok(documents.into_iter().filter_map(read).collect())
}

/// Whether it has to be told of what goes on, and not only of what begins and ends.
pub(crate) fn is_reminded(notifier: &Notifier) -> bool {
    notifier.kind == Kind::Alertmanager
}

/// Notices of one transaction: some hundred kilobytes, and twenty times that with the longest names.
const PUSHED_AT_ONCE: usize = 256;
