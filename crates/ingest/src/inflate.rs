//! Decompression, told by content and never by name.
//!
//! Gzip may have several members and Zstandard several frames, one after the other; zeros after
//! the last are padding, anything else there is reported. Sizes that headers state are not
//! looked at. What could be decompressed before damage is always handed on first.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use crate::raw::Raw;
use crate::window::{Damage, Source};
use crate::{Compression, SkipKind};

/// The largest Zstandard window that is allowed, as a power of two: 128 MiB.
///
/// It is the decoder's own default, and what `zstd` without `--long` ever writes.
const ZSTD_WINDOW_LOG: u32 = 27;

/// How many bytes tell a compression.
const MAGIC: usize = 4;

/// The inflated content of a file.
pub(crate) struct Inflate<'p, R: Read> {
    stage: Stage<'p, R>,
    compression: Compression,
    inflated: u64,
}

/// One member or frame at a time; between two of them the raw bytes decide.
enum Stage<'p, R: Read> {
    Plain(Raw<'p, R>),
    Gzip(Box<GzDecoder<Raw<'p, R>>>),
    Zstd(zstd::Decoder<'static, Raw<'p, R>>),
    /// Nothing more comes; the raw bytes wait to be drained.
    Over(Raw<'p, R>),
    /// The stage is being exchanged.
    Moving,
}

/// What the raw bytes go on with.
enum Next {
    Gzip,
    Zstd,
    /// Nothing, or zeros.
    End,
    Other,
}

impl<'p, R: Read> Inflate<'p, R> {
    /// Looks at the first bytes and starts.
    pub(crate) fn new(mut raw: Raw<'p, R>) -> Result<Self, Damage> {
        let next = next(&mut raw, false).map_err(|error| system(&error))?;
        let (stage, compression) = match next {
            Next::Gzip => (Stage::Gzip(Box::new(GzDecoder::new(raw))), Compression::Gzip),
            Next::Zstd => (Stage::Zstd(frame(raw)?), Compression::Zstd),
            Next::End | Next::Other => (Stage::Plain(raw), Compression::Plain),
        };
        Ok(Self { stage, compression, inflated: 0 })
    }

    pub(crate) const fn compression(&self) -> Compression {
        self.compression
    }

    /// Returns how many bytes were inflated.
    pub(crate) const fn inflated(&self) -> u64 {
        self.inflated
    }

    /// Returns the raw bytes, to be drained.
    pub(crate) fn into_raw(self) -> Option<Raw<'p, R>> {
        match self.stage {
            Stage::Plain(raw) | Stage::Over(raw) => Some(raw),
            Stage::Gzip(decoder) => Some(decoder.into_inner()),
            Stage::Zstd(decoder) => Some(decoder.finish()),
            Stage::Moving => None,
        }
    }

    /// Goes on after the end of a member or frame.
    fn advance(&mut self) -> Result<(), Damage> {
        let mut raw = match std::mem::replace(&mut self.stage, Stage::Moving) {
            Stage::Plain(raw) | Stage::Over(raw) => raw,
            Stage::Gzip(decoder) => decoder.into_inner(),
            Stage::Zstd(decoder) => decoder.finish(),
            Stage::Moving => return Ok(()),
        };
        if self.compression == Compression::Plain {
            self.stage = Stage::Over(raw);
            return Ok(());
        }
        let next = next(&mut raw, true);
        self.stage = match next {
            Ok(Next::Gzip) if self.compression == Compression::Gzip => {
                Stage::Gzip(Box::new(GzDecoder::new(raw)))
            }
            Ok(Next::Zstd) if self.compression == Compression::Zstd => Stage::Zstd(frame(raw)?),
            _ => Stage::Over(raw),
        };
        match (next, &self.stage) {
            (Err(error), _) => Err(system(&error)),
            (Ok(Next::Other | Next::Gzip | Next::Zstd), Stage::Over(_)) => Err(Damage {
                kind: SkipKind::TrailingGarbage,
                detail: format!("bytes after the end of the {} data", self.compression.name()),
            }),
            _ => Ok(()),
        }
    }

    /// Turns a decoder's error into what it means, and ends the stream.
    fn damaged(&mut self, error: &io::Error) -> Damage {
        let stage = std::mem::replace(&mut self.stage, Stage::Moving);
        let raw = Self { stage, ..*self }.into_raw();
        let failed = raw.as_ref().and_then(Raw::failed);
        self.stage = raw.map_or(Stage::Moving, Stage::Over);
        let name = self.compression.name();
        match failed {
            Some(kind) => system(&kind.into()),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                Damage { kind: SkipKind::Truncated, detail: format!("the {name} data ends early") }
            }
            None => {
                Damage { kind: SkipKind::Corrupt, detail: format!("the {name} data is damaged") }
            }
        }
    }
}

impl<R: Read> Source for Inflate<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Damage> {
        loop {
            let read = match &mut self.stage {
                Stage::Plain(raw) => raw.read(buffer),
                Stage::Gzip(decoder) => decoder.read(buffer),
                Stage::Zstd(decoder) => decoder.read(buffer),
                Stage::Over(_) | Stage::Moving => return Ok(0),
            };
            match read {
                Ok(0) => self.advance()?,
                Ok(count) => {
                    self.inflated += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.damaged(&error)),
            }
        }
    }
}

fn frame<'p, R: Read>(raw: Raw<'p, R>) -> Result<zstd::Decoder<'static, Raw<'p, R>>, Damage> {
    let mut decoder =
        zstd::Decoder::with_buffer(raw).map_err(|error| system(&error))?.single_frame();
    decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|error| system(&error))?;
    Ok(decoder)
}

/// Looks at what the raw bytes go on with; `padded` lets zeros pass for the end.
fn next<R: Read>(raw: &mut Raw<'_, R>, padded: bool) -> io::Result<Next> {
    loop {
        let held = raw.peek(MAGIC)?;
        let zeros = held.iter().take_while(|byte| **byte == 0).count();
        return Ok(match held {
            [] => Next::End,
            [0x1f, 0x8b, ..] => Next::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Next::Zstd,
            _ if padded && zeros == held.len() => {
                raw.consume(zeros);
                continue;
            }
            _ => Next::Other,
        });
    }
}

fn system(error: &io::Error) -> Damage {
    Damage { kind: SkipKind::Unreadable, detail: format!("reading failed: {}", error.kind()) }
}
