//! Where a file has the function that writes a line of a key log.

use std::fmt;
use std::fs::File;

use super::image::Image;
use super::proof::{Layout, Steps, prove};
use super::references::candidate;
use crate::clear_text::elf::Elf;
use crate::clear_text::place::{Arguments, Place, Stepping};

/// Whose function it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeySource {
    /// OpenSSL 1.1.1 or 3.
    OpenSsl,
    /// BoringSSL.
    BoringSsl,
    /// `crypto/tls` of Go.
    Go,
}

/// The function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyPlace {
    pub(crate) source: KeySource,
    /// Its place in the file.
    pub(crate) offset: u64,
    pub(crate) stepping: Stepping,
    /// Where it has its arguments, if that differs by file.
    pub(crate) layout: Option<Layout>,
}

/// What was found in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sought {
    Found(KeyPlace),
    /// There is a function that is called with labels, and its code does not say where the rest is.
    Unproved,
    Nothing,
}

impl KeySource {
    /// The name that its makers use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenSsl => "OpenSSL",
            Self::BoringSsl => "BoringSSL",
            Self::Go => "Go crypto/tls",
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Looks for the function in a file.
pub(crate) fn find(file: &File) -> Sought {
    if cfg!(not(target_arch = "x86_64")) {
        return Sought::Nothing;
    }
    let (Ok(own), Ok(other)) = (file.try_clone(), file.try_clone()) else { return Sought::Nothing };
    if let Some(place) = in_go(own, other) {
        return Sought::Found(place);
    }
    let image = file.try_clone().and_then(Image::read);
    let Ok(image) = image else { return Sought::Nothing };
    let Some(candidate) = candidate(&image) else { return Sought::Nothing };
    let Some(proved) = prove(&image, candidate.address) else { return Sought::Unproved };
    let code = image.bytes(proved.address, PROLOGUE_LEN);
    let place = Place::at_entry(&code);
    let address = proved.address.checked_add(place.at);
    let Some(offset) = address.and_then(|address| image.offset_of(address)) else {
        return Sought::Unproved;
    };
    let source = match proved.layout.steps {
        Steps::None | Steps::Near(_) => KeySource::OpenSsl,
        Steps::Behind(..) => KeySource::BoringSsl,
    };
    let layout = Some(proved.layout);
    Sought::Found(KeyPlace { source, offset, stepping: place.stepping, layout })
}

fn in_go(file: File, mut code: File) -> Option<KeyPlace> {
    let elf = Elf::read(file, &[WRITE_KEY_LOG]).ok()?;
    let function = elf.function(WRITE_KEY_LOG)?;
    let prologue = elf.code(&mut code, function.address, PROLOGUE_LEN as u64)?;
    let place = Place::before_branch(&prologue, Arguments::Go);
    let offset = elf.offset_of(function.address.checked_add(place.at)?)?;
    Some(KeyPlace { source: KeySource::Go, offset, stepping: place.stepping, layout: None })
}

const WRITE_KEY_LOG: &str = "crypto/tls.(*Config).writeKeyLog";

/// Bytes of a function that are looked at for a place.
const PROLOGUE_LEN: usize = 256;
