//! Packetbeat's `tls.detailed`.

use std::sync::Arc;

use event::{Certificate, Detailed, ResumptionMethod, Shared, X509};

use super::posture::Posture;
use crate::handshake::Handshake;
use crate::settings::Settings;

/// Takes the details of the hellos out of `handshake`.
pub(super) fn take(settings: &Settings, handshake: &mut Handshake, posture: &Posture) -> Detailed {
    let resumption = posture.resumption;
    let alerts = std::mem::take(&mut handshake.alerts);
    Detailed {
        version: posture.version.map(|version| version.name()),
        resumption_method: resumption
            .method
            .filter(|_| resumption.accepted)
            .map(ResumptionMethod::name),
        client_certificate_requested: handshake.client_certificate_requested,
        ocsp_response: handshake.ocsp_response.clone(),
        client_hello: handshake.client.as_mut().and_then(|client| client.detail.take()),
        server_hello: handshake.server.as_mut().and_then(|server| server.detail.take()),
        server_certificate_chain: rest(settings, &handshake.server_chain),
        client_certificate_chain: rest(settings, &handshake.client_chain),
        alert_types: alerts.iter().map(|alert| alert.kind.clone()).collect(),
        alerts,
    }
}

/// The chain after the leaf.
fn rest(settings: &Settings, chain: &[Arc<Certificate>]) -> Vec<Shared<X509>> {
    if !settings.send_certificates {
        return Vec::new();
    }
    chain.iter().skip(1).map(|certificate| certificate.x509.clone()).collect()
}
