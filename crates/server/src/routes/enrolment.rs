//! Tokens by which agents enrol.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use fleet::JoinToken;
use store::{EnrolmentToken as Kept, SecretDigest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::caller::Caller;
use crate::auth::token;
use crate::clock::DAY;
use crate::fleet::dropped_tokens::take_up;
use crate::fleet::join_command;
use crate::http::extract::{Given, Named};
use crate::problem::Problem;
use crate::view::enrolment::{EnrolmentToken, NewEnrolmentToken};

/// What administrators may.
pub(crate) fn admin() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(enrolment_tokens, add_enrolment_token))
        .routes(routes!(remove_enrolment_token))
}

/// Lists tokens by which agents enrol
#[utoipa::path(
    get, path = "/enrolment-tokens", tag = "operations",
    responses((status = 200, body = [EnrolmentToken]))
)]
async fn enrolment_tokens(State(app): State<App>) -> Result<Json<Vec<EnrolmentToken>>, Problem> {
    let own = app.clone();
    let tokens = app
        .control(move |control| {
            take_up(&own, control)?;
            control.enrolment_tokens()
        })
        .await?;
    Ok(Json(tokens.into_iter().map(EnrolmentToken::from).collect()))
}

/// Makes a token by which agents enrol, which is told only here
#[utoipa::path(
    post, path = "/enrolment-tokens", tag = "operations", request_body = NewEnrolmentToken,
    responses((status = 201, body = EnrolmentToken), (status = 409, body = Problem))
)]
async fn add_enrolment_token(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Given(new): Given<NewEnrolmentToken>,
) -> Result<(StatusCode, Json<EnrolmentToken>), Problem> {
    let Some(entrance) = &app.fleet.entrance else {
        return Err(Problem::conflict(
            "this server does not listen for agents: set `agents` in its table `[serve]`",
        ));
    };
    let now = app.parts.clock.now();
    if new.expires <= now || new.expires.nanos_since(now) > LONGEST.unsigned_abs() {
        return Err(Problem::bad_request("expires: at most a year from now"));
    }
    if !(1..=Kept::MAX_USES).contains(&new.most_uses) {
        return Err(Problem::bad_request(format!("most_uses: 1 to {}", Kept::MAX_USES)));
    }
    let is_plain = |text: &String| !text.is_empty() && !text.chars().any(char::is_control);
    if !new.labels.iter().all(|(key, value)| is_plain(key) && is_plain(value)) {
        return Err(Problem::bad_request("labels: names and values, none of them empty"));
    }
    let made = JoinToken::generate(entrance.authority.fingerprint())
        .map_err(|_error| Problem::unavailable("the system gives no randomness"))?;
    let kept = Kept {
        id: token::random()?.chars().take(ID_LEN).collect(),
        labels: new.labels,
        created: now,
        created_by: caller.name,
        expires: new.expires,
        most_uses: new.most_uses,
        uses: 0,
        last_used: None,
    };
    let digest = SecretDigest(made.digest());
    let token = made.reveal();
    let address = entrance.addresses.first().map(String::as_str).unwrap_or_default();
    let added = EnrolmentToken {
        join_command: Some(join_command(address, &token)),
        token: Some(token),
        ..EnrolmentToken::from(kept.clone())
    };
    app.control(move |control| control.add_enrolment_token(&kept, digest)).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// Removes a token; agents that enrolled by it stay
#[utoipa::path(
    delete, path = "/enrolment-tokens/{id}", tag = "operations", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
async fn remove_enrolment_token(
    State(app): State<App>,
    Named(id): Named,
) -> Result<StatusCode, Problem> {
    match app.control(move |control| control.remove_enrolment_token(&id)).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("enrolment token")),
    }
}

/// Letters and digits of a token's id.
const ID_LEN: usize = 12;

/// A token that is forgotten somewhere is good for so long.
const LONGEST: i64 = 366 * DAY;
