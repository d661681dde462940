//! Usage files on disk: told by content, written whole or not at all, one writer at a time.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use trailtrim_aggregator::{Epoch, Join as _, UsageFile, excludes};
use trailtrim_catalog::Catalog;

use crate::exit::hinted;
use crate::output::{Temporary, printable, tell};
use crate::{directory, interrupt};

/// Returns whether something that may matter was not read when it was made.
pub(crate) fn is_lossy(file: &UsageFile) -> bool {
    let mut skipped = file.epochs.values().flat_map(|body| body.usage.sources().skipped());
    skipped.any(|skipped| !skipped.kind.is_expected())
}

/// Reads one.
pub(crate) fn read(path: &Path) -> anyhow::Result<UsageFile> {
    let name = path.display().to_string();
    let unreadable = || format!("cannot read `{name}`");
    let file = File::open(path).with_context(unreadable)?;
    // Where a directory can be opened it says so only when it is read.
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(io::Error::from(io::ErrorKind::IsADirectory)).with_context(unreadable);
    }
    read_from(file, &name)
}

/// Reads one that is open, and was not read from yet.
pub(crate) fn read_from(open: impl Read, name: &str) -> anyhow::Result<UsageFile> {
    UsageFile::read(BufReader::new(open)).with_context(|| format!("cannot read `{name}`"))
}

/// Says what one does not hold, where that is known: what its archives held outside of limits, and
/// what later releases keep of a call.
pub(crate) fn tell_of(name: &str, file: &UsageFile, catalog: Catalog) {
    let name = printable(name);
    if !excludes_alike(file) {
        tell(&format!(
            "warning: `{name}` was joined of parts that exclude different sessions, addresses or times: what one \
             leaves out another may have\n"
        ));
    }
    for (epoch, body) in &file.epochs {
        if !body.scope.is_empty() {
            let part = if file.epochs.len() > 1 { "a part of " } else { "" };
            let limits = printable(&body.scope.join(", "));
            tell(&format!("note: {part}`{name}` was observed with limits: {limits}\n"));
        }
        if *epoch != Epoch::of_told(catalog, &body.scope) {
            tell(&format!(
                "note: `{name}` was observed by a release that kept other parts of calls; where one \
                 comes out wider than it was, or as `unresolved`, or a role is called unused that \
                 something may have assumed, observe its archives again\n"
            ));
        }
    }
}

/// Returns whether the same calls were left out as foreign evidence of all that it is made of.
pub(crate) fn excludes_alike(file: &UsageFile) -> bool {
    let mut all = file.epochs.values().map(|body| excludes(&body.scope).collect::<Vec<_>>());
    let first = all.next();
    all.all(|other| Some(other) == first)
}

/// Reads one that may not be there yet.
pub(crate) fn read_if_there(path: &Path) -> anyhow::Result<UsageFile> {
    match path.try_exists() {
        Ok(false) => Ok(UsageFile::default()),
        _ => read(path),
    }
}

/// Where a usage file is written: what the path names, whatever links lead there.
struct Place {
    /// The file.
    file: PathBuf,
    /// Where it lies.
    directory: PathBuf,
    /// How it is called there.
    name: OsString,
}

impl Place {
    /// Fails where something is there that is no regular file: a device or a pipe is not to be
    /// replaced, and where a link leads nowhere, someone else may have chosen where.
    fn of(path: &Path) -> anyhow::Result<Place> {
        let refused = |what: &str, hint: &str| {
            Err(hinted(format!("cannot write `{}`: {what}", path.display()), hint))
        };
        let file = match fs::metadata(path) {
            Ok(there) if there.is_dir() => {
                return Err(io::Error::from(io::ErrorKind::IsADirectory))
                    .with_context(|| format!("cannot write `{}`", path.display()));
            }
            Ok(there) if !there.is_file() => {
                return refused(
                    "it is there and is no file",
                    "name a file; a usage file is written beside its place and put there whole",
                );
            }
            Ok(_) => fs::canonicalize(path)
                .with_context(|| format!("cannot write `{}`", path.display()))?,
            Err(_) if path.is_symlink() => {
                return refused(
                    "it is a link that leads nowhere",
                    "remove it, or make what it names",
                );
            }
            Err(_) => path.to_owned(),
        };
        let Some(name) = file.file_name().map(OsStr::to_owned) else {
            return refused("it names no file", "add the name of a file");
        };
        let directory = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Place { file, directory, name })
    }

    /// Returns the file that writers lock.
    fn lock(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".lock");
        self.directory.join(name)
    }

    /// Locks it for as long as the result lives.
    fn locked(&self) -> io::Result<File> {
        let path = self.lock();
        let lock = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_regular(&path)?,
            other => other?,
        };
        lock.lock()?;
        Ok(lock)
    }

    /// Removes what runs that were killed left of it. To be called under the lock: then nobody is
    /// writing.
    fn clean(&self) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if Temporary::is_of(&entry.file_name(), &self.name) {
                // What cannot be removed is in nobody's way.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Opens a file for writing, as it is, unless it is a link or anything else than a file: whoever may
/// write in a directory could have planted it.
fn open_regular(path: &Path) -> io::Result<File> {
    let odd = || {
        let what = format!("`{}` is no file of ours: remove it", path.display());
        io::Error::new(io::ErrorKind::InvalidInput, what)
    };
    let seen = fs::symlink_metadata(path)?;
    if !seen.is_file() {
        return Err(odd());
    }
    let file = OpenOptions::new().write(true).open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // Looked at and opened are two steps, and something may have come between.
        let opened = file.metadata()?;
        if (seen.dev(), seen.ino()) != (opened.dev(), opened.ino()) {
            return Err(odd());
        }
    }
    Ok(file)
}

