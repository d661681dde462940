//! The README's examples are what the program prints, and those of files can be read.
//!
//! Each ```` ```console ```` block is run: a line behind `$ ` is a command (`\` goes on below), and what
//! follows must be its output. `…` alone on a line stands for any lines, inside of one for any text.

use std::fs;
use std::path::Path;

use crate::harness::{fixture_trail, text, trailtrim};

/// A command with what the README says of it.
struct Example {
    command: String,
    expected: Vec<String>,
}

fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let (mut inside, mut goes_on) = (false, false);
    for line in page.lines() {
        if line.starts_with("```") {
            (inside, goes_on) = (line == "```console", false);
        } else if inside && goes_on {
            let command = &mut examples.last_mut().unwrap().command;
            goes_on = line.ends_with('\\');
            command.push_str(line.trim().trim_end_matches('\\'));
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            goes_on = command.ends_with('\\');
            let command = command.trim_end_matches('\\').to_owned();
            examples.push(Example { command, expected: Vec::new() });
        } else if inside {
            examples.last_mut().unwrap().expected.push(line.to_owned());
        }
    }
    examples
}

/// Splits a command line as a shell does, as far as the README needs it.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Says whether a line is as it is written, `…` standing for any text.
fn is_line(pattern: &str, line: &str) -> bool {
    let parts: Vec<&str> = pattern.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return pattern == line };
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Says whether lines are as they are written, a `…` alone standing for any lines.
fn are_lines(expected: &[String], lines: &[&str]) -> bool {
    match (expected.first().map(|line| line.trim()), lines.first()) {
        (None, None) => true,
        (Some("…"), _) => (0..=lines.len()).any(|at| are_lines(&expected[1..], &lines[at..])),
        (Some(_), Some(line)) if is_line(&expected[0], line) => {
            are_lines(&expected[1..], &lines[1..])
        }
        _ => false,
    }
}

#[test]
fn the_examples_of_the_readme_are_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("README.md")).unwrap();
    let examples = examples(&page);
    assert!(examples.len() >= 5, "the README has lost its examples");
    let mut last_code = None;
    for Example { command, expected } in examples {
        if command == "echo $?" {
            assert_eq!(expected, [format!("{}", last_code.unwrap())], "{command}");
            continue;
        }
        let words = words(&command);
        assert_eq!(words[0], "trailtrim", "{command}");
        let folder = tempfile::tempdir().unwrap();
        // What is written goes elsewhere; what is read stands in the repository.
        let arguments = words[1..].iter().map(|word| match word.as_str() {
            "policies" | "drafts" => folder.path().join(word).to_str().unwrap().to_owned(),
            word => word.to_owned(),
        });
        let output = trailtrim().current_dir(root).args(arguments).output().unwrap();
        last_code = output.status.code();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let shown =
            [stdout.trim_end().to_owned(), format!("{stdout}{stderr}").trim_end().to_owned()];
        let told = shown.iter().any(|shown| {
            let lines: Vec<&str> = shown.lines().collect();
            are_lines(&expected, &lines)
        });
        assert!(told, "$ {command}\n{}\n--- it prints\n{}", expected.join("\n"), shown[1]);
    }
}

#[test]
fn the_files_of_the_page_on_configuration_can_be_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let blocks = page.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let blocks: Vec<&str> = blocks.collect();
    let [config, accepted] = blocks.as_slice() else { panic!("{} files", blocks.len()) };
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let output = trailtrim()
        .arg("diff")
        .arg(fixture_trail())
        .args(["--principal", "orders-api", "--attached"])
        .arg(fixture_trail().with_file_name("attached").join("orders-api.json"))
        .arg("--config")
        .arg(written("trailtrim.toml", config))
        .args(["--check", "--baseline"])
        .arg(written("accepted.toml", accepted))
        .output()
        .unwrap();
    // The trail has a file that is cut short.
    assert_eq!(output.status.code(), Some(3), "{}", text(output.stderr));
    for key in ["unused-days", "drop-unobservable", "leave-out"] {
        assert!(config.contains(key));
    }
}

#[test]
fn ellipses_stand_for_what_is_left_out() {
    let expected = ["a", "…", "c …d"].map(str::to_owned);
    assert!(are_lines(&expected, &["a", "b", "b", "c xyzd"]));
    assert!(are_lines(&expected, &["a", "c d"]));
    assert!(!are_lines(&expected, &["a", "b", "c xyz"]));
    assert!(!are_lines(&expected, &["b", "c d"]));
}
