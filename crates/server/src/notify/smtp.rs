//! Sends mail (RFC 5321), with STARTTLS (RFC 3207) or TLS from the begin.

use data_encoding::BASE64;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connect::{Failure, PATIENCE, tcp, tls};
use super::notifier::{Address, MailTls, Mailbox};

/// Sends a text.
pub(crate) async fn send(
    mailbox: &Mailbox,
    ca: Option<&str>,
    subject: &str,
    date: &str,
    text: &str,
) -> Result<(), Failure> {
    let address = &mailbox.server;
    let stream = tcp(address).await?;
    let mail = mail(mailbox, subject, date, text);
    let sent = async {
        match mailbox.tls {
            MailTls::None => Talk::new(stream, address).deliver(mailbox, &mail).await,
            MailTls::Implicit => {
                let stream = tls(stream, address, ca).await?;
                Talk::new(stream, address).deliver(mailbox, &mail).await
            }
            MailTls::StartTls => {
                let stream = Talk::new(stream, address).start_tls().await?;
                let stream = tls(stream, address, ca).await?;
                Talk { is_greeted: true, ..Talk::new(stream, address) }
                    .deliver(mailbox, &mail)
                    .await
            }
        }
    };
    timeout(3 * PATIENCE, sent)
        .await
        .unwrap_or_else(|_elapsed| Err(Failure::TooLate(address.clone())))
}

/// The mail with its head. The text is in base64, so that nothing in it is taken for a command.
fn mail(mailbox: &Mailbox, subject: &str, date: &str, text: &str) -> String {
    let subject: String = subject.chars().filter(|c| !c.is_control()).take(MAX_SUBJECT).collect();
    // RFC 2047: encoded words of at most 75 characters.
    let words: Vec<_> = pieces(&subject, SUBJECT_PIECE)
        .map(|piece| format!("=?utf-8?B?{}?=", BASE64.encode(piece.as_bytes())))
        .collect();
    let body = BASE64.encode(text.as_bytes());
    let lines: Vec<_> = pieces(&body, BASE64_LINE).collect();
    format!(
        "From: <{}>\r\nTo: {}\r\nSubject: {}\r\nDate: {date}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\
         Auto-Submitted: auto-generated\r\n\r\n{}\r\n",
        mailbox.from,
        mailbox.to.iter().map(|to| format!("<{to}>")).collect::<Vec<_>>().join(", "),
        words.join("\r\n "),
        lines.join("\r\n"),
    )
}

/// A text in pieces of at most `len` bytes, cut between characters.
fn pieces(text: &str, len: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut at = len.min(rest.len());
        while !rest.is_char_boundary(at) {
            at = at.saturating_sub(1);
        }
        let (piece, after) = rest.split_at_checked(at)?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A conversation with a server.
struct Talk<'a, S> {
    stream: BufReader<S>,
    address: &'a Address,
    /// Whether the server has said who it is.
    is_greeted: bool,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Talk<'a, S> {
    fn new(stream: S, address: &'a Address) -> Self {
        Self { stream: BufReader::new(stream), address, is_greeted: false }
    }

    async fn deliver(mut self, mailbox: &Mailbox, mail: &str) -> Result<(), Failure> {
        self.hello().await?;
        if let Some((user, password)) = &mailbox.login {
            let plain = BASE64.encode(format!("\0{user}\0{password}").as_bytes());
            self.say(&format!("AUTH PLAIN {plain}"), "235").await?;
        }
        self.say(&format!("MAIL FROM:<{}>", mailbox.from), "250").await?;
        for to in &mailbox.to {
            self.say(&format!("RCPT TO:<{to}>"), "25").await?;
        }
        self.say("DATA", "354").await?;
        self.say(&format!("{mail}."), "250").await?;
        // What was taken was taken.
        self.say("QUIT", "221").await.ok();
        Ok(())
    }

    async fn hello(&mut self) -> Result<(), Failure> {
        if !self.is_greeted {
            self.expect("220").await?;
        }
        self.say("EHLO tlsight", "250").await
    }

    async fn say(&mut self, line: &str, expected: &str) -> Result<(), Failure> {
        let broken =
            |error: std::io::Error| Failure::NoConnection(self.address.clone(), error.kind());
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)?;
        self.expect(expected).await
    }

    /// Reads an answer, of which only the code counts.
    async fn expect(&mut self, expected: &str) -> Result<(), Failure> {
        for _ in 0..MAX_LINES {
            let mut line = Vec::new();
            let mut bounded = (&mut self.stream).take(MAX_LINE);
            let read = bounded.read_until(b'\n', &mut line).await;
            read.map_err(|error| Failure::NoConnection(self.address.clone(), error.kind()))?;
            let code = line.get(..3).and_then(|code| str::from_utf8(code).ok());
            let Some(code) = code.filter(|_| line.ends_with(b"\n")) else {
                return Err(Failure::Nonsense(self.address.clone(), "this is not SMTP"));
            };
            if line.get(3) == Some(&b'-') {
                continue;
            }
            return if code.starts_with(expected) {
                Ok(())
            } else {
                Err(Failure::Refused(self.address.clone(), code.to_owned()))
            };
        }
        Err(Failure::Nonsense(self.address.clone(), "an answer without an end"))
    }
}

impl Talk<'_, TcpStream> {
    /// Asks for TLS, and gives back the connection. Whatever the server said too early is dropped, so
    /// that nobody on the way can say something in its name.
    async fn start_tls(mut self) -> Result<TcpStream, Failure> {
        self.hello().await?;
        self.say("STARTTLS", "220").await?;
        if !self.stream.buffer().is_empty() {
            return Err(Failure::Nonsense(self.address.clone(), "it speaks before TLS does"));
        }
        Ok(self.stream.into_inner())
    }
}

/// Longest line of an answer in bytes; RFC 5321 section 4.5.3.1.5 says 512.
const MAX_LINE: u64 = 1024;

const MAX_LINES: usize = 100;

const MAX_SUBJECT: usize = 200;

/// In base64 with its frame below 75 characters.
const SUBJECT_PIECE: usize = 42;

const BASE64_LINE: usize = 76;
