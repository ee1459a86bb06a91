//! Where a ClickHouse server is, and who asks it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a ClickHouse server is, who asks it, and which database it is about:
/// `clickhouse://[user[:password]@]host[:port][,host[:port]...]/database[?cluster=NAME&quorum=N&ca=FILE]`,
/// and the same with `clickhouses://` for HTTPS.
///
/// Several hosts are replicas of one shard of the cluster: the first one is asked, and the next one when it
/// does not answer. User, password and file may have octets as `%41`. The password is in no text of this.
#[derive(Clone, PartialEq, Eq)]
pub struct ClickHouseUrl {
    pub(super) is_https: bool,
    /// At least one, each as `HOST:PORT` stands in a URL: IPv6 in brackets.
    pub(super) places: Vec<String>,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) database: String,
    /// The cluster whose servers have the tables; this server alone if absent.
    pub(super) cluster: Option<String>,
    /// Replicas that must have a batch before it is acknowledged.
    pub(super) quorum: Option<u8>,
    /// Certificates in PEM that are trusted instead of the system's.
    pub(super) ca: Option<PathBuf>,
}

/// A text is no URL of a ClickHouse server. It does not say which text, for that has a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}: clickhouse://[USER[:PASSWORD]@]HOST[:PORT][,...]/DATABASE[?cluster=NAME&quorum=N&ca=FILE] is \
     expected, or clickhouses:// for HTTPS"
)]
pub struct NotAClickHouseUrl(&'static str);

impl ClickHouseUrl {
    /// Whether a text means to be one: it begins with `clickhouse://` or `clickhouses://`.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        SCHEMES.iter().any(|(scheme, _)| text.starts_with(scheme))
    }

    /// Scheme, host and port of one of its places; of the first one where there are not so many.
    pub(super) fn origin(&self, place: usize) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        let place = self.places.get(place).or_else(|| self.places.first());
        format!("{scheme}://{}", place.map_or("", String::as_str))
    }
}

impl FromStr for ClickHouseUrl {
    type Err = NotAClickHouseUrl;

    fn from_str(text: &str) -> Result<Self, NotAClickHouseUrl> {
        let scheme = SCHEMES
            .iter()
            .find_map(|(scheme, is_https)| text.strip_prefix(scheme).map(|rest| (rest, *is_https)));
        let (rest, is_https) = scheme.ok_or(NotAClickHouseUrl("another scheme"))?;
        if text.len() > MAX_LEN || text.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(NotAClickHouseUrl("too long, or with control characters"));
        }
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, places) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let places = places.split(',').map(|place| {
            let (host, port) = host_and_port(place, is_https)?;
            Ok(format!("{host}:{port}"))
        });
        let mut url = Self {
            is_https,
            places: places.collect::<Result<_, _>>()?,
            user: if user.is_empty() { USUAL_USER.to_owned() } else { decoded(user)? },
            password: decoded(password)?,
            database: name(if database.is_empty() { USUAL_DATABASE } else { database })?,
            cluster: None,
            quorum: None,
            ca: None,
        };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("cluster", value)) => url.cluster = Some(name(value)?),
                Some(("quorum", value)) => {
                    let number = value.parse().ok().filter(|number| *number > 0);
                    url.quorum = Some(number.ok_or(NotAClickHouseUrl("quorum is a number"))?);
                }
                Some(("ca", value)) => url.ca = Some(decoded(value)?.into()),
                _ => return Err(NotAClickHouseUrl("an option that there is not")),
            }
        }
        if url.ca.is_some() && !url.is_https {
            return Err(NotAClickHouseUrl("'ca' is for clickhouses://"));
        }
        if url.quorum.is_some() && url.cluster.is_none() {
            return Err(NotAClickHouseUrl("'quorum' is for clusters"));
        }
        if url.places.len() > 1 && url.cluster.is_none() {
            return Err(NotAClickHouseUrl("several hosts are for clusters"));
        }
        if url.places.len() > MAX_PLACES {
            return Err(NotAClickHouseUrl("more hosts than a shard has replicas"));
        }
        Ok(url)
    }
}

impl fmt::Display for ClickHouseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "clickhouses" } else { "clickhouse" };
        write!(f, "{scheme}://{}/{}", self.places.join(","), self.database)
    }
}

impl fmt::Debug for ClickHouseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClickHouseUrl({self})")
    }
}

fn host_and_port(place: &str, is_https: bool) -> Result<(&str, u16), NotAClickHouseUrl> {
    let usual = if is_https { HTTPS_PORT } else { HTTP_PORT };
    let (host, port) = match place.rfind(']') {
        Some(end) => {
            let (host, port) = place.split_at_checked(end.saturating_add(1)).unwrap_or((place, ""));
            let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            if inner.is_none_or(|ip| ip.parse::<std::net::Ipv6Addr>().is_err()) {
                return Err(NotAClickHouseUrl("no address in brackets"));
            }
            (host, port)
        }
        None => place.find(':').and_then(|at| place.split_at_checked(at)).unwrap_or((place, "")),
    };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_host) {
        return Err(NotAClickHouseUrl("no host"));
    }
    match port.strip_prefix(':') {
        Some(port) => {
            port.parse().map(|port| (host, port)).map_err(|_error| NotAClickHouseUrl("not a port"))
        }
        None if port.is_empty() => Ok((host, usual)),
        None => Err(NotAClickHouseUrl("not a port")),
    }
}

