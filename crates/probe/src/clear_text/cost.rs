//! What a probe costs on this machine.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use aya::Ebpf;
use aya::programs::UProbe;
use aya::programs::uprobe::{UProbeAttachLocation, UProbeScope};

use super::budget::Usage;
use crate::error::ProbeError;

/// What a call costs with a probe at its beginning and one at its return, beside what is copied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// Nanoseconds where the kernel emulates the instruction, and where it steps over it.
    pub(crate) call: [f64; 2],
}

impl Cost {
    /// Measures it, by calls of two functions of this program.
    ///
    /// # Errors
    /// [`ProbeError::Refused`] if the kernel takes no probe there.
    pub(crate) fn measure(programs: &mut Ebpf) -> Result<Self, ProbeError> {
        let functions = [emulated as extern "C" fn(), stepped];
        let mut call = [0.0; 2];
        for (cost, function) in call.iter_mut().zip(functions) {
            let without = fastest(function);
            let place = offset_of(function as usize as u64).ok_or(ProbeError::Refused {
                what: "a probe in this program",
                reason: "its code is not in its file".into(),
            })?;
            let mut links = Vec::new();
            for name in ["leave", "enter"] {
                let refused = |error| ProbeError::refused("a probe in this program", &error);
                let program = programs.program_mut(name).and_then(|one| one.try_into().ok());
                let Some(program): Option<&mut UProbe> = program else { continue };
                let place = UProbeAttachLocation::AbsoluteOffset(place);
                let own = Path::new("/proc/self/exe");
                let link = program.attach(place, own, UProbeScope::CallingProcess);
                let link = link.map_err(refused)?;
                links.push(program.take_link(link).map_err(refused)?);
            }
            *cost =
                (fastest(function).saturating_sub(without)).as_secs_f64() * 1e9 / f64::from(CALLS);
        }
        Ok(Self { call })
    }

    /// Nanoseconds.
    pub(crate) fn of(&self, usage: Usage) -> f64 {
        let calls = self.call.iter().zip(usage.calls);
        #[expect(clippy::cast_precision_loss, reason = "an estimate needs no more")]
        let sum =
            calls.map(|(cost, count)| cost * count as f64).sum::<f64>() + usage.copying as f64;
        sum
    }
}

/// The shortest time that so many calls took: whatever else runs only makes it longer.
fn fastest(function: extern "C" fn()) -> Duration {
    let time = || {
        let began = Instant::now();
        (0..CALLS).for_each(|_| function());
        began.elapsed()
    };
    (0..SERIES).map(|_| time()).min().unwrap_or_default()
}

/// The place in the file of this program of an address in its memory.
fn offset_of(address: u64) -> Option<u64> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        let (start, end) = (number(start)?, number(end)?);
        let offset = number(fields.nth(1)?)?;
        (start..end).contains(&address).then(|| address - start + offset)
    })
}

/// A function that begins with an instruction which the kernel emulates, and has moved nothing.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
extern "C" fn emulated() {
    std::arch::naked_asm!("nop", "xor eax, eax", "ret")
}

/// One that begins with an instruction which it steps over.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
extern "C" fn stepped() {
    std::arch::naked_asm!("mov eax, edi", "xor eax, eax", "ret")
}

#[cfg(not(target_arch = "x86_64"))]
extern "C" fn emulated() {
    std::hint::black_box(1);
}

#[cfg(not(target_arch = "x86_64"))]
extern "C" fn stepped() {
    std::hint::black_box(2);
}

/// Calls that are timed together, and how often.
const CALLS: u32 = 500;
const SERIES: u32 = 5;
