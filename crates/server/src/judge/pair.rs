//! What the rules say of one posture of one edge.

use event::{Timestamp, Transport};
use policy::Severity;
use policy::{Entity, Observation, Posture, Subject, Verdict};
use store::{EdgeId, Finding, PostureId, VerdictCounts, ViolationId};

use super::rules::RuleSet;

/// One posture of one edge, with all that rules may ask of it.
#[derive(Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) edge: EdgeId,
    pub(crate) posture_id: PostureId,
    pub(crate) posture: &'a Posture,
    pub(crate) source: &'a Entity,
    pub(crate) destination: &'a Entity,
    pub(crate) port: u16,
    pub(crate) transport: Transport,
    pub(crate) server_names: Vec<&'a str>,
    pub(crate) session: Option<&'a Observation>,
    pub(crate) sessions: u64,
    pub(crate) first_seen: Timestamp,
    pub(crate) last_seen: Timestamp,
}

/// What the rules say.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) counts: VerdictCounts,
    /// What breaks a policy, and the exclusion of the policy that it falls under.
    pub(crate) findings: Vec<(Finding, Option<store::Exclusion>)>,
    /// Violations that there are none of: the rule holds.
    pub(crate) passes: Vec<ViolationId>,
}

impl Judged<'_> {
    /// Asks all rules that are in force.
    pub(crate) fn by(&self, rules: &RuleSet, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::default();
        let subject = self.subject(now);
        for rule in rules.enabled() {
            let Some(verdict) = rule.verdict(&subject) else { continue };
            let policy = rule.policy();
            let counts = &mut judgement.counts;
            let count = match verdict {
                Verdict::Pass => &mut counts.pass,
                Verdict::Unknown => &mut counts.unknown,
                Verdict::Fail => &mut counts.fail,
            };
            *count = count.saturating_add(1);
            match verdict {
                Verdict::Fail => {
                    let exclusion = rule.exclusion(&subject).map(|exclusion| store::Exclusion {
                        reason: exclusion.reason.clone(),
                        until: exclusion.expiration,
                    });
                    let severity = rule.severity(now);
                    let finding = self.finding(policy, severity, rule.finding(&subject).reason);
                    judgement.findings.push((finding, exclusion));
                }
                Verdict::Pass => {
                    let id = ViolationId::of(&policy.id, self.edge, self.posture_id);
                    judgement.passes.push(id);
                }
                Verdict::Unknown => {}
            }
        }
        judgement
    }

    /// What rules are asked about.
    pub(crate) fn subject(&self, now: Timestamp) -> Subject<'_> {
        Subject {
            posture: self.posture,
            source: self.source,
            destination: self.destination,
            port: self.port,
            transport: self.transport,
            server_name: self.server_names.first().copied(),
            session: self.session,
            baseline: None,
            now,
        }
    }

    fn finding(&self, policy: &policy::Policy, severity: Severity, message: String) -> Finding {
        let ends = [self.source, self.destination];
        let mut namespaces: Vec<String> =
            ends.iter().filter_map(|end| end.namespace.clone()).collect();
        namespaces.dedup();
        let names = ends.iter().map(|end| end.name.as_str());
        let text: Vec<_> = names.chain(self.server_names.iter().copied()).collect();
        Finding {
            policy: policy.id.clone(),
            policy_name: policy.name.clone(),
            severity,
            edge: self.edge,
            posture: self.posture_id,
            message,
            namespaces,
            text: text.join(" "),
            sessions: self.sessions,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
        }
    }
}

impl<'a> From<&'a store::Pair> for Judged<'a> {
    fn from(pair: &'a store::Pair) -> Self {
        Self {
            edge: pair.edge,
            posture_id: pair.posture_id,
            posture: &pair.posture,
            source: &pair.source,
            destination: &pair.destination,
            port: pair.port,
            transport: pair.transport,
            server_names: pair.server_names.iter().map(|name| &**name).collect(),
            session: None,
            sessions: pair.sessions,
            first_seen: pair.first_seen,
            last_seen: pair.last_seen,
        }
    }
}
