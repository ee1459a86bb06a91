//! Sessions of which something is missing.

use forge::Side;

use crate::programs::{Suricata, tshark, with_programs};
use crate::sessions::{BODY, Family, Forgery, HEAD, REQUEST, settings};

#[test]
fn a_hole_is_reported_as_a_gap_and_what_follows_is_read() {
    with_programs("gaps", || {
        let mut forgery = Forgery::new(settings());
        for (id, family) in (1..).zip(Family::BOTH) {
            forgery.open(id, family, false);
            let (mut client, mut server) = (0, 0);
            forgery.data(id, Side::Client, &mut client, b"GET /first HTTP/1.1\r\nHost: h\r\n\r\n");
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n";
            forgery.data(id, Side::Server, &mut server, head);
            forgery.data(id, Side::Server, &mut server, &[b'A'; 6000]);
            forgery.missing(id, Side::Server, &mut server, 8000);
            forgery.data(id, Side::Server, &mut server, &[b'B'; 6000]);
            forgery.data(id, Side::Client, &mut client, REQUEST);
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            forgery.data(id, Side::Server, &mut server, head);
            forgery.close(id);
        }
        let (_folder, capture) = forgery.finish();
        let odd = tshark(
            &capture,
            "tcp.analysis.flags",
            &["tcp.analysis.ack_lost_segment", "tcp.analysis.lost_segment", "tcp.len"],
        );
        // The acknowledgement of the hole, what comes behind it, and its acknowledgement.
        assert_eq!(odd, ["1||0", "|1|1460", "1||0", "1||0", "|1|1440", "1||0"]);

        let suricata = Suricata::reads(&capture);
        let alerts = suricata.alerts();
        assert_eq!((alerts.get("uri"), alerts.get("user agent")), (Some(&2), Some(&2)));
        let odd: Vec<_> = alerts.keys().filter(|rule| rule.starts_with("SURICATA")).collect();
        assert_eq!(odd, [&"SURICATA STREAM reassembly sequence GAP -- missing packet(s)"]);
        assert_eq!(
            suricata.values("fileinfo", "/fileinfo/gaps"),
            ["false", "false", "true", "true"]
        );
        assert_eq!(suricata.values("flow", "/tcp/state"), ["closed"; 2]);
    });
}

#[test]
fn a_long_hole_is_one_gap_and_a_longer_one_a_new_session() {
    with_programs("long-gaps", || {
        let mut forgery = Forgery::new(settings());
        for (id, len) in [(1, 1900_u64 << 20), (2, 3 << 30)] {
            forgery.open(id, Family::V4, false);
            let (mut client, mut server) = (0, 0);
            forgery.data(id, Side::Client, &mut client, b"GET /first HTTP/1.1\r\nHost: h\r\n\r\n");
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n");
            forgery.data(id, Side::Server, &mut server, head.as_bytes());
            forgery.missing(id, Side::Server, &mut server, len);
            forgery.data(id, Side::Client, &mut client, REQUEST);
            forgery.data(id, Side::Server, &mut server, HEAD);
            forgery.data(id, Side::Server, &mut server, BODY);
            forgery.close(id);
        }
        let (_folder, capture) = forgery.finish();
        let suricata = Suricata::reads(&capture);
        let gap = "SURICATA STREAM reassembly sequence GAP -- missing packet(s)";
        let expected = [
            (gap, 1),
            ("file data", 2),
            ("md5", 2),
            ("response body", 2),
            ("sha256", 2),
            ("uri", 2),
            ("user agent", 2),
        ];
        assert_eq!(suricata.alerts().into_iter().collect::<Vec<_>>(), expected);
        let urls = ["/first", "/first", "/x/etc/passwd", "/x/etc/passwd"];
        assert_eq!(suricata.values("http", "/http/url"), urls);
        assert_eq!(suricata.values("flow", "/tcp/state"), ["closed"; 3]);
    });
}
