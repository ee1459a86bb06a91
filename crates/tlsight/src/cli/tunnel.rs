//! The part of the command line of `mirror` that is about sensors and their agents.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// To a sensor, or as one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tunnel (mutual TLS 1.3)")]
pub(crate) struct TunnelArgs {
    /// Send what is copied to a sensor, as records of which it makes packets [default port: 3005]
    #[arg(short = 't', long, value_name = "HOST[:PORT]", requires_all = ["cert", "key", "ca"])]
    pub(crate) to: Option<SensorAddress>,

    /// Be a sensor: make packets of what agents send
    #[arg(short = 'C', long, conflicts_with = "to", requires_all = ["cert", "key", "ca"])]
    pub(crate) collect: bool,

    /// Where a sensor listens
    #[arg(long, value_name = "ADDR:PORT", requires = "collect", default_value = "0.0.0.0:3005")]
    pub(crate) listen: SocketAddr,

    /// Own certificate with its chain, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Authority that the other side's certificate must be of, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Name in the sensor's certificate, if it is not HOST
    #[arg(long, value_name = "NAME", requires = "to")]
    pub(crate) sensor_name: Option<String>,

    /// Memory for what is not sent yet, in MiB
    #[arg(long, value_name = "N", requires = "to", default_value_t = 64,
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) queue_mib: u16,

    /// Keep what memory has no room for in this folder while the sensor is away: clear text on disk
    #[arg(long, value_name = "DIR", requires = "to")]
    pub(crate) spool: Option<PathBuf>,

    /// Disk for it, in MiB
    #[arg(long, value_name = "N", requires = "spool", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) spool_mib: u32,

    /// Most agents at a time
    #[arg(long, value_name = "N", requires = "collect", default_value_t = 1024,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) max_agents: u16,

    /// Most bytes of clear text a second of one agent, in MiB; one that has more waits
    #[arg(long, value_name = "N", requires = "collect",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_rate_mib: Option<u32>,

    /// Make certificates in this folder and end: of an authority, a sensor and agents
    #[arg(long, value_name = "DIR", conflicts_with_all = ["to", "collect"])]
    pub(crate) make_certificates: Option<PathBuf>,

    /// Names and addresses by which agents reach the sensor
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "make_certificates")]
    pub(crate) sensor: Vec<String>,

    /// Names of agents
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "make_certificates")]
    pub(crate) agent: Vec<String>,
}

/// Name or address of a sensor, and its port if one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SensorAddress {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl FromStr for SensorAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no HOST, HOST:PORT or [ADDRESS]:PORT");
        let (host, port) = if text.parse::<Ipv6Addr>().is_ok() {
            (text, None)
        } else if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']').ok_or_else(wrong)?;
            address.parse::<Ipv6Addr>().map_err(|_error| wrong())?;
            let port = if rest.is_empty() { None } else { rest.strip_prefix(':') };
            if port.is_none() && !rest.is_empty() {
                return Err(wrong());
            }
            (address, port)
        } else {
            text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
        };
        let port = match port {
            None => None,
            Some(port) => {
                let number = port.parse().ok().filter(|port| *port > 0_u16);
                Some(number.ok_or_else(wrong)?)
            }
        };
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensors_are_names_and_addresses_with_and_without_port() {
        for (text, host, port) in [
            ("sensor.example", "sensor.example", None),
            ("sensor.example:443", "sensor.example", Some(443)),
            ("192.0.2.1:3005", "192.0.2.1", Some(3005)),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("[2001:db8::1]:3006", "2001:db8::1", Some(3006)),
        ] {
            let host = host.to_owned();
            assert_eq!(text.parse(), Ok(SensorAddress { host, port }), "{text}");
        }
        for text in ["", ":3005", "x:", "x:0", "x:65536", "x:y", "[::1", "[::1]3005", "[x]:1"] {
            assert!(text.parse::<SensorAddress>().is_err(), "{text}");
        }
    }
}
