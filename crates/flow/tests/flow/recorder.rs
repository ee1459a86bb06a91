//! An application that writes down what it is told.

use event::Timestamp;
use flow::{
    Application, Direction, EndReason, Engine, Flow, FlowAnomaly, Interest, Limits, Progress,
};

pub(crate) struct Recorder {
    pub(crate) calls: Vec<Call>,
    /// The flows as they were when they were opened or ended.
    pub(crate) flows: Vec<Flow>,
    consume: fn(&[u8]) -> Progress,
    heap_size: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    Stream(Direction, Vec<u8>),
    Gap(Direction, Option<u32>, Vec<u8>),
    Datagram(Direction, Vec<u8>),
    Anomaly(Direction, FlowAnomaly),
    End(EndReason),
}

impl Recorder {
    pub(crate) fn engine() -> Engine<Self> {
        Self::consuming(|bytes| Progress {
            consumed: bytes.len(),
            opaque: false,
            interest: Interest::Continue,
        })
    }

    pub(crate) fn consuming(consume: fn(&[u8]) -> Progress) -> Engine<Self> {
        Engine::new(Self::new(consume, 0), Limits { hash_seed: 1, ..Limits::default() })
    }

    pub(crate) fn limited(limits: Limits, heap_size: usize) -> Engine<Self> {
        let all = |bytes: &[u8]| Progress {
            consumed: bytes.len(),
            opaque: false,
            interest: Interest::Continue,
        };
        Engine::new(Self::new(all, heap_size), limits)
    }

    fn new(consume: fn(&[u8]) -> Progress, heap_size: usize) -> Self {
        Self { calls: Vec::new(), flows: Vec::new(), consume, heap_size }
    }

    /// All bytes that were given of a direction, if all of them are consumed at once.
    pub(crate) fn stream(&self, direction: Direction) -> Vec<u8> {
        let mut bytes = Vec::new();
        for call in &self.calls {
            if let Call::Stream(of, part) = call
                && *of == direction
            {
                bytes.extend_from_slice(part);
            }
        }
        bytes
    }

    pub(crate) fn ends(&self) -> Vec<EndReason> {
        let end = |call: &Call| if let Call::End(reason) = call { Some(*reason) } else { None };
        self.calls.iter().filter_map(end).collect()
    }

    pub(crate) fn anomalies(&self) -> Vec<FlowAnomaly> {
        let anomaly =
            |call: &Call| if let Call::Anomaly(_, anomaly) = call { Some(*anomaly) } else { None };
        self.calls.iter().filter_map(anomaly).collect()
    }

    pub(crate) fn gaps(&self) -> Vec<(Direction, Option<u32>)> {
        let gap = |call: &Call| {
            if let Call::Gap(direction, missing, _) = call {
                Some((*direction, *missing))
            } else {
                None
            }
        };
        self.calls.iter().filter_map(gap).collect()
    }
}

impl Application for Recorder {
    /// The heap size that it claims.
    type State = usize;

    fn open(&mut self, flow: &Flow) -> usize {
        self.calls.push(Call::Open);
        self.flows.push(flow.clone());
        self.heap_size
    }

    fn on_stream(
        &mut self,
        _: &Flow,
        _: &mut usize,
        direction: Direction,
        bytes: &[u8],
    ) -> Progress {
        self.calls.push(Call::Stream(direction, bytes.to_vec()));
        (self.consume)(bytes)
    }

    fn on_gap(
        &mut self,
        _: &Flow,
        _: &mut usize,
        direction: Direction,
        missing: Option<u32>,
        unconsumed: &[u8],
    ) -> Interest {
        self.calls.push(Call::Gap(direction, missing, unconsumed.to_vec()));
        Interest::Continue
    }

    fn on_datagram(
        &mut self,
        _: &Flow,
        _: &mut usize,
        direction: Direction,
        payload: &[u8],
    ) -> Interest {
        self.calls.push(Call::Datagram(direction, payload.to_vec()));
        (self.consume)(payload).interest
    }

    fn on_anomaly(&mut self, _: &Flow, _: &mut usize, direction: Direction, anomaly: FlowAnomaly) {
        self.calls.push(Call::Anomaly(direction, anomaly));
    }

    fn on_end(&mut self, flow: &Flow, _: usize, reason: EndReason) {
        self.calls.push(Call::End(reason));
        self.flows.push(flow.clone());
    }

    fn heap_size(state: &usize) -> usize {
        *state
    }
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_nanos(millis * 1_000_000)
}
