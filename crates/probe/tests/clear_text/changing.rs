//! Rules that change while connections are open.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use forge::Ending;
use probe::{Matches, Rules};

use crate::mirror::{Conversation, Mirror, Told};
use crate::place::{Nginx, Place, Running, free_port, path_of};

#[test]
fn nothing_of_a_process_that_rules_no_longer_allow_is_told() {
    let Some(place) = Place::new("mirror-change", &["openssl", "python3"]) else { return };
    let mut pair = Pair::start(&place);
    let server = ([127, 0, 0, 1], pair.port).into();
    for lets_the_other_end in [false, true] {
        let allowed = only_pids(vec![pair.client]);
        let others = if lets_the_other_end { pair.server } else { std::process::id() };
        let Some(mut mirror) = Mirror::open(allowed.clone()) else { return };
        let last = |told: &Told, text: &str| {
            told.with_server(server).iter().any(|one| heard(one).ends_with(text))
        };
        // The client waits in a call that is older than the probes.
        pair.say("zeroth");
        pair.say("first");
        mirror.read_until("what is allowed", |told| last(told, "first"));
        // Meanwhile it waits in one that began when it was allowed.
        mirror.capture.set_rules(&only_pids(vec![others])).unwrap();
        let before = mirror.capture.account();
        pair.say("second");
        pair.say("third");
        mirror.poll_until("what is denied is counted", |mirror| {
            mirror.capture.account().filtered >= before.filtered + 11
        });
        // Until the end of what was told is known, the other end says the same once more.
        mirror.poll_until("what the other end says", |mirror| {
            pair.say("third");
            !lets_the_other_end || last(&mirror.told, "third")
        });
        mirror.capture.set_rules(&allowed).unwrap();
        // Heard by a call that most likely began when it was not.
        pair.say("between");
        mirror.poll_until("what is allowed again", |mirror| {
            pair.say("fourth");
            last(&mirror.told, "fourth")
        });
        let told = mirror.finish();
        let all: Vec<_> = told.with_server(server);
        assert_eq!(heard(all[0]), "first");
        assert_eq!(all[0].ending, Some(Ending::Abandoned));
        assert!(all.last().unwrap().opened.is_late);
        let all_heard: String = all.iter().map(|one| heard(one)).collect();
        assert_eq!(all_heard.contains("third"), lets_the_other_end, "{all_heard}");
        assert!(lets_the_other_end || !all_heard.contains("second"), "{all_heard}");
    }
}

#[test]
fn an_executable_that_has_the_number_of_one_that_is_gone_is_another_one() {
    let Some(place) = Place::new("mirror-inode", &["nginx", "curl", "openssl"]) else { return };
    let nginx = Nginx::start(&place);
    place.body("body", 1000);
    let allowed = place.file("allowed");
    fs::copy(path_of("curl"), &allowed).unwrap();
    let executables = vec![allowed.clone()];
    let allow = Matches { executables, ports: vec![nginx.port], ..Matches::default() };
    let Some(mut mirror) = Mirror::open(Rules { allow, ..Rules::default() }) else { return };
    let url = nginx.url("body");
    let fetch =
        |mirror: &mut Mirror, program: &Path, mut is_over: Box<dyn FnMut(&Told) -> bool>| {
            let mut command = Command::new(program);
            command.args(["-sk", "-o"]).arg(place.file("got")).arg(&url);
            Running::start(&mut command).finish();
            mirror.poll_until("it is over", |mirror| is_over(&mirror.told));
        };
    fetch(&mut mirror, &allowed, Box::new(|told| told.0.len() == 1));
    fs::remove_file(&allowed).unwrap();
    for round in 0..4 {
        // File systems give the number of a file that was removed to the next one.
        let other = place.file(&format!("other-{round}"));
        fs::copy(path_of("curl"), &other).unwrap();
        let began = Instant::now();
        let is_over = move |_: &Told| began.elapsed() > Duration::from_millis(500);
        fetch(&mut mirror, &other, Box::new(is_over));
        assert_eq!(mirror.told.0.len(), 1, "round {round}");
    }
    // Another one at the path that the rule names is meant by it.
    fs::copy(path_of("curl"), &allowed).unwrap();
    let mut tries = 0;
    while mirror.told.0.len() == 1 {
        tries += 1;
        assert!(tries < 20);
        let began = Instant::now();
        let is_over = move |_: &Told| began.elapsed() > Duration::from_millis(200);
        fetch(&mut mirror, &allowed, Box::new(is_over));
    }
    mirror.finish();
}

/// What the server said.
fn heard(conversation: &Conversation) -> &str {
    str::from_utf8(&conversation.server).unwrap()
}

fn only_pids(pids: Vec<u32>) -> Rules {
    Rules { allow: Matches { pids, ..Matches::default() }, ..Rules::default() }
}

/// A client that waits for what a server says.
struct Pair {
    _processes: [Running; 2],
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    client: u32,
    server: u32,
    port: u16,
}

impl Pair {
    fn start(place: &Place) -> Self {
        let port = free_port();
        let python = |script| {
            let mut command = Command::new("/usr/bin/python3");
            command.args(["-c", script, &port.to_string()]);
            command.args([place.file("server.pem"), place.file("key.pem")]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            Running::start(&mut command)
        };
        let mut server = python(SERVER);
        let mut listens = String::new();
        BufReader::new(server.child().stdout.take().unwrap()).read_line(&mut listens).unwrap();
        let mut client = python(CLIENT);
        Self {
            input: server.child().stdin.take().unwrap(),
            output: BufReader::new(client.child().stdout.take().unwrap()),
            client: client.child().id(),
            server: server.child().id(),
            port,
            _processes: [server, client],
        }
    }

    /// Has the server say something, and waits until the client has heard it.
    fn say(&mut self, text: &str) {
        writeln!(self.input, "{text}").unwrap();
        let mut heard = String::new();
        self.output.read_line(&mut heard).unwrap();
        assert_eq!(heard.trim(), text);
    }
}

const SERVER: &str = "
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
print('listens', flush=True)
connection = context.wrap_socket(listener.accept()[0], server_side=True)
for line in sys.stdin:
    connection.sendall(line.strip().encode())
";

const CLIENT: &str = "
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
connection = context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))
while data := connection.recv(100):
    print(data.decode(), flush=True)
";
