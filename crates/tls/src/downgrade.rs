//! Signs that a handshake was pushed below what both sides speak.

/// The version that the server says it could have bettered: `1.2` if it speaks TLS 1.3, `1.1` if
/// it speaks TLS 1.2 and was asked for less (RFC 9846 section 4.1.3).
///
/// It is a sign of a downgrade only if a version below TLS 1.3 was negotiated.
#[must_use]
pub const fn sentinel(server_random: &[u8; 32]) -> Option<&'static str> {
    match server_random {
        [.., b'D', b'O', b'W', b'N', b'G', b'R', b'D', 1] => Some("1.2"),
        [.., b'D', b'O', b'W', b'N', b'G', b'R', b'D', 0] => Some("1.1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_random_says_what_the_server_could_have_spoken() {
        let mut random = [7; 32];
        assert_eq!(sentinel(&random), None);
        random[24..].copy_from_slice(b"DOWNGRD\x01");
        assert_eq!(sentinel(&random), Some("1.2"));
        random[31] = 0;
        assert_eq!(sentinel(&random), Some("1.1"));
        random[31] = 2;
        assert_eq!(sentinel(&random), None);
    }
}
