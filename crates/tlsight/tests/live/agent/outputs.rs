//! What becomes of the lines: files that are full or old, disks that are full, readers that are gone.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use crate::agent::place::{self, with_place};
use crate::network::wait_until;

#[test]
fn old_files_are_compressed_and_hold_each_session_once() {
    with_place("agent-rotate", &["gzip"], |place| {
        let file = place.folder().join("lines");
        let path = file.to_str().unwrap();
        let agent =
            place.agent(&["--output", path, "--rotate-age", "1s", "--keep", "100", "--compress"]);
        let mut sessions = 0_u32;
        wait_until("two files are old and compressed", || {
            place.curl();
            sessions += 1;
            packed(place.folder()).len() >= 2
        });
        wait_until("all sessions are counted", || {
            agent.sum_of("tlsight_sessions_total") >= f64::from(sessions)
        });
        let end = agent.end();
        assert_eq!((end.status, &*end.messages), (Some(0), ""));
        let names = fs::read_dir(place.folder()).unwrap().map(|entry| entry.unwrap().path());
        let ours: Vec<_> = names
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("lines"))
            .collect();
        let told: usize =
            ours.iter().map(|path| text(path).matches("\"dataset\":\"tls\"").count()).sum();
        assert_eq!(u32::try_from(told), Ok(sessions), "{ours:?}");
    });
}

#[test]
fn sinks_get_what_the_output_gets_also_after_a_restart() {
    with_place("agent-sinks", &[], |place| {
        let (folder, file) = (place.folder(), place.folder().join("lines"));
        let (settings, copy) = (folder.join("tlsight.toml"), folder.join("copies/lines"));
        let text = format!(
            "[[sinks]]\nname = \"copy\"\ntype = \"file\"\npath = {copy:?}\nqueue = {:?}\n",
            folder.join("queue")
        );
        fs::write(&settings, text).unwrap();
        let arguments =
            ["--output", file.to_str().unwrap(), "--config", settings.to_str().unwrap()];
        let agent = place.agent(&arguments);
        place.curl();
        wait_until("the sink fails, as its folder is not there", || {
            agent.sum_of("tlsight_sink_failures_total") >= 1.0
        });
        assert_eq!(agent.sum_of("tlsight_sink_up"), 0.0);
        assert!(agent.end().messages.contains("sink copy: cannot write to "));
        fs::create_dir(folder.join("copies")).unwrap();
        let agent = place.agent(&arguments);
        place.curl();
        wait_until("both sessions are told", || place::sessions(&[&copy]).len() == 2);
        assert_eq!(agent.sum_of("tlsight_sink_lost_lines_total"), 0.0);
        agent.end();
        assert_eq!(place::sessions(&[&copy]), place::sessions(&[&file]));
    });
}

#[test]
fn a_full_disk_costs_lines_and_nothing_else() {
    with_place("agent-full", &["mount", "umount"], |place| {
        let disk = Disk::mount(&place.folder().join("disk"));
        let file = disk.0.join("lines");
        let agent = place.agent(&["--output", file.to_str().unwrap()]);
        place.curl();
        wait_until("a session is told", || place::sessions(&[&file]).len() == 1);
        let filler = disk.0.join("filler");
        fs::write(&filler, vec![0; 1 << 20]).unwrap_err();
        let dropped = || agent.sum_of("tlsight_output_lines_dropped_total");
        let mut made = 1_u32;
        wait_until("lines are dropped", || {
            place.curl();
            made += 1;
            dropped() >= 3.0
        });
        assert_eq!(agent.sum_of("tlsight_output_up"), 0.0);
        assert!(agent.get("/healthz").contains("\"output\":\"failing\""));
        fs::remove_file(&filler).unwrap();
        wait_until("lines are written again", || {
            place.curl();
            made += 1;
            agent.sum_of("tlsight_output_up") == 1.0
        });
        wait_until("all sessions are counted", || {
            agent.sum_of("tlsight_sessions_total") >= f64::from(made)
        });
        let lost = dropped();
        let end = agent.end();
        assert_eq!(end.status, Some(0));
        let told = u32::try_from(place::sessions(&[&file]).len()).unwrap();
        assert_eq!(f64::from(told) + lost, f64::from(made), "each is told or counted");
        assert_eq!(place::losses(&[&file]).get("lines_dropped"), Some(&lost));
        assert_eq!(end.messages.matches("cannot write to").count(), 1, "{}", end.messages);
        assert_eq!(end.messages.matches("works again").count(), 1, "{}", end.messages);
    });
}

#[test]
fn a_reader_that_is_gone_does_not_end_the_capture() {
    with_place("agent-pipe", &[], |place| {
        let mut agent = place.agent(&[]);
        place.curl();
        agent.wait_for_output("\"name\":\"curl\"");
        agent.close_output();
        wait_until("lines are dropped", || {
            place.curl();
            agent.sum_of("tlsight_output_lines_dropped_total") > 0.0
        });
        let end = agent.end();
        assert_eq!(end.status, Some(0));
        assert_eq!(end.messages.matches("cannot write to standard output").count(), 1);
    });
}

/// A small disk in memory, unmounted when it is dropped.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(place: &Path) -> Self {
        fs::create_dir(place).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tlsight"])
            .arg(place)
            .status()
            .unwrap();
        assert!(mounted.success());
        Self(place.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

fn packed(folder: &Path) -> Vec<std::path::PathBuf> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|ending| ending == "gz")).collect()
}

fn text(path: &Path) -> String {
    if path.extension().is_some_and(|ending| ending == "gz") {
        let output = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
        assert!(output.status.success());
        return String::from_utf8(output.stdout).unwrap();
    }
    let mut text = String::new();
    fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
    text
}
