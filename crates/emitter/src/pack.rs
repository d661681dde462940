//! Statements into documents that keep AWS's limits.

use trailtrim_iam::{PolicyDocument, Statement};

use crate::MANAGED_POLICY_LIMIT;

/// Managed policies that a role or user may have, unless more were granted (IAM user guide, "IAM
/// and AWS STS quotas").
pub const ATTACHED_POLICIES: usize = 10;

/// The limits of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters of a document.
    pub document: usize,
    /// Documents.
    pub documents: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { document: MANAGED_POLICY_LIMIT, documents: ATTACHED_POLICIES }
    }
}

/// Packed documents.
pub(crate) struct Packed {
    pub(crate) documents: Vec<PolicyDocument>,
    pub(crate) fits: bool,
}

/// Packs Allow and Deny statements first-fit by falling size.
pub(crate) fn pack(allows: Vec<Statement>, denies: Vec<Statement>, limits: &Limits) -> Packed {
    let mut documents: Vec<PolicyDocument> = Vec::new();
    for statement in allows.into_iter().chain(denies) {
        let place = documents.iter_mut().find_map(|document| {
            let mut longer = document.clone();
            longer.statements.push(statement.clone());
            (longer.size() <= limits.document).then(|| *document = longer)
        });
        if place.is_none() {
            documents.push(PolicyDocument::new(vec![statement]));
        }
    }
    let fits = documents.len() <= limits.documents
        && documents.iter().all(|document| document.size() <= limits.document);
    Packed { documents, fits }
}
