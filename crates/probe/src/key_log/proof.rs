//! Where the arguments of a function go, proved by its code.
//!
//! `ssl_log_secret(ssl, label, secret, len)` of OpenSSL hands everything on to a function that has the
//! client's random as an argument as well. Where the compiler has put that one into it, and in BoringSSL, it
//! reads the random byte by byte itself: that is the only place of a connection that it reads so.

use hashbrown::{HashMap, HashSet};
use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic,
    OpAccess, OpKind, Register,
};

use super::image::Image;

/// Where a function has what is of interest: numbers of arguments, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) label: u32,
    pub(crate) random: u32,
    pub(crate) secret: u32,
    pub(crate) len: u32,
    /// What leads from the argument to the random (`struct layout` of `bpf/key_log.bpf.c`).
    pub(crate) steps: Steps,
}

/// What leads from an argument to the client's random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Steps {
    /// It points there.
    None,
    /// The random is so many bytes behind it.
    Near(i32),
    /// A pointer is so many bytes behind it, and the random so many bytes behind that.
    Behind(i32, i32),
}

/// A function, and where it has its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proved {
    pub(crate) address: u64,
    pub(crate) layout: Layout,
}

/// What a register is known to hold when the function at an address begins with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Argument(u32),
    /// So many bytes behind an argument.
    Near(u32, i32),
    /// What is stored so many bytes behind an argument.
    Stored(u32, i32),
    /// So many bytes behind what is stored there.
    Behind(u32, i32, i32),
    Constant(u64),
}

type State = HashMap<Register, Value>;

/// Follows the code of a function that is called with a connection, a label, a secret and its length.
pub(crate) fn prove(image: &Image, address: u64) -> Option<Proved> {
    let begin = ARGUMENTS.iter().zip(0..).map(|(register, at)| (*register, Value::Argument(at)));
    let mut factory = InstructionInfoFactory::new();
    let mut paths = vec![(address, begin.collect::<State>())];
    let mut seen = HashSet::new();
    let mut reads = Vec::new();
    let mut left = MAX_INSTRUCTIONS;
    while let Some((begin, mut state)) = paths.pop() {
        let code = image.bytes(begin, MAX_CODE_LEN);
        for instruction in Decoder::with_ip(64, &code, begin, DecoderOptions::NONE) {
            // What was followed once, such as the body of a loop, is not followed again.
            if left == 0 || !seen.insert(instruction.ip()) {
                break;
            }
            left -= 1;
            let flow = instruction.flow_control();
            if flow == FlowControl::Next {
                reads.extend(byte_read(&state, &instruction));
                step(&mut state, &mut factory, &instruction);
                continue;
            }
            if flow == FlowControl::ConditionalBranch {
                paths.push((instruction.near_branch_target(), state.clone()));
                continue;
            }
            let is_call = flow == FlowControl::Call;
            if !is_call && flow != FlowControl::UnconditionalBranch {
                break;
            }
            if let Some(proved) = proved(&state, &instruction, address) {
                return Some(proved);
            }
            if !is_call {
                paths.push((instruction.near_branch_target(), state));
                break;
            }
            state.retain(|register, _| !CLOBBERED.contains(register));
        }
    }
    reads.dedup();
    let [steps] = reads[..] else { return None };
    let layout = Layout { label: LABEL, random: CONNECTION, secret: SECRET, len: LEN, steps };
    Some(Proved { address, layout })
}

/// The place of a connection that an instruction reads one byte of, or of which it reads bytes one by one.
fn byte_read(state: &State, instruction: &Instruction) -> Option<Steps> {
    if instruction.code() != Code::Movzx_r32_rm8 || instruction.op1_kind() != OpKind::Memory {
        return None;
    }
    let base = state.get(&instruction.memory_base().full_register()).copied()?;
    let offset = i32::try_from(instruction.memory_displacement64().cast_signed()).ok()?;
    match behind(base, offset)? {
        Value::Near(CONNECTION, offset @ 1..) => Some(Steps::Near(offset)),
        Value::Behind(CONNECTION, first @ 1.., second @ 1..) => Some(Steps::Behind(first, second)),
        Value::Argument(_)
        | Value::Near(..)
        | Value::Stored(..)
        | Value::Behind(..)
        | Value::Constant(_) => None,
    }
}

