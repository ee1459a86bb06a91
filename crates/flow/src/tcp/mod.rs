//! TCP streams from segments.

mod direction;
mod hole;
mod stream_buffer;

pub(crate) use direction::{Place, TcpDirection};
pub(crate) use hole::Hole;
