//! The words of a Rust source file that are code: no comments, no literals.

/// The identifiers and keywords of `text`, each with its line, counted from 1.
pub(super) fn words(text: &str) -> Vec<(usize, String)> {
    let mut scanner = Scanner { rest: text, line: 1 };
    let mut words = Vec::new();
    while let Some(first) = scanner.rest.chars().next() {
        if scanner.rest.starts_with("//") {
            let end = scanner.rest.find('\n').unwrap_or(scanner.rest.len());
            scanner.skip(end);
        } else if scanner.rest.starts_with("/*") {
            scanner.block_comment();
        } else if first == '"' {
            scanner.quoted();
        } else if first == '\'' {
            scanner.character_or_lifetime();
        } else if is_word(first) {
            scanner.word(&mut words);
        } else {
            scanner.skip(first.len_utf8());
        }
    }
    words
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Scanner<'a> {
    fn skip(&mut self, len: usize) -> &'a str {
        let (skipped, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.line += skipped.matches('\n').count();
        self.rest = rest;
        skipped
    }

    fn block_comment(&mut self) {
        let mut depth = 0_u32;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.skip(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.skip(2);
            } else {
                self.skip(self.rest.chars().next().map_or(0, char::len_utf8));
            }
            if depth == 0 || self.rest.is_empty() {
                return;
            }
        }
    }

    fn quoted(&mut self) {
        let mut escaped = true;
        let end = self.rest.char_indices().find(|&(at, c)| {
            let closes = at > 0 && c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        self.skip(end.map_or(self.rest.len(), |(at, _)| at + 1));
    }

    fn character_or_lifetime(&mut self) {
        let mut chars = self.rest.char_indices().skip(1);
        match (chars.next(), chars.next()) {
            (Some((_, '\\')), Some((at, escaped))) => {
                let after = at + escaped.len_utf8();
                let tail = self.rest.get(after..).unwrap_or("");
                self.skip(tail.find('\'').map_or(self.rest.len(), |end| after + end + 1));
            }
            (Some(_), Some((at, '\''))) => {
                self.skip(at + 1);
            }
            _ => {
                self.skip(1);
            }
        }
    }

    fn word(&mut self, words: &mut Vec<(usize, String)>) {
        let line = self.line;
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let word = self.skip(end);
        let hashes = self.rest.len() - self.rest.trim_start_matches('#').len();
        let raw = matches!(word, "r" | "br" | "cr")
            && self.rest.get(hashes..).is_some_and(|tail| tail.starts_with('"'));
        if raw {
            self.skip(hashes + 1);
            let close = format!("\"{}", "#".repeat(hashes));
            let end = self.rest.find(&close).map_or(self.rest.len(), |at| at + close.len());
            self.skip(end);
        } else {
            words.push((line, word.to_owned()));
        }
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_not_code() {
        assert_eq!(text("a // unsafe\nb /* unsafe /* nested */ unsafe */ c"), "1:a 2:b 2:c");
    }

    #[test]
    fn literals_are_not_code() {
        assert_eq!(text(r#"a("un\"safe \\") b"#), "1:a 1:b");
        assert_eq!(text("a(r#\"un\"safe\n\"#) b(br\"unsafe\\\") c"), "1:a 2:b 2:c");
        assert_eq!(text(r"a('\'') b('\u{75}') c('u') d('é')"), "1:a 1:b 1:c 1:d");
    }

    #[test]
    fn a_lifetime_is_not_the_start_of_a_literal() {
        assert_eq!(
            text("fn f<'a>(x: &'a str) { unsafe {} }"),
            "1:fn 1:f 1:a 1:x 1:a 1:str 1:unsafe"
        );
    }

    #[test]
    fn an_unfinished_literal_or_comment_ends_with_the_file() {
        for unfinished in ["a \"b", "a /* b", "a r#\"b\"", "a '\\", "a \"b\\"] {
            assert_eq!(text(unfinished), "1:a", "{unfinished}");
        }
    }

    fn text(source: &str) -> String {
        let words: Vec<String> = words(source).iter().map(|(l, w)| format!("{l}:{w}")).collect();
        words.join(" ")
    }
}
