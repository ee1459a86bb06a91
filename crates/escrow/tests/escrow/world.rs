//! An authority, a service, agents and monitors in one process.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use escrow::audit::{AuditEvent, AuditLine, AuditLog, verify};
use escrow::hpke::Kem;
use escrow::keys::{
    Custody, Filter, Grant, Identity, Request, Role, Schedule, SealingKey, Signed, SigningKey,
    Statement, Trust, write_new,
};
use escrow::release::{Broker, Told};
use escrow::seal::Content;
use escrow::store::IndexKey;
use escrow::tier::Tier;
use escrow::{
    Client, ClientSettings, Monitor, MonitorSettings, Service, ServiceLimits, ServiceSettings, Wait,
};
use event::Timestamp;
use secrets::{Label, Origin, Secret, SessionSecrets, SessionStage, ShortText};
use tempfile::TempDir;
use tunnel::{AgentName, CertificateRequest, Credentials, make_certificates};

pub(crate) struct World {
    folder: TempDir,
    pub(crate) authority: SigningKey,
    audit_key: SigningKey,
    pub(crate) limits: ServiceLimits,
}

/// What monitors got: agent, client random, labels and secrets.
pub(crate) type Seen = Arc<Mutex<Vec<(String, Content)>>>;

impl World {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["private", "epochs", "grants", "store"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let request = CertificateRequest {
            sensor_names: vec!["localhost".to_owned()],
            agents: ["web-1", "web-2", "soc", "other"].map(str::to_owned).to_vec(),
        };
        make_certificates(&folder.path().join("tls"), &request, now()).unwrap();
        let authority = SigningKey::generate().unwrap();
        let audit_key = SigningKey::generate().unwrap();
        let limits = ServiceLimits { patience: Duration::from_secs(5), ..ServiceLimits::default() };
        let world = Self { folder, authority, audit_key, limits };
        world.make_epochs(now_ms());
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::new(self.authority.verifying())
    }

    pub(crate) fn custody(&self) -> Custody {
        Custody::new(self.path("private"), self.path("epochs"))
    }

    pub(crate) fn make_epochs(&self, at_ms: u64) {
        let schedule = Schedule { length_ms: 3_600_000, retention_ms: 3_600_000 };
        self.custody().create_due(at_ms, schedule, Kem::XWing, &self.authority).unwrap();
    }

    fn signing(key: &SigningKey) -> SigningKey {
        SigningKey::parse(&key.dangerous_text().unwrap()).unwrap()
    }

    pub(crate) fn audit_log(&self) -> AuditLog {
        AuditLog::open(&self.path("audit.log"), Self::signing(&self.audit_key)).unwrap()
    }

    /// The audit log, which verifies.
    pub(crate) fn audit(&self) -> Vec<AuditLine> {
        let log = fs::read(self.path("audit.log")).unwrap();
        let mut lines = Vec::new();
        let key = self.audit_key.verifying();
        verify(&mut &log[..], &key, None, &mut |line| lines.push(line)).unwrap();
        lines
    }

    pub(crate) fn has_audited(&self, is_it: impl Fn(&AuditEvent) -> bool) -> bool {
        self.audit().iter().any(|line| is_it(&line.event))
    }

