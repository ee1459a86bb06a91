//! The API: which paths there are, who may, and how they are described.

pub(crate) mod access;
pub(crate) mod accounts;
pub(crate) mod agents;
pub(crate) mod enrolment;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod live;
pub(crate) mod notifiers;
pub(crate) mod observed;
pub(crate) mod openapi;
pub(crate) mod operations;
pub(crate) mod params;
pub(crate) mod policies;
pub(crate) mod reports;
pub(crate) mod rollouts;
pub(crate) mod sessions;
pub(crate) mod violations;
