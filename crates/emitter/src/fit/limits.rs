//! How large policies may be.

use serde::Serialize;
use trailtrim_iam::{PolicyDocument, escape_controls};

/// How large a document may be, and how many of them a principal may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters of one document, or bytes where `bytes` is set; white space is not counted.
    pub document: usize,
    /// Documents.
    pub documents: usize,
    /// Whether bytes are counted, and not characters.
    pub bytes: bool,
}

/// How large drafts may be, by what they are attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Of what a role gets.
    pub role: Limits,
    /// Of what a user gets.
    pub user: Limits,
    /// Of what a group gets.
    pub group: Limits,
    /// Whether managed policies that stay attached take away from the documents.
    pub beside_attached: bool,
}

impl Budget {
    /// Customer managed policies.
    #[must_use]
    pub fn managed() -> Budget {
        Budget { beside_attached: true, ..Budget::same(Limits::managed()) }
    }

    /// Inline policies, of whoever gets them.
    #[must_use]
    pub fn inline() -> Budget {
        Budget {
            role: Limits::inline_role(),
            user: Limits::inline_user(),
            group: Limits::inline_group(),
            beside_attached: false,
        }
    }

    /// The inline policy of a permission set.
    #[must_use]
    pub fn permission_set() -> Budget {
        Budget::same(Limits::permission_set())
    }

    fn same(limits: Limits) -> Budget {
        Budget { role: limits, user: limits, group: limits, beside_attached: false }
    }

    /// Takes other quotas, where some are given.
    #[must_use]
    pub fn with(self, document: Option<usize>, documents: Option<usize>) -> Budget {
        let with = |limits: Limits| Limits {
            document: document.unwrap_or(limits.document),
            documents: documents.unwrap_or(limits.documents),
            ..limits
        };
        Budget { role: with(self.role), user: with(self.user), group: with(self.group), ..self }
    }
}

impl Limits {
    /// Returns limits that keep both.
    pub(crate) fn and(self, other: Limits) -> Limits {
        Limits {
            document: self.document.min(other.document),
            documents: self.documents.min(other.documents),
            bytes: self.bytes || other.bytes,
        }
    }

    /// Customer managed policies: 6,144 characters each, 10 attached unless a larger quota was
    /// granted (IAM User Guide, "IAM and AWS STS quotas").
    #[must_use]
    pub fn managed() -> Limits {
        Limits { document: crate::MANAGED_POLICY_LIMIT, documents: 10, bytes: false }
    }

    /// A role's inline policies: 10,240 characters together (same page). They are written as one
    /// document, since each further one only takes away from the budget.
    #[must_use]
    pub fn inline_role() -> Limits {
        Limits { document: 10_240, documents: 1, bytes: false }
    }

    /// A user's inline policies: 2,048 characters together (same page).
    #[must_use]
    pub fn inline_user() -> Limits {
        Limits { document: 2_048, documents: 1, bytes: false }
    }

    /// A group's inline policies: 5,120 characters together (same page).
    #[must_use]
    pub fn inline_group() -> Limits {
        Limits { document: 5_120, documents: 1, bytes: false }
    }

    /// A permission set's one inline policy: 10,240 bytes (IAM Identity Center User Guide,
    /// "Quotas and limits").
    #[must_use]
    pub fn permission_set() -> Limits {
        Limits { document: 10_240, documents: 1, bytes: true }
    }

    /// Returns the size of a document as these limits count it.
    #[must_use]
    pub fn measure(&self, document: &PolicyDocument) -> usize {
        if self.bytes { document.to_json().len() } else { document.size() }
    }

    /// Returns the size of a part of a document.
    pub(super) fn measure_json<T: Serialize>(&self, part: &T) -> usize {
        // Statements and names have no way to fail; were there one, nothing would fit.
        let Ok(json) = serde_json::to_string(part) else { return self.document };
        if self.bytes { escape_controls(json).len() } else { json.chars().count() }
    }
}
