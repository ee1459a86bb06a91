//! What was negotiated.

use event::{Carrier, EarlyData, Evidence, KeyExchangeClass};
use tls::registry::{Authentication, KeyExchangeMethod};

use super::fact::{Fact, Facts};
use super::value::EXPLICIT;
use crate::baseline::class_name;
use crate::cipher::Mode;
use crate::posture::{Posture, TLS13};
use crate::subject::Subject;

pub(super) fn version<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let posture = subject.posture;
    let Some(version) = posture.version.as_deref() else { return no_server_hello(posture).into() };
    let Some(rank) = posture.version_rank() else {
        return Fact::Unknown("the protocol is not one whose versions compare with those of TLS")
            .into();
    };
    let shown = match posture.version_protocol.as_deref() {
        Some("ssl") => format!("SSL {version}").into(),
        Some("dtls") => format!("DTLS {version}").into(),
        _ => version.into(),
    };
    Fact::Version(rank, shown).into()
}

pub(super) fn cipher_suite<'a>(subject: &Subject<'a>) -> Facts<'a> {
    Fact::text_or(subject.posture.cipher.as_deref(), no_server_hello(subject.posture)).into()
}

pub(super) fn encryption<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let encryption = subject.posture.cipher_suite().and_then(|cipher| cipher.encryption);
    match encryption {
        Some(encryption) => Fact::text(encryption.algorithm),
        None => unknown_cipher(subject.posture),
    }
    .into()
}

pub(super) fn mode<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let encryption = subject.posture.cipher_suite().and_then(|cipher| cipher.encryption);
    match encryption {
        Some(encryption) => Fact::text(match encryption.mode {
            Mode::Aead => "AEAD",
            Mode::Cbc => "CBC",
            Mode::Stream => "stream",
            Mode::Null => "none",
        }),
        None => unknown_cipher(subject.posture),
    }
    .into()
}

pub(super) fn method<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let posture = subject.posture;
    let Some(cipher) = posture.cipher_suite() else { return unknown_cipher(posture).into() };
    let name = match cipher.key_exchange {
        Some(KeyExchangeMethod::Tls13) => tls13_method(posture),
        Some(method) => method_name(method),
        None => None,
    };
    Fact::text_or(name, no_key_exchange(posture)).into()
}

/// The key exchange of TLS 1.3, where the suite does not say it: its group does.
fn tls13_method(posture: &Posture) -> Option<&'static str> {
    Some(match (posture.class?, posture.resumed) {
        (KeyExchangeClass::None, _) => "psk",
        (KeyExchangeClass::HybridPq, _) => "hybrid_kem",
        (KeyExchangeClass::Pq, _) => "kem",
        (KeyExchangeClass::Classical, is_psk) => {
            let is_finite_field = posture.named_group()?.is_finite_field();
            match (is_finite_field, is_psk) {
                (true, false) => "dhe",
                (true, true) => "dhe_psk",
                (false, false) => "ecdhe",
                (false, true) => "ecdhe_psk",
            }
        }
    })
}

const fn method_name(method: KeyExchangeMethod) -> Option<&'static str> {
    Some(match method {
        KeyExchangeMethod::Null => "null",
        KeyExchangeMethod::Rsa => "rsa",
        KeyExchangeMethod::RsaExport => "rsa_export",
        KeyExchangeMethod::Dh => "dh",
        KeyExchangeMethod::Dhe => "dhe",
        KeyExchangeMethod::Ecdh => "ecdh",
        KeyExchangeMethod::Ecdhe => "ecdhe",
        KeyExchangeMethod::Psk => "psk",
        KeyExchangeMethod::DhePsk => "dhe_psk",
        KeyExchangeMethod::EcdhePsk => "ecdhe_psk",
        KeyExchangeMethod::RsaPsk => "rsa_psk",
        KeyExchangeMethod::Krb5 => "krb5",
        KeyExchangeMethod::Srp => "srp",
        KeyExchangeMethod::Eccpwd => "eccpwd",
        KeyExchangeMethod::Ecjpake => "ecjpake",
        KeyExchangeMethod::Gost => "gost",
        KeyExchangeMethod::Sm2 => "sm2",
        KeyExchangeMethod::Sm2dhe => "sm2dhe",
        KeyExchangeMethod::Ibc => "ibc",
        KeyExchangeMethod::Ibcdh => "ibcdh",
        KeyExchangeMethod::Fortezza => "fortezza",
        KeyExchangeMethod::Cecpq1 => "cecpq1",
        KeyExchangeMethod::Tls13 => return None,
    })
}

