//! What is handed over and what is not, through the public interface.

#[cfg(test)]
mod message;
#[cfg(test)]
mod rules;
