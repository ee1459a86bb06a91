//! Takes lines in: reads them, keeps them, has them judged, and tells whoever looks on.

use std::collections::BTreeMap;

use policy::{Naming, NotAnObservation, Observation};
use serde::Deserialize;
use store::{Batch, Ingested, Loss, NotTaken, Record, Reported, Source, StoreError};

use crate::app::App;
use crate::judge::arrivals::Arrival;
use crate::live::Happening;
use crate::notify::notice::Event;
use crate::outgoing::BatchKey;
use crate::view::session::SessionRow;

/// Hands records to the server from within the process. Calls block.
#[derive(Clone, Debug)]
pub struct Ingest(pub(crate) App);

impl Ingest {
    /// Takes whole lines as tlsight writes them. `id` tells them from other lines of the same source:
    /// taken twice they count once.
    ///
    /// # Errors
    /// The store did not take them; then none of them is kept.
    pub fn take(&self, source: Source, id: String, lines: &[u8]) -> Result<Taken, StoreError> {
        let mut pile = Pile::new(&self.0, source.host.clone());
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            pile.add(line);
        }
        pile.give(&self.0, source, id)
    }

    /// Takes note that a source is there, also if it has nothing to tell.
    ///
    /// # Errors
    /// The store did not take it.
    pub fn beat(&self, source: Source) -> Result<(), StoreError> {
        let now = self.0.parts.clock.now();
        let (records, losses) = (Vec::new(), Vec::new());
        let batch = Batch { id: format!("beat:{now}"), source, received: now, records, losses };
        self.0.parts.sessions.ingest(batch).map(|_ingested| ())
    }
}

/// What became of lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Sessions and edges that are kept.
    pub accepted: u64,
    /// Sessions that were known.
    pub duplicates: u64,
    /// Lines that were not taken.
    pub rejected: u64,
    /// The first of them: the number of the line, and why.
    pub reasons: Vec<(u64, String)>,
}

impl Taken {
    /// Adds what became of further lines.
    pub(crate) fn add(&mut self, more: Self) {
        self.accepted = self.accepted.saturating_add(more.accepted);
        self.duplicates = self.duplicates.saturating_add(more.duplicates);
        self.rejected = self.rejected.saturating_add(more.rejected);
        let room = MAX_REASONS.saturating_sub(self.reasons.len());
        self.reasons.extend(more.reasons.into_iter().take(room));
    }

    /// Adds what the store says of records that were in these lines.
    fn add_kept(&mut self, kept: &Ingested, numbers: &[u64]) {
        self.accepted = kept.accepted;
        self.duplicates = kept.duplicates;
        self.rejected = self.rejected.saturating_add(kept.refused);
        for (place, why) in kept.not_taken.iter().filter(|(_, why)| *why != NotTaken::Duplicate) {
            let Some(number) = numbers.get(*place).filter(|_| self.reasons.len() < MAX_REASONS)
            else {
                return;
            };
            self.reasons.push((*number, why.to_string()));
        }
    }

    /// Notes a line that was not taken.
    pub(crate) fn reject(&mut self, line: u64, reason: String) {
        self.rejected = self.rejected.saturating_add(1);
        if self.reasons.len() < MAX_REASONS {
            self.reasons.push((line, reason));
        }
    }
}

/// Lines that are to be kept together.
#[derive(Debug)]
pub(crate) struct Pile {
    naming: Naming,
    records: Vec<Record>,
    /// Of each record, the number of its line.
    numbers: Vec<u64>,
    losses: BTreeMap<String, u64>,
    bytes: usize,
    lines: u64,
    taken: Taken,
    /// The lines that were read, if there is an outlet for them.
    outgoing: Option<Vec<Outgoing>>,
}

/// A line for the outlet.
#[derive(Debug)]
struct Outgoing {
    /// The place of its record, if it is kept as one.
    place: Option<usize>,
    line: Box<[u8]>,
}

impl Pile {
    /// An empty pile of lines from a host; of nobody knows where, if that is empty.
    pub(crate) fn new(app: &App, host: String) -> Self {
        let host = Some(host).filter(|host| !host.is_empty());
        Self::of(app, Naming { host, ..Naming::default() })
    }

    /// An empty pile of lines whose ends are named like this.
    pub(crate) fn of(app: &App, naming: Naming) -> Self {
        Self::with(naming, app.parts.outlet.as_ref().map(|_| Vec::new()))
    }

    fn with(naming: Naming, outgoing: Option<Vec<Outgoing>>) -> Self {
        Self {
            naming,
            records: Vec::new(),
            numbers: Vec::new(),
            losses: BTreeMap::new(),
            bytes: 0,
            lines: 0,
            taken: Taken::default(),
            outgoing,
        }
    }

