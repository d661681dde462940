//! What a terminal, a scheduler and a packager get beside the data.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{fixture_trail, text, trailtrim, tree};

#[test]
fn messages_for_schedulers_are_json_and_nothing_else() {
    let trail = fixture_trail();
    let missing = ["usage", "/no/such/trail", "--log-format", "json"];
    let wrong = ["usage", "--log-format=json"];
    let commands = [
        (vec!["generate", trail.to_str().unwrap(), "--log-format", "json"], 3, "info"),
        (missing.to_vec(), 2, "error"),
        (wrong.to_vec(), 2, "error"),
    ];
    for (arguments, code, level) in commands {
        let output = trailtrim().args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let stderr = text(output.stderr);
        let messages: Vec<Value> = stderr
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}\n{stderr}")))
            .collect();
        assert_eq!(messages[0]["level"], level, "{stderr}");
        assert!(messages.iter().all(|one| !one["message"].as_str().unwrap().is_empty()));
    }
    let output = trailtrim().args(missing).output().unwrap();
    let stderr = text(output.stderr);
    let hint: Value = serde_json::from_str(stderr.lines().nth(1).unwrap()).unwrap();
    assert_eq!(hint["level"], "hint", "{stderr}");
}

#[test]
fn the_details_of_a_message_belong_to_it() {
    let output = trailtrim()
        .arg("generate")
        .arg(fixture_trail())
        .args(["--log-format", "json"])
        .output()
        .unwrap();
    let stderr = text(output.stderr);
    let skipped: Value = stderr
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|one| one["message"].as_str().unwrap().starts_with("skipped:"))
        .unwrap();
    assert_eq!(skipped["details"].as_array().unwrap().len(), 1, "{skipped}");
}

#[test]
fn colour_is_there_only_where_it_is_wanted() {
    let coloured = |options: &[&str], variable: Option<&str>| {
        let mut command = trailtrim();
        command.args(["usage", "/no/such/trail"]).args(options);
        if let Some(name) = variable {
            command.env(name, "1");
        }
        text(command.output().unwrap().stderr).contains('\u{1b}')
    };
    assert!(!coloured(&[], None), "a pipe is no terminal");
    assert!(coloured(&["--color", "always"], None));
    assert!(coloured(&["--color", "always"], Some("NO_COLOR")), "the option is the nearer word");
    assert!(!coloured(&["--color", "never"], None));
    let plain = |when| {
        let output = trailtrim().arg("usage").arg(fixture_trail()).args(["--color", when]).output();
        text(output.unwrap().stdout)
    };
    let (always, never) = (plain("always"), plain("never"));
    assert!(always.contains('\u{1b}') && !never.contains('\u{1b}'));
    // Colour adds nothing that the words do not say.
    let stripped = always.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
    assert_eq!(stripped, never);
}

#[test]
fn a_diff_is_coloured_and_says_the_same_without() {
    let attached = fixture_trail().with_file_name("attached");
    let output = |options: &[&str]| {
        let mut command = trailtrim();
        command.arg("diff").arg(fixture_trail()).args(["--principal", "orders-api", "--attached"]);
        command.arg(attached.join("orders-api.json")).args(options).arg("--event-selectors");
        command.args([attached.join("selectors.json"), attached.join("trails.json")]);
        command.args(["--unused-days", "4", "--use-region", "eu-central-1"]);
        command.output().unwrap()
    };
    let shown = |options: &[&str]| text(output(options).stdout);
    let folder = TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    let messages = ["--out", out, "--color", "always", "--log-format", "json"];
    let messages = text(output(&messages).stderr);
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        assert!(!message.to_string().contains("\\u001b"), "{line}");
    }
    assert!(messages.contains("no new access"), "{messages}");
    let (always, never) = (shown(&["--color", "always"]), shown(&[]));
    for (code, begin) in [(31, "- dynamodb: "), (32, "~ dynamodb:GetItem"), (32, "no new access")] {
        let painted = format!("\u{1b}[{code}m{begin}");
        assert!(always.contains(&painted) && never.contains(begin), "{painted:?} in {always:?}");
    }
    let mut stripped = always;
    for code in ["0", "1", "31", "32", "33"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(stripped, never);
    for format in ["json", "terraform", "cloudformation", "markdown", "sarif"] {
        let stdout = shown(&["--format", format, "--color", "always"]);
        assert!(!stdout.is_empty() && !stdout.contains('\u{1b}'), "{format}");
    }
}

