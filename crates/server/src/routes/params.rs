//! What lists are filtered by.

use std::net::IpAddr;

use event::KeyExchangeClass;
use policy::{Grade, Outcome};
use serde::Deserialize;
use store::{
    CertificateQuery, CertificateSort, CertificateState, EdgeQuery, EdgeSort, GraphQuery,
    SessionQuery, Window,
};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::view::edge::GradeName;
use crate::view::violation::{SeverityName, StateName};

/// Which sessions.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionsAsked {
    /// A part of a server name, an entity, a process or an address.
    #[param(max_length = 256)]
    q: Option<String>,
    /// Negotiated version, such as `1.3`.
    version: Option<String>,
    /// Cipher suite.
    cipher: Option<String>,
    /// Named group.
    group: Option<String>,
    /// Class of the key exchange: `classical`, `hybrid_pq`, `pq` or `none`.
    #[param(value_type = Option<String>)]
    class: Option<KeyExchangeClass>,
    /// The posture at a glance.
    #[param(value_type = Option<GradeName>)]
    grade: Option<Grade>,
    /// The whole server name.
    server_name: Option<String>,
    /// Address of either end.
    #[param(value_type = Option<String>)]
    ip: Option<IpAddr>,
    /// Port of the server.
    port: Option<u16>,
    /// Kubernetes namespace of either end.
    namespace: Option<String>,
    /// Process of either end, by its name or path.
    process: Option<String>,
    /// Fingerprint of the server's certificate.
    certificate: Option<String>,
    /// JA3 of the client.
    ja3: Option<String>,
    /// JA4 of the client.
    ja4: Option<String>,
    /// `success`, `failure` or `unknown`.
    #[param(value_type = Option<String>)]
    outcome: Option<Outcome>,
    /// Id of the edge.
    edge: Option<String>,
}

/// Which edges.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EdgesAsked {
    /// Id of the source.
    source: Option<String>,
    /// Id of the destination.
    destination: Option<String>,
    /// Kubernetes namespace of either end.
    namespace: Option<String>,
    /// Grade of the worst posture.
    #[param(value_type = Option<GradeName>)]
    grade: Option<Grade>,
    /// Port.
    port: Option<u16>,
    /// A part of the name of an end or of a server name.
    #[param(max_length = 256)]
    q: Option<String>,
    /// Order.
    #[param(inline)]
    sort: Option<SortOfEdges>,
}

/// Order of edges.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortOfEdges {
    Sessions,
    Failures,
    FirstSeen,
    LastSeen,
    Grade,
}

/// Which part of the graph.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GraphAsked {
    /// Kubernetes namespace of either end.
    namespace: Option<String>,
    /// Grade of an edge's worst posture.
    #[param(value_type = Option<GradeName>)]
    grade: Option<Grade>,
    /// A part of the name of an end or of a server name.
    #[param(max_length = 256)]
    q: Option<String>,
    /// How many nodes at most.
    #[param(minimum = 1, maximum = 5000, default = 500)]
    limit: Option<usize>,
}

/// Which certificates.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CertificatesAsked {
    /// A part of subject, issuer, names or fingerprint.
    #[param(max_length = 256)]
    q: Option<String>,
    /// State of the validity.
    #[param(inline)]
    state: Option<StateOfCertificate>,
    /// Order.
    #[param(inline)]
    sort: Option<SortOfCertificates>,
}

/// State of a certificate's validity.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StateOfCertificate {
    Expired,
    Expiring,
    Valid,
}

/// Order of certificates.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SortOfCertificates {
    NotAfter,
    LastSeen,
    Sessions,
}

/// Which violations.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ViolationsAsked {
    /// What became of them.
    #[param(value_type = Option<StateName>)]
    pub(crate) state: Option<store::ViolationState>,
    /// How bad they are.
    #[param(value_type = Option<SeverityName>)]
    pub(crate) severity: Option<policy::Severity>,
    /// Id of the policy.
    pub(crate) policy: Option<String>,
    /// Kubernetes namespace of either end.
    pub(crate) namespace: Option<String>,
    /// Id of the edge.
    pub(crate) edge: Option<String>,
    /// A part of the message or of a name.
    #[param(max_length = 256)]
    pub(crate) q: Option<String>,
}

/// What is given out.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DatasetAsked {
    /// What; sessions, if nothing is said. The filters are those of the list of the same name.
    #[param(inline)]
    pub(crate) dataset: Option<Dataset>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dataset {
    Sessions,
    Edges,
    Certificates,
}