    /// Reads a line.
    pub(crate) fn add(&mut self, line: &[u8]) {
        self.lines = self.lines.saturating_add(1);
        let number = self.lines;
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        if line.len() > Record::MAX_LINE_LEN {
            return self.too_long();
        }
        match Observation::parse(line) {
            Ok(seen) => {
                let (source, destination) = seen.entities(&self.naming);
                self.keep_for_outlet(Some(self.records.len()), line);
                let line: Box<[u8]> = if seen.is_session { line.into() } else { Box::default() };
                self.bytes = self.bytes.saturating_add(line.len()).saturating_add(RECORD_LEN);
                self.records.push(Record { seen, source, destination, line });
                self.numbers.push(number);
            }
            Err(NotAnObservation::OtherDataset(dataset)) => match dataset.as_str() {
                "tlsight.loss" => self.add_loss(line),
                // Totals of what the other lines say.
                "tlsight.summary" => {}
                _ => self.taken.reject(number, format!("a record of '{}'", shortened(&dataset))),
            },
            Err(error) => self.taken.reject(number, shortened(&error.to_string())),
        }
    }

    /// Notes a line that is longer than any honest one.
    pub(crate) fn too_long(&mut self) {
        let reason = format!("longer than {} bytes", Record::MAX_LINE_LEN);
        self.taken.reject(self.lines, reason);
    }

    fn add_loss(&mut self, line: &[u8]) {
        match serde_json::from_slice::<LossLine>(line) {
            Ok(LossLine { tlsight }) if tlsight.loss.len() <= Batch::MAX_LOSSES => {
                for (cause, count) in tlsight.loss {
                    if self.losses.len() >= Batch::MAX_LOSSES && !self.losses.contains_key(&cause) {
                        return self.taken.reject(self.lines, "too many causes of loss".to_owned());
                    }
                    let sum = self.losses.entry(shortened(&cause)).or_default();
                    *sum = sum.saturating_add(count);
                }
                self.keep_for_outlet(None, line);
            }
            Ok(_) => self.taken.reject(self.lines, "too many causes of loss".to_owned()),
            Err(error) => self.taken.reject(self.lines, shortened(&error.to_string())),
        }
    }

    fn keep_for_outlet(&mut self, place: Option<usize>, line: &[u8]) {
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.push(Outgoing { place, line: line.into() });
        }
    }

    /// Whether it is as large as a batch may be.
    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES
    }

    /// A pile for the lines that follow.
    pub(crate) fn next(&self) -> Self {
        let outgoing = self.outgoing.as_ref().map(|_| Vec::new());
        Self { lines: self.lines, ..Self::with(self.naming.clone(), outgoing) }
    }

    /// Keeps the lines, has them judged, and tells whoever looks on.
    pub(crate) fn give(self, app: &App, source: Source, id: String) -> Result<Taken, StoreError> {
        if self.is_empty() {
            return Ok(self.taken);
        }
        let (load, batch) = self.load(app, source, id);
        match app.parts.sessions.ingest(batch) {
            Ok(kept) => {
                let mut taken = settle(app, vec![(load, kept)]);
                Ok(taken.pop().unwrap_or_default())
            }
            Err(error) => {
                load.forget(app);
                Err(error)
            }
        }
    }

    /// Whether there is nothing to keep.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.losses.is_empty()
    }

    /// Why the first line that was not taken was not.
    pub(crate) fn first_reason(&self) -> Option<&str> {
        self.taken.reasons.first().map(|(_, reason)| reason.as_str())
    }

    /// How many records it has.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// A batch for the store, and what is to be done when that has it.
    pub(crate) fn load(self, app: &App, source: Source, id: String) -> (Load, Batch) {
        let arrivals = app.judge.arrivals(&self.records);
        let rows = rows(app, &self.records);
        let load = Load {
            arrivals,
            rows,
            numbers: self.numbers,
            outgoing: self.outgoing,
            host: source.host.clone(),
            key: app.handed.key(&source.id, &id),
            taken: self.taken,
        };
        let losses = self.losses.into_iter().map(|(cause, count)| Loss { cause, count }).collect();
        let received = app.parts.clock.now();
        (load, Batch { id, source, received, records: self.records, losses })
    }
}

/// What is to be done when the store has a batch.
#[derive(Debug)]
pub(crate) struct Load {
    arrivals: Vec<Arrival>,
    rows: Vec<Option<SessionRow>>,
    numbers: Vec<u64>,
    /// Lines for the outlet, if there is one.
    outgoing: Option<Vec<Outgoing>>,
    /// Whose lines they are.
    host: String,
    key: BatchKey,
    taken: Taken,
}

