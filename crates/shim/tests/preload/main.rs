//! The library in programs that people use.
#![cfg(target_os = "linux")]

#[cfg(test)]
mod agent;
#[cfg(test)]
mod holding;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod place;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod taking;
