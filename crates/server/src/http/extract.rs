//! What a request says, or a problem that says what is wrong with it.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The query of a request. Several structs may take their parts of the same one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

/// The JSON that is the body of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<T>(pub(crate) T);

/// The variable part of a path.
#[derive(Clone, Debug)]
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        let Query(asked) =
            query.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        Ok(Self(asked))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Given<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let given = Json::<T>::from_request(request, state).await;
        let Json(given) = given.map_err(|rejection: JsonRejection| {
            // A body that is JSON and not what is asked for is as wrong as one that is no JSON.
            let status = match rejection.status() {
                StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
                other => other,
            };
            Problem::new(status).because(rejection.body_text())
        })?;
        Ok(Self(given))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) =
            path.map_err(|rejection: PathRejection| Problem::bad_request(rejection.body_text()))?;
        if name.len() > MAX_NAME || name.contains('\0') {
            return Err(Problem::not_found("name"));
        }
        Ok(Self(name))
    }
}

/// No id and no name is longer.
const MAX_NAME: usize = 512;
