//! Postures and rules, on real sessions and on lines as they come from elsewhere.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by a panic")]

mod baselines;
mod captures;
mod criteria;
mod entities;
mod expressions;
mod files;
mod lines;
mod packs;
mod postures;
mod rules;
mod sessions;
