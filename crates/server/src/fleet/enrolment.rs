//! Agents come in: by a token for a certificate, by that certificate for the next one.

use std::net::IpAddr;
use std::sync::Arc;

use event::Timestamp;
use fleet::{AgentId, JoinToken, PeerInfo, v1};
use store::{AgentCertificate, AuditEntry, AuditOutcome, NewAgent, NotEnrolled, SecretDigest};
use tonic::{Request, Response, Status};

use super::dropped_tokens::take_up;
use super::report::shortened;
use super::{Entrance, register::NotAdmitted};
use crate::app::App;
use crate::auth::token;
use crate::problem::Problem;

/// The service for agents that have no certificate yet.
#[derive(Clone, Debug)]
pub(super) struct Enrolments {
    pub(super) app: App,
    pub(super) entrance: Arc<Entrance>,
}

#[tonic::async_trait]
impl v1::enrolment_server::Enrolment for Enrolments {
    async fn enrol(
        &self,
        request: Request<v1::EnrolRequest>,
    ) -> Result<Response<v1::Issued>, Status> {
        let address = peer(&request)?.address.ip().to_canonical();
        let issued = self.issue(request.into_inner(), address).await;
        self.app.meter.enrolment(if issued.is_ok() { "issued" } else { "refused" });
        issued.map(Response::new)
    }
}

impl Enrolments {
    async fn issue(
        &self,
        request: v1::EnrolRequest,
        address: IpAddr,
    ) -> Result<v1::Issued, Status> {
        let (app, authority) = (&self.app, &self.entrance.authority);
        let now = app.parts.clock.now();
        let token: JoinToken =
            request.token.parse().map_err(|error| refused(&format!("{error}")))?;
        if token.authority() != authority.fingerprint() {
            return Err(refused("the token is of another fleet"));
        }
        let digest = SecretDigest(token.digest());
        if let Err(NotEnrolled::UnknownToken) = usable(app, digest, now).await? {
            // It may have been made at another server just now.
            app.following.catch_up(app).await;
        }
        usable(app, digest, now).await?.map_err(|why| refused(&why.to_string()))?;
        let host = shortened(request.host.trim(), MAX_HOST);
        let agent = new_id(&host).map_err(|problem| failed(&problem))?;
        let issued = authority
            .issue_agent(&request.certificate_request, &agent, now)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let certificate = certificate(&agent, &issued, now);
        let new = NewAgent { id: agent.to_string(), host };
        let enrolled = app
            .control(move |control| control.enrol(digest, &new, &certificate))
            .await
            .map_err(|problem| failed(&problem))?
            .map_err(|why| refused(&why.to_string()))?;
        let actor = format!("enrolment:{}", enrolled.token);
        app.fleet.register.add(enrolled);
        note(app, actor, agent.to_string(), address).await?;
        Ok(issued.message(vec![authority.certificate().to_vec()]))
    }
}

/// Whether an agent may enrol by a token.
async fn usable(
    app: &App,
    digest: SecretDigest,
    now: Timestamp,
) -> Result<Result<(), NotEnrolled>, Status> {
    let own = app.clone();
    let found = app.control(move |control| {
        take_up(&own, control)?;
        control.enrolment_token(digest, now)
    });
    Ok(found.await.map_err(|problem| failed(&problem))?.map(drop))
}

/// Issues an agent that is in its next certificate.
pub(super) async fn renew(
    app: &App,
    entrance: &Entrance,
    agent: &AgentId,
    request: &[u8],
) -> Result<v1::Issued, Status> {
    let now = app.parts.clock.now();
    let issued = entrance
        .authority
        .issue_agent(request, agent, now)
        .map_err(|error| Status::invalid_argument(error.to_string()))?;
    let certificate = certificate(agent, &issued, now);
    let not_after = issued.not_after;
    let is_in = app
        .control(move |control| control.add_agent_certificate(&certificate))
        .await
        .map_err(|problem| failed(&problem))?;
    if !is_in {
        return Err(not_admitted(&NotAdmitted::Revoked));
    }
    app.fleet.register.renewed(agent.as_str(), not_after);
    app.meter.enrolment("renewed");
    Ok(issued.message(vec![entrance.authority.certificate().to_vec()]))
}

/// Who is at the other end.
pub(super) fn peer<T>(request: &Request<T>) -> Result<&PeerInfo, Status> {
    let peer = request.extensions().get::<PeerInfo>();
    peer.ok_or_else(|| Status::internal("it is not known who asks"))
}

/// Says why an agent does not come in.
pub(super) fn not_admitted(why: &NotAdmitted) -> Status {
    let text = why.to_string();
    match why {
        NotAdmitted::Unknown | NotAdmitted::Revoked => Status::permission_denied(text),
        NotAdmitted::CutOff(_) => Status::resource_exhausted(text),
    }
}

fn refused(why: &str) -> Status {
    Status::permission_denied(why)
}

/// Says that the server cannot do it now.
pub(super) fn failed(problem: &Problem) -> Status {
    Status::unavailable(problem.detail().unwrap_or("the server failed"))
}

fn certificate(agent: &AgentId, issued: &fleet::IssuedAgent, now: Timestamp) -> AgentCertificate {
    AgentCertificate {
        serial: issued.serial.clone(),
        agent: agent.to_string(),
        issued: now,
        not_after: issued.not_after,
    }
}

/// A name that no other agent has, and that tells people which host it is.
fn new_id(host: &str) -> Result<AgentId, Problem> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '-' };
    let host: String = host.chars().take(MAX_HOST_IN_ID).map(plain).collect();
    let random: String = token::random()?.chars().take(RANDOM_IN_ID).collect();
    AgentId::new(format!("{host}_{random}"))
        .ok_or_else(|| Problem::unavailable("an agent cannot be named"))
}

async fn note(app: &App, actor: String, target: String, address: IpAddr) -> Result<(), Status> {
    let entry = AuditEntry {
        time: app.parts.clock.now(),
        actor,
        action: "enrol".to_owned(),
        target,
        address: address.to_string(),
        outcome: AuditOutcome::Ok,
    };
    app.control(move |control| control.append_audit(&entry))
        .await
        .map_err(|problem| failed(&problem))
}

/// Longest name that DNS has.
const MAX_HOST: usize = 253;

/// So that the name of the agent is readable.
const MAX_HOST_IN_ID: usize = 63;

/// Fifty bits, which no two agents of a fleet have in common.
const RANDOM_IN_ID: usize = 10;
