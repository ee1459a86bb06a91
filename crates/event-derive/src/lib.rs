//! The derive macro behind `event::ToJson`.

mod attributes;
mod expand;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives `event::ToJson` for a struct with named fields, or an enum without any.
///
/// It reads the `serde` attributes that the events use (`rename`, `rename_all`, `flatten`,
/// `skip_serializing_if`) and means by them what serde does, so that a type says once what its JSON
/// looks like. Any other attribute is an error.
#[proc_macro_derive(ToJson, attributes(serde))]
pub fn derive_to_json(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::to_json(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
