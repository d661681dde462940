//! Finds the CloudTrail records in whatever they are wrapped in.

use serde_json::Value;

/// Returns the records in `text`, and whether all of it was JSON.
///
/// Wrappings may nest: a log group's message is a string with an event in it.
pub fn records(text: &str) -> (Vec<Value>, bool) {
    let (values, whole) = values(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut found = Vec::new();
    for value in values {
        unwrap(value, &mut found);
    }
    (found, whole)
}

/// Returns the JSON values that stand one after another, with or without line breaks.
///
/// A broken one is passed over up to the end of its line; a list that breaks off
/// gives the elements before.
fn values(text: &str) -> (Vec<Value>, bool) {
    let (mut values, mut whole) = (Vec::new(), true);
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match stream.next() {
            // CloudWatch's export puts a time in front of each event.
            Some(Ok(Value::Number(_))) | Some(Err(_)) if exported(rest).is_some() => {
                rest = exported(rest).unwrap_or_default();
            }
            Some(Ok(value)) => {
                values.push(value);
                rest = rest.get(stream.byte_offset()..).unwrap_or_default().trim_start();
            }
            Some(Err(_)) => {
                whole = false;
                let (elements, used) = elements(rest);
                let broke_off = used == rest.len();
                values.extend(elements);
                if broke_off {
                    break;
                }
                rest = rest.split_once('\n').map_or("", |(_, next)| next).trim_start();
            }
            None => break,
        }
    }
    (values, whole)
}

/// Returns what follows `2026-03-02T10:15:00.000Z ` at the beginning of a line.
fn exported(text: &str) -> Option<&str> {
    let (time, rest) = text.split_once(' ')?;
    let is_time = time.len() >= 20
        && time.ends_with('Z')
        && time.bytes().all(|byte| byte.is_ascii_digit() || b"-:.TZ".contains(&byte));
    (is_time && rest.trim_start().starts_with('{')).then(|| rest.trim_start())
}

/// Returns the elements of a list that breaks off, and how much of the text that is.
fn elements(text: &str) -> (Vec<Value>, usize) {
    let mut found = Vec::new();
    let compact: String = text.chars().take(64).filter(|c| !c.is_whitespace()).collect();
    if !compact.starts_with("{\"Records\":[") && !compact.starts_with('[') {
        return (found, 0);
    }
    let mut rest = text.split_once('[').map_or("", |(_, list)| list).trim_start();
    while !rest.is_empty() {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                found.push(value);
                let next = rest.get(stream.byte_offset()..).unwrap_or_default().trim_start();
                rest = next.strip_prefix(',').unwrap_or(next).trim_start();
            }
            _ => break,
        }
    }
    (found, text.len())
}

fn unwrap(value: Value, found: &mut Vec<Value>) {
    if is_record(&value) {
        found.push(value);
        return;
    }
    match value {
        Value::Array(items) => items.into_iter().for_each(|item| unwrap(item, found)),
        Value::Object(mut fields) => {
            for list in ["Records", "Events", "logEvents", "hits"] {
                if let Some(inner @ (Value::Array(_) | Value::Object(_))) = fields.remove(list) {
                    unwrap(inner, found);
                }
            }
            for single in ["detail", "_source"] {
                if let Some(inner @ Value::Object(_)) = fields.remove(single) {
                    unwrap(inner, found);
                }
            }
            for quoted in ["CloudTrailEvent", "message"] {
                if let Some(Value::String(text)) = fields.remove(quoted)
                    && let Ok(inner) = serde_json::from_str(&text)
                {
                    unwrap(inner, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Says whether a value is a record: it names a call and a source.
///
/// Notifications of S3 and streams of DynamoDB have fields of these names too and are let in here;
/// they carry no identity, so nobody is held to have made them.
fn is_record(value: &Value) -> bool {
    ["eventName", "eventSource"]
        .iter()
        .all(|name| value.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str =
        r#"{"eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"1"}"#;

    fn count(text: &str) -> (usize, bool) {
        let (records, whole) = records(text);
        (records.len(), whole)
    }

    #[test]
    fn every_wrapping_is_opened() {
        let quoted = serde_json::to_string(EVENT).unwrap();
        for (text, expected) in [
            (format!("{{\"Records\":[{EVENT},{EVENT}]}}"), 2),
            (format!(" [{EVENT}]"), 1),
            (EVENT.to_owned(), 1),
            (format!("{EVENT}\n{EVENT}\r\n"), 2),
            (format!("{EVENT}{EVENT}"), 2),
            (format!("{{\"detail-type\":\"x\",\"detail\":{EVENT}}}"), 1),
            (format!("{{\"Events\":[{{\"EventId\":\"1\",\"CloudTrailEvent\":{quoted}}}]}}"), 1),
            (
                format!(
                    "{{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{{\"message\":{quoted}}}]}}"
                ),
                1,
            ),
            (format!("2026-03-02T10:15:00.000Z {EVENT}\n2026-03-02T10:15:01.000Z {EVENT}\n"), 2),
            (format!("{{\"_source\":{EVENT}}}\n{{\"_source\":{EVENT}}}"), 2),
            ("{\"digestStartTime\":\"x\",\"logFiles\":[]}".to_owned(), 0),
        ] {
            assert_eq!(count(&text), (expected, true), "{text}");
        }
    }

    #[test]
    fn what_stands_before_a_break_is_kept() {
        assert_eq!(count(&format!("{{\"Records\":[{EVENT},{EVENT},{{\"eventS")), (2, false));
        assert_eq!(count(&format!("{EVENT}\n{{broken\n{EVENT}\n")), (2, false));
        assert_eq!(count("\u{89}PNG"), (0, false));
        assert_eq!(count(""), (0, true));
    }
}
