//! One session as tlsight reports it.

use std::fmt;
use std::net::IpAddr;

use data_encoding::BASE64;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::normal;

/// One event that describes a TLS session.
pub(super) struct Session(Value);

impl Session {
    /// Reads one line of output, or nothing if it is not about a session.
    ///
    /// # Errors
    /// If the line is not JSON.
    pub(super) fn parse(line: &str) -> serde_json::Result<Option<Self>> {
        let value: Value = serde_json::from_str(line)?;
        Ok(value.get("tls").is_some().then_some(Self(value)))
    }

    /// The value at a dotted path.
    pub(super) fn at(&self, path: &str) -> Option<&Value> {
        at(&self.0, path)
    }

    /// The value at a dotted path as text.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.at(path).map(text)
    }

    /// The elements of the array at a dotted path as texts.
    pub(super) fn list(&self, path: &str) -> Vec<String> {
        self.at(path).map(list).unwrap_or_default()
    }

    /// How often a handshake message was seen in clear.
    pub(super) fn messages(&self, name: &str) -> u64 {
        self.at("tlsight.messages").and_then(|counts| counts.get(name)?.as_u64()).unwrap_or(0)
    }

    /// The version in the form of [`normal::version`].
    pub(super) fn version(&self) -> Option<String> {
        self.text("tls.detailed.version").map(|version| normal::version(&version))
    }

    /// The two ends, client first.
    pub(super) fn ends(&self) -> Ends {
        let end = |party: &str| {
            End::new(
                &self.text(&format!("{party}.ip")).unwrap_or_default(),
                &self.text(&format!("{party}.port")).unwrap_or_default(),
            )
        };
        Ends(end("client"), end("server"))
    }

    /// The certificates that `side` (`client` or `server`) showed, leaf first.
    pub(super) fn certificates(&self, side: &str) -> Vec<Certificate<'_>> {
        let leaf = self.at(&format!("tls.{side}.x509"));
        let rest = self.at(&format!("tls.detailed.{side}_certificate_chain"));
        let rest = rest.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let pems = self.list(&format!("tls.{side}.certificate_chain"));
        let fields = leaf.into_iter().chain(rest).map(Some).chain(std::iter::repeat(None));
        pems.iter().zip(fields).map(|(pem, fields)| Certificate::new(pem, fields)).collect()
    }
}

/// A certificate in a session.
pub(super) struct Certificate<'a> {
    /// SHA-1 of the DER form, lower-case hexadecimal.
    pub(super) sha1: String,
    /// SHA-256 of the DER form, lower-case hexadecimal.
    pub(super) sha256: String,
    fields: Option<&'a Value>,
}

impl<'a> Certificate<'a> {
    fn new(pem: &str, fields: Option<&'a Value>) -> Self {
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = BASE64.decode(base64.as_bytes()).unwrap_or_default();
        let sha1 = normal::hex(&Sha1::digest(&der));
        Self { sha1, sha256: normal::hex(&Sha256::digest(&der)), fields }
    }

    /// The value at a dotted path of the `x509` object as text.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        at(self.fields?, path).map(text)
    }

    /// The elements of the array at a dotted path of the `x509` object as texts.
    pub(super) fn list(&self, path: &str) -> Vec<String> {
        self.fields.and_then(|fields| at(fields, path)).map(list).unwrap_or_default()
    }
}

/// An address and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    ip: String,
    port: String,
}

impl End {
    /// An end whose address is written in the standard way if it is one.
    pub(super) fn new(ip: &str, port: &str) -> Self {
        let ip = ip.parse::<IpAddr>().map_or_else(|_| ip.to_owned(), |ip| ip.to_string());
        Self { ip, port: port.to_owned() }
    }
}

/// The two ends of a connection.
#[derive(Clone, Debug)]
pub(super) struct Ends(pub(super) End, pub(super) End);

impl Ends {
    /// Whether these are the same two ends, whichever comes first.
    pub(super) fn same(&self, other: &Self) -> bool {
        (self.0 == other.0 && self.1 == other.1) || (self.0 == other.1 && self.1 == other.0)
    }

    /// Whether one of the ends has this address.
    pub(super) fn has_address(&self, ip: &str) -> bool {
        let ip = End::new(ip, "").ip;
        self.0.ip == ip || self.1.ip == ip
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} > {} {}", self.0.ip, self.0.port, self.1.ip, self.1.port)
    }
}

/// Takes the first session between two ends that was not taken before.
pub(super) fn take<'a>(pool: &mut Vec<&'a Session>, ends: &Ends) -> Option<&'a Session> {
    let index = pool.iter().position(|session| session.ends().same(ends))?;
    Some(pool.remove(index))
}

/// The text of a scalar, or the JSON of anything else.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().map(|items| items.iter().map(text).collect()).unwrap_or_default()
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_with_a_tls_object_are_sessions() {
        assert!(Session::parse(r#"{"tls":{}}"#).unwrap().is_some());
        assert!(Session::parse(r#"{"event":{"dataset":"tlsight.loss"}}"#).unwrap().is_none());
        assert!(Session::parse("{").is_err());
    }

    #[test]
    fn ends_match_in_either_order_and_any_spelling() {
        let client = End::new("2001:db8:0::1", "1");
        let server = End::new("2001:DB8::2", "443");
        let ends = Ends(client.clone(), server.clone());
        assert!(ends.same(&Ends(End::new("2001:db8::2", "443"), End::new("2001:db8::1", "1"))));
        assert!(!ends.same(&Ends(client, End::new("2001:db8::2", "444"))));
    }

    #[test]
    fn a_chain_is_the_leaf_and_the_rest() {
        let session = Session::parse(
            r#"{"tls":{"server":{"x509":{"serial_number":"1"},"certificate_chain":[
                "-----BEGIN CERTIFICATE-----\nYWI=\n-----END CERTIFICATE-----\n",
                "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"]},
                "detailed":{"server_certificate_chain":[{"serial_number":"2"}]}}}"#,
        );
        let session = session.unwrap().unwrap();
        let chain = session.certificates("server");
        assert_eq!(chain.len(), 2);
        assert_eq!(chain[1].sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(chain[0].text("serial_number").as_deref(), Some("1"));
        assert_eq!(chain[1].text("serial_number").as_deref(), Some("2"));
    }
}
