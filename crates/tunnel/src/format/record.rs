//! Records, one after the other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use event::Timestamp;
use forge::{ConnectionId, Ending, MissingCause, Opened, Origin, Record, RecordKind, Side};
use wire::{Reader, Truncated};

use super::{MAX_DATA_LEN, Malformed};

/// Appends a record. Clear text longer than [`MAX_DATA_LEN`] becomes several records, and none none.
///
/// Texts longer than 255 bytes are cut; flow labels and scopes of IPv6 addresses are left out.
pub fn put_record(record: &Record<'_>, out: &mut Vec<u8>) {
    match &record.kind {
        RecordKind::Opened(opened) => {
            put_head(OPENED, record, out);
            put_opened(opened, out);
        }
        RecordKind::Data { sender, position, bytes } => {
            let mut position = *position;
            for piece in bytes.chunks(MAX_DATA_LEN) {
                put_head(of_side(DATA, *sender), record, out);
                out.extend_from_slice(&position.to_be_bytes());
                out.extend_from_slice(&u32::try_from(piece.len()).unwrap_or(0).to_be_bytes());
                out.extend_from_slice(piece);
                position = position.saturating_add(u64::try_from(piece.len()).unwrap_or(0));
            }
        }
        RecordKind::Missing { sender, position, len, cause } => {
            put_head(of_side(MISSING, *sender), record, out);
            out.extend_from_slice(&position.to_be_bytes());
            out.extend_from_slice(&len.to_be_bytes());
            out.push(number_of_cause(*cause));
        }
        RecordKind::Closed(ending) => {
            put_head(CLOSED, record, out);
            out.push(number_of_ending(*ending));
        }
    }
}

/// Most bytes that [`put_record`] appends for a record; exact but for [`RecordKind::Opened`].
#[must_use]
pub const fn encoded_len(record: &Record<'_>) -> usize {
    match &record.kind {
        RecordKind::Opened(_) => MAX_OPENED_LEN,
        RecordKind::Data { bytes, .. } => bytes
            .len()
            .saturating_add(bytes.len().div_ceil(MAX_DATA_LEN).saturating_mul(DATA_HEAD_LEN)),
        RecordKind::Missing { .. } => HEAD_LEN + 17,
        RecordKind::Closed(_) => HEAD_LEN + 1,
    }
}

/// Reads records up to the first that is malformed, which is the last item.
#[derive(Clone, Debug)]
pub struct Records<'a>(Reader<'a>);

impl<'a> Records<'a> {
    /// Starts at the first record of a batch.
    #[must_use]
    pub const fn new(batch: &'a [u8]) -> Self {
        Self(Reader::new(batch))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = read(&mut self.0);
        if read.is_err() {
            self.0 = Reader::new(&[]);
        }
        Some(read)
    }
}

/// The records of a batch without their clear text: what was [`RecordKind::Data`] is
/// [`RecordKind::Missing`] by overload. The second value is how many bytes that are.
///
/// # Errors
/// See [`Malformed`].
pub fn shed(batch: &[u8]) -> Result<(Vec<u8>, u64), Malformed> {
    let (mut out, mut shed) = (Vec::new(), 0_u64);
    let mut run: Option<Record<'static>> = None;
    for record in Records::new(batch) {
        let record = record?;
        let RecordKind::Data { sender, position, bytes } = record.kind else {
            put_run(&mut run, &mut out);
            put_record(&record, &mut out);
            continue;
        };
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        shed = shed.saturating_add(more);
        if let Some(Record {
            connection,
            at,
            kind: RecordKind::Missing { sender: side, position: begin, len, .. },
        }) = &mut run
            && (*connection, *side) == (record.connection, sender)
            && begin.checked_add(*len) == Some(position)
        {
            (*len, *at) = (len.saturating_add(more), record.at);
            continue;
        }
        put_run(&mut run, &mut out);
        let kind =
            RecordKind::Missing { sender, position, len: more, cause: MissingCause::Overload };
        run = Some(Record { connection: record.connection, at: record.at, kind });
    }
    put_run(&mut run, &mut out);
    Ok((out, shed))
}

fn put_run(run: &mut Option<Record<'_>>, out: &mut Vec<u8>) {
    if let Some(run) = run.take() {
        put_record(&run, out);
    }
}

fn put_head(kind: u8, record: &Record<'_>, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&record.connection.0.to_be_bytes());
    out.extend_from_slice(&record.at.as_nanos().to_be_bytes());
}

fn put_opened(opened: &Opened, out: &mut Vec<u8>) {
    let origin = opened.origin.as_ref();
    let mut flags = 0;
    for (flag, is_set) in [
        (LATE, opened.is_late),
        (HAS_ORIGIN, origin.is_some()),
        (ORIGIN_IS_SERVER, origin.is_some_and(|origin| origin.side == Side::Server)),
        (HAS_CONTAINER, origin.is_some_and(|origin| origin.container.is_some())),
    ] {
        flags |= if is_set { flag } else { 0 };
    }
    out.push(flags);
    put_address(opened.client, out);
    put_address(opened.server, out);
    if let Some(origin) = origin {
        out.extend_from_slice(&origin.pid.to_be_bytes());
        put_text(&origin.command, out);
        if let Some(container) = &origin.container {
            put_text(container, out);
        }
    }
}

fn put_address(address: SocketAddr, out: &mut Vec<u8>) {
    match address.ip() {
        IpAddr::V4(ip) => {
            out.push(IPV4);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(IPV6);
            out.extend_from_slice(&ip.octets());
        }
    }
    out.extend_from_slice(&address.port().to_be_bytes());
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    let text = text.get(..text.floor_char_boundary(MAX_TEXT_LEN)).unwrap_or_default();
    out.push(u8::try_from(text.len()).unwrap_or(0));
    out.extend_from_slice(text.as_bytes());
}

