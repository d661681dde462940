//! What an error code says about whether the caller had the permission.

use crate::table::Table;
use crate::table::layout::root;

/// What an error code says about the permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The caller was refused: nothing is granted on this evidence.
    Denied,
    /// The call itself was authorized; something that it depends on was refused.
    DependencyDenied,
    /// The call would have succeeded (a dry run): as good as success.
    Granted,
    /// Authorization was passed, then something else went wrong.
    GrantedWithError,
    /// Authorization was not reached (throttling, credentials, account state).
    NotEvaluated,
    /// The code does not tell whether authorization came first.
    Unknown,
}

impl ErrorClass {
    pub(crate) fn of(table: Table, event_source: &str, code: &str) -> ErrorClass {
        let label = crate::operation::label(event_source);
        let plain = code.trim().to_ascii_lowercase();
        // EC2 and its kin put the culprit in front.
        let plain = plain
            .strip_prefix("client.")
            .or_else(|| plain.strip_prefix("server."))
            .unwrap_or(&plain)
            .to_owned();
        let bare = ["exception", "fault", "error"]
            .iter()
            .find_map(|tail| plain.strip_suffix(tail))
            .filter(|bare| !bare.is_empty());
        let forms: Vec<&str> = [Some(plain.as_str()), bare].into_iter().flatten().collect();
        let index = table.root().node(root::ERROR_INDEX);
        for form in &forms {
            let particular = index.find(&format!("{label}:{form}"));
            if let Some(entry) = particular.or_else(|| index.find(form)) {
                return ErrorClass::from_number(entry.number(1));
            }
        }
        for entry in table.root().node(root::ERROR_PATTERNS).nodes() {
            let pattern = entry.string(0);
            let fits = |form: &&str| match pattern.split_once(':') {
                Some((source, pattern)) => source == label && glob(pattern, form),
                None => glob(pattern, form),
            };
            if forms.iter().any(fits) {
                return ErrorClass::from_number(entry.number(1));
            }
        }
        ErrorClass::Unknown
    }

    fn from_number(number: u32) -> ErrorClass {
        match number {
            0 => ErrorClass::Denied,
            1 => ErrorClass::DependencyDenied,
            2 => ErrorClass::Granted,
            3 => ErrorClass::GrantedWithError,
            4 => ErrorClass::NotEvaluated,
            _ => ErrorClass::Unknown,
        }
    }
}

/// Returns whether a pattern of literals and `*` matches a text.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.any(|at| glob(tail, rest.get(at..).unwrap_or_default()))
}