/// Who saw what is sent.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeenBy {
    /// Id of the agent; that of the user or token who sends, if absent.
    #[param(max_length = 128)]
    pub(crate) agent: Option<String>,
    /// Host whose processes are told.
    #[param(max_length = 253)]
    pub(crate) host: Option<String>,
    /// Version of the agent.
    #[param(max_length = 64)]
    pub(crate) version: Option<String>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportAsked {
    /// Format; `ics` is a calendar, of certificates only.
    #[param(inline)]
    pub(crate) format: Option<ReportFormat>,
    /// Version of CycloneDX, of a CBOM.
    #[param(inline)]
    pub(crate) version: Option<ReportVersion>,
}

/// Format of a report.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReportFormat {
    Json,
    Csv,
    Html,
    Ics,
}

/// Version of CycloneDX.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub(crate) enum ReportVersion {
    #[serde(rename = "1.6")]
    V1_6,
    #[serde(rename = "1.7")]
    V1_7,
}

impl SessionsAsked {
    /// The query.
    ///
    /// # Errors
    /// A search that is too long, or an id that is none.
    pub(crate) fn query(self, window: Window) -> Result<SessionQuery, Problem> {
        Ok(SessionQuery {
            window,
            q: search(self.q)?,
            version: text(self.version),
            cipher: text(self.cipher),
            group: text(self.group),
            class: self.class,
            grade: self.grade,
            server_name: text(self.server_name),
            ip: self.ip,
            port: self.port,
            namespace: text(self.namespace),
            process: text(self.process),
            certificate: text(self.certificate),
            ja3: text(self.ja3),
            ja4: text(self.ja4),
            outcome: self.outcome,
            edge: text(self.edge).map(|id| id.parse()).transpose().map_err(not_an_id)?,
        })
    }
}

impl EdgesAsked {
    /// The query.
    ///
    /// # Errors
    /// A search that is too long.
    pub(crate) fn query(self, window: Window) -> Result<EdgeQuery, Problem> {
        Ok(EdgeQuery {
            window,
            source: text(self.source),
            destination: text(self.destination),
            namespace: text(self.namespace),
            grade: self.grade,
            port: self.port,
            q: search(self.q)?,
            sort: match self.sort {
                None | Some(SortOfEdges::Sessions) => EdgeSort::Sessions,
                Some(SortOfEdges::Failures) => EdgeSort::Failures,
                Some(SortOfEdges::FirstSeen) => EdgeSort::FirstSeen,
                Some(SortOfEdges::LastSeen) => EdgeSort::LastSeen,
                Some(SortOfEdges::Grade) => EdgeSort::Grade,
            },
        })
    }
}

impl GraphAsked {
    /// The query.
    ///
    /// # Errors
    /// A search that is too long, or a limit out of range.
    pub(crate) fn query(self, window: Window) -> Result<GraphQuery, Problem> {
        let all = GraphQuery::all(window);
        let limit = self.limit.unwrap_or(all.limit);
        if !(1..=GraphQuery::MAX_NODES).contains(&limit) {
            let most = GraphQuery::MAX_NODES;
            return Err(Problem::bad_request(format!("limit: 1 to {most}")));
        }
        let (namespace, q) = (text(self.namespace), search(self.q)?);
        Ok(GraphQuery { namespace, grade: self.grade, q, limit, ..all })
    }
}

impl CertificatesAsked {
    /// The query.
    ///
    /// # Errors
    /// A search that is too long.
    pub(crate) fn query(self, now: event::Timestamp) -> Result<CertificateQuery, Problem> {
        let state = self.state.map(|state| match state {
            StateOfCertificate::Expired => CertificateState::Expired,
            StateOfCertificate::Expiring => CertificateState::Expiring,
            StateOfCertificate::Valid => CertificateState::Valid,
        });
        let sort = match self.sort {
            None | Some(SortOfCertificates::NotAfter) => CertificateSort::NotAfter,
            Some(SortOfCertificates::LastSeen) => CertificateSort::LastSeen,
            Some(SortOfCertificates::Sessions) => CertificateSort::Sessions,
        };
        Ok(CertificateQuery { now, q: search(self.q)?, state, sort })
    }
}

/// A filter; an empty one is none.
pub(crate) fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// What is searched for.
pub(crate) fn search(q: Option<String>) -> Result<Option<String>, Problem> {
    match text(q) {
        Some(q) if q.chars().count() > MAX_SEARCH => {
            Err(Problem::bad_request(format!("q: at most {MAX_SEARCH} characters")))
        }
        q => Ok(q),
    }
}

fn not_an_id(error: store::NotAnId) -> Problem {
    Problem::bad_request(format!("edge: {error}"))
}

/// The longest host name is 253 characters.
const MAX_SEARCH: usize = 256;
