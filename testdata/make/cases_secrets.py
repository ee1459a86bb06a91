"""Sessions with their secrets: the clients write them to $KEYS, which becomes keys.log of the case."""

from case import Case
from cases_quic import CHROMIUM, SPKI, quic

SERVER = ("openssl s_server -accept 443 -quiet -rev -cert rsa.pem -key rsa.key -dcert ecdsa.pem -dkey ecdsa.key"
          " -psk 00112233445566778899aabbccddeeff -psk_identity test")
CLIENT = "openssl s_client -connect 192.0.2.2:443 -servername example.test -brief -keylogfile $KEYS"
HELLO = "(echo hello; sleep 0.15) | "
ALL = " -cipher ALL:eNULL:PSK:@SECLEVEL=0"
PSK = " -psk 00112233445566778899aabbccddeeff -psk_identity test"

TLS13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
         "TLS_AES_128_CCM_8_SHA256"]
TLS12 = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
         "ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-AES256-CCM", "ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-AES256-CCM8",
         "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384",
         "AES128-SHA256", "AES256-SHA256", "AES128-GCM-SHA256", "ECDHE-ECDSA-NULL-SHA", "NULL-SHA256", "NULL-MD5",
         "PSK-AES128-GCM-SHA256", "PSK-AES256-CBC-SHA384", "PSK-NULL-SHA256", "ECDHE-PSK-CHACHA20-POLY1305",
         "DHE-RSA-AES128-SHA", "AECDH-AES128-SHA"]
