//! Text from the network made harmless for a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Appends `text` to `out` with everything escaped that a terminal would act on or not show.
///
/// Names and certificates are chosen by whoever sends the packets: an escape sequence in one could
/// repaint the screen or type into the shell, and a bidirectional override could forge a row. The
/// backslash is doubled, so that what is shown can be told from what was sent.
pub(crate) fn push_clean(out: &mut String, text: &str) {
    for character in text.chars() {
        if character == '\\' {
            out.push_str("\\\\");
        } else if is_harmless(character) {
            out.push(character);
        } else {
            out.extend(character.escape_default());
        }
    }
}

/// `text` with everything escaped that a terminal would act on or not show.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_clean(&mut out, text);
    out
}

/// Number of terminal columns that clean text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The longest beginning of clean text that fits into `columns`, marked with `…` if it is not all.
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = head(text, columns.saturating_sub(1));
    out.push('…');
    out
}

/// Clean text without its middle, which `…` marks, if that is what makes it fit into `columns`.
///
/// For addresses: networks share their beginning and hosts differ in the end.
pub(crate) fn shorten_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let tail_columns = columns.saturating_sub(1) / 2;
    let mut out = head(text, columns.saturating_sub(1).saturating_sub(tail_columns));
    out.push('…');
    let backwards: String = text.chars().rev().collect();
    out.extend(head(&backwards, tail_columns).chars().rev());
    out
}

fn head(text: &str, columns: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|character| {
            used += character.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

fn is_harmless(character: char) -> bool {
    const LINE_SEPARATOR: char = '\u{2028}';
    const PARAGRAPH_SEPARATOR: char = '\u{2029}';
    !character.is_control()
        && !matches!(character, LINE_SEPARATOR | PARAGRAPH_SEPARATOR)
        // What takes no column: bidirectional controls, joiners, tags, combining marks.
        && character.width().is_some_and(|columns| columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_gets_through() {
        for hostile in [
            "\x1b]0;owned\x07",
            "\u{9b}2J",
            "\r\n",
            "\u{202e}moc",
            "\u{2066}",
            "\u{200d}",
            "\u{2028}",
        ] {
            let text = clean(hostile);
            assert!(text.chars().all(is_harmless), "{hostile:?} became {text:?}");
            assert!(text.starts_with('\\'), "{hostile:?} became {text:?}");
        }
        assert_eq!(clean("\x1b[31m"), "\\u{1b}[31m");
        assert_eq!(clean("a\\n"), "a\\\\n");
    }

    #[test]
    fn other_scripts_stay_readable() {
        assert_eq!(clean("żółw.例え.test"), "żółw.例え.test");
    }

    #[test]
    fn shortened_text_fits_and_says_so() {
        assert_eq!(shorten("example.com", 11), "example.com");
        assert_eq!(shorten("example.com", 8), "example…");
        assert_eq!(shorten("例え例え", 4), "例…");
        assert_eq!(shorten("abc", 0), "…");
        assert_eq!(shorten_middle("2001:db8:1:2::abcd", 9), "2001…abcd");
    }
}
