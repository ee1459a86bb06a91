//! The checks of suricata-verify that concern TLS and QUIC fields.

mod checks;
mod fields;

use anyhow::Result;

use self::checks::Check;
use self::fields::View;
use super::compare::{Place, Tally};
use super::names::Names;
use super::oracle::{Corpora, Sessions, sessions_of};
use super::session::{End, Ends, Session};

/// The oracle's name.
pub(super) const NAME: &str = "suricata-verify";

/// Compares every check.
///
/// # Errors
/// If a test cannot be read.
pub(super) fn compare(corpora: &Corpora, sessions: &Sessions, tally: &mut Tally) -> Result<()> {
    let names = Names::load()?;
    for check in checks::read(corpora)? {
        let place = format!("{} check {}", check.test, check.number);
        if let Some(reason) = check.reason() {
            tally.cannot(NAME, &place, &reason);
            continue;
        }
        let capture = check.capture.as_deref().unwrap_or_default();
        let all = sessions_of(sessions, capture);
        one(&check, capture, all, &names, tally);
    }
    Ok(())
}

fn one(check: &Check, capture: &str, all: &[Session], names: &Names, tally: &mut Tally) {
    let label = format!("{} check {}", check.test, check.number);
    let candidates: Vec<&Session> = all.iter().filter(|session| eligible(check, session)).collect();
    let mut place = Place { tally: &mut *tally, oracle: NAME, capture, session: label.clone() };
    let fields: Vec<(&str, &str)> = check.fields().filter(|(key, _)| fields::known(key)).collect();
    let keys: Vec<&str> = check.has_keys().collect();
    let agreeing = |view: &View<'_>| {
        let same = |(key, theirs): &&(&str, &str)| {
            let (theirs, ours) = fields::pair(key, theirs, view, names);
            theirs == ours
        };
        let there = keys.iter().filter(|key| fields::has(key, view, names)).count();
        fields.iter().filter(same).count() + there
    };
    let wanted = fields.len() + keys.len();
    let views = candidates.iter().flat_map(|session| View::both(session));
    let best = views.max_by_key(agreeing);
    if check.counts() {
        let full =
            |session: &&&Session| View::both(session).iter().any(|view| agreeing(view) == wanted);
        let ours = candidates.iter().filter(full).count();
        let theirs = check.count.unwrap_or(1).to_string();
        place.expect("count", &theirs, Some(ours.to_string()));
    }
    if check.count != Some(0) {
        let found = if best.is_some() { "seen" } else { "not seen" };
        place.expect("session", "seen", Some(found.to_owned()));
        if let Some(view) = best {
            for (key, theirs) in &fields {
                let (theirs, ours) = fields::pair(key, theirs, &view, names);
                place.compare(&field_name(key), theirs, ours);
            }
            for key in &keys {
                let found = fields::has(key, &view, names);
                let ours = if found { "there" } else { "not there" };
                place.expect(&format!("has-key {key}"), "there", Some(ours.to_owned()));
            }
        }
    }
    for (key, _) in check.fields().filter(|(key, _)| !fields::known(key)) {
        if let Some(reason) = fields::reason(key) {
            tally.cannot(NAME, &format!("{label} {key}"), reason);
        }
    }
}

/// Whether a session is of the carrier and between the ends that a check asks for.
fn eligible(check: &Check, session: &Session) -> bool {
    let over_quic = session.text("tlsight.carrier").is_some_and(|carrier| carrier == "quic");
    if check.about_quic() != over_quic {
        return false;
    }
    let text = |key: &str| check.field(key).unwrap_or_default();
    if check.field("src_port").is_some() && check.field("dest_port").is_some() {
        let source = End::new(text("src_ip"), text("src_port"));
        let destination = End::new(text("dest_ip"), text("dest_port"));
        return session.ends().same(&Ends(source, destination));
    }
    let ends = session.ends();
    check.field("src_ip").is_none_or(|ip| ends.has_address(ip))
}

/// A key with its list index removed, so that the report has one line for the whole list.
fn field_name(key: &str) -> String {
    key.split_once('[').map_or_else(
        || key.to_owned(),
        |(name, tail)| format!("{name}{}", tail.split_once(']').map_or("", |(_, rest)| rest)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_indices_are_no_fields_of_their_own() {
        assert_eq!(field_name("tls.subjectaltname[11]"), "tls.subjectaltname");
        assert_eq!(field_name("quic.extensions[4].values[0]"), "quic.extensions.values[0]");
        assert_eq!(field_name("tls.sni"), "tls.sni");
    }
}
