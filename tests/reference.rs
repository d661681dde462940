//! `docs/cli.md`: the help of every command, as the program prints it.
//!
//! A changed option shows there in review. `TRAILTRIM_BLESS=1` writes the page anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::harness::{text, trailtrim};

const PREFACE: &str = "\
# Command line

What `--help` says, of every command. A test writes this page; `just bless` runs it.
";

#[test]
fn the_command_line_reference_is_what_help_says() {
    let mut page = PREFACE.to_owned();
    write_help(&mut Vec::new(), &mut page);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    if std::env::var_os("TRAILTRIM_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(page, known, "docs/cli.md is out of date; `just bless` writes it anew");
}

/// Writes the help of a command and of those below it.
fn write_help(command: &mut Vec<String>, page: &mut String) {
    let help = help(command, "--help");
    let name: Vec<&str> =
        ["trailtrim"].into_iter().chain(command.iter().map(String::as_str)).collect();
    writeln!(page, "\n{} `{}`\n", "#".repeat(name.len() + 1), name.join(" ")).unwrap();
    writeln!(page, "```text\n{}```", help).unwrap();
    // The short help must be there as well, and no longer than the long one.
    assert!(self::help(command, "-h").len() <= help.len(), "{name:?}");
    for below in subcommands(&help) {
        command.push(below);
        write_help(command, page);
        command.pop();
    }
}

fn help(command: &[String], option: &str) -> String {
    let output = trailtrim().args(command).arg(option).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{command:?}");
    assert!(output.stderr.is_empty(), "{command:?}");
    text(output.stdout)
}

/// Returns the names that stand below `Commands:`.
fn subcommands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}
