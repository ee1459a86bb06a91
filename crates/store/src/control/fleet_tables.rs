//! Enrolment tokens and agents in the file.

use event::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SecretDigest;
use super::file::{Control, Failure, at_most, has_room, maybe_time, time};
use super::fleet::{
    AgentCertificate, AgentReport, EnrolledAgent, EnrolmentToken, Fleet, Labels, NewAgent,
    NotEnrolled, Revocation, Rollout, RolloutState,
};
use super::rollout_tables;
use crate::error::StoreError;

impl Fleet for Control {
    fn enrolment_tokens(&self) -> Result<Vec<EnrolmentToken>, StoreError> {
        self.read(|connection| {
            let mut read =
                connection.prepare_cached(&format!("{SELECT_TOKENS} ORDER BY created, id"))?;
            read.query_map([], token)?.collect()
        })
    }

    fn add_enrolment_token(
        &self,
        token: &EnrolmentToken,
        digest: SecretDigest,
    ) -> Result<(), StoreError> {
        check_labels(&token.labels)?;
        at_most("length of an id", token.id.len(), EnrolledAgent::MAX_TEXT_LEN)?;
        at_most("length of a name", token.created_by.len(), EnrolledAgent::MAX_TEXT_LEN)?;
        self.transact(|connection| {
            let most = EnrolmentToken::MAX_COUNT;
            has_room(connection, "enrolment_tokens", "enrolment tokens", most)?;
            let added = connection
                .prepare_cached(
                    "INSERT INTO enrolment_tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    token.id,
                    digest.0,
                    labels_text(&token.labels),
                    token.created.as_nanos(),
                    token.created_by,
                    token.expires.as_nanos(),
                    token.most_uses.min(EnrolmentToken::MAX_USES),
                    token.uses,
                    token.last_used.map(Timestamp::as_nanos),
                ])?;
            if added == 0 {
                let name = token.id.clone();
                return Err(StoreError::Exists { what: "enrolment token", name }.into());
            }
            Ok(())
        })
    }

    fn remove_enrolment_token(&self, id: &str) -> Result<bool, StoreError> {
        self.transact(|connection| {
            let mut remove =
                connection.prepare_cached("DELETE FROM enrolment_tokens WHERE id = ?")?;
            Ok(remove.execute([id])? > 0)
        })
    }

    fn remove_old_enrolment_tokens(&self, ended_before: Timestamp) -> Result<u64, StoreError> {
        self.transact(|connection| {
            let mut remove =
                connection.prepare_cached("DELETE FROM enrolment_tokens WHERE expires < ?")?;
            Ok(remove.execute([ended_before.as_nanos()])? as u64)
        })
    }

    fn enrolment_token(
        &self,
        digest: SecretDigest,
        now: Timestamp,
    ) -> Result<Result<EnrolmentToken, NotEnrolled>, StoreError> {
        self.read(|connection| usable(connection, digest, now))
    }

    fn enrol(
        &self,
        digest: SecretDigest,
        agent: &NewAgent,
        certificate: &AgentCertificate,
    ) -> Result<Result<EnrolledAgent, NotEnrolled>, StoreError> {
        at_most("length of a name", agent.id.len(), EnrolledAgent::MAX_TEXT_LEN)?;
        at_most("length of a name", agent.host.len(), EnrolledAgent::MAX_TEXT_LEN)?;
        let now = certificate.issued;
        self.transact(|connection| {
            let token = match usable(connection, digest, now)? {
                Ok(token) => token,
                Err(why) => return Ok(Err(why)),
            };
            has_room(connection, "agents", "agents", EnrolledAgent::MAX_COUNT)?;
            let added = connection
                .prepare_cached(
                    "INSERT INTO agents (id, host, labels, token, enrolled)
                     VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    agent.id,
                    agent.host,
                    labels_text(&token.labels),
                    token.id,
                    now.as_nanos()
                ])?;
            if added == 0 {
                return Err(StoreError::Exists { what: "agent", name: agent.id.clone() }.into());
            }
            connection
                .prepare_cached(
                    "UPDATE enrolment_tokens SET uses = uses + 1, last_used = ? WHERE id = ?",
                )?
                .execute(params![now.as_nanos(), token.id])?;
            insert_certificate(connection, certificate)?;
            let found = find_agent(connection, &agent.id)?;
            found.map(Ok).ok_or_else(|| {
                StoreError::Damaged("an agent that was just enrolled is not there").into()
            })
        })
    }

    fn add_agent_certificate(&self, certificate: &AgentCertificate) -> Result<bool, StoreError> {
        self.transact(|connection| {
            let agent = find_agent(connection, &certificate.agent)?;
            if agent.is_none_or(|agent| agent.revoked.is_some()) {
                return Ok(false);
            }
            connection
                .prepare_cached("DELETE FROM agent_certificates WHERE agent = ? AND not_after < ?")?
                .execute(params![certificate.agent, certificate.issued.as_nanos()])?;
            insert_certificate(connection, certificate)?;
            Ok(true)
        })
    }

    fn agent_certificates(&self, agent: &str) -> Result<Vec<AgentCertificate>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT serial, agent, issued, not_after FROM agent_certificates
                     WHERE agent = ? ORDER BY issued, serial",
                )?
                .query_map([agent], |row| {
                    Ok(AgentCertificate {
                        serial: row.get(0)?,
                        agent: row.get(1)?,
                        issued: time(row, 2)?,
                        not_after: time(row, 3)?,
                    })
                })?
                .collect()
        })
    }

    fn enrolled_agents(&self) -> Result<Vec<EnrolledAgent>, StoreError> {
        self.read(|connection| {
            let mut read = connection.prepare_cached(&format!("{SELECT_AGENTS} ORDER BY id"))?;
            read.query_map([], agent)?.collect()
        })
    }

    fn enrolled_agent(&self, id: &str) -> Result<Option<EnrolledAgent>, StoreError> {
        self.read(|connection| find_agent(connection, id))
    }

    fn revoke_agent(&self, id: &str, revocation: &Revocation) -> Result<bool, StoreError> {
        self.transact(|connection| {
            let revoked = connection
                .prepare_cached(
                    "UPDATE agents SET revoked_at = ?, revoked_by = ?
                     WHERE id = ? AND revoked_at IS NULL",
                )?
                .execute(params![revocation.at.as_nanos(), revocation.by, id])?;
            Ok(revoked > 0)
        })
    }

    fn remove_old_agents(&self, ended_before: Timestamp) -> Result<u64, StoreError> {
        let before = ended_before.as_nanos();
        self.transact(|connection| {
            let removed = connection
                .prepare_cached(
                    "DELETE FROM agents WHERE NOT EXISTS
                     (SELECT 1 FROM agent_certificates WHERE agent = agents.id AND not_after >= ?1)
                     AND coalesce((SELECT heard FROM agent_reports WHERE agent = agents.id), enrolled)
                     < ?1",
                )?
                .execute([before])?;
            connection
                .prepare_cached(
                    "DELETE FROM agent_certificates
                     WHERE not_after < ? AND agent NOT IN (SELECT id FROM agents)",
                )?
                .execute([before])?;
            Ok(removed as u64)
        })
    }

    fn note_agents(&self, reports: &[AgentReport]) -> Result<(), StoreError> {
        for report in reports {
            at_most("length of a report", report.report.len(), EnrolledAgent::MAX_REPORT_LEN)?;
        }
        // What other servers are told, they keep for this one as well.
        if let Some(replica) = self.replica() {
            replica.tell_reports(reports)?;
        }
        self.keep_reports(reports)
    }

    fn agents_elsewhere(&self) -> Result<Vec<AgentReport>, StoreError> {
        let Some(replica) = self.replica() else { return Ok(Vec::new()) };
        let reports = replica.reports_elsewhere()?;
        if !reports.is_empty() {
            self.keep_reports(&reports)?;
        }
        Ok(reports)
    }

    fn rollouts(&self) -> Result<Vec<Rollout>, StoreError> {
        self.read(rollout_tables::all)
    }

    fn add_rollout(&self, rollout: &Rollout) -> Result<u64, StoreError> {
        rollout_tables::check(rollout)?;
        self.transact(|connection| rollout_tables::add(connection, rollout))
    }

    fn change_rollout(
        &self,
        from: &Rollout,
        state: RolloutState,
        begun: usize,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transact(|connection| rollout_tables::change(connection, from, state, begun, now))
    }
}

