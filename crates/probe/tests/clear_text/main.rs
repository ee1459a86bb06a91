//! Clear text of programs that people use, with their own TLS libraries.
#![cfg(target_os = "linux")]

#[cfg(test)]
mod accounting;
#[cfg(test)]
mod boringssl;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod changing;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod gnutls;
#[cfg(test)]
mod go;
#[cfg(test)]
mod key_log;
#[cfg(test)]
mod lighttpd;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod mirror;
#[cfg(test)]
mod nss;
#[cfg(test)]
mod openssl;
#[cfg(test)]
mod place;
#[cfg(test)]
mod rustls;
#[cfg(test)]
mod starting;
