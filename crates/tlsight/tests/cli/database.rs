//! `serve --store`: sessions in a ClickHouse, asked over HTTPS.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::program::{capture, tlsight};
use crate::server::{PROGRAM, Server, answer, folder, has, wait_until};

#[test]
fn sessions_are_in_a_database_and_outlast_the_folder_of_the_server() {
    let test = "sessions_are_in_a_database_and_outlast_the_folder_of_the_server";
    if !has(test, &["curl", "nginx", "openssl", "python3", "clickhouse-server"]) {
        return;
    }
    let folder = folder("database");
    let database = Database::start(&folder);
    let lines = folder.join("lines.ndjson");
    fs::write(&lines, tlsight(["read", "--json", capture("sample").to_str().unwrap()]).stdout)
        .unwrap();
    let store = database.url("server.pem");
    let mut sessions = None;
    for data in ["one", "two"] {
        let data = folder.join(data);
        let arguments = ["serve", "--data", data.to_str().unwrap(), "--store", &store];
        let server = Server::start(&arguments, true);
        let token = server.make_token();
        // What comes again with another server is the same.
        let imported = answer(&mut server.import(&token, "sample", &lines));
        assert_eq!(imported.status, 200, "{imported:?}");
        let found = server.get(&token, "sessions?limit=500&from=1970-01-01T00:00:00Z");
        let ids: Vec<String> =
            found["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()).collect();
        assert!(ids.len() > 10, "{found}");
        assert_eq!(*sessions.get_or_insert_with(|| ids.clone()), ids);
        assert!(!data.join("sessions.db").exists());
        server.end();
    }
    let unknown = database.url("other.pem");
    let refused = Command::new(PROGRAM)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.join("three"))
        .args(["--store", &unknown])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("certificate"), "{said}");
    assert!(!said.contains(KEY), "{said}");
    drop(database);
    fs::remove_dir_all(folder).unwrap();
}

/// Debian's ClickHouse, and an nginx that speaks TLS for it.
struct Database {
    // It ends when its standard input does.
    _server: Child,
    front: Child,
    port: u16,
    folder: PathBuf,
}

impl Database {
    fn start(folder: &Path) -> Self {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/tests/backend/debian_server.py");
        let mut server = Command::new("python3")
            .arg(script)
            .arg("1")
            .env("TLSIGHT_TEST_KEY", KEY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (behind, _pid) = line.trim().split_once(':').expect("the server starts");
        for name in ["server", "other"] {
            certificate(folder, name);
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let settings = folder.join("nginx.conf");
        let root = folder.display();
        fs::write(
            &settings,
            format!(
                "daemon off; pid {root}/nginx.pid; error_log stderr crit; worker_processes 1;\n\
                 user root; events {{ worker_connections 256; }}\n\
                 http {{ access_log off; client_body_temp_path {root}/body;\n\
                 proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n\
                 uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n\
                 client_max_body_size 0; proxy_read_timeout 300s;\n\
                 server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {root}/server.pem;\n\
                 ssl_certificate_key {root}/server.key;\n\
                 location / {{ proxy_pass http://127.0.0.1:{behind}; }} }} }}\n"
            ),
        )
        .unwrap();
        let front = Command::new("nginx").arg("-c").arg(&settings).spawn().unwrap();
        wait_until("nginx listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { _server: server, front, port, folder: folder.to_owned() }
    }

    /// Its URL for who trusts a certificate.
    fn url(&self, certificate: &str) -> String {
        let authority = self.folder.join(certificate);
        format!(
            "clickhouses://default:{KEY}@localhost:{}/tlsight?ca={}",
            self.port,
            authority.display()
        )
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Asked to end, nginx ends its workers too.
        let front = self.front.id().to_string();
        Command::new("kill").args(["-TERM", &front]).status().ok();
        self.front.wait().ok();
    }
}

fn certificate(folder: &Path, name: &str) {
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout".as_ref(), file("key").as_os_str()])
        .args(["-out".as_ref(), file("pem").as_os_str()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

const KEY: &str = "not_a_secret";
