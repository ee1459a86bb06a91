//! What `cargo deb` is told to pack is there.

use std::fs;
use std::path::Path;

use toml::Value;

#[test]
fn what_the_package_is_made_of_is_there() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(own.join("Cargo.toml")).unwrap();
    let manifest: Value = toml::from_str(&manifest).unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut placed = Vec::new();
    for asset in deb["assets"].as_array().unwrap() {
        let (from, to) = (text(&asset[0]), text(&asset[1]));
        let path = Path::new(&from);
        let name = path.file_name().unwrap().to_str().unwrap();
        placed.push(if to.ends_with('/') { format!("/{to}{name}") } else { format!("/{to}") });
        if from.starts_with("target/release/") {
            continue;
        }
        let (begin, end) = name.split_once('*').unwrap_or((name, ""));
        let found =
            fs::read_dir(own.join(path.parent().unwrap())).unwrap().flatten().any(|entry| {
                let found = entry.file_name().into_string().unwrap();
                found.starts_with(begin) && found.ends_with(end)
            });
        assert!(found, "{from}");
    }
    for file in deb["conf-files"].as_array().unwrap() {
        assert!(placed.contains(&text(file)), "{file:?} of {placed:?}");
    }
    for unit in deb["systemd-units"].as_array().unwrap() {
        let service = format!("{}.service", text(&unit["unit-name"]));
        let service = own.join(text(&unit["unit-scripts"])).join(service);
        let service = fs::read_to_string(service).unwrap();
        let environment = service.lines().find_map(|line| line.strip_prefix("EnvironmentFile=-"));
        assert!(placed.contains(&environment.unwrap().to_owned()), "{placed:?}");
    }
    assert!(own.join(text(&deb["license-file"][0])).is_file());
    for script in ["postinst", "prerm", "postrm"] {
        let script = own.join(text(&deb["maintainer-scripts"])).join(script);
        // What starts and stops the units goes there.
        assert!(fs::read_to_string(script).unwrap().lines().any(|line| line == "#DEBHELPER#"));
    }
}
