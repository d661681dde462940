//! True, false, or not known and why.

use std::collections::BTreeSet;

/// A truth value that may hang on context keys whose value is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    True,
    False,
    /// The keys, in lower case, that would decide it.
    Unknown(BTreeSet<String>),
}

impl Truth {
    pub(crate) fn unknown(key: &str) -> Self {
        Self::Unknown(BTreeSet::from([key.to_owned()]))
    }

    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, rest) | (rest, Self::True) => rest,
            (Self::Unknown(a), Self::Unknown(b)) => Self::Unknown(&a | &b),
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::False, rest) | (rest, Self::False) => rest,
            (Self::Unknown(a), Self::Unknown(b)) => Self::Unknown(&a | &b),
        }
    }

    pub(crate) fn negate(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            unknown @ Self::Unknown(_) => unknown,
        }
    }

    /// Folds with `and`; stops at the first false.
    pub(crate) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::True;
        for truth in truths {
            whole = whole.and(truth);
            if whole == Self::False {
                break;
            }
        }
        whole
    }

    /// Folds with `or`; stops at the first true.
    pub(crate) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::False;
        for truth in truths {
            whole = whole.or(truth);
            if whole == Self::True {
                break;
            }
        }
        whole
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}