/// What a call proves.
fn proved(state: &State, call: &Instruction, address: u64) -> Option<Proved> {
    let with = |is_it: &dyn Fn(Value) -> bool| {
        let at = ARGUMENTS.iter().position(|it| state.get(it).copied().is_some_and(is_it))?;
        u32::try_from(at).ok()
    };
    with(&|value| value == Value::Constant(RANDOM_LEN))?;
    let is_near = matches!(call.code(), Code::Call_rel32_64 | Code::Jmp_rel32_64);
    let handed_on = || {
        Some(Layout {
            label: with(&|value| value == Value::Argument(LABEL))?,
            random: with(&|value| matches!(value, Value::Near(CONNECTION, 1..)))?,
            secret: with(&|value| value == Value::Argument(SECRET))?,
            len: with(&|value| value == Value::Argument(LEN))?,
            steps: Steps::None,
        })
    };
    if let Some(layout) = handed_on().filter(|_| is_near) {
        return Some(Proved { address: call.near_branch_target(), layout });
    }
    let steps = ARGUMENTS.iter().find_map(|register| {
        let Value::Behind(CONNECTION, first @ 1.., second @ 1..) = state.get(register)? else {
            return None;
        };
        Some(Steps::Behind(*first, *second))
    })?;
    let layout = Layout { label: LABEL, random: CONNECTION, secret: SECRET, len: LEN, steps };
    Some(Proved { address, layout })
}

/// What an instruction changes.
fn step(state: &mut State, factory: &mut InstructionInfoFactory, instruction: &Instruction) {
    let to = instruction.op0_register().full_register();
    let value = moved(state, instruction);
    for used in factory.info(instruction).used_registers() {
        if !matches!(used.access(), OpAccess::Read | OpAccess::CondRead) {
            state.remove(&used.register().full_register());
        }
    }
    if let Some(value) = value {
        state.insert(to, value);
    }
}

/// What the first operand holds afterwards, if that is known.
fn moved(state: &State, instruction: &Instruction) -> Option<Value> {
    let from = |register: Register| state.get(&register.full_register()).copied();
    let is_to_register = instruction.op0_kind() == OpKind::Register;
    let mnemonic = instruction.mnemonic();
    if !is_to_register {
        return None;
    }
    if mnemonic == Mnemonic::Lea {
        return based(state, instruction).filter(|_| instruction.op0_register().is_gpr64());
    }
    let kind = instruction.op1_kind();
    let is_number = instruction.op_count() == 2 && is_immediate(kind);
    if mnemonic == Mnemonic::Add && is_number {
        let more = i32::try_from(instruction.immediate(1).cast_signed()).ok()?;
        return behind(from(instruction.op0_register())?, more);
    }
    if mnemonic != Mnemonic::Mov {
        return None;
    }
    if is_number {
        return Some(Value::Constant(instruction.immediate(1)));
    }
    if kind == OpKind::Register {
        // Half of a register is enough for a length.
        let is_whole =
            instruction.op1_register().is_gpr64() || instruction.op1_register().is_gpr32();
        return from(instruction.op1_register()).filter(|_| is_whole);
    }
    if instruction.code() != Code::Mov_r64_rm64 {
        return None;
    }
    match based(state, instruction)? {
        Value::Argument(at) => Some(Value::Stored(at, 0)),
        Value::Near(at, offset) => Some(Value::Stored(at, offset)),
        Value::Stored(..) | Value::Behind(..) | Value::Constant(_) => None,
    }
}

fn is_immediate(kind: OpKind) -> bool {
    const IMMEDIATES: [OpKind; 4] =
        [OpKind::Immediate32, OpKind::Immediate64, OpKind::Immediate8to64, OpKind::Immediate32to64];
    IMMEDIATES.contains(&kind)
}

/// The address that an operand in memory has, if it is one behind something that is known.
fn based(state: &State, instruction: &Instruction) -> Option<Value> {
    if instruction.memory_index() != Register::None || instruction.is_ip_rel_memory_operand() {
        return None;
    }
    let base = state.get(&instruction.memory_base().full_register()).copied()?;
    let offset = i32::try_from(instruction.memory_displacement64().cast_signed()).ok()?;
    behind(base, offset)
}

fn behind(value: Value, more: i32) -> Option<Value> {
    match value {
        value if more == 0 => Some(value),
        Value::Argument(at) => Some(Value::Near(at, more)),
        Value::Near(at, offset) => Some(Value::Near(at, offset.checked_add(more)?)),
        Value::Stored(at, offset) => Some(Value::Behind(at, offset, more)),
        Value::Behind(at, first, second) => {
            Some(Value::Behind(at, first, second.checked_add(more)?))
        }
        Value::Constant(_) => None,
    }
}

/// Arguments of `ssl_log_secret`.
const CONNECTION: u32 = 0;
const LABEL: u32 = 1;
const SECRET: u32 = 2;
const LEN: u32 = 3;

const RANDOM_LEN: u64 = 32;

/// Registers of arguments (System V ABI of amd64, section 3.2.3).
const ARGUMENTS: [Register; 6] =
    [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9];

/// Registers that a function may change.
const CLOBBERED: [Register; 9] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
];

/// All paths together: the function of OpenSSL has eight instructions, that of BoringSSL some hundred.
const MAX_INSTRUCTIONS: usize = 1000;
const MAX_CODE_LEN: usize = 4096;
