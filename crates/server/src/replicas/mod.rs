//! Several servers that decide together: this one follows what others decide, and one of them has the
//! duties that are nobody's request.

pub(crate) mod duties;
pub(crate) mod following;
pub(crate) mod position;
