//! At which instruction of a function a probe is put.
//!
//! The kernel emulates some instructions (`branch_setup_xol_ops` and `push_setup_xol_ops` of
//! `arch/x86/kernel/uprobes.c`); over others it steps in a second trap, which costs ten times as much
//! on virtual machines. A function whose first instruction is not one of them may hand its arguments
//! to another one that begins better.

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpAccess,
    Register,
};

/// What the kernel does at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stepping {
    /// It emulates the instruction.
    Emulated,
    /// It has the instruction executed elsewhere, and is called once more behind it.
    SingleStepped,
}

/// Where a call of a function is met with its arguments and its return address untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Bytes from the beginning of the function.
    pub(crate) at: u64,
    pub(crate) stepping: Stepping,
}

impl Place {
    /// The first instruction that is emulated and before which nothing is changed, or the first.
    pub(crate) fn at_entry(code: &[u8]) -> Self {
        let mut at = 0;
        for instruction in instructions(code, 0) {
            if instruction.is_invalid() {
                break;
            }
            if is_emulated(code.get(at..).unwrap_or_default()) {
                return Self { at: at as u64, stepping: Stepping::Emulated };
            }
            if instruction.code() != Code::Endbr64 {
                break;
            }
            at = at.saturating_add(instruction.len());
        }
        Self { at: 0, stepping: Stepping::SingleStepped }
    }
}

/// Registers with the arguments of a function that are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// The first three of the System V ABI.
    SystemV,
    /// The first three of Go, and the goroutine.
    Go,
}

impl Arguments {
    fn include(self, register: Register) -> bool {
        match self {
            Self::SystemV => matches!(register, Register::RDI | Register::RSI | Register::RDX),
            Self::Go => {
                matches!(register, Register::RAX | Register::RBX | Register::RCX | Register::R14)
            }
        }
    }
}

impl Place {
    /// The first instruction that is emulated, if each call comes to it with its arguments and its stack
    /// untouched; or the first. The stack may be changed where only arguments are of interest.
    pub(crate) fn before_branch(code: &[u8], arguments: Arguments) -> Self {
        let mut factory = InstructionInfoFactory::new();
        for instruction in instructions(code, 0).take(MAX_PROLOGUE) {
            let at = usize::try_from(instruction.ip()).unwrap_or(usize::MAX);
            if is_emulated(code.get(at..).unwrap_or_default()) {
                return Self { at: instruction.ip(), stepping: Stepping::Emulated };
            }
            let goes_on = instruction.flow_control() == FlowControl::Next;
            if !goes_on
                || instruction.is_invalid()
                || changes_argument(&mut factory, &instruction, arguments)
            {
                break;
            }
        }
        Self { at: 0, stepping: Stepping::SingleStepped }
    }
}

/// The function that one at `address` calls first, if it gets the first three arguments unchanged.
pub(crate) fn inner_function(code: &[u8], address: u64) -> Option<u64> {
    let mut factory = InstructionInfoFactory::new();
    for instruction in instructions(code, address).take(MAX_PROLOGUE) {
        let flow = instruction.flow_control();
        if matches!(flow, FlowControl::Call | FlowControl::UnconditionalBranch) {
            return leads_to(&instruction);
        }
        // Where it branches off before, arguments are refused.
        if !matches!(flow, FlowControl::Next | FlowControl::ConditionalBranch) {
            return None;
        }
        if instruction.is_invalid()
            || changes_argument(&mut factory, &instruction, Arguments::SystemV)
        {
            return None;
        }
    }
    None
}

/// The address that an instruction calls or jumps to, in whatever case, if that is told there.
pub(crate) fn leads_to(instruction: &Instruction) -> Option<u64> {
    let is_near = matches!(instruction.code(), Code::Call_rel32_64 | Code::Jmp_rel32_64);
    is_near.then(|| instruction.near_branch_target())
}

/// Whether an instruction changes an argument of a function, but for giving an int all of its register.
fn changes_argument(
    factory: &mut InstructionInfoFactory,
    instruction: &Instruction,
    arguments: Arguments,
) -> bool {
    if instruction.code() == Code::Movsxd_r64_rm32
        && [instruction.op0_register(), instruction.op1_register()]
            == [Register::RDX, Register::EDX]
    {
        return false;
    }
    factory.info(instruction).used_registers().iter().any(|used| {
        let is_written = !matches!(used.access(), OpAccess::Read | OpAccess::CondRead);
        // Of Go, all code that is looked at compares the stack pointer and does not set it.
        let changes_stack = arguments == Arguments::Go && used.register() == Register::RSP;
        is_written && (changes_stack || arguments.include(used.register().full_register()))
    })
}

/// Places of a function at which it returns, in bytes from its beginning.
pub(crate) fn returns(code: &[u8]) -> Vec<u64> {
    instructions(code, 0)
        .filter(|instruction| instruction.flow_control() == FlowControl::Return)
        .map(|instruction| instruction.ip())
        .collect()
}

fn instructions(code: &[u8], address: u64) -> impl Iterator<Item = Instruction> {
    // Code for other machines is left alone: probes are put at the beginning of functions there.
    let code = if cfg!(target_arch = "x86_64") { code } else { &[] };
    Decoder::with_ip(64, code, address, DecoderOptions::NONE).into_iter()
}

