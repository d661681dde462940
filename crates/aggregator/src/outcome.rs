//! What a call's end says about whether the caller had the permission.
//!
//! Decided when reading, from the error code that the usage keeps: the classes
//! of codes are the catalog's data.

use trailtrim_catalog::{Catalog, ErrorClass};

use crate::call::Call;

/// What is known about the permission after one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The call succeeded, or a dry run would have.
    Granted,
    /// Authorization was passed, then something else went wrong.
    GrantedWithError,
    /// Authorization failed: the principal tried.
    Denied,
    /// Authorization was not reached: throttled, bad credentials, account state.
    NotEvaluated,
    /// The error does not tell whether authorization came first.
    Unknown,
}

impl Outcome {
    /// Decides for one call.
    pub fn of(call: &Call<'_>, catalog: Catalog) -> Outcome {
        let Some(code) = call.error_code.as_deref() else { return Outcome::Granted };
        // What the message says was missing is IAM's own word, whatever the code: if it is what the
        // call itself needs, the call was refused.
        let missing = call.denial.as_ref().and_then(|denial| denial.action.as_deref());
        let refused = missing.is_some_and(|missing| {
            call.operation(catalog).actions().any(|action| action.eq_ignore_ascii_case(missing))
        });
        if refused {
            return Outcome::Denied;
        }
        // The message speaks where the code does not.
        let unsure = if call.denial.is_some() { Outcome::Denied } else { Outcome::Unknown };
        match catalog.error_class(&call.event_source, code) {
            ErrorClass::Granted => Outcome::Granted,
            // Something behind the call was refused, so the call itself was not.
            ErrorClass::GrantedWithError | ErrorClass::DependencyDenied => {
                Outcome::GrantedWithError
            }
            ErrorClass::Denied => Outcome::Denied,
            ErrorClass::NotEvaluated => Outcome::NotEvaluated,
            _ => unsure,
        }
    }

    /// Returns whether a policy may be drawn from it.
    pub fn grants(self) -> bool {
        matches!(self, Outcome::Granted | Outcome::GrantedWithError)
    }

    /// Returns the stable code of the outcome.
    pub fn code(self) -> &'static str {
        match self {
            Outcome::Granted => "granted",
            Outcome::GrantedWithError => "granted-with-error",
            Outcome::Denied => "denied",
            Outcome::NotEvaluated => "not-evaluated",
            Outcome::Unknown => "unknown",
        }
    }
}
