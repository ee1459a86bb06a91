"""The servers' parts of the dialogues that lead to TLS.

A step is a pattern of what the client sends, the answer, and whether the handshake follows it.
`{0}` in an answer is the first group of the pattern.
"""

XMPP_FEATURES = (
    b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
    b"xmlns='jabber:%s' id='1' from='example.test' version='1.0'><stream:features>"
    b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
)
XMPP_PROCEED = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def xmpp(namespace):
    return {
        "greeting": b"",
        "steps": [
            (rb".*<stream:stream [^>]*>", XMPP_FEATURES % namespace, False),
            (rb".*<starttls [^>]*>", XMPP_PROCEED, True),
        ],
    }


DIALOGUES = {
    "smtp": {
        "greeting": b"220 mail.example.test ESMTP\r\n",
        "steps": [
            (rb"(?:EHLO|LHLO) [^\r]*\r\n", b"250-mail.example.test\r\n250-PIPELINING\r\n250 STARTTLS\r\n", False),
            (rb"STARTTLS\r\n", b"220 2.0.0 Ready to start TLS\r\n", True),
        ],
    },
    "smtp-without-tls": {
        "greeting": b"220 mail.example.test ESMTP\r\n",
        "steps": [(rb"EHLO [^\r]*\r\n", b"250-mail.example.test\r\n250 PIPELINING\r\n", False),
                  (rb"QUIT\r\n", b"221 bye\r\n", False)],
    },
    "imap": {
        "greeting": b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n",
        "steps": [
            (rb"(\S+) CAPABILITY\r\n",
             b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n{0} OK done\r\n", False),
            (rb"(\S+) STARTTLS\r\n", b"{0} OK Begin TLS negotiation now\r\n", True),
        ],
    },
    "pop3": {
        "greeting": b"+OK ready\r\n",
        "steps": [
            (rb"CAPA\r\n", b"+OK\r\nSTLS\r\nUSER\r\n.\r\n", False),
            (rb"STLS\r\n", b"+OK Begin TLS negotiation\r\n", True),
        ],
    },
    "ftp": {
        "greeting": b"220 ready\r\n",
        "steps": [
            (rb"FEAT\r\n", b"211-Features:\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n211 End\r\n", False),
            (rb"AUTH (TLS|SSL)\r\n", b"234 AUTH {0} successful\r\n", True),
        ],
    },
    "nntp": {
        "greeting": b"200 news.example.test ready\r\n",
        "steps": [
            (rb"CAPABILITIES\r\n", b"101 Capability list:\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n", False),
            (rb"STARTTLS\r\n", b"382 Continue with TLS negotiation\r\n", True),
        ],
    },
    "sieve": {
        "greeting": b'"IMPLEMENTATION" "test"\r\n"SIEVE" "fileinto"\r\n"STARTTLS"\r\nOK "ready"\r\n',
        "steps": [(rb"STARTTLS\r\n", b'OK "Begin TLS negotiation now."\r\n', True)],
    },
    "irc": {
        "greeting": b"",
        "steps": [(rb".*STARTTLS\r?\n", b":irc.example.test 670 * :STARTTLS successful, go ahead\r\n", True)],
    },
    "xmpp": xmpp(b"client"),
    "xmpp-server": xmpp(b"server"),
    # The header of 16 bytes and two IPv4 addresses and ports; nothing answers it.
    "proxy-protocol-v2": {
        "greeting": b"",
        "steps": [(rb"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c.{12}", b"", True)],
    },
    # TPKT, X.224 and RDP_NEG_REQ; the answer chooses PROTOCOL_SSL ([MS-RDPBCGR] 2.2.1.1 and 2.2.1.2).
    "rdp": {
        "greeting": b"",
        "steps": [
            (rb"\x03\x00..\x0e?.*\x01\x00\x08\x00....", bytes.fromhex("030000130ed000001234000200080001000000"), True),
        ],
    },
}
