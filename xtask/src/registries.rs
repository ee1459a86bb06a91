//! `crates/tls/registries/*.csv` to the sorted tables of `crates/tls/src/registry/generated/`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use lexopt::prelude::*;

use crate::{Outcome, workspace};

/// Writes the tables, or with `--check` compares them with the files.
///
/// # Errors
/// If the arguments or a registry are wrong, or a file cannot be used.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<Outcome> {
    let mut check = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("check") => check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let root = workspace::root();
    let mut outcome = Outcome::Clean;
    for (path, text) in tables(&root.join(REGISTRIES))? {
        let target = root.join(GENERATED).join(&path);
        if !check {
            fs::write(&target, &text).with_context(|| format!("cannot write {path}"))?;
        } else if !fs::read_to_string(&target).is_ok_and(|committed| committed == text) {
            println!(
                "{GENERATED}/{path} differs: run `cargo xtask registries` and commit the file"
            );
            outcome = Outcome::Failed;
        }
    }
    Ok(outcome)
}

/// Renders every table: its file name and its text.
fn tables(registries: &Path) -> Result<Vec<(String, String)>> {
    let mut rendered = Vec::new();
    let mut modules = String::from("//! Tables made by `cargo xtask registries`.\n\n");
    for table in TABLES {
        let path = registries.join(format!("{}.csv", table.name));
        let csv =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = render(table, &csv).with_context(|| format!("in {}", path.display()))?;
        writeln!(modules, "pub(super) mod {};", table.name)?;
        rendered.push((format!("{}.rs", table.name), text));
    }
    rendered.push(("mod.rs".to_owned(), modules));
    Ok(rendered)
}

fn render(table: &Table, csv: &str) -> Result<String> {
    let mut lines = csv.lines();
    let source = lines.next().and_then(|line| line.strip_prefix("# source: "));
    let source = source.context("the first line is not `# source: ...`")?;
    let columns = lines.next().context("there is no line of column names")?;
    let expected: Vec<&str> = ["value", "name"]
        .into_iter()
        .chain(table.columns.iter().map(|column| column.name))
        .chain(["reference"])
        .collect();
    ensure!(columns.split(',').eq(expected.iter().copied()), "the columns are {columns}");
    let mut rows = Vec::new();
    for line in lines {
        rows.push(row(table, line).with_context(|| format!("in the line {line:?}"))?);
    }
    for pair in rows.windows(2) {
        if let [(first, _), (second, _)] = pair {
            ensure!(first < second, "{first:#06x} and {second:#06x} are not in order");
        }
    }
    let mut text = format!(
        "//! Made by `cargo xtask registries` from `registries/{}.csv`.\n//!\n//! Source: {source}.\n\n",
        table.name
    );
    let mut types: Vec<&str> = table.columns.iter().filter_map(|column| column.path).collect();
    types.sort_unstable();
    match types.as_slice() {
        [] => {}
        [one] => writeln!(text, "use crate::registry::{one};\n")?,
        several => writeln!(text, "use crate::registry::{{{}}};\n", several.join(", "))?,
    }
    let row_type: String =
        table.columns.iter().map(|column| format!(", {}", column.ty())).collect();
    writeln!(
        text,
        "#[rustfmt::skip]\npub(in crate::registry) const ENTRIES: [({}, &str{row_type}); {}] = [",
        table.integer,
        rows.len()
    )?;
    for (_, row) in rows {
        writeln!(text, "    {row},")?;
    }
    text.push_str("];\n");
    Ok(text)
}

fn row(table: &Table, line: &str) -> Result<(u32, String)> {
    let mut fields = line.split(',');
    let mut next = || fields.next().context("a field is missing");
    let value = next()?;
    let digits = value.strip_prefix("0x").context("the value does not begin with 0x")?;
    let number = u32::from_str_radix(digits, 16)?;
    let name = next()?;
    let sound = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    ensure!(!name.is_empty() && name.bytes().all(sound), "the name is {name:?}");
    let mut row = format!("({value}, \"{name}\"");
    for column in table.columns {
        write!(row, ", {}", column.render(next()?)?)?;
    }
    row.push(')');
    ensure!(!next()?.is_empty(), "there is no reference");
    ensure!(next().is_err(), "there are too many fields");
    Ok((number, row))
}

