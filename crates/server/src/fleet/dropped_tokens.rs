//! Tokens that the program makes beside a running server, which has the file of what people decide to itself.
//!
//! Each is left as a file in a folder that is the server's own: whoever can write there could as well
//! read the authority's key. The server takes them up when it looks for a token.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use event::Timestamp;
use fleet::JoinToken;
use serde::{Deserialize, Serialize};
use store::{EnrolmentToken, Labels, SecretDigest, StoreError};

use crate::app::{App, Control};

/// What a token is to be good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAsked {
    /// What agents that enrol by it are.
    pub labels: Labels,
    /// How many agents may.
    pub uses: u32,
    /// When it ends.
    pub expires: Timestamp,
    /// Who makes it.
    pub by: String,
}

/// A token as it is left.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Left {
    id: String,
    /// SHA-256 of the token, in hexadecimal digits.
    digest: String,
    labels: Labels,
    uses: u32,
    created: Timestamp,
    expires: Timestamp,
    by: String,
}

/// Leaves the digest of a token where the server of the data folder's subfolder `fleet` takes it up.
///
/// # Errors
/// What the system reports.
pub fn drop_token(
    folder: &Path,
    token: &JoinToken,
    asked: TokenAsked,
    now: Timestamp,
) -> io::Result<()> {
    let digest = HEXLOWER.encode(&token.digest());
    let TokenAsked { labels, uses, expires, by } = asked;
    let id: String = digest.chars().take(ID_LEN).collect();
    let left = Left { id: id.clone(), digest, labels, uses, created: now, expires, by };
    let folder = dropped(folder);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let (path, unfinished) = (folder.join(format!("{id}.json")), folder.join(format!("{id}.new")));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(serde_json::to_string(&left)?.as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

/// Takes up the tokens that were left. What is wrong with one is told to the operator.
pub(crate) fn take_up(app: &App, control: &dyn Control) -> Result<(), StoreError> {
    let Some(entrance) = &app.fleet.entrance else { return Ok(()) };
    let Ok(entries) = fs::read_dir(dropped(&entrance.folder)) else { return Ok(()) };
    for entry in entries.flatten().take(MOST_AT_ONCE) {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match read(&path) {
            Ok((token, digest)) => match control.add_enrolment_token(&token, digest) {
                Ok(()) | Err(StoreError::Exists { .. }) => {}
                Err(error @ (StoreError::TooLarge { .. } | StoreError::LimitReached { .. })) => {
                    app.log(&format!("{}: {error}", path.display()));
                }
                Err(error) => return Err(error),
            },
            Err(error) if is_taken_up(&error) => continue,
            Err(error) => app.log(&format!("{}: {error}", path.display())),
        }
        if let Err(error) = fs::remove_file(&path)
            && !is_taken_up(&error)
        {
            app.log(&format!("{} stays: {error}", path.display()));
        }
    }
    Ok(())
}

/// Whether another agent's request, at the same time, has taken up the token of a file.
fn is_taken_up(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn read(path: &Path) -> io::Result<(EnrolmentToken, SecretDigest)> {
    let mut text = String::new();
    fs::File::open(path)?.take(MOST_LEN).read_to_string(&mut text)?;
    let Left { id, digest, labels, uses, created, expires, by } = serde_json::from_str(&text)?;
    let digest = HEXLOWER.decode(digest.as_bytes()).ok().and_then(|it| it.try_into().ok());
    let digest = digest.ok_or_else(|| io::Error::other("the digest is none"))?;
    let token = EnrolmentToken {
        id,
        labels,
        created,
        created_by: by,
        expires,
        most_uses: uses,
        uses: 0,
        last_used: None,
    };
    Ok((token, SecretDigest(digest)))
}

fn dropped(folder: &Path) -> PathBuf {
    folder.join("tokens")
}

/// Letters of an id.
const ID_LEN: usize = 12;

/// Files of one look.
const MOST_AT_ONCE: usize = 1000;

/// Bytes of a file: labels, above all.
const MOST_LEN: u64 = 64 << 10;
