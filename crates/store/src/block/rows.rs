//! The rows of a block, column by column, with each text once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use event::Timestamp;
use hashbrown::HashMap;
use policy::{Observation, Outcome};

use super::codec::{Decoder, Encoder, pack, unpack};
use super::{Damaged, MAX_ROWS, MAX_TEXT_LEN};
use crate::id::SessionId;

/// What lists and searches need of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: SessionId,
    /// Number of the edge with its posture.
    pub(crate) pair: u32,
    pub(crate) client_ip: IpAddr,
    pub(crate) client_port: u16,
    pub(crate) server_ip: IpAddr,
    pub(crate) outcome: Outcome,
    pub(crate) texts: [Option<Box<str>>; Field::COUNT],
    /// Place of its line in the block.
    pub(crate) place: u32,
}

/// The texts of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    ServerName,
    ClientProcess,
    ClientExecutable,
    ServerProcess,
    ServerExecutable,
    Alert,
    Ja3,
    Ja4,
}

/// The rows of a block, unpacked as far as they were looked at.
pub(crate) struct Rows<'a> {
    /// All texts, one after the other.
    texts: String,
    /// Where each of them is.
    spans: Vec<Range<usize>>,
    addresses: Vec<IpAddr>,
    packed_columns: &'a [u8],
    columns: Option<Columns>,
}

#[derive(Default)]
struct Columns {
    times: Vec<i64>,
    digests: Vec<u64>,
    pairs: Vec<u32>,
    client_ips: Vec<u32>,
    client_ports: Vec<u16>,
    server_ips: Vec<u32>,
    outcomes: Vec<u8>,
    /// Number of the text plus one; 0 is none.
    texts: [Vec<u32>; Field::COUNT],
    places: Vec<u32>,
}

impl Field {
    pub(crate) const COUNT: usize = 8;

    /// The name of the field in terms of filters; processes of both ends are one kind.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::ServerName => "name",
            Self::ClientProcess
            | Self::ClientExecutable
            | Self::ServerProcess
            | Self::ServerExecutable => "process",
            Self::Alert => "alert",
            Self::Ja3 => "ja3",
            Self::Ja4 => "ja4",
        }
    }
}

impl Row {
    pub(crate) fn new(id: SessionId, pair: u32, seen: &Observation, place: u32) -> Self {
        let texts = [
            &seen.server_name,
            &seen.client.process,
            &seen.client.executable,
            &seen.server.process,
            &seen.server.executable,
            &seen.alert,
            &seen.fingerprints.ja3,
            &seen.fingerprints.ja4,
        ];
        Self {
            id,
            pair,
            client_ip: seen.client.ip,
            client_port: seen.client.port,
            server_ip: seen.server.ip,
            outcome: seen.outcome,
            texts: texts.map(|text| text.as_deref().map(Box::from)),
            place,
        }
    }

    pub(crate) fn text(&self, field: Field) -> Option<&str> {
        self.texts.get(field as usize)?.as_deref()
    }
}

impl<'a> Rows<'a> {
    /// Packs rows, of which there are at most [`MAX_ROWS`].
    pub(crate) fn pack(rows: &[Row]) -> Result<Vec<u8>, Damaged> {
        let mut columns = Columns::default();
        let mut texts = Numbered::default();
        let mut addresses = Numbered::default();
        for row in rows {
            columns.times.push(row.id.time.as_nanos());
            columns.digests.push(row.id.digest);
            columns.pairs.push(row.pair);
            columns.client_ips.push(addresses.number(row.client_ip.to_canonical()));
            columns.client_ports.push(row.client_port);
            columns.server_ips.push(addresses.number(row.server_ip.to_canonical()));
            columns.outcomes.push(outcome_code(row.outcome));
            for (column, text) in columns.texts.iter_mut().zip(&row.texts) {
                column.push(text.as_deref().map_or(0, |text| texts.number(text) + 1));
            }
            columns.places.push(row.place);
        }
        let mut names = Encoder::default();
        names.number(addresses.values.len() as u64);
        for address in &addresses.values {
            match address {
                IpAddr::V4(ip) => names.text(&ip.octets()),
                IpAddr::V6(ip) => names.text(&ip.octets()),
            }
        }
        names.number(texts.values.len() as u64);
        texts.values.iter().for_each(|text| names.number(text.len() as u64));
        texts.values.iter().for_each(|text| names.bytes.extend_from_slice(text.as_bytes()));
        let names = pack(&names.bytes)?;
        let mut packed = Encoder::default();
        packed.text(&names);
        packed.bytes.extend_from_slice(&pack(&columns.encode())?);
        Ok(packed.bytes)
    }

