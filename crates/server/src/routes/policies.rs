//! Policies, packs and criteria.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use event::Timestamp;
use policy::{Criterion as Known, Policy, Rule, Verdict};
use store::{Collection, Expected, Page as StorePage, Resolve, Window};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::observed::edges_told;
use crate::app::App;
use crate::auth::token;
use crate::http::extract::{Given, Named};
use crate::http::window::WindowAsked;
use crate::judge::pair::Judged;
use crate::judge::rules::{self, RuleSet};
use crate::problem::Problem;
use crate::view::Page;
use crate::view::edge::{POSTURES_IN_LIST, Posture};
use crate::view::policy::{Criterion, DryRun, DryRunAsked, Example, Pack, PolicyShape, Switch};

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(policies))
        .routes(routes!(policy))
        .routes(routes!(criteria))
        .routes(routes!(packs))
}

/// What operators may.
pub(crate) fn operator() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(add))
        .routes(routes!(change, remove))
        .routes(routes!(dry_run))
        .routes(routes!(switch_pack))
}

/// Lists all policies
#[utoipa::path(
    get, path = "/policies", tag = "policies", responses((status = 200, body = Page<PolicyShape>))
)]
async fn policies(State(app): State<App>) -> Json<serde_json::Value> {
    let rules = app.judge.rules();
    let policies: Vec<_> = rules.rules.iter().map(|rule| rule.policy()).collect();
    Json(serde_json::json!({ "items": policies, "total": policies.len() }))
}

/// Shows a policy
#[utoipa::path(
    get, path = "/policies/{id}", tag = "policies", params(("id" = String, Path)),
    responses((status = 200, body = PolicyShape), (status = 404, body = Problem))
)]
async fn policy(State(app): State<App>, Named(id): Named) -> Result<Json<Policy>, Problem> {
    found(&app.judge.rules(), &id).map(|rule| Json(rule.policy().clone()))
}

/// Adds a policy: one of ours, or one that StackRox exported
#[utoipa::path(
    post, path = "/policies", tag = "policies", request_body = PolicyShape,
    responses((status = 201, body = PolicyShape), (status = 409, body = Problem))
)]
async fn add(State(app): State<App>, body: Bytes) -> Result<(StatusCode, Json<Policy>), Problem> {
    let given = policy::read_policies(&body).map_err(wrong)?;
    let Ok([mut policy]) = <[Policy; 1]>::try_from(given) else {
        return Err(Problem::bad_request("one policy at a time"));
    };
    policy.pack = None;
    if policy.id.is_empty() {
        let random: String = token::random()?.chars().take(ID_LEN).collect();
        policy.id = format!("own-{random}");
    }
    check_id(&policy.id)?;
    rules::check(&policy).map_err(wrong)?;
    if app.judge.rules().rule(&policy.id).is_some() {
        return Err(Problem::conflict(format!("there is a policy '{}' already", policy.id)));
    }
    keep(&app, policy.clone(), Expected::Absent).await?;
    Ok((StatusCode::CREATED, Json(policy)))
}

/// Changes a policy; one of a pack can only be switched on and off
#[utoipa::path(
    put, path = "/policies/{id}", tag = "policies", params(("id" = String, Path)),
    request_body = PolicyShape,
    responses(
        (status = 200, body = PolicyShape),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
    )
)]
async fn change(
    State(app): State<App>,
    Named(id): Named,
    Given(policy): Given<Policy>,
) -> Result<Json<Policy>, Problem> {
    let rules = app.judge.rules();
    let old = found(&rules, &id)?.policy();
    let changed = match &old.pack {
        Some(pack) => {
            let switched = Policy { disabled: policy.disabled, ..old.clone() };
            let asked = Policy { id, pack: old.pack.clone(), ..policy };
            if asked != switched {
                return Err(Problem::conflict(format!(
                    "this policy is of the pack '{pack}': it can be switched on and off, and copied"
                )));
            }
            switch(&app, &rules, pack, &switched).await?;
            switched
        }
        None => {
            let changed = Policy { id, pack: None, ..policy };
            rules::check(&changed).map_err(wrong)?;
            keep(&app, changed.clone(), Expected::Any).await?;
            changed
        }
    };
    Ok(Json(changed))
}

