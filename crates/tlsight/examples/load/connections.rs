//! Connections at a rate.

use std::env;
use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, Stream};

use crate::client::{client, config};

/// Opens connections and prints what came of them.
pub(crate) fn run(mut arguments: env::Args) -> Result<(), Box<dyn Error>> {
    let mut next =
        || arguments.next().ok_or("usage: load connections PORT PER_SECOND SECONDS [PATH]");
    let load = Load {
        port: next()?.parse()?,
        per_second: next()?.parse()?,
        length: Duration::from_secs_f64(next()?.parse()?),
        path: next().ok(),
    };
    let config = config()?;
    let number = AtomicU32::new(0);
    let begin = Instant::now();
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| load.connect_by_turns(&config, &number, begin)))
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
    });
    let seconds = begin.elapsed().as_secs_f64();
    let mut delays: Vec<u128> = results.iter().flatten().map(Duration::as_micros).collect();
    delays.sort_unstable();
    let failed = results.len() - delays.len();
    if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
        writeln!(io::stderr(), "{error}")?;
    }
    let at = |percent| delays.get(delays.len() * percent / 100).copied().unwrap_or(0);
    let (connections, median, p99) = (delays.len(), at(50), at(99));
    writeln!(
        io::stdout(),
        "{{\"connections\":{connections},\"failed\":{failed},\"seconds\":{seconds},\
         \"median_us\":{median},\"p99_us\":{p99}}}"
    )?;
    Ok(())
}

struct Load {
    port: u16,
    per_second: f64,
    length: Duration,
    path: Option<String>,
}

impl Load {
    /// Opens connections as their turn comes; gives how long after that each handshake was over, or each
    /// answer began.
    fn connect_by_turns(
        &self,
        config: &Arc<ClientConfig>,
        number: &AtomicU32,
        begin: Instant,
    ) -> Vec<io::Result<Duration>> {
        let mut results = Vec::new();
        loop {
            let number = number.fetch_add(1, Ordering::Relaxed);
            let due = if self.per_second > 0.0 {
                Duration::from_secs_f64(f64::from(number) / self.per_second)
            } else {
                begin.elapsed()
            };
            if due >= self.length {
                return results;
            }
            thread::sleep(due.saturating_sub(begin.elapsed()));
            let over = connect(self.port, self.path.as_deref(), config).map(|over| over - begin);
            results.push(over.map(|over| over.saturating_sub(due)));
        }
    }
}

/// Opens and closes one connection; gives when its handshake was over, or the answer for a path began.
fn connect(port: u16, path: Option<&str>, config: &Arc<ClientConfig>) -> io::Result<Instant> {
    let mut client = client(config)?;
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    while client.is_handshaking() {
        client.complete_io(&mut stream)?;
    }
    let handshake_over = Instant::now();
    if let Some(path) = path {
        let mut tls = Stream::new(&mut client, &mut stream);
        write!(tls, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; ANSWER.len()];
        tls.read_exact(&mut answer)?;
        let answered = Instant::now();
        if answer != *ANSWER {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // The server hangs up first.
        stream.read_to_end(&mut Vec::new()).ok();
        return Ok(answered);
    }
    client.send_close_notify();
    client.write_tls(&mut stream)?;
    stream.shutdown(Shutdown::Write)?;
    // The server may say more before it hangs up, or be short about it.
    stream.read_to_end(&mut Vec::new()).ok();
    Ok(handshake_over)
}

/// How an answer begins that has what was asked for.
const ANSWER: &[u8; 12] = b"HTTP/1.1 200";

/// Connections at a time: enough to keep a rate of a thousand a second with handshakes of some
/// milliseconds.
const THREADS: usize = 16;
