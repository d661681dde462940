//! Quoting: how a text is written so that it means itself and nothing else.

use std::fmt::Write as _;

/// Returns whether a character is better seen than meant: it controls a terminal, changes the
/// direction of writing, breaks a line, or does not show at all.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61C}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2066}'..='\u{2069}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
        )
}

/// Writes one line of a comment: nothing in it ends the line.
pub(super) fn comment(out: &mut String, text: &str) {
    out.push_str("# ");
    for c in text.chars() {
        if is_unseen(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out.push('\n');
}

/// Writes a character inside of double quotes, as HCL and YAML both read it.
pub(super) fn quoted_char(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_unseen(c) => {
            // All of them are below U+10000. Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// Writes a text in double quotes, for YAML.
pub(super) fn yaml_quoted(out: &mut String, text: &str) {
    out.push('"');
    text.chars().for_each(|c| quoted_char(out, c));
    out.push('"');
}

/// Writes a text in double quotes, for HCL.
pub(super) fn hcl_quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if !template_mark(out, c, rest.as_str()) {
            quoted_char(out, c);
        }
    }
    out.push('"');
}

/// Writes a JSON text as the lines of an HCL heredoc, where a backslash means nothing but to JSON.
pub(super) fn hcl_heredoc(out: &mut String, json: &str, indent: &str) {
    for line in json.lines() {
        out.push_str(indent);
        let mut rest = line.chars();
        while let Some(c) = rest.next() {
            if !template_mark(out, c, rest.as_str()) {
                out.push(c);
            }
        }
        out.push('\n');
    }
}

/// Writes a `$` or `%` where it would begin a template or an escape of one, and returns whether it
/// did. `$${` means `${`; before such a sequence a `$` or `%` of the text is written by its number,
/// which HCL's quotes and JSON's read alike: parsers do not agree on how to count them.
fn template_mark(out: &mut String, c: char, rest: &str) -> bool {
    if !matches!(c, '$' | '%') {
        return false;
    }
    match rest.chars().next() {
        Some('{') => {
            out.push(c);
            out.push(c);
            true
        }
        Some('$' | '%') => {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hcl(text: &str) -> String {
        let mut out = String::new();
        hcl_quoted(&mut out, text);
        out
    }

    #[test]
    fn templates_are_text() {
        assert_eq!(hcl("${a}"), r#""$${a}""#);
        assert_eq!(hcl("%{if}"), r#""%%{if}""#);
        assert_eq!(hcl("$${a}"), r#""\u0024$${a}""#);
        assert_eq!(hcl("$$"), r#""\u0024$""#);
        assert_eq!(hcl("%${a}"), r#""\u0025$${a}""#);
        assert_eq!(hcl("a$ 5% {}"), r#""a$ 5% {}""#);
        assert_eq!(hcl("\"\\\n\u{202e}"), r#""\"\\\n\u202e""#);
    }

    #[test]
    fn a_comment_is_one_line() {
        let mut out = String::new();
        comment(&mut out, "a\nresource\u{2028}b");
        assert_eq!(out, "# a\\nresource\\u{2028}b\n");
    }
}
