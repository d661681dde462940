//! Escaping for Markdown and HTML: a text from a log is shown, and never becomes markup.

use std::fmt::Write as _;

use super::text::is_unseen;

/// Returns a text for HTML, in an element or a quoted attribute. What would not show is named.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_unseen(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// Returns a name for Markdown, set as code. There nothing is a link or mentions anyone.
///
/// A backtick would end the code and a `|` the cell of a table; a backslash before it is read
/// differently by different parsers. A name with one of these is written in character references.
pub(super) fn code(text: &str) -> String {
    let calm = |c: char| match c {
        '`' | '|' | '\\' => false,
        ' ' => true,
        c => c.is_ascii_graphic() || c.is_alphanumeric(),
    };
    if !text.is_empty() && text.trim_matches(' ') == text && text.chars().all(calm) {
        return format!("`{text}`");
    }
    let mut out = String::from("<code>");
    for c in text.chars() {
        if is_unseen(c) {
            c.escape_default().for_each(|c| reference(&mut out, c));
        } else {
            reference(&mut out, c);
        }
    }
    out.push_str("</code>");
    out
}

fn reference(out: &mut String, c: char) {
    if c.is_alphanumeric() {
        out.push(c);
    } else {
        // Writing to a string cannot fail.
        let _ = write!(out, "&#{};", u32::from(c));
    }
}

/// Returns a sentence for Markdown. Plain words stay as they are; whatever else stands in it is set
/// as code, so that names read as names and nothing is markup, a link or a mention.
pub(super) fn prose(text: &str) -> String {
    let words = text.split(' ').filter(|word| !word.is_empty());
    let words = words.enumerate().map(|(at, word)| self::word(word, at == 0));
    words.collect::<Vec<_>>().join(" ")
}

fn word(word: &str, first: bool) -> String {
    let plain = |text: &str| {
        let calm = |c: char| c.is_alphanumeric() || matches!(c, '-' | '\'' | '%' | '≈' | ',' | '.');
        text.chars().all(calm) && !text.contains("www.")
    };
    let core = word.trim_start_matches('(');
    let opening = word.len() - core.len();
    let core = core.trim_end_matches([',', '.', ';', ':', ')']);
    let closing = word.get(opening + core.len()..).unwrap_or_default();
    // At the beginning of a line a dash or a number may begin a list.
    let begins = first && !word.starts_with(char::is_alphabetic) && !core.is_empty();
    let lists = begins && (!closing.is_empty() || core.starts_with('-'));
    if plain(core) && !lists {
        return word.to_owned();
    }
    let quoted = core.strip_prefix('`').and_then(|core| core.strip_suffix('`'));
    format!("{}{}{closing}", "(".repeat(opening), code(quoted.unwrap_or(core)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    /// Returns the text that a reader sees, and panics where anything but a paragraph with code came
    /// of it.
    fn seen(markdown: &str) -> String {
        let mut seen = String::new();
        for event in Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
            match event {
                Event::Text(text) | Event::Code(text) => seen.push_str(&text),
                Event::InlineHtml(tag) => {
                    assert!(["<code>", "</code>"].contains(&&*tag), "{tag} in {markdown}");
                }
                Event::Start(Tag::Paragraph) | Event::End(_) => {}
                other => panic!("{other:?} in {markdown}"),
            }
        }
        seen
    }

    #[test]
    fn names_read_as_they_are() {
        for name in ["<script>alert(1)</script>", "a|b", "`a``b`", "[x](http://y)", "*a* @team #1"]
        {
            assert_eq!(seen(&code(name)), name);
        }
        assert_eq!(code("role/orders-api"), "`role/orders-api`");
        assert_eq!(seen(&code("a\nb\u{202e}")), "a\\nb\\u{202e}");
        assert_eq!(prose("goes with `s3:GetObject`, seen."), "goes with `s3:GetObject`, seen.");
        assert_eq!(prose("- a"), "`-` a");
        assert_eq!(seen(&prose("1. <b> @team www.x.y")), "1. <b> @team www.x.y");
    }

    #[test]
    fn html_is_text() {
        assert_eq!(html("<a href='x'>\"&\n"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\\n");
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup(text in r#"[ -~aé]{0,30}|([\\`|*_<>\[\]()!#&;$~:1.+=-]| ){0,12}"#) {
            prop_assert_eq!(seen(&code(&text)), text.clone());
            // Backticks around a word are how sentences set names, and runs of blanks are one.
            let words = |text: &str| text.replace('`', "").split(' ').filter(|word| !word.is_empty())
                .collect::<Vec<_>>().join(" ");
            prop_assert_eq!(words(&seen(&prose(&text))), words(&text));
        }
    }
}
