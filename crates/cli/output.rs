//! The one door to the outside: data to standard output, messages to standard error, whole files
//! or none, and text that cannot harm a terminal.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::interrupt;

/// How messages look, whatever the command.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Messages")]
pub(crate) struct ConsoleArgs {
    /// When to colour text for people; NO_COLOR is obeyed too
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    color: ColorWhen,

    /// Form of the messages on standard error; as JSON, one object a line
    #[arg(long, value_enum, value_name = "FORM", default_value_t, global = true)]
    log_format: LogFormat,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Text for people
    #[default]
    Human,
    /// JSON for schedulers
    Json,
}

/// What was chosen for this process.
static CONSOLE: OnceLock<ConsoleArgs> = OnceLock::new();

fn console() -> ConsoleArgs {
    CONSOLE.get().copied().unwrap_or_default()
}

/// Takes the choice, once.
pub(crate) fn configure(console: ConsoleArgs) {
    let _ = CONSOLE.set(console);
}

/// Returns whether messages are for programs.
pub(crate) fn logs_json() -> bool {
    console().log_format == LogFormat::Json
}

/// Returns the choice that stands in arguments which could not be read otherwise.
pub(crate) fn guess(args: &[std::ffi::OsString]) -> ConsoleArgs {
    let words: Vec<&str> = args.iter().filter_map(|word| word.to_str()).collect();
    let json = words.contains(&"--log-format=json")
        || words.windows(2).any(|pair| pair == ["--log-format", "json"]);
    let log_format = if json { LogFormat::Json } else { LogFormat::Human };
    ConsoleArgs { log_format, ..ConsoleArgs::default() }
}

/// Text of a kind that is worth seeing at once. Colour never says what the words do not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    /// A heading.
    Heading,
    /// As it should be.
    Good,
    /// Wrong, or taken away.
    Bad,
    /// Worth a look.
    Doubtful,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Heading => Style::new().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Doubtful => AnsiColor::Yellow.on_default(),
        }
    }

    /// Colours text, wanted or not.
    pub(crate) fn paint(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// Colours text for standard output, where that is wanted.
pub(crate) fn paint(tone: Tone, text: &str) -> String {
    match coloured(io::stdout().is_terminal()) {
        true => tone.paint(text),
        false => text.to_owned(),
    }
}

/// Returns whether text for people is coloured on a stream that is a terminal or not.
pub(crate) fn coloured(terminal: bool) -> bool {
    let unwanted = || {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
    };
    match console().color {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => terminal && !unwanted(),
    }
}

/// Writes a file so that readers see the old content or the new, never half of it.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let _whole = interrupt::hold();
    prepare(path, |file| file.write_all(content))?.put()
}

/// A file that is written whole, and stands beside its place until it is put there.
pub(crate) struct Prepared {
    file: NamedTempFile,
    path: PathBuf,
}

impl Prepared {
    /// Puts it in its place, where the old content may be.
    pub(crate) fn put(self) -> anyhow::Result<()> {
        let put = self.file.persist(&self.path).map_err(|error| error.error);
        put.map(drop).with_context(|| cannot_write(&self.path))
    }
}

/// Writes what `content` writes beside the file's place. It is gone again where it is not put there.
pub(crate) fn prepare(
    path: &Path,
    content: impl FnOnce(&mut (dyn io::Write + Send)) -> io::Result<()>,
) -> anyhow::Result<Prepared> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<NamedTempFile> {
        fs::create_dir_all(directory)?;
        let file = tempfile::Builder::new().prefix(".trailtrim-").tempfile_in(directory)?;
        let mut buffered = io::BufWriter::new(file.as_file());
        content(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        // Temporary files are private; results are as readable as the user's other files.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(directory)?.permissions().mode() & 0o666;
            file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        }
        Ok(file)
    };
    let file = write().with_context(|| cannot_write(path))?;
    Ok(Prepared { file, path: path.to_owned() })
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write `{}`", path.display())
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
///
/// A message is a line, and the lines below it that are indented belong to it; one that begins with
/// `error: `, `hint: ` or `note: ` is of that kind.
pub(crate) fn tell(text: &str) {
    let text = if logs_json() { as_json(text) } else { toned(text) };
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The kinds of messages, with the beginning that tells them.
const LEVELS: [(&str, &str, Tone); 3] = [
    ("error", "error: ", Tone::Bad),
    ("hint", "hint: ", Tone::Good),
    ("note", "note: ", Tone::Doubtful),
];

/// Colours the beginnings of messages.
fn toned(text: &str) -> String {
    let wanted = coloured(io::stderr().is_terminal());
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let level = LEVELS.iter().find_map(|(_, start, tone)| {
            line.strip_prefix(start).map(|rest| (start.trim_end(), *tone, rest))
        });
        match level {
            Some((start, tone, rest)) => {
                match wanted {
                    true => out.push_str(&tone.paint(start)),
                    false => out.push_str(start),
                }
                out.push(' ');
                out.push_str(rest);
            }
            None => out.push_str(line),
        }
    }
    out
}

/// A message for programs.
#[derive(Debug, Serialize)]
struct Message<'t> {
    level: &'static str,
    message: &'t str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<&'t str>,
}

fn as_json(text: &str) -> String {
    let mut messages: Vec<Message<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with(' ')
            && let Some(last) = messages.last_mut()
        {
            last.details.push(line.trim());
            continue;
        }
        let (level, message) = LEVELS
            .iter()
            .find_map(|(level, start, _)| Some((*level, line.strip_prefix(start)?)))
            .unwrap_or(("info", line));
        messages.push(Message { level, message, details: Vec::new() });
    }
    let mut out = String::new();
    for message in &messages {
        // Texts have no way to fail.
        out.push_str(&serde_json::to_string(message).unwrap_or_default());
        out.push('\n');
    }
    out
}

/// Makes text out of a log safe to show: what controls a terminal, changes the direction of
/// writing, breaks a line or is not seen at all is escaped, so that it cannot move the cursor, hide
/// a line, begin one, or pass for another name.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_unseen(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{061C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}'
            | '\u{FEFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_direction_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(printable("rôle\u{202e}x"), "rôle\\u{202e}x");
        for c in ['\u{9b}', '\u{61c}', '\u{200b}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{feff}'] {
            assert_eq!(printable(&c.to_string()), format!("\\u{{{:x}}}", u32::from(c)));
        }
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

    #[test]
    fn messages_for_programs_are_one_object_each() {
        let text = "read 2 records\nskipped: 1 place\n  a.gz: cut\nhint: read it \"again\"\n";
        let expected = r#"{"level":"info","message":"read 2 records"}
{"level":"info","message":"skipped: 1 place","details":["a.gz: cut"]}
{"level":"hint","message":"read it \"again\""}
"#;
        assert_eq!(as_json(text), expected);
    }
}
