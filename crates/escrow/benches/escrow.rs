//! What sealing costs beside an operation of X25519, and how many deliveries a service takes a second of
//! one core: all in one run.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "no part of the program"
)]

use std::fs;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::agreement::{PrivateKey as X25519Key, UnparsedPublicKey, X25519, agree};
use escrow::audit::AuditLog;
use escrow::hpke::{Kem, PrivateKey, receiver, sender};
use escrow::keys::{Custody, Schedule, SigningKey, Statement, Trust};
use escrow::seal::{Content, ContextRecord, Opener, SealedRecord, Sealer, SealerLimits};
use escrow::tier::{Facts, Part};
use escrow::wire::{ALPN, Frame, FrameReader, Peer};
use escrow::{Service, ServiceLimits, ServiceSettings};
use event::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use secrets::{Label, Origin, Secret, SessionStage, ShortText};
use tempfile::TempDir;
use tunnel::{AgentName, CertificateRequest, Credentials, make_certificates};

fn main() {
    let agreement = x25519();
    println!("X25519 key and agreement: {agreement:.0}/s a core; all below as ratios to it");
    for kem in [Kem::X25519, Kem::XWing] {
        let key = PrivateKey::generate(kem).unwrap();
        let seal = rate(|| {
            let (encapsulated, context) = sender(key.public(), b"info").unwrap();
            let mut message = vec![7; 120];
            context.seal_at(0, b"header", &mut message).unwrap();
            black_box((encapsulated, message));
        });
        let (encapsulated, context) = sender(key.public(), b"info").unwrap();
        let mut message = vec![7; 120];
        context.seal_at(0, b"header", &mut message).unwrap();
        let open = rate(|| {
            let context = receiver(&key, &encapsulated, b"info").unwrap();
            black_box(context.open_at(0, b"header", &message).unwrap());
        });
        told(&format!("HPKE {kem:?} single seal"), seal, agreement);
        told(&format!("HPKE {kem:?} single open"), open, agreement);
    }
    let (seal, open) = records();
    told("a record sealed, X-Wing, context for 1024", seal, agreement);
    told("a record opened, context known", open, agreement);
    let (deliveries, wall) = ingest();
    told("deliveries taken by the service, a core", deliveries, agreement);
    println!(
        "  {wall:.0}/s by the clock; each brings the keys of a session: 4 secrets in 4 records"
    );
}

fn told(what: &str, rate: f64, base: f64) {
    println!("  {what}: {rate:.0}/s, {:.2}", rate / base);
}

/// Times a second that something can be done, by the CPU time of this thread; the best of five.
fn rate(mut action: impl FnMut()) -> f64 {
    (0..5).map(|_| once(&mut action)).fold(0.0, f64::max)
}

fn once(action: &mut impl FnMut()) -> f64 {
    let (begun, mut count) = (cpu(ClockId::ThreadCPUTime), 0.0);
    loop {
        for _ in 0..50 {
            action();
        }
        count += 50.0;
        let spent = (cpu(ClockId::ThreadCPUTime) - begun).as_secs_f64();
        if spent > 0.3 {
            return count / spent;
        }
    }
}

