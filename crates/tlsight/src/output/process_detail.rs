//! The process behind an end of a session, as `--detail` shows it.

use event::{Image, Knowledge, Party, Timestamp, WorkloadState};

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
    let named = party.container.as_ref().and_then(|container| container.name.as_deref());
    node.field("container name", named.map(clean));
    let image = party.container.as_ref().and_then(|container| container.image.as_deref());
    node.field("image", image.map(|image| clean(&reference(image))));
    node
}

/// What Kubernetes says of a party, and how far that is to be trusted.
pub(super) fn workload(label: &'static str, party: &Party, state: Option<&WorkloadState>) -> Node {
    let Some(kubernetes) = party.kubernetes.as_deref() else { return Node::default() };
    let uid = kubernetes.pod.as_ref().map(|pod| &*pod.uid);
    let resource = party.orchestrator.as_deref().map(|orchestrator| &orchestrator.resource);
    let text = match (resource, uid, &kubernetes.node) {
        (Some(resource), ..) => {
            let namespace = kubernetes.namespace.as_deref().unwrap_or_default();
            let slash = if namespace.is_empty() { "" } else { "/" };
            format!("{} {namespace}{slash}{}", resource.kind, resource.name)
        }
        (None, Some(uid), _) => format!("pod {uid}"),
        (None, None, Some(node)) => format!("node {}", node.name),
        (None, None, None) => return Node::default(),
    };
    let mut node = Node::new(label).with(clean(&text), Tone::Plain);
    let Some(state) = state else { return node };
    let owner = state.kind.as_ref().zip(state.name.as_ref());
    node.field("workload", owner.map(|(kind, name)| clean(&format!("{kind} {name}"))));
    for (field, knowledge) in
        [("pod is", state.pod), ("workload is", state.workload), ("peer is", state.peer)]
    {
        let doubtful = knowledge.filter(|knowledge| *knowledge != Knowledge::Known);
        node.field(field, doubtful.map(|knowledge| format!("{knowledge:?}").to_lowercase()));
    }
    node
}

fn reference(image: &Image) -> String {
    let tag = image.tag.iter().map(|tag| format!(":{tag}")).collect::<String>();
    format!("{}{tag}", image.name)
}

fn text(time: Timestamp) -> String {
    time.to_rfc3339().to_string()
}

#[cfg(test)]
mod tests {
    use event::{Kubernetes, Pod};

    use super::*;
    use crate::output::{Palette, sample};

    #[test]
    fn a_pod_is_shown_with_its_workload_and_what_is_not_certain() {
        let mut event = sample::tls13();
        let pod = Pod { uid: "u-1".into(), ..Pod::default() };
        event.client.kubernetes =
            Some(Kubernetes { pod: Some(pod), ..Kubernetes::default() }.into());
        let state = WorkloadState {
            pod: Some(Knowledge::Known),
            workload: Some(Knowledge::Unknown),
            kind: Some("Deployment".into()),
            name: Some("web".into()),
            ..WorkloadState::default()
        };
        let mut root = Node::default();
        root.push(workload("client", &event.client, Some(&state)));
        let mut out = Vec::new();
        root.draw_children(Palette::Mono, &mut out);
        let tree = String::from_utf8(out).unwrap();
        for part in ["pod u-1", "Deployment web", "unknown"] {
            assert!(tree.contains(part), "{part} in\n{tree}");
        }
        assert!(!tree.contains("pod is"), "{tree}");
    }

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