fn read<'a>(reader: &mut Reader<'a>) -> Result<Record<'a>, Malformed> {
    let kind = reader.u8()?;
    let connection = ConnectionId(reader.u64()?);
    let at = Timestamp::from_nanos(i64::from_be_bytes(reader.array()?));
    let side = if kind & OF_SERVER == 0 { Side::Client } else { Side::Server };
    let kind = match kind {
        OPENED => RecordKind::Opened(Box::new(opened(reader)?)),
        DATA | DATA_OF_SERVER => {
            let (position, len) = (reader.u64()?, reader.u32()?);
            let bytes_len = usize::try_from(len).unwrap_or(usize::MAX);
            if bytes_len == 0
                || bytes_len > MAX_DATA_LEN
                || position.checked_add(len.into()).is_none()
            {
                return Err(Malformed::DataLen(len.into()));
            }
            RecordKind::Data { sender: side, position, bytes: reader.take(bytes_len)? }
        }
        MISSING | MISSING_OF_SERVER => {
            let (position, len) = (reader.u64()?, reader.u64()?);
            if position.checked_add(len).is_none() {
                return Err(Malformed::DataLen(len));
            }
            RecordKind::Missing { sender: side, position, len, cause: cause(reader.u8()?)? }
        }
        CLOSED => RecordKind::Closed(ending(reader.u8()?)?),
        kind => return Err(Malformed::RecordKind(kind)),
    };
    Ok(Record { connection, at, kind })
}

fn opened(reader: &mut Reader<'_>) -> Result<Opened, Malformed> {
    let flags = reader.u8()?;
    let (client, server) = (address(reader)?, address(reader)?);
    if flags & !(LATE | HAS_ORIGIN | ORIGIN_IS_SERVER | HAS_CONTAINER) != 0
        || (flags & HAS_ORIGIN == 0 && flags & (ORIGIN_IS_SERVER | HAS_CONTAINER) != 0)
    {
        return Err(Malformed::Record);
    }
    let origin = if flags & HAS_ORIGIN == 0 {
        None
    } else {
        let side = if flags & ORIGIN_IS_SERVER == 0 { Side::Client } else { Side::Server };
        let (pid, command) = (reader.u32()?, text(reader)?);
        let container = if flags & HAS_CONTAINER == 0 { None } else { Some(text(reader)?) };
        Some(Origin { side, pid, command, container })
    };
    Ok(Opened { client, server, is_late: flags & LATE != 0, origin })
}

fn address(reader: &mut Reader<'_>) -> Result<SocketAddr, Malformed> {
    let ip = match reader.u8()? {
        IPV4 => IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?)),
        IPV6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?)),
        _ => return Err(Malformed::Record),
    };
    Ok(SocketAddr::new(ip, reader.u16()?))
}

fn text(reader: &mut Reader<'_>) -> Result<Box<str>, Malformed> {
    let bytes = reader.prefixed_u8()?;
    str::from_utf8(bytes).map(Box::from).map_err(|_error| Malformed::Record)
}

const fn number_of_cause(cause: MissingCause) -> u8 {
    match cause {
        MissingCause::RingFull => 1,
        MissingCause::Fault => 2,
        MissingCause::Overload => 3,
        MissingCause::Redacted => 4,
        MissingCause::Undecryptable => 5,
    }
}

fn cause(number: u8) -> Result<MissingCause, Malformed> {
    [
        MissingCause::RingFull,
        MissingCause::Fault,
        MissingCause::Overload,
        MissingCause::Redacted,
        MissingCause::Undecryptable,
    ]
    .into_iter()
    .find(|cause| number_of_cause(*cause) == number)
    .ok_or(Malformed::Record)
}

const fn number_of_ending(ending: Ending) -> u8 {
    match ending {
        Ending::Finished => 1,
        Ending::Reset => 2,
        Ending::Abandoned => 3,
    }
}

fn ending(number: u8) -> Result<Ending, Malformed> {
    [Ending::Finished, Ending::Reset, Ending::Abandoned]
        .into_iter()
        .find(|ending| number_of_ending(*ending) == number)
        .ok_or(Malformed::Record)
}

const fn of_side(kind: u8, side: Side) -> u8 {
    match side {
        Side::Client => kind,
        Side::Server => kind | OF_SERVER,
    }
}

impl From<Truncated> for Malformed {
    fn from(_: Truncated) -> Self {
        Self::Record
    }
}

const OPENED: u8 = 0x01;
const DATA: u8 = 0x02;
const DATA_OF_SERVER: u8 = DATA | OF_SERVER;
const MISSING: u8 = 0x03;
const MISSING_OF_SERVER: u8 = MISSING | OF_SERVER;
const CLOSED: u8 = 0x04;

/// The server is who said it.
const OF_SERVER: u8 = 0x80;

const LATE: u8 = 1;
const HAS_ORIGIN: u8 = 2;
const ORIGIN_IS_SERVER: u8 = 4;
const HAS_CONTAINER: u8 = 8;

const IPV4: u8 = 4;
const IPV6: u8 = 6;

/// Kind, connection and time.
const HEAD_LEN: usize = 17;

/// Head, position and length.
const DATA_HEAD_LEN: usize = HEAD_LEN + 12;

/// A name of a process has 15 bytes, an id of a container 64.
const MAX_TEXT_LEN: usize = 255;

/// Head, flags, two addresses of IPv6, process id and two texts.
const MAX_OPENED_LEN: usize = HEAD_LEN + 1 + 2 * 19 + 4 + 2 * (1 + MAX_TEXT_LEN);
