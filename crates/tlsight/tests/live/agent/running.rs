//! A running `tlsight agent`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::network::{PATIENCE, wait_until};

/// An agent that watches; killed if it is dropped.
pub(crate) struct RunningAgent {
    child: Child,
    port: u16,
    output: Option<BufReader<ChildStdout>>,
    messages: Option<JoinHandle<String>>,
    /// Where it tells the service manager how it goes.
    notifications: UnixDatagram,
}

/// What an agent said after it was told to end.
pub(crate) struct End {
    pub(crate) status: Option<i32>,
    /// What was on standard error.
    pub(crate) messages: String,
}

impl RunningAgent {
    /// Starts it by way of a program that runs another, and returns when it captures.
    pub(crate) fn start(folder: &Path, wrapper: &[&str], arguments: &[&str]) -> Self {
        let place = folder.join("notify");
        fs::remove_file(&place).ok();
        let notifications = UnixDatagram::bind(&place).unwrap();
        notifications.set_read_timeout(Some(PATIENCE)).unwrap();
        // Free when it is asked for, and hardly taken by another in between.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut child = Command::new(wrapper[0])
            .args(&wrapper[1..])
            .args([env!("CARGO_BIN_EXE_tlsight"), "agent", "--metrics", &port.to_string()])
            .args(arguments)
            .env("NOTIFY_SOCKET", &place)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take().map(BufReader::new);
        let mut stderr = child.stderr.take().unwrap();
        let messages = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut agent = Self { child, port, output, messages: Some(messages), notifications };
        let mut state = [0; 64];
        let Ok(len) = agent.notifications.recv(&mut state) else {
            agent.child.kill().ok();
            panic!("the agent is not ready: {}", agent.messages.take().unwrap().join().unwrap());
        };
        assert_eq!(&state[..len], b"READY=1");
        agent
    }

    /// Number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The answer to a request for a page, with its head.
    pub(crate) fn get(&self, page: &str) -> String {
        let namespace = fs::File::open(format!("/proc/{}/ns/net", self.child.id())).unwrap();
        // A thread that is in another network namespace for good, of which this is the end.
        let answer = thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), network).unwrap();
                let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                write!(stream, "GET {page} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer
            });
            asking.join()
        });
        answer.unwrap()
    }

    /// The sum of a metric over all labels.
    pub(crate) fn sum_of(&self, metric: &str) -> f64 {
        self.samples(metric).into_iter().map(|(_, value)| value).sum()
    }

    /// The values of a metric by one of its labels.
    pub(crate) fn sums_of(&self, metric: &str, label: &str) -> BTreeMap<String, f64> {
        let name = |labels: &str| {
            let (_, rest) = labels.split_once(&format!("{label}=\"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        self.samples(metric).into_iter().map(|(labels, value)| (name(&labels), value)).collect()
    }

    /// Sends SIGHUP and waits until so many reloads had this result.
    pub(crate) fn hang_up(&self, result: &str, times: f64) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
        wait_until("the settings are read anew", || {
            self.sums_of("tlsight_reloads_total", "result").get(result) == Some(&times)
        });
        // The writer and the workers look for other settings a few times a second.
        thread::sleep(std::time::Duration::from_secs(1));
    }

    /// Waits for a line on standard output with `text` in it.
    pub(crate) fn wait_for_output(&mut self, text: &str) {
        let output = self.output.as_mut().unwrap();
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the output has ended");
        }
    }

    /// Reads no more of standard output.
    pub(crate) fn close_output(&mut self) {
        self.output = None;
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn end(mut self) -> End {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let mut state = [0; 64];
        let len = self.notifications.recv(&mut state).unwrap();
        assert_eq!(&state[..len], b"STOPPING=1");
        wait_until("the agent ends", || self.child.try_wait().unwrap().is_some());
        End {
            status: self.child.wait().unwrap().code(),
            messages: self.messages.take().unwrap().join().unwrap(),
        }
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn samples(&self, metric: &str) -> Vec<(String, f64)> {
        let answer = self.get("/metrics");
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("# EOF\n"),
            "{answer}"
        );
        let lines = answer.lines().filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let labels = name.strip_prefix(metric)?;
            let is_it = labels.is_empty() || labels.starts_with('{');
            is_it.then(|| (labels.to_owned(), value.parse().unwrap()))
        });
        lines.collect()
    }
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
