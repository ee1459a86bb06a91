//! Compiles the programs that run in the kernel.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=src/bpf");
    println!("cargo::rerun-if-env-changed=CLANG");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    for program in ["clear_text", "cutoff", "key_log", "socket"] {
        if let Err(message) = compile(program) {
            println!("cargo::error={message}");
        }
    }
}

fn compile(program: &str) -> Result<(), String> {
    let output = PathBuf::from(env::var("OUT_DIR").map_err(|error| error.to_string())?);
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let mut command = Command::new(&clang);
    command.args(["--target=bpfel", "-g", "-O2", "-Wall", "-Wextra", "-Werror"]);
    // Where Debian and its descendants keep the headers that differ by architecture.
    let architecture = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let registers = if architecture == "x86_64" { "x86" } else { "arm64" };
    command.arg(format!("-D__TARGET_ARCH_{registers}"));
    let headers = format!("/usr/include/{architecture}-linux-gnu");
    if Path::new(&headers).is_dir() {
        command.arg(format!("-I{headers}"));
    }
    let object = output.join(format!("{program}.bpf.o"));
    command.arg("-c").arg(format!("src/bpf/{program}.bpf.c")).arg("-o").arg(&object);
    let run = command.output().map_err(|error| {
        format!("cannot run {clang} ({error}): on Debian `apt-get install clang libbpf-dev`")
    })?;
    if run.status.success() && fs::exists(&object).unwrap_or(false) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&run.stderr).replace('\n', " | ");
    Err(format!(
        "{clang} cannot compile {program}.bpf.c (on Debian `apt-get install clang libbpf-dev linux-libc-dev`): \
         {text}"
    ))
}
