//! The command line of tokens.

use clap::Args;
use escrow::keys::TokenUri;

/// The token that has the private keys of epochs.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Token")]
pub(crate) struct TokenArgs {
    /// PKCS #11 token, such as an HSM, in which keys of epochs are made, used and destroyed (RFC 7512):
    /// pkcs11:token=LABEL?module-path=LIBRARY&pin-source=FILE. Without pin-source the PIN is that of the
    /// variable TLSIGHT_TOKEN_PIN
    #[arg(long, value_name = "URI")]
    pub(crate) token: Option<TokenUri>,
}