/// Removes a policy
#[utoipa::path(
    delete, path = "/policies/{id}", tag = "policies", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn remove(State(app): State<App>, Named(id): Named) -> Result<StatusCode, Problem> {
    if found(&app.judge.rules(), &id)?.policy().pack.is_some() {
        return Err(Problem::conflict("a policy of a pack can only be switched off"));
    }
    let own = app.clone();
    app.control(move |control| {
        control.remove_document(Collection::Policies, &id, Expected::Any)?;
        own.judge.reload(control)?;
        own.fleet.register.announce();
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says what a policy would find in what was seen
#[utoipa::path(
    post, path = "/policies/dry-run", tag = "policies", request_body = DryRunAsked,
    responses((status = 200, body = DryRun))
)]
async fn dry_run(
    State(app): State<App>,
    Given(asked): Given<DryRunAsked>,
) -> Result<Json<DryRun>, Problem> {
    let now = app.parts.clock.now();
    let window = WindowAsked { last: asked.last, ..WindowAsked::default() }.window(now)?;
    // As if it were switched on and in force. It may be tried before it has a name.
    let mut policy = Policy { disabled: false, from: None, ..asked.policy };
    if policy.name.trim().is_empty() {
        "dry run".clone_into(&mut policy.name);
    }
    let rule = Rule::compile(policy).map_err(wrong)?;
    let (mut run, found) =
        app.sessions(move |sessions| try_out(sessions, &rule, window, now)).await?;
    let ids: Vec<_> = found.iter().map(|(pair, ..)| pair.edge).collect();
    let edges = app
        .sessions(move |sessions| {
            ids.into_iter().map(|id| sessions.edge(id, window)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    for ((pair, verdict, reason), edge) in found.into_iter().zip(edges) {
        let told = edges_told(&app, edge.as_slice(), POSTURES_IN_LIST).await?;
        let posture = Posture::at(&pair.posture, now);
        let example = |edge| Example { edge, posture, verdict, reason };
        run.examples.extend(told.into_iter().next().map(example));
    }
    Ok(Json(run))
}

type Found = (store::Pair, Verdict, String);

/// Judges what was seen in a window, as if the policy were in force.
fn try_out(
    sessions: &dyn store::Sessions,
    rule: &Rule,
    window: Window,
    now: Timestamp,
) -> Result<(DryRun, Vec<Found>), store::StoreError> {
    let mut run = DryRun::default();
    let mut examples: Vec<Found> = Vec::new();
    let mut page = StorePage::first(StorePage::MAX_LIMIT);
    loop {
        let pairs = sessions.pairs(page)?;
        for pair in pairs.items.into_iter().filter(|pair| pair.last_seen >= window.from) {
            let Some(said) = rule.judge(&Judged::from(&pair).subject(now)) else { continue };
            let count = match said.verdict {
                Verdict::Pass => &mut run.pass,
                Verdict::Fail => &mut run.fail,
                Verdict::Unknown => &mut run.unknown,
            };
            *count = count.saturating_add(1);
            if said.verdict != Verdict::Pass {
                examples.push((pair, said.verdict, said.reason));
                // `Fail` is the last of the verdicts.
                examples.sort_by_key(|(_, verdict, _)| std::cmp::Reverse(*verdict));
                examples.truncate(MAX_EXAMPLES);
            }
        }
        match pairs.next {
            Some(next) => page.after = Some(next),
            None => return Ok((run, examples)),
        }
    }
}

/// Lists what policies may ask for
#[utoipa::path(
    get, path = "/criteria", tag = "policies", responses((status = 200, body = [Criterion]))
)]
async fn criteria() -> Json<Vec<Criterion>> {
    Json(Known::all().map(Criterion::from).collect())
}

/// Lists packs
#[utoipa::path(get, path = "/packs", tag = "policies", responses((status = 200, body = [Pack])))]
async fn packs(State(app): State<App>) -> Json<Vec<Pack>> {
    let rules = app.judge.rules();
    Json(rules.packs.iter().map(|(pack, choice)| told(pack, choice.enabled)).collect())
}

/// Switches a pack on or off
#[utoipa::path(
    put, path = "/packs/{id}", tag = "policies", params(("id" = String, Path)),
    request_body = Switch,
    responses((status = 200, body = Pack), (status = 404, body = Problem))
)]
async fn switch_pack(
    State(app): State<App>,
    Named(id): Named,
    Given(Switch { enabled }): Given<Switch>,
) -> Result<Json<Pack>, Problem> {
    let rules = app.judge.rules();
    let (pack, choice) = rules.pack(&id).ok_or_else(|| Problem::not_found("pack"))?;
    let choice = rules::PackChoice { enabled, ..choice.clone() };
    choose(&app, id, choice).await?;
    Ok(Json(told(pack, enabled)))
}

fn told(pack: &policy::Pack, enabled: bool) -> Pack {
    Pack {
        id: pack.id.clone(),
        name: pack.name.clone(),
        description: pack.description.clone(),
        version: pack.version.clone(),
        source: pack.source.clone(),
        enabled,
        policies: pack.policies.len(),
    }
}

async fn switch(app: &App, rules: &RuleSet, pack: &str, policy: &Policy) -> Result<(), Problem> {
    let (_, choice) = rules.pack(pack).ok_or_else(|| Problem::not_found("pack"))?;
    let mut choice = choice.clone();
    if policy.disabled {
        choice.disabled.insert(policy.id.clone());
    } else {
        choice.disabled.remove(&policy.id);
    }
    choose(app, pack.to_owned(), choice).await
}

async fn choose(app: &App, pack: String, choice: rules::PackChoice) -> Result<(), Problem> {
    let (own, now) = (app.clone(), app.parts.clock.now());
    app.control(move |control| {
        rules::choose(control, &pack, &choice, now)?;
        own.judge.reload(control)?;
        own.fleet.register.announce();
        Ok(())
    })
    .await
}

/// Keeps a policy and has all judged by it. What it found before is no longer what it says.
async fn keep(app: &App, policy: Policy, expected: Expected) -> Result<(), Problem> {
    let (own, now) = (app.clone(), app.parts.clock.now());
    app.control(move |control| {
        rules::keep(control, &policy, expected, now)?;
        control.resolve(&Resolve::Policy(policy.id), now)?;
        own.judge.reload(control)?;
        own.fleet.register.announce();
        Ok(())
    })
    .await
}

fn found<'a>(rules: &'a RuleSet, id: &str) -> Result<&'a Arc<Rule>, Problem> {
    rules.rule(id).ok_or_else(|| Problem::not_found("policy"))
}

fn check_id(id: &str) -> Result<(), Problem> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_id = (1..=MAX_ID).contains(&id.len()) && id.chars().all(is_plain);
    is_id.then_some(()).ok_or_else(|| {
        Problem::bad_request(format!("id: 1 to {MAX_ID} letters, digits or any of . _ -"))
    })
}

fn wrong(error: policy::PolicyError) -> Problem {
    Problem::bad_request(error.to_string())
}

const ID_LEN: usize = 12;

const MAX_ID: usize = 128;

/// Enough to see what a policy would do.
const MAX_EXAMPLES: usize = 20;
