//! Packets that the kernel puts into a queue.

use handover::{Hold, Label, OnDeadline, Reached};
use nfqueue::{Action, Gate, Limits, Received, received};

/// Reads the messages of a queue, and has a gate say what becomes of their packets: one thing of each.
pub fn queued_packets(input: &[u8]) {
    let hold =
        Hold { wait: Some(Reached::Live), on_deadline: OnDeadline::Abort, ..Hold::default() };
    let mut gate = Gate::new(hold, Limits { memory_bytes: 1 << 20, ..Limits::default() });
    let (mut asked, mut answered) = (0_usize, 0_usize);
    for message in received(input) {
        match message {
            Ok(Received::Packet(packet)) => {
                assert!(packet.len >= packet.bytes.len());
                asked += 1;
                // Some are acknowledged while others wait.
                let now_ns = u64::from(packet.id) * 100_000;
                gate.take_packet(now_ns, &packet);
                if packet.id % 4 == 0 {
                    gate.take_note(now_ns, &[1; 32], Label::Master, ());
                    gate.acknowledge(now_ns, &[1; 32], Label::Master);
                }
                gate.time_out(now_ns);
                answered += verdicts(&mut gate);
            }
            Ok(Received::Answer { .. } | Received::Other) => {}
            Err(_) => break,
        }
    }
    gate.time_out(u64::MAX);
    answered += verdicts(&mut gate);
    assert_eq!(asked, answered, "each packet has one verdict");
}

fn verdicts(gate: &mut Gate<()>) -> usize {
    let actions = std::iter::from_fn(|| gate.next_action());
    actions.filter(|it| matches!(it, Action::Accept { .. } | Action::Drop { .. })).count()
}
