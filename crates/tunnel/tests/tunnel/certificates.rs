//! Certificates that are made.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tunnel::{CertificateRequest, Credentials, NotMade, make_certificates};

use crate::place::now;

#[test]
fn keys_can_be_read_by_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let written = make_certificates(folder.path(), &request(&["web-1"]), now()).unwrap();
    let names: Vec<_> =
        written.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["ca.key", "ca.pem", "sensor.key", "sensor.pem", "web-1.key", "web-1.pem"]);
    for path in &written {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let is_key = path.extension().unwrap() == "key";
        assert_eq!(mode, if is_key { 0o600 } else { 0o644 }, "{}", path.display());
    }
    let at = |name| folder.path().join(name);
    Credentials::read(&at("web-1.pem"), &at("web-1.key"), &at("ca.pem")).unwrap();
}

#[test]
fn nothing_is_overwritten_and_more_agents_get_the_same_authority() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path(), &request(&["web-1"]), now()).unwrap();
    let authority = fs::read(folder.path().join("ca.pem")).unwrap();
    let again = make_certificates(folder.path(), &request(&["web-1"]), now()).unwrap_err();
    assert!(matches!(again, NotMade::Exists(path) if path.ends_with("sensor.key")));
    let only_agents = CertificateRequest { sensor_names: Vec::new(), ..request(&["web-2"]) };
    make_certificates(folder.path(), &only_agents, now()).unwrap();
    assert_eq!(fs::read(folder.path().join("ca.pem")).unwrap(), authority);
}

#[test]
fn names_that_are_no_files_or_are_taken_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "../x", "a/b", ".hidden", "ca", "sensor", &"x".repeat(65), "a b"] {
        let error = make_certificates(folder.path(), &request(&[name]), now()).unwrap_err();
        assert!(matches!(error, NotMade::Name(_)), "{name}: {error}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_wrong_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path(), &request(&["web-1"]), now()).unwrap();
    let at = |name| folder.path().join(name);
    for (certificate, key, ca, named) in [
        ("none.pem", "web-1.key", "ca.pem", "none.pem"),
        ("web-1.pem", "web-1.pem", "ca.pem", "web-1.pem"),
        ("web-1.pem", "web-1.key", "ca.key", "ca.key"),
    ] {
        let error = Credentials::read(&at(certificate), &at(key), &at(ca)).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

fn request(agents: &[&str]) -> CertificateRequest {
    CertificateRequest {
        sensor_names: vec!["sensor.example".to_owned(), "192.0.2.1".to_owned()],
        agents: agents.iter().map(|&name| name.to_owned()).collect(),
    }
}
