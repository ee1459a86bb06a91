//! What was seen: sums, edges, the graph, certificates.

use axum::Json;
use axum::extract::State;
use store::{EdgeId, Page as StorePage, VerdictCounts, ViolationQuery, ViolationState};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::agents::agents_at;
use super::params::{CertificatesAsked, EdgesAsked, GraphAsked};
use super::violations::told;
use crate::app::App;
use crate::fleet::verdict::AgentState;
use crate::http::extract::{Asked, Named};
use crate::http::window::{PageAsked, WindowAsked};
use crate::problem::Problem;
use crate::view::certificate::Certificate;
use crate::view::edge::{Arc, Edge, Entity, Graph, Node, POSTURES_IN_LIST, protocol};
use crate::view::overview::{
    Blockers, CertificateCounts, ClassPoint, GradePoint, Inventory, InventoryItem, Overview,
    PqcReadiness, PqcShare, PqcTotal, SeverityCounts, Sources,
};
use crate::view::{Count, Page, Window, counts};

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(overview))
        .routes(routes!(edges))
        .routes(routes!(edge))
        .routes(routes!(graph))
        .routes(routes!(certificates))
        .routes(routes!(certificate))
        .routes(routes!(inventory))
        .routes(routes!(pqc))
}

/// Sums up all that was seen
#[utoipa::path(
    get, path = "/overview", tag = "observed", params(WindowAsked),
    responses((status = 200, body = Overview))
)]
async fn overview(
    State(app): State<App>,
    Asked(window): Asked<WindowAsked>,
) -> Result<Json<Overview>, Problem> {
    let now = app.parts.clock.now();
    let window = window.window(now)?;
    let (sums, losses, agents) = app
        .sessions(move |sessions| {
            Ok((sessions.overview(window, now)?, sessions.losses(window)?, sessions.agents()?))
        })
        .await?;
    let active =
        ViolationQuery { state: Some(ViolationState::Active), ..ViolationQuery::default() };
    let (by_severity, worst) = app
        .control(move |control| {
            let worst = control.violations(&active, StorePage::first(TOP_VIOLATIONS))?;
            Ok((control.violation_counts()?, worst))
        })
        .await?;
    let agents = agents_at(&app, agents, now);
    let silent = agents.iter().filter(|agent| agent.state == AgentState::Silent).count();
    Ok(Json(Overview {
        window: Window::from(sums.window),
        sessions: sums.sessions,
        failures: sums.failures,
        edges: sums.edges,
        entities: sums.entities,
        by_grade: counts(sums.by_grade),
        by_version: counts(sums.by_version),
        by_class: counts(sums.by_class),
        by_group: counts(sums.by_group),
        by_cipher: counts(sums.by_cipher),
        series: sums.series.iter().map(GradePoint::of).collect(),
        certificates: CertificateCounts::from(sums.certificates),
        violations: SeverityCounts::from(by_severity),
        top_violations: told(&app, worst.items).await?,
        losses: by_cause(losses),
        sources: Sources { agents: agents.len() as u64, silent_agents: silent as u64 },
    }))
}

/// Losses of all agents, by cause.
fn by_cause(losses: Vec<store::LossCount>) -> Vec<Count> {
    let mut sums = std::collections::BTreeMap::<String, u64>::new();
    for loss in losses {
        let sum = sums.entry(loss.cause).or_default();
        *sum = sum.saturating_add(loss.count);
    }
    sums.into_iter().map(|(name, count)| Count { name, count }).collect()
}

/// Lists who talks to whom
#[utoipa::path(
    get, path = "/edges", tag = "observed", params(WindowAsked, PageAsked, EdgesAsked),
    responses((status = 200, body = Page<Edge>))
)]
async fn edges(
    State(app): State<App>,
    Asked(window): Asked<WindowAsked>,
    Asked(page): Asked<PageAsked>,
    Asked(asked): Asked<EdgesAsked>,
) -> Result<Json<Page<Edge>>, Problem> {
    let query = asked.query(window.window(app.parts.clock.now())?)?;
    let page = page.page()?;
    let found = app.sessions(move |sessions| sessions.edges(&query, page)).await?;
    let next_cursor = found.next.map(|cursor| cursor.to_string());
    let items = edges_told(&app, &found.items, POSTURES_IN_LIST).await?;
    Ok(Json(Page { items, next_cursor, total: found.total }))
}

/// Shows an edge with all of its postures
#[utoipa::path(
    get, path = "/edges/{id}", tag = "observed", params(("id" = String, Path), WindowAsked),
    responses((status = 200, body = Edge), (status = 404, body = Problem))
)]
async fn edge(
    State(app): State<App>,
    Named(id): Named,
    Asked(window): Asked<WindowAsked>,
) -> Result<Json<Edge>, Problem> {
    let window = window.window(app.parts.clock.now())?;
    let Ok(id) = id.parse::<EdgeId>() else { return Err(Problem::not_found("edge")) };
    let found = app.sessions(move |sessions| sessions.edge(id, window)).await?;
    let found = found.ok_or_else(|| Problem::not_found("edge"))?;
    let told = edges_told(&app, std::slice::from_ref(&found), usize::MAX).await?;
    told.into_iter().next().map(Json).ok_or_else(|| Problem::not_found("edge"))
}