struct Table {
    name: &'static str,
    integer: &'static str,
    columns: &'static [Column],
}

impl Table {
    const fn named(name: &'static str, integer: &'static str) -> Self {
        Self { name, integer, columns: &[] }
    }
}

/// A column between the name and the reference.
struct Column {
    name: &'static str,
    /// The enum whose variants the column names in `snake_case`; a `u16` if there is none.
    path: Option<&'static str>,
}

impl Column {
    fn ty(&self) -> &'static str {
        self.path.unwrap_or("u16")
    }

    fn render(&self, field: &str) -> Result<String> {
        let Some(path) = self.path else {
            return Ok(field.parse::<u16>()?.to_string());
        };
        let mut variant = String::new();
        for word in field.split('_') {
            let mut letters = word.chars();
            let Some(first) = letters.next() else { bail!("{field:?} is not a variant of {path}") };
            variant.extend(first.to_uppercase());
            variant.push_str(letters.as_str());
        }
        Ok(format!("{path}::{variant}"))
    }
}

const TABLES: &[Table] = &[
    Table::named("alert_descriptions", "u8"),
    Table::named("alert_levels", "u8"),
    Table::named("certificate_compression_algorithms", "u16"),
    Table::named("certificate_status_types", "u8"),
    Table::named("certificate_types", "u8"),
    Table {
        name: "cipher_suites",
        integer: "u16",
        columns: &[
            Column { name: "key_exchange", path: Some("KeyExchangeMethod") },
            Column { name: "authentication", path: Some("Authentication") },
        ],
    },
    Table::named("client_certificate_types", "u8"),
    Table::named("compression_methods", "u8"),
    Table::named("content_types", "u8"),
    Table::named("ec_point_formats", "u8"),
    Table::named("extension_types", "u16"),
    Table::named("handshake_types", "u8"),
    Table::named("hpke_aeads", "u16"),
    Table::named("hpke_kdfs", "u16"),
    Table {
        name: "named_groups",
        integer: "u16",
        columns: &[
            Column { name: "class", path: Some("GroupClass") },
            Column { name: "bits", path: None },
        ],
    },
    Table::named("ocsp_response_statuses", "u8"),
    Table::named("psk_key_exchange_modes", "u8"),
    Table::named("signature_schemes", "u16"),
    Table::named("sslv2_cipher_kinds", "u32"),
];

const REGISTRIES: &str = "crates/tls/registries";
const GENERATED: &str = "crates/tls/src/registry/generated";

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &Table = &Table {
        name: "groups",
        integer: "u16",
        columns: &[
            Column { name: "class", path: Some("GroupClass") },
            Column { name: "bits", path: None },
        ],
    };

    #[test]
    fn a_table_is_rendered_in_the_order_of_its_values() {
        let csv = "# source: here; compiled: today\nvalue,name,class,bits,reference\n\
                   0x0017,secp256r1,classical,256,IANA\n0x11ec,X25519MLKEM768,hybrid_pq,255,IANA\n";
        let text = render(GROUPS, csv).unwrap();
        assert!(text.contains("[(u16, &str, GroupClass, u16); 2]"), "{text}");
        assert!(
            text.contains("(0x11ec, \"X25519MLKEM768\", GroupClass::HybridPq, 255),"),
            "{text}"
        );
    }

    #[test]
    fn a_registry_out_of_order_or_without_source_is_refused() {
        let header = "value,name,class,bits,reference\n";
        let unsorted =
            format!("# source: x\n{header}0x0002,b,classical,1,IANA\n0x0001,a,classical,1,IANA\n");
        assert!(render(GROUPS, &unsorted).is_err());
        assert!(render(GROUPS, header).is_err());
        let unreferenced = format!("# source: x\n{header}0x0001,a,classical,1,\n");
        assert!(render(GROUPS, &unreferenced).is_err());
    }
}
