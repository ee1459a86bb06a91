//! Connections of agents: mutual TLS and HTTP/2, within bounds.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use event::Timestamp;
use fleet::limits::{MOST_TO_SERVER, PING_EVERY, PING_PATIENCE};
use fleet::v1::enrolment_server::EnrolmentServer;
use fleet::v1::fleet_server::FleetServer;
use fleet::{accept, server_config};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;
use tonic::transport::server::Connected as _;
use tower::ServiceExt as _;

use super::Entrance;
use super::call::Calls;
use super::enrolment::Enrolments;
use super::keeping::{Job, work};
use super::turn::Turns;
use crate::app::App;
use crate::clock::DAY;

/// A server for agents that is ready to run.
#[derive(Debug)]
pub(crate) struct FleetListener {
    pub(crate) listener: TcpListener,
    pub(crate) entrance: Arc<Entrance>,
}

impl FleetListener {
    /// Serves agents until `stop` says so.
    pub(crate) async fn run(self, app: App, mut stop: watch::Receiver<bool>) {
        let turns = Arc::new(Turns::default());
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let (app, turns) = (app.clone(), Arc::clone(&turns));
                tokio::task::spawn_blocking(move || work(&app, &turns))
            })
            .collect();
        let closing = Closing(&turns);
        let router = self.router(&app, &turns);
        let of_connections = stop.clone();
        tokio::select! {
            () = self.accept_all(&app, &router, &of_connections) => {}
            _ = stop.wait_for(|is_over| *is_over) => {}
        }
        drop(closing);
        for worker in workers {
            // What was handed to the store is answered; a panic was printed.
            worker.await.ok();
        }
    }

    fn router(&self, app: &App, turns: &Arc<Turns<Job>>) -> Router {
        let enrolments = Enrolments { app: app.clone(), entrance: Arc::clone(&self.entrance) };
        let enrolments = EnrolmentServer::new(enrolments).max_decoding_message_size(MOST_TO_SERVER);
        let calls = Calls {
            app: app.clone(),
            entrance: Arc::clone(&self.entrance),
            turns: Arc::clone(turns),
        };
        let calls = FleetServer::new(calls).max_decoding_message_size(MOST_TO_SERVER);
        Router::new()
            .route_service("/tlsight.fleet.v1.Enrolment/{*method}", enrolments)
            .route_service("/tlsight.fleet.v1.Fleet/{*method}", calls)
    }

    async fn accept_all(&self, app: &App, router: &Router, stop: &watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut identity: Option<(Arc<ServerConfig>, Timestamp)> = None;
        loop {
            let now = app.parts.clock.now();
            let config = match identity.take().filter(|(_, renew_at)| now < *renew_at) {
                Some(current) => current,
                None => match self.identity(now) {
                    Ok(new) => new,
                    Err(error) => {
                        app.log(&format!("agents cannot connect: {error}"));
                        sleep(LONG_PAUSE).await;
                        continue;
                    }
                },
            };
            identity = Some((Arc::clone(&config.0), config.1));
            match self.next(&places).await {
                Ok((stream, place)) => {
                    let serving = serve(stream, config.0, router.clone(), stop.clone());
                    tokio::spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                // Out of files, for instance; there will be some again.
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn next(&self, places: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, place))
    }

    /// A certificate for this server, and when the next one is due.
    fn identity(&self, now: Timestamp) -> Result<(Arc<ServerConfig>, Timestamp), String> {
        let authority = &self.entrance.authority;
        let names: Vec<String> =
            self.entrance.addresses.iter().map(|address| host_of(address)).collect();
        let made = authority.issue_server(&names, now).map_err(|error| error.to_string())?;
        let config = server_config(&made, &[authority.certificate().to_vec()])
            .map_err(|error| error.to_string())?;
        // At least once a day, so that a clock that was set while it ran does no harm for long.
        Ok((config, made.renew_at.min(now.plus_nanos(DAY))))
    }
}

/// Lets the threads go that wait for their turn, also if whatever serves is dropped.
struct Closing<'a>(&'a Turns<Job>);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The name or address of `HOST:PORT`.
fn host_of(address: &str) -> String {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() { bare.to_owned() } else { host.to_owned() }
}

async fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    // Whoever does not come in by TLS is nobody.
    let Ok(stream) = accept(stream, config).await else { return };
    let peer = stream.connect_info();
    let longest = if peer.certificate.is_some() { LONGEST } else { LONGEST_OF_STRANGERS };
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request)
    });
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // An agent that breaks off comes again.
        _ = connection => {}
        () = sleep(longest) => {}
        _ = stop.wait_for(|is_over| *is_over) => {}
    }
}

/// Threads that read batches and wait for the store: while one waits, the other reads.
const WORKERS: usize = 2;

/// More agents than one server is for; further ones wait.
const MAX_CONNECTIONS: usize = 20_000;

/// For a connection; its agent comes again, perhaps to another server.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// For who has no certificate: to enrol takes one call.
const LONGEST_OF_STRANGERS: Duration = Duration::from_secs(60);

/// An agent makes two calls at most.
const MAX_STREAMS: u32 = 8;

/// Bytes of the head of a call.
const MAX_HEAD: u32 = 16 << 10;

/// Bytes on their way of one agent that nobody has read yet.
const WINDOW: u32 = 1 << 20;

const PAUSE: Duration = Duration::from_millis(100);

const LONG_PAUSE: Duration = Duration::from_secs(10);
