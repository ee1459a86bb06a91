//! The router, and its description as OpenAPI 3.1.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Router, middleware};
use store::Role;
use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, ResponseBuilder, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;

use super::{
    access, accounts, agents, enrolment, export, import, live, notifiers, observed, operations,
    policies, reports, rollouts, sessions, violations,
};
use crate::app::App;
use crate::auth::guard::{Needs, guard, no_such_method};
use crate::http::headers::{StrictTransport, secure};
use crate::http::limits::{MAX_BODY, Places, bound};
use crate::http::linger::linger;
use crate::problem::{self, Problem};
use crate::replicas::position::hint;
use crate::ui;

/// What anybody may.
fn open() -> OpenApiRouter<App> {
    access::open()
}

/// What each role may, beside what lesser roles may.
fn of_role(role: Role) -> OpenApiRouter<App> {
    match role {
        Role::Viewer => access::viewer()
            .merge(observed::viewer())
            .merge(sessions::viewer())
            .merge(violations::viewer())
            .merge(policies::viewer())
            .merge(notifiers::viewer())
            .merge(operations::viewer())
            .merge(agents::viewer())
            .merge(rollouts::viewer())
            .merge(export::viewer())
            .merge(reports::viewer())
            .merge(live::viewer()),
        Role::Operator => import::operator()
            .merge(violations::operator())
            .merge(policies::operator())
            .merge(agents::operator())
            .merge(rollouts::operator()),
        Role::Admin => accounts::admin()
            .merge(notifiers::admin())
            .merge(operations::admin())
            .merge(enrolment::admin()),
    }
}

/// All routes, each level with its description.
fn levels() -> Vec<(Option<Role>, OpenApiRouter<App>)> {
    let api = |router| OpenApiRouter::new().nest("/api/v1", router);
    vec![
        (None, api(open()).merge(operations::open())),
        (Some(Role::Viewer), api(of_role(Role::Viewer)).merge(operations::scraped())),
        (Some(Role::Operator), api(of_role(Role::Operator))),
        (Some(Role::Admin), api(of_role(Role::Admin))),
    ]
}

/// The whole server.
pub(crate) fn router(app: &App, strict: StrictTransport) -> Router {
    let mut all = Router::new();
    for (role, level) in levels() {
        let (router, _) = level.split_for_parts();
        all = all.merge(match role {
            Some(role) => {
                let needs = Needs { app: app.clone(), role };
                router.route_layer(middleware::from_fn_with_state(needs, guard))
            }
            None => router,
        });
    }
    let text: Arc<str> = description().to_json().unwrap_or_default().into();
    let description = move || {
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let text = text.to_string();
        async move { (kind, text).into_response() }
    };
    all.route("/openapi.json", get(description))
        .fallback(ui::serve)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), hint))
        .layer(middleware::from_fn_with_state(Places::default(), bound))
        .layer(middleware::from_fn(linger))
        .layer(middleware::from_fn_with_state(strict, secure))
        .with_state(app.clone())
}

/// What each route needs, as the router has it.
#[cfg(test)]
pub(crate) fn needs() -> Vec<(String, String, Option<Role>)> {
    let mut all = Vec::new();
    for (role, level) in levels() {
        for (path, item) in &level.get_openapi().paths.paths {
            for (method, _) in operations(item) {
                all.push((method.to_owned(), path.clone(), role));
            }
        }
    }
    all
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "tlsight",
        description = "What TLS connections were seen, how well they are protected, and what breaks \
                       policy.\n\nLog in by `POST /api/v1/login`, which sets a cookie; changes then \
                       carry the `csrf_token` of its answer in the header `X-CSRF-Token`. Or send an \
                       API token: `Authorization: Bearer tlsight_...`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        version = env!("CARGO_PKG_VERSION"),
    ),
    components(schemas(Problem))
)]
struct Description;

/// The description of the API.
pub(crate) fn description() -> OpenApi {
    let mut all = Description::openapi();
    for (role, level) in levels() {
        let mut api = level.into_openapi();
        for item in api.paths.paths.values_mut() {
            let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
            all.into_iter().flatten().for_each(|operation| describe(operation, role));
        }
        all.merge(api);
    }
    let components = all.components.get_or_insert_default();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("tlsight_session")));
    components.add_security_scheme("token", bearer);
    components.add_security_scheme("cookie", cookie);
    all
}

/// Adds to an operation what all of its level have in common.
fn describe(operation: &mut Operation, role: Option<Role>) {
    let mut answers = vec![
        ("400", "The request makes no sense"),
        ("405", "This path has no such method"),
        ("413", "The body is too long"),
        ("415", "The body is no JSON"),
        ("500", "The server failed"),
        ("503", "The server is busy or about to end"),
        ("507", "The store has no space"),
    ];
    if let Some(role) = role {
        answers.push(("401", "Nobody is logged in, and there is no valid token"));
        answers.push(("403", "Who asks may not, or X-CSRF-Token is missing"));
        operation.security = Some(vec![
            SecurityRequirement::new::<_, [&str; 0], &str>("token", []),
            SecurityRequirement::new::<_, [&str; 0], &str>("cookie", []),
        ]);
        let needed = format!("Needs the role `{}`.", role.name());
        let said = operation.description.take();
        operation.description =
            Some(said.map_or(needed.clone(), |said| format!("{said}\n\n{needed}")));
    }
    for (status, meaning) in answers {
        let answer = || {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            ResponseBuilder::new()
                .description(meaning)
                .content(problem::MEDIA_TYPE, content)
                .build()
        };
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| answer().into());
    }
    // `utoipa` takes the media type of all bodies to be that of JSON.
    for (status, answer) in &mut operation.responses.responses {
        if let utoipa::openapi::RefOr::T(answer) = answer
            && !status.starts_with('2')
            && let Some(content) = answer.content.shift_remove("application/json")
        {
            answer.content.insert(problem::MEDIA_TYPE.to_owned(), content);
        }
    }
}

#[cfg(test)]
fn operations(
    item: &utoipa::openapi::PathItem,
) -> impl Iterator<Item = (&'static str, &Operation)> {
    let all =
        [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}
