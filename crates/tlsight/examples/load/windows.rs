//! Two downloads by turns.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::client::{client, config};

/// Downloads by turns and prints, a line for each pair of turns, the seconds of both.
pub(crate) fn run(mut arguments: env::Args) -> Result<(), Box<dyn Error>> {
    let mut next =
        || arguments.next().ok_or("usage: load windows PATH BYTES COUNT PORT CGROUP PORT CGROUP");
    let (path, bytes, count) = (next()?, next()?.parse()?, next()?.parse::<u32>()?);
    let config = config();
    let mut one = Download::begin(&config, &path, next()?.parse()?, next()?.as_ref())?;
    let mut other = Download::begin(&config, &path, next()?.parse()?, next()?.as_ref())?;
    one.seconds(bytes)?;
    other.seconds(bytes)?;
    let mut out = io::stdout().lock();
    for turn in 0..count {
        let (first, second) =
            if turn % 2 == 0 { (&mut one, &mut other) } else { (&mut other, &mut one) };
        let (first, second) = (first.seconds(bytes)?, second.seconds(bytes)?);
        let (one, other) = if turn % 2 == 0 { (first, second) } else { (second, first) };
        writeln!(out, "{one} {other}")?;
    }
    Ok(())
}

/// A download that goes on for as long as the server sends.
struct Download {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

impl Download {
    /// Connects from within a cgroup, in which the socket stays.
    fn begin(
        config: &Arc<ClientConfig>,
        path: &str,
        port: u16,
        cgroup: &Path,
    ) -> Result<Self, Box<dyn Error>> {
        fs::write(cgroup.join("cgroup.procs"), "0")?;
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        let mut stream = StreamOwned::new(client(config)?, stream);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        Ok(Self { stream, buffer: vec![0; BUFFER_LEN] })
    }

    /// The seconds that the next bytes take.
    fn seconds(&mut self, mut bytes: usize) -> io::Result<f64> {
        let begin = Instant::now();
        while bytes > 0 {
            let most = bytes.min(BUFFER_LEN);
            let read = self.stream.read(self.buffer.get_mut(..most).unwrap_or_default())?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes -= read;
        }
        Ok(begin.elapsed().as_secs_f64())
    }
}

const BUFFER_LEN: usize = 64 * 1024;
