//! Sessions to be completed, and who completes them.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use cluster::{Cluster, wait_until};
use event::{
    Carrier, CertificateInfo, CertificateState, Cgroup, CommunityId, Downgrade, EarlyData, Ech,
    Endpoint, EventMeta, Evidence, KeyExchange, Messages, Network, Party, Related, ResumptionInfo,
    Socket, Sockets, Status, Timestamp, Timing, Tls, TlsClient, TlsEvent, TlsServer, Tlsight,
    Transport, WorkloadState,
};
use workload::{Connection, Meter, Options, Resource, WatchStatus, Workloads};

/// The node that is watched.
pub(crate) const NODE: &str = "node-1";

/// A unique id as Kubernetes makes them, with `number` in it.
pub(crate) fn uid(number: u32) -> String {
    format!("{number:08x}-4e5f-6071-8293-a4b5c6d7e8f9")
}

/// Watches `cluster`, with a short time after which a broken watch is stale.
pub(crate) fn watch(cluster: &Cluster) -> Workloads {
    Workloads::start(Some(options(cluster))).unwrap()
}

pub(crate) fn options(cluster: &Cluster) -> Options {
    Options {
        connection: Connection::Kubeconfig(cluster.kubeconfig()),
        node: NODE.to_owned(),
        cluster: None,
        labels: vec!["app.kubernetes.io/name".to_owned()],
        stale_after: Duration::from_millis(300),
        only_pods: false,
    }
}

/// The same, once all objects have been listed and are watched.
pub(crate) fn watch_all(cluster: &Cluster) -> Workloads {
    let workloads = watch(cluster);
    let meter = workloads.meter();
    wait_until("all is watched", || {
        meter.kubernetes().unwrap().watches.iter().all(|watch| watch.watches > 0)
    });
    workloads
}

/// How a watch does.
pub(crate) fn status(meter: &Meter, resource: Resource) -> WatchStatus {
    let status = meter.kubernetes().unwrap();
    status.watches.into_iter().find(|watch| watch.resource == resource).unwrap()
}

/// A session of a client in the pod with this id, completed, within the time that one may take.
pub(crate) fn session_of(workloads: &mut Workloads, uid: &str) -> TlsEvent {
    let id = "0123456789abcdef".repeat(4);
    complete(workloads, session(Some(&format!("/kubepods/besteffort/pod{uid}/{id}")), SERVER))
}

/// A session of a client of this host with a server elsewhere, completed.
pub(crate) fn session_with(workloads: &mut Workloads, server: &str) -> TlsEvent {
    complete(workloads, session(Some("/user.slice"), server))
}

/// The same, once the server has a name.
pub(crate) fn session_with_named(workloads: &mut Workloads, server: &str) -> TlsEvent {
    let mut last = None;
    wait_until("the server has a name", || {
        let event = session_with(workloads, server);
        let is_named = event.server.orchestrator.is_some();
        last = Some(event);
        is_named
    });
    last.unwrap()
}

/// Asks for sessions of a pod until `condition` holds for one.
pub(crate) fn wait_for(
    workloads: &mut Workloads,
    uid: &str,
    condition: impl Fn(&TlsEvent) -> bool,
) -> TlsEvent {
    let mut last = None;
    wait_until("a session is as it should be", || {
        let event = session_of(workloads, uid);
        let is_it = condition(&event);
        last = Some(event);
        is_it
    });
    last.unwrap()
}

/// What is known of the client.
pub(crate) fn client(event: &TlsEvent) -> &WorkloadState {
    event.tlsight.workload.as_ref().unwrap().client.as_ref().unwrap()
}

/// What is known of the server.
pub(crate) fn server(event: &TlsEvent) -> &WorkloadState {
    event.tlsight.workload.as_ref().unwrap().server.as_ref().unwrap()
}

/// The event, unless it is held.
pub(crate) fn take(workloads: &mut Workloads, mut event: TlsEvent) -> Option<TlsEvent> {
    workloads.admit(&mut event).then_some(event)
}

pub(crate) fn complete(workloads: &mut Workloads, event: TlsEvent) -> TlsEvent {
    let begun = Instant::now();
    let mut done = take(workloads, event);
    while done.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(5), "an event is held for too long");
        thread::sleep(Duration::from_millis(5));
        done = workloads.next_due();
    }
    done.unwrap()
}

/// A session of a client in this cgroup, if it is local, with a server elsewhere.
pub(crate) fn session(cgroup: Option<&str>, server: &str) -> TlsEvent {
    let (client, server) = (endpoint("10.1.0.9", 51_234), endpoint(server, 443));
    let begin = Timestamp::from_nanos(1_795_267_800_123_456_000);
    let client_socket =
        cgroup.map(|path| Socket { netns: 1, cgroup: Cgroup { id: 1, path: Some(path.into()) } });
    let sockets = Sockets { client: client_socket, ..Sockets::default() };
    TlsEvent {
        timestamp: begin,
        kind: "tls",
        status: Status::Ok,
        event: EventMeta {
            kind: "event",
            category: ["network"],
            types: ["connection", "protocol"],
            dataset: "tls",
            start: begin,
            end: begin,
            duration: 0,
            outcome: "success",
        },
        source: party(&client),
        destination: party(&server),
        client: party(&client),
        server: party(&server),
        network: Network {
            transport: Transport::Tcp,
            protocol: "tls",
            kind: "ipv4",
            community_id: CommunityId::new(Transport::Tcp, &client, &server),
            direction: None,
            vlan: None,
        },
        process: None,
        container: None,
        orchestrator: None,
        kubernetes: None,
        related: Related { ip: [client.text(), server.text()] },
        tls: Tls {
            version: None,
            version_protocol: None,
            cipher: None,
            curve: None,
            resumed: false,
            established: true,
            next_protocol: None,
            client: TlsClient::default(),
            server: TlsServer::default(),
            detailed: None,
        },
        tlsight: tlsight(sockets),
    }
}

fn tlsight(sockets: Sockets) -> Tlsight {
    Tlsight {
        ja4: None,
        key_exchange: KeyExchange::default(),
        signature_algorithm: None,
        certificate: CertificateInfo {
            state: CertificateState::Encrypted,
            days_left: None,
            sni_match: None,
            self_signed: None,
        },
        resumption: ResumptionInfo::default(),
        early_data: EarlyData::None,
        ech: Ech::None,
        server_name_is_outer: false,
        downgrade: Downgrade::default(),
        sct: None,
        ocsp_staple: None,
        starttls: None,
        carrier: Carrier::Tcp,
        quic_version: None,
        timing: Timing::default(),
        requested_authorities: Vec::new(),
        ticket_lifetime_hint: None,
        messages: Messages::default(),
        renegotiations: 0,
        partial: Vec::new(),
        anomalies: Vec::new(),
        evidence: Evidence::Socket,
        socket: Some(Box::new(sockets)),
        workload: None,
    }
}

fn endpoint(ip: &str, port: u16) -> Endpoint {
    let ip: IpAddr = ip.parse().unwrap();
    Endpoint::new(ip, port)
}

fn party(endpoint: &Endpoint) -> Party {
    Party {
        ip: endpoint.text(),
        port: endpoint.port(),
        mac: None,
        domain: None,
        bytes: None,
        packets: None,
        process: None,
        container: None,
        orchestrator: None,
        kubernetes: None,
    }
}

const SERVER: &str = "198.51.100.7";
