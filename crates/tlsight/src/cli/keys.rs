//! Where secrets of sessions come from.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use zeroize::Zeroizing;

/// The secrets that a user has.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Secrets")]
pub(crate) struct KeyArgs {
    /// Key log of TLS libraries (SSLKEYLOGFILE, RFC 9850); secrets in a pcapng file are used as well
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Vec<PathBuf>,

    /// Private key (PEM) of a server with static RSA
    #[arg(long, value_name = "FILE")]
    pub(crate) rsa_key: Vec<PathBuf>,

    /// Pre-shared key of TLS 1.2 or older, in hexadecimal
    #[arg(long, value_name = "HEX")]
    pub(crate) psk: Vec<Psk>,
}

/// A pre-shared key.
#[derive(Clone)]
pub(crate) struct Psk(pub(crate) Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Psk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Psk")
    }
}

impl FromStr for Psk {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err("an odd number of hexadecimal digits");
        };
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let bytes: Option<Vec<u8>> =
            pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
        match bytes {
            Some(bytes) if !bytes.is_empty() => Ok(Self(Zeroizing::new(bytes))),
            _ => Err("no hexadecimal number"),
        }
    }
}
