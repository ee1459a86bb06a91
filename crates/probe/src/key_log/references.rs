//! Where code names the labels of a key log, and which function it calls with them.

use hashbrown::HashMap;
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Register};

use super::image::{Image, OVERLAP};

/// A function that is called with labels as its second argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) address: u64,
    /// How many different labels.
    pub(crate) labels: u32,
}

/// The function that is called with more labels than any other; `None` if there is none, or several.
pub(crate) fn candidate(image: &Image) -> Option<Candidate> {
    let texts = texts(image);
    // Each library has both; other programs have some labels to read key logs.
    if !texts.iter().any(|(_, label)| LABELS.get(*label) == Some(&EXPORTER)) {
        return None;
    }
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

/// Addresses of labels, each with its number.
fn texts(image: &Image) -> Vec<(u64, usize)> {
    let mut found = Vec::new();
    image.each_piece(false, |piece, address| {
        for (at, two) in piece.windows(2).enumerate() {
            // What they begin with.
            if !matches!(two, b"CL" | b"EX" | b"EA" | b"SE") || found.len() >= MAX_TEXTS {
                continue;
            }
            let rest = piece.get(at..).unwrap_or_default();
            if let Some(label) = LABELS.iter().position(|label| rest.starts_with(label)) {
                found.push((address.saturating_add(at as u64), label));
            }
        }
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// Addresses of code behind an instruction that puts the address of a label into the second argument, each
/// with the number of the label.
fn uses(image: &Image, texts: &[(u64, usize)]) -> Vec<(u64, usize)> {
    let label_at = |address: u64| {
        let at = texts.binary_search_by_key(&address, |(text, _)| *text).ok()?;
        texts.get(at).map(|(_, label)| *label)
    };
    let mut found = Vec::new();
    image.each_piece(true, |piece, address| {
        for (at, window) in piece.windows(LEA_LEN).enumerate() {
            let here = address.saturating_add(at as u64);
            let (text, behind) = match *window {
                // lea rsi, [rip + d]
                [0x48, 0x8d, 0x35, a, b, c, d] => {
                    let behind = here.wrapping_add(LEA_LEN as u64);
                    let distance = i64::from(i32::from_le_bytes([a, b, c, d]));
                    (behind.wrapping_add_signed(distance), behind)
                }
                // mov esi, imm32, where the program is not to be moved
                [0xbe, a, b, c, d, ..] => {
                    (u32::from_le_bytes([a, b, c, d]).into(), here.wrapping_add(MOV_LEN))
                }
                _ => continue,
            };
            if let Some(label) = label_at(text)
                && found.len() < MAX_USES
            {
                found.push((behind, label));
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
const MOV_LEN: u64 = 5;

/// Each label once or twice.
const MAX_TEXTS: usize = 256;
const MAX_USES: usize = 4096;

/// Other arguments are set between the label and the call.
const MAX_INSTRUCTIONS: usize = 16;
const MAX_DISTANCE: usize = 15 * MAX_INSTRUCTIONS;

const _: () = assert!(LEA_LEN <= OVERLAP && LABELS.len() <= 32);
