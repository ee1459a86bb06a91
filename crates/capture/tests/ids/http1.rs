//! HTTP/1.1.

use forge::{Mtu, Settings, Side};

use crate::programs::{Suricata, assert_clean, tshark, with_programs};
use crate::sessions::{Family, Forgery, settings};

#[test]
fn requests_and_files_are_recognised_in_clean_sessions() {
    with_programs("http1", || {
        let mut forgery = Forgery::new(settings());
        for (id, family) in (1..).zip(Family::BOTH) {
            forgery.exchange(id, family);
        }
        let (_folder, capture) = forgery.finish();
        assert_clean(&capture);
        let comments = tshark(&capture, "frame.comment", &["frame.comment", "tcp.flags"]);
        let comment = "client: process curl, pid 4711, container c0ffee|0x0002";
        assert_eq!(comments, [comment; 2]);

        let suricata = Suricata::reads(&capture);
        let expected = ["file data", "md5", "response body", "sha256", "uri", "user agent"]
            .map(|rule| (rule, 2));
        assert_eq!(suricata.alerts().into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(suricata.events("anomaly"), [] as [&serde_json::Value; 0]);
        assert_eq!(suricata.values("http", "/http/url"), ["/x/etc/passwd"; 2]);
        assert_eq!(suricata.values("fileinfo", "/fileinfo/size"), ["31"; 2]);
        assert_eq!(suricata.values("fileinfo", "/fileinfo/state"), ["CLOSED"; 2]);
        assert_eq!(suricata.values("flow", "/app_proto"), ["http"; 2]);
        assert_eq!(suricata.values("flow", "/tcp/state"), ["closed"; 2]);
        assert_eq!(suricata.values("flow", "/dest_port"), ["80"; 2]);
        assert_eq!(suricata.values("flow", "/src_port"), ["40001", "40002"]);
        assert_eq!(
            suricata.values("flow", "/src_ip"),
            ["192.0.2.1", "2001:0db8:0000:0000:0000:0000:0000:0001"]
        );
        assert_eq!(suricata.values("flow", "/flow/start")[0], "2023-11-14T22:13:20.001000+0000");
    });
}

#[test]
fn long_bodies_arrive_whole_at_any_mtu() {
    with_programs("bodies", || {
        for mtu in [Mtu::MIN, Mtu::ETHERNET, Mtu::JUMBO, Mtu::RECORD] {
            let mut forgery = Forgery::new(Settings { mtu, ..settings() });
            forgery.open(1, Family::V4, false);
            let body: Vec<u8> = (0..250_000_u32).flat_map(|word| word.to_be_bytes()).collect();
            let (mut client, mut server) = (0, 0);
            forgery.data(1, Side::Client, &mut client, b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            forgery.data(1, Side::Server, &mut server, head.as_bytes());
            for write in body.chunks(16_384) {
                forgery.data(1, Side::Server, &mut server, write);
            }
            forgery.close(1);
            let (_folder, capture) = forgery.finish();
            assert_clean(&capture);
            let suricata = Suricata::reads(&capture);
            assert_eq!(suricata.alerts().len(), 0, "{:?}", suricata.alerts());
            assert_eq!(suricata.values("fileinfo", "/fileinfo/size"), ["1000000"]);
            assert_eq!(suricata.values("fileinfo", "/fileinfo/sha256"), [SHA256], "{mtu:?}");
            assert_eq!(suricata.values("fileinfo", "/fileinfo/gaps"), ["false"]);
        }
    });
}

/// Of a quarter of a million numbers of four bytes, which count up from 0, big-endian.
const SHA256: &str = "6a322fb890d2e5da8f3d59436e6a3192976d2fdd97761440758aa8d9f67e986b";
