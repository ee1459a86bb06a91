//! How far a long read has come, on standard error.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that shows itself once the work proves long.
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    is_shown: bool,
}

impl Progress {
    /// A bar for `total_bytes`, or `None` if standard error is not a terminal.
    pub(crate) fn new(total_bytes: u64) -> Option<Self> {
        if !io::stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::with_draw_target(Some(total_bytes), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("=> "));
        }
        Some(Self { bar, begun: Instant::now(), is_shown: false })
    }

    /// The bar itself, for whoever has to keep out of its way.
    pub(crate) fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Tells how many bytes are done.
    pub(crate) fn advance(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
        if !self.is_shown && self.begun.elapsed() > PATIENCE {
            self.is_shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND));
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

const TEMPLATE: &str = "{percent:>3}% [{bar:30}] {bytes} of {total_bytes}, {eta} left";

/// Work shorter than this is over before one could read a bar.
const PATIENCE: Duration = Duration::from_millis(500);

const REDRAWS_PER_SECOND: u8 = 5;
