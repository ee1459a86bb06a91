//! Syslog (RFC 5424) over TCP (RFC 6587), TLS (RFC 5425) and UDP (RFC 5426).
//!
//! The protocol has no acknowledgements: what was written to a connection before its other end died may be lost.
//! A connection that the server has closed is noticed before it is written to, and what was written to one that
//! turns out to be closed right after is sent again.

mod message;
mod transport;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::line::Line;
use crate::receiver::{Failure, Limits, Outcome, Receiver};
use crate::settings::WrongSetting;
use message::Form;
use transport::Transport;

/// Which server, and what messages are like.
#[derive(Clone)]
pub struct SyslogSettings {
    /// The server.
    pub address: SyslogAddress,
    /// Certificates in PEM that are trusted; those of the system if absent. For TLS.
    pub ca: Option<PathBuf>,
    /// The facility of messages.
    pub facility: Facility,
    /// The name of the structured data.
    pub sd_id: SdId,
    /// Most bytes of a message; at least [`SyslogSettings::LEAST_BYTES`] count.
    pub max_bytes: usize,
}

/// `udp://`, `tcp://` or `tls://`, a host and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogAddress {
    /// How messages go there.
    pub transport: SyslogTransport,
    /// Name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// How messages go to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogTransport {
    /// A datagram each (RFC 5426).
    Udp,
    /// With their lengths, over TCP (RFC 6587 section 3.4.1).
    Tcp,
    /// The same over TLS (RFC 5425).
    Tls,
}

/// A facility (RFC 5424 section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

/// A name of structured data (RFC 5424 section 6.3.2): `NAME@NUMBER`, where the number is that of an enterprise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdId(String);

impl SyslogSettings {
    /// Any receiver takes messages of this length over TCP (RFC 5425 section 4.3.1).
    pub const LEAST_BYTES: usize = 2048;
    /// What rsyslog takes unless it is told otherwise.
    pub const USUAL_BYTES: usize = 8096;
}

impl FromStr for SyslogAddress {
    type Err = WrongSetting;

    fn from_str(text: &str) -> Result<Self, WrongSetting> {
        let wrong = || {
            WrongSetting(format!(
                "url: {text:?} is none of udp://HOST[:PORT], tcp://HOST[:PORT] and tls://HOST[:PORT]"
            ))
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (transport, usual) = match scheme {
            "udp" => (SyslogTransport::Udp, 514),
            "tcp" => (SyslogTransport::Tcp, 514),
            // RFC 5425 section 4.1.
            "tls" => (SyslogTransport::Tls, 6514),
            _ => return Err(wrong()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(wrong)?,
            None => rest.split_at(rest.rfind(':').unwrap_or(rest.len())),
        };
        let port = match port {
            "" => usual,
            port => port.strip_prefix(':').and_then(|it| it.parse().ok()).ok_or_else(wrong)?,
        };
        let is_host = |it: char| it.is_ascii_alphanumeric() || "-._:%".contains(it);
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(wrong());
        }
        Ok(Self { transport, host: host.to_owned(), port })
    }
}

impl fmt::Display for SyslogAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.transport {
            SyslogTransport::Udp => "udp",
            SyslogTransport::Tcp => "tcp",
            SyslogTransport::Tls => "tls",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl FromStr for Facility {
    type Err = WrongSetting;

    fn from_str(text: &str) -> Result<Self, WrongSetting> {
        let place = FACILITIES.iter().position(|name| *name == text);
        let number = place.and_then(|it| u8::try_from(it).ok());
        number.map(Self).ok_or_else(|| {
            WrongSetting(format!("facility: {text:?} is none of {}", FACILITIES.join(", ")))
        })
    }
}

impl Default for Facility {
    /// `local0`.
    fn default() -> Self {
        Self(16)
    }
}

impl FromStr for SdId {
    type Err = WrongSetting;

    fn from_str(text: &str) -> Result<Self, WrongSetting> {
        let is_name = |it: u8| it.is_ascii_graphic() && !b"=]\"@".contains(&it);
        let is_number =
            |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit() || it == b'.');
        let fits = text.split_once('@').is_some_and(|(name, number)| {
            !name.is_empty() && name.bytes().all(is_name) && is_number(number)
        });
        if fits && text.len() <= 32 {
            return Ok(Self(text.to_owned()));
        }
        Err(WrongSetting(format!("sd_id: {text:?} is not NAME@NUMBER of at most 32 characters")))
    }
}

impl Default for SdId {
    /// The number is the one for examples (RFC 5612): the project has none of its own.
    fn default() -> Self {
        Self("tlsight@32473".to_owned())
    }
}

/// A syslog server.
pub(crate) struct Syslog {
    form: Form,
    transport: Transport,
}

impl Syslog {
    pub(crate) fn new(settings: SyslogSettings) -> Result<Self, WrongSetting> {
        let max_bytes = settings.max_bytes.max(SyslogSettings::LEAST_BYTES);
        let form = Form { facility: settings.facility.0, sd_id: settings.sd_id.0, max_bytes };
        let transport = Transport::new(settings.address, settings.ca.as_deref())?;
        Ok(Self { form, transport })
    }
}

impl Receiver for Syslog {
    fn take(&mut self, lines: &[Line]) -> Result<Outcome, Failure> {
        let messages: Vec<_> = lines.iter().map(|line| self.form.message(line)).collect();
        self.transport.send(&messages)?;
        Ok(Outcome::default())
    }

    /// Little at once, because all of it comes again if the connection breaks.
    fn limits(&self) -> Limits {
        Limits { lines: 100, bytes: 256 << 10 }
    }
}

/// In the order of their numbers; those from 12 on are called as in RFC 5427 and by most programs.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_usual_ports() {
        for (text, shown) in [
            ("udp://h", "udp://h:514"),
            ("tcp://h.example:1514/", "tcp://h.example:1514"),
            ("tls://h", "tls://h:6514"),
        ] {
            assert_eq!(text.parse::<SyslogAddress>().unwrap().to_string(), shown);
        }
        let address: SyslogAddress = "tcp://[2001:db8::1]:99".parse().unwrap();
        assert_eq!((address.host.as_str(), address.port), ("2001:db8::1", 99));
        for wrong in
            ["", "h:514", "http://h", "tcp://", "tcp://h:x", "tcp://[::1", "tcp://a b", "tcp://u@h"]
        {
            assert!(wrong.parse::<SyslogAddress>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_structured_data_and_facilities_are_those_of_the_standard() {
        for wrong in
            ["", "tlsight", "@1", "a@", "a b@1", "a]@1", "a=@1", "a\"@1", "a@b", &"x".repeat(40)]
        {
            assert!(wrong.parse::<SdId>().is_err(), "{wrong}");
        }
        assert_eq!("x.y@1.2".parse::<SdId>().unwrap().0, "x.y@1.2");
        assert_eq!("local0".parse(), Ok(Facility::default()));
        assert_eq!("kern".parse(), Ok(Facility(0)));
        assert!("local8".parse::<Facility>().is_err());
    }
}
