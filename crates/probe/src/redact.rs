//! Command lines without the secrets that people put into them.

/// What becomes of command lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLines {
    /// They are left out.
    Omitted,
    /// They are kept, but for the values of arguments whose name has one of these words in it
    /// ([`Self::redacted`]).
    Redacted(Vec<String>),
}

impl Default for CommandLines {
    fn default() -> Self {
        Self::Redacted(DEFAULT_REDACTION.map(str::to_owned).to_vec())
    }
}

impl CommandLines {
    /// Command lines without the values of arguments whose name has one of `words` in it, whatever
    /// their case and whether written with `-` or `_`.
    #[must_use]
    pub fn redacted(words: &[String]) -> Self {
        let plain = |word: &String| word.to_ascii_lowercase().replace('_', "-");
        Self::Redacted(words.iter().map(plain).filter(|word| !word.is_empty()).collect())
    }

    /// The command line of these arguments.
    pub(crate) fn join<'a>(&self, arguments: impl Iterator<Item = &'a str>) -> Option<String> {
        let Self::Redacted(words) = self else { return None };
        let mut line = String::new();
        let mut hides_next = false;
        for (at, argument) in arguments.enumerate() {
            if at > 0 {
                line.push(' ');
            }
            if hides_next && !argument.starts_with('-') {
                line.push_str(HIDDEN);
                hides_next = false;
                continue;
            }
            if at == 0 {
                line.push_str(argument);
            } else {
                hides_next = hides_value(argument, words, &mut line);
            }
        }
        Some(line)
    }
}

/// Adds an argument to a line, without a secret in it; whether the next argument is its value.
fn hides_value(argument: &str, words: &[String], line: &mut String) -> bool {
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase().replace('_', "-");
        words.iter().any(|word| name.contains(word.as_str()))
    };
    let after_name = argument
        .find(['=', ':'])
        .filter(|at| argument.get(*at..).is_some_and(|rest| !rest.starts_with("://")));
    let (name, value) = argument.split_at(after_name.unwrap_or(argument.len()));
    if is_secret(name) && !name.contains(['/', ' ']) {
        line.push_str(name);
        if let Some(sign) = value.chars().next() {
            line.push(sign);
            line.push_str(HIDDEN);
            return false;
        }
        return name.starts_with('-');
    }
    push_without_userinfo(argument, line);
    false
}

/// Adds an argument, without user and password of a URL in it (RFC 3986 section 3.2.1).
fn push_without_userinfo(argument: &str, line: &mut String) {
    let Some((scheme, rest)) = argument.split_once("://") else {
        line.push_str(argument);
        return;
    };
    let authority_len = rest.find(['/', '?', '#', ' ']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_len);
    line.push_str(scheme);
    line.push_str("://");
    match authority.rsplit_once('@') {
        Some((_, host)) => {
            line.push_str(HIDDEN);
            line.push('@');
            line.push_str(host);
        }
        None => line.push_str(authority),
    }
    line.push_str(path);
}

const HIDDEN: &str = "***";

/// Words in the names of arguments whose values are secrets.
pub const DEFAULT_REDACTION: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api-key",
    "apikey",
    "access-key",
    "private-key",
    "credential",
    "authorization",
    "cookie",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_in_each_form_and_nothing_else() {
        for (arguments, expected) in [
            (&["curl", "https://a.test/x"][..], "curl https://a.test/x"),
            (&["x", "--password=abc", "y"], "x --password=*** y"),
            (&["x", "--api_key", "abc", "y"], "x --api_key *** y"),
            (&["x", "--token", "--verbose"], "x --token --verbose"),
            (&["x", "DB_PASSWORD=abc"], "x DB_PASSWORD=***"),
            (&["curl", "-H", "Authorization: Bearer abc"], "curl -H Authorization:***"),
            (&["x", "https://me:abc@a.test/b@c"], "x https://***@a.test/b@c"),
            (&["/usr/bin/token-server", "-p", "80"], "/usr/bin/token-server -p 80"),
            (&["x", "--key-file", "/etc/key.pem"], "x --key-file /etc/key.pem"),
        ] {
            let line = CommandLines::default().join(arguments.iter().copied());
            assert_eq!(line.as_deref(), Some(expected));
        }
        assert_eq!(CommandLines::Omitted.join(["x"].into_iter()), None);
    }
}
