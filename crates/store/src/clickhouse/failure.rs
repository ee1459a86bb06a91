//! Why a server did not do what it was asked.

use std::io;

use super::url::ClickHouseUrl;
use crate::error::StoreError;

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is no answer, or not all of one.
    #[error("{0}")]
    Unreachable(String),
    /// It was waited for long enough.
    #[error("no answer in time")]
    TimedOut,
    /// It answered that it will not.
    #[error("code {code}: {text}")]
    Refused {
        /// Its number of the error; 0 if it gave none.
        code: u32,
        /// What it says, without control characters and not too long.
        text: String,
    },
    /// Its answer is larger than any that is expected.
    #[error("the answer is too long")]
    TooLong,
    /// Its answer is not what was asked for.
    #[error("the answer is not what was asked for: {0}")]
    Malformed(&'static str),
}

impl Failure {
    /// What the body of an answer with an error says.
    pub(super) fn refused(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text: String = text
            .chars()
            .map(|it| if it.is_control() { ' ' } else { it })
            .take(MAX_TEXT_CHARS)
            .collect();
        let code = text.strip_prefix("Code: ").and_then(|rest| {
            let end = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
            rest.get(..end)?.parse().ok()
        });
        Self::Refused { code: code.unwrap_or(0), text: text.trim().to_owned() }
    }

    /// Whether what was asked may have been done all the same.
    pub(super) const fn is_doubtful(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut => true,
            Self::Refused { code, .. } => matches!(*code, KEEPER_EXCEPTION | UNKNOWN_STATUS),
            Self::TooLong | Self::Malformed(_) => false,
        }
    }

    /// Whether another replica may do better.
    pub(super) const fn is_of_this_replica(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut => true,
            Self::Refused { code, .. } => {
                matches!(*code, NO_KEEPER | READ_ONLY | KEEPER_EXCEPTION | UNKNOWN_STATUS)
            }
            Self::TooLong | Self::Malformed(_) => false,
        }
    }

    /// The same as an error of the store.
    pub(super) fn at(self, url: &ClickHouseUrl) -> StoreError {
        let server = url.to_string();
        match self {
            Self::Refused { code: NOT_ENOUGH_SPACE, .. } => StoreError::Full { path: server },
            Self::Refused { code: 0, text } if text.contains("No space left") => {
                StoreError::Full { path: server }
            }
            Self::Refused { code: CANNOT_WRITE, text } if text.contains("No space left") => {
                StoreError::Full { path: server }
            }
            Self::Refused { code, text } if PASSING.contains(&code) => {
                StoreError::Unreachable { server, reason: text }
            }
            Self::Unreachable(reason) => StoreError::Unreachable { server, reason },
            Self::TimedOut => StoreError::Unreachable { server, reason: self.to_string() },
            Self::Refused { .. } | Self::TooLong | Self::Malformed(_) => {
                StoreError::Database { path: server, source: Box::new(self) }
            }
        }
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        if let ureq::Error::Timeout(_) = error {
            return Self::TimedOut;
        }
        Self::Unreachable(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Errors of the client come out of its reader in this disguise.
        match error.downcast::<ureq::Error>() {
            Ok(error) => error.into(),
            Err(error) => Self::Unreachable(error.to_string()),
        }
    }
}

/// Numbers of errors, from ClickHouse's `ErrorCodes.cpp`.
const CANNOT_WRITE: u32 = 75;
const NOT_ENOUGH_SPACE: u32 = 243;
const NO_KEEPER: u32 = 225;
const READ_ONLY: u32 = 242;
const UNKNOWN_STATUS: u32 = 319;
const KEEPER_EXCEPTION: u32 = 999;

/// Of errors that pass: too much to do (159, 202, 241, 252), other servers that do not answer (209, 210,
/// 279), replicas that have no keeper or wait for others (225, 242, 285, 286, 319, 999).
const PASSING: [u32; 13] = [159, 202, 209, 210, 225, 241, 242, 252, 279, 285, 286, 319, 999];

/// Characters of what a server says that are told: most of its messages have fewer.
const MAX_TEXT_CHARS: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_told_in_one_line_and_its_number_is_known() {
        let url: ClickHouseUrl = "clickhouse://h/d".parse().unwrap();
        let error = Failure::refused(b"Code: 60. DB::Exception:\x1b[31m Table\n d.x").at(&url);
        let text = error.to_string();
        assert!(text.starts_with("clickhouse://h:8123/d: code 60: Code: 60. DB::Exception:"));
        assert!(!text.contains(|it: char| it.is_control()), "{text}");
        let long = Failure::refused(&b"\xff".repeat(1 << 20)).at(&url).to_string();
        assert!(long.chars().count() < 1000);
        let full = Failure::refused(b"Code: 243. DB::Exception: Cannot reserve 1.00 MiB").at(&url);
        assert!(matches!(full, StoreError::Full { .. }));
        let full =
            Failure::refused(b"Code: 75, e.displayText() = No space left on device").at(&url);
        assert!(matches!(full, StoreError::Full { .. }));
        let busy = Failure::refused(b"Code: 252. DB::Exception: Too many parts (300)").at(&url);
        assert!(matches!(busy, StoreError::Unreachable { .. }));
    }
}