impl Load {
    /// The store does not have the batch, so nothing of it was seen.
    pub(crate) fn forget(self, app: &App) {
        app.judge.forget(&self.arrivals);
    }
}

/// Has batches judged that the store has, tells whoever looks on, and says what became of the lines of
/// each.
pub(crate) fn settle(app: &App, kept: Vec<(Load, Ingested)>) -> Vec<Taken> {
    let now = app.parts.clock.now();
    let mut all = Vec::with_capacity(kept.len());
    let mut arrived = Vec::new();
    for (load, kept) in kept {
        let Load { arrivals, rows, numbers, outgoing, host, key, mut taken } = load;
        if !kept.is_repeat {
            tell(app, rows, &kept.not_taken);
        }
        if let Some(outgoing) = &outgoing {
            hand_out(app, outgoing, &host, key, &kept);
        }
        taken.add_kept(&kept, &numbers);
        let (arrivals, refused) = arrivals.into_iter().partition::<Vec<_>, _>(|arrival| {
            !kept
                .not_taken
                .iter()
                .any(|(place, why)| *place == arrival.place && *why != NotTaken::Duplicate)
        });
        app.judge.forget(&refused);
        arrived.extend(arrivals);
        app.meter.took(&taken);
        all.push(taken);
    }
    match app.judge.judge_arrivals(&*app.parts.control, &arrived, now) {
        Ok(Reported { opened, left_out }) => {
            app.left_out(left_out);
            crate::notify::tell(app, opened, Event::Active);
        }
        // What was kept stays kept; it is judged when it is seen again, and by the next sweep.
        Err(error) => {
            app.judge.forget(&arrived);
            app.log(&format!("what came in could not be judged: {error}"));
        }
    }
    all
}

/// Gives lines to the outlet before anybody is told that they are kept. Those of a batch that the store knows are
/// given as well, unless this process has done that: who stored it may have been killed before.
fn hand_out(app: &App, outgoing: &[Outgoing], host: &str, key: BatchKey, kept: &Ingested) {
    let Some(outlet) = &app.parts.outlet else { return };
    if kept.is_repeat && app.handed.contains(key) {
        return;
    }
    let lines = outgoing_lines(outgoing, &kept.not_taken);
    if !lines.is_empty() {
        outlet.keep(host, &lines);
    }
    app.handed.add(key);
}

/// The lines for the outlet: all but those that were known.
fn outgoing_lines(outgoing: &[Outgoing], not_taken: &[(usize, NotTaken)]) -> Vec<u8> {
    let is_known = |place: usize| {
        let found = not_taken.binary_search_by_key(&place, |(at, _)| *at);
        let found = found.ok().and_then(|at| not_taken.get(at));
        found.is_some_and(|(_, why)| *why == NotTaken::Duplicate)
    };
    let mut lines = Vec::new();
    for each in outgoing.iter().filter(|it| !it.place.is_some_and(is_known)) {
        lines.extend_from_slice(&each.line);
        lines.push(b'\n');
    }
    lines
}

/// What those who look on are told of records: a row for each of the first sessions.
fn rows(app: &App, records: &[Record]) -> Vec<Option<SessionRow>> {
    if !app.live.is_watched() {
        return Vec::new();
    }
    let row = |record: &Record| record.seen.is_session.then(|| SessionRow::of_record(record));
    records.iter().take(MAX_TOLD).map(row).collect()
}

fn tell(app: &App, rows: Vec<Option<SessionRow>>, not_taken: &[(usize, NotTaken)]) {
    for (place, row) in rows.into_iter().enumerate() {
        if let Some(row) =
            row.filter(|_| not_taken.binary_search_by_key(&place, |(at, _)| *at).is_err())
            && let Ok(json) = serde_json::to_string(&row)
        {
            app.live.tell(Happening::Session(json.into()));
        }
    }
}

/// The begin of a text that a stranger wrote.
fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// As much of a loss line as is needed.
#[derive(Deserialize)]
struct LossLine {
    tlsight: LossBody,
}

#[derive(Deserialize)]
struct LossBody {
    loss: BTreeMap<String, u64>,
}

/// Enough to see what is wrong with a file.
const MAX_REASONS: usize = 20;

const MAX_TEXT: usize = 200;

/// A transaction of this size takes some ten milliseconds.
const BATCH_RECORDS: usize = 2000;

/// Of lines in one batch.
const BATCH_BYTES: usize = 8 << 20;

/// What a record takes beside its line, about.
const RECORD_LEN: usize = 1024;

/// More at once nobody can look at.
const MAX_TOLD: usize = 256;
