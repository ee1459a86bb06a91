//! The process behind an end of a session, as `--detail` shows it.

use event::{Party, Timestamp};

use super::sanitize::clean;
use super::style::Tone;
use super::tree::Node;

/// The process of a party, if it is known.
pub(super) fn process(label: &'static str, party: &Party) -> Node {
    let Some(process) = party.process.as_deref() else { return Node::default() };
    let name = process.name.as_deref().map_or_else(|| "?".to_owned(), clean);
    let mut node = Node::new(label).with(format!("{name}, {}", process.pid), Tone::Plain);
    node.field("program", process.executable.as_deref().map(clean));
    node.field("command line", process.command_line.as_deref().map(clean));
    node.field("user", process.user.as_ref().map(|user| clean(&user.id)));
    node.field("since", process.start.map(text));
    let parent = process.parent.as_ref().map(|parent| {
        let name = parent.name.as_deref().map_or_else(|| "?".to_owned(), clean);
        format!("{name}, {}", parent.pid)
    });
    node.field("parent", parent);
    let container = party.container.as_ref().map(|container| match container.runtime {
        Some(runtime) => format!("{} ({runtime})", clean(&container.id)),
        None => clean(&container.id),
    });
    node.field("container", container);
    node
}

fn text(time: Timestamp) -> String {
    time.to_rfc3339().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Palette, sample};

    #[test]
    fn what_a_process_says_of_itself_is_escaped() {
        let mut event = sample::tls13();
        let mut process = sample::process("curl", 17);
        process.command_line = Some("curl \x1b[2J".to_owned());
        event.client.process = Some(process.into());
        let mut root = Node::default();
        root.push(super::process("client process", &event.client));
        let mut out = Vec::new();
        root.draw_children(Palette::Mono, &mut out);
        let tree = String::from_utf8(out).unwrap();
        for part in ["client process  curl, 17", "/usr/bin/curl", "curl \\u{1b}[2J"] {
            assert!(tree.contains(part), "{part} in\n{tree}");
        }
    }
}
