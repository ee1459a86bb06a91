//! The programs in the kernel, with sockets of this process.
#![cfg(target_os = "linux")]

#[cfg(test)]
mod datagrams;
#[cfg(test)]
mod floods;
#[cfg(test)]
mod place;
#[cfg(test)]
mod ring;