impl Control {
    /// Keeps what agents said in this server's file alone.
    fn keep_reports(&self, reports: &[AgentReport]) -> Result<(), StoreError> {
        self.note(|connection| {
            let mut note = connection.prepare_cached(
                "INSERT INTO agent_reports SELECT ?1, ?2, ?3
                 WHERE EXISTS (SELECT 1 FROM agents WHERE id = ?1)
                 ON CONFLICT DO UPDATE SET heard = excluded.heard, report = excluded.report",
            )?;
            for AgentReport { agent, heard, report, .. } in reports {
                note.execute(params![agent, heard.as_nanos(), report])?;
            }
            // Those of agents that were forgotten meanwhile, by whichever server.
            connection
                .prepare_cached(
                    "DELETE FROM agent_reports WHERE agent NOT IN (SELECT id FROM agents)",
                )?
                .execute([])?;
            Ok(())
        })
    }
}

/// Refuses labels that are too many or too long.
pub(super) fn check_labels(labels: &Labels) -> Result<(), StoreError> {
    at_most("labels", labels.len(), EnrolmentToken::MAX_LABELS)?;
    for text in labels.iter().flat_map(|(key, value)| [key, value]) {
        at_most("length of a label", text.len(), EnrolmentToken::MAX_LABEL_LEN)?;
    }
    Ok(())
}

