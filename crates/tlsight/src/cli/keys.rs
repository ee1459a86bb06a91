//! Where secrets of sessions come from.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use zeroize::Zeroizing;

use super::token::TokenArgs;

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

    #[command(flatten)]
    pub(crate) released: ReleasedArgs,
}

/// Secrets that an escrow releases.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Secrets")]
pub(crate) struct ReleasedArgs {
    /// Secrets that an escrow released: an answer, or the folder of the escrow
    #[arg(long, value_name = "ANSWER|DIR", requires = "released_to")]
    pub(crate) escrow: Option<PathBuf>,

    /// Own keys, which open the answer, and those that captures carry (`decrypt --inject-sealed`)
    #[arg(long, value_name = "FILE", group = "released_to")]
    pub(crate) escrow_key: Option<PathBuf>,

    /// Request that the folder is to answer; what it says and who approves it is judged, and written down
    #[arg(long, value_name = "REQUEST", group = "released_to", requires = "escrow")]
    pub(crate) escrow_request: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) token: TokenArgs,
}

#[derive(Debug, Args)]
#[command(after_help = DECRYPT_HELP)]
pub(crate) struct DecryptArgs {
    /// Captures (pcap or pcapng, also gzip or zstd), read in order as one; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Write a pcapng file: the clear text as TCP packets without TLS, or a copy of the capture
    #[arg(short, long, value_name = "OUT")]
    pub(crate) write: Option<PathBuf>,

    /// Write the clear text into files, one for each side of each session
    #[arg(long, value_name = "DIR", conflicts_with = "write")]
    pub(crate) text_dir: Option<PathBuf>,

    /// Copy the capture to OUT, with the secrets of its sessions in it
    #[arg(long, requires = "write")]
    pub(crate) inject: bool,

    /// Copy the capture to OUT, with an answer of an escrow in it, which opens it for whom it is sealed to
    #[arg(long, value_name = "ANSWER", requires = "write", conflicts_with_all = ["inject", "strip"])]
    pub(crate) inject_sealed: Option<PathBuf>,

    /// Copy the capture to OUT, without the secrets that are in it
    #[arg(long, requires = "write")]
    pub(crate) strip: bool,

    #[command(flatten)]
    pub(crate) keys: KeyArgs,
}

const DECRYPT_HELP: &str = "\
Without -w or --text-dir the clear text goes to standard output. Bytes that are missing or stay closed
are told where they are.

A session is opened as far as its secrets go: those of the handshake show certificates and no clear
text, those of one side only that side.

Exit status: 0 done, 1 failed (also if no session could be opened, or a capture not read to its end),
2 wrong use.";

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
