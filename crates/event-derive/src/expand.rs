//! From a type to its implementation of `ToJson`.

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use syn::{Data, DataEnum, DeriveInput, Error, Field, Fields, Result};

use crate::attributes::{Attributes, Case};

pub(crate) fn to_json(input: &DeriveInput) -> Result<TokenStream> {
    let case = Case::read(&input.attrs)?;
    let body = match &input.data {
        Data::Struct(data) => of_struct(&data.fields, input)?,
        Data::Enum(data) => of_enum(data, case)?,
        Data::Union(_) => return Err(Error::new_spanned(input, "a union has no JSON form")),
    };
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics ::event::ToJson for #name #type_generics #where_clause {
            #body
        }
    })
}

fn of_struct(fields: &Fields, input: &DeriveInput) -> Result<TokenStream> {
    let Fields::Named(fields) = fields else {
        return Err(Error::new_spanned(input, "only fields with names have a JSON form"));
    };
    let statements = fields.named.iter().map(of_field).collect::<Result<Vec<_>>>()?;
    Ok(quote! {
        fn write_json(&self, out: &mut ::std::vec::Vec<u8>) {
            ::event::json::write_object(out, |out| ::event::ToJson::write_fields(self, out));
        }

        fn write_fields(&self, out: &mut ::std::vec::Vec<u8>) {
            #(#statements)*
        }
    })
}

fn of_field(field: &Field) -> Result<TokenStream> {
    let attributes = Attributes::read(&field.attrs)?;
    let ident = &field.ident;
    let write = if attributes.is_flat {
        quote! { ::event::ToJson::write_fields(&self.#ident, out); }
    } else {
        let name = attributes
            .rename
            .unwrap_or_else(|| ident.as_ref().map(ToString::to_string).unwrap_or_default());
        quote! {
            const { &::event::json::FieldName::<{ ::event::json::padded_len(#name) }>::new(#name) }
                .write(out);
            ::event::ToJson::write_json(&self.#ident, out);
        }
    };
    Ok(match attributes.skip_if {
        Some(skip_if) => quote! { if !#skip_if(&self.#ident) { #write } },
        None => write,
    })
}

fn of_enum(data: &DataEnum, case: Case) -> Result<TokenStream> {
    let mut arms = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, "a variant with fields, which no event has"));
        }
        let ident = &variant.ident;
        let name = Attributes::read(&variant.attrs)?
            .rename
            .unwrap_or_else(|| case.apply(&ident.to_string()));
        let text = Literal::byte_string(format!("{name:?}").as_bytes());
        arms.push(quote! { Self::#ident => out.extend_from_slice(#text), });
    }
    Ok(quote! {
        fn write_json(&self, out: &mut ::std::vec::Vec<u8>) {
            match self { #(#arms)* }
        }
    })
}
