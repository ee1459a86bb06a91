//! Spellings that differ between programs, brought to one.

use std::fmt::Write as _;

use data_encoding::HEXLOWER_PERMISSIVE;

/// A protocol version as `TLS 1.2`, `DTLS 1.0`, `SSL 3.0` or `TLS 1.3 draft 18`.
pub(super) fn version(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let (name, rest) = match upper.strip_prefix("DTLS") {
        Some(rest) => ("DTLS", rest),
        None => match upper.strip_prefix("TLS") {
            Some(rest) => ("TLS", rest),
            None => match upper.strip_prefix("SSL") {
                Some(rest) => ("SSL", rest),
                None => return text.to_owned(),
            },
        },
    };
    let (number, draft) = match rest.split_once("DRAFT") {
        Some((number, draft)) => (number, digits(draft)),
        None => (rest, String::new()),
    };
    let number = digits(number);
    let number = match (number.chars().next(), number.chars().nth(1)) {
        (Some(major), Some(minor)) => format!("{major}.{minor}"),
        (Some(major), None) => format!("{major}.0"),
        _ => return text.to_owned(),
    };
    if draft.is_empty() {
        format!("{name} {number}")
    } else {
        format!("{name} {number} draft {draft}")
    }
}

/// The parts of a distinguished name in the form of RFC 4514, sorted: programs disagree about the
/// order.
pub(super) fn name_parts(name: &str) -> Vec<String> {
    let mut parts = vec![Vec::new()];
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => unescape(&mut chars, parts.last_mut()),
            ',' | '+' => parts.push(Vec::new()),
            _ => push(parts.last_mut(), c),
        }
    }
    finish(parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()))
}

/// The parts of a distinguished name whose parts are separated by `, ` and not escaped, sorted.
pub(super) fn plain_name_parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for piece in name.split(", ") {
        let starts = piece.split_once('=').is_some_and(|(key, _)| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
        });
        match parts.last_mut() {
            Some(part) if !starts => {
                part.push_str(", ");
                part.push_str(piece);
            }
            _ => parts.push(piece.to_owned()),
        }
    }
    finish(parts.into_iter())
}

/// Seconds since 1970 of a date such as `2018-04-14T20:55:27.000Z`; fractions are dropped.
pub(super) fn seconds(date: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| date.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let clock = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    // Days from the civil date, counted in eras of 400 years that begin in March.
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = year.rem_euclid(400);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 719_468) * 86_400 + clock)
}

/// A decimal number as lower-case hexadecimal without leading zeros.
pub(super) fn decimal_to_hex(decimal: &str) -> String {
    let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal), |digits| ("-", digits));
    let mut bytes = vec![0_u32];
    for digit in digits.chars().filter_map(|c| c.to_digit(10)) {
        let mut carry = digit;
        for byte in &mut bytes {
            let value = *byte * 10 + carry;
            *byte = value & 0xff;
            carry = value >> 8;
        }
        if carry > 0 {
            bytes.push(carry);
        }
    }
    let text: String = bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect();
    format!("{sign}{}", hex_number(&text))
}

/// A hexadecimal number in lower case without colons and leading zeros.
pub(super) fn hex_number(text: &str) -> String {
    let plain = text.replace(':', "").to_ascii_lowercase();
    let trimmed = plain.trim_start_matches('0');
    if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
}

/// Bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// A list in a fixed order, joined.
pub(super) fn sorted(mut items: Vec<String>) -> String {
    items.sort();
    items.join(", ")
}

