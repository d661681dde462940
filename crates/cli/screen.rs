//! Where text for people goes: whether it is coloured there, and how wide it is.

use std::io::{self, IsTerminal as _};

use terminal_size::{Width, terminal_size_of};

use crate::columns::wrap;
use crate::format::Format;
use crate::output::{Tone, coloured, logs_json, write_stdout};

/// How deep a line goes on below itself.
const HANGING: usize = 2;

/// One of the standard streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    coloured: bool,
    width: Option<usize>,
}

impl Screen {
    /// Standard output.
    pub(crate) fn stdout() -> Screen {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let width = terminal.then(|| terminal_size_of(stdout)).flatten();
        Screen { coloured: coloured(terminal), width: columns(width) }
    }

    /// Standard error; where its messages are for programs, it is none.
    pub(crate) fn stderr() -> Screen {
        if logs_json() {
            return Screen::none();
        }
        let stderr = io::stderr();
        let terminal = stderr.is_terminal();
        let width = terminal.then(|| terminal_size_of(stderr)).flatten();
        Screen { coloured: coloured(terminal), width: columns(width) }
    }

    /// No screen: text as it is.
    pub(crate) fn none() -> Screen {
        Screen { coloured: false, width: None }
    }

    /// Returns the width that text has to fit; none where it is no terminal.
    pub(crate) fn width(self) -> Option<usize> {
        self.width
    }

    /// Colours text, where that is wanted.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        match self.coloured {
            true => tone.paint(text),
            false => text.to_owned(),
        }
    }

    /// Returns text with its lines broken to fit, each going on below where it began.
    fn fit(self, text: &str) -> String {
        if self.width.is_none() {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        for line in text.lines() {
            let bare = line.trim_start_matches(' ');
            // What is coloured is a heading, and its colour has no width. JSON is there to be copied.
            if bare.contains('\u{1b}') || bare.starts_with(['{', '}', '[', ']', '"']) {
                out.push_str(line);
                out.push('\n');
            } else {
                self.line(&mut out, line.len() - bare.len(), None, bare);
            }
        }
        out
    }

    /// Writes a line, indented, that goes on below itself where it would pass the width.
    pub(crate) fn line(self, out: &mut String, indent: usize, tone: Option<Tone>, text: &str) {
        let room = self.width.map(|width| width.saturating_sub(indent + HANGING));
        for (at, part) in wrap(text, room).iter().enumerate() {
            let indent = if at == 0 { indent } else { indent + HANGING };
            let part = match tone.filter(|_| !part.is_empty()) {
                Some(tone) => self.paint(tone, part),
                None => part.clone(),
            };
            if !part.is_empty() {
                out.extend(std::iter::repeat_n(' ', indent));
                out.push_str(&part);
            }
            out.push('\n');
        }
    }
}

/// Prints a result: as it is for programs, and for people as it fits the terminal.
pub(crate) fn show(format: Format, text: &str) -> anyhow::Result<()> {
    match format {
        Format::Json => write_stdout(text.as_bytes()),
        Format::Human => write_stdout(Screen::stdout().fit(text).as_bytes()),
    }
}

fn columns(size: Option<(Width, terminal_size::Height)>) -> Option<usize> {
    size.map(|(Width(width), _)| usize::from(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_below_itself_in_its_colour() {
        let mut out = String::new();
        let screen = Screen { coloured: true, width: Some(30) };
        screen.line(&mut out, 2, Some(Tone::Bad), "- s3: GetObject, PutObject  not used");
        assert_eq!(
            out,
            "  \u{1b}[31m- s3: GetObject, PutObject\u{1b}[0m\n    \u{1b}[31mnot used\u{1b}[0m\n"
        );
        let text = "role\n  a policy that is attached, statement 0\n";
        let screen = Screen { coloured: false, width: Some(30) };
        assert_eq!(screen.fit(text), "role\n  a policy that is attached,\n    statement 0\n");
        let mut out = String::new();
        let screen = Screen { coloured: false, width: None };
        assert_eq!(screen.fit(text), text);
        screen.line(&mut out, 0, Some(Tone::Bad), "");
        assert_eq!(out, "\n");
    }
}
