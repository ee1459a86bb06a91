//! What becomes of records before packets are made of them.

use forge::{Http2ToHttp1, Record, Redactor, SECRET_HEADERS, StageCounters, StageLimits, Streams};

use crate::cli::PacketArgs;

/// Tells HTTP/2 as HTTP/1.1, and overwrites secrets in headers.
pub(crate) struct Stages {
    /// Comes before what overwrites secrets.
    translator: Option<Http2ToHttp1>,
    redactor: Option<Redactor>,
}

impl Stages {
    /// What was chosen for packets that go to a file, or else to an interface.
    pub(crate) fn new(packets: &PacketArgs, to_file: bool) -> Self {
        let more = packets.redact.iter().map(String::as_str);
        let redactor =
            (!packets.no_redact).then(|| Redactor::new(SECRET_HEADERS.into_iter().chain(more)));
        let translates = packets.h2_to_h1 || redactor.is_some();
        // What reads captures looks at ports, what listens to interfaces at VLANs as well.
        let streams = if to_file { Streams::Ports } else { Streams::Vlans };
        let translator = translates.then(|| Http2ToHttp1::new(streams, StageLimits::default()));
        Self { translator, redactor }
    }

    /// Passes a record on, as it is to be told.
    pub(crate) fn pass(&mut self, record: &Record<'_>, next: &mut dyn FnMut(&Record<'_>)) {
        let Self { translator, redactor } = self;
        let mut redacted = |record: &Record<'_>| match redactor {
            Some(redactor) => next(&redactor.redact(record.clone())),
            None => next(record),
        };
        match translator {
            Some(translator) => translator.handle(record, &mut redacted),
            None => redacted(record),
        }
    }

    /// What became of HTTP/2.
    pub(crate) fn translated(&self) -> StageCounters {
        self.translator.as_ref().map(|stage| *stage.counters()).unwrap_or_default()
    }

    /// Bytes of secrets overwritten.
    pub(crate) fn overwritten(&self) -> u64 {
        self.redactor.as_ref().map_or(0, Redactor::overwritten)
    }
}
