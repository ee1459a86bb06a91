//! Roll-outs of settings to agents.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use store::RolloutState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::caller::Caller;
use crate::http::extract::{Given, Named};
use crate::problem::Problem;
use crate::view::Page;
use crate::view::rollout::{NewRollout, NextStep, Rollout, Stage, Step};

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(rollouts))
}

/// What operators may.
pub(crate) fn operator() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(add_rollout)).routes(routes!(step_rollout))
}

/// Lists roll-outs of settings, the latest first
#[utoipa::path(
    get, path = "/rollouts", tag = "operations", responses((status = 200, body = Page<Rollout>))
)]
async fn rollouts(State(app): State<App>) -> Json<Page<Rollout>> {
    let (all, agents) = (app.fleet.guidance.rollouts(), app.fleet.register.all());
    let told = all.iter().map(|rollout| Rollout::of(rollout, &all, &agents));
    Json(Page::whole(told.collect()))
}

/// Rolls settings out to agents: those of the first stage get them at once
#[utoipa::path(
    post, path = "/rollouts", tag = "operations", request_body = NewRollout,
    responses((status = 201, body = Rollout))
)]
async fn add_rollout(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Given(new): Given<NewRollout>,
) -> Result<(StatusCode, Json<Rollout>), Problem> {
    check(&new)?;
    let now = app.parts.clock.now();
    let rollout = store::Rollout {
        revision: 0,
        settings: new.settings,
        note: new.note,
        created: now,
        created_by: caller.name,
        stages: new.stages.into_iter().map(store::Stage::from).collect(),
        begun: 1,
        state: RolloutState::Running,
        changed: now,
    };
    let revision = app.control(move |control| control.add_rollout(&rollout)).await?;
    changed(&app).await?;
    told(&app, revision).map(|rollout| (StatusCode::CREATED, rollout))
}

/// Begins the next stage of a roll-out, pauses it, has it go on, or takes it back
#[utoipa::path(
    post, path = "/rollouts/{revision}/step", tag = "operations",
    params(("revision" = String, Path)), request_body = NextStep,
    responses(
        (status = 200, body = Rollout),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
    )
)]
async fn step_rollout(
    State(app): State<App>,
    Named(revision): Named,
    Given(next): Given<NextStep>,
) -> Result<Json<Rollout>, Problem> {
    let missing = || Problem::not_found("roll-out");
    let revision: u64 = revision.parse().map_err(|_no_number| missing())?;
    let all = app.fleet.guidance.rollouts();
    let found = all.iter().find(|it| it.revision == revision).ok_or_else(missing)?;
    if found.begun != next.begun {
        return Err(Problem::conflict(format!("{} stages have begun meanwhile", found.begun)));
    }
    let (state, begun) = match (next.step, found.state) {
        (Step::Advance, RolloutState::Running) if found.begun < found.stages.len() => {
            (RolloutState::Running, found.begun.saturating_add(1))
        }
        (Step::Advance, RolloutState::Running) => {
            return Err(Problem::conflict("all of its stages have begun"));
        }
        (Step::Pause, RolloutState::Running) => (RolloutState::Paused, found.begun),
        (Step::Resume, RolloutState::Paused) => (RolloutState::Running, found.begun),
        (Step::RollBack, RolloutState::Running | RolloutState::Paused) => {
            (RolloutState::RolledBack, found.begun)
        }
        (_, RolloutState::Running) => return Err(Problem::conflict("it is running")),
        (_, RolloutState::Paused) => return Err(Problem::conflict("it is paused")),
        (_, RolloutState::RolledBack) => return Err(Problem::conflict("it was taken back")),
    };
    let (from, now) = (found.clone(), app.parts.clock.now());
    app.control(move |control| control.change_rollout(&from, state, begun, now)).await?;
    changed(&app).await?;
    told(&app, revision)
}

/// Refuses what makes no sense before an agent sees it; what only agents know of settings, they say.
fn check(new: &NewRollout) -> Result<(), Problem> {
    let settings: toml::Table = new
        .settings
        .parse()
        .map_err(|error: toml::de::Error| Problem::bad_request(format!("settings: {error}")))?;
    if settings.is_empty() {
        return Err(Problem::bad_request("settings: they say nothing"));
    }
    if new.stages.is_empty() {
        return Err(Problem::bad_request("stages: at least one"));
    }
    for stage in &new.stages {
        match stage {
            Stage::PerMille(1..=1000) => {}
            Stage::PerMille(_) => return Err(Problem::bad_request("per_mille: 1 to 1000")),
            Stage::Labels(labels) if labels.is_empty() => {
                return Err(Problem::bad_request("labels: at least one"));
            }
            Stage::Labels(_) => {}
        }
    }
    Ok(())
}

/// Has agents look at what they are to have.
async fn changed(app: &App) -> Result<(), Problem> {
    let own = app.clone();
    app.control(move |control| own.fleet.guidance.load(control)).await?;
    app.fleet.register.announce();
    Ok(())
}

fn told(app: &App, revision: u64) -> Result<Json<Rollout>, Problem> {
    let (all, agents) = (app.fleet.guidance.rollouts(), app.fleet.register.all());
    let found = all.iter().find(|it| it.revision == revision);
    let found = found.ok_or_else(|| Problem::not_found("roll-out"))?;
    Ok(Json(Rollout::of(found, &all, &agents)))
}