/// Whether the kernel emulates the instruction at the beginning of some bytes.
fn is_emulated(code: &[u8]) -> bool {
    match code {
        // push of a register, jmp, call, nop, jcc
        [0x50..=0x57 | 0x70..=0x7f | 0x90 | 0xe8 | 0xe9 | 0xeb, ..]
        | [0x41, 0x50..=0x57, ..]
        | [0x0f, 0x80..=0x8f, ..] => true,
        _ => false,
    }
}

/// Instructions before a call that does all of the work: checks of arguments and of the stack.
const MAX_PROLOGUE: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_instruction_is_used_where_the_kernel_emulates_it() {
        let emulated = |at| Place { at, stepping: Stepping::Emulated };
        let stepped = Place { at: 0, stepping: Stepping::SingleStepped };
        for (code, expected) in [
            // push r13
            (&[0x41, 0x55, 0x41, 0x54][..], emulated(0)),
            // push rbp; mov rbp, rsp
            (&[0x55, 0x48, 0x89, 0xe5], emulated(0)),
            // endbr64; push rbx
            (&[0xf3, 0x0f, 0x1e, 0xfa, 0x53], emulated(4)),
            // endbr64; sub rsp, 24
            (&[0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x83, 0xec, 0x18], stepped),
            // sub rsp, 24; push rbx
            (&[0x48, 0x83, 0xec, 0x18, 0x53], stepped),
            // nothing that can be decoded
            (&[0x06], stepped),
            (&[], stepped),
        ] {
            assert_eq!(Place::at_entry(code), expected, "{code:02x?}");
        }
    }

    /// `SSL_read` and `SSL_read_ex` of OpenSSL 3.0.17 as Debian builds it, up to the call.
    #[test]
    fn the_function_that_does_the_work_is_found_behind_two() {
        let read = [
            0x48, 0x83, 0xec, 0x18, // sub rsp, 24
            0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0, // mov rax, fs:28h
            0x48, 0x89, 0x44, 0x24, 0x08, // mov [rsp+8], rax
            0x31, 0xc0, // xor eax, eax
            0x85, 0xd2, // test edx, edx
            0x78, 0x2f, // js
            0x48, 0x89, 0xe1, // mov rcx, rsp
            0x48, 0x63, 0xd2, // movsxd rdx, edx
            0xe8, 0x3d, 0xfe, 0xff, 0xff, // call
        ];
        let read_ex = [0x48, 0x83, 0xec, 0x08, 0xe8, 0xc7, 0xfd, 0xff, 0xff];
        assert_eq!(inner_function(&read, 0x35430), Some(0x35290));
        assert_eq!(inner_function(&read_ex, 0x354c0), Some(0x35290));
        // xor esi, esi before the call
        let changes = [0x31, 0xf6, 0xe8, 0, 0, 0, 0];
        assert_eq!(inner_function(&changes, 0), None);
        for len in 0..read.len() {
            assert_eq!(inner_function(&read[..len], 0x35430), None, "{len} bytes");
        }
    }

    /// `BIO_write` and `SSL_free` of OpenSSL 3.0 as Debian builds it.
    #[test]
    fn where_only_the_call_is_of_interest_a_branch_behind_it_serves_as_well() {
        let write = [
            0x48, 0x83, 0xec, 0x18, // sub rsp, 24
            0x31, 0xc0, // xor eax, eax
            0x85, 0xd2, // test edx, edx
            0x7e, 0x14, // jle
        ];
        let free = [0x48, 0x85, 0xff, 0x0f, 0x84, 0x97, 0x03, 0, 0];
        for (code, at) in [(&write[..], 8), (&free, 3)] {
            let expected = Place { at, stepping: Stepping::Emulated };
            assert_eq!(Place::before_branch(code, Arguments::SystemV), expected);
        }
        // mov rdi, rsi; push rbx
        let changes = [0x48, 0x89, 0xf7, 0x53];
        let place = Place::before_branch(&changes, Arguments::SystemV);
        assert_eq!(place.stepping, Stepping::SingleStepped);
    }

    /// `crypto/tls.(*Conn).Read` of Go 1.23: cmp rsp, [r14+16]; jbe.
    #[test]
    fn a_function_of_go_is_met_where_it_looks_at_its_stack() {
        let read = [0x49, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0x4f, 0x03, 0, 0, 0x55];
        let expected = Place { at: 4, stepping: Stepping::Emulated };
        assert_eq!(Place::before_branch(&read, Arguments::Go), expected);
        // sub rsp, 24; jbe
        let changes = [0x48, 0x83, 0xec, 0x18, 0x76, 0x10];
        let place = Place::before_branch(&changes, Arguments::Go);
        assert_eq!(place.stepping, Stepping::SingleStepped);
        // ret; int3; mov eax, 0xc3; ret
        assert_eq!(returns(&[0xc3, 0xcc, 0xb8, 0xc3, 0, 0, 0, 0xc3]), [0, 7]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_code(code: Vec<u8>, address: u64) {
            let place = Place::at_entry(&code);
            assert!(place.at <= code.len() as u64);
            assert!(Place::before_branch(&code, Arguments::Go).at <= code.len() as u64);
            assert!(returns(&code).iter().all(|at| *at < code.len() as u64));
            inner_function(&code, address);
        }
    }
}