pub(super) const METHODS: &[&str] = &[
    "rsa",
    "dhe",
    "ecdhe",
    "hybrid_kem",
    "kem",
    "psk",
    "dhe_psk",
    "ecdhe_psk",
    "rsa_psk",
    "dh",
    "ecdh",
    "rsa_export",
    "srp",
    "krb5",
    "eccpwd",
    "ecjpake",
    "gost",
    "sm2",
    "sm2dhe",
    "ibc",
    "ibcdh",
    "fortezza",
    "cecpq1",
    "null",
];

pub(super) fn authentication<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let posture = subject.posture;
    let Some(cipher) = posture.cipher_suite() else { return unknown_cipher(posture).into() };
    let name = match cipher.suite.authentication() {
        Some(Authentication::Anonymous) => "anonymous",
        Some(Authentication::Rsa) => "rsa",
        Some(Authentication::Dss) => "dss",
        Some(Authentication::Ecdsa) => "ecdsa",
        Some(Authentication::Psk) => "psk",
        Some(Authentication::Password) => "password",
        Some(Authentication::Krb5) => "krb5",
        Some(Authentication::Gost) => "gost",
        Some(Authentication::Sm2) => "sm2",
        Some(Authentication::Ibc) => "ibc",
        Some(Authentication::Fortezza) => "fortezza",
        Some(Authentication::Certificate) if posture.resumed => "psk",
        Some(Authentication::Certificate) => "certificate",
        None => return unknown_cipher(posture).into(),
    };
    Fact::text(name).into()
}

pub(super) const AUTHENTICATIONS: &[&str] = &[
    "certificate",
    "rsa",
    "ecdsa",
    "dss",
    "psk",
    "anonymous",
    "password",
    "krb5",
    "gost",
    "sm2",
    "ibc",
    "fortezza",
];

pub(super) fn group<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let posture = subject.posture;
    match (&posture.group, posture.class, posture.dh_bits) {
        (Some(group), ..) => Fact::text(group.as_str()),
        (None, Some(KeyExchangeClass::None), _) => {
            Fact::Absent("there is no key exchange with a group")
        }
        (None, _, Some(_)) => Fact::text(EXPLICIT),
        (None, _, None) => no_key_exchange(posture),
    }
    .into()
}

pub(super) fn class<'a>(subject: &Subject<'a>) -> Facts<'a> {
    match subject.posture.class {
        Some(class) => Fact::text(class_name(class)),
        None => no_key_exchange(subject.posture),
    }
    .into()
}

pub(super) const CLASSES: &[&str] = &["classical", "hybrid_pq", "pq", "none"];

pub(super) fn forward_secrecy<'a>(subject: &Subject<'a>) -> Facts<'a> {
    Fact::flag_or(subject.posture.forward_secret, no_key_exchange(subject.posture)).into()
}

pub(super) fn post_quantum<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let is_post_quantum = subject
        .posture
        .class
        .map(|class| matches!(class, KeyExchangeClass::HybridPq | KeyExchangeClass::Pq));
    Fact::flag_or(is_post_quantum, no_key_exchange(subject.posture)).into()
}

pub(super) fn post_quantum_offered<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let unknown = Fact::Unknown("the groups that the client offered are not known");
    Fact::flag_or(subject.posture.offers_post_quantum, unknown).into()
}

pub(super) fn dh_size<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let posture = subject.posture;
    if let Some(bits) = posture.dh_bits {
        return Fact::Number(bits.into()).into();
    }
    let group = posture.named_group();
    if let Some(bits) = group.filter(|group| group.is_finite_field()).and_then(|it| it.bits()) {
        return Fact::Number(bits.into()).into();
    }
    let method = posture.cipher_suite().and_then(|cipher| cipher.key_exchange);
    let is_other = group.is_some()
        || posture.class == Some(KeyExchangeClass::None)
        || method.is_some_and(|method| {
            !matches!(
                method,
                KeyExchangeMethod::Dhe | KeyExchangeMethod::DhePsk | KeyExchangeMethod::Tls13
            )
        });
    if is_other {
        return Fact::Absent("there is no Diffie-Hellman over a finite field").into();
    }
    no_key_exchange(posture).into()
}

