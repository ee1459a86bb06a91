//! The programs in the kernel, with sockets of this process.
#![cfg(target_os = "linux")]

#[cfg(test)]
mod ring;
