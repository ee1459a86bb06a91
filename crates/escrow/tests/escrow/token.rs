//! Which token: URIs.

use std::path::Path;

use escrow::keys::{NotATokenUri, TokenUri};
use proptest::prelude::*;

const WHOLE: &str =
    "pkcs11:token=epoch%20keys;serial=0a1b?module-path=/usr/lib/libx.so&pin-source=file:/etc/pin";

#[test]
fn a_uri_names_token_library_and_where_the_pin_is() {
    let uri: TokenUri = WHOLE.parse().unwrap();
    assert_eq!(uri.token.as_deref(), Some("epoch keys"));
    assert_eq!(uri.serial.as_deref(), Some("0a1b"));
    assert_eq!(uri.module_path, Path::new("/usr/lib/libx.so"));
    assert_eq!(uri.pin_source.as_deref(), Some(Path::new("/etc/pin")));
    let plain = |source: &str| -> TokenUri {
        format!("pkcs11:?module-path=/x&pin-source={source}").parse().unwrap()
    };
    for source in ["file:///etc/pin", "file:/etc/pin", "/etc/pin", "%2fetc%2Fpin"] {
        assert_eq!(plain(source).pin_source.as_deref(), Some(Path::new("/etc/pin")), "{source}");
    }
    assert_eq!((plain("/x").token, plain("/x").serial), (None, None));
}

#[test]
fn what_names_no_token_is_refused() {
    let refused = |text: &str| text.parse::<TokenUri>().unwrap_err();
    let attribute = |text: &str| NotATokenUri::Attribute(text.to_owned());
    let encoding = |text: &str| NotATokenUri::Encoding(text.to_owned());
    assert_eq!(refused("token=a"), NotATokenUri::Scheme);
    assert_eq!(refused("pkcs11:token=a"), NotATokenUri::Module);
    assert_eq!(refused("pkcs11:object=a?module-path=/x"), attribute("object=a"));
    assert_eq!(refused("pkcs11:token=a;token=b?module-path=/x"), attribute("token=b"));
    assert_eq!(refused("pkcs11:token=?module-path=/x"), attribute("token="));
    assert_eq!(refused("pkcs11:token?module-path=/x"), attribute("token"));
    assert_eq!(refused("pkcs11:?module-path=/x&pin-value=1"), NotATokenUri::Pin);
    for wrong in ["%", "a%2", "%g0", "%+1", "%é"] {
        assert_eq!(refused(&format!("pkcs11:token={wrong}?module-path=/x")), encoding(wrong));
    }
    assert!(matches!(refused("pkcs11:token=%ff?module-path=/x"), NotATokenUri::Encoding(_)));
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "(pkcs11:)?[a-z=%;?&0-9é-]{0,40}", len in 0..=WHOLE.len()) {
        text.parse::<TokenUri>().ok();
        WHOLE[..len].parse::<TokenUri>().ok();
    }
}
