//! What a process tells its agent: one packet, big-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version of the format |
//! | 8 | sequence number, which an answer repeats |
//! | 1 | what the process waits for: 0 nothing, 1 received, 2 live, 3 durable |
//! | 5 * 4 | counts of the process: lost, opened, aborted, refused, denied |
//! | 1, 1, 1 | library, role (0 unknown, 1 client, 2 server), stage |
//! | 2, 2 | version, cipher suite |
//! | 32, 1 + (0 or 32) | random of the client; of the server, if it is known |
//! | 1 + n | server name |
//! | 1 + n | path of the executable |
//! | 2 * (1 + (0, 6 or 18)) | own address, other address: 0, 4 or 6, then address and port |
//! | 1 + n * (1, 1 + m) | secrets: label, secret |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use arrayvec::ArrayVec;
use wire::{Reader, Truncated};
use zeroize::Zeroizing;

use crate::hold::Reached;
use crate::label::Label;
use crate::policy::Fact;
use crate::session::{Library, Role, Session, Stage, Text};
use crate::taken::TakenSecret;

/// Longest message in bytes: all secrets of a session and the longest names take some 980.
pub const MAX_MESSAGE_LEN: usize = 1024;

/// What a process tells of one session: its secrets, or that it was given up.
pub struct Message {
    /// Goes up with each message of a process.
    pub sequence: u64,
    /// What the process waits for.
    pub wait: Option<Reached>,
    /// What became of messages before; without secrets, what became of this session.
    pub tallies: Tallies,
    /// Whose secrets they are.
    pub session: Session,
    /// When they are told.
    pub stage: Stage,
    /// The secrets; none if they were told before.
    pub secrets: ArrayVec<TakenSecret, { Label::ALL.len() }>,
}

/// What became of messages of a process since the last one that was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Messages that could not be sent.
    pub lost: u32,
    /// Messages that were to be waited for, and were not answered in time: the session went on.
    pub opened: u32,
    /// The same, and the session was aborted.
    pub aborted: u32,
    /// Messages whose session was aborted without a wait, because those before had waited in vain.
    pub refused: u32,
    /// Messages that no rule allows to send.
    pub denied: u32,
}

/// Why a packet is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends too early.
    #[error("it ends too early")]
    Truncated,
    /// There is more behind it.
    #[error("there is more behind it")]
    TrailingBytes,
    /// It is of another version.
    #[error("version {0} is not known")]
    Version(u8),
    /// A value has no meaning.
    #[error("{0} has no meaning")]
    Value(&'static str),
    /// It tells nothing, or a secret twice.
    #[error("it tells nothing, or a secret twice")]
    Secrets,
}

/// A message as it is sent. It is wiped when dropped.
pub struct Encoded(Zeroizing<ArrayVec<u8, MAX_MESSAGE_LEN>>);

impl Encoded {
    /// The bytes: for the agent's socket only.
    #[must_use]
    pub fn dangerous_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Message {
    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        let mut out = Writer(Zeroizing::new(ArrayVec::new()));
        let session = &self.session;
        out.put(&[VERSION]);
        out.put(&self.sequence.to_be_bytes());
        out.put(&[self.wait.map_or(0, Reached::code)]);
        let Tallies { lost, opened, aborted, refused, denied } = self.tallies;
        for count in [lost, opened, aborted, refused, denied] {
            out.put(&count.to_be_bytes());
        }
        let role = match session.role {
            None => 0,
            Some(Role::Client) => 1,
            Some(Role::Server) => 2,
        };
        out.put(&[session.library.code(), role, self.stage.code()]);
        out.put(&session.version.to_be_bytes());
        out.put(&session.cipher_suite.to_be_bytes());
        out.put(&session.client_random);
        out.put_short(session.server_random.as_ref().map_or(&[], |random| &random[..]));
        out.put_short(match &session.server_name {
            Fact::Known(name) => name.as_bytes(),
            Fact::Absent | Fact::Unknown => &[],
        });
        out.put_short(session.executable.as_ref().map_or(&[], |path| path.as_bytes()));
        for address in [session.local, session.peer] {
            out.put_address(address);
        }
        out.put(&[u8::try_from(self.secrets.len()).unwrap_or(u8::MAX)]);
        for secret in &self.secrets {
            out.put(&[secret.label().code()]);
            out.put_short(secret.dangerous_bytes());
        }
        Encoded(out.0)
    }