/// The longest name of a usage file: most file systems end at 255 bytes, and the temporary file beside
/// it has eighteen more.
const LONGEST_NAME: usize = 237;

/// Fails where a usage file cannot be written: after hours of reading it would be late to find out.
pub(crate) fn require(path: &Path) -> anyhow::Result<()> {
    let place = Place::of(path)?;
    directory::require_file(&place.file)?;
    if place.name.len() > LONGEST_NAME {
        return Err(hinted(
            format!(
                "cannot write `{}`: the name has more than {LONGEST_NAME} bytes",
                path.display()
            ),
            "shorten it: what stands beside it while it is written has a longer one",
        ));
    }
    if let Ok(lock) = fs::symlink_metadata(place.lock())
        && !lock.is_file()
    {
        return Err(hinted(
            format!("cannot write `{}`: `{}` is no file", path.display(), place.lock().display()),
            "remove it, or name another file: writers wait for one another there",
        ));
    }
    Ok(())
}

/// Returns the files that stand beside a usage file and are none of the archive it is made of.
pub(crate) fn beside(path: &Path) -> Vec<PathBuf> {
    Place::of(path).map(|place| vec![place.lock()]).unwrap_or_default()
}

/// Writes a usage; with `append`, joined to what is there by then.
///
/// Readers see the old file or the new one. Writers wait for one another: the lock is on a file of
/// its own, since the usage file itself is replaced. A run that is killed may leave a temporary file
/// beside it, which the next one removes.
pub(crate) fn write(path: &Path, usage: UsageFile, append: bool) -> anyhow::Result<UsageFile> {
    let failed = || format!("cannot write `{}`", path.display());
    let place = Place::of(path)?;
    fs::create_dir_all(&place.directory).with_context(failed)?;
    let lock = place.locked().with_context(failed)?;
    let usage = if append {
        let mut known = read_if_there(path)?;
        known.join(usage);
        known
    } else {
        usage
    };
    let _whole = interrupt::hold();
    place.clean();
    let new = Temporary::new(&place.directory, &place.name).with_context(failed)?;
    let mut writer = BufWriter::new(new.file().with_context(failed)?);
    usage.write(&mut writer).with_context(failed)?;
    writer.flush().with_context(failed)?;
    drop(writer);
    if let Ok(old) = fs::metadata(&place.file) {
        new.file().and_then(|new| new.set_permissions(old.permissions())).with_context(failed)?;
    }
    // On disk before the name points to it, and the name before anyone is told that it is done.
    new.file().and_then(File::sync_all).with_context(failed)?;
    new.put(&place.file).with_context(failed)?;
    #[cfg(unix)]
    File::open(&place.directory).and_then(|directory| directory.sync_all()).with_context(failed)?;
    drop(lock);
    Ok(usage)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_link_stays_and_what_it_names_is_replaced_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (link, real) = (folder.path().join("link"), folder.path().join("real/a.usage"));
        write(&real, UsageFile::default(), false).unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        fs::write(&real, "old").unwrap();
        write(&link, UsageFile::default(), false).unwrap();
        assert!(link.is_symlink() && read(&real).is_ok());
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(names(folder.path()), ["link", "real"]);
        assert_eq!(names(&folder.path().join("real")), [".a.usage.lock", "a.usage"]);
    }

    #[test]
    fn a_name_that_is_too_long_is_refused_before_reading() {
        let folder = tempfile::tempdir().unwrap();
        let name = |bytes: usize| folder.path().join("n".repeat(bytes));
        write(&name(LONGEST_NAME), UsageFile::default(), false).unwrap();
        require(&name(LONGEST_NAME)).unwrap();
        let error = require(&name(LONGEST_NAME + 1)).unwrap_err().to_string();
        assert!(error.contains("more than 237 bytes"), "{error}");
    }

    #[test]
    fn what_is_no_file_is_refused_before_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(made.success());
        symlink(path("pipe"), path("to-pipe")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        symlink(path("victim"), path(".a.usage.lock")).unwrap();
        let device = PathBuf::from("/dev/null");
        for odd in [path("pipe"), path("to-pipe"), path("dangling"), path("a.usage"), device] {
            let error = require(&odd).unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot write `{}`: ", odd.display())), "{error}");
        }
        // Planted between the look and the writing.
        assert!(write(&path("a.usage"), UsageFile::default(), false).is_err());
        assert!(!path("victim").exists() && !path("a.usage").exists());
        fs::write(path("victim"), "mine").unwrap();
        assert!(write(&path("a.usage"), UsageFile::default(), false).is_err());
        assert_eq!(fs::read(path("victim")).unwrap(), b"mine");
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("victim"), "mine").unwrap();
        fs::write(path(".trailtrim-a.usage-Ab12Cd"), "half").unwrap();
        symlink(path("victim"), path(".trailtrim-a.usage-Ab12Ce")).unwrap();
        fs::write(path(".trailtrim-b.usage-Ab12Cd"), "another's").unwrap();
        // Where it stood before its name was drawn.
        symlink(path("victim"), path(".a.usage.new")).unwrap();
        write(&path("a.usage"), UsageFile::default(), false).unwrap();
        assert_eq!(fs::read(path("victim")).unwrap(), b"mine");
        let left =
            [".a.usage.lock", ".a.usage.new", ".trailtrim-b.usage-Ab12Cd", "a.usage", "victim"];
        assert_eq!(names(folder.path()), left);
    }
}
