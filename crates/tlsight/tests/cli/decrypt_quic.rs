//! Streams of QUIC, beside what tshark makes of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::decrypt::{has_tshark, tshark};
use crate::program::{testdata, tlsight};

/// The contents of all streams of a connection that one side sent, by the client's port and whether it is the
/// server's; sorted.
type Streams = BTreeMap<(u16, bool), Vec<Vec<u8>>>;

#[test]
fn streams_of_quic_are_those_that_tshark_decrypts() {
    if !has_tshark() {
        return;
    }
    for (name, connections) in [("secrets-quic", 5), ("secrets-quic-chromium", 1)] {
        let folder = testdata().join(name);
        let theirs = of_tshark(&folder);
        assert_eq!(ours(&folder), theirs, "{name}");
        let servers = theirs.keys().filter(|(_, is_server)| *is_server);
        assert_eq!(servers.count(), connections, "{name}");
    }
}

fn ours(folder: &Path) -> Streams {
    let work = tempfile::tempdir().unwrap();
    let (log, capture) = (folder.join("keys.log"), folder.join("input.pcap"));
    let arguments = [Path::new("decrypt"), "--keylog".as_ref(), &log, &capture];
    let run = tlsight(arguments.into_iter().chain(["--text-dir".as_ref(), work.path()]));
    assert_eq!((run.status, &*run.stderr), (0, ""));
    let mut streams = Streams::new();
    for entry in fs::read_dir(work.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (ends, side) = name.rsplit_once('.').unwrap();
        let port = ends.split('-').nth(1).unwrap().rsplit_once('_').unwrap().1;
        let key = (port.parse().unwrap(), side == "server");
        streams.entry(key).or_default().push(fs::read(&path).unwrap());
    }
    sorted(streams)
}

/// Of captures in which the pieces of each stream come in order.
fn of_tshark(folder: &Path) -> Streams {
    let keys = format!("tls.keylog_file:{}", folder.join("keys.log").display());
    let mut arguments = vec!["-o", &keys, "-Y", "quic.stream_data", "-T", "fields"];
    for field in ["udp.srcport", "udp.dstport", "quic.stream.stream_id", "quic.stream_data"] {
        arguments.extend(["-e", field]);
    }
    let mut pieces: BTreeMap<(u16, bool, u64), Vec<u8>> = BTreeMap::new();
    for line in tshark(&folder.join("input.pcap"), &arguments).lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [from, to, ids, data] = fields[..] else { panic!("{line}") };
        let is_server = from == "443";
        let port = if is_server { to } else { from }.parse().unwrap();
        assert_eq!(ids.split(',').count(), data.split(',').count(), "{line}");
        for (id, data) in ids.split(',').zip(data.split(',')) {
            let data = data_encoding::HEXLOWER.decode(data.as_bytes()).unwrap();
            pieces.entry((port, is_server, id.parse().unwrap())).or_default().extend(data);
        }
    }
    let mut streams = Streams::new();
    for ((port, is_server, _), bytes) in pieces {
        streams.entry((port, is_server)).or_default().push(bytes);
    }
    sorted(streams)
}

fn sorted(mut streams: Streams) -> Streams {
    streams.values_mut().for_each(|contents| contents.sort());
    streams
}
