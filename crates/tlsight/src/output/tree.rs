//! A tree of labelled values, drawn with lines.

use super::style::{Palette, Tone};

/// One line of a tree, and what hangs from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    label: &'static str,
    parts: Vec<(String, Tone)>,
    children: Vec<Self>,
}

impl Node {
    /// A line with a label and no value yet.
    pub(crate) fn new(label: &'static str) -> Self {
        Self { label, ..Self::default() }
    }

    /// The line with `text`, which is clean, added to its value.
    pub(crate) fn with(mut self, text: impl Into<String>, tone: Tone) -> Self {
        self.parts.push((text.into(), tone));
        self
    }

    /// Hangs `child` from the line.
    pub(crate) fn push(&mut self, child: Self) {
        self.children.push(child);
    }

    /// Hangs a line with a plain value from the line, if there is a value.
    pub(crate) fn field(&mut self, label: &'static str, value: Option<String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.push(Self::new(label).with(value, Tone::Plain));
        }
    }

    /// Whether the line has neither value nor children.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.children.is_empty()
    }

    /// Appends the tree below its root, whose line the caller has written.
    pub(crate) fn draw_children(&self, palette: Palette, out: &mut Vec<u8>) {
        self.draw_level("", palette, out);
    }

    /// Trees are as deep as the code that builds them nests, so the recursion is bounded.
    fn draw_level(&self, indent: &str, palette: Palette, out: &mut Vec<u8>) {
        let labels = self.children.iter().map(|child| child.label.len()).max().unwrap_or(0);
        let mut children = self.children.iter().peekable();
        while let Some(child) = children.next() {
            let is_last = children.peek().is_none();
            let branch = if is_last { "└─ " } else { "├─ " };
            palette.paint(out, Tone::Dim, &format!("{indent}{branch}"));
            let pad = if child.parts.is_empty() { child.label.len() } else { labels };
            out.extend_from_slice(format!("{:pad$}", child.label).as_bytes());
            for (text, tone) in &child.parts {
                out.extend_from_slice(b"  ");
                palette.paint(out, *tone, text);
            }
            out.push(b'\n');
            let below = format!("{indent}{}", if is_last { "   " } else { "│  " });
            child.draw_level(&below, palette, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_and_values_are_aligned() {
        let mut root = Node::default();
        let mut first = Node::new("certificate").with("visible", Tone::Plain);
        first.field("key", Some("RSA".to_owned()));
        first.field("issuer", None);
        root.push(first);
        root.field("ja4", Some("t13d".to_owned()));
        let mut out = Vec::new();
        root.draw_children(Palette::Mono, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "├─ certificate  visible\n│  └─ key  RSA\n└─ ja4          t13d\n"
        );
    }
}
