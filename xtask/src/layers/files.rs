//! Rules of a single source file.

use std::path::Path;

use super::source;

/// Names every breach in the source file at `path`, which is relative to the repository's root.
pub(super) fn breaches(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES && !is_generated(text) {
        found.push(format!(
            "{shown}: {lines} lines, at most {MAX_LINES}: split it by state or direction, one \
             concept a file (a generated file says `@generated` in its first lines)"
        ));
    }
    for part in path.components() {
        let name = part.as_os_str().to_string_lossy();
        if NAMELESS.contains(&name.trim_end_matches(".rs")) {
            found.push(nameless(&format!("{shown}"), &name));
        }
    }
    let mut previous = String::new();
    for (line, word) in source::words(text) {
        if word == "unsafe" && !may_be_unsafe(path) {
            found.push(format!(
                "{shown}:{line}: `unsafe` outside {}: use a safe form, or move the call there \
                 behind a safe function",
                UNSAFE_PLACES.join(" and ")
            ));
        }
        if previous == "mod" && NAMELESS.contains(&word.as_str()) {
            found.push(nameless(&format!("{shown}:{line}"), &word));
        }
        previous = word;
    }
    found
}

fn nameless(place: &str, name: &str) -> String {
    format!("{place}: a module called `{name}` has no name yet: call it after what it knows")
}

fn may_be_unsafe(path: &Path) -> bool {
    UNSAFE_PLACES.iter().any(|name| path.starts_with(name))
}

fn is_generated(text: &str) -> bool {
    text.lines().take(10).any(|line| line.contains("@generated"))
}

/// Longest source file in lines.
const MAX_LINES: usize = 500;

const NAMELESS: &[&str] = &["common", "util", "utils", "helpers", "misc"];

const UNSAFE_PLACES: &[&str] =
    &["crates/capture", "crates/probe", "crates/shim", "crates/tlsight/src/allocator.rs"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_has_its_crates() {
        let text = "// unsafe\nfn f() {\n    unsafe {}\n}\n";
        let found = breaches(Path::new("crates/tls/src/record.rs"), text);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("crates/tls/src/record.rs:3: `unsafe`"), "{}", found[0]);
        for home in ["crates/capture/src/ring.rs", "crates/tlsight/src/allocator.rs"] {
            assert!(breaches(Path::new(home), text).is_empty(), "{home}");
        }
    }

    #[test]
    fn lint_names_are_not_unsafe_code() {
        assert!(breaches(Path::new("crates/tls/src/lib.rs"), "#![deny(unsafe_code)]\n").is_empty());
    }

    #[test]
    fn a_file_is_at_most_500_lines_unless_generated() {
        let path = Path::new("crates/tls/src/record.rs");
        assert!(breaches(path, &"\n".repeat(500)).is_empty());
        assert_eq!(breaches(path, &"\n".repeat(501)).len(), 1);
        assert!(breaches(path, &format!("// @generated\n{}", "\n".repeat(501))).is_empty());
    }

    #[test]
    fn a_module_without_a_name_is_a_breach() {
        for path in ["crates/tls/src/util.rs", "crates/tls/tests/common/mod.rs"] {
            assert_eq!(breaches(Path::new(path), "").len(), 1, "{path}");
        }
        let path = Path::new("crates/tls/src/lib.rs");
        assert_eq!(breaches(path, "mod helpers { }").len(), 1);
        assert!(breaches(path, "mod common_name;\n// mod misc\n").is_empty());
    }
}
