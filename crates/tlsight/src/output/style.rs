//! Colour on a terminal.

use std::env;

/// What a piece of text means to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    Plain,
    /// What the eye may skip.
    Dim,
    /// A heading.
    Strong,
    /// As one would want it.
    Good,
    /// Worth a look.
    Notice,
    /// Weak, expired, broken.
    Bad,
}

/// Whether and how to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Palette {
    /// No escape sequences at all.
    Mono,
    /// The terminal's own 16 colours, which fit its background.
    Ansi,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Palette {
    /// The palette for an output that is a terminal or not, by `choice` and the conventions
    /// `NO_COLOR` (<https://no-color.org>), `CLICOLOR_FORCE` and `TERM=dumb`.
    pub(crate) fn choose(choice: ColorChoice, is_terminal: bool) -> Self {
        Self::from_environment(choice, is_terminal, |name| {
            env::var_os(name).and_then(|value| value.into_string().ok())
        })
    }

    fn from_environment(
        choice: ColorChoice,
        is_terminal: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let on = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if is_set("NO_COLOR") => false,
            ColorChoice::Auto => {
                let forced = variable("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0");
                let dumb = variable("TERM").is_some_and(|term| term == "dumb");
                forced || (is_terminal && !dumb)
            }
        };
        if on { Self::Ansi } else { Self::Mono }
    }

    /// Appends `text`, which is clean, in the colour of `tone`.
    pub(crate) fn paint(self, out: &mut Vec<u8>, tone: Tone, text: &str) {
        let start = match tone {
            Tone::Plain => "",
            Tone::Dim => "\x1b[2m",
            Tone::Strong => "\x1b[1m",
            Tone::Good => "\x1b[32m",
            Tone::Notice => "\x1b[33m",
            Tone::Bad => "\x1b[31m",
        };
        if self == Self::Mono || start.is_empty() || text.is_empty() {
            out.extend_from_slice(text.as_bytes());
        } else {
            for part in [start, text, "\x1b[0m"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_then_no_color_then_force_then_the_terminal() {
        let choose = |choice, terminal, set: &[(&str, &str)]| {
            Palette::from_environment(choice, terminal, |name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let auto = ColorChoice::Auto;
        assert_eq!(choose(auto, true, &[]), Palette::Ansi);
        assert_eq!(choose(auto, false, &[]), Palette::Mono);
        assert_eq!(choose(auto, true, &[("NO_COLOR", "")]), Palette::Ansi);
        assert_eq!(choose(auto, true, &[("NO_COLOR", "1")]), Palette::Mono);
        assert_eq!(choose(auto, true, &[("TERM", "dumb")]), Palette::Mono);
        assert_eq!(choose(auto, false, &[("CLICOLOR_FORCE", "1")]), Palette::Ansi);
        assert_eq!(choose(auto, false, &[("CLICOLOR_FORCE", "0")]), Palette::Mono);
        assert_eq!(
            choose(auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]),
            Palette::Mono
        );
        assert_eq!(choose(ColorChoice::Always, false, &[("NO_COLOR", "1")]), Palette::Ansi);
        assert_eq!(choose(ColorChoice::Never, true, &[("CLICOLOR_FORCE", "1")]), Palette::Mono);
    }

    #[test]
    fn colour_is_always_switched_off_again() {
        let mut out = Vec::new();
        Palette::Ansi.paint(&mut out, Tone::Bad, "none");
        Palette::Ansi.paint(&mut out, Tone::Plain, " x");
        Palette::Mono.paint(&mut out, Tone::Bad, " y");
        assert_eq!(out, b"\x1b[31mnone\x1b[0m x y");
    }
}
