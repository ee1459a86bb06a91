//! The clear text of sessions that are watched with the secrets of an escrow, as packets.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail};
use escrow::tier::{Part, Tier};
use forge::{ConnectionId, Record};
use session::TextSink;

use crate::cli::{ClearArgs, WatchArgs};
use crate::message;
use crate::mirror::{Outputs, Packets, Stages, Target};
use crate::watch::wall_clock;

/// What makes packets of what workers read.
pub(crate) struct ClearPackets(Mutex<State>);

struct State {
    stages: Stages,
    packets: Packets,
}

impl ClearPackets {
    /// Opens the outputs that were chosen, if any were.
    ///
    /// # Errors
    /// A tier without application data, outputs that would be watched, or that cannot be opened.
    pub(crate) fn open(args: &WatchArgs) -> Result<Option<Arc<Self>>> {
        let ClearArgs { output, write, packets } = &args.clear;
        if output.is_none() && write.is_none() {
            return Ok(None);
        }
        if let Some(tier) = args.monitor.tier.filter(|tier| !opens_data(*tier)) {
            bail!("tier {tier} opens no application data: -o and -w need t2c, t2s or t3");
        }
        let watched = args.place.interface.as_deref();
        if let Some(Target::Interface(name)) = output
            && (watched == Some(name) || watched == Some("any"))
        {
            bail!("{name} is watched: what is sent there would be seen again");
        }
        let outputs = Outputs::open(output.as_ref(), write.as_deref(), packets.mtu)?;
        let stages = Stages::new(packets, write.is_some());
        let packets = Packets::new(packets, outputs);
        Ok(Some(Arc::new(Self(Mutex::new(State { stages, packets })))))
    }

    /// Takes the clear text of one of the workers.
    pub(crate) fn sink(self: &Arc<Self>, worker: u64) -> TextSink {
        let own = Arc::clone(self);
        Box::new(move |record: &Record<'_>| {
            let ConnectionId(number) = record.connection;
            // Each worker counts by itself.
            let connection = ConnectionId(worker << WORKER_SHIFT | number);
            let State { stages, packets } = &mut *own.state();
            let record = Record { connection, ..record.clone() };
            stages.pass(&record, &mut |record| packets.take(record));
        })
    }

    /// Sends what there is.
    pub(crate) fn pass_time(&self) {
        self.state().packets.pass_time(wall_clock());
    }

    /// Ends what is open, and says what became of it; whether all outputs took it.
    pub(crate) fn finish(&self) -> bool {
        let State { stages, packets } = &mut *self.state();
        packets.finish(wall_clock());
        let sent = packets.sent();
        message::error(&format!(
            "clear text: {} frames sent, {} dropped; {} bytes overwritten",
            sent.frames,
            sent.dropped_frames,
            stages.overwritten(),
        ));
        !packets.has_failed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opens_data(tier: Tier) -> bool {
    tier.parts().iter().any(|part| matches!(part, Part::Client | Part::Server))
}

/// No worker reads so many connections.
const WORKER_SHIFT: u32 = 48;