    pub(crate) fn service(&self) -> Service {
        self.service_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    pub(crate) fn service_at(&self, listen: SocketAddr) -> Service {
        let settings = ServiceSettings {
            listen,
            store: self.path("store"),
            index_key: self.path("index.key"),
            epochs: self.path("epochs"),
            grants: self.path("grants"),
            audit_log: self.path("audit.log"),
            audit_key: self.audit_key.verifying(),
            trust: self.trust(),
            name_of: |certificate| AgentName::of(certificate).map(|name| name.to_string()),
            limits: self.limits,
        };
        let tls = self.credentials("sensor").server(escrow::wire::ALPN).unwrap();
        let tell = Box::new(|_: &str| {});
        Service::start(settings, tls, self.audit_log(), tell).unwrap()
    }

    pub(crate) fn credentials(&self, name: &str) -> Credentials {
        let file = |name: &str| self.path("tls").join(name);
        let (certificate, key) = (file(&format!("{name}.pem")), file(&format!("{name}.key")));
        Credentials::read(&certificate, &key, &file("ca.pem")).unwrap()
    }

    pub(crate) fn settings(&self, port: u16) -> ClientSettings {
        ClientSettings::new("localhost", port, self.trust())
    }

    pub(crate) fn client(&self, name: &str, port: u16) -> Client {
        self.client_with(name, self.settings(port))
    }

    pub(crate) fn client_with(&self, name: &str, settings: ClientSettings) -> Client {
        let tls = self.credentials(name).client(escrow::wire::ALPN).unwrap();
        let tell = Box::new(|_: &str| {});
        Client::start(settings, tls, tell).unwrap()
    }

    /// A client that is connected.
    pub(crate) fn ready_client(&self, name: &str, port: u16) -> Client {
        let client = self.client(name, port);
        wait_for("the client to be connected", || client.is_ready());
        client
    }

    /// Grants somebody something, and writes it into the folder.
    pub(crate) fn grant(&self, name: &str, roles: &[Role], tier: Tier, who: &Identity) -> Signed {
        let public = who.public();
        let grant = Grant {
            name: name.to_owned(),
            roles: roles.to_vec(),
            tier: tier.to_string(),
            signing: public.signing.text(),
            sealing: SealingKey::new(&public.sealing),
            not_after_ms: now_ms() + 3_600_000,
        };
        let signed = Statement::Grant(grant).sign(&self.authority).unwrap();
        let file = self.path("grants").join(format!("{name}-{tier}.json"));
        if !file.exists() {
            write_new(&file, &signed.to_text()).unwrap();
        }
        signed
    }

    /// A monitor that is subscribed, and what it gets.
    pub(crate) fn monitor(&self, port: u16, tier: Tier) -> (Monitor, Seen) {
        let who = Identity::generate(Kem::X25519).unwrap();
        let grant = self.grant("soc", &[Role::Monitor], tier, &who);
        let (monitor, seen) = self.monitor_with(port, tier, grant, who.signing);
        wait_for("the monitor to be subscribed", || monitor.is_subscribed());
        (monitor, seen)
    }

    pub(crate) fn monitor_with(
        &self,
        port: u16,
        tier: Tier,
        grant: Signed,
        signing: SigningKey,
    ) -> (Monitor, Seen) {
        let settings = MonitorSettings {
            host: "localhost".to_owned(),
            port,
            service_name: None,
            name: "soc".to_owned(),
            grant,
            signing,
            tier,
            kem: Kem::XWing,
            key_lifetime: Duration::from_secs(3600),
        };
        let seen: Seen = Arc::default();
        let sink = Arc::clone(&seen);
        let tls = self.credentials("soc").client(escrow::wire::ALPN).unwrap();
        let monitor = Monitor::start(
            settings,
            tls,
            Box::new(move |agent, content| sink.lock().unwrap().push((agent.to_owned(), content))),
            Box::new(|_: &str| {}),
        );
        (monitor.unwrap(), seen)
    }

    pub(crate) fn broker(&self) -> Broker {
        let key = IndexKey::open(&self.path("index.key")).unwrap();
        Broker::new(self.path("store"), self.custody(), key)
    }

    /// All that the archive has and `tier` may have.
    pub(crate) fn archive(&self, tier: Tier, filter: Filter) -> Archive {
        let ids = [(); 3].map(|()| Identity::generate(Kem::X25519).unwrap());
        let grants: Vec<Signed> = ["asks", "first", "second"]
            .iter()
            .zip(&ids)
            .map(|(name, who)| {
                let role = if *name == "asks" { Role::Requester } else { Role::Approver };
                self.grant(name, &[role], tier, who)
            })
            .collect();
        let mut request = request("asks", tier, filter).sign(&ids[0].signing).unwrap();
        request.add(&ids[1].signing);
        request.add(&ids[2].signing);
        let asked = self.trust();
        let asked = asked.request(&request, &grants, now_ms()).unwrap();
        let mut told = Vec::new();
        let counts = self.broker().collect(&asked, &mut |it| told.push(it)).unwrap();
        Archive { told, counts }
    }

    /// Bytes of all files of the service and of the audit log.
    pub(crate) fn disk(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.path("store")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.extend([self.path("audit.log"), self.path("index.key")]);
        files.into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
    }
}

pub(crate) struct Archive {
    pub(crate) told: Vec<Told>,
    pub(crate) counts: escrow::release::Collected,
}

impl Archive {
    /// Labels of the secrets of each session, by client random, in order.
    pub(crate) fn labels(&self) -> Vec<([u8; 32], Vec<Label>)> {
        let mut labels: Vec<([u8; 32], Vec<Label>)> = Vec::new();
        for content in self.told.iter().flat_map(|told| &told.contents) {
            let of = content.secrets.iter().map(|(label, _)| *label);
            match labels.iter_mut().find(|(random, _)| *random == content.facts.client_random) {
                Some((_, known)) => known.extend(of),
                None => labels.push((content.facts.client_random, of.collect())),
            }
        }
        labels
    }
}

pub(crate) fn request(who: &str, tier: Tier, filter: Filter) -> Statement {
    Statement::Request(Request {
        id: "r-1".to_owned(),
        case: "case 7".to_owned(),
        reason: "a reason".to_owned(),
        requester: who.to_owned(),
        tier: tier.to_string(),
        expires_ms: now_ms() + 60_000,
        filter,
    })
}

/// What one end of session `number` of TLS 1.3 tells. Its secrets are made of its number.
pub(crate) fn tls13(number: u32, stage: SessionStage) -> SessionSecrets {
    let labels = match stage {
        SessionStage::Hello => {
            vec![Label::ClientHandshakeTraffic, Label::ServerHandshakeTraffic]
        }
        SessionStage::Application => vec![Label::ClientTraffic(0), Label::ServerTraffic(0)],
    };
    SessionSecrets {
        stage,
        version: 0x0304,
        cipher_suite: 0x1301,
        client_random: random(number),
        server_random: Some([2; 32]),
        secrets: labels.into_iter().map(|label| (label, secret(number, label))).collect(),
        origin: Origin {
            pid: Some(7),
            server_name: Some(ShortText::new("shop.example")),
            peer: Some("192.0.2.1:443".parse().unwrap()),
            ..Origin::unknown(now())
        },
    }
}

pub(crate) fn random(number: u32) -> [u8; 32] {
    let mut random = [0x11; 32];
    random[..4].copy_from_slice(&number.to_be_bytes());
    random
}

/// A secret that is found if it is anywhere.
pub(crate) fn secret(number: u32, label: Label) -> Secret {
    let text = format!("SECRET {label:?} of {number:08}");
    let mut bytes = text.into_bytes();
    bytes.resize(32, b'.');
    Secret::new(&bytes)
}

/// A deadline that no working test reaches.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

pub(crate) fn deliver(client: &Client, number: u32, wait: Wait) {
    for stage in [SessionStage::Hello, SessionStage::Application] {
        let outcome = client.deliver(tls13(number, stage), wait, soon());
        assert_eq!(outcome, escrow::Outcome::Acknowledged(wait), "session {number}");
    }
}

pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = soon();
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap())
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(now().as_nanos() / 1_000_000).unwrap()
}

/// Whether `needle` is anywhere in `bytes`.
pub(crate) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

pub(crate) fn flip(path: &Path, bit: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}