pub(super) fn signature<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let posture = subject.posture;
    let missing = match posture.version_rank() {
        Some(TLS13) => Fact::Unknown("the signature of the handshake is encrypted in TLS 1.3"),
        _ if posture.class == Some(KeyExchangeClass::None) => {
            Fact::Absent("the server signs nothing in this key exchange")
        }
        _ if posture.resumed => Fact::Absent("nothing is signed when a session is resumed"),
        _ => Fact::Unknown("no signature of the server was seen"),
    };
    Fact::text_or(posture.signature_algorithm.as_deref(), missing).into()
}

pub(super) fn resumption<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let posture = subject.posture;
    if posture.resumed || posture.established {
        return Fact::Flag(posture.resumed).into();
    }
    Fact::Unknown("no handshake was completed").into()
}

pub(super) fn early_data<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let name = subject.posture.early_data.map(|early_data| match early_data {
        EarlyData::None => "none",
        EarlyData::Offered => "offered",
        EarlyData::Accepted => "accepted",
        EarlyData::Rejected => "rejected",
    });
    Fact::text_or(name, Fact::Unknown("what the client offered is not known")).into()
}

pub(super) const EARLY_DATA: &[&str] = &["none", "offered", "accepted", "rejected"];

pub(super) fn hello_retry<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let missing = Fact::Unknown("whether there was a retry is not known");
    Fact::flag_or(subject.posture.hello_retry, missing).into()
}

pub(super) fn starttls<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let absent = Fact::Absent("there was no upgrade to TLS");
    Fact::text_or(subject.posture.starttls.as_deref(), absent).into()
}

pub(super) fn carrier<'a>(subject: &Subject<'a>) -> Facts<'a> {
    Fact::text(match subject.posture.carrier {
        Carrier::Tcp => "tcp",
        Carrier::Quic => "quic",
        Carrier::Dtls => "dtls",
    })
    .into()
}

pub(super) const CARRIERS: &[&str] = &["tcp", "quic", "dtls"];

pub(super) fn evidence<'a>(subject: &Subject<'a>) -> Facts<'a> {
    Fact::text(match subject.posture.evidence {
        Evidence::Wire => "wire",
        Evidence::Socket => "socket",
        Evidence::Secrets => "secrets",
        Evidence::Library => "library",
    })
    .into()
}

pub(super) const EVIDENCES: &[&str] = &["wire", "socket", "secrets", "library"];

/// A session whose cipher suite encrypts nothing.
pub(super) fn unencrypted<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let posture = subject.posture;
    let encryption = posture.cipher_suite().and_then(|cipher| cipher.encryption);
    match encryption {
        Some(encryption) if posture.established => Fact::Flag(encryption.mode == Mode::Null),
        Some(_) => Fact::Unknown("no handshake was completed"),
        None => unknown_cipher(posture),
    }
    .into()
}

pub(super) fn alpn<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let posture = subject.posture;
    let is_told = subject.session.is_some_and(|session| session.is_session);
    let missing = match posture.version_rank() {
        Some(TLS13) => Fact::Unknown("the chosen protocol is encrypted in TLS 1.3"),
        Some(_) if is_told => Fact::Absent("no protocol was agreed on"),
        _ => Fact::Unknown("the chosen protocol is not known"),
    };
    Fact::text_or(posture.alpn.as_deref(), missing).into()
}

/// Why what the server chose is not known.
fn no_server_hello(posture: &Posture) -> Fact<'static> {
    Fact::Unknown(if posture.established {
        "what the server chose was not seen"
    } else {
        "no handshake was completed"
    })
}

fn unknown_cipher(posture: &Posture) -> Fact<'static> {
    if posture.cipher.is_some() {
        return Fact::Unknown("the cipher suite is not a registered one");
    }
    no_server_hello(posture)
}

/// Why the key exchange is not known.
fn no_key_exchange(posture: &Posture) -> Fact<'static> {
    if posture.resumed {
        return Fact::Unknown("the session resumes another one, whose key exchange was not seen");
    }
    if posture.version.is_none() {
        return no_server_hello(posture);
    }
    Fact::Unknown("the key exchange was not seen, or is not a known one")
}