pub(super) fn labels_text(labels: &Labels) -> String {
    serde_json::to_string(labels).unwrap_or_default()
}

fn labels(row: &Row<'_>, column: usize) -> rusqlite::Result<Labels> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}

fn usable(
    connection: &Connection,
    digest: SecretDigest,
    now: Timestamp,
) -> rusqlite::Result<Result<EnrolmentToken, NotEnrolled>> {
    let found = connection
        .prepare_cached(&format!("{SELECT_TOKENS} WHERE digest = ?"))?
        .query_row([digest.0], token)
        .optional()?;
    Ok(match found {
        None => Err(NotEnrolled::UnknownToken),
        Some(token) if token.expires <= now => Err(NotEnrolled::ExpiredToken),
        Some(token) if token.uses >= token.most_uses => Err(NotEnrolled::UsedUpToken),
        Some(token) => Ok(token),
    })
}

fn find_agent(connection: &Connection, id: &str) -> rusqlite::Result<Option<EnrolledAgent>> {
    connection
        .prepare_cached(&format!("{SELECT_AGENTS} WHERE id = ?"))?
        .query_row([id], agent)
        .optional()
}

fn insert_certificate(
    connection: &Connection,
    certificate: &AgentCertificate,
) -> Result<(), Failure> {
    let AgentCertificate { serial, agent, issued, not_after } = certificate;
    connection
        .prepare_cached("INSERT INTO agent_certificates VALUES (?, ?, ?, ?)")?
        .execute(params![serial, agent, issued.as_nanos(), not_after.as_nanos()])?;
    Ok(())
}

fn token(row: &Row<'_>) -> rusqlite::Result<EnrolmentToken> {
    Ok(EnrolmentToken {
        id: row.get(0)?,
        labels: labels(row, 1)?,
        created: time(row, 2)?,
        created_by: row.get(3)?,
        expires: time(row, 4)?,
        most_uses: row.get(5)?,
        uses: row.get(6)?,
        last_used: maybe_time(row, 7)?,
    })
}

fn agent(row: &Row<'_>) -> rusqlite::Result<EnrolledAgent> {
    let by: Option<String> = row.get(6)?;
    let revoked = maybe_time(row, 5)?.map(|at| Revocation { at, by: by.unwrap_or_default() });
    Ok(EnrolledAgent {
        id: row.get(0)?,
        host: row.get(1)?,
        labels: labels(row, 2)?,
        token: row.get(3)?,
        enrolled: time(row, 4)?,
        revoked,
        heard: maybe_time(row, 7)?,
        report: row.get(8)?,
        not_after: time(row, 9)?,
    })
}

const SELECT_TOKENS: &str = "SELECT id, labels, created, created_by, expires, most_uses, uses,
    last_used FROM enrolment_tokens";

const SELECT_AGENTS: &str =
    "SELECT id, host, labels, agents.token, enrolled, revoked_at, revoked_by,
    agent_reports.heard, coalesce(agent_reports.report, x''),
    coalesce((SELECT max(not_after) FROM agent_certificates WHERE agent = agents.id), enrolled)
    FROM agents LEFT JOIN agent_reports ON agent_reports.agent = agents.id";
