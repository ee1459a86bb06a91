"""TLS 1.2 and 1.3 over TCP."""

from case import LINK_RESTORED, Case, link_mtu

SERVER = "openssl s_server -accept 443 -quiet -WWW -cert ecdsa.pem -key ecdsa.key"
RSA_SERVER = "openssl s_server -accept 443 -quiet -WWW -cert rsa.pem -key rsa.key"
GET = "printf 'GET /root.pem HTTP/1.0\\r\\n\\r\\n' | "
CLIENT = GET + "openssl s_client -quiet -connect 192.0.2.2:443 -servername example.test -CAfile root.pem"
# These keep both ends open after the handshake, without a request.
IDLE_SERVER = "sleep 60 | openssl s_server -accept 443 -quiet -cert ecdsa.pem -key ecdsa.key"
IDLE_CLIENT = "(echo hello; sleep 0.4) | openssl s_client -connect 192.0.2.2:443 -servername example.test -CAfile root.pem"

MODERN_SERVER = "python $MAKE/modern_openssl.py serve ecdsa"
CHROMIUM = (
    "chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --ignore-certificate-errors "
    "--host-resolver-rules='MAP *.test 192.0.2.2' --user-data-dir=$(mktemp -d)"
)

NGINX_SETUP = """cat > $WORK/nginx.conf <<'CONF'
daemon off; pid /tmp/tlsight-testdata-nginx.pid; error_log stderr;
events {}
http {
  access_log off;
  ssl_certificate certificates/rsa.pem; ssl_certificate_key certificates/rsa.key;
  ssl_protocols TLSv1.2 TLSv1.3;
  server { listen 443 ssl http2; listen [::]:443 ssl http2; location / { return 200 "hello\\n"; } }
  server { listen 444 ssl proxy_protocol; location / { return 200 "hello\\n"; } }
}
CONF"""
NGINX = "nginx -p $WORK -c $WORK/nginx.conf"


HOSTAPD_SETUP = """cat > $WORK/hostapd.conf <<'CONF'
interface=veth0
driver=wired
ieee8021x=1
eap_server=1
eap_user_file=/dev/stdin
ca_cert=root.pem
server_cert=rsa.pem
private_key=rsa.key
CONF
cat > $WORK/supplicant.conf <<'CONF'
ap_scan=0
network={
  key_mgmt=IEEE8021X
  eap=TLS
  eapol_flags=0
  identity="example"
  ca_cert="root.pem"
  client_cert="client.pem"
  private_key="client.key"
}
CONF"""

def first_flow(packets):
    """Keeps the TCP connection with the lowest-numbered first packet (browsers open spare ones)."""
    def ports(packet):
        return frozenset((packet.data[34:36], packet.data[36:38]))
    return [packet for packet in packets if ports(packet) == ports(packets[0])]


