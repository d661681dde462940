//! What an error code says about whether the caller had the permission.

use crate::table::Table;

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
    pub(crate) fn of(_table: Table, _event_source: &str, _code: &str) -> ErrorClass {
        ErrorClass::Unknown
    }
}
