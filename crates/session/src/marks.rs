//! Why a record is partial, and what was out of order: closed sets of names.

use std::marker::PhantomData;

use event::Name;

/// A set of marks that one word holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks<T>(u64, PhantomData<T>);

/// A member of a closed set of at most 64 names.
pub(crate) trait Mark: Copy + 'static {
    /// All members, in the order in which they are written.
    const ALL: &'static [(Self, &'static str)];

    /// Place in the set.
    fn index(self) -> u32;
}

impl<T> Default for Marks<T> {
    fn default() -> Self {
        Self(0, PhantomData)
    }
}

impl<T: Mark> Marks<T> {
    pub(crate) fn add(&mut self, mark: T) {
        self.0 |= 1 << (mark.index() & 63);
    }

    pub(crate) fn add_all(&mut self, marks: Self) {
        self.0 |= marks.0;
    }

    pub(crate) fn contains(self, mark: T) -> bool {
        self.0 & (1 << (mark.index() & 63)) != 0
    }

    pub(crate) fn names(self) -> Vec<Name> {
        if self.0 == 0 {
            return Vec::new();
        }
        let marked = T::ALL.iter().filter(|&&(mark, _)| self.contains(mark));
        marked.map(|&(_, name)| Name::Borrowed(name)).collect()
    }
}

macro_rules! marks {
    ($(#[$doc:meta])* $set:ident { $($(#[$mark_doc:meta])* $mark:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $set { $($(#[$mark_doc])* $mark,)* }

        impl Mark for $set {
            const ALL: &'static [(Self, &'static str)] = &[$(($set::$mark, $name),)*];

            fn index(self) -> u32 {
                self as u32
            }
        }
    };
}

marks! {
    /// Why a record is less than the whole handshake (`tlsight.partial`).
    Partial {
        /// Bytes of the handshake were lost.
        Gap = "gap",
        /// Packets were cut by the capture's snap length.
        Truncated = "truncated",
        /// The capture began after the connection.
        Midstream = "midstream",
        /// Nothing of the server was seen.
        ClientOnly = "client_only",
        /// Nothing of the client was seen.
        ServerOnly = "server_only",
        /// The first packet does not tell who opened the connection.
        RolesGuessed = "roles_guessed",
        /// The connection ended before the handshake did.
        Aborted = "aborted",
        /// Nothing came for so long that the flow was given up.
        Timeout = "timeout",
        /// The capture ended before the handshake did.
        EndOfCapture = "end_of_capture",
        /// The flow was given up to stay within the memory bound.
        Evicted = "evicted",
        /// Packets of a QUIC handshake, or records of a session whose secrets are known, could not be
        /// opened.
        Undecryptable = "undecryptable",
        /// More certificates came than are kept.
        ChainTruncated = "chain_truncated",
        /// The secrets that are known of the session open none of its records.
        SecretsMismatch = "secrets_mismatch",
    }
}

marks! {
    /// What was out of order (`tlsight.anomalies`).
    Anomaly {
        /// A retransmission had other bytes than the first copy.
        OverlapDiffers = "tcp_overlap_differs",
        /// A reset had a sequence number outside of the window.
        ResetOutOfWindow = "tcp_reset_out_of_window",
        /// Payload came after the end that a FIN had announced.
        DataAfterFin = "tcp_data_after_fin",
        /// IP fragments overlapped with other bytes.
        FragmentOverlap = "ip_fragment_overlap",
        /// A `ClientHello` could not be parsed.
        ClientHelloMalformed = "client_hello_malformed",
        /// A `ServerHello` could not be parsed.
        ServerHelloMalformed = "server_hello_malformed",
        /// Another handshake message could not be parsed.
        MessageMalformed = "handshake_message_malformed",
        /// A handshake message was longer than is kept.
        MessageTooLong = "handshake_message_too_long",
        /// Bytes inside of the handshake were no record.
        RecordMalformed = "record_malformed",
        /// An extension's body could not be parsed.
        ExtensionMalformed = "extension_malformed",
        /// An extension came twice.
        ExtensionDuplicate = "extension_duplicate",
        /// A second `ClientHello` came without being asked for.
        ClientHelloRepeated = "client_hello_repeated",
        /// A second `ServerHello` came.
        ServerHelloRepeated = "server_hello_repeated",
        /// The server chose a cipher suite that was not offered.
        CipherNotOffered = "cipher_not_offered",
        /// The server chose a group that was not offered.
        GroupNotOffered = "group_not_offered",
        /// The server chose a version that was not offered.
        VersionNotOffered = "version_not_offered",
        /// The server's random tells of a downgrade.
        DowngradeSentinel = "downgrade_sentinel",
        /// The server name has bytes that no host name has.
        ServerNameInvalid = "server_name_invalid",
        /// The server answered something else than TLS.
        ServerNotTls = "server_not_tls",
        /// A side ended the TLS 1.3 handshake with an encrypted alert, as the length tells.
        EncryptedAlert = "encrypted_alert",
        /// A certificate was malformed.
        CertificateMalformed = "certificate_malformed",
        /// A compressed certificate could not be decompressed within bounds.
        CertificateDecompression = "certificate_decompression_failed",
        /// A heartbeat asked for more than it sent (CVE-2014-0160).
        HeartbeatOverread = "heartbeat_overread",
        /// Overlapping QUIC CRYPTO or DTLS fragments had other bytes.
        FragmentDiffers = "fragment_differs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_once_and_in_the_order_of_the_set() {
        let mut marks = Marks::default();
        marks.add(Partial::Timeout);
        marks.add(Partial::Gap);
        marks.add(Partial::Timeout);
        assert_eq!(marks.names(), ["gap", "timeout"]);
    }

    #[test]
    fn the_sets_fit_into_a_word() {
        assert!(Anomaly::ALL.len() <= 64 && Partial::ALL.len() <= 64);
    }
}
