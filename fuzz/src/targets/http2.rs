//! HTTP/2 connections.

use std::collections::BTreeMap;

use http2::{Counters, Ending, Event, Scratch, Sender, Translator};

use crate::input::Datagrams;

/// Follows a connection: portions of the client (flag bit 0 clear) and of the server, or as many bytes
/// that are missing (bit 1). Bit 7 of the first says that it is joined late.
pub fn http2(input: &[u8]) {
    let portions: Vec<_> = Datagrams::new(input).collect();
    let is_late = portions.first().is_some_and(|(flags, _)| flags & 0x80 != 0);
    let is_whole = !is_late && portions.iter().all(|(flags, _)| flags & 2 == 0);
    let whole = Followed::of(is_late, portions.iter().copied());
    if is_whole && input.len() < 8 << 10 {
        let bytes = portions
            .iter()
            .flat_map(|(flags, bytes)| bytes.chunks(1).map(move |byte| (*flags, byte)));
        assert_eq!(whole, Followed::of(is_late, bytes), "portions make no difference");
    }
}

/// Messages of both sides and how they ended, of each time a stream was opened.
type Streams = BTreeMap<u32, Vec<(Vec<u8>, Vec<u8>, Option<Ending>)>>;

/// What was told of the streams.
#[derive(Debug, Default, PartialEq, Eq)]
struct Followed {
    streams: Streams,
    counters: Counters,
}

impl Followed {
    fn of<'a>(is_late: bool, portions: impl Iterator<Item = (u8, &'a [u8])>) -> Self {
        let mut translator = if is_late { Translator::late() } else { Translator::new() };
        let (mut scratch, mut followed) = (Scratch::default(), Self::default());
        let mut read = 0;
        for (flags, bytes) in portions {
            let sender = if flags & 1 == 0 { Sender::Client } else { Sender::Server };
            let Self { streams, counters } = &mut followed;
            let on = &mut |event: Event<'_>| tell(streams, &event);
            if flags & 2 == 0 {
                read += bytes.len() as u64;
                translator.read(sender, bytes, &mut scratch, counters, on);
            } else {
                translator.missing(sender, bytes.len() as u64, &mut scratch, counters, on);
            }
            assert!(translator.heap_size() < MAX_HEAP);
        }
        let Self { streams, counters } = &mut followed;
        let on = &mut |event: Event<'_>| tell(streams, &event);
        translator.finish(Ending::Abandoned, &mut scratch, counters, on);
        assert_eq!(counters.bytes, read);
        assert!(streams.values().flatten().all(|(_, _, ending)| ending.is_some()));
        followed
    }
}

fn tell(streams: &mut Streams, event: &Event<'_>) {
    let (Event::Opened { stream }
    | Event::Bytes { stream, .. }
    | Event::Missing { stream, .. }
    | Event::Closed { stream, .. }) = *event;
    let messages = streams.entry(stream.0).or_default();
    if let Event::Opened { .. } = event {
        assert!(messages.last().is_none_or(|(_, _, ending)| ending.is_some()));
        messages.push(Default::default());
        return;
    }
    let Some((request, response, ending)) = messages.last_mut() else {
        panic!("{stream:?} was not opened");
    };
    assert_eq!(*ending, None, "nothing comes after the end");
    match *event {
        Event::Bytes { sender: Sender::Client, bytes, .. } => request.extend_from_slice(bytes),
        Event::Bytes { bytes, .. } => response.extend_from_slice(bytes),
        Event::Closed { ending: how, .. } => *ending = Some(how),
        Event::Opened { .. } | Event::Missing { .. } => {}
    }
}

/// Of tables, header blocks that are not whole, and what is looked at for frames.
const MAX_HEAP: usize = 4 << 20;
