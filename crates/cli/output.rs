//! Writing results: whole files or none, and text that cannot harm a terminal.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;

/// Writes a file so that readers see the old content or the new, never half of it.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        fs::create_dir_all(directory)?;
        let mut file = tempfile::Builder::new().prefix(".trailtrim-").tempfile_in(directory)?;
        file.write_all(content)?;
        // Temporary files are private; results are as readable as the user's other files.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(directory)?.permissions().mode() & 0o666;
            file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        }
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

/// Writes data to standard output.
pub(crate) fn write_stdout(content: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(content)
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

/// Writes messages for people to standard error. Where that is closed, nobody reads them.
pub(crate) fn tell(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Makes text out of a log safe to show: control characters are escaped, so that
/// it cannot move the cursor, hide a line or begin one.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
            let (plain, escape) = if escaped { (None, Some(c.escape_default())) } else { (Some(c), None) };
            plain.into_iter().chain(escape.into_iter().flatten())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(printable("rôle\u{202e}x"), "rôle\\u{202e}x");
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b.json");
        write_file(&path, b"one").unwrap();
        write_file(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(directory.path().join("a")).unwrap().count(), 1);
    }
}