#[test]
fn data_for_programs_are_never_coloured() {
    for command in ["usage", "denials", "coverage", "soak"] {
        let output = trailtrim()
            .arg(command)
            .arg(fixture_trail())
            .args(["--format", "json", "--color", "always"])
            .output()
            .unwrap();
        let stdout = text(output.stdout);
        assert!(!stdout.is_empty() && !stdout.contains('\u{1b}'), "{command}");
    }
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = trailtrim().args(["completions", shell]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = text(output.stdout);
        for name in ["generate", "explain", "completions", "--log-format"] {
            // Some shells write options without their dashes.
            assert!(script.contains(name.trim_start_matches('-')), "{shell} lacks {name}");
        }
    }
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let output = trailtrim().arg("man").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let page = text(output.stdout);
    assert!(page.contains(".TH trailtrim 1") && page.contains("Exit codes:"), "{page}");
    let folder = TempDir::new().unwrap();
    let output = trailtrim().arg("man").arg("--out").arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
    let pages = tree(folder.path());
    for name in ["trailtrim.1", "trailtrim-generate.1", "trailtrim-catalog-event.1"] {
        assert!(pages.contains_key(name), "{:?}", pages.keys());
    }
    assert!(!pages.keys().any(|name| name.contains("help")), "{:?}", pages.keys());
}

/// Returns whether a process ignores a signal, where the system says so.
#[cfg(unix)]
fn ignored(process: &str, signal: &str) -> bool {
    let bit = match signal {
        "HUP" => 0,
        "INT" => 1,
        _ => 14,
    };
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() >> bit & 1 == 1)
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_stays_so() {
    for signal in ["HUP", "INT"] {
        let script = format!("trap '' {signal}; exec \"$0\" usage -");
        let mut child = std::process::Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_trailtrim")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // More than a pipe holds: once it is written, the program is reading, and listens.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&b" ".repeat(1 << 20)).unwrap();
        let id = child.id().to_string();
        assert!(ignored(&id, signal), "SIG{signal} is not ignored any more");
        let sent = std::process::Command::new("kill").args(["-s", signal, &id]).status().unwrap();
        assert!(sent.success());
        stdin.write_all(b"{\"Records\":[]}").unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        // It read to the end, where it found nothing to answer from.
        assert_eq!(output.status.code(), Some(2), "{signal}: {}", text(output.stderr));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_with_code_130_and_writes_nothing() {
    for signal in ["INT", "TERM", "HUP"] {
        if ignored("self", signal) {
            eprintln!("skipped: SIG{signal} is ignored here, and stays so in what is started");
            continue;
        }
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("out");
        let mut child = trailtrim()
            .args(["generate", "-", "--out", out.to_str().unwrap()])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // More than a pipe holds: once it is written, the program is reading.
        let mut stdin = child.stdin.take().unwrap();
        let record = r#"{"eventName":"GetObject","padding":"0123456789"}"#;
        let records = vec![record; 20_000].join(",");
        stdin.write_all(format!("{{\"Records\":[{records},").as_bytes()).unwrap();
        let id = child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", signal, &id]).status().unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        let stderr = text(output.stderr);
        assert_eq!(output.status.code(), Some(130), "{stderr}");
        assert_eq!(stderr, format!("interrupted: `{}` was not written\n", out.display()));
        assert!(!out.exists());
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_between_files_says_which_are_missing() {
    if ignored("self", "INT") {
        eprintln!("skipped: SIGINT is ignored here, and stays so in what is started");
        return;
    }
    let archive = TempDir::new().unwrap();
    crate::errors::many_policies(archive.path());
    let out = TempDir::new().unwrap();
    let mut child = trailtrim()
        .args(["generate", archive.path().to_str().unwrap(), "--out"])
        .arg(out.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The report is made first, beside its place; then come the policies' folders.
    let hidden = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    while std::fs::read_dir(out.path()).unwrap().flatten().all(|entry| hidden(&entry)) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-s", "INT", &id]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    let stderr = text(output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    let report = out.path().join("report.json");
    let missing = format!(" and `{}` were not written", report.display());
    assert_eq!(stderr.contains(&missing), !report.exists(), "{stderr}");
    let left = std::fs::read_dir(out.path()).unwrap().flatten().any(|entry| hidden(&entry));
    assert!(!left, "something is left of what was not put in its place");
    let whole = tree(out.path()).into_iter().filter(|(path, _)| path.ends_with("policy.json"));
    for (path, policy) in whole {
        assert!(serde_json::from_slice::<Value>(&policy).is_ok(), "{path} is cut");
    }
}
