//! How an agent comes by its certificates.

use std::time::Duration;

use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::dial::{chain, dial};
use super::identity::{Identity, NewKey, NoIdentity};
use super::settings::{ServerAddress, UplinkSettings};
use super::{clean, wall_clock};
use crate::limits::MOST_TO_AGENT;
use crate::tls::{Trust, client_config};
use crate::token::JoinToken;
use crate::v1::enrolment_client::EnrolmentClient;
use crate::v1::fleet_client::FleetClient;
use crate::v1::{EnrolRequest, RenewRequest};

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may work again soon, here or elsewhere.
    Failed(String),
    /// The server does not let this agent in, as far as can be told for good.
    Refused(String),
    /// The server said what it may not.
    Improper(String),
}

/// What an agent has that is to connect.
pub(super) enum Standing {
    /// An identity that can be used.
    Member(Box<Identity>),
    /// It has to join, and why, with the identity that it can use until then.
    Joins(&'static str, Option<Box<Identity>>),
    /// It has no identity and no token.
    Stranger(String),
}

/// What the folder and the token say.
pub(super) fn standing(settings: &UplinkSettings) -> Result<Standing, NoIdentity> {
    let found = match Identity::read(&settings.folder) {
        Err(NoIdentity::Damaged(_)) if settings.token.is_some() => None,
        found => found?,
    };
    let is_over = |identity: &Identity| identity.not_after.as_nanos() <= wall_clock();
    let Some(token) = &settings.token else {
        return Ok(match found {
            None => Standing::Stranger("it has no certificate; join with a token".to_owned()),
            Some(identity) if is_over(&identity) => Standing::Stranger(format!(
                "its certificate was good until {}; join anew with a token",
                identity.not_after
            )),
            Some(identity) => Standing::Member(Box::new(identity)),
        });
    };
    Ok(match found {
        None => Standing::Joins("it has no certificate yet", None),
        Some(identity) if is_over(&identity) => Standing::Joins("its certificate is over", None),
        Some(identity) if identity.token != token.digest() => {
            Standing::Joins("it has another token", Some(Box::new(identity)))
        }
        Some(identity) => Standing::Member(Box::new(identity)),
    })
}

/// Joins the fleet of a token, at one of its servers.
pub(super) async fn enrol(
    settings: &UplinkSettings,
    server: &ServerAddress,
    token: &JoinToken,
) -> Result<Identity, Trouble> {
    let tls = client_config(Trust::Fingerprint(token.authority()), None)
        .map_err(|error| Trouble::Failed(error.to_string()))?;
    let channel = dial(server, tls, settings.ping_every).await.map_err(Trouble::Failed)?;
    let key = NewKey::generate().map_err(|error| Trouble::Failed(error.to_string()))?;
    let mut client = EnrolmentClient::new(channel).max_decoding_message_size(MOST_TO_AGENT);
    let call = client.enrol(EnrolRequest {
        token: token.reveal(),
        certificate_request: key.request.clone(),
        host: settings.about.host.clone(),
    });
    let issued = answered(settings.patience, call).await?;
    issued_to(key, issued, token.digest(), settings)
}

/// Has a new certificate issued in place of one that ends soon.
pub(super) async fn renew(
    settings: &UplinkSettings,
    client: &mut FleetClient<Channel>,
    old: &Identity,
) -> Result<Identity, Trouble> {
    let key = NewKey::generate().map_err(|error| Trouble::Failed(error.to_string()))?;
    let call = client.renew(RenewRequest { certificate_request: key.request.clone() });
    let issued = answered(settings.patience, call).await?;
    issued_to(key, issued, old.token, settings)
}

fn issued_to(
    key: NewKey,
    issued: crate::v1::Issued,
    token: [u8; 32],
    settings: &UplinkSettings,
) -> Result<Identity, Trouble> {
    let identity = key.with(issued, token).map_err(|error| Trouble::Improper(error.to_string()))?;
    identity.write(&settings.folder).map_err(|error| Trouble::Failed(error.to_string()))?;
    Ok(identity)
}

/// The answer to a call, if it comes in time.
pub(super) async fn answered<T>(
    patience: Duration,
    call: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, Trouble> {
    match timeout(patience, call).await {
        Ok(answer) => answer.map(tonic::Response::into_inner).map_err(|status| trouble(&status)),
        Err(_) => Err(Trouble::Failed("the server does not answer".to_owned())),
    }
}

/// What a status means for an agent.
pub(super) fn trouble(status: &Status) -> Trouble {
    let code = status.code();
    if matches!(code, Code::PermissionDenied | Code::Unauthenticated) {
        return Trouble::Refused(clean(status.message()));
    }
    let why = clean(&chain(status));
    // A message beyond the limit is out of range, for tonic.
    let is_improper = matches!(code, Code::OutOfRange | Code::InvalidArgument);
    if is_improper { Trouble::Improper(why) } else { Trouble::Failed(why) }
}
