//! Usage files: what was observed, on disk.
//!
//! ```text
//! file    := magic (8 bytes) major u16 minor u16 section* end
//! section := kind u8, raw length u32, packed length u32, checksum u64, packed bytes
//! end     := a section of kind 0 whose bytes are the number of sections before it
//! ```
//! Numbers are little-endian. The bytes of a section are a zstd frame, the checksum is XXH3-64 over
//! kind, both lengths and the packed bytes. Sections: 1 the head, and for each epoch 2 its scope and
//! quota, 3 sources, 4 principals with their calls, 5 all else, 6 the coverage as pieces of JSON; of 3
//! to 6 there are as many as it takes for each to be of a bounded size. A reader passes over a section of
//! a kind it does not know, if only the minor version is newer.
//!
//! Everything is in canonical order and names are written out (where records were found once a section,
//! and by number after that), so equal usages are equal bytes, and a file does not need the catalog it
//! was made with. Nothing in it tells when or where it was made.
//! Bytes of a file are not trusted: no length is believed before that many bytes were read, and a
//! section that unpacks to more than it says is damage.

mod bytes;
mod decode;
mod encode;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::epoch::Epoch;
use crate::stats::Join;
use crate::usage::Usage;

/// How usage files begin.
pub const MAGIC: [u8; 8] = *b"\x89TTUSE\r\n";

/// The format this program writes; it reads every minor version of this major one.
pub const VERSION: (u16, u16) = (5, 0);

/// A section holds at most this much before it is packed, unless a single call or the coverage of a
/// single region is larger.
const SECTION: usize = 1 << 20;

/// No section is larger than this.
const LARGEST_SECTION: usize = 1 << 30;

/// The level of zstd: at 6 files are a few per cent smaller and take three times as long to pack.
const LEVEL: i32 = 3;

/// What can be wrong with a usage file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It does not begin as a usage file does.
    #[error("not a usage file: make one with `trailtrim observe`")]
    NotAUsageFile,
    /// It was written by another release in another format.
    #[error(
        "usage file of format {found}, this program reads {}: use the release that wrote it, or observe again",
        VERSION.0
    )]
    OtherFormat {
        /// The major version found.
        found: u16,
    },
    /// Bytes are missing or not what was written.
    #[error("damaged usage file: {what} at byte {at}; observe again, or take another copy of it")]
    Damaged {
        /// What does not hold.
        what: &'static str,
        /// Where the section begins, from the start of the file.
        at: u64,
    },
    /// It holds more than the format can.
    #[error("a single entry of this usage is larger than a section can be: observe less at once")]
    TooLarge,
    /// Reading or writing failed.
    #[error("cannot read or write the usage file")]
    Io(#[from] io::Error),
}

/// What a usage file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageFile {
    /// What was observed, by epoch.
    pub epochs: BTreeMap<Epoch, Body>,
}

/// What was observed in one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// What observing was limited to, as [`Scope::told`](crate::Scope::told) tells it.
    pub scope: Vec<String>,
    /// What was observed.
    pub usage: Usage,
}

