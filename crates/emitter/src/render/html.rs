//! A [page](crate::page) as one HTML file: nothing is fetched, nothing leaves it, and it prints.
//!
//! Texts from logs stand in the file in one form only, as JSON in elements that are no scripts, in
//! which `<` is escaped; the script puts them on the page as text and never as markup. The content
//! security policy allows this very script and this very style, by their hashes, and nothing else.
//!
//! Each principal has an element of its own, parsed when somebody opens it: so thousands cost little.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::markup;
use super::text::is_unseen;
use crate::page::Page;

/// The page without its parts, each named between two `@@`.
const FRAME: &str = include_str!("html/page.html");
/// The style.
const STYLE: &str = include_str!("html/style.css");
/// The script, in the order in which it is read.
const SCRIPTS: [&str; 5] = [
    include_str!("html/dom.js"),
    include_str!("html/charts.js"),
    include_str!("html/overview.js"),
    include_str!("html/detail.js"),
    include_str!("html/main.js"),
];

/// Writes a page.
#[must_use]
pub fn html(page: &Page) -> String {
    let script = SCRIPTS.map(unix).concat();
    let style = unix(STYLE);
    let frame = unix(FRAME);
    let mut out = String::new();
    for (at, part) in frame.split("@@").enumerate() {
        match (at % 2, part) {
            (0, text) => out.push_str(text),
            (_, "policy") => out.push_str(&security_policy(&script, &style)),
            (_, "version") => out.push_str(&markup::html(&page.overview.tool.version)),
            (_, "style") => out.push_str(&style),
            (_, "data") => data(&mut out, page),
            (_, _) => out.push_str(&script),
        }
    }
    out
}

/// Browsers hash a text with the line ends that they make of it.
fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn security_policy(script: &str, style: &str) -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        hash(script),
        hash(style)
    )
}

fn data(out: &mut String, page: &Page) {
    let mut element = |class: &str, text: &str| {
        // Writing to a string cannot fail.
        let _ =
            writeln!(out, "<script type=\"application/json\" class=\"{class}\">{text}</script>");
    };
    element("overview", &json(&page.overview));
    for detail in &page.details {
        element("detail", &json(detail));
    }
}

/// Returns JSON that means the same and ends no element, wherever it stands in HTML.
fn json<T: Serialize>(value: &T) -> String {
    // Texts, numbers and lists have no way to fail.
    let plain = serde_json::to_string(value).unwrap_or_default();
    let mut safe = String::with_capacity(plain.len() + plain.len() / 16);
    for c in plain.chars() {
        // They stand in texts only, where the escape means the same.
        if matches!(c, '<' | '>' | '&') || (is_unseen(c) && u32::from(c) < 0x1_0000) {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests;
