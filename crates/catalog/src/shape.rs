//! How an ARN is made up, by the template of its resource type.
//!
//! A pattern of an ARN can be taken apart as well: its `*` is text like any other, and lies within
//! one variable, or the pattern is of no type.

use std::collections::BTreeSet;

use crate::template::{Piece, captures, pieces, weight};
use crate::{ActionFacts, ServiceFacts};

/// An ARN, or a pattern of one, taken apart by the template that it fits best.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape<'a> {
    kind: &'static str,
    template: &'static str,
    parts: Vec<Part<'a>>,
}

/// A part of a [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// What every ARN of the type has.
    Literal(&'static str),
    /// What tells them apart.
    Variable(&'a str),
}

impl<'a> Part<'a> {
    /// Returns the part as it stands in the ARN.
    pub fn text(self) -> &'a str {
        match self {
            Part::Literal(text) | Part::Variable(text) => text,
        }
    }
}

impl<'a> Shape<'a> {
    /// Takes an ARN or a pattern of one apart by a template, of a resource type of that name. Templates with
    /// a `*` of their own tell nothing of an ARN's parts.
    pub fn fitted(kind: &'static str, template: &'static str, arn: &'a str) -> Option<Shape<'a>> {
        if template.contains('*') {
            return None;
        }
        let mut values = captures(template, arn)?.into_iter();
        let parts = pieces(template)
            .map(|piece| match piece {
                Piece::Literal(text) => Some(Part::Literal(text)),
                Piece::Variable(_) => values.next().map(|(_, value)| Part::Variable(value)),
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Shape { kind, template, parts })
    }

    /// Returns the name of the resource type: `object`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Returns the template: `arn:${Partition}:s3:::${BucketName}/${ObjectName}`.
    pub fn template(&self) -> &'static str {
        self.template
    }

    /// Returns the parts in their order; put together they are the ARN.
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }
}

impl ActionFacts {
    /// Takes an ARN or a pattern of one apart, by the most particular of the action's resource
    /// types that it is of.
    pub fn shape(self, arn: &str) -> Option<Shape<'_>> {
        let mut best: Option<(usize, Shape<'_>)> = None;
        for kind in self.resource_types() {
            for template in kind.templates() {
                let weight = weight(template);
                if best.as_ref().is_none_or(|(known, _)| weight > *known)
                    && let Some(shape) = Shape::fitted(kind.name(), template, arn)
                {
                    best = Some((weight, shape));
                }
            }
        }
        best.map(|(_, shape)| shape)
    }
}

impl ServiceFacts {
    /// Returns the ARN templates that the service's actions take, each with the name of its resource type,
    /// the most particular first.
    pub fn templates(self) -> Vec<(&'static str, &'static str)> {
        let types = self.actions().flat_map(ActionFacts::resource_types);
        let each = types.flat_map(|kind| kind.templates().map(move |one| (kind.name(), one)));
        let distinct: BTreeSet<(&str, &str)> = each.collect();
        let mut all: Vec<_> = distinct.into_iter().collect();
        all.sort_by_key(|(_, template)| std::cmp::Reverse(weight(template)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::Part;
    use crate::Catalog;

    #[test]
    fn parts_put_together_are_the_arn() {
        for (action, arn, kind) in [
            ("s3:GetObject", "arn:aws:s3:::b/k/l", Some("object")),
            ("s3:GetObject", "arn:aws:s3:::b/*", Some("object")),
            ("s3:GetObject", "arn:aws:s3:::b", None),
            ("s3:GetObject", "*", None),
            ("logs:PutLogEvents", "arn:aws:logs:r:1:log-group:g:log-stream:s", Some("log-stream")),
            ("states:StopExecution", "arn:aws:states:*:1:execution:m:e", Some("execution")),
        ] {
            let action = Catalog::embedded().action(action).unwrap();
            let shape = action.shape(arn);
            assert_eq!(shape.as_ref().map(|shape| shape.kind()), kind, "{arn}");
            if let Some(shape) = shape {
                let text: String = shape.parts().iter().map(|part| part.text()).collect();
                assert_eq!(text, arn);
                assert!(matches!(shape.parts().last(), Some(Part::Variable(_))));
            }
        }
    }
}
