//! Usage files on disk: told by content, written whole or not at all, one writer at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use trailtrim_aggregator::{Epoch, Join as _, MAGIC, UsageFile};
use trailtrim_catalog::Catalog;

use crate::output::{printable, tell};

use crate::interrupt;

/// Returns whether a usage file lies at a path, or comes in on standard input where there is none.
pub(crate) fn is_one(path: Option<&Path>) -> bool {
    let Some(path) = path else {
        // Looks without taking. The first byte alone begins nothing else that is read here.
        return io::stdin()
            .lock()
            .fill_buf()
            .is_ok_and(|head| !head.is_empty() && head.iter().zip(MAGIC).all(|(a, b)| *a == b));
    };
    // What cannot be opened is told of when it is read; a pipe would lose what is looked at.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut head = [0; MAGIC.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == MAGIC
}

/// Returns whether something that may matter was not read when it was made.
pub(crate) fn is_lossy(file: &UsageFile) -> bool {
    let mut skipped = file.epochs.values().flat_map(|body| body.usage.sources().skipped());
    skipped.any(|skipped| !skipped.kind.is_expected())
}

/// Returns what to call it.
pub(crate) fn name(path: Option<&Path>) -> String {
    path.map_or_else(|| "-".to_owned(), |path| path.display().to_string())
}

/// Reads one, from standard input where there is no path.
pub(crate) fn read(path: Option<&Path>) -> anyhow::Result<UsageFile> {
    let unreadable = || format!("cannot read `{}`", name(path));
    let result = match path {
        Some(path) => {
            let file = File::open(path).with_context(unreadable)?;
            // Where a directory can be opened it says so only when it is read.
            if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
                return Err(io::Error::from(io::ErrorKind::IsADirectory)).with_context(unreadable);
            }
            UsageFile::read(BufReader::new(file))
        }
        None => UsageFile::read(io::stdin().lock()),
    };
    result.with_context(unreadable)
}

/// Says what one does not hold, where that is known: what its archives held outside of limits, and
/// what later releases keep of a call.
pub(crate) fn tell_of(path: Option<&Path>, file: &UsageFile, catalog: Catalog) {
    let name = printable(&name(path));
    for (epoch, body) in &file.epochs {
        if !body.scope.is_empty() {
            let limits = printable(&body.scope.join(", "));
            tell(&format!("note: `{name}` was observed with limits: {limits}\n"));
        }
        if *epoch != Epoch::of_told(catalog, &body.scope) {
            tell(&format!(
                "note: `{name}` was observed by a release that kept other parts of calls; where one \
                 comes out wider than it was, or as `unresolved`, observe its archives again\n"
            ));
        }
    }
}

/// Reads one that may not be there yet.
pub(crate) fn read_if_there(path: &Path) -> anyhow::Result<UsageFile> {
    match path.try_exists() {
        Ok(false) => Ok(UsageFile::default()),
        _ => read(Some(path)),
    }
}

/// Returns the files that stand beside one while it is written.
pub(crate) fn beside(path: &Path) -> [PathBuf; 2] {
    ["lock", "new"].map(|what| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!(".{name}.{what}"))
    })
}

/// Writes a usage; with `append`, joined to what is there by then.
///
/// Readers see the old file or the new one. Writers wait for one another: the lock is on a file of
/// its own, since the usage file itself is replaced. A run that is killed leaves both files beside
/// it behind, which the next one uses.
pub(crate) fn write(path: &Path, usage: UsageFile, append: bool) -> anyhow::Result<UsageFile> {
    let [lock_path, new_path] = beside(path);
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = || format!("cannot write `{}`", path.display());
    fs::create_dir_all(directory).with_context(failed)?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .with_context(failed)?;
    lock.lock().with_context(failed)?;
    let usage = if append {
        let mut known = read_if_there(path)?;
        known.join(usage);
        known
    } else {
        usage
    };
    let _whole = interrupt::hold();
    let new = File::create(&new_path).with_context(failed)?;
    let mut writer = BufWriter::new(new);
    usage.write(&mut writer).with_context(failed)?;
    writer.flush().with_context(failed)?;
    // On disk before the name points to it, and the name before anyone is told that it is done.
    writer.get_ref().sync_all().with_context(failed)?;
    fs::rename(&new_path, path).with_context(failed)?;
    #[cfg(unix)]
    File::open(directory).and_then(|directory| directory.sync_all()).with_context(failed)?;
    drop(lock);
    Ok(usage)
}
