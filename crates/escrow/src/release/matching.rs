//! Whether a session is one that was asked for.

use data_encoding::HEXLOWER_PERMISSIVE;

use crate::keys::Filter;
use crate::seal::Content;

/// A filter, as it is compared.
pub(super) struct Matching<'a> {
    filter: &'a Filter,
    pub(super) client_randoms: Vec<[u8; 32]>,
}

impl<'a> Matching<'a> {
    /// `None` if a client random is none.
    pub(super) fn new(filter: &'a Filter) -> Option<Self> {
        let random = |text: &String| -> Option<[u8; 32]> {
            HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.as_array().copied()
        };
        let client_randoms = filter.client_randoms.iter().map(random).collect::<Option<_>>()?;
        Some(Self { filter, client_randoms })
    }

    /// Whether something told at this time, by this agent, may be of one.
    pub(super) fn is_near(&self, time_ms: u64, agent: &str) -> bool {
        let Filter { since_ms, until_ms, agent: wanted, .. } = self.filter;
        since_ms.is_none_or(|since| since <= time_ms)
            && until_ms.is_none_or(|until| time_ms <= until)
            && wanted.as_ref().is_none_or(|wanted| wanted == agent)
    }

    /// Whether the metadata is that of one.
    pub(super) fn is_of(&self, metadata: &Content) -> bool {
        let Filter { server_name, address, port, .. } = self.filter;
        let randoms = &self.client_randoms;
        let Some(origin) = &metadata.origin else { return false };
        let ends = [origin.local, origin.peer];
        (randoms.is_empty() || randoms.contains(&metadata.facts.client_random))
            && server_name.as_ref().is_none_or(|wanted| {
                let name = origin.server_name.as_ref();
                name.is_some_and(|name| name.as_str().eq_ignore_ascii_case(wanted))
            })
            && address.is_none_or(|wanted| {
                ends.iter().flatten().any(|end| end.ip().to_canonical() == wanted.to_canonical())
            })
            && port.is_none_or(|wanted| ends.iter().flatten().any(|end| end.port() == wanted))
    }
}
