//! What the `serde` attributes of a type, field or variant say.

use syn::{Attribute, ExprPath, LitStr, Result};

/// Of a field or variant.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) rename: Option<String>,
    pub(crate) is_flat: bool,
    pub(crate) skip_if: Option<ExprPath>,
}

impl Attributes {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") {
                    found.rename = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("flatten") {
                    found.is_flat = true;
                } else if meta.path.is_ident("skip_serializing_if") {
                    found.skip_if = Some(meta.value()?.parse::<LitStr>()?.parse()?);
                } else {
                    return Err(meta.error("an attribute that `ToJson` does not know"));
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// How the names of all variants are changed.
#[derive(Clone, Copy, Default)]
pub(crate) enum Case {
    #[default]
    AsWritten,
    Lower,
    Snake,
}

impl Case {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Self> {
        let mut case = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("rename_all") {
                    return Err(meta.error("an attribute that `ToJson` does not know"));
                }
                let name: LitStr = meta.value()?.parse()?;
                case = match name.value().as_str() {
                    "lowercase" => Self::Lower,
                    "snake_case" => Self::Snake,
                    _ => return Err(meta.error("a case that `ToJson` does not know")),
                };
                Ok(())
            })?;
        }
        Ok(case)
    }

    /// The name of the variant `name`, written in camel case.
    pub(crate) fn apply(self, name: &str) -> String {
        match self {
            Self::AsWritten => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Snake => {
                let mut snake = String::new();
                for letter in name.chars() {
                    if letter.is_ascii_uppercase() && !snake.is_empty() {
                        snake.push('_');
                    }
                    snake.push(letter.to_ascii_lowercase());
                }
                snake
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_named_as_by_serde() {
        assert_eq!(Case::Snake.apply("HybridPq"), "hybrid_pq");
        assert_eq!(Case::Lower.apply("HybridPq"), "hybridpq");
        assert_eq!(Case::AsWritten.apply("OK"), "OK");
    }

    #[test]
    fn an_unknown_attribute_is_an_error() {
        let field: syn::Field = syn::parse_quote!(#[serde(with = "module")] field: u8);
        assert!(Attributes::read(&field.attrs).is_err());
        let item: syn::DeriveInput = syn::parse_quote!(
            #[serde(rename_all = "UPPERCASE")]
            enum A {}
        );
        assert!(Case::read(&item.attrs).is_err());
    }
}
