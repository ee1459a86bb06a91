//! Where packets go.

use std::path::Path;
use std::str::FromStr;

use anyhow::Result;
use capture::{FileSink, FrameSink, InterfaceSink, SinkCounters, TapSink};
use forge::{Frames, Mtu};

use crate::message;

/// An interface to send on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One that is there.
    Interface(String),
    /// One that is made.
    Tap(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, target): (&str, fn(String) -> Self) = match text.strip_prefix("tap:") {
            Some(name) => (name, Self::Tap),
            None => (text, Self::Interface),
        };
        let is_name = (1..=MAX_INTERFACE_LEN).contains(&name.len()) && !name.contains(['/', ' ']);
        if is_name {
            Ok(target(name.to_owned()))
        } else {
            Err(format!("`{name}` names no interface"))
        }
    }
}

/// A port that is told as another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) from: u16,
    pub(crate) to: u16,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is not two ports, such as 443:80");
        let (from, to) = text.split_once(':').ok_or_else(error)?;
        let port = |text: &str| text.parse().map_err(|_not| error());
        Ok(Self { from: port(from)?, to: port(to)? })
    }
}

/// All outputs of a run.
pub(crate) struct Outputs {
    sinks: Vec<Output>,
}

struct Output {
    sink: Box<dyn FrameSink + Send>,
    /// Whether it is said that it fails.
    is_failing: bool,
    has_failed: bool,
}

impl Outputs {
    /// Opens an interface and a file, as far as they are given; `mtu` is that of an interface that is made.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub(crate) fn open(
        interface: Option<&Target>,
        file: Option<&Path>,
        mtu: Option<u16>,
    ) -> Result<Self> {
        let mut sinks: Vec<Box<dyn FrameSink + Send>> = Vec::new();
        match interface {
            Some(Target::Interface(name)) => sinks.push(Box::new(InterfaceSink::open(name)?)),
            Some(Target::Tap(name)) => {
                let mtu = mtu.and_then(Mtu::new).unwrap_or(Mtu::ETHERNET);
                sinks.push(Box::new(TapSink::create(name, mtu)?));
            }
            None => {}
        }
        if let Some(path) = file {
            sinks.push(Box::new(FileSink::create(path)?));
        }
        let sinks = sinks
            .into_iter()
            .map(|sink| Output { sink, is_failing: false, has_failed: false })
            .collect();
        Ok(Self { sinks })
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.sinks.is_empty()
    }

    /// The longest packet that all of them take.
    pub(crate) fn mtu(&self) -> Mtu {
        let bounds = self.sinks.iter().filter_map(|output| output.sink.mtu());
        let least = bounds.min().map_or(u16::MAX, |mtu| u16::try_from(mtu).unwrap_or(u16::MAX));
        let mtu = if least == u16::MAX { Mtu::ETHERNET.bytes() } else { least };
        Mtu::new(mtu.min(Mtu::RECORD.bytes())).unwrap_or(Mtu::MIN)
    }

    /// Sends frames to each; one that fails is said to, once.
    pub(crate) fn send(&mut self, frames: &Frames) {
        for output in &mut self.sinks {
            let result = output.sink.send(frames);
            output.judge(result);
        }
    }

    /// Makes what was sent visible.
    pub(crate) fn flush(&mut self) {
        for output in &mut self.sinks {
            if let Err(error) = output.sink.flush() {
                output.judge(Err(error));
            }
        }
    }

    /// Whether one of them has failed at some time.
    pub(crate) fn has_failed(&self) -> bool {
        self.sinks.iter().any(|output| output.has_failed)
    }

    /// What became of the frames that went to all of them.
    pub(crate) fn counters(&self) -> SinkCounters {
        let mut sum = SinkCounters::default();
        for counters in self.sinks.iter().map(|output| output.sink.counters()) {
            sum.frames += counters.frames;
            sum.bytes += counters.bytes;
            sum.dropped_frames += counters.dropped_frames;
            sum.dropped_bytes += counters.dropped_bytes;
            sum.impossible_frames += counters.impossible_frames;
            if let Some(dropped) = counters.interface_dropped_frames {
                *sum.interface_dropped_frames.get_or_insert(0) += dropped;
            }
        }
        sum
    }
}

impl Output {
    fn judge(&mut self, result: Result<(), capture::SinkError>) {
        match result {
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                message::error("the output works again");
            }
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                self.has_failed = true;
                message::error(&format!("packets are dropped: {error}"));
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// `IFNAMSIZ` of Linux, without the NUL.
const MAX_INTERFACE_LEN: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_and_pairs_of_ports_are_read() {
        assert_eq!("eth0".parse(), Ok(Target::Interface("eth0".into())));
        assert_eq!("tap:ids0".parse(), Ok(Target::Tap("ids0".into())));
        for wrong in ["", "tap:", "a/b", "0123456789abcdef"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
        assert_eq!("443:80".parse(), Ok(Pair { from: 443, to: 80 }));
        for wrong in ["443", "443:", ":80", "443:80:1", "65536:1"] {
            assert!(wrong.parse::<Pair>().is_err(), "{wrong}");
        }
    }
}
