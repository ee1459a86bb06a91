//! Hellos put together field by field, for the tests of what reads them.

/// Bytes of a `ClientHello` body, to be changed at will.
pub(crate) struct ClientHelloBuilder {
    pub(crate) legacy_version: u16,
    pub(crate) session_id: Vec<u8>,
    pub(crate) cipher_suites: Vec<u16>,
    pub(crate) compression_methods: Vec<u8>,
    pub(crate) extensions: Vec<(u16, Vec<u8>)>,
}

impl ClientHelloBuilder {
    /// A hello as a browser sends it: GREASE, SNI, ALPN, a hybrid key share.
    pub(crate) fn browser() -> Self {
        Self {
            legacy_version: 0x0303,
            session_id: vec![0x5e; 32],
            cipher_suites: vec![
                0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            compression_methods: vec![0],
            extensions: vec![
                (0x3a3a, vec![]),
                (0x0000, server_name(b"example.com")),
                (0x0017, vec![]),
                (0xff01, vec![0]),
                (0x000a, list_16(&[0x4a4a, 0x11ec, 0x001d, 0x0017, 0x0018])),
                (0x000b, vec![1, 0]),
                (0x0023, vec![]),
                (0x0010, alpn(&[b"h2", b"http/1.1"])),
                (0x0005, vec![1, 0, 0, 0, 0]),
                (
                    0x000d,
                    list_16(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]),
                ),
                (0x0012, vec![]),
                (0x0033, key_shares(&[(0x4a4a, 1), (0x11ec, 1216), (0x001d, 32)])),
                (0x002d, vec![1, 1]),
                (0x002b, vec![6, 0x6a, 0x6a, 3, 4, 3, 3]),
                (0x001b, vec![2, 0, 2]),
                (0x7a7a, vec![0]),
            ],
        }
    }

    /// Puts `body` into the extension of type `kind`, which is added if there is none.
    pub(crate) fn with(mut self, kind: u16, body: Vec<u8>) -> Self {
        match self.extensions.iter_mut().find(|(present, _)| *present == kind) {
            Some((_, present)) => *present = body,
            None => self.extensions.push((kind, body)),
        }
        self
    }

    /// Leaves out the extension of type `kind`.
    pub(crate) fn without(mut self, kind: u16) -> Self {
        self.extensions.retain(|(present, _)| *present != kind);
        self
    }

    /// The body of the message.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut body = self.legacy_version.to_be_bytes().to_vec();
        body.extend((0..32).map(|index| index * 7));
        body.extend(prefixed_8(&self.session_id));
        body.extend(list_16(&self.cipher_suites));
        body.extend(prefixed_8(&self.compression_methods));
        body.extend(extensions(&self.extensions));
        body
    }
}

/// The body of a `ServerHello`.
pub(crate) fn server_hello(version: u16, suite: u16, list: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([0x77; 32]);
    body.extend(prefixed_8(&[0x5e; 32]));
    body.extend(suite.to_be_bytes());
    body.push(0);
    body.extend(extensions(list));
    body
}

/// A list of extensions with its length.
pub(crate) fn extensions(list: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let each = list
        .iter()
        .flat_map(|(kind, body)| [kind.to_be_bytes().to_vec(), prefixed_16(body)].concat());
    prefixed_16(&each.collect::<Vec<u8>>())
}

/// The body of a client's `server_name`.
pub(crate) fn server_name(name: &[u8]) -> Vec<u8> {
    prefixed_16(&[vec![0], prefixed_16(name)].concat())
}

/// The body of ALPN.
pub(crate) fn alpn(protocols: &[&[u8]]) -> Vec<u8> {
    prefixed_16(&protocols.iter().flat_map(|name| prefixed_8(name)).collect::<Vec<u8>>())
}

/// The body of a client's `key_share`.
pub(crate) fn key_shares(shares: &[(u16, usize)]) -> Vec<u8> {
    let each = shares.iter().flat_map(|(group, len)| {
        [group.to_be_bytes().to_vec(), prefixed_16(&vec![0xab; *len])].concat()
    });
    prefixed_16(&each.collect::<Vec<u8>>())
}

/// Code points with a length of two bytes.
pub(crate) fn list_16(values: &[u16]) -> Vec<u8> {
    prefixed_16(&values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<u8>>())
}

/// Bytes with a length of one byte.
pub(crate) fn prefixed_8(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// Bytes with a length of two bytes.
pub(crate) fn prefixed_16(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// Bytes with a length of three bytes.
pub(crate) fn prefixed_24(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..], bytes].concat()
}
