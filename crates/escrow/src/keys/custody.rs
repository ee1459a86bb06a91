//! The private keys of epochs. Whoever has them can read the archive; without them nobody can.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::files::{FileError, read_statement, sync_folder, write_new, write_private};
use super::identity::SigningKey;
use super::kept::{KeptKey, KeptLine, MAX_LINE_LEN};
use super::statement::{Epoch, NotSigned, SealingKey, Signed, Statement};
use super::token::{Token, TokenError};
use crate::hpke::{HpkeError, Kem, PrivateKey};
use crate::tier::Part;

/// A folder with the private keys of epochs, and one with what is public of them; and a token, if keys are
/// in one.
#[derive(Clone, Debug)]
pub struct Custody {
    private: PathBuf,
    public: PathBuf,
    token: Option<Token>,
}

/// How epochs follow each other, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long one is.
    pub length_ms: u64,
    /// How long its keys are kept behind its end.
    pub retention_ms: u64,
}

/// Why custody fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CustodyError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nothing can be made or signed.
    #[error(transparent)]
    Sign(#[from] NotSigned),
    /// There is no key, or it cannot be used.
    #[error(transparent)]
    Key(#[from] HpkeError),
    /// A file is none of keys.
    #[error("{0}: no keys of an epoch")]
    NoKeys(PathBuf),
    /// The keys are not there: they were destroyed, or never were.
    #[error("the keys of epoch {0} are destroyed, or were never here")]
    Destroyed(u64),
    /// The token fails.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The keys are in a token, and none was given.
    #[error("the keys of epoch {0} are in a token, which was not named")]
    InToken(u64),
    /// A token has no such keys.
    #[error("keys in a token are of {:?}", Kem::MlKem768P256)]
    Kem,
}

impl Custody {
    /// Folders that are there.
    #[must_use]
    pub const fn new(private: PathBuf, public: PathBuf) -> Self {
        Self { private, public, token: None }
    }

    /// The same, which makes keys in a token from then on, and uses those that are there.
    #[must_use]
    pub fn with_token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Whether keys are made in a token.
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// All epochs that were ever announced, in order.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn epochs(&self) -> Result<Vec<Signed>, CustodyError> {
        let mut numbers = numbers(&self.public, "json")?;
        numbers.sort_unstable();
        let signed = numbers.iter().map(|number| read_statement(&self.public_file(*number)));
        Ok(signed.collect::<Result<_, _>>()?)
    }

    /// Makes the epochs that this time and the next need; gives those that are new.
    ///
    /// # Errors
    /// See [`CustodyError`].
    pub fn create_due(
        &self,
        now_ms: u64,
        schedule: Schedule,
        kem: Kem,
        authority: &SigningKey,
    ) -> Result<Vec<Epoch>, CustodyError> {
        let known = self.epochs()?;
        let last = known.last().and_then(|signed| epoch_of(signed));
        let announced = last.map_or(0, |epoch| epoch.number);
        // Keys that were made and never announced, because of a kill, are left alone: so is what might be in use.
        let made_before = numbers(&self.private, "key")?.into_iter().max().unwrap_or(0);
        let mut number = announced.max(made_before);
        let mut begins_ms = last.map_or(now_ms, |epoch| epoch.ends_ms.max(now_ms));
        let mut made = Vec::new();
        let horizon = now_ms.saturating_add(schedule.length_ms);
        while begins_ms <= horizon && made.len() < 2 {
            number = number.saturating_add(1);
            let ends_ms = begins_ms.saturating_add(schedule.length_ms.max(1));
            let destroyed_ms = ends_ms.saturating_add(schedule.retention_ms);
            made.push(self.create(number, [begins_ms, ends_ms, destroyed_ms], kem, authority)?);
            begins_ms = ends_ms;
        }
        Ok(made)
    }

    fn create(
        &self,
        number: u64,
        [begins_ms, ends_ms, destroyed_ms]: [u64; 3],
        kem: Kem,
        authority: &SigningKey,
    ) -> Result<Epoch, CustodyError> {
        let mut keys = BTreeMap::new();
        let mut text = Zeroizing::new(String::with_capacity(MAX_KEYS_LEN));
        for part in Part::ALL {
            let key = self.generate(number, part, kem)?;
            keys.insert(part.name().to_owned(), SealingKey::new(key.private.public()));
            key.put(&mut text)?;
        }
        let epoch = Epoch { number, begins_ms, ends_ms, destroyed_ms, keys };
        let signed = Statement::Epoch(epoch.clone()).sign(authority)?;
        // A key that nobody seals to does no harm; one that is sealed to and lost does.
        write_private(&self.private_file(number), &text)?;
        write_new(&self.public_file(number), &signed.to_text())?;
        Ok(epoch)
    }

    /// Makes a key: in the token if there is one, where its half on the curve stays.
    fn generate(&self, epoch: u64, part: Part, kem: Kem) -> Result<KeptKey, CustodyError> {
        let Some(token) = &self.token else {
            return Ok(KeptKey { part, private: PrivateKey::generate(kem)?, token_id: None });
        };
        if kem != Kem::MlKem768P256 {
            return Err(CustodyError::Kem);
        }
        let made = token.generate(&format!("tlsight escrow epoch {epoch} {}", part.name()))?;
        let private = PrivateKey::generate_with(&made.point, made.key)?;
        Ok(KeptKey { part, private, token_id: Some(made.id) })
    }

    /// The private keys of some parts of an epoch.
    ///
    /// # Errors
    /// [`CustodyError::Destroyed`], and what [`CustodyError`] has else.
    pub fn keys(&self, number: u64, parts: &[Part]) -> Result<Vec<PrivateKey>, CustodyError> {
        let path = self.private_file(number);
        let text = self.text(number)?;
        let mut keys = Vec::new();
        for line in text.lines() {
            let wrong = || CustodyError::NoKeys(path.clone());
            let line = KeptLine::parse(line).ok_or_else(wrong)?;
            if !parts.contains(&line.part) {
                continue;
            }
            let key = match line.token_id {
                None => PrivateKey::from_bytes(line.kem, &line.bytes)?,
                Some(id) => {
                    let token = self.token.as_ref().ok_or(CustodyError::InToken(number))?;
                    let there = token.key(&id)?.ok_or(CustodyError::Destroyed(number))?;
                    PrivateKey::from_bytes_with(&line.bytes, there)?
                }
            };
            keys.push(key);
        }
        Ok(keys)
    }

    /// What the file of an epoch has.
    fn text(&self, number: u64) -> Result<Zeroizing<String>, CustodyError> {
        let path = self.private_file(number);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(CustodyError::Destroyed(number))
            }
            Err(cause) => Err(FileError::Io { path, cause }.into()),
        }
    }

    /// Destroys the keys of epochs whose time is over; gives their numbers.
    ///
    /// # Errors
    /// See [`CustodyError`].
    pub fn destroy_due(&self, now_ms: u64) -> Result<Vec<u64>, CustodyError> {
        let mut destroyed = Vec::new();
        for signed in self.epochs()? {
            let Some(epoch) = epoch_of(&signed).filter(|epoch| epoch.destroyed_ms <= now_ms) else {
                continue;
            };
            match self.destroy(epoch.number) {
                Ok(()) => destroyed.push(epoch.number),
                Err(CustodyError::Destroyed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(destroyed)
    }

    /// Destroys the keys of an epoch, in the token first: all that was sealed to them is unreadable from then
    /// on.
    ///
    /// # Errors
    /// See [`CustodyError`].
    pub fn destroy(&self, number: u64) -> Result<(), CustodyError> {
        let path = self.private_file(number);
        for line in self.text(number)?.lines() {
            // A line that is damaged names no key; what it had is overwritten all the same.
            let Some(id) = KeptLine::parse(line).and_then(|line| line.token_id) else { continue };
            let token = self.token.as_ref().ok_or(CustodyError::InToken(number))?;
            token.destroy(&id)?;
        }
        overwrite(&path).map_err(|cause| FileError::Io { path, cause }.into())
    }

    fn private_file(&self, number: u64) -> PathBuf {
        self.private.join(format!("epoch-{number:06}.key"))
    }

    fn public_file(&self, number: u64) -> PathBuf {
        self.public.join(format!("epoch-{number:06}.json"))
    }
}

/// Overwrites a file in its place before it is removed: most file systems then write the same blocks.
fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(MAX_KEYS_LEN);
    file.write_all(&vec![0; len])?;
    file.sync_all()?;
    fs::remove_file(path)?;
    sync_folder(path)
}

fn epoch_of(signed: &Signed) -> Option<&Epoch> {
    match signed.statement() {
        Statement::Epoch(epoch) => Some(epoch),
        Statement::Grant(_) | Statement::MonitorKey(_) | Statement::Request(_) => None,
    }
}

/// Numbers of the epochs that have a file with this extension.
fn numbers(folder: &Path, extension: &str) -> Result<Vec<u64>, FileError> {
    let failed = |cause| FileError::Io { path: folder.to_owned(), cause };
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_right = path.extension().is_some_and(|it| it == extension);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let number = stem.and_then(|stem| stem.strip_prefix("epoch-")?.parse().ok());
        numbers.extend(number.filter(|_: &u64| is_right));
    }
    Ok(numbers)
}

/// A line for each part.
const MAX_KEYS_LEN: usize = Part::ALL.len() * MAX_LINE_LEN;