fn cpu(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

fn x25519() -> f64 {
    let peer = X25519Key::generate(&X25519).unwrap().compute_public_key().unwrap();
    rate(|| {
        let own = X25519Key::generate(&X25519).unwrap();
        black_box(own.compute_public_key().unwrap());
        let peer = UnparsedPublicKey::new(&X25519, peer.as_ref());
        agree(&own, peer, (), |shared| {
            black_box(shared);
            Ok(())
        })
        .unwrap();
    })
}

fn facts() -> Facts {
    Facts {
        stage: SessionStage::Application,
        version: 0x0304,
        cipher_suite: 0x1301,
        client_random: [1; 32],
        server_random: Some([2; 32]),
    }
}

fn records() -> (f64, f64) {
    let key = PrivateKey::generate(Kem::XWing).unwrap();
    let sealer = Sealer::new(Part::Client, key.public().clone(), SealerLimits::default());
    let secrets = [(Label::ClientTraffic(0), Secret::new(&[3; 32]))];
    let mut record = Vec::new();
    let now = Timestamp::from_nanos(1);
    let seal = rate(|| {
        record.clear();
        black_box(sealer.seal(now, &facts(), None, &secrets, &mut record).unwrap());
    });
    record.clear();
    let context = sealer.seal(now, &facts(), None, &secrets, &mut record).unwrap();
    let mut opener = Opener::default();
    opener.add_key(key);
    opener.add_context(&ContextRecord::parse(&mut wire::Reader::new(&context)).unwrap()).unwrap();
    let open = rate(|| {
        let record = SealedRecord::parse(&mut wire::Reader::new(&record)).unwrap();
        let content: Content = opener.open(&record).unwrap();
        black_box(content.secrets.len());
    });
    (seal, open)
}

/// Deliveries a second of CPU time of the service, and by the clock.
fn ingest() -> (f64, f64) {
    const DELIVERIES: u64 = 400_000;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["private", "epochs", "grants", "store"] {
        fs::create_dir(path(name)).unwrap();
    }
    let request = CertificateRequest {
        sensor_names: vec!["localhost".to_owned()],
        agents: vec!["web-1".to_owned()],
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = Timestamp::from_nanos(i64::try_from(now.as_nanos()).unwrap());
    make_certificates(&path("tls"), &request, now).unwrap();
    let authority = SigningKey::generate().unwrap();
    let schedule = Schedule { length_ms: 3_600_000, retention_ms: 3_600_000 };
    let custody = Custody::new(path("private"), path("epochs"));
    let now_ms = u64::try_from(now.as_nanos() / 1_000_000).unwrap();
    custody.create_due(now_ms, schedule, Kem::XWing, &authority).unwrap();
    let audit_key = SigningKey::generate().unwrap();
    let credentials = |name: &str| {
        let tls = |name: String| path("tls").join(name);
        Credentials::read(
            &tls(format!("{name}.pem")),
            &tls(format!("{name}.key")),
            &tls("ca.pem".into()),
        )
        .unwrap()
    };
    let settings = ServiceSettings {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        store: path("store"),
        index_key: path("index.key"),
        epochs: path("epochs"),
        grants: path("grants"),
        audit_log: path("audit.log"),
        audit_key: audit_key.verifying(),
        trust: Trust::new(authority.verifying()),
        name_of: |certificate| AgentName::of(certificate).map(|name| name.to_string()),
        limits: ServiceLimits::default(),
    };
    let audit = AuditLog::open(&path("audit.log"), audit_key).unwrap();
    let tls = credentials("sensor").server(ALPN).unwrap();
    let service = Service::start(settings, tls, audit, Box::new(|_: &str| {})).unwrap();

    let epochs = custody.epochs().unwrap();
    let Statement::Epoch(epoch) = epochs[0].statement() else { return (0.0, 0.0) };
    let (contexts, archive) = delivery(epoch, now);
    let config = Arc::new(credentials("web-1").client(ALPN).unwrap());
    let tcp = TcpStream::connect(service.address()).unwrap();
    tcp.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = StreamOwned::new(ClientConnection::new(config, name).unwrap(), tcp);
    let mut hello = Vec::new();
    Frame::Hello(Peer::Agent).put(&mut hello);
    tls.write_all(&hello).unwrap();
    let mut frames = FrameReader::default();
    let mut chunk = vec![0; 64 << 10];
    await_durable(&mut tls, &mut frames, &mut chunk, 0);

    let mut out = Vec::new();
    contexts.iter().for_each(|context| Frame::Context(context).put(&mut out));
    let (begun, all) = (Instant::now(), cpu(ClockId::ProcessCPUTime));
    let own = cpu(ClockId::ThreadCPUTime);
    for sequence in 1..=DELIVERIES {
        let mut client_random = [0x55; 32];
        client_random[..8].copy_from_slice(&sequence.to_be_bytes());
        Frame::Deliver { sequence, client_random, archive: &archive, live: &[] }.put(&mut out);
        if out.len() > 256 << 10 {
            tls.write_all(&out).unwrap();
            out.clear();
        }
    }
    tls.write_all(&out).unwrap();
    await_durable(&mut tls, &mut frames, &mut chunk, DELIVERIES);
    let own = cpu(ClockId::ThreadCPUTime) - own;
    let of_service = cpu(ClockId::ProcessCPUTime) - all - own;
    let wall = begun.elapsed();
    drop(service);
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
    let count = DELIVERIES as f64;
    (count / of_service.as_secs_f64(), count / wall.as_secs_f64())
}

/// A delivery with the keys of a session, and its contexts.
fn delivery(epoch: &escrow::keys::Epoch, now: Timestamp) -> (Vec<Arc<[u8]>>, Vec<u8>) {
    let secret = |label| (label, Secret::new(&[3; 32]));
    let origin = Origin {
        pid: Some(7),
        executable: ShortText::new("/usr/sbin/nginx"),
        server_name: Some(ShortText::new("shop.example")),
        ..Origin::unknown(now)
    };
    let parts = [
        (Part::Metadata, vec![]),
        (
            Part::Handshake,
            vec![secret(Label::ClientHandshakeTraffic), secret(Label::ServerHandshakeTraffic)],
        ),
        (Part::Client, vec![secret(Label::ClientTraffic(0))]),
        (Part::Server, vec![secret(Label::ServerTraffic(0))]),
    ];
    let mut archive = Vec::new();
    let contexts = parts.iter().map(|(part, secrets)| {
        let sealer = Sealer::new(*part, epoch.key(*part).unwrap(), SealerLimits::default());
        let origin = (*part == Part::Metadata).then_some(&origin);
        sealer.seal(now, &facts(), origin, secrets, &mut archive).unwrap()
    });
    let contexts = contexts.collect();
    (contexts, archive)
}

/// Reads until an announcement has come and this delivery is on the disk.
fn await_durable(
    tls: &mut StreamOwned<ClientConnection, TcpStream>,
    frames: &mut FrameReader,
    chunk: &mut [u8],
    sequence: u64,
) {
    loop {
        let len = tls.read(chunk).unwrap();
        frames.push(&chunk[..len]);
        while let Some(frame) = frames.next_frame().unwrap() {
            if let Frame::Acknowledge { durable, .. } = frame
                && durable >= sequence
            {
                return;
            }
            if sequence == 0 && matches!(frame, Frame::Announcement(_)) {
                return;
            }
        }
    }
}
