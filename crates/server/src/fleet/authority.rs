//! The authority of the fleet, in files.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use event::Timestamp;
use fleet::{Authority, NotIssued};
use store::{AuthorityPem, SecretText, StoreError};

use crate::app::Control;

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoAuthority {
    /// A file cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// One of the two files is not there.
    #[error("{path} is missing: without it agents that have joined cannot be known again")]
    Half {
        /// The file that is missing.
        path: PathBuf,
    },
    /// They cannot be used.
    #[error(transparent)]
    NotIssued(#[from] NotIssued),
    /// They are not what the servers share.
    #[error(
        "{folder} has the authority of another fleet than that of the servers that share the database: \
         move authority.pem and authority.key away"
    )]
    Another {
        /// The folder.
        folder: PathBuf,
    },
    /// What the servers share is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the authority that is kept in a folder, or makes one: `authority.pem` and `authority.key`. Whoever
/// has the key can make agents of this fleet; the folder and both files are for their owner only.
///
/// # Errors
/// See [`NoAuthority`].
pub fn open_authority(folder: &Path, now: Timestamp) -> Result<Authority, NoAuthority> {
    let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    match (read(&certificate)?, read(&key)?) {
        (Some(certificate), Some(key)) => Ok(Authority::from_pem(&certificate, &key)?),
        (None, Some(_)) => Err(NoAuthority::Half { path: certificate }),
        (Some(_), None) => Err(NoAuthority::Half { path: key }),
        (None, None) => {
            let made = Authority::generate(now)?;
            keep(folder, &made)?;
            Ok(made)
        }
    }
}

/// The authority that servers share ([`store::Replication`]), which is in the folder as well afterwards. The
/// first of them shares the one of its folder, and makes it if there is none.
///
/// # Errors
/// See [`NoAuthority`]; [`NoAuthority::Another`] if the folder has another one than the servers share.
pub fn share_authority(
    control: &dyn Control,
    folder: &Path,
    now: Timestamp,
) -> Result<Authority, NoAuthority> {
    let has_own = [CERTIFICATE, KEY].iter().any(|name| folder.join(name).exists());
    let shared = match control.authority()? {
        Some(shared) => shared,
        None => {
            // Without files first: of servers that begin at the same time, one makes it for all.
            let own =
                if has_own { open_authority(folder, now)? } else { Authority::generate(now)? };
            let key = SecretText::new(own.key_pem());
            let certificate = own.certificate_pem();
            control.share_authority(&AuthorityPem { certificate, key })?
        }
    };
    let AuthorityPem { certificate, key } = shared;
    let shared = Authority::from_pem(&certificate, key.dangerous_text())?;
    if !has_own {
        keep(folder, &shared)?;
    } else if open_authority(folder, now)?.fingerprint() != shared.fingerprint() {
        return Err(NoAuthority::Another { folder: folder.to_owned() });
    }
    Ok(shared)
}

/// Writes both files.
fn keep(folder: &Path, authority: &Authority) -> Result<(), NoAuthority> {
    let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    let failed = |cause| NoAuthority::File { path: folder.to_owned(), cause };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    // Under other names first: a kill leaves two whole files or none.
    let new = [(&key, authority.key_pem()), (&certificate, authority.certificate_pem())];
    for (path, text) in &new {
        write(&unfinished(path), text)?;
    }
    for (path, _) in &new {
        let failed = |cause| NoAuthority::File { path: (*path).clone(), cause };
        fs::rename(unfinished(path), path).map_err(failed)?;
    }
    Ok(())
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

fn read(path: &Path) -> Result<Option<String>, NoAuthority> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(NoAuthority::File { path: path.to_owned(), cause }),
    }
}

fn write(path: &Path, text: &str) -> Result<(), NoAuthority> {
    let put = || {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    put().map_err(|cause| NoAuthority::File { path: path.to_owned(), cause })
}

const CERTIFICATE: &str = "authority.pem";

const KEY: &str = "authority.key";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_authority_stays_the_same_and_is_for_its_owner_only() {
        let folder = std::env::temp_dir().join(format!("tlsight-authority-{}", std::process::id()));
        let now: Timestamp = "2026-11-21T15:00:00Z".parse().unwrap();
        let first = open_authority(&folder, now).unwrap().fingerprint();
        assert_eq!(open_authority(&folder, now).unwrap().fingerprint(), first);
        for name in ["", "authority.pem", "authority.key"] {
            let mode = fs::metadata(folder.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{name}");
        }
        fs::remove_file(folder.join("authority.pem")).unwrap();
        assert!(matches!(open_authority(&folder, now), Err(NoAuthority::Half { .. })));
        fs::remove_dir_all(&folder).unwrap();
    }
}
