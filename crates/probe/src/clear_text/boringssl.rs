//! The functions of a BoringSSL that is a part of a program without symbols.
//!
//! Where BoringSSL finds an error it names its source file and a reason whose number never changes. So the
//! functions of `ssl/ssl_lib.cc` are those that name this file, and the reasons say which one is which. A
//! file is left alone if anything of this is not there or is there twice.

use std::fs::File;

use hashbrown::HashSet;
use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic,
    OpAccess, OpKind, Register,
};

use super::elf::Function;
use super::place::leads_to;
use crate::key_log::image::{Image, Part};
use crate::key_log::references::addresses_of;

/// The functions that take and give clear text, and those that begin and end a connection, by name.
pub(crate) fn functions(file: File) -> Option<[(&'static str, Function); 4]> {
    if cfg!(not(target_arch = "x86_64")) {
        return None;
    }
    let image = Image::read(file).ok()?;
    let source = source(&image)?;
    let starts = image.function_starts();
    let mut users: Vec<_> = references(&image, source)
        .into_iter()
        .filter_map(|address| function_at(&starts, address))
        .collect();
    users.sort_unstable_by_key(|function| function.address);
    users.dedup();
    let bodies: Vec<_> = users.iter().map(|function| Body::read(&image, *function)).collect();
    let write = only(
        bodies.iter().filter(|body| body.gives([UNINITIALIZED, HANDSHAKE_FAILURE, BAD_LENGTH])),
    )?;
    let handshake = only(bodies.iter().filter(|body| {
        body.gives([CONNECTION_TYPE_NOT_SET]) && write.calls.contains(&body.function.address)
    }))?;
    let read_records = only(bodies.iter().filter(|body| {
        body.gives([UNINITIALIZED, HANDSHAKE_FAILURE])
            && !body.gives([BAD_LENGTH])
            && body.calls.contains(&handshake.function.address)
    }))?;
    let readers = || {
        bodies.iter().filter(|body| {
            body.gives([SHOULD_NOT_HAVE_BEEN_CALLED])
                && body.calls.contains(&read_records.function.address)
        })
    };
    // Both give what was received; only one of them takes it away from the connection.
    let read = only(readers().filter(|body| body.stores))?;
    only(readers().filter(|body| !body.stores))?;
    let free = free(&image, &starts, (users.first()?, users.last()?))?;
    Some([
        ("SSL_read", read.function),
        ("SSL_write", write.function),
        ("SSL_do_handshake", handshake.function),
        ("SSL_free", free),
    ])
}

/// The address of the name of the source file, if there is just one such name.
fn source(image: &Image) -> Option<u64> {
    let ends = addresses_of(image, SOURCE);
    let end = only(ends.into_iter())?;
    let begin = end.checked_sub(MAX_FOLDER_LEN)?;
    let before = image.bytes(begin, usize::try_from(MAX_FOLDER_LEN).ok()?);
    let len = before.iter().rev().take_while(|byte| **byte != 0).count() as u64;
    (len < MAX_FOLDER_LEN).then_some(end - len)
}

/// Addresses of instructions that name an address.
fn references(image: &Image, wanted: u64) -> Vec<u64> {
    let mut found = Vec::new();
    image.each_piece(Part::Code, |piece, address| {
        for (at, window) in piece.windows(LEA_LEN).enumerate() {
            let named = match *window {
                // lea r64, [rip + d]
                [0x48 | 0x4c, 0x8d, modrm, a, b, c, d] if modrm & 0xc7 == 0x05 => {
                    let behind = address.wrapping_add((at + LEA_LEN) as u64);
                    behind.wrapping_add_signed(i32::from_le_bytes([a, b, c, d]).into())
                }
                // mov r32, imm32, where the program is not to be moved
                [0xb8..=0xbf, a, b, c, d, ..] => u32::from_le_bytes([a, b, c, d]).into(),
                _ => continue,
            };
            if named == wanted && found.len() < MAX_REFERENCES {
                found.push(address.wrapping_add(at as u64));
            }
        }
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// What the code of a function shows.
struct Body {
    function: Function,
    /// Numbers that it puts into the third argument of something, as it does with reasons of errors.
    reasons: HashSet<u64>,
    calls: HashSet<u64>,
    /// Whether it writes to memory that is not its own stack.
    stores: bool,
}

impl Body {
    fn read(image: &Image, function: Function) -> Self {
        let (mut reasons, mut calls, mut stores) = (HashSet::new(), HashSet::new(), false);
        let mut factory = InstructionInfoFactory::new();
        for instruction in instructions(image, function) {
            if instruction.code() == Code::Mov_r32_imm32
                && instruction.op0_register() == Register::EDX
            {
                reasons.insert(instruction.immediate(1));
            }
            calls.extend(leads_to(&instruction));
            stores |= stores_elsewhere(&mut factory, &instruction);
        }
        Self { function, reasons, calls, stores }
    }

    fn gives<const N: usize>(&self, reasons: [u64; N]) -> bool {
        reasons.iter().all(|reason| self.reasons.contains(reason))
    }
}

/// Whether an instruction writes to memory by a register that is not that of the stack.
fn stores_elsewhere(factory: &mut InstructionInfoFactory, instruction: &Instruction) -> bool {
    // What a call or a push writes is on the stack.
    factory.info(instruction).used_memory().iter().any(|used| {
        let is_stack = matches!(used.base(), Register::RSP | Register::RBP);
        let is_written = !matches!(used.access(), OpAccess::Read | OpAccess::CondRead);
        is_written && !is_stack && used.access() != OpAccess::NoMemAccess
    })
}

/// The function that frees a connection: it does nothing without one, and has the method of the connection
/// free its own part. `ends` are the first and the last function around it.
fn free(image: &Image, starts: &[u64], ends: (&Function, &Function)) -> Option<Function> {
    let (first, last) = ends;
    if last.address.checked_sub(first.address)? > MAX_SOURCE_LEN {
        return None;
    }
    let around: Vec<_> = starts
        .iter()
        .filter(|start| (first.address..=last.address).contains(*start))
        .filter_map(|start| function_at(starts, *start))
        .collect();
    let destroys: HashSet<u64> = around
        .iter()
        .filter(|function| has_method_free(image, **function))
        .map(|function| function.address)
        .collect();
    only(around.into_iter().filter(|function| {
        let first_call = instructions(image, *function).find_map(|it| leads_to(&it));
        checks_first_argument(image, *function)
            && (destroys.contains(&function.address)
                || first_call.is_some_and(|called| destroys.contains(&called)))
    }))
}

/// Whether a function calls the third of the functions that its object's first word points to: after a word
/// that is a flag, and the function that makes one, that is the method's to free it.
fn has_method_free(image: &Image, function: Function) -> bool {
    let mut methods: Vec<(Register, usize)> = Vec::new();
    for (at, instruction) in instructions(image, function).enumerate() {
        if instruction.code() == Code::Mov_r64_rm64
            && instruction.op1_kind() == OpKind::Memory
            && instruction.memory_displacement64() == 0
            && instruction.memory_index() == Register::None
            && !matches!(instruction.memory_base(), Register::RSP | Register::RIP)
        {
            methods.push((instruction.op0_register(), at));
        }
        if instruction.mnemonic() == Mnemonic::Call
            && instruction.op0_kind() == OpKind::Memory
            && instruction.memory_displacement64() == METHOD_FREE
            && methods.iter().any(|(register, since)| {
                *register == instruction.memory_base() && at - since <= SOON
            })
        {
            return true;
        }
    }
    false
}

/// Whether a function begins by asking if it has a first argument.
fn checks_first_argument(image: &Image, function: Function) -> bool {
    instructions(image, function)
        .take(SOON)
        .take_while(|instruction| instruction.flow_control() != FlowControl::Call)
        .any(|instruction| {
            instruction.code() == Code::Test_rm64_r64
                && [instruction.op0_register(), instruction.op1_register()]
                    == [Register::RDI, Register::RDI]
        })
}

fn instructions(image: &Image, function: Function) -> impl Iterator<Item = Instruction> {
    let len = usize::try_from(function.len).unwrap_or(usize::MAX).min(MAX_FUNCTION_LEN);
    let code = image.bytes(function.address, len);
    let mut instructions = Vec::new();
    for instruction in Decoder::with_ip(64, &code, function.address, DecoderOptions::NONE) {
        if instruction.is_invalid() {
            break;
        }
        instructions.push(instruction);
    }
    instructions.into_iter()
}

/// The function that an address is in, up to where the next one begins.
fn function_at(starts: &[u64], address: u64) -> Option<Function> {
    let next = starts.partition_point(|start| *start <= address);
    let (start, end) = (*starts.get(next.checked_sub(1)?)?, *starts.get(next)?);
    Some(Function { address: start, len: end.checked_sub(start)? })
}

/// What there is, if that is one.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let one = all.next()?;
    all.next().is_none().then_some(one)
}

const SOURCE: &[u8] = b"/ssl_lib.cc\0";

/// Reasons of errors (`include/openssl/err.h` and `ssl.h` of BoringSSL).
const SHOULD_NOT_HAVE_BEEN_CALLED: u64 = 66;
const BAD_LENGTH: u64 = 111;
const CONNECTION_TYPE_NOT_SET: u64 = 134;
const HANDSHAKE_FAILURE: u64 = 215;
const UNINITIALIZED: u64 = 226;

/// Where `SSL_PROTOCOL_METHOD` has `ssl_free` (`ssl/internal.h`).
const METHOD_FREE: u64 = 0x10;

/// Instructions between what belongs together.
const SOON: usize = 6;

const LEA_LEN: usize = 7;

/// Longest name of a folder that sources were in.
const MAX_FOLDER_LEN: u64 = 512;

/// The file has some fifty.
const MAX_REFERENCES: usize = 4096;

/// The code of one source file: that of this one is some 40 kilobytes.
const MAX_SOURCE_LEN: u64 = 1 << 20;

/// Those of interest have less than a kilobyte.
const MAX_FUNCTION_LEN: usize = 16 << 10;
