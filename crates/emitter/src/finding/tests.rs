//! `docs/findings.md`: every code, as the program knows it.
//!
//! A changed code shows there in review. `TRAILTRIM_BLESS=1` writes the page anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{Code, Severity};

const PREFACE: &str = "\
# Findings

What `trailtrim diff` finds wrong with what is attached, each kind under a code that stays as it is. A
baseline (`--baseline`) accepts findings by these codes, and SARIF lists them as rules. `--check` ends with
exit code 1 over `unused-access` and `unexplained-access`. A test writes this page; `just bless` runs it.
";

#[test]
fn the_page_of_findings_is_what_the_codes_say() {
    let mut page = PREFACE.to_owned();
    for (severity, title) in
        [(Severity::Error, "Errors"), (Severity::Warning, "Warnings"), (Severity::Note, "Notes")]
    {
        write!(page, "\n## {title}\n").unwrap();
        for code in Code::ALL.into_iter().filter(|code| code.severity() == severity) {
            write!(page, "\n### `{}`\n\n{}\n", code.as_str(), code.description()).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/findings.md");
    if std::env::var_os("TRAILTRIM_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(page, known, "docs/findings.md is out of date; `just bless` writes it anew");
}

#[test]
fn codes_unique() {
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.description()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
    for code in Code::ALL {
        // What is printed is what JSON says.
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
    let order = |code: &Code| (std::cmp::Reverse(code.severity()), code.as_str());
    assert!(Code::ALL.is_sorted_by_key(order), "{:?}", Code::ALL);
}
