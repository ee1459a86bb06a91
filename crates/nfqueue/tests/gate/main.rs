//! Which packets the gate holds, and until when.

#[cfg(test)]
mod evading;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod passing;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod world;
