//! A diff and a report as Markdown, for a comment on a pull request.
//!
//! A comment may have 65,536 characters. The overview comes first; then everybody is told in short,
//! and in full while there is room. How many are left out is said. Details are folded.

mod diff;
mod report;

use std::fmt::Write as _;

use super::markup::{code, html};

pub use diff::markdown;
pub use report::report_markdown;

/// Bytes that a comment is kept within; characters are fewer.
const LONGEST: usize = 65_000;

/// Bytes that the overview may take.
const LONGEST_OVERVIEW: usize = 16_000;

/// How many names in a row are listed.
const NAMES: usize = 6;

/// One principal or shared policy, told in several forms, the fullest first.
struct Section {
    forms: Vec<String>,
}

/// Adds sections and the tail: each section in its shortest form while there is room, and then, in
/// their order, in the fullest for which there is room still.
fn assemble(out: &mut String, sections: Vec<Section>, tail: &str) {
    // What is said of those that are left out is no longer than this.
    const NOTE: usize = 100;
    let mut room = LONGEST.saturating_sub(out.len() + tail.len() + NOTE);
    let mut chosen = Vec::new();
    for section in &sections {
        let shortest = section.forms.last().map_or(0, String::len);
        if shortest > room {
            break;
        }
        room -= shortest;
        chosen.push(section.forms.last());
    }
    let left_out = sections.len() - chosen.len();
    for (section, form) in sections.iter().zip(&mut chosen) {
        let shortest = form.map_or(0, String::len);
        let fits = |fuller: &&String| fuller.len() <= room + shortest;
        if let Some(fuller) = section.forms.iter().find(fits) {
            room = (room + shortest).saturating_sub(fuller.len());
            *form = Some(fuller);
        }
    }
    chosen.into_iter().flatten().for_each(|form| out.push_str(form));
    if left_out > 0 {
        line(out, &format!("Left out, to fit a comment: {left_out} of these sections.\n"));
    }
    out.push_str(tail);
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// Says how many lines of a list are not shown.
fn more(out: &mut String, indent: &str, all: usize, shown: usize) {
    if all > shown {
        line(out, &format!("{indent}- and {} more", all - shown));
    }
}

/// Writes a part that is unfolded by who wants it; nothing where there is nothing in it.
fn folded(out: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        // Writing to a string cannot fail.
        let _ =
            write!(out, "<details>\n<summary>{}</summary>\n\n{body}\n</details>\n\n", html(title));
    }
}

fn list(items: Vec<String>) -> String {
    items.into_iter().map(|item| format!("- {item}\n")).collect()
}

/// Writes the first names of a list.
fn some(names: &[String]) -> String {
    let mut all: Vec<String> = names.iter().take(NAMES).map(|name| code(name)).collect();
    if names.len() > NAMES {
        all.push(format!("and {} more", names.len() - NAMES));
    }
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

    /// What may stand as HTML, beside titles of folds.
    const TAGS: [&str; 4] = ["<details>", "</details>", "<code>", "</code>"];

    const TITLES: [&str; 9] = [
        "Statements with evidence",
        "Proofs",
        "Blind spots",
        "Findings",
        "Draft",
        "Needed whatever it does",
        "Patterns in the place of names",
        "Tried, and not granted",
        "Policies",
    ];

    /// Parses, sees to it that all markup is ours, and returns the text that is seen and how many
    /// folds there are.
    pub(super) fn parsed(markdown: &str) -> (String, usize) {
        let (mut seen, mut cells, mut columns) = (String::new(), 0, 0);
        let (mut open, mut closed) = (0, 0);
        for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
            match event {
                Event::Text(text) | Event::Code(text) => seen.push_str(&text),
                Event::Html(text) | Event::InlineHtml(text) => {
                    let tag = text.trim();
                    let title = tag
                        .strip_prefix("<summary>")
                        .and_then(|tag| tag.strip_suffix("</summary>"));
                    let ours = tag.is_empty() || TAGS.contains(&tag);
                    assert!(
                        ours || title.is_some_and(|title| TITLES.contains(&title)),
                        "{tag} in {markdown}"
                    );
                    open += usize::from(tag == "<details>");
                    closed += usize::from(tag == "</details>");
                }
                Event::Start(Tag::Table(of)) => columns = of.len(),
                Event::End(TagEnd::TableCell) => cells += 1,
                Event::End(TagEnd::TableRow | TagEnd::TableHead) => {
                    assert_eq!(cells, columns, "{markdown}");
                    cells = 0;
                    seen.push('\n');
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language)))
                    if &*language == "json" => {}
                Event::Start(
                    tag @ (Tag::Link { .. }
                    | Tag::Image { .. }
                    | Tag::Emphasis
                    | Tag::CodeBlock(_)
                    | Tag::BlockQuote(_)
                    | Tag::Strikethrough
                    | Tag::FootnoteDefinition(_)),
                ) => panic!("{tag:?} in {markdown}"),
                Event::SoftBreak | Event::HardBreak | Event::End(_) => seen.push('\n'),
                _ => {}
            }
        }
        assert_eq!(open, closed, "{markdown}");
        (seen, open)
    }

    #[test]
    fn everybody_is_told_in_short_before_anybody_in_full() {
        let section = |full: usize| Section { forms: vec!["f".repeat(full), "s".to_owned()] };
        let mut out = String::new();
        assemble(&mut out, vec![section(60_000), section(60_000), section(10)], "end");
        assert_eq!(out.len(), 60_000 + 1 + 10 + 3);
        let many = (0..3).map(|_| Section { forms: vec!["s".repeat(30_000)] }).collect();
        let mut out = String::new();
        assemble(&mut out, many, "end");
        assert!(out.contains("Left out, to fit a comment: 1 of these sections."));
        assert!(out.ends_with("end") && out.len() <= LONGEST);
    }
}
