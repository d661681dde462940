use serde_json::Value;
use trailtrim_aggregator::{Activity, Coverage};
use trailtrim_catalog::Catalog;

use super::*;
use crate::page::of_diff;
use crate::render::sample::{NASTY, sample};

/// What ends or begins something in HTML, beside the texts that are nasty anywhere.
const MARKUP: [&str; 5] =
    ["</script><!--", "<!--<script>", "]]>", "</style></title>", "\u{2028}\u{202e}&amp;\u{0}"];

fn page(text: &str) -> Page {
    let (activity, coverage) = (Activity::default(), Coverage::default());
    of_diff(&sample(text), &activity, &coverage, Catalog::embedded())
}

/// Returns what stands between two texts, wherever the first one is.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Vec<&'t str> {
    text.split(from).skip(1).map(|rest| rest.split_once(to).unwrap().0).collect()
}

#[test]
fn texts_are_data_and_come_back_as_they_were() {
    for nasty in NASTY.into_iter().chain(MARKUP) {
        let page = page(nasty);
        let text = html(&page);
        let data = between(&text, "<script type=\"application/json\" class=\"", "</script>");
        assert_eq!(data.len(), 1 + page.details.len());
        for (at, element) in data.iter().enumerate() {
            let (class, json) = element.split_once("\">").unwrap();
            assert_eq!(class, if at == 0 { "overview" } else { "detail" });
            assert!(!json.contains(['<', '>', '&', '\n', '\u{2028}']), "{json}");
            let read: Value = serde_json::from_str(json).unwrap();
            let meant = match at {
                0 => serde_json::to_value(&page.overview),
                _ => serde_json::to_value(&page.details[at - 1]),
            };
            assert_eq!(read, meant.unwrap());
        }
        assert!(data[0].contains("\"entries\""));
        // Beside the data and what this crate wrote, there is nothing that a parser could take for
        // an element.
        let ours = html(&self::page("plain")).matches('<').count();
        assert_eq!(text.matches('<').count(), ours, "{nasty}");
    }
}

#[test]
fn the_policy_allows_this_script_and_this_style_alone() {
    let text = html(&page("plain"));
    let policies = between(&text, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    let [policy] = policies.as_slice() else { panic!("{policies:?}") };
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    let scripts = between(&text, "<script type=\"module\">", "</script>");
    let styles = between(&text, "<style>", "</style>");
    let ([script], [style]) = (scripts.as_slice(), styles.as_slice()) else {
        panic!("{} scripts, {} styles", scripts.len(), styles.len())
    };
    assert!(policy.contains(&format!("script-src 'sha256-{}';", hash(script))));
    assert!(policy.contains(&format!("style-src 'sha256-{}';", hash(style))));
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    // It stands before anything that it is about.
    assert!(text.find("http-equiv").unwrap() < text.find("<style>").unwrap());
    let elements: usize = ["<script", "<style"].iter().map(|tag| text.matches(tag).count()).sum();
    assert_eq!(elements, 2 + 1 + page("plain").details.len());
}

#[test]
fn nothing_is_fetched_and_no_text_becomes_markup() {
    let script = SCRIPTS.concat();
    let sinks = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "DOMParser",
        "eval(",
        "Function(",
        "fetch(",
        "XMLHttpRequest",
        "import(",
        "srcdoc",
        "'src'",
        "javascript:",
        "localStorage",
        "cssText",
    ];
    for sink in sinks {
        assert!(!script.contains(sink), "{sink}");
    }
    // The name of a language, which is no address.
    let named = script.replace("http://www.w3.org/2000/svg", "");
    for (name, text) in [("script", named.as_str()), ("style", STYLE), ("frame", FRAME)] {
        for address in ["http:", "https:", "//www", "url(", "@import", " src=", "<link", "onclick"]
        {
            assert!(!text.contains(address), "{address} in the {name}");
        }
    }
}

#[test]
fn equal_pages_are_equal_bytes_and_end_in_a_line() {
    let (one, other) = (html(&page("plain")), html(&page("plain")));
    assert_eq!(one, other);
    assert!(one.starts_with("<!doctype html>\n") && one.ends_with("</html>\n"));
    assert!(!one.contains("@@") && !one.contains('\r'));
}
