//! Agents: how they do, and throwing one out.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use data_encoding::HEXLOWER;
use event::Timestamp;
use store::Revocation;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::caller::Caller;
use crate::fleet::guidance::assigned;
use crate::http::extract::Named;
use crate::problem::Problem;
use crate::view::Page;
use crate::view::agent::{Agent, AgentCertificate, AgentDetail};

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(agents)).routes(routes!(agent))
}

/// What operators may.
pub(crate) fn operator() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(revoke))
}

/// Lists who tells what it sees, and how it does
#[utoipa::path(
    get, path = "/agents", tag = "operations", responses((status = 200, body = Page<Agent>))
)]
async fn agents(State(app): State<App>) -> Result<Json<Page<Agent>>, Problem> {
    let now = app.parts.clock.now();
    let sources = app.sessions(|sessions| sessions.agents()).await?;
    Ok(Json(Page::whole(agents_at(&app, sources, now))))
}

/// Shows an agent and its certificates
#[utoipa::path(
    get, path = "/agents/{id}", tag = "operations", params(("id" = String, Path)),
    responses((status = 200, body = AgentDetail), (status = 404, body = Problem))
)]
async fn agent(State(app): State<App>, Named(id): Named) -> Result<Json<AgentDetail>, Problem> {
    let now = app.parts.clock.now();
    let sources = app.sessions(|sessions| sessions.agents()).await?;
    let found = agents_at(&app, sources, now).into_iter().find(|agent| agent.id == id);
    let agent = found.ok_or_else(|| Problem::not_found("agent"))?;
    let certificates = app.control(move |control| control.agent_certificates(&id)).await?;
    let certificates = certificates.into_iter().map(AgentCertificate::from).collect();
    Ok(Json(AgentDetail { agent, certificates }))
}

/// Throws an agent out: its connection ends at once, and its certificates are good for nothing
#[utoipa::path(
    post, path = "/agents/{id}/revoke", tag = "operations", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn revoke(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
) -> Result<StatusCode, Problem> {
    let revocation = Revocation { at: app.parts.clock.now(), by: caller.name };
    let (agent, kept) = (id.clone(), revocation.clone());
    let (was_in, is_known) = app
        .control(move |control| {
            let was_in = control.revoke_agent(&agent, &kept)?;
            Ok((was_in, was_in || control.enrolled_agent(&agent)?.is_some()))
        })
        .await?;
    match (was_in, is_known) {
        (true, _) => {
            app.fleet.register.revoke(&id, revocation);
            Ok(StatusCode::NO_CONTENT)
        }
        (false, true) => Err(Problem::conflict("it is revoked already")),
        (false, false) => Err(Problem::not_found("agent with a certificate")),
    }
}

/// All agents with a certificate, and all other sources.
pub(crate) fn agents_at(app: &App, sources: Vec<store::Agent>, now: Timestamp) -> Vec<Agent> {
    let mut sources: BTreeMap<String, store::Agent> =
        sources.into_iter().map(|source| (source.id.clone(), source)).collect();
    let guidance = &app.fleet.guidance;
    let policies = HEXLOWER.encode(&guidance.policies(&app.judge.rules()).digest);
    let rollouts = guidance.rollouts();
    let mut agents = Vec::new();
    for known in app.fleet.register.all() {
        let source = sources.remove(&known.enrolled.id);
        let asked = assigned(&rollouts, &known).map_or(0, |rollout| rollout.revision);
        agents.push(Agent::of_member(&known, source, asked, &policies, now));
    }
    agents.extend(sources.into_values().map(|source| Agent::of_source(source, now)));
    agents
}
