"""QUIC and DTLS."""

from case import LINK_RESTORED, Case, link_mtu
from cases_tls import CHROMIUM

SERVER = "python $MAKE/quic.py serve"
CLIENT = "python $MAKE/quic.py connect"
UDP = ["udp/443"]

DTLS_SERVER = "sleep 60 | openssl s_server -dtls -accept 4433 -quiet -cert rsa.pem -key rsa.key"
DTLS_CLIENT = ("(echo hello; sleep 0.4) | openssl s_client -dtls -connect 192.0.2.2:4433 "
               "-servername example.test -CAfile root.pem")
DTLS = ["udp/4433"]
DTLS13_NOTE = ("`dtls13` is built from `testdata/make/dtls13`, around dimpl, a DTLS library for WebRTC: no server name, "
               "and certificates of both sides (encrypted).")

SPKI = "$(openssl x509 -in ecdsa-leaf.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)"


def quic(packets):
    return [packet for packet in packets if packet.data[23:24] == b"\x11"]


CASES = [
    Case("quic-v1", "QUIC version 1.", [SERVER], [CLIENT + " version=1"], ports=UDP),
    Case("quic-v2", "QUIC version 2.", [SERVER], [CLIENT + " version=2"], ports=UDP),
    Case("quic-compatible-upgrade", "A client that starts with version 1 and prefers version 2, to which the server changes (RFC 9368).",
         [SERVER], [CLIENT + " prefer-v2"], ports=UDP,
         note="Only the client's first Initial is of version 1; the ServerHello comes in an Initial of version 2."),
    Case("quic-retry", "A Retry before the handshake.", [SERVER + " retry"], [CLIENT + " version=1"], ports=UDP,
         note="After the Retry aioquic makes a new ClientHello, with another random and other key shares, at the same "
         "offsets of the CRYPTO stream. RFC 9000 section 17.2.5.3 forbids that (the client MUST use the same "
         "message), hence the anomaly `quic_conflicting_crypto`."),
    Case("quic-version-negotiation", "A client that starts with an unknown version and gets Version Negotiation.",
         [SERVER + " only-v1"], [CLIENT + " greasy-version"], ports=UDP),
    Case("quic-early-data", "A session and its resumption with 0-RTT.", [SERVER],
         ["rm -f $WORK/quic-session; " + CLIENT + " version=1 session=$WORK/quic-session",
          CLIENT + " version=1 session=$WORK/quic-session early"], ports=UDP),
    Case("quic-chromium", "Chromium over QUIC: a post-quantum hello that needs two Initial packets, scattered over CRYPTO frames.",
         [SERVER],
         [CHROMIUM + f" --origin-to-force-quic-on=example.test:443 --ignore-certificate-errors-spki-list={SPKI}"
          " --dump-dom https://example.test/"], ports=UDP, timeout=12, edit=quic),
    Case("dtls12", "DTLS 1.2.", [DTLS_SERVER], [DTLS_CLIENT], ports=DTLS),
    Case("dtls12-cookie", "DTLS 1.2 with a HelloVerifyRequest.", [DTLS_SERVER + " -listen"], [DTLS_CLIENT], ports=DTLS),
    Case("dtls12-fragments", "DTLS 1.2 with handshake messages cut into fragments of about 200 bytes.",
         [DTLS_SERVER + " -listen -mtu 256"], [DTLS_CLIENT + " -mtu 256"], ports=DTLS),
    Case("dtls12-resumption", "A DTLS 1.2 session and its resumption by ticket.", [DTLS_SERVER],
         [DTLS_CLIENT + " -sess_out $WORK/session", DTLS_CLIENT + " -sess_in $WORK/session"], ports=DTLS),
    Case("dtls12-client-certificate", "DTLS 1.2 with a client certificate.",
         [DTLS_SERVER + " -Verify 1 -CAfile root.pem"],
         [DTLS_CLIENT + " -cert client.pem -key client.key"], ports=DTLS),
    Case("dtls10", "DTLS 1.0.", [DTLS_SERVER + " -cipher ALL:@SECLEVEL=0"],
         [DTLS_CLIENT.replace("-dtls ", "-dtls1 ") + " -cipher ALL:@SECLEVEL=0"], ports=DTLS),
    Case("dtls12-gnutls", "GnuTLS on both sides, with a HelloVerifyRequest.",
         ["gnutls-serv --udp --echo -p 4433 --x509certfile rsa.pem --x509keyfile rsa.key"],
         ["(sleep 0.3; echo hello; sleep 0.3) | gnutls-cli --udp --sni-hostname example.test "
          "--verify-hostname example.test --x509cafile root.pem -p 4433 192.0.2.2"], ports=DTLS),
    Case("dtls13", "DTLS 1.3.", ["dtls13 serve"], ["dtls13 connect"], ports=DTLS, note=DTLS13_NOTE),
    Case("dtls13-cookie", "DTLS 1.3 with a HelloRetryRequest that only asks for a cookie.", ["dtls13 serve cookie"],
         ["dtls13 connect"], ports=DTLS, note=DTLS13_NOTE),
    Case("ip-fragments", "DTLS 1.2 over links with an MTU of 576: the server's datagrams come as IP fragments.",
         [DTLS_SERVER + " -mtu 1400 -chainCAfile root.pem"], [DTLS_CLIENT + " -mtu 1400"], ports=DTLS,
         setup=link_mtu(576), teardown=LINK_RESTORED),
    Case("ipv6-fragments", "DTLS 1.2 over IPv6 with an MTU of 1280 and a certificate chain: IP fragments.",
         [DTLS_SERVER.replace("rsa.pem -key rsa.key", "rsa.pem -key rsa.key -cert_chain root.pem") + " -mtu 1450"],
         [DTLS_CLIENT.replace("192.0.2.2:4433", "[2001:db8::2]:4433") + " -mtu 1450"], ports=DTLS,
         setup=link_mtu(1280), teardown=LINK_RESTORED),
]
