//! A download in parts.

use std::env;
use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use rustls::{ClientConnection, StreamOwned};

use crate::client::{client, config};

/// Downloads as many bytes for each line that it reads, and prints a line with the seconds that they took.
pub(crate) fn run(mut arguments: env::Args) -> Result<(), Box<dyn Error>> {
    let mut next = || arguments.next().ok_or("usage: load windows PATH BYTES ADDRESS:PORT");
    let (path, bytes) = (next()?, next()?.parse()?);
    let stream = TcpStream::connect(next()?)?;
    let mut stream = StreamOwned::new(client(&config()?)?, stream);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut buffer = vec![0; BUFFER_LEN];
    let mut out = io::stdout().lock();
    for line in io::stdin().lines() {
        line?;
        writeln!(out, "{}", seconds(&mut stream, &mut buffer, bytes)?)?;
        out.flush()?;
    }
    Ok(())
}

/// The seconds that the next bytes take.
fn seconds(
    stream: &mut StreamOwned<ClientConnection, TcpStream>,
    buffer: &mut [u8],
    mut bytes: usize,
) -> io::Result<f64> {
    let begin = Instant::now();
    while bytes > 0 {
        let most = bytes.min(buffer.len());
        let read = stream.read(buffer.get_mut(..most).unwrap_or_default())?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes -= read;
    }
    Ok(begin.elapsed().as_secs_f64())
}

const BUFFER_LEN: usize = 64 * 1024;
