//! The one door to the outside: data to standard output, messages to standard error, whole files
//! or none, and text that cannot harm a terminal.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

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
pub(crate) fn guess(args: &[OsString]) -> ConsoleArgs {
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

/// How files begin that stand beside their place until they are whole. A run that was killed may
/// leave one; none is ever taken for input.
pub(crate) const TEMPORARY: &str = ".trailtrim-";

/// The temporary files that are there now.
static TEMPORARIES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes the temporary files of a run that is about to end without unwinding.
pub(crate) fn remove_temporaries() {
    remove_all(&TEMPORARIES);
}

fn remove_all(known: &Mutex<Vec<PathBuf>>) {
    // Whoever holds the lock is making or removing one, and does no more than that.
    if let Ok(mut left) = known.lock() {
        left.drain(..).for_each(|path| drop(fs::remove_file(path)));
    }
}

/// A file beside its place, which is gone again unless it is put there.
pub(crate) struct Temporary {
    file: Option<NamedTempFile>,
    path: PathBuf,
}

impl Temporary {
    /// Makes one with a name that nobody can know before, and the mode that the user's other new files
    /// get. `whose` is part of its name.
    pub(crate) fn new(directory: &Path, whose: &OsStr) -> io::Result<Temporary> {
        let mut start = OsString::from(TEMPORARY);
        if !whose.is_empty() {
            start.push(whose);
            start.push("-");
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(&start).rand_bytes(RANDOM);
        // Temporary files are private. The system takes off what the user does not want.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        // Under the lock, so that none is made and not known.
        let mut known = TEMPORARIES.lock().unwrap_or_else(PoisonError::into_inner);
        let file = builder.tempfile_in(directory)?;
        let path = file.path().to_owned();
        known.push(path.clone());
        Ok(Temporary { file: Some(file), path })
    }

    /// Returns the file to write to.
    pub(crate) fn file(&self) -> io::Result<&fs::File> {
        self.file.as_ref().map(NamedTempFile::as_file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Puts it in its place.
    pub(crate) fn put(mut self, place: &Path) -> io::Result<()> {
        let file = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        file.persist(place).map(drop).map_err(|error| error.error)
    }

    /// Returns whether a name is one that [`new`](Self::new) makes for `whose`.
    pub(crate) fn is_of(name: &OsStr, whose: &OsStr) -> bool {
        let name = name.as_encoded_bytes();
        let random = name
            .strip_prefix(TEMPORARY.as_bytes())
            .and_then(|rest| rest.strip_prefix(whose.as_encoded_bytes()))
            .and_then(|rest| rest.strip_prefix(b"-"));
        random.is_some_and(|random| {
            random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric)
        })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(self.file.take());
        let mut known = TEMPORARIES.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|path| *path != self.path);
    }
}

/// How many letters of a temporary file's name are drawn.
const RANDOM: usize = 6;

/// Writes a file so that readers see the old content or the new, never half of it.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let _whole = interrupt::hold();
    prepare(path, |file| file.write_all(content))?.put()
}

/// A file that is written whole, and stands beside its place until it is put there.
pub(crate) struct Prepared {
    file: Temporary,
    path: PathBuf,
}

impl Prepared {
    /// Puts it in its place, where the old content may be.
    pub(crate) fn put(self) -> anyhow::Result<()> {
        self.file.put(&self.path).with_context(|| cannot_write(&self.path))
    }
}

/// Writes what `content` writes beside the file's place. It is gone again where it is not put there.
pub(crate) fn prepare(
    path: &Path,
    content: impl FnOnce(&mut (dyn io::Write + Send)) -> io::Result<()>,
) -> anyhow::Result<Prepared> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<Temporary> {
        fs::create_dir_all(directory)?;
        let file = Temporary::new(directory, OsStr::new(""))?;
        let mut buffered = io::BufWriter::new(file.file()?);
        content(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
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
/// A message is a line, and the lines below it that are indented belong to it; one that begins as one of
/// [`LEVELS`] is of that kind.
pub(crate) fn tell(text: &str) {
    let text = if logs_json() { as_json(text) } else { toned(text) };
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The kinds of messages, with the beginning that tells them.
const LEVELS: [(&str, &str, Tone); 5] = [
    ("error", "error: ", Tone::Bad),
    ("warning", "warning: ", Tone::Bad),
    ("warning", "caution: ", Tone::Doubtful),
    ("hint", "hint: ", Tone::Good),
    ("note", "note: ", Tone::Doubtful),
];

/// The beginning of a message that goes on with what it counts, and warns all the same.
const SKIPPED: &str = "skipped: ";

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
        let plain = if line.starts_with(SKIPPED) { "warning" } else { "info" };
        let (level, message) = LEVELS
            .iter()
            .find_map(|(level, start, _)| Some((*level, line.strip_prefix(start)?)))
            .unwrap_or((plain, line));
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

/// What is shown as nothing at all: `Default_Ignorable_Code_Point` of Unicode 17
/// (`DerivedCoreProperties.txt`), where characters that do not exist yet are in it, so that it holds for
/// later versions as well.
const IGNORABLE: [(char, char); 17] = [
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{202A}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFF8}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

/// What breaks a line or begins a paragraph, and notes between lines, which hide what they are about.
const OTHER_UNSEEN: [(char, char); 2] = [('\u{2028}', '\u{2029}'), ('\u{FFF9}', '\u{FFFB}')];

fn is_unseen(c: char) -> bool {
    let among = |ranges: &[(char, char)]| ranges.iter().any(|(a, b)| (*a..=*b).contains(&c));
    // Nearly all text is ASCII, and none of these is.
    !c.is_ascii() && (among(&IGNORABLE) || among(&OTHER_UNSEEN))
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
    fn what_is_not_seen_is_escaped() {
        for unseen in [
            0xAD, 0x34F, 0x115F, 0x1160, 0x180B, 0x180E, 0x180F, 0x2060, 0x2064, 0x2065, 0x206F,
            0x3164, 0xFE00, 0xFE0F, 0xFFA0, 0xFFF0, 0xFFFB, 0x1BCA0, 0x1D173, 0xE0001, 0xE0041,
            0xE01EF, 0xE0FFF,
        ] {
            let c = char::from_u32(unseen).unwrap();
            assert_eq!(printable(&format!("a{c}b")), format!("a\\u{{{unseen:x}}}b"));
        }
        // Their neighbours are letters and signs.
        for seen in
            ['¬', '®', '\u{115E}', '\u{1161}', '\u{1810}', '\u{2070}', '\u{3165}', '😀', '\u{FFFC}']
        {
            assert_eq!(printable(&seen.to_string()), seen.to_string());
        }
    }

    #[test]
    fn temporary_files_are_told_by_whose_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let made = Temporary::new(folder.path(), OsStr::new("a.usage")).unwrap();
        let name = made.path.file_name().unwrap().to_owned();
        assert!(Temporary::is_of(&name, OsStr::new("a.usage")), "{name:?}");
        for other in ["b.usage", "a", "a.usage-", ""] {
            assert!(!Temporary::is_of(&name, OsStr::new(other)), "{name:?} {other}");
        }
        for other in
            [".trailtrim-a.usage-", ".trailtrim-a.usage-12345", ".trailtrim-a.usage-abc-ef"]
        {
            assert!(!Temporary::is_of(OsStr::new(other), OsStr::new("a.usage")), "{other}");
        }
        drop(made);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn an_end_without_unwinding_leaves_no_temporary_files() {
        let folder = tempfile::tempdir().unwrap();
        let made = Temporary::new(folder.path(), OsStr::new("")).unwrap();
        let path = made.path.clone();
        let is_known = || TEMPORARIES.lock().unwrap().contains(&path);
        assert!(is_known() && path.exists());
        // A list of its own, since other tests have files in the one of the process.
        let known = Mutex::new(vec![path.clone(), folder.path().join("gone already")]);
        remove_all(&known);
        assert!(!path.exists() && known.lock().unwrap().is_empty());
        drop(made);
        assert!(!is_known());
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
        let text = "read 2 records\nskipped: 1 place\n  a.gz: cut\nhint: read it \"again\"\n\
                    warning: any role\ncaution: too many\nnote: so it is\n";
        let expected = r#"{"level":"info","message":"read 2 records"}
{"level":"warning","message":"skipped: 1 place","details":["a.gz: cut"]}
{"level":"hint","message":"read it \"again\""}
{"level":"warning","message":"any role"}
{"level":"warning","message":"too many"}
{"level":"note","message":"so it is"}
"#;
        assert_eq!(as_json(text), expected);
    }
}
