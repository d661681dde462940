//! The least that reading an archive can cost: its bytes read, or read and inflated, and dropped.
//!
//! Nothing that reads gzip is much faster than libdeflate into a buffer that is used again. What the
//! product adds to that is what there is to save.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser};
use libdeflater::{DecompressionError, Decompressor};
use rayon::prelude::*;
use trailtrim_aggregator::UsageFile;
use walkdir::WalkDir;

/// What the product is measured against
#[derive(Parser)]
enum Command {
    /// Read every file of an archive and drop what is read
    Read(Archive),
    /// Read and inflate every file of an archive and drop what comes out
    Inflate(Archive),
    /// Count the distinct (principal, event source, event name, ARN) of a usage file
    Rows {
        /// The usage file
        usage: PathBuf,
    },
}

#[derive(Args)]
struct Archive {
    /// The archive; its files are gzip of one member
    root: PathBuf,
    /// Threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Read,
    Inflate,
}

/// What a thread uses again from file to file.
#[derive(Default)]
struct Buffers {
    raw: Vec<u8>,
    inflated: Vec<u8>,
    decompressor: Decompressor,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

fn main() -> ExitCode {
    let told = match Command::parse() {
        Command::Read(archive) => run(&archive, Stage::Read),
        Command::Inflate(archive) => run(&archive, Stage::Inflate),
        Command::Rows { usage } => rows(&usage),
    };
    #[expect(clippy::print_stdout, clippy::print_stderr, reason = "a development tool's only door")]
    match told {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Counts what the peers count, out of what the product keeps.
fn rows(usage: &Path) -> io::Result<String> {
    let file = UsageFile::read(BufReader::new(File::open(usage)?)).map_err(io::Error::other)?;
    let usage = file.into_usage();
    let mut rows = HashSet::new();
    for (principal, workloads) in usage.principals() {
        for (call, _) in workloads.iter() {
            let arns = call.resources.iter().map(|resource| Some(resource.arn.to_string()));
            let none = call.resources.is_empty().then_some(None);
            for arn in arns.chain(none) {
                let (source, name) = (call.event_source.to_string(), call.event_name.to_string());
                rows.insert((principal.arn.clone(), source, name, arn));
            }
        }
    }
    Ok(rows.len().to_string())
}

/// Goes over an archive.
fn run(archive: &Archive, stage: Stage) -> io::Result<String> {
    let mut files = Vec::new();
    for entry in WalkDir::new(&archive.root) {
        let entry = entry?;
        if entry.file_type().is_file() {
            files.push((entry.metadata()?.len(), entry.into_path()));
        }
    }
    // The largest first, as the product reads them.
    files.sort_by(|a, b| b.cmp(a));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(archive.threads)
        .build()
        .map_err(io::Error::other)?;
    let bytes = pool.install(|| {
        files
            .par_iter()
            .with_max_len(1)
            .map(|(_, path)| BUFFERS.with_borrow_mut(|buffers| buffers.take(path, stage)))
            .try_reduce(|| 0, |a, b| Ok(a + b))
    })?;
    Ok(format!("{} files, {bytes} bytes", files.len()))
}

impl Buffers {
    /// Reads a file and returns how many bytes came out.
    fn take(&mut self, path: &Path, stage: Stage) -> io::Result<u64> {
        self.raw.clear();
        File::open(path)?.read_to_end(&mut self.raw)?;
        if stage == Stage::Read {
            return Ok(self.raw.len() as u64);
        }
        if self.inflated.is_empty() {
            self.inflated.resize(1 << 20, 0);
        }
        loop {
            match self.decompressor.gzip_decompress(&self.raw, &mut self.inflated) {
                Ok(length) => return Ok(length as u64),
                Err(DecompressionError::InsufficientSpace) => {
                    self.inflated.resize(self.inflated.len() * 2, 0);
                }
                Err(DecompressionError::BadData) => {
                    return Err(io::Error::other(format!("`{}` is no gzip", path.display())));
                }
            }
        }
    }
}
