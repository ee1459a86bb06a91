//! HTTP/2, as it is and as HTTP/1.1.

use forge::Streams;

use crate::programs::{Suricata, assert_clean, assert_clean_by_vlan, tshark, with_programs};
use crate::sessions::{Family, Forgery, recorded, settings};

#[test]
fn http2_is_recognised_as_it_is() {
    with_programs("http2", || {
        let mut forgery = Forgery::new(settings());
        for (id, family) in (1..).zip(Family::BOTH) {
            forgery.replay(id, family, &recorded("nghttp-nginx.bin"), 0);
        }
        let (_folder, capture) = forgery.finish();
        assert_clean(&capture);
        let suricata = Suricata::reads(&capture);
        let alerts = suricata.alerts();
        for rule in ["uri", "user agent", "file data"] {
            assert!(alerts.get(rule).is_some_and(|count| *count >= 2), "{rule}: {alerts:?}");
        }
        assert_eq!(suricata.values("flow", "/app_proto"), ["http2"; 2]);
    });
}

#[test]
fn http2_streams_are_requests_of_http1_in_lanes() {
    with_programs("lanes", || {
        for streams in [Streams::Vlans, Streams::Ports] {
            let mut forgery = Forgery::new(settings()).with_http1(streams);
            for (id, family) in (1..).zip(Family::BOTH) {
                forgery.replay(10 * id, family, &recorded("nghttp-nginx.bin"), 0);
                forgery.replay(10 * id + 5, family, &recorded("nghttp-nginx-post.bin"), 0);
            }
            let (_folder, capture) = forgery.finish();
            match streams {
                Streams::Vlans => assert_clean_by_vlan(&capture),
                Streams::Ports => assert_clean(&capture),
            }
            let suricata = Suricata::reads(&capture);
            let expected = [
                ("file data", 4),
                ("md5", 4),
                ("request body", 2),
                ("response body", 4),
                ("sha256", 4),
                ("uri", 2),
                ("user agent", 10),
            ];
            assert_eq!(suricata.alerts().into_iter().collect::<Vec<_>>(), expected, "{streams:?}");
            let urls =
                ["/big.bin", "/hello.txt", "/hello.txt?file=/etc/passwd", "/missing", "/post"];
            let urls: Vec<_> = urls.iter().flat_map(|url| [*url; 2]).collect();
            assert_eq!(suricata.values("http", "/http/url"), urls);
            assert_eq!(suricata.values("flow", "/app_proto"), ["http"; 10]);
            assert_eq!(suricata.values("flow", "/tcp/state"), ["closed"; 10]);
            let hashes = suricata.values("fileinfo", "/fileinfo/sha256");
            assert_eq!(hashes.iter().filter(|hash| *hash == BIG).count(), 2, "{hashes:?}");
            let vlans =
                tshark(&capture, "vlan && tcp.flags.syn == 1 && tcp.flags.ack == 0", &["vlan.id"]);
            let expected = if streams == Streams::Vlans { 6 } else { 0 };
            assert_eq!(vlans.len(), expected, "{vlans:?}");
        }
    });
}

/// Of `big.bin`.
const BIG: &str = "88bf6158db38cea8537aa02f92e3ef7047baceba2eedd7e3f981b07080757e2a";
