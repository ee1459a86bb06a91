//! Certificates for those who have no authority of their own.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use event::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use time::OffsetDateTime;

/// What is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    /// Names and addresses by which agents reach the sensor; without any, no certificate for a sensor.
    pub sensor_names: Vec<String>,
    /// Names of agents, one certificate each.
    pub agents: Vec<String>,
}

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotMade {
    /// A file cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A name cannot be that of a file and of an agent.
    #[error("`{0}` is no name for an agent: letters, digits, `-`, `_` and `.`, at most 64")]
    Name(String),
    /// A name is in use.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// It cannot be made, or the authority that is there not be read.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
}

/// Makes certificates in `folder`: `ca.pem` and `ca.key` if they are not there, `sensor.pem` and
/// `sensor.key`, and `NAME.pem` and `NAME.key` for each agent. Gives the files that it wrote.
///
/// Keys can be read by their owner only. `ca.key` stays where it is; an agent needs `ca.pem` and its own
/// two files.
///
/// # Errors
/// See [`NotMade`]. No file is overwritten.
pub fn make_certificates(
    folder: &Path,
    request: &CertificateRequest,
    now: Timestamp,
) -> Result<Vec<PathBuf>, NotMade> {
    let wrong =
        request.agents.iter().find(|name| !is_file_name(name) || RESERVED.contains(&&***name));
    if let Some(name) = wrong {
        return Err(NotMade::Name(name.clone()));
    }
    let file = |path: &Path, cause| NotMade::File { path: path.to_owned(), cause };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|cause| file(folder, cause))?;
    let mut written = Vec::new();
    let authority = authority(folder, now, &mut written)?;
    if !request.sensor_names.is_empty() {
        let mut params = leaf("sensor", &request.sensor_names, now)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        issue(folder, "sensor", &params, &authority, &mut written)?;
    }
    for name in &request.agents {
        let mut params = leaf(name, std::slice::from_ref(name), now)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        issue(folder, name, &params, &authority, &mut written)?;
    }
    Ok(written)
}

fn authority(
    folder: &Path,
    now: Timestamp,
    written: &mut Vec<PathBuf>,
) -> Result<Issuer<'static, KeyPair>, NotMade> {
    let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
    if certificate.exists() && key.exists() {
        let read = |path: &PathBuf| {
            fs::read_to_string(path).map_err(|cause| NotMade::File { path: path.clone(), cause })
        };
        let pair = KeyPair::from_pem(&read(&key)?)?;
        return Ok(Issuer::from_ca_cert_pem(&read(&certificate)?, pair)?);
    }
    let mut params = CertificateParams::default();
    let pair = KeyPair::generate()?;
    // Authorities of the same name would be told apart by signatures that do not verify.
    let [.., a, b, c, d] = pair.public_key_raw() else {
        return Err(rcgen::Error::RemoteKeyError.into());
    };
    params.distinguished_name =
        name(&format!("tlsight mirror authority {a:02x}{b:02x}{c:02x}{d:02x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = validity(now, AUTHORITY_LIFETIME_DAYS);
    let made = params.self_signed(&pair)?;
    write(&key, &pair.serialize_pem(), 0o600, written)?;
    write(&certificate, &made.pem(), 0o644, written)?;
    Ok(Issuer::new(params, pair))
}

fn leaf(common_name: &str, names: &[String], now: Timestamp) -> Result<CertificateParams, NotMade> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = name(common_name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    (params.not_before, params.not_after) = validity(now, LIFETIME_DAYS);
    Ok(params)
}

fn issue(
    folder: &Path,
    stem: &str,
    params: &CertificateParams,
    authority: &Issuer<'static, KeyPair>,
    written: &mut Vec<PathBuf>,
) -> Result<(), NotMade> {
    let pair = KeyPair::generate()?;
    let made = params.signed_by(&pair, authority)?;
    write(&folder.join(format!("{stem}.key")), &pair.serialize_pem(), 0o600, written)?;
    write(&folder.join(format!("{stem}.pem")), &made.pem(), 0o644, written)
}

fn write(path: &Path, text: &str, mode: u32, written: &mut Vec<PathBuf>) -> Result<(), NotMade> {
    let result = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    match result {
        Ok(()) => {
            written.push(path.to_owned());
            Ok(())
        }
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            Err(NotMade::Exists(path.to_owned()))
        }
        Err(cause) => Err(NotMade::File { path: path.to_owned(), cause }),
    }
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn validity(now: Timestamp, days: i64) -> (OffsetDateTime, OffsetDateTime) {
    let day = |days: i64| {
        let time = now.plus_nanos(days.saturating_mul(DAY)).as_nanos();
        OffsetDateTime::from_unix_timestamp_nanos(time.into()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    // Clocks of agents may be behind.
    (day(-1), day(days))
}

fn is_file_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.bytes().all(is_plain)
}

const RESERVED: [&str; 2] = ["ca", "sensor"];

const DAY: i64 = 24 * 3600 * 1_000_000_000;

/// Long enough that nobody has to renew it in a trial that became permanent.
const AUTHORITY_LIFETIME_DAYS: i64 = 3650;

/// As browsers have it (CA/Browser Forum, ballot SC-31): keys change once a year.
const LIFETIME_DAYS: i64 = 397;
