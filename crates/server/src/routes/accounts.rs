//! Users, tokens and the audit log.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use store::SecretText;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::token;
use crate::http::extract::{Asked, Given, Named};
use crate::http::window::PageAsked;
use crate::problem::Problem;
use crate::view::Page;
use crate::view::account::{AuditEntry, ChangedUser, NewToken, NewUser, Token, User};

/// What administrators may.
pub(crate) fn admin() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(users, add_user))
        .routes(routes!(change_user, remove_user))
        .routes(routes!(tokens, add_token))
        .routes(routes!(remove_token))
        .routes(routes!(audit))
}

/// Lists users
#[utoipa::path(get, path = "/users", tag = "accounts", responses((status = 200, body = [User])))]
async fn users(State(app): State<App>) -> Result<Json<Vec<User>>, Problem> {
    let users = app.control(|control| control.users()).await?;
    Ok(Json(users.into_iter().map(User::from).collect()))
}

/// Adds a user
#[utoipa::path(
    post, path = "/users", tag = "accounts", request_body = NewUser,
    responses((status = 201, body = User), (status = 409, body = Problem))
)]
async fn add_user(
    State(app): State<App>,
    Given(new): Given<NewUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let name = valid_name(&new.name)?.to_owned();
    let password = SecretText::new(app.passwords.hash(new.password).await?);
    let created = app.parts.clock.now();
    let user = store::User { name, role: new.role, password, created, last_login: None };
    let added = User::from(user.clone());
    app.control(move |control| control.add_user(&user)).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// Changes a user's role or password and ends all log-ins of the user
#[utoipa::path(
    put, path = "/users/{name}", tag = "accounts", request_body = ChangedUser,
    params(("name" = String, Path)),
    responses((status = 200, body = User), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn change_user(
    State(app): State<App>,
    Named(name): Named,
    Given(changed): Given<ChangedUser>,
) -> Result<Json<User>, Problem> {
    let password = match changed.password {
        Some(password) => Some(SecretText::new(app.passwords.hash(password).await?)),
        None => None,
    };
    let role = changed.role;
    let user = app
        .control(move |control| {
            control.change_user(&name, role, password.as_ref())?;
            control.user(&name)
        })
        .await?;
    user.map(|user| Json(User::from(user))).ok_or_else(|| Problem::not_found("user"))
}

/// Removes a user
#[utoipa::path(
    delete, path = "/users/{name}", tag = "accounts", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn remove_user(State(app): State<App>, Named(name): Named) -> Result<StatusCode, Problem> {
    app.control(move |control| control.remove_user(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists API tokens
#[utoipa::path(get, path = "/tokens", tag = "accounts", responses((status = 200, body = [Token])))]
async fn tokens(State(app): State<App>) -> Result<Json<Vec<Token>>, Problem> {
    let tokens = app.control(|control| control.tokens()).await?;
    Ok(Json(tokens.into_iter().map(Token::from).collect()))
}

/// Makes an API token, which is told only here
#[utoipa::path(
    post, path = "/tokens", tag = "accounts", request_body = NewToken,
    responses((status = 201, body = Token), (status = 409, body = Problem))
)]
async fn add_token(
    State(app): State<App>,
    Given(new): Given<NewToken>,
) -> Result<(StatusCode, Json<Token>), Problem> {
    let now = app.parts.clock.now();
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!("name: 1 to {MAX_NAME} characters")));
    }
    if new.expires.is_some_and(|end| end <= now) {
        return Err(Problem::bad_request("expires: that is over already"));
    }
    let secret = token::api_token()?;
    let id = token::random()?.chars().take(ID_LEN).collect();
    let token = store::Token {
        id,
        name,
        role: new.role,
        created: now,
        expires: new.expires,
        last_used: None,
    };
    let told = Some(secret.dangerous_text().to_owned());
    let added = Token { token: told, ..Token::from(token.clone()) };
    let digest = token::digest(secret.dangerous_text());
    app.control(move |control| control.add_token(&token, digest)).await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// Revokes an API token
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "accounts", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
async fn remove_token(State(app): State<App>, Named(id): Named) -> Result<StatusCode, Problem> {
    match app.control(move |control| control.remove_token(&id)).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("token")),
    }
}

/// Lists who did what, newest first
#[utoipa::path(
    get, path = "/audit", tag = "accounts", params(PageAsked),
    responses((status = 200, body = Page<AuditEntry>))
)]
async fn audit(
    State(app): State<App>,
    Asked(page): Asked<PageAsked>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let page = page.page()?;
    let entries = app.control(move |control| control.audit(page)).await?;
    Ok(Json(Page::of(entries, AuditEntry::from)))
}

/// The name of a user, if it can be one.
pub(crate) fn valid_name(name: &str) -> Result<&str, Problem> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    let is_valid = (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_plain);
    is_valid.then_some(name).ok_or_else(|| {
        Problem::bad_request(format!(
            "a name has 1 to {MAX_NAME} letters, digits or any of . _ @ -"
        ))
    })
}

/// Of a user or a token.
const MAX_NAME: usize = 64;

/// Letters and digits of a token's id.
const ID_LEN: usize = 12;
