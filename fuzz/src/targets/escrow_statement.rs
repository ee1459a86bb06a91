//! Statements that somebody has signed, or says so.

use escrow::keys::{Signed, SigningKey, Trust};

/// Nobody's signature is found in a text that was not made with the key.
pub fn escrow_statement(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(signed) = Signed::parse(text) else { return };
    assert_eq!(Signed::parse(&signed.to_text()).ok().as_ref(), Some(&signed));
    let Ok(key) = SigningKey::generate() else { return };
    let trust = Trust::new(key.verifying());
    assert!(trust.epoch(&signed).is_err());
    assert!(trust.grant(&signed, 0).is_err());
    assert!(trust.monitor(&signed, &signed, 0).is_err());
    assert!(trust.request(&signed, std::slice::from_ref(&signed), 0).is_err());
}