    /// Unpacks the texts and addresses of a block; the columns wait until a row is asked for.
    pub(crate) fn open(packed: &'a [u8]) -> Result<Self, Damaged> {
        let mut decoder = Decoder::new(packed);
        let names = unpack(decoder.text()?, MAX_NAMES_LEN)?;
        let mut rest = Decoder::new(&names);
        let count = rest.below(2 * MAX_ROWS + 1)?;
        let addresses = (0..count).map(|_| address(rest.text()?)).collect::<Result<Vec<_>, _>>()?;
        let count = rest.below(MAX_ROWS * Field::COUNT + 1)?;
        let mut spans = Vec::with_capacity(count);
        let mut end = 0_usize;
        for _ in 0..count {
            let begin = end;
            end = end.saturating_add(rest.below(MAX_TEXT_LEN + 1)?);
            spans.push(begin..end);
        }
        let texts = std::str::from_utf8(rest.take(end)?).map_err(|_error| Damaged)?.to_owned();
        if spans.iter().any(|span| !texts.is_char_boundary(span.end)) {
            return Err(Damaged);
        }
        let packed_columns = decoder.take_rest();
        Ok(Self { texts, spans, addresses, packed_columns, columns: None })
    }

    /// The texts of the block, whatever field they are of.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.spans.iter().map(|span| self.texts.get(span.clone()).unwrap_or_default())
    }

    /// The same, one after the other without anything between: what is in none of this is in no text.
    pub(crate) fn all_texts(&self) -> &str {
        &self.texts
    }

    /// The addresses of the block, of both ends.
    pub(crate) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// All rows for which `is_wanted` holds.
    pub(crate) fn select(
        &mut self,
        mut is_wanted: impl FnMut(&View<'_>) -> bool,
    ) -> Result<Vec<Row>, Damaged> {
        if self.columns.is_none() {
            self.columns = Some(Columns::decode(self.packed_columns)?);
        }
        let Some(columns) = &self.columns else { return Err(Damaged) };
        let mut rows = Vec::new();
        for index in 0..columns.times.len() {
            let view = View { columns, index };
            if is_wanted(&view) {
                rows.push(self.row(columns, index).ok_or(Damaged)?);
            }
        }
        Ok(rows)
    }

    fn row(&self, columns: &Columns, index: usize) -> Option<Row> {
        let address = |column: &[u32]| {
            self.addresses.get(usize::try_from(*column.get(index)?).ok()?).copied()
        };
        let mut texts = [const { None }; Field::COUNT];
        for (text, column) in texts.iter_mut().zip(&columns.texts) {
            if let Some(number) = column.get(index)?.checked_sub(1) {
                let span = self.spans.get(usize::try_from(number).ok()?)?;
                *text = Some(self.texts.get(span.clone())?.into());
            }
        }
        Some(Row {
            id: SessionId {
                time: Timestamp::from_nanos(*columns.times.get(index)?),
                digest: *columns.digests.get(index)?,
            },
            pair: *columns.pairs.get(index)?,
            client_ip: address(&columns.client_ips)?,
            client_port: *columns.client_ports.get(index)?,
            server_ip: address(&columns.server_ips)?,
            outcome: outcome(*columns.outcomes.get(index)?)?,
            texts,
            place: *columns.places.get(index)?,
        })
    }
}

/// A row that is looked at, and not unpacked.
pub(crate) struct View<'a> {
    columns: &'a Columns,
    index: usize,
}

impl View<'_> {
    pub(crate) fn id(&self) -> SessionId {
        let time = self.columns.times.get(self.index).copied().unwrap_or_default();
        let digest = self.columns.digests.get(self.index).copied().unwrap_or_default();
        SessionId { time: Timestamp::from_nanos(time), digest }
    }

    pub(crate) fn pair(&self) -> u32 {
        self.columns.pairs.get(self.index).copied().unwrap_or(u32::MAX)
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        outcome(*self.columns.outcomes.get(self.index)?)
    }

    /// Whether either address is one of those chosen by number.
    pub(crate) fn has_address(&self, chosen: &[bool]) -> bool {
        let columns = [&self.columns.client_ips, &self.columns.server_ips];
        columns.into_iter().any(|column| is_chosen(column.get(self.index).copied(), chosen))
    }

    /// Whether the text of a field is one of those chosen by number.
    pub(crate) fn has_text(&self, field: Field, chosen: &[bool]) -> bool {
        let number = self.columns.texts.get(field as usize).and_then(|it| it.get(self.index));
        is_chosen(number.and_then(|number| number.checked_sub(1)), chosen)
    }
}

fn is_chosen(number: Option<u32>, chosen: &[bool]) -> bool {
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.and_then(|number| chosen.get(number)).copied().unwrap_or(false)
}

