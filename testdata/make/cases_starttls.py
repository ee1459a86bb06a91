"""Protocols that turn to TLS in mid-connection, and proxies."""

from case import Case
from cases_tls import RSA_SERVER

NOTE = (
    "The server is a script that plays the clear-text dialogue and then does TLS 1.2 with Python's "
    "ssl module; the client is the real tool."
)
OPENSSL = "openssl s_client -connect 192.0.2.2:{port} -starttls {protocol} -servername example.test -CAfile root.pem </dev/null"
GNUTLS = (
    "gnutls-cli --starttls-proto={protocol} --sni-hostname example.test --verify-hostname example.test "
    "--x509cafile root.pem -p {port} 192.0.2.2 </dev/null"
)


def starttls(protocol, port, client=OPENSSL, server=None, name=None, title=None):
    return Case(
        f"starttls-{name or protocol}", title or f"{protocol.upper()} that turns to TLS.",
        [f"python $MAKE/starttls_server.py {server or protocol} {port}"],
        [client.format(port=port, protocol=protocol)], ports=[f"tcp/{port}"], note=NOTE)


POSTGRES_SETUP = """rm -rf $WORK/postgres; install -d -o postgres $WORK/postgres
cp rsa.pem $WORK/postgres.pem; install -o postgres -m 600 rsa.key $WORK/postgres.key; chmod 711 $WORK
cd /; setpriv --reuid postgres --clear-groups /usr/lib/postgresql/15/bin/initdb -A trust -D $WORK/postgres
echo 'host all all all trust' >> $WORK/postgres/pg_hba.conf"""
POSTGRES = (
    "cd /; exec setpriv --reuid postgres --clear-groups /usr/lib/postgresql/15/bin/postgres -D $WORK/postgres "
    "-c listen_addresses='*' -c unix_socket_directories= -c ssl=on -c ssl_max_protocol_version=TLSv1.2 "
    "-c ssl_cert_file=$WORK/postgres.pem -c ssl_key_file=$WORK/postgres.key"
)
MARIADB_SETUP = """rm -rf $WORK/mariadb; mkdir $WORK/mariadb
mariadb-install-db --user=root --auth-root-authentication-method=normal --skip-test-db --datadir=$WORK/mariadb"""
MARIADB = (
    "mariadbd --user=root --datadir=$WORK/mariadb --socket=$WORK/mariadb.socket --skip-grant-tables "
    "--skip-networking=0 --bind-address=* --tls-version=TLSv1.2 "
    "--ssl-cert=$PWD/rsa.pem --ssl-key=$PWD/rsa.key --ssl-ca=$PWD/root.pem"
)
SLAPD_SETUP = """rm -rf $WORK/ldap; mkdir $WORK/ldap
cat > $WORK/slapd.conf <<CONF
TLSCACertificateFile $PWD/root.pem
TLSCertificateFile $PWD/rsa.pem
TLSCertificateKeyFile $PWD/rsa.key
TLSCipherSuite NORMAL:-VERS-TLS1.3
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix dc=test
directory $WORK/ldap
CONF"""

CASES = [
    starttls("smtp", 25),
    starttls("smtp", 587, GNUTLS, name="smtp-gnutls", title="SMTP submission with GnuTLS."),
    starttls("lmtp", 24, server="smtp"),
    starttls("imap", 143),
    starttls("imap", 143, GNUTLS, name="imap-gnutls", title="IMAP with GnuTLS."),
    starttls("pop3", 110),
    starttls("ftp", 21),
    starttls("nntp", 119),
    starttls("sieve", 4190),
    starttls("irc", 6667),
    starttls("xmpp", 5222),
    starttls("xmpp-server", 5269),
    Case("proxy-protocol-v2", "The PROXY protocol, version 2, before TLS.",
         ["python $MAKE/starttls_server.py proxy-protocol-v2 444"],
         ["python $MAKE/tls_client.py proxy-protocol-v2 444"], ports=["tcp/444"],
         note="Both sides are scripts with Python's ssl module."),
    Case("starttls-rdp", "RDP: the connection request, then TLS.", ["python $MAKE/starttls_server.py rdp 3389"],
         ["python $MAKE/tls_client.py rdp 3389"], ports=["tcp/3389"],
         note="Both sides are scripts with Python's ssl module; the clear-text messages are those of [MS-RDPBCGR]."),
    Case("starttls-smtp-refused", "The server does not offer STARTTLS; the client leaves: no TLS session.",
         ["python $MAKE/starttls_server.py smtp-without-tls 25"],
         ["curl -sS --max-time 3 --ssl-reqd smtp://192.0.2.2/client.test"],
         ports=["tcp/25"]),
    Case("postgres", "psql with sslmode=verify-ca.", [POSTGRES],
         ["psql 'host=192.0.2.2 user=postgres sslmode=verify-ca sslrootcert=root.pem' -c 'select 1'"],
         setup=POSTGRES_SETUP, ports=["tcp/5432"]),
    Case("mariadb", "The MariaDB client and server.", [MARIADB],
         ["mariadb -h 192.0.2.2 -u root --ssl --ssl-ca=root.pem -e 'select 1'"],
         setup=MARIADB_SETUP, ports=["tcp/3306"], timeout=20),
    Case("ldap", "ldapsearch -ZZ to OpenLDAP.",
         ["slapd -d 0 -f $WORK/slapd.conf -h ldap:///"],
         ["LDAPTLS_CACERT=root.pem LDAPTLS_REQCERT=allow ldapsearch -x -ZZ -H ldap://192.0.2.2 -b '' -s base"],
         setup=SLAPD_SETUP, ports=["tcp/389"]),
    Case("http-connect", "curl through an HTTP proxy.", [RSA_SERVER + " -tls1_2", "python $MAKE/proxy.py"],
         ["curl -sS --cacert root.pem -x http://192.0.2.2:1080 https://example.test/root.pem"], ports=["tcp/1080"]),
    Case("socks4", "curl through SOCKS4.", [RSA_SERVER + " -tls1_2", "python $MAKE/proxy.py"],
         ["curl -sS --cacert root.pem --resolve example.test:443:198.51.100.1 --socks4 192.0.2.2:1080 https://example.test/root.pem"],
         ports=["tcp/1080"]),
    Case("socks5", "curl through SOCKS5 with the name resolved by the proxy.",
         [RSA_SERVER + " -tls1_2", "python $MAKE/proxy.py"],
         ["curl -sS --cacert root.pem --socks5-hostname 192.0.2.2:1080 https://example.test/root.pem"],
         ports=["tcp/1080"]),
]
