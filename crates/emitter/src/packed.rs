//! A drafted policy as the documents that IAM takes.
//!
//! What is granted stays the same: statements go into several documents, and are split where one alone
//! is too large. Nothing is widened to make room, since nobody asked for that; the ways out are told.

use trailtrim_iam::PolicyDocument;

use crate::fit::{Limits, pack_all};

/// What can be done where a policy does not fit.
const WAYS_OUT: &str = "write names wider (`--resources prefix`), give each workload a role of its own \
    (`--split-by workload`), or have AWS raise the quota";

/// What can be done where there is but one document.
const WAYS_OUT_OF_ONE: &str = "write names wider (`--resources prefix`)";

/// The documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// One, or as many as it takes.
    pub documents: Vec<PolicyDocument>,
    /// Why these cannot be attached, where they are too many or too large.
    pub misfit: Option<String>,
}

/// Splits a policy over documents that keep the limits.
#[must_use]
pub fn packed(policy: &PolicyDocument, limits: &Limits) -> Packed {
    let size = limits.measure(policy);
    if size <= limits.document {
        return Packed { documents: vec![policy.clone()], misfit: None };
    }
    let (documents, fits) = pack_all(policy.statements.clone(), limits);
    if fits {
        return Packed { documents, misfit: None };
    }
    let unit = if limits.bytes { "bytes" } else { "characters" };
    let (document, most) = (limits.document, limits.documents);
    let ways_out = if most == 1 { WAYS_OUT_OF_ONE } else { WAYS_OUT };
    let misfit = match most {
        1 => format!("it has {size} {unit}, and may have {document}"),
        _ => {
            let largest = documents.iter().map(|one| limits.measure(one)).max();
            format!(
                "it takes {} documents of up to {} {unit}, and there may be {most} of {document}",
                documents.len(),
                largest.unwrap_or_default(),
            )
        }
    };
    let documents = if most == 1 { vec![policy.clone()] } else { documents };
    Packed { documents, misfit: Some(format!("AWS refuses it: {misfit}; {ways_out}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_iam::Statement;

    fn policy(queues: usize) -> PolicyDocument {
        let queues =
            (0..queues).map(|n| format!("arn:aws:sqs:eu-west-1:111122223333:queue-{n:04}"));
        let statement = Statement::allow(["sqs:SendMessage"], queues).with_sid("SqsSend");
        PolicyDocument::new(vec![statement])
    }

    #[test]
    fn what_is_too_large_is_split_and_says_the_same() {
        let limits = Limits::managed();
        assert_eq!(packed(&policy(3), &limits).documents, [policy(3)]);
        let Packed { documents, misfit } = packed(&policy(300), &limits);
        assert!(documents.len() > 1 && misfit.is_none(), "{misfit:?}");
        let mut resources = Vec::new();
        for document in &documents {
            assert!(document.size() <= limits.document);
            let lists = document.statements.iter().filter_map(|one| one.resource.as_ref());
            resources.extend(lists.flat_map(|list| list.listed().clone()));
        }
        let whole = policy(300).statements.swap_remove(0).resource;
        assert_eq!(Some(&resources), whole.as_ref().map(|list| list.listed()));
    }

    #[test]
    fn what_does_not_fit_is_told_with_the_numbers() {
        let many = packed(&policy(2000), &Limits::managed());
        assert!(many.documents.len() > 10);
        let misfit = many.misfit.unwrap();
        assert!(misfit.contains("there may be 10 of 6144"), "{misfit}");
        let set = packed(&policy(300), &Limits::permission_set());
        assert_eq!(set.documents, [policy(300)]);
        assert!(set.misfit.unwrap().contains("bytes, and may have 10240"));
    }
}
