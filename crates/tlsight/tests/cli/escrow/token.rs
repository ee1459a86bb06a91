//! Keys of epochs in a token: SoftHSM2, which is one in software.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::deliver_capture;
use super::world::{Escrow, contains, stop};
use crate::program::{testdata, tlsight};

#[test]
fn keys_in_a_token_open_the_archive_until_they_are_destroyed_there() {
    let Some(token) = SoftHsm::new() else { return };
    let escrow = Escrow::in_token(&token.variables(), &token.uri(), &[]);
    let mut serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls13");
    stop(&mut serving);
    let mut serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls12");
    stop(&mut serving);
    assert_eq!(token.keys(), 10, "five for each of two epochs");

    let both: &[&str] = &["bob", "carol"];
    let released = escrow.released(&escrow.request("a", "t3", both, &[]));
    let capture = testdata().join("secrets-tls13/input.pcap");
    let [capture, log] = [&capture, &released].map(|path| path.to_str().unwrap());
    let clear = tlsight(["decrypt", capture, "--keylog", log]).stdout;
    assert!(contains(&clear, b"hello") && contains(&clear, b"olleh"));

    // The folder alone opens nothing, and says so.
    let request = escrow.request("b", "t1", &[], &[]);
    let answer = escrow.path("b.answer");
    let answer = ["release", &request, "-o", answer.to_str().unwrap()];
    let run = escrow.run_without_token(&answer);
    assert!(run.status == 1 && run.stderr.contains("in a token"), "{}", run.stderr);
    assert!(!escrow.path("b.unreleased").exists());
    let list = escrow.run_without_token(&["keys", "list"]);
    assert_eq!(list.text().matches(": in a token").count(), 2, "{}", list.text());
    assert_eq!(escrow.run_without_token(&["keys", "destroy", "1"]).status, 1);

    escrow.done(&["keys", "destroy", "1"]);
    assert_eq!(token.keys(), 5, "those of the next epoch");
    let after = fs::metadata(escrow.released(&escrow.request("c", "t3", both, &[]))).unwrap().len();
    assert_eq!(after, 0);
    assert!(escrow.audit().contains("\"action\":\"epoch-destroyed\",\"epoch\":1"));
    escrow.done(&["audit", "--store"]);
}

#[test]
fn keys_that_vanish_from_a_token_are_destroyed() {
    let Some(token) = SoftHsm::new() else { return };
    let escrow = Escrow::in_token(&token.variables(), &token.uri(), &[]);
    assert_eq!(escrow.done(&["keys", "list"]).text().matches(": readable").count(), 2);
    token.delete_all();
    assert_eq!(escrow.done(&["keys", "list"]).text().matches(": destroyed").count(), 2);
}

#[test]
fn epochs_go_into_a_token_when_they_are_rotated_and_leave_it_when_they_are_over() {
    let Some(token) = SoftHsm::new() else { return };
    let escrow = Escrow::in_token(&token.variables(), &token.uri(), &SHORT);
    let rotate = [&["keys", "rotate"], &SHORT[..]].concat();
    super::world::wait_for("an epoch to be made and destroyed on schedule", || {
        escrow.done(&rotate);
        let audit = escrow.audit();
        audit.contains("\"epoch\":3,\"on_demand\":false")
    });
    let list = escrow.done(&["keys", "list"]);
    let readable = list.text().matches(": readable").count();
    assert_eq!(token.keys(), 5 * readable, "{}", list.text());
}

#[test]
fn a_wrong_pin_or_token_is_refused_and_a_pin_on_the_command_line_too() {
    let Some(token) = SoftHsm::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let init = |uri: &str, pin: &str| {
        let dir = folder.path().join("escrow");
        let mut variables = token.variables();
        variables.push(("TLSIGHT_TOKEN_PIN", pin.to_owned()));
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let args = ["escrow", "init", "--service", "localhost", "--dir", dir.to_str().unwrap()];
        let run =
            crate::program::with_environment(args.into_iter().chain(["--token", uri]), &variables);
        (run.status, run.stderr)
    };
    let module = format!("module-path={}", SoftHsm::MODULE);
    let (status, said) = init(&format!("pkcs11:token=escrow?{module}"), "4321");
    assert!(status == 1 && said.contains("log in"), "{said}");
    let (status, said) = init(&format!("pkcs11:token=other?{module}"), SoftHsm::PIN);
    assert!(status == 1 && said.contains("0 tokens"), "{said}");
    let (status, said) = init(&format!("pkcs11:token=escrow?{module}&pin-value=1"), SoftHsm::PIN);
    assert!(status == 2 && said.contains("command lines"), "{said}");
    let (status, said) = init("pkcs11:token=escrow?module-path=/dev/null", SoftHsm::PIN);
    assert!(status == 1 && said.contains("cannot load"), "{said}");
}

/// Epochs that are over soon.
const SHORT: [&str; 4] = ["--epoch", "1s", "--retention", "1s"];

/// A token in a folder of its own.
struct SoftHsm {
    folder: tempfile::TempDir,
}

impl SoftHsm {
    const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
    const PIN: &str = "1234";

    /// `None` if there is none here, which the variable `CI` makes a failure.
    fn new() -> Option<Self> {
        if !Path::new(Self::MODULE).exists() {
            assert!(std::env::var_os("CI").is_none(), "softhsm2 is missing");
            eprintln!("skipped: softhsm2 is missing");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let tokens = folder.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let settings = format!("directories.tokendir = {}\n", tokens.display());
        fs::write(folder.path().join("softhsm2.conf"), settings).unwrap();
        // A line's end belongs to the file, not to the PIN.
        fs::write(folder.path().join("pin"), format!("{}\n", Self::PIN)).unwrap();
        let token = Self { folder };
        token.tool(&[
            "--init-token",
            "--free",
            "--label",
            "escrow",
            "--so-pin",
            "5678",
            "--pin",
            Self::PIN,
        ]);
        Some(token)
    }

    fn tool(&self, args: &[&str]) {
        let run = Command::new("softhsm2-util").args(args).envs(self.variables()).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let settings = self.folder.path().join("softhsm2.conf");
        vec![("SOFTHSM2_CONF", settings.display().to_string())]
    }

    fn uri(&self) -> String {
        let pin = self.folder.path().join("pin");
        format!("pkcs11:token=escrow?module-path={}&pin-source={}", Self::MODULE, pin.display())
    }

    /// Private keys in the token: each object is a file, beside that of the token.
    fn objects(&self) -> Vec<std::path::PathBuf> {
        let tokens = fs::read_dir(self.folder.path().join("tokens")).unwrap();
        let folder = tokens.map(|entry| entry.unwrap().path()).next().unwrap();
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let is_object = |path: &Path| {
            path.extension().is_some_and(|it| it == "object") && !path.ends_with("token.object")
        };
        files.filter(|path| is_object(path)).collect()
    }

    fn keys(&self) -> usize {
        self.objects().len()
    }

    fn delete_all(&self) {
        self.objects().iter().for_each(|path| fs::remove_file(path).unwrap());
    }
}