CASES = [
    Case("tls13", "TLS 1.3, X25519, an ECDSA certificate.", [SERVER], [CLIENT + " -tls1_3"]),
    Case("tls13-ipv6", "TLS 1.3 over IPv6.", [SERVER],
         [(CLIENT + " -tls1_3").replace("192.0.2.2:443", "[2001:db8::2]:443")]),
    Case("tls13-ed25519", "TLS 1.3 with ChaCha20-Poly1305, P-256 and an Ed25519 certificate.",
         ["openssl s_server -accept 443 -quiet -WWW -cert ed25519.pem -key ed25519.key"],
         [CLIENT.replace("example.test", "ed25519.test")
          + " -tls1_3 -groups P-256 -ciphersuites TLS_CHACHA20_POLY1305_SHA256"]),
    Case("tls13-ffdhe", "TLS 1.3 with the finite-field group ffdhe2048.", [SERVER],
         [CLIENT + " -tls1_3 -groups ffdhe2048"]),
    Case("tls13-hello-retry", "The client's key share is X25519; the server asks for P-384 in a HelloRetryRequest.",
         [SERVER + " -groups P-384"], [CLIENT + " -tls1_3 -groups X25519:P-384"]),
    Case("tls13-psk-resumption", "A TLS 1.3 session and its resumption by PSK.", [SERVER],
         [CLIENT + " -tls1_3 -sess_out $WORK/session", CLIENT + " -tls1_3 -sess_in $WORK/session"]),
    Case("tls13-external-psk", "TLS 1.3 with a pre-shared key agreed outside, and (EC)DHE.",
         [SERVER + " -psk 0123456789abcdef -nocert"],
         [CLIENT + " -tls1_3 -psk 0123456789abcdef"]),
    Case("tls13-early-data", "A TLS 1.3 session, then a resumption with early data, which the server takes.",
         [IDLE_SERVER + " -early_data"],
         [IDLE_CLIENT + " -tls1_3 -sess_out $WORK/session",
          "echo early > $WORK/early; " + IDLE_CLIENT + " -tls1_3 -sess_in $WORK/session -early_data $WORK/early"]),
    Case("tls13-early-data-rejected",
         "A TLS 1.3 session, then early data to a server that does not know the ticket: a full handshake.",
         [IDLE_SERVER + " -early_data", IDLE_SERVER.replace("443", "444")],
         [IDLE_CLIENT + " -tls1_3 -sess_out $WORK/session",
          "echo early > $WORK/early; " + IDLE_CLIENT.replace("443", "444")
          + " -tls1_3 -sess_in $WORK/session -early_data $WORK/early"],
         ports=["tcp/443", "tcp/444"]),
    Case("tls13-early-data-retry",
         "A TLS 1.3 session, then early data to a server that answers with a HelloRetryRequest for P-384.",
         [IDLE_SERVER + " -early_data", IDLE_SERVER.replace("443", "444") + " -groups P-384"],
         [IDLE_CLIENT + " -tls1_3 -sess_out $WORK/session",
          "echo early > $WORK/early; " + IDLE_CLIENT.replace("443", "444")
          + " -tls1_3 -groups X25519:P-384 -sess_in $WORK/session -early_data $WORK/early"],
         ports=["tcp/443", "tcp/444"]),
    Case("tls13-client-certificate", "TLS 1.3 with a client certificate (encrypted).",
         [SERVER + " -Verify 1 -CAfile root.pem"], [CLIENT + " -tls1_3 -cert client.pem -key client.key"]),
    Case("tls13-no-middlebox", "TLS 1.3 without middlebox compatibility: empty session id, no ChangeCipherSpec.",
         [SERVER + " -no_middlebox"], [CLIENT + " -tls1_3 -no_middlebox"]),
    Case("tls13-records", "A ClientHello and a server flight cut into records of 512 bytes.",
         [SERVER + " -max_send_frag 512"],
         [CLIENT + " -max_send_frag 512 -alpn " + ",".join(f"tlsight-test-protocol-{n:02}" for n in range(16))]),
    Case("pq-hybrid", "X25519MLKEM768 between two OpenSSL 4: the hello needs two segments.",
         [MODERN_SERVER], ["python $MAKE/modern_openssl.py connect example.test"]),
    Case("pq-hello-retry", "X25519 first, then a HelloRetryRequest for X25519MLKEM768.",
         [MODERN_SERVER + " X25519MLKEM768"],
         ["python $MAKE/modern_openssl.py connect example.test '*X25519:X25519MLKEM768'"]),
    Case("pq-mlkem-only", "MLKEM768 alone, without a classical part.",
         [MODERN_SERVER + " MLKEM768"], ["python $MAKE/modern_openssl.py connect example.test MLKEM768"]),
    Case("pq-not-accepted", "The client offers X25519MLKEM768 and X25519, an older server takes X25519.",
         [SERVER], ["python $MAKE/modern_openssl.py connect example.test '*X25519MLKEM768:*X25519'"]),
    Case("chromium", "Chromium to OpenSSL 4: X25519MLKEM768, GREASE, ECH GREASE, permuted extensions.",
         [MODERN_SERVER], [CHROMIUM + " --dump-dom https://example.test/"], timeout=12, edit=first_flow),
    Case("chromium-nginx", "Chromium to nginx with OpenSSL 3.0, which takes X25519, over HTTP/2.",
         [NGINX], [CHROMIUM + " --dump-dom https://example.test/"], setup=NGINX_SETUP, timeout=12, edit=first_flow),
    Case("curl-nginx", "curl to nginx, HTTP/2.", [NGINX],
         ["curl -sS --cacert root.pem --resolve example.test:443:192.0.2.2 https://example.test/"],
         setup=NGINX_SETUP),
    Case("proxy-protocol", "curl speaks the PROXY protocol (version 1) before TLS.", [NGINX],
         ["curl -sS --haproxy-protocol --cacert root.pem --resolve example.test:444:192.0.2.2 https://example.test:444/"],
         setup=NGINX_SETUP, ports=["tcp/444"]),
    Case("server-not-tls", "A server that speaks HTTP without TLS.",
         ["python -m http.server 443"], [CLIENT]),
    Case("node", "Node.js to nginx.", [NGINX],
         ["NODE_EXTRA_CA_CERTS=root.pem node -e 'require(\"https\").get("
          "{host: \"192.0.2.2\", servername: \"example.test\"}, r => r.resume())'"], setup=NGINX_SETUP),
    Case("gnutls", "GnuTLS on both sides, TLS 1.3.",
         ["gnutls-serv --http -p 443 --x509certfile ecdsa.pem --x509keyfile ecdsa.key"],
         ["printf 'GET / HTTP/1.0\\r\\n\\r\\n' | gnutls-cli --sni-hostname example.test "
          "--verify-hostname example.test --x509cafile root.pem -p 443 192.0.2.2"]),

    Case("tls12-ecdsa", "TLS 1.2, ECDHE with an ECDSA certificate; the client offers no later version.",
         [SERVER], [CLIENT + " -tls1_2"],
         note="The server could do TLS 1.3, so its random carries the downgrade sentinel."),
    Case("tls12-rsa", "TLS 1.2, ECDHE with an RSA certificate, CBC.",
         [RSA_SERVER + " -tls1_2"], [CLIENT + " -tls1_2 -cipher ECDHE-RSA-AES256-SHA384"]),
    Case("tls12-chain", "TLS 1.2 with a certificate of an intermediate authority.",
         ["openssl s_server -accept 443 -quiet -WWW -tls1_2 -cert chain-leaf.pem -key chain.key -cert_chain intermediate.pem"],
         [CLIENT.replace("example.test", "chain.test") + " -tls1_2"]),
    Case("small-segments", "TLS 1.2 with a certificate chain and a client certificate over a link with an MTU of 296.",
         ["openssl s_server -accept 443 -quiet -WWW -tls1_2 -cert chain-leaf.pem -key chain.key -cert_chain intermediate.pem "
          "-Verify 1 -CAfile root.pem"],
         [CLIENT.replace("example.test", "chain.test") + " -tls1_2 -cert client.pem -key client.key"],
         setup=link_mtu(296), teardown=LINK_RESTORED,
         note="The damaged variants in the folders beside this one are derived from it."),
    Case("vxlan", "TLS 1.2 through VXLAN devices of the kernel.",
         ["openssl s_server -accept 443 -quiet -WWW -tls1_2 -cert ecdsa.pem -key ecdsa.key"],
         [CLIENT.replace("192.0.2.2", "198.51.100.2") + " -tls1_2"],
         setup="ip link add vx0 type vxlan id 42 local 192.0.2.2 remote 192.0.2.1 dstport 4789 dev veth0\n"
         "ip address add 198.51.100.2/24 dev vx0; ip link set vx0 mtu 1400 address 02:00:00:00:01:02 up\n"
         "ip -n tlsight-client link add vx0 type vxlan id 42 local 192.0.2.1 remote 192.0.2.2 dstport 4789 dev veth0\n"
         "ip -n tlsight-client address add 198.51.100.1/24 dev vx0\n"
         "ip -n tlsight-client link set vx0 mtu 1400 address 02:00:00:00:01:01 up",
         teardown="ip link del vx0; ip -n tlsight-client link del vx0"),
    Case("tls12-alpn", "TLS 1.2 with ALPN h2.", [SERVER + " -tls1_2 -alpn h2,http/1.1"],
         [CLIENT + " -tls1_2 -alpn h2,http/1.1"]),
    Case("tls12-client-certificate", "TLS 1.2 with a client certificate, seen in clear.",
         [SERVER + " -tls1_2 -Verify 1 -CAfile root.pem"],
         [CLIENT + " -tls1_2 -cert client.pem -key client.key"]),
    Case("tls12-session-id", "A TLS 1.2 session and its resumption by session id.",
         [SERVER + " -tls1_2 -no_ticket"],
         [CLIENT + " -tls1_2 -no_ticket -sess_out $WORK/session",
          CLIENT + " -tls1_2 -no_ticket -sess_in $WORK/session"]),
    Case("tls12-ticket", "A TLS 1.2 session and its resumption by ticket.", [SERVER + " -tls1_2"],
         [CLIENT + " -tls1_2 -sess_out $WORK/session", CLIENT + " -tls1_2 -sess_in $WORK/session"]),
    Case("tls12-dhe", "TLS 1.2 with finite-field Diffie-Hellman, 2048 bits.", [RSA_SERVER + " -tls1_2"],
         [CLIENT + " -tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256"]),
    Case("tls12-static-rsa", "TLS 1.2 with the RSA key exchange: no forward secrecy.", [RSA_SERVER + " -tls1_2"],
         [CLIENT + " -tls1_2 -cipher AES128-GCM-SHA256"]),
    Case("tls12-psk", "TLS 1.2 with a pre-shared key alone.",
         ["sleep 60 | openssl s_server -accept 443 -quiet -tls1_2 -nocert -psk 0123456789abcdef -cipher PSK-AES128-GCM-SHA256"],
         [IDLE_CLIENT + " -tls1_2 -psk 0123456789abcdef -cipher PSK-AES128-GCM-SHA256"]),
    Case("tls12-expired", "A certificate that expired on 2020-01-01.",
         ["openssl s_server -accept 443 -quiet -WWW -tls1_2 -cert expired.pem -key expired.key"],
         [CLIENT.replace("example.test", "expired.test") + " -tls1_2"]),
    Case("tls12-self-signed", "A self-signed certificate, and a name that it does not cover.",
         ["openssl s_server -accept 443 -quiet -WWW -tls1_2 -cert self-signed.pem -key self-signed.key"],
         [CLIENT + " -tls1_2"]),
    Case("tls12-no-sni", "A ClientHello without a server name.", [SERVER + " -tls1_2"],
         [CLIENT.replace("-servername example.test", "-noservername") + " -tls1_2"]),
    Case("tls12-ocsp-staple", "A stapled OCSP response.", [SERVER + " -tls1_2 -status_file ecdsa.ocsp"],
         [CLIENT + " -tls1_2 -status"]),
    Case("tls12-renegotiation", "A renegotiation that the client asks for.",
         [IDLE_SERVER + " -tls1_2 -client_renegotiation"],
         ["(sleep 0.4; echo R; sleep 0.4; echo Q) | openssl s_client -connect 192.0.2.2:443 "
          "-servername example.test -tls1_2"]),
    Case("alert-handshake-failure", "No cipher suite in common.", [RSA_SERVER + " -tls1_2"],
         [CLIENT + " -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256"]),
    Case("alert-unknown-ca", "The client does not trust the issuer and says so in clear.",
         ["openssl s_server -accept 443 -quiet -WWW -tls1_2 -cert ecdsa.pem -key ecdsa.key"],
         [CLIENT.replace("root.pem -tls", "") .replace("-CAfile root.pem", "-CAfile self-signed.pem")
          + " -tls1_2 -verify_return_error"]),
    Case("alert-protocol-version", "A TLS 1.1 client and a server from TLS 1.2 on.",
         [SERVER + " -min_protocol TLSv1.2"], [CLIENT + " -tls1_1 -cipher DEFAULT:@SECLEVEL=0"]),
    Case("alert-inappropriate-fallback", "A retry at TLS 1.2 with TLS_FALLBACK_SCSV to a server that can do better.",
         [SERVER], [CLIENT + " -tls1_2 -fallback_scsv"]),
    Case("downgrade", "A client and a server of TLS 1.3, and an attacker who takes it out of the hello.",
         [SERVER.replace("443", "444"), "python $MAKE/downgrade.py"], [CLIENT], ports=["tcp/444", "tcp/443"],
         note="The capture is that between client and attacker. The server's random tells the client that it could "
         "have done TLS 1.3, and the client gives up."),
    Case("eap-tls", "EAP-TLS between an 802.1X supplicant and authenticator, over Ethernet.",
         ["echo '* TLS' | hostapd $WORK/hostapd.conf"],
         ["sleep 1; timeout 3 wpa_supplicant -i veth0 -D wired -c $WORK/supplicant.conf"],
         setup=HOSTAPD_SETUP, ports=[],
         note="tlsight looks for TLS in TCP and UDP only, so it reports nothing here."),
    Case("alert-unrecognized-name", "The server refuses the server name.",
         ["sleep 60 | openssl s_server -accept 443 -quiet -tls1_2 -cert ecdsa.pem -key ecdsa.key "
          "-servername other.test -servername_fatal -cert2 rsa.pem -key2 rsa.key"], [CLIENT + " -tls1_2"]),
    Case("alert-no-client-certificate", "The server wants a client certificate and gets none.",
         [SERVER + " -tls1_2 -Verify 1 -CAfile root.pem"], [CLIENT + " -tls1_2"]),
]