CBC12 = ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AES128-SHA256"]
OLD = ["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "AES128-SHA", "ECDHE-ECDSA-NULL-SHA", "NULL-MD5"]
STATIC = ["AES128-SHA", "AES256-SHA256", "AES128-GCM-SHA256", "AES256-CCM"]
GNUTLS = ["NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2",
          "NONE:+VERS-TLS1.2:+ECDHE-RSA:+ARCFOUR-128:+MD5:+SHA1:+SIGN-ALL:+COMP-NULL:+GROUP-ALL",
          "NONE:+VERS-TLS1.2:+RSA:+3DES-CBC:+SHA1:+SIGN-ALL:+COMP-NULL:+GROUP-ALL",
          "NONE:+VERS-TLS1.0:+RSA:+3DES-CBC:+SHA1:+SIGN-ALL:+COMP-NULL:+GROUP-ALL",
          "NONE:+VERS-TLS1.1:+RSA:+ARCFOUR-128:+SHA1:+SIGN-ALL:+COMP-NULL:+GROUP-ALL"]
GNUTLS_PSK = ["-CIPHER-ALL:+AES-128-GCM:-KX-ALL:+PSK", "-CIPHER-ALL:+CHACHA20-POLY1305:-KX-ALL:+PSK",
              "-CIPHER-ALL:+AES-128-GCM:-KX-ALL:+ECDHE-PSK"]
LEGACY = [f"{version} {cipher} {mac}" for version in ("ssl30", "tls10", "tls11", "tls12") for cipher in ("aes128", "3des", "rc4")
          for mac in (("sha", "md5") if cipher == "rc4" else ("sha",))]
DTLS = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384", "AES128-SHA", "NULL-SHA256"]

DTLS_SERVER = ("sleep 60 | openssl s_server -accept 4433 -quiet -dtls -cert rsa.pem -key rsa.key -dcert ecdsa.pem"
               " -dkey ecdsa.key -cipher ALL:eNULL:@SECLEVEL=0")
DTLS_CLIENT = HELLO + "openssl s_client -connect 192.0.2.2:4433 -dtls -brief -keylogfile $KEYS"


def each(values, command):
    """One client after the other."""
    return [command.format(value) for value in values]


CASES = [
    Case("secrets-tls13", "TLS 1.3: all suites.", [SERVER + " -ciphersuites " + ":".join(TLS13)],
         each(TLS13, HELLO + CLIENT + " -ciphersuites {}")),
    Case("secrets-tls12", "TLS 1.2: suites with each cipher and MAC.", [SERVER + ALL],
         each(TLS12, HELLO + CLIENT + PSK + " -tls1_2 -cipher {}:@SECLEVEL=0"), timeout=5),
    Case("secrets-tls12-no-etm", "TLS 1.2 with CBC, the MAC under the cipher.", [SERVER + ALL],
         each(CBC12, HELLO + CLIENT + " -tls1_2 -no_etm -cipher {}:@SECLEVEL=0")),
    Case("secrets-tls11", "TLS 1.1, with and without encrypt_then_mac.", [SERVER + ALL],
         each(OLD, HELLO + CLIENT + " -tls1_1 -cipher {}:@SECLEVEL=0")
         + each(OLD[:2], HELLO + CLIENT + " -tls1_1 -no_etm -cipher {}:@SECLEVEL=0")),
    Case("secrets-tls10", "TLS 1.0, with and without encrypt_then_mac.", [SERVER + ALL],
         each(OLD, HELLO + CLIENT + " -tls1 -cipher {}:@SECLEVEL=0")
         + each(OLD[:2], HELLO + CLIENT + " -tls1 -no_etm -cipher {}:@SECLEVEL=0")),
    Case("secrets-legacy", "SSL 3.0 to TLS 1.2 with AES, 3DES and RC4, by tlslite-ng.", ["python $MAKE/tlslite_server.py"],
         each(LEGACY, "python $MAKE/tlslite_secrets.py {}")),
    Case("secrets-gnutls", "GnuTLS: TLS 1.0 to 1.3, RC4 and 3DES.",
         ["gnutls-serv --echo -p 443 --x509certfile rsa.pem --x509keyfile rsa.key --priority "
          "NORMAL:+VERS-TLS1.0:+VERS-TLS1.1:+ARCFOUR-128:+3DES-CBC:+RSA:+MD5:+SHA1:%COMPAT"],
         each(GNUTLS, "(sleep 0.1; echo hello; sleep 0.1) | SSLKEYLOGFILE=$KEYS gnutls-cli --insecure"
              " --priority '{}' -p 443 192.0.2.2")),
    Case("secrets-tls13-psk", "TLS 1.3 with a pre-shared key alone, and with one and (EC)DHE.",
         ["echo test:00112233445566778899aabbccddeeff > $WORK/psk.passwd; gnutls-serv --echo -p 443"
          " --pskpasswd $WORK/psk.passwd --priority NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK:+ECDHE-PSK"],
         each(GNUTLS_PSK, "(sleep 0.1; echo hello; sleep 0.1) | SSLKEYLOGFILE=$KEYS gnutls-cli --insecure --pskusername test"
              " --pskkey 00112233445566778899aabbccddeeff --priority 'NORMAL:-VERS-ALL:+VERS-TLS1.3:{}' -p 443 192.0.2.2")),
    Case("secrets-tls13-client-certificate", "TLS 1.3 with a client certificate, in the handshake and after it.",
         [SERVER.replace("-accept 443", "-accept 444") + " -Verify 1 -CAfile root.pem",
          "(sleep 3.5; echo c; sleep 60) | " + SERVER.replace(" -quiet -rev", "") + " -verify 1 -CAfile root.pem"],
         [HELLO + CLIENT.replace(":443", ":444") + " -cert client.pem -key client.key",
          "sleep 1; (sleep 2; echo hello; sleep 1) | " + CLIENT + " -enable_pha -cert client.pem -key client.key"],
         ports=["tcp/443", "tcp/444"]),
    Case("secrets-tls13-key-update", "TLS 1.3 with updates of the keys of both sides.", [SERVER],
         ["(echo hello; sleep 0.2; echo k; sleep 0.2; echo again; sleep 0.2; echo K; sleep 0.2; echo last; sleep 0.2) | "
          + CLIENT.replace(" -brief", "")]),
    Case("secrets-tls13-resumption", "TLS 1.3: a retry, then a resumption with early data, and one that is refused.",
         ["sleep 60 | " + SERVER.replace(" -rev", "") + " -groups P-256 -early_data"],
         ["rm -f $WORK/session; " + HELLO + CLIENT.replace(" -brief", "") + " -groups X25519:P-256 -sess_out $WORK/session",
          "printf 'early' > $WORK/early; " + HELLO + CLIENT.replace(" -brief", "")
          + " -groups P-256 -sess_in $WORK/session -early_data $WORK/early",
          HELLO + CLIENT.replace(" -brief", "") + " -groups P-256 -sess_in $WORK/session -early_data $WORK/early"],
         note="The server takes the early data of a ticket once."),
    Case("secrets-tls12-resumption", "TLS 1.2: tickets and session ids, with extended master secrets.",
         [SERVER + ALL, (SERVER + ALL).replace("443", "444") + " -no_ticket"],
         [f"rm -f $WORK/session; for i in 1 2; do {HELLO}{CLIENT.replace('443', port).replace(' -brief', '')} -tls1_2"
          " $([ -f $WORK/session ] && echo -sess_in $WORK/session) -sess_out $WORK/session; done" for port in ("443", "444")],
         ports=["tcp/443", "tcp/444"]),
    Case("secrets-tls12-renegotiation", "TLS 1.2 with a renegotiation, in which the server asks for a certificate.",
         ["(sleep 3.5; echo R; sleep 0.5; echo hello; sleep 60) | " + SERVER.replace(" -quiet -rev", "") + ALL
          + " -CAfile root.pem -no_ticket -no_resumption_on_reneg"],
         ["sleep 1; (echo hello; sleep 4; echo again; sleep 0.5) | " + CLIENT.replace(" -brief", "")
          + " -tls1_2 -cert client.pem -key client.key"]),
    Case("secrets-rsa-key", "Static RSA, with and without extended master secrets: the server's key is all that is given.",
         [SERVER + ALL],
         ["cp rsa.key $RSA_KEY"] + each(STATIC, HELLO + CLIENT.replace("$KEYS", "/dev/null") + " -tls1_2 -cipher {}:@SECLEVEL=0")
         + [HELLO + CLIENT.replace("$KEYS", "/dev/null") + " -tls1 -cipher AES128-SHA:@SECLEVEL=0",
            f"rm -f $WORK/session; for i in 1 2; do {HELLO}{CLIENT.replace('$KEYS', '/dev/null').replace(' -brief', '')}"
            " -tls1_2 -cipher AES128-SHA $([ -f $WORK/session ] && echo -sess_in $WORK/session)"
            " -sess_out $WORK/session; done"]),
    Case("secrets-quic", "QUIC versions 1 and 2, with early data and with a change of keys.", ["python $MAKE/quic.py serve"],
         ["python $MAKE/quic.py connect version=1 keylog=$KEYS",
          "python $MAKE/quic.py connect version=2 keylog=$KEYS",
          "rm -f $WORK/quic-session; python $MAKE/quic.py connect version=1 session=$WORK/quic-session keylog=$KEYS",
          "python $MAKE/quic.py connect version=1 session=$WORK/quic-session early keylog=$KEYS",
          "python $MAKE/quic.py connect version=1 update keylog=$KEYS"],
         ports=["udp/443"]),
    Case("secrets-quic-chromium", "Chromium over QUIC.", ["python $MAKE/quic.py serve"],
         ["SSLKEYLOGFILE=$KEYS " + CHROMIUM + " --origin-to-force-quic-on=example.test:443"
          f" --ignore-certificate-errors-spki-list={SPKI} --dump-dom https://example.test/"],
         ports=["udp/443"], timeout=12, edit=quic),
    Case("secrets-dtls12", "DTLS 1.2: suites with each kind of cipher.", [DTLS_SERVER],
         each(DTLS, DTLS_CLIENT + " -cipher {}:@SECLEVEL=0"), ports=["udp/4433"]),
]