impl Columns {
    fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        out.number(self.times.len() as u64);
        let mut before = 0_i64;
        for time in &self.times {
            out.difference(time.wrapping_sub(before));
            before = *time;
        }
        self.digests.iter().for_each(|digest| out.bytes.extend_from_slice(&digest.to_le_bytes()));
        let numbers = [&self.pairs, &self.client_ips, &self.server_ips];
        for column in numbers.into_iter().chain(&self.texts).chain([&self.places]) {
            column.iter().for_each(|number| out.number(u64::from(*number)));
        }
        self.client_ports.iter().for_each(|port| out.bytes.extend_from_slice(&port.to_le_bytes()));
        out.bytes.extend_from_slice(&self.outcomes);
        out.bytes
    }

    fn decode(packed: &[u8]) -> Result<Self, Damaged> {
        let bytes = unpack(packed, MAX_COLUMNS_LEN)?;
        let mut input = Decoder::new(&bytes);
        let count = input.below(MAX_ROWS + 1)?;
        let mut columns = Self::default();
        let mut before = 0_i64;
        for _ in 0..count {
            before = before.wrapping_add(input.difference()?);
            columns.times.push(before);
        }
        let (digests, _) = input.take(count * 8)?.as_chunks::<8>();
        columns.digests.extend(digests.iter().map(|digest| u64::from_le_bytes(*digest)));
        let numbers = [&mut columns.pairs, &mut columns.client_ips, &mut columns.server_ips];
        for column in numbers.into_iter().chain(&mut columns.texts).chain([&mut columns.places]) {
            column.reserve_exact(count);
            for _ in 0..count {
                column.push(input.small()?);
            }
        }
        let (ports, _) = input.take(count * 2)?.as_chunks::<2>();
        columns.client_ports.extend(ports.iter().map(|port| u16::from_le_bytes(*port)));
        columns.outcomes.extend_from_slice(input.take(count)?);
        if input.is_empty() { Ok(columns) } else { Err(Damaged) }
    }
}

/// Values with numbers in the order of their first appearance.
struct Numbered<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32, foldhash::fast::RandomState>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::default() }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Numbered<T> {
    fn number(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(value).or_insert_with(|| {
            self.values.push(value);
            next
        })
    }
}

fn address(bytes: &[u8]) -> Result<IpAddr, Damaged> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(bytes).map(|it| Ipv6Addr::from(it).into()).map_err(|_error| Damaged)
}

pub(crate) const fn outcome_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Success => 0,
        Outcome::Failure => 1,
        Outcome::Unknown => 2,
    }
}

pub(crate) const fn outcome(code: u8) -> Option<Outcome> {
    match code {
        0 => Some(Outcome::Success),
        1 => Some(Outcome::Failure),
        2 => Some(Outcome::Unknown),
        _ => None,
    }
}

/// Most bytes of the texts of a block: all of them different and as long as they may be, and the
/// addresses.
const MAX_NAMES_LEN: usize = MAX_ROWS * (Field::COUNT * (MAX_TEXT_LEN + 3) + 2 * 17) + 16;

/// Most bytes of the columns of a block: twelve numbers of five bytes, a time, a digest, a port and an
/// outcome in each row.
const MAX_COLUMNS_LEN: usize = MAX_ROWS * (12 * 5 + 10 + 8 + 2 + 1) + 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let rows: Vec<Row> = (0..300).map(row).collect();
        let packed = Rows::pack(&rows).unwrap();
        let mut opened = Rows::open(&packed).unwrap();
        assert!(opened.select(|_| true).unwrap() == rows);
        assert_eq!(opened.texts().count(), 301);
        let some = opened.select(|view| view.pair() % 7 == 3).unwrap();
        assert!(some.iter().eq(rows.iter().filter(|row| row.pair % 7 == 3)));
        assert!(packed.len() < 300 * 30, "{} bytes", packed.len());
    }

    #[test]
    fn what_is_not_whole_is_damaged() {
        let rows: Vec<Row> = (0..20).map(row).collect();
        let packed = Rows::pack(&rows).unwrap();
        for len in 0..packed.len() {
            let opened = Rows::open(&packed[..len]);
            let rows = opened.and_then(|mut rows| rows.select(|_| true));
            assert_eq!(rows, Err(Damaged), "prefix of {len} bytes");
        }
    }

    #[test]
    fn no_byte_makes_it_panic() {
        let rows: Vec<Row> = (0..20).map(row).collect();
        let packed = Rows::pack(&rows).unwrap();
        for at in 0..packed.len() {
            for flip in [1, 0x80, 0xff] {
                let mut changed = packed.clone();
                changed[at] ^= flip;
                let opened = Rows::open(&changed);
                let selected = opened.and_then(|mut rows| rows.select(|_| true));
                assert!(selected.map_or(true, |rows| rows.len() <= MAX_ROWS));
            }
        }
    }

    fn row(n: u32) -> Row {
        let mut texts = [const { None }; Field::COUNT];
        texts[Field::ServerName as usize] = Some("example.test".into());
        texts[Field::Alert as usize] = Some(format!("é{n}").into());
        let time = Timestamp::from_nanos(i64::from(n) * 1_000_003 - 5_000_000);
        Row {
            id: SessionId { time, digest: u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15) },
            pair: n % 10,
            client_ip: if n.is_multiple_of(2) {
                IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))
            } else {
                IpAddr::V6(Ipv6Addr::LOCALHOST)
            },
            client_port: 1000,
            server_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
            outcome: Outcome::Unknown,
            texts,
            place: n,
        }
    }
}
