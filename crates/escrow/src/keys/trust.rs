//! Whom to believe: what the authority has signed, and who is named there.

use std::str::FromStr as _;

use super::identity::VerifyingKey;
use super::statement::{Epoch, Grant, MonitorKey, Request, Role, Signed, Statement};
use crate::hpke::PublicKey;
use crate::tier::Tier;

/// The authority's key, and what follows from its signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    authority: VerifyingKey,
}

/// Why a statement is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotTrusted {
    /// The authority has not signed it.
    #[error("not signed by the authority")]
    Authority,
    /// The one whose statement it is has not signed it.
    #[error("not signed by {0}")]
    Signature(String),
    /// It is of another kind.
    #[error("a statement of another kind")]
    Kind,
    /// It is not valid any more.
    #[error("expired")]
    Expired,
    /// There is no grant for it, or not for so much.
    #[error("{0} may not do this")]
    NotGranted(String),
    /// A name, key or tier in it is none.
    #[error("a value that does not exist")]
    Value,
    /// There are too few who approve.
    #[error("approved by {found}, {needed} are needed")]
    Approvers {
        /// Those who approve.
        found: usize,
        /// Those who would have to.
        needed: usize,
    },
}

impl Trust {
    /// Believes this authority.
    #[must_use]
    pub const fn new(authority: VerifyingKey) -> Self {
        Self { authority }
    }

    /// The epoch that a statement is of.
    ///
    /// # Errors
    /// See [`NotTrusted`].
    pub fn epoch<'a>(&self, signed: &'a Signed) -> Result<&'a Epoch, NotTrusted> {
        let Statement::Epoch(epoch) = signed.statement() else { return Err(NotTrusted::Kind) };
        if signed.is_signed_by(&self.authority) { Ok(epoch) } else { Err(NotTrusted::Authority) }
    }

    /// The grant that a statement is, if it is valid.
    ///
    /// # Errors
    /// See [`NotTrusted`].
    pub fn grant<'a>(&self, signed: &'a Signed, now_ms: u64) -> Result<&'a Grant, NotTrusted> {
        let Statement::Grant(grant) = signed.statement() else { return Err(NotTrusted::Kind) };
        if !signed.is_signed_by(&self.authority) {
            return Err(NotTrusted::Authority);
        }
        if grant.not_after_ms <= now_ms { Err(NotTrusted::Expired) } else { Ok(grant) }
    }

    /// The key of a monitor, and the tier that it may have.
    ///
    /// # Errors
    /// See [`NotTrusted`].
    pub fn monitor<'a>(
        &self,
        grant: &Signed,
        key: &'a Signed,
        now_ms: u64,
    ) -> Result<(&'a MonitorKey, Tier, PublicKey), NotTrusted> {
        let grant = self.grant(grant, now_ms)?;
        let Statement::MonitorKey(monitor) = key.statement() else { return Err(NotTrusted::Kind) };
        if !key.is_signed_by(&signer(grant)?) || grant.name != monitor.name {
            return Err(NotTrusted::Signature(grant.name.clone()));
        }
        if monitor.not_after_ms <= now_ms {
            return Err(NotTrusted::Expired);
        }
        let tier = tier(&monitor.tier)?;
        if !grant.roles.contains(&Role::Monitor) || !tier_of(grant)?.includes(tier) {
            return Err(NotTrusted::NotGranted(grant.name.clone()));
        }
        Ok((monitor, tier, monitor.sealing.public().ok_or(NotTrusted::Value)?))
    }

    /// A request that may be answered: who asks, and for which tier.
    ///
    /// # Errors
    /// See [`NotTrusted`].
    pub fn request<'a>(
        &self,
        request: &'a Signed,
        grants: &'a [Signed],
        now_ms: u64,
    ) -> Result<Asked<'a>, NotTrusted> {
        let Statement::Request(asked) = request.statement() else { return Err(NotTrusted::Kind) };
        if asked.expires_ms <= now_ms {
            return Err(NotTrusted::Expired);
        }
        let wanted = tier(&asked.tier)?;
        let may = |role: Role| {
            grants.iter().filter_map(|signed| self.grant(signed, now_ms).ok()).filter(
                move |grant| {
                    let has_tier = tier_of(grant).is_ok_and(|tier| tier.includes(wanted));
                    let has_signed = signer(grant).is_ok_and(|key| request.is_signed_by(&key));
                    has_tier && has_signed && grant.roles.contains(&role)
                },
            )
        };
        let requester = may(Role::Requester)
            .find(|grant| grant.name == asked.requester)
            .ok_or_else(|| NotTrusted::NotGranted(asked.requester.clone()))?;
        let mut approvers: Vec<&Grant> = Vec::new();
        for grant in may(Role::Approver) {
            // One person is one, under whatever name and with however many keys of the same.
            let is_other =
                |other: &Grant| other.name != grant.name && other.signing != grant.signing;
            if is_other(requester) && approvers.iter().all(|other| is_other(other)) {
                approvers.push(grant);
            }
        }
        let (found, needed) = (approvers.len(), wanted.approvers());
        if found < needed {
            return Err(NotTrusted::Approvers { found, needed });
        }
        Ok(Asked { request: asked, tier: wanted, requester, approvers })
    }
}

/// A request that may be answered.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// What is asked for.
    pub request: &'a Request,
    /// How much.
    pub tier: Tier,
    /// Who asks.
    pub requester: &'a Grant,
    /// Who approves.
    pub approvers: Vec<&'a Grant>,
}

fn signer(grant: &Grant) -> Result<VerifyingKey, NotTrusted> {
    VerifyingKey::parse(&grant.signing).map_err(|_error| NotTrusted::Value)
}

fn tier_of(grant: &Grant) -> Result<Tier, NotTrusted> {
    tier(&grant.tier)
}

fn tier(name: &str) -> Result<Tier, NotTrusted> {
    Tier::from_str(name).map_err(|_error| NotTrusted::Value)
}