    /// Reads a packet.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong with it.
    pub fn decode(packet: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(packet);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(Malformed::Version(version));
        }
        let sequence = reader.u64()?;
        let wait = match reader.u8()? {
            0 => None,
            code => Some(Reached::of_code(code).ok_or(Malformed::Value("what is waited for"))?),
        };
        let tallies = Tallies {
            lost: reader.u32()?,
            opened: reader.u32()?,
            aborted: reader.u32()?,
            refused: reader.u32()?,
            denied: reader.u32()?,
        };
        let library = Library::of_code(reader.u8()?).ok_or(Malformed::Value("the library"))?;
        let role = match reader.u8()? {
            0 => None,
            1 => Some(Role::Client),
            2 => Some(Role::Server),
            _ => return Err(Malformed::Value("the role")),
        };
        let stage = Stage::of_code(reader.u8()?).ok_or(Malformed::Value("the stage"))?;
        let session = Session {
            library,
            role,
            version: reader.u16()?,
            cipher_suite: reader.u16()?,
            client_random: reader.array()?,
            server_random: server_random(&mut reader)?,
            server_name: text(&mut reader, "the server's name")?.map_or(Fact::Unknown, Fact::Known),
            executable: text(&mut reader, "the executable")?,
            local: address(&mut reader)?,
            peer: address(&mut reader)?,
        };
        let secrets = secrets(&mut reader)?;
        if secrets.is_empty() && tallies == Tallies::default() {
            return Err(Malformed::Secrets);
        }
        if !reader.is_empty() {
            return Err(Malformed::TrailingBytes);
        }
        Ok(Self { sequence, wait, tallies, session, stage, secrets })
    }
}

struct Writer(Zeroizing<ArrayVec<u8, MAX_MESSAGE_LEN>>);

impl Writer {
    /// Each value has a bound, and all of them together fit.
    fn put(&mut self, bytes: &[u8]) {
        let is_room = self.0.try_extend_from_slice(bytes).is_ok();
        debug_assert!(is_room, "a message fits into its bound");
    }

    fn put_short(&mut self, bytes: &[u8]) {
        self.put(&[u8::try_from(bytes.len()).unwrap_or(0)]);
        self.put(bytes);
    }

    fn put_address(&mut self, address: Option<SocketAddr>) {
        match address.map(|address| (address.ip().to_canonical(), address.port())) {
            None => self.put(&[0]),
            Some((IpAddr::V4(ip), port)) => {
                self.put(&[4]);
                self.put(&ip.octets());
                self.put(&port.to_be_bytes());
            }
            Some((IpAddr::V6(ip), port)) => {
                self.put(&[6]);
                self.put(&ip.octets());
                self.put(&port.to_be_bytes());
            }
        }
    }
}

fn server_random(reader: &mut Reader<'_>) -> Result<Option<[u8; 32]>, Malformed> {
    match reader.prefixed_u8()? {
        [] => Ok(None),
        bytes => bytes.as_array().copied().map(Some).ok_or(Malformed::Value("the server's random")),
    }
}

fn text(reader: &mut Reader<'_>, what: &'static str) -> Result<Option<Text>, Malformed> {
    let text = std::str::from_utf8(reader.prefixed_u8()?);
    match text.ok().and_then(|text| Text::from(text).ok()) {
        Some(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        None => Err(Malformed::Value(what)),
    }
}

fn address(reader: &mut Reader<'_>) -> Result<Option<SocketAddr>, Malformed> {
    let ip = match reader.u8()? {
        0 => return Ok(None),
        4 => IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?)),
        6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?)),
        _ => return Err(Malformed::Value("the kind of an address")),
    };
    Ok(Some(SocketAddr::new(ip.to_canonical(), reader.u16()?)))
}

fn secrets(
    reader: &mut Reader<'_>,
) -> Result<ArrayVec<TakenSecret, { Label::ALL.len() }>, Malformed> {
    let mut secrets = ArrayVec::<TakenSecret, { Label::ALL.len() }>::new();
    for _ in 0..reader.u8()? {
        let label = Label::of_code(reader.u8()?).ok_or(Malformed::Value("a label"))?;
        let secret = TakenSecret::new(label, reader.prefixed_u8()?);
        let secret = secret.ok_or(Malformed::Value("the length of a secret"))?;
        if secrets.iter().any(|other| other.label() == label) {
            return Err(Malformed::Secrets);
        }
        secrets.try_push(secret).map_err(|_too_many| Malformed::Secrets)?;
    }
    Ok(secrets)
}

impl From<Truncated> for Malformed {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// Version of the format; whoever does not know it refuses the packet.
const VERSION: u8 = 1;
