//! Keeps batches: decompresses and reads them, has the store take several at once, and answers each.

use std::sync::Arc;

use fleet::limits::MOST_LINES_LEN;
use fleet::{batch_name, decompress, v1};
use policy::Naming;
use store::{Batch, Ingested, Source, StoreError};
use tokio::sync::mpsc::UnboundedSender;

use super::turn::{Group, Turns};
use crate::app::App;
use crate::ingest::{Load, Pile, Taken, settle};

/// A batch that waits, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) work: Work,
    pub(crate) sender: Arc<Sender>,
}

/// What there is to do for it.
#[derive(Debug)]
pub(crate) enum Work {
    /// Keep it.
    Keep(v1::Batch),
    /// There is no room for it.
    Decline,
}

/// Who sent it.
#[derive(Debug)]
pub(crate) struct Sender {
    /// What the server calls the agent.
    pub(crate) agent: String,
    pub(crate) source: Source,
    pub(crate) naming: Naming,
    pub(crate) answers: UnboundedSender<Result<v1::from_server::Message, tonic::Status>>,
}

/// A batch on its way to the store.
struct Going {
    sender: Arc<Sender>,
    number: u64,
    load: Load,
    batch: Batch,
}

/// Works until the turns are closed. Blocks.
pub(crate) fn work(app: &App, turns: &Turns<Job>) {
    while let Some(group) = turns.take() {
        let connections = group.connections();
        keep(app, group);
        turns.done(&connections);
    }
}

fn keep(app: &App, group: Group<Job>) {
    let mut going: Vec<Going> = Vec::new();
    let mut records = 0_usize;
    for (_, Job { number, work, sender }) in group.items {
        // Answers keep their order: what was read before is answered before.
        let read = match work {
            Work::Keep(batch) => read(app, &sender, batch),
            Work::Decline => {
                give(app, std::mem::take(&mut going));
                sender.answer(later(number, FULL_MS, "more waits than there is room for"));
                continue;
            }
        };
        let (pile, id) = match read {
            Ok(read) => read,
            Err(reason) => {
                give(app, std::mem::take(&mut going));
                app.fleet.register.malformed(&sender.agent, &reason, app.parts.clock.now());
                app.meter.batch("refused");
                let refused = v1::Refused { number, reason };
                sender.answer(v1::from_server::Message::Refused(refused));
                continue;
            }
        };
        if records.saturating_add(pile.len()) > Batch::MAX_RECORDS {
            give(app, std::mem::take(&mut going));
            records = 0;
        }
        records = records.saturating_add(pile.len());
        let (load, batch) = pile.load(app, sender.source.clone(), id);
        going.push(Going { sender, number, load, batch });
    }
    give(app, going);
}

/// The lines of a batch.
fn read(app: &App, sender: &Sender, batch: v1::Batch) -> Result<(Pile, String), String> {
    let id = batch_name(&batch).map_err(|error| error.to_string())?;
    let lines = decompress(&batch, MOST_LINES_LEN).map_err(|error| error.to_string())?;
    drop(batch);
    let mut pile = Pile::of(app, sender.naming.clone());
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        pile.add(line);
    }
    match pile.first_reason() {
        Some(reason) if pile.is_empty() => Err(format!("no line makes sense: {reason}")),
        _ => Ok((pile, id)),
    }
}

/// Has the store take batches, and answers each.
fn give(app: &App, going: Vec<Going>) {
    if going.is_empty() {
        return;
    }
    let (mut to_answer, mut batches) = (Vec::new(), Vec::new());
    for Going { sender, number, load, batch } in going {
        to_answer.push((sender, number, load));
        batches.push(batch);
    }
    match app.parts.sessions.ingest_many(batches) {
        Ok(outcomes) => answer_each(app, to_answer, outcomes),
        Err(error) => {
            let milliseconds = pause(&error);
            let reason = app.problem(&error).detail().unwrap_or("the store failed").to_owned();
            for (sender, number, load) in to_answer {
                load.forget(app);
                app.meter.batch("later");
                sender.answer(later(number, milliseconds, &reason));
            }
        }
    }
}

fn answer_each(
    app: &App,
    to_answer: Vec<(Arc<Sender>, u64, Load)>,
    outcomes: Vec<Result<Ingested, StoreError>>,
) {
    let (mut kept, mut answers) = (Vec::new(), Vec::new());
    for ((sender, number, load), outcome) in to_answer.into_iter().zip(outcomes) {
        match outcome {
            Ok(ingested) => {
                kept.push((load, ingested));
                answers.push((sender, number, None));
            }
            Err(error) => {
                load.forget(app);
                answers.push((sender, number, Some(error.to_string())));
            }
        }
    }
    let mut taken = settle(app, kept).into_iter();
    for (sender, number, refused) in answers {
        let message = match refused {
            None => {
                let Taken { rejected, .. } = taken.next().unwrap_or_default();
                app.meter.batch("kept");
                if rejected > 0 {
                    app.fleet.register.rejected(&sender.agent, rejected);
                }
                let rejected = u32::try_from(rejected).unwrap_or(u32::MAX);
                v1::from_server::Message::Kept(v1::Kept { number, rejected })
            }
            Some(reason) => {
                app.fleet.register.malformed(&sender.agent, &reason, app.parts.clock.now());
                app.meter.batch("refused");
                v1::from_server::Message::Refused(v1::Refused { number, reason })
            }
        };
        sender.answer(message);
    }
}

impl Sender {
    /// Answers; whoever has gone meanwhile sends the batch again.
    fn answer(&self, message: v1::from_server::Message) {
        self.answers.send(Ok(message)).ok();
    }
}

fn later(number: u64, milliseconds: u32, reason: &str) -> v1::from_server::Message {
    v1::from_server::Message::Later(v1::Later { number, milliseconds, reason: reason.to_owned() })
}

/// When to come again after a failure of the store, in milliseconds.
const fn pause(error: &StoreError) -> u32 {
    if matches!(error, StoreError::Full { .. }) { LONG_MS } else { SHORT_MS }
}

/// Who makes room on a disk takes a while.
const LONG_MS: u32 = 30_000;

/// A database that does not answer may be back soon.
const SHORT_MS: u32 = 5_000;

/// When to come again if too much waits: some seconds of work, in milliseconds.
const FULL_MS: u32 = 3_000;