/// Edges with what the rules say of them.
pub(crate) async fn edges_told(
    app: &App,
    edges: &[store::Edge],
    postures: usize,
) -> Result<Vec<Edge>, Problem> {
    let now = app.parts.clock.now();
    let ids: Vec<_> = edges.iter().map(|edge| edge.id).collect();
    let verdicts = app.control(move |control| control.verdicts(&ids)).await?;
    let verdicts = verdicts.into_iter().chain(std::iter::repeat(VerdictCounts::default()));
    Ok(edges.iter().zip(verdicts).map(|(edge, said)| Edge::at(edge, said, now, postures)).collect())
}

/// Draws who talks to whom
#[utoipa::path(
    get, path = "/graph", tag = "observed", params(WindowAsked, GraphAsked),
    responses((status = 200, body = Graph))
)]
async fn graph(
    State(app): State<App>,
    Asked(window): Asked<WindowAsked>,
    Asked(asked): Asked<GraphAsked>,
) -> Result<Json<Graph>, Problem> {
    let query = asked.query(window.window(app.parts.clock.now())?)?;
    let graph = app.sessions(move |sessions| sessions.graph(&query)).await?;
    let ids: Vec<_> = graph.edges.iter().map(|edge| edge.id).collect();
    let failing = app.control(move |control| control.failing(&ids)).await?;
    let failing: std::collections::HashSet<_> = failing.into_iter().collect();
    let node = |node: store::GraphNode| Node {
        entity: Entity::from(&*node.entity),
        grade: node.grade,
        sessions: node.sessions,
    };
    let arc = |edge: store::GraphEdge| Arc {
        id: edge.id.to_string(),
        source: edge.source.id.clone(),
        destination: edge.destination.id.clone(),
        port: edge.port,
        protocol: protocol(edge.transport),
        grade: edge.grade,
        sessions: edge.sessions,
        failing: failing.contains(&edge.id),
    };
    Ok(Json(Graph {
        window: Window::from(graph.window),
        nodes: graph.nodes.into_iter().map(node).collect(),
        edges: graph.edges.into_iter().map(arc).collect(),
        truncated: graph.is_truncated,
    }))
}

/// Lists certificates of servers
#[utoipa::path(
    get, path = "/certificates", tag = "observed", params(PageAsked, CertificatesAsked),
    responses((status = 200, body = Page<Certificate>))
)]
async fn certificates(
    State(app): State<App>,
    Asked(page): Asked<PageAsked>,
    Asked(asked): Asked<CertificatesAsked>,
) -> Result<Json<Page<Certificate>>, Problem> {
    let now = app.parts.clock.now();
    let (query, page) = (asked.query(now)?, page.page()?);
    let found = app.sessions(move |sessions| sessions.certificates(&query, page)).await?;
    Ok(Json(Page::of(found, |certificate| Certificate::at(&certificate, now))))
}

/// Shows a certificate and who uses it
#[utoipa::path(
    get, path = "/certificates/{fingerprint}", tag = "observed",
    params(("fingerprint" = String, Path), WindowAsked),
    responses((status = 200, body = Certificate), (status = 404, body = Problem))
)]
async fn certificate(
    State(app): State<App>,
    Named(fingerprint): Named,
    Asked(window): Asked<WindowAsked>,
) -> Result<Json<Certificate>, Problem> {
    let now = app.parts.clock.now();
    let window = window.window(now)?;
    let found = app.sessions(move |sessions| sessions.certificate(&fingerprint, window)).await?;
    let (certificate, edges) = found.ok_or_else(|| Problem::not_found("certificate"))?;
    let used_by = Some(edges_told(&app, &edges, POSTURES_IN_LIST).await?);
    Ok(Json(Certificate { used_by, ..Certificate::at(&certificate, now) }))
}

/// Lists versions, cipher suites and groups in use
#[utoipa::path(
    get, path = "/inventory", tag = "observed", params(WindowAsked),
    responses((status = 200, body = Inventory))
)]
async fn inventory(
    State(app): State<App>,
    Asked(window): Asked<WindowAsked>,
) -> Result<Json<Inventory>, Problem> {
    let window = window.window(app.parts.clock.now())?;
    let found = app.sessions(move |sessions| sessions.inventory(window)).await?;
    let items = found.items.into_iter().map(InventoryItem::from).collect();
    Ok(Json(Inventory { window: Window::from(found.window), items }))
}

/// Says how far the way to post-quantum key exchange is
#[utoipa::path(
    get, path = "/pqc", tag = "observed", params(WindowAsked),
    responses((status = 200, body = PqcReadiness))
)]
async fn pqc(
    State(app): State<App>,
    Asked(window): Asked<WindowAsked>,
) -> Result<Json<PqcReadiness>, Problem> {
    let window = window.window(app.parts.clock.now())?;
    let found = app.sessions(move |sessions| sessions.readiness(window)).await?;
    let edges = edges_told(&app, &found.blocked, POSTURES_IN_LIST).await?;
    Ok(Json(PqcReadiness {
        window: Window::from(found.window),
        total: PqcTotal {
            edges: found.edges,
            sessions: found.sessions,
            by_class: counts(found.by_class),
        },
        by_namespace: found.by_namespace.into_iter().map(PqcShare::from).collect(),
        by_owner: found.by_owner.into_iter().map(PqcShare::from).collect(),
        series: found.series.iter().map(ClassPoint::of).collect(),
        blockers: Blockers {
            client: found.blocked_by_client,
            server: found.blocked_by_server,
            both: found.blocked_by_both,
            unknown: found.blocked_by_unknown,
        },
        edges,
    }))
}

/// What fits beside the rest of the overview.
const TOP_VIOLATIONS: usize = 5;
