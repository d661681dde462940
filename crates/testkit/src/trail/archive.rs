//! Packs records into files under the keys that CloudTrail gives them in S3.

use std::fs;
use std::io;
use std::path::Path;

use super::clock::{Seconds, folder, stamp};

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The path below the archive's root, with `/`.
    pub key: String,
    /// The bytes.
    pub body: Vec<u8>,
}

/// How a log file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As CloudTrail delivers it.
    Gzip,
    /// Gzip in several members, as concatenating tools leave it.
    Members,
    /// Zstandard, as archives are repacked.
    Zstd,
    /// Unpacked by somebody.
    Plain,
    /// Gzip whose tail is lost.
    Truncated,
}

impl Packing {
    fn extension(self) -> &'static str {
        match self {
            Self::Gzip | Self::Members | Self::Truncated => "json.gz",
            Self::Zstd => "json.zst",
            Self::Plain => "json",
        }
    }

    /// Returns `text`, packed.
    ///
    /// The bytes depend on nothing but the text: the deflater is a pure one that
    /// takes no different turn where a processor has wider registers.
    pub fn pack(self, text: &str) -> Vec<u8> {
        match self {
            Self::Gzip => gzip(text.as_bytes(), 6),
            Self::Members => {
                let (head, tail) = text.as_bytes().split_at(text.len() / 2);
                [gzip(head, 6), gzip(tail, 6)].concat()
            }
            // Compressing from memory into memory fails for no reason but a wrong level.
            Self::Zstd => zstd::bulk::compress(text.as_bytes(), 3).unwrap_or_default(),
            Self::Plain => text.as_bytes().to_vec(),
            Self::Truncated => {
                let mut packed = gzip(text.as_bytes(), 6);
                packed.truncate(packed.len() * 7 / 10);
                packed
            }
        }
    }
}

/// Where a log file stands: what its key says.
#[derive(Clone, Copy, Debug)]
pub struct Shelf<'a> {
    /// `o-…` for an organization's trail.
    pub organization: Option<&'a str>,
    /// The account.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// When the file was delivered.
    pub delivered: Seconds,
    /// Sixteen letters and digits that mean nothing.
    pub unique: &'a str,
}

impl Shelf<'_> {
    /// Returns the key of a log file.
    pub fn key(&self, packing: Packing) -> String {
        self.named("CloudTrail", packing.extension())
    }

    /// Returns the key of a digest file of `trail`, whose home is this region.
    pub fn digest_key(&self, trail: &str) -> String {
        // Digests name their trail, and their time to the second, in place of the unique part.
        let minute = stamp(self.delivered).replace('Z', "00Z");
        self.within("CloudTrail-Digest", &format!("{trail}_{}_{minute}.json.gz", self.region))
    }

    /// Returns the key of an Insights file.
    pub fn insight_key(&self) -> String {
        self.named("CloudTrail-Insight", "json.gz")
    }

    fn named(&self, kind: &str, extension: &str) -> String {
        let tail = format!("{}_{}.{extension}", stamp(self.delivered), self.unique);
        self.within(kind, &tail)
    }

    fn within(&self, kind: &str, tail: &str) -> String {
        let organization = self.organization.map(|id| format!("{id}/")).unwrap_or_default();
        let (account, region, day) = (self.account, self.region, folder(self.delivered));
        format!(
            "AWSLogs/{organization}{account}/{kind}/{region}/{day}/{account}_{kind}_{region}_{tail}"
        )
    }
}

/// Returns the text of a log file: `{"Records":[…]}` in one line.
pub fn records<T: AsRef<str>>(records: &[T]) -> String {
    let length = records.iter().map(|record| record.as_ref().len() + 1).sum::<usize>();
    let mut out = String::with_capacity(length + 16);
    out.push_str("{\"Records\":");
    out.push_str(&super::json::array(records));
    out.push('}');
    out
}

/// Returns `bytes` as one gzip member.
pub fn gzip(bytes: &[u8], level: u8) -> Vec<u8> {
    // Magic, deflate, no flags, no time, no extra flags, unknown system (RFC 1952).
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, level));
    out.extend(crc32fast::hash(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

/// Writes `files` below `root`, making the folders they need.
///
/// # Errors
/// Where a folder or a file cannot be written; the message names it.
pub fn write(root: &Path, files: &[File]) -> io::Result<()> {
    for file in files {
        let path = root.join(&file.key);
        let parent = path.parent().unwrap_or(root);
        fs::create_dir_all(parent).and_then(|()| fs::write(&path, &file.body)).map_err(
            |error| {
                io::Error::new(error.kind(), format!("cannot write `{}`: {error}", path.display()))
            },
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spelled_as_cloudtrail_does() {
        let shelf = Shelf {
            organization: Some("o-exampleorg1"),
            account: "111122223333",
            region: "eu-central-1",
            delivered: super::super::clock::midnight(2026, 3, 2) + 300,
            unique: "abcdefghijklmnop",
        };
        assert_eq!(
            shelf.key(Packing::Gzip),
            "AWSLogs/o-exampleorg1/111122223333/CloudTrail/eu-central-1/2026/03/02/\
             111122223333_CloudTrail_eu-central-1_20260302T0005Z_abcdefghijklmnop.json.gz"
        );
    }
}
