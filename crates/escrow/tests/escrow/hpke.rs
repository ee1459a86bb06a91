//! What is sealed here, others open, and the other way round.

use ::hpke::aead::AesGcm256;
use ::hpke::kdf::HkdfSha256;
use ::hpke::kem::{MlKem768P256, X25519HkdfSha256, XWing};
use ::hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};
use escrow::hpke::{Kem, PrivateKey, PublicKey, receiver, sender};

const INFO: &[u8] = b"an info";
const AAD: &[u8] = b"associated data";

/// A recipient of the other implementation opens three messages, and one of ours what the other sealed.
fn interoperates<K: ::hpke::Kem>(kem: Kem) {
    let (their_private, their_public) = K::gen_keypair();
    let public = PublicKey::new(kem, &their_public.to_bytes()).unwrap();
    let (encapsulated, context) = sender(&public, INFO).unwrap();
    assert_eq!(encapsulated.len(), kem.encapsulated_len());
    let theirs = K::EncappedKey::from_bytes(&encapsulated).unwrap();
    let mut their_context = ::hpke::setup_receiver::<AesGcm256, HkdfSha256, K>(
        &OpModeR::Base,
        &their_private,
        &theirs,
        INFO,
    )
    .unwrap();
    for sequence in 0..3 {
        let mut message = format!("message {sequence}").into_bytes();
        context.seal_at(sequence, AAD, &mut message).unwrap();
        let opened = their_context.open(&message, AAD).unwrap();
        assert_eq!(opened, format!("message {sequence}").as_bytes());
    }

    let own = PrivateKey::generate(kem).unwrap();
    let public = K::PublicKey::from_bytes(own.public().bytes()).unwrap();
    let (encapsulated, mut their_context) =
        ::hpke::setup_sender::<AesGcm256, HkdfSha256, K>(&OpModeS::Base, &public, INFO).unwrap();
    let context = receiver(&own, &encapsulated.to_bytes(), INFO).unwrap();
    let sealed: Vec<_> =
        (0..3_u8).map(|number| their_context.seal(&[number; 40], AAD).unwrap()).collect();
    // In any order, and one of them not at all.
    assert_eq!(context.open_at(2, AAD, &sealed[2]).unwrap()[..], [2; 40]);
    assert_eq!(context.open_at(0, AAD, &sealed[0]).unwrap()[..], [0; 40]);
}

#[test]
fn x25519_is_that_of_others() {
    interoperates::<X25519HkdfSha256>(Kem::X25519);
}

#[test]
fn x_wing_is_that_of_others() {
    interoperates::<XWing>(Kem::XWing);
}

#[test]
fn ml_kem_with_p256_is_that_of_others() {
    interoperates::<MlKem768P256>(Kem::MlKem768P256);
}

#[test]
fn numbers_and_lengths_are_those_of_the_registry() {
    assert_eq!((Kem::X25519.id(), Kem::XWing.id()), (X25519HkdfSha256::KEM_ID, XWing::KEM_ID));
    assert_eq!(Kem::MlKem768P256.id(), MlKem768P256::KEM_ID);
    let lens = Kem::ALL.map(|kem| (kem.public_key_len(), kem.encapsulated_len()));
    assert_eq!(lens, [(32, 32), (1216, 1120), (1249, 1153)]);
}

#[test]
fn nothing_opens_what_was_changed_or_is_for_another() {
    for kem in Kem::ALL {
        let (own, other) = (PrivateKey::generate(kem).unwrap(), PrivateKey::generate(kem).unwrap());
        let (encapsulated, context) = sender(own.public(), INFO).unwrap();
        let mut sealed = b"a secret".to_vec();
        context.seal_at(7, AAD, &mut sealed).unwrap();
        let open = |key: &PrivateKey, encapsulated: &[u8], info, sequence, aad, sealed: &[u8]| {
            receiver(key, encapsulated, info)?.open_at(sequence, aad, sealed)
        };
        assert_eq!(open(&own, &encapsulated, INFO, 7, AAD, &sealed).unwrap()[..], *b"a secret");
        assert!(open(&other, &encapsulated, INFO, 7, AAD, &sealed).is_err(), "{kem:?}");
        assert!(open(&own, &encapsulated, b"other", 7, AAD, &sealed).is_err(), "{kem:?}");
        assert!(open(&own, &encapsulated, INFO, 8, AAD, &sealed).is_err(), "{kem:?}");
        assert!(open(&own, &encapsulated, INFO, 7, b"", &sealed).is_err(), "{kem:?}");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&own, &encapsulated, INFO, 7, AAD, &changed).is_err(), "{kem:?}, {at}");
        }
        for at in (0..encapsulated.len()).step_by(13) {
            let mut changed = encapsulated.clone();
            changed[at] ^= 1;
            assert!(open(&own, &changed, INFO, 7, AAD, &sealed).is_err(), "{kem:?}, {at}");
        }
        assert!(receiver(&own, &encapsulated[1..], INFO).is_err(), "{kem:?}");
    }
}

#[test]
fn a_private_key_comes_back_from_its_bytes_and_from_no_others() {
    for kem in Kem::ALL {
        let key = PrivateKey::generate(kem).unwrap();
        let bytes = key.dangerous_bytes().unwrap();
        let again = PrivateKey::from_bytes(kem, &bytes).unwrap();
        assert_eq!(again.public(), key.public());
        let (encapsulated, context) = sender(key.public(), INFO).unwrap();
        let mut sealed = b"x".to_vec();
        context.seal_at(0, AAD, &mut sealed).unwrap();
        assert!(receiver(&again, &encapsulated, INFO).unwrap().open_at(0, AAD, &sealed).is_ok());
        for len in [0, 1, 32, bytes.len() - 1] {
            assert!(PrivateKey::from_bytes(kem, &bytes[..len]).is_err(), "{kem:?}, {len} bytes");
        }
        let mut changed = bytes.to_vec();
        *changed.first_mut().unwrap() ^= 1;
        assert!(PrivateKey::from_bytes(kem, &changed).is_err(), "{kem:?}: halves that differ");
    }
}
