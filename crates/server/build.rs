//! Puts the built web UI into the crate: each file of `ui/dist` with its path and digest.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> io::Result<()> {
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = own.join("../../ui/dist");
    // Cargo runs this script at each build if what it watches is missing. Where there is no room for
    // the folder, it just does that.
    if own.join("../../ui").is_dir() {
        fs::create_dir_all(&folder).ok();
    }
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = BTreeMap::new();
    if folder.is_dir() {
        println!("cargo::rerun-if-changed={}", folder.display());
        let folder = folder.canonicalize()?;
        list(&folder, &folder, &mut files)?;
    }
    let mut table = "[\n".to_owned();
    for (name, path) in &files {
        let mut hasher = DefaultHasher::new();
        fs::read(path)?.hash(&mut hasher);
        let (path, tag) = (path.display().to_string(), hasher.finish());
        writeln!(
            table,
            "    File {{ path: {name:?}, bytes: include_bytes!({path:?}), tag: \"\\\"{tag:016x}\\\"\" }},"
        )
        .map_err(io::Error::other)?;
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("ui.rs"), table)
}

fn list(root: &Path, folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(root, &path, files)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            files.insert(format!("/{}", name.display()), path.clone());
        }
    }
    Ok(())
}