/// A name that needs no quotes anywhere, not even in a path of ZooKeeper.
fn name(text: &str) -> Result<String, NotAClickHouseUrl> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if text.is_empty() || text.len() > MAX_NAME_LEN || !text.bytes().all(is_plain) {
        return Err(NotAClickHouseUrl("names are letters, digits, '_' and '-'"));
    }
    Ok(text.to_owned())
}

/// A text with its octets as `%41` put back.
fn decoded(text: &str) -> Result<String, NotAClickHouseUrl> {
    let wrong = NotAClickHouseUrl("'%' is not followed by two digits of a character");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2).ok_or(wrong)?;
        let digits = std::str::from_utf8(digits).map_err(|_error| wrong)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).map_err(|_error| wrong)?;
        if !is_hex || byte.is_ascii_control() {
            return Err(wrong);
        }
        bytes.push(byte);
        rest = behind;
    }
    String::from_utf8(bytes).map_err(|_error| wrong)
}

const SCHEMES: [(&str, bool); 2] = [("clickhouse://", false), ("clickhouses://", true)];

/// Ports of ClickHouse's HTTP interface.
const HTTP_PORT: u16 = 8123;
const HTTPS_PORT: u16 = 8443;

const USUAL_USER: &str = "default";
const USUAL_DATABASE: &str = "tlsight";

/// Most hosts: each is tried for a request before that fails.
const MAX_PLACES: usize = 8;

/// Longest URL in bytes.
const MAX_LEN: usize = 4096;

/// Longest name in bytes: it is a part of file names of the server.
const MAX_NAME_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_who() {
        let url: ClickHouseUrl =
            "clickhouses://an%40a:p%3a%2f%25s@[::1]:9443/fleet?cluster=c-1&quorum=2&ca=/a%20b.pem"
                .parse()
                .unwrap();
        assert_eq!((url.origin(0).as_str(), url.user.as_str()), ("https://[::1]:9443", "an@a"));
        assert_eq!((url.password.as_str(), url.database.as_str()), ("p:/%s", "fleet"));
        assert_eq!((url.cluster.as_deref(), url.quorum), (Some("c-1"), Some(2)));
        assert_eq!(url.ca, Some(PathBuf::from("/a b.pem")));
        let url: ClickHouseUrl = "clickhouse://ch.example".parse().unwrap();
        assert_eq!(
            (url.origin(0).as_str(), url.user.as_str()),
            ("http://ch.example:8123", "default")
        );
        assert_eq!((url.password.as_str(), url.database.as_str()), ("", "tlsight"));
        let url: ClickHouseUrl = "clickhouses://h/".parse().unwrap();
        assert_eq!(url.origin(0), "https://h:8443");
        let url: ClickHouseUrl = "clickhouse://me:p@a,[::1]:9,c:1/d?cluster=c".parse().unwrap();
        let origins: Vec<_> = (0..4).map(|place| url.origin(place)).collect();
        assert_eq!(origins, ["http://a:8123", "http://[::1]:9", "http://c:1", "http://a:8123"]);
        assert_eq!(url.to_string(), "clickhouse://a:8123,[::1]:9,c:1/d");
    }

    #[test]
    fn a_password_is_in_no_text() {
        let url: ClickHouseUrl = "clickhouse://me:secret@h/d".parse().unwrap();
        assert!(!format!("{url} {url:?}").contains("secret"));
        let wrong = "clickhouse://me:secret@h:port/d".parse::<ClickHouseUrl>().unwrap_err();
        assert!(!format!("{wrong} {wrong:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "",
            "http://h/d",
            "clickhouse://",
            "clickhouse:///d",
            "clickhouse://h:/d",
            "clickhouse://h:99999/d",
            "clickhouse://[::1/d",
            "clickhouse://[::1]x/d",
            "clickhouse://[h]/d",
            "clickhouse://h x/d",
            "clickhouse://h/d`e",
            "clickhouse://h/d/e",
            "clickhouse://h/d?cluster=",
            "clickhouse://h/d?cluster=a'b",
            "clickhouse://h/d?quorum=2",
            "clickhouse://a,b/d",
            "clickhouse://a,,b/d?cluster=c",
            "clickhouse://a,b,/d?cluster=c",
            "clickhouse://a,b,c,d,e,f,g,h,i/d?cluster=c",
            "clickhouse://h/d?cluster=c&quorum=0",
            "clickhouse://h/d?ca=x",
            "clickhouse://h/d?other=1",
            "clickhouse://h/d?cluster",
            "clickhouse://u:%4@h/d",
            "clickhouse://u:%+4@h/d",
            "clickhouse://u:%0a@h/d",
            "clickhouse://u:%ff@h/d",
            "clickhouse://h/\r\nd",
        ] {
            assert!(text.parse::<ClickHouseUrl>().is_err(), "{text:?}");
        }
        let long = format!("clickhouse://h/{}", "d".repeat(5000));
        assert!(long.parse::<ClickHouseUrl>().is_err());
    }
}