/// Nothing if the text is empty.
pub(super) fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn unescape(chars: &mut std::str::Chars<'_>, part: Option<&mut Vec<u8>>) {
    let pair = chars.as_str().get(..2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    match (pair, part) {
        (Some(byte), Some(part)) => {
            part.push(byte);
            chars.nth(1);
        }
        (None, part) => {
            if let Some(c) = chars.next() {
                push(part, c);
            }
        }
        (Some(_), None) => {}
    }
}

fn push(part: Option<&mut Vec<u8>>, c: char) {
    if let Some(part) = part {
        part.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

fn finish(parts: impl Iterator<Item = String>) -> Vec<String> {
    let mut parts: Vec<String> = parts
        .filter(|part| !part.trim().is_empty())
        .map(|part| match part.trim().split_once('=') {
            Some((key, value)) => format!("{}={}", attribute(key), decoded(value)),
            None => part.trim().to_owned(),
        })
        .collect();
    parts.sort();
    parts
}

/// The text of a string in DER, which RFC 4514 section 2.4 writes as `#` and hexadecimal.
fn decoded(value: &str) -> String {
    let bytes =
        value.strip_prefix('#').and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok());
    match bytes.as_deref() {
        Some([_tag, len, text @ ..]) if usize::from(*len) == text.len() => {
            String::from_utf8_lossy(text).into_owned()
        }
        _ => value.to_owned(),
    }
}

fn attribute(key: &str) -> String {
    let upper = key.to_ascii_uppercase();
    let known = ATTRIBUTES.iter().find(|(spellings, _)| spellings.contains(&upper.as_str()));
    known.map_or(upper, |&(_, name)| name.to_owned())
}

const ATTRIBUTES: &[(&[&str], &str)] = &[
    (&["EMAIL", "EMAILADDRESS", "1.2.840.113549.1.9.1"], "EMAIL"),
    (&["SERIALNUMBER", "SN", "2.5.4.5"], "SERIALNUMBER"),
    (&["STREET", "STREETADDRESS", "2.5.4.9"], "STREET"),
    (&["POSTALCODE", "2.5.4.17"], "POSTALCODE"),
    (&["JURISDICTIONC", "1.3.6.1.4.1.311.60.2.1.3"], "JURISDICTIONC"),
    (&["JURISDICTIONST", "1.3.6.1.4.1.311.60.2.1.2"], "JURISDICTIONST"),
    (&["JURISDICTIONL", "1.3.6.1.4.1.311.60.2.1.1"], "JURISDICTIONL"),
    (&["BUSINESSCATEGORY", "2.5.4.15"], "BUSINESSCATEGORY"),
    (&["DESCRIPTION", "2.5.4.13"], "DESCRIPTION"),
    (&["DC", "0.9.2342.19200300.100.1.25"], "DC"),
    (&["UID", "0.9.2342.19200300.100.1.1"], "UID"),
    (&["S", "ST", "2.5.4.8"], "ST"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_programs_read_alike() {
        for (theirs, same) in [
            ("TLSv12", "TLS 1.2"),
            ("TLSv1.2", "TLS 1.2"),
            ("TLS 1.2", "TLS 1.2"),
            ("TLSv1", "TLS 1.0"),
            ("TLSv10", "TLS 1.0"),
            ("DTLSv13", "DTLS 1.3"),
            ("SSLv3", "SSL 3.0"),
            ("SSLv2", "SSL 2.0"),
            ("TLSv13-draft14", "TLS 1.3 draft 14"),
            ("TLSv1.3-draft-18", "TLS 1.3 draft 18"),
            ("TLS 1.3 draft-23", "TLS 1.3 draft 23"),
            ("unknown-0", "unknown-0"),
        ] {
            assert_eq!(version(theirs), same, "{theirs}");
        }
    }

    #[test]
    fn names_compare_by_their_parts() {
        let escaped = r"CN=www.github.com,O=GitHub\, Inc.,emailAddress=a@b,C=US";
        let plain = "C=US, O=GitHub, Inc., CN=www.github.com, Email=a@b";
        assert_eq!(name_parts(escaped), plain_name_parts(plain));
        assert_eq!(name_parts(r"L=a+CN=Andr\C3\A9"), ["CN=André", "L=a"]);
        assert_eq!(name_parts("1.2.840.113549.1.9.1=#0c03614062"), ["EMAIL=a@b"]);
        assert!(name_parts("").is_empty());
    }

    #[test]
    fn dates_become_seconds() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("1969-12-31T00:00:00"), Some(-86_400));
        assert_eq!(seconds("2000-02-29T00:00:00.123456Z"), Some(951_782_400));
        assert_eq!(seconds("2000-02"), None);
    }

    #[test]
    fn serial_numbers_compare_in_hexadecimal() {
        assert_eq!(decimal_to_hex("0"), "0");
        assert_eq!(decimal_to_hex("287454020"), hex_number("11:22:33:44"));
        let long = "21020869104500376438182461249190639870";
        assert_eq!(decimal_to_hex(long), "fd078dd48f1a2bd4d0f2ba96b6038fe");
        assert_eq!(hex_number("00:8A:07"), "8a07");
    }
}