impl UsageFile {
    /// Returns what all epochs know, joined.
    pub fn into_usage(self) -> Usage {
        let mut all = Usage::default();
        for body in self.epochs.into_values() {
            all.join(body.usage);
        }
        all
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Where writing fails, or one entry is larger than a section.
    pub fn write(&self, writer: impl Write) -> Result<(), FileError> {
        let mut sections = Sections::new(writer);
        sections.writer.write_all(&MAGIC)?;
        sections.writer.write_all(&VERSION.0.to_le_bytes())?;
        sections.writer.write_all(&VERSION.1.to_le_bytes())?;
        encode::file(self, &mut sections)?;
        let count = sections.count;
        sections.add(Kind::End, count.to_le_bytes().to_vec())?;
        sections.write()?;
        sections.writer.flush()?;
        Ok(())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`] says what is wrong with it, and where.
    pub fn read(reader: impl Read) -> Result<UsageFile, FileError> {
        let mut source = Source { reader, at: 0 };
        let head: [u8; 12] = source.take().map_err(|error| match error {
            FileError::Damaged { .. } => FileError::NotAUsageFile,
            other => other,
        })?;
        let [m @ .., a, b, c, d] = head;
        if m != MAGIC {
            return Err(FileError::NotAUsageFile);
        }
        let major = u16::from_le_bytes([a, b]);
        if major != VERSION.0 {
            return Err(FileError::OtherFormat { found: major });
        }
        let later = u16::from_le_bytes([c, d]) > VERSION.1;
        let mut decoder = decode::Decoder::default();
        let mut count = 0u32;
        loop {
            let at = source.at;
            let damaged = |what| FileError::Damaged { what, at };
            let (kind, raw) = source.section()?;
            match Kind::of(kind) {
                Some(Kind::End) => {
                    if raw != count.to_le_bytes() {
                        return Err(damaged("sections are missing"));
                    }
                    if source.reader.read(&mut [0])? != 0 {
                        return Err(damaged("bytes after the end"));
                    }
                    return decoder.finish().ok_or(damaged("sections are missing"));
                }
                Some(kind) => {
                    decoder
                        .section(kind, &raw)
                        .ok_or(damaged("an entry is not as it should be"))?;
                }
                None if later => {}
                None => return Err(damaged("a section of a kind that this format has not")),
            }
            count = count.saturating_add(1);
        }
    }
}

impl Join for UsageFile {
    fn join(&mut self, other: Self) {
        for (epoch, body) in other.epochs {
            let known = self.epochs.entry(epoch).or_default();
            known.scope = body.scope;
            known.usage.join(body.usage);
        }
    }
}

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    End = 0,
    Head = 1,
    Epoch = 2,
    Sources = 3,
    Principals = 4,
    Rest = 5,
    Coverage = 6,
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        [
            Kind::End,
            Kind::Head,
            Kind::Epoch,
            Kind::Sources,
            Kind::Principals,
            Kind::Rest,
            Kind::Coverage,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// Where sections are written.
struct Sections<W> {
    writer: W,
    count: u32,
    /// Those that are still to be packed: no more than threads.
    waiting: Vec<(Kind, Vec<u8>)>,
    packers: Vec<Packer>,
}

impl<W: Write> Sections<W> {
    fn new(writer: W) -> Self {
        Sections { writer, count: 0, waiting: Vec::new(), packers: Vec::new() }
    }

    fn add(&mut self, kind: Kind, raw: Vec<u8>) -> Result<(), FileError> {
        if raw.len() > LARGEST_SECTION {
            return Err(FileError::TooLarge);
        }
        self.waiting.push((kind, raw));
        self.count += 1;
        let at_once = rayon::current_num_threads();
        if self.waiting.len() < at_once { Ok(()) } else { self.write() }
    }

    /// Writes what waits.
    fn write(&mut self) -> Result<(), FileError> {
        let waiting = std::mem::take(&mut self.waiting);
        let bytes: usize = waiting.iter().map(|(_, raw)| raw.len()).sum();
        if self.packers.len() < waiting.len() {
            self.packers.resize_with(waiting.len(), Packer::default);
        }
        let packed: Vec<_> = if bytes > SECTION {
            let waiting = waiting.into_par_iter().zip(&mut self.packers);
            waiting.map(|((kind, raw), packer)| packer.pack(kind, &raw)).collect()
        } else {
            // Too little to wake other threads for.
            let waiting = waiting.into_iter().zip(&mut self.packers);
            waiting.map(|((kind, raw), packer)| packer.pack(kind, &raw)).collect()
        };
        for section in packed {
            self.writer.write_all(&section?)?;
        }
        Ok(())
    }
}

/// Packs sections one after another; what zstd needs for that, over a megabyte, is made once.
#[derive(Default)]
struct Packer(Option<zstd::bulk::Compressor<'static>>);

impl Packer {
    /// Returns a section as it stands in a file.
    fn pack(&mut self, kind: Kind, raw: &[u8]) -> Result<Vec<u8>, FileError> {
        let compressor = match &mut self.0 {
            Some(compressor) => compressor,
            none => none.insert(zstd::bulk::Compressor::new(LEVEL)?),
        };
        section(kind, raw, &compressor.compress(raw)?)
    }
}

fn section(kind: Kind, raw: &[u8], packed: &[u8]) -> Result<Vec<u8>, FileError> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| FileError::TooLarge);
    let mut section = vec![kind as u8];
    section.extend(length(raw)?.to_le_bytes());
    section.extend(length(packed)?.to_le_bytes());
    let sum = checksum(&section, packed);
    section.extend(sum.to_le_bytes());
    section.extend(packed);
    Ok(section)
}

fn checksum(head: &[u8], packed: &[u8]) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(head);
    hash.update(&xxh3_64(packed).to_le_bytes());
    hash.digest()
}

/// Where sections are read from.
struct Source<R> {
    reader: R,
    at: u64,
}

impl<R: Read> Source<R> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FileError> {
        let mut bytes = [0; N];
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => {
                self.at += N as u64;
                Ok(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(FileError::Damaged { what: "it ends early", at: self.at })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads one section: its kind and its bytes.
    fn section(&mut self) -> Result<(u8, Vec<u8>), FileError> {
        let at = self.at;
        let damaged = |what| FileError::Damaged { what, at };
        let head: [u8; 9] = self.take()?;
        let sum = u64::from_le_bytes(self.take()?);
        let [kind, a, b, c, d, e, f, g, h] = head;
        let raw_length = u32::from_le_bytes([a, b, c, d]) as usize;
        let packed_length = u32::from_le_bytes([e, f, g, h]);
        if raw_length > LARGEST_SECTION {
            return Err(damaged("a section is larger than any"));
        }
        // Grows with what is there, whatever the length says.
        let mut packed = Vec::new();
        (&mut self.reader).take(u64::from(packed_length)).read_to_end(&mut packed)?;
        self.at += packed.len() as u64;
        if packed.len() as u64 != u64::from(packed_length) {
            return Err(damaged("it ends early"));
        }
        if checksum(&head, &packed) != sum {
            return Err(damaged("a checksum does not match"));
        }
        let mut raw = Vec::new();
        let decoder = zstd::stream::read::Decoder::new(packed.as_slice())?;
        decoder
            .take(raw_length as u64 + 1)
            .read_to_end(&mut raw)
            .map_err(|_| damaged("a section does not unpack"))?;
        if raw.len() != raw_length {
            return Err(damaged("a section has another length than it says"));
        }
        Ok((kind, raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a file with a section of a kind that no release has, of this minor version.
    fn with_unknown_section(minor: u16) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.0.to_le_bytes());
        bytes.extend(minor.to_le_bytes());
        let mut sections = Sections::new(bytes);
        encode::file(&UsageFile::default(), &mut sections).unwrap();
        sections.write().unwrap();
        let mut unknown =
            section(Kind::Rest, b"x", &zstd::encode_all(&b"x"[..], 1).unwrap()).unwrap();
        let (head, rest) = unknown.split_at_mut(9);
        head[0] = 99;
        let sum = checksum(head, &rest[8..]);
        rest[..8].copy_from_slice(&sum.to_le_bytes());
        sections.writer.extend(unknown);
        let count = sections.count + 1;
        sections.add(Kind::End, count.to_le_bytes().to_vec()).unwrap();
        sections.write().unwrap();
        sections.writer
    }

    #[test]
    fn an_unknown_section_is_passed_over_only_where_the_file_is_of_a_later_minor_version() {
        let later = with_unknown_section(VERSION.1 + 1);
        assert_eq!(UsageFile::read(later.as_slice()).unwrap(), UsageFile::default());
        let same = UsageFile::read(with_unknown_section(VERSION.1).as_slice());
        assert!(matches!(same, Err(FileError::Damaged { .. })), "{same:?}");
    }
}
