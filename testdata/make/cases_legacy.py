"""SSL 2.0 hellos to TLS 1.1, and weak suites."""

from case import Case
from cases_tls import CLIENT, RSA_SERVER, SERVER

WEAK = " -cipher ALL:COMPLEMENTOFALL:@SECLEVEL=0"
TLSLITE_SERVER = "python $MAKE/tlslite_server.py"

CASES = [
    Case("tls10", "TLS 1.0, ECDHE with an RSA certificate, CBC.", [RSA_SERVER + " -tls1" + WEAK],
         [CLIENT + " -tls1 -cipher ECDHE-RSA-AES256-SHA:@SECLEVEL=0"]),
    Case("tls11", "TLS 1.1, ECDHE with an ECDSA certificate, CBC.", [SERVER + " -tls1_1" + WEAK],
         [CLIENT + " -tls1_1 -cipher ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"]),
    Case("tls10-dhe-1024", "TLS 1.0 with a Diffie-Hellman modulus of 1024 bits.",
         [RSA_SERVER + " -tls1 -dhparam $WORK/dh1024.pem" + WEAK],
         [CLIENT + " -tls1 -cipher DHE-RSA-AES128-SHA:@SECLEVEL=0"],
         setup="openssl dhparam -out $WORK/dh1024.pem 1024"),
    Case("tls12-anonymous", "TLS 1.2 with anonymous Diffie-Hellman: no certificate at all.",
         [SERVER + " -tls1_2" + WEAK], [CLIENT + " -tls1_2 -cipher AECDH-AES128-SHA:@SECLEVEL=0"]),
    Case("tls12-null", "TLS 1.2 with a suite that does not encrypt.", [RSA_SERVER + " -tls1_2" + WEAK],
         [CLIENT + " -tls1_2 -cipher NULL-SHA256:@SECLEVEL=0"]),
    Case("ssl30", "SSL 3.0 with 3DES.", [TLSLITE_SERVER],
         ["python $MAKE/tlslite_client.py ssl30 3des"]),
    Case("tls12-rc4", "TLS 1.2 with RC4 and the RSA key exchange.", [TLSLITE_SERVER],
         ["python $MAKE/tlslite_client.py tls12 rc4"]),
    Case("ssl2-hello", "A ClientHello in SSL 2.0 form that offers TLS 1.0; the server answers with TLS 1.0.",
         [TLSLITE_SERVER], ["python $MAKE/tlslite_client.py ssl2-hello"],
         note="The client sends its hello, reads the server's flight and hangs up."),
    Case("ssl2-hello-openjdk", "OpenJDK offers TLS 1.2 in a hello of SSL 2.0 form, and OpenSSL takes it.",
         [RSA_SERVER + WEAK],
         ["echo jdk.tls.disabledAlgorithms= > $WORK/java.security\n"
          "java -Djava.security.properties=$WORK/java.security $MAKE/Sslv2Hello.java"],
         note="Such a hello has no room for signature algorithms, so the server signs with SHA-1, which both sides "
         "have to be told to accept."),
]
