//! Where code names the labels of a key log, and which function it calls with them.

use hashbrown::HashMap;
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Register};

use super::image::{Image, OVERLAP, Part};

/// A function that is called with labels as its second argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) address: u64,
    /// How many different labels.
    pub(crate) labels: u32,
}

/// The function that is called with more labels than any other; `None` if there is none, or several.
pub(crate) fn candidate(image: &Image) -> Option<Candidate> {
    // Each library has it; other programs have some labels to read key logs.
    if addresses_of(image, EXPORTER).is_empty() {
        return None;
    }
    let mut texts = Vec::new();
    for (number, label) in LABELS.iter().enumerate() {
        texts.extend(addresses_of(image, label).into_iter().map(|address| (address, number)));
    }
    texts.sort_unstable();
    let mut called: HashMap<u64, u32> = HashMap::new();
    for (address, label) in uses(image, &texts) {
        let code = image.bytes(address, MAX_DISTANCE);
        if let Some(function) = function_called(&code, address) {
            *called.entry(function).or_default() |= 1 << label;
        }
    }
    let mut candidates: Vec<_> = called
        .into_iter()
        .map(|(address, labels)| Candidate { address, labels: labels.count_ones() })
        .filter(|candidate| candidate.labels >= LEAST_LABELS)
        .collect();
    candidates.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.labels));
    match candidates[..] {
        [best] => Some(best),
        [best, second, ..] if best.labels > second.labels => Some(best),
        _ => None,
    }
}

/// Addresses of a text, some of which may be the ends of others.
pub(crate) fn addresses_of(image: &Image, text: &[u8]) -> Vec<u64> {
    let mut found = Vec::new();
    image.each_piece(Part::Constants, |piece, address| {
        for at in occurrences(piece, text) {
            if found.len() < MAX_TEXTS {
                found.push(address.saturating_add(at as u64));
            }
        }
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// Places of a text, by the method of Horspool: it looks at one byte in sixteen where nothing is like the
/// text.
fn occurrences(bytes: &[u8], text: &[u8]) -> Vec<usize> {
    let len = text.len();
    let mut shifts = [len; 256];
    for (at, byte) in text.iter().enumerate().take(len.saturating_sub(1)) {
        if let Some(shift) = shifts.get_mut(usize::from(*byte)) {
            *shift = len - 1 - at;
        }
    }
    let mut found = Vec::new();
    let mut at = 0_usize;
    while let Some(window) = bytes.get(at..at.saturating_add(len)) {
        let Some(last) = window.last() else { break };
        if text.last() == Some(last) && window == text {
            found.push(at);
        }
        at = at.saturating_add(shifts.get(usize::from(*last)).copied().unwrap_or(1));
    }
    found
}

/// Addresses of code behind an instruction that puts the address of a label into the second argument, each
/// with the number of the label.
fn uses(image: &Image, texts: &[(u64, usize)]) -> Vec<(u64, usize)> {
    let label_at = |address: u64| {
        let at = texts.binary_search_by_key(&address, |(text, _)| *text).ok()?;
        texts.get(at).map(|(_, label)| *label)
    };
    let (Some((first, _)), Some((last, _))) = (texts.first(), texts.last()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    image.each_piece(Part::Code, |piece, address| {
        for (at, window) in piece.windows(LEA_LEN).enumerate() {
            let (text, len) = match *window {
                // lea rsi, [rip + d]
                [0x48, 0x8d, 0x35, a, b, c, d] => {
                    let behind = address.wrapping_add((at + LEA_LEN) as u64);
                    let distance = i64::from(i32::from_le_bytes([a, b, c, d]));
                    (behind.wrapping_add_signed(distance), LEA_LEN)
                }
                // mov esi, imm32, where the program is not to be moved
                [0xbe, a, b, c, d, ..] => (u32::from_le_bytes([a, b, c, d]).into(), MOV_LEN),
                _ => continue,
            };
            if (first..=last).contains(&&text)
                && let Some(label) = label_at(text)
                && found.len() < MAX_USES
            {
                found.push((address.wrapping_add((at + len) as u64), label));
            }
        }
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// The function that code calls next, unless it changes the second argument before.
fn function_called(code: &[u8], address: u64) -> Option<u64> {
    let decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    for instruction in decoder.into_iter().take(MAX_INSTRUCTIONS) {
        let flow = instruction.flow_control();
        if matches!(flow, FlowControl::Call | FlowControl::UnconditionalBranch) {
            let is_near = matches!(instruction.code(), Code::Call_rel32_64 | Code::Jmp_rel32_64);
            return is_near.then(|| instruction.near_branch_target());
        }
        if flow != FlowControl::Next || sets_second(&instruction) || instruction.is_invalid() {
            return None;
        }
    }
    None
}

fn sets_second(instruction: &Instruction) -> bool {
    // An instruction that compares has a register in this place as well, which is only careful.
    instruction.op0_register().full_register() == Register::RSI
}

const EXPORTER: &[u8] = b"EXPORTER_SECRET\0";

/// Labels with which functions are called directly. A linker may let one end in another.
const LABELS: [&[u8]; 8] = [
    b"CLIENT_RANDOM\0",
    EXPORTER,
    b"EARLY_EXPORTER_SECRET\0",
    b"CLIENT_EARLY_TRAFFIC_SECRET\0",
    b"CLIENT_HANDSHAKE_TRAFFIC_SECRET\0",
    b"SERVER_HANDSHAKE_TRAFFIC_SECRET\0",
    b"CLIENT_TRAFFIC_SECRET_0\0",
    b"SERVER_TRAFFIC_SECRET_0\0",
];

/// OpenSSL calls it directly with two or three labels, BoringSSL with more.
const LEAST_LABELS: u32 = 2;

const LEA_LEN: usize = 7;
const MOV_LEN: usize = 5;

/// Each label once or twice.
const MAX_TEXTS: usize = 256;
const MAX_USES: usize = 4096;

/// Other arguments are set between the label and the call.
const MAX_INSTRUCTIONS: usize = 16;
const MAX_DISTANCE: usize = 15 * MAX_INSTRUCTIONS;

const _: () = assert!(LEA_LEN <= OVERLAP && LABELS.len() <= 32);

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_text_is_found_wherever_it_is(text in "[ab]{1,4}", bytes in "[abc]{0,40}") {
            let (text, bytes) = (text.as_bytes(), bytes.as_bytes());
            let is_there = |at: &usize| bytes[*at..].starts_with(text);
            let expected: Vec<_> = (0..bytes.len()).filter(is_there).collect();
            proptest::prop_assert_eq!(occurrences(bytes, text), expected);
        }
    }
}
