//! What agents say of themselves all the time: not decided by anybody, so it is beside the log.

use std::collections::BTreeMap;

use event::Timestamp;

use super::{Replica, lock};
use crate::clickhouse::{Name, Said};
use crate::control::fleet::{AgentReport, EnrolledAgent};
use crate::error::StoreError;

/// What was read of other servers.
#[derive(Default)]
pub(super) struct Told {
    /// Up to when, by the database's clock, in milliseconds.
    until: i64,
    /// What is known of the last seconds, which are read again.
    lately: BTreeMap<(String, i64), Name>,
}

impl Replica {
    /// Tells the other servers what agents said to this one.
    pub(in crate::control) fn tell_reports(
        &self,
        reports: &[AgentReport],
    ) -> Result<(), StoreError> {
        let said: Vec<Said> = reports
            .iter()
            .map(|report| Said {
                agent: report.agent.clone(),
                server: self.server,
                heard: report.heard.as_nanos(),
                is_connected: report.is_connected,
                body: report.report.clone(),
                written: 0,
            })
            .collect();
        said.chunks(REPORTS_AT_ONCE)
            .try_for_each(|said| self.decisions.put_reports(self.server, said))
    }

    /// What agents said to other servers since the last time.
    pub(in crate::control) fn reports_elsewhere(&self) -> Result<Vec<AgentReport>, StoreError> {
        let since = lock(&self.told).until.saturating_sub(READ_AGAIN_MS).max(0);
        let mut said = self.decisions.reports(since, EnrolledAgent::MAX_REPORT_LEN)?;
        let mut told = lock(&self.told);
        let until = said.iter().map(|it| it.written).fold(told.until, i64::max);
        let known = std::mem::take(&mut told.lately);
        told.until = until;
        let from = until.saturating_sub(READ_AGAIN_MS);
        for it in said.iter().filter(|it| it.written >= from) {
            told.lately.insert((it.agent.clone(), it.written), it.server);
        }
        drop(told);
        said.retain(|it| {
            it.server != self.server && !known.contains_key(&(it.agent.clone(), it.written))
        });
        let report = |it: Said| AgentReport {
            agent: it.agent,
            heard: Timestamp::from_nanos(it.heard),
            is_connected: it.is_connected,
            report: it.body,
        };
        Ok(said.into_iter().map(report).collect())
    }
}

/// Reports that are sent at once: some megabytes.
const REPORTS_AT_ONCE: usize = 2000;

/// What was on its way when it was asked for bears an earlier time than what was there.
const READ_AGAIN_MS: i64 = 10_000;
