//! Where the functions of a program or a library are in its file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use hashbrown::HashMap;
use object::elf::{FileHeader64, PF_X, PT_LOAD, SHT_DYNSYM, SHT_SYMTAB, STT_FUNC};
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _, Sym as _};
use object::{Endianness, ReadCache};

use super::go;
use super::hints::Reason;
use super::rustls::{self, Cipher};

/// A function in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Address in the memory that the file describes.
    pub(crate) address: u64,
    /// Length in bytes, 0 if that is not told.
    pub(crate) len: u64,
}

/// A file with code, as far as it says where its functions are.
#[derive(Debug)]
pub(crate) struct Elf {
    functions: HashMap<&'static str, Function>,
    ciphers: Vec<Cipher>,
    segments: Vec<Segment>,
    /// Why there is TLS in it, but none of the functions.
    reason: Option<Reason>,
}

/// A part of a file that is mapped to be executed.
#[derive(Clone, Copy, Debug)]
struct Segment {
    address: u64,
    offset: u64,
    len: u64,
}

impl Elf {
    /// Reads which of the functions that `wanted` names a file has.
    ///
    /// # Errors
    /// If it cannot be read, or is no file of this kind.
    pub(crate) fn read(file: File, wanted: &[&'static str]) -> io::Result<Self> {
        let len = file.metadata()?.len();
        if len > MAX_FILE_LEN {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is too large"));
        }
        parse(file, wanted).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// The same file with functions that were found by other means.
    pub(crate) fn with(
        self,
        functions: impl IntoIterator<Item = (&'static str, Function)>,
    ) -> Self {
        let functions = self.functions.into_iter().chain(functions).collect();
        Self { functions, reason: None, ..self }
    }

    /// A function by its name.
    pub(crate) fn function(&self, name: &str) -> Option<Function> {
        self.functions.get(name).copied()
    }

    /// What makes and opens the records of rustls.
    pub(crate) fn ciphers(&self) -> &[Cipher] {
        &self.ciphers
    }

    /// Whether none of those that were wanted is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.ciphers.is_empty()
    }

    /// Why there is TLS in it, but none of those that were wanted.
    pub(crate) const fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// The place in the file of an address.
    pub(crate) fn offset_of(&self, address: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let into = address.checked_sub(segment.address).filter(|into| *into < segment.len)?;
            segment.offset.checked_add(into)
        })
    }

    /// The bytes at an address, at most `len` and as many as are there.
    pub(crate) fn code(&self, file: &mut File, address: u64, len: u64) -> Option<Vec<u8>> {
        let segment = self.segments.iter().find(|segment| {
            address.checked_sub(segment.address).is_some_and(|into| into < segment.len)
        })?;
        let into = address - segment.address;
        file.seek(SeekFrom::Start(segment.offset.checked_add(into)?)).ok()?;
        let mut code = Vec::new();
        file.take(len.min(segment.len - into)).read_to_end(&mut code).ok()?;
        Some(code)
    }
}

fn parse(file: File, wanted: &[&'static str]) -> object::read::Result<Elf> {
    let data = ReadCache::new(file);
    let header = FileHeader64::<Endianness>::parse(&data)?;
    let endian = header.endian()?;
    let mut segments = Vec::new();
    for segment in header.program_headers(endian, &data)? {
        if segment.p_type(endian) == PT_LOAD && segment.p_flags(endian) & PF_X != 0 {
            segments.push(Segment {
                address: segment.p_vaddr(endian),
                offset: segment.p_offset(endian),
                len: segment.p_filesz(endian),
            });
        }
    }
    let mut functions = HashMap::new();
    let mut ciphers = Vec::new();
    let sections = header.sections(endian, &data)?;
    for kind in [SHT_DYNSYM, SHT_SYMTAB] {
        let symbols = sections.symbols(endian, &data, kind)?;
        if symbols.is_empty() {
            continue;
        }
        let strings = sections.section(symbols.string_section())?;
        if strings.sh_size(endian) > MAX_STRINGS_LEN {
            continue;
        }
        let strings = strings.data(endian, &data)?;
        for symbol in symbols.iter() {
            if symbol.st_type() != STT_FUNC || symbol.st_value(endian) == 0 {
                continue;
            }
            let function =
                Function { address: symbol.st_value(endian), len: symbol.st_size(endian) };
            ciphers.extend(Cipher::named(strings, symbol.st_name(endian), function));
            let Some(name) = find(wanted, strings, symbol.st_name(endian)) else { continue };
            functions.entry(name).or_insert(function);
        }
    }
    rustls::settle(&mut ciphers);
    let mut reason = None;
    for (_, section) in sections.enumerate() {
        let name = sections.section_name(endian, section).unwrap_or_default();
        if !go::SECTIONS.contains(&name) || section.sh_size(endian) > MAX_STRINGS_LEN {
            continue;
        }
        let text = sections.section_by_name(endian, b".text");
        let text = text.map_or(0, |(_, text)| text.sh_addr(endian));
        let table = section.data(endian, &data)?;
        if !go::is_known(table) {
            reason = Some(Reason::OldGo);
        }
        functions.extend(go::functions(table, text, wanted));
    }
    if functions.is_empty()
        && ciphers.is_empty()
        && reason.is_none()
        && let Some((_, constants)) = sections.section_by_name(endian, b".rodata")
        && constants.sh_size(endian) <= MAX_CONSTANTS_LEN
    {
        reason = Reason::of_constants(constants.data(endian, &data)?);
    }
    Ok(Elf { functions, ciphers, segments, reason })
}

/// Which of the names that are wanted is at a place among the strings of a file.
fn find(wanted: &[&'static str], strings: &[u8], at: u32) -> Option<&'static str> {
    let rest = strings.get(usize::try_from(at).ok()?..)?;
    let first = rest.first()?;
    wanted.iter().copied().find(|name| {
        let name = name.as_bytes();
        name.first() == Some(first) && rest.get(name.len()) == Some(&0) && rest.starts_with(name)
    })
}

/// The largest programs that exist have some hundred megabytes.
const MAX_FILE_LEN: u64 = 2 << 30;

/// Names of a program with all of its symbols, of which the largest have some tens of megabytes.
const MAX_STRINGS_LEN: u64 = 256 << 20;

/// Constants in which signs of a library are looked for: those of browsers are some tens of megabytes.
const MAX_CONSTANTS_LEN: u64 = 64 << 20;
