//! When a grant is needed, and what a call teaches about others: rules that are texts, as codes and
//! paths.

use crate::CompileError;
use crate::fill::paths;
use crate::layout::test;
use crate::names::path_problem;
use crate::rules::Named;
use crate::world::{Subject, World};

/// Reads tests such as `versionId`, `!tagSet`, `resourceType = instance`, `key ^= select`.
pub(crate) fn tests(
    file: &Named,
    subject: Subject<'_>,
    texts: &[String],
) -> Result<Vec<(u32, String, String)>, CompileError> {
    let mut tests = Vec::new();
    for text in texts {
        let operators = [
            ("!/*=", test::LAST_CONTAINS_NOT),
            ("/*=", test::LAST_CONTAINS),
            ("!*=", test::CONTAINS_NOT),
            ("!^=", test::STARTS_NOT),
            ("!$=", test::ENDS_NOT),
            ("!=", test::DIFFERS),
            ("^=", test::STARTS),
            ("$=", test::ENDS),
            ("*=", test::CONTAINS),
            ("=", test::EQUALS),
        ];
        // A path may have a test of its own: `items[kind=Put].name`.
        let (head, rest) = text.split_at(text.rfind(']').map_or(0, |at| at + 1));
        let found = operators.iter().find_map(|(sign, code)| {
            rest.split_once(sign).map(|(path, value)| (*code, path, value))
        });
        let (code, member, value) = match found {
            Some((code, path, value)) => (code, format!("{head}{}", path.trim()), value.trim()),
            None => match text.strip_prefix('!') {
                Some(path) => (test::ABSENT, format!("{}?", path.trim()), ""),
                None => (test::PRESENT, format!("{}?", text.trim()), ""),
            },
        };
        if ["error", "via"].contains(&member.trim_end_matches('?')) {
            tests.push((code, member.trim_end_matches('?').to_owned(), value.to_owned()));
            continue;
        }
        if let Some(problem) = path_problem(&member) {
            return Err(file.error(text, problem));
        }
        let Some(path) = paths(subject, &member).pop() else {
            return Err(file.error(text, format!("no path in the test `{text}`")));
        };
        let path = if subject.is_ec2() && !member.contains("request.") {
            path.replace(".content", "").replace("?.content", "?")
        } else {
            path
        };
        tests.push((code, path, value.to_owned()));
    }
    Ok(tests)
}

/// What an event teaches, by its paths.
#[derive(Clone, Debug)]
pub(crate) struct Lesson {
    pub(crate) kind: u32,
    pub(crate) key: String,
    pub(crate) key_prefix: String,
    pub(crate) value: String,
    pub(crate) part: String,
}

pub(crate) fn lessons(
    world: &World<'_>,
    subject: Subject<'_>,
) -> Result<Vec<Lesson>, CompileError> {
    let mut lessons = Vec::new();
    for file in world.files {
        for rule in &file.rules.lesson {
            if !rule.operation.eq_ignore_ascii_case(&format!("{}:{}", subject.prefix, subject.name))
            {
                continue;
            }
            let kind = match rule.kind.as_str() {
                "instance-profile-role" => 0,
                "iam-arn" => 1,
                "athena-work-group" => 2,
                "ec2-association" => 3,
                "ecs-task-definition" => 4,
                "ecs-task-role" => 5,
                "ecs-execution-role" => 6,
                "athena-results" => 7,
                "launch-template" => 8,
                "dead-letter" => 9,
                "on-failure" => 10,
                "on-success" => 11,
                "event-source" => 12,
                "event-source-gone" => 13,
                "network" => 14,
                "tracing" => 15,
                "batch-failure" => 16,
                "role" => 17,
                "gone" => 18,
                other => return Err(file.error(other, format!("no kind of lesson `{other}`"))),
            };
            let path = |member: &str| {
                let named = (!member.is_empty()).then(|| paths(subject, member));
                named.into_iter().flatten().next().unwrap_or_default()
            };
            lessons.push(Lesson {
                kind,
                key: path(&rule.key),
                key_prefix: rule.key_prefix.clone(),
                value: path(&rule.value),
                part: path(&rule.part),
            });
        }
    }
    Ok(lessons)
}
