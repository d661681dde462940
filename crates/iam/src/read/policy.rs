//! Reading one policy document, strictly.
//!
//! Element names are taken in any case, as IAM does, and become canonical.
//! Values of conditions may be booleans or numbers and become text. Empty
//! lists are allowed, as they are in IAM, and match nothing.

use std::collections::BTreeMap;

use super::{
    ReadError,
    json::{self, Json, Node},
};
use crate::document::{
    Condition, Effect, PolicyDocument, PrincipalKind, Principals, Selector, Statement, Version,
};

const DOCUMENT: &str = "a policy document: an object, or a text that holds one";
const DOCUMENT_ELEMENTS: &str = "`Version`, `Id` or `Statement`";
const STATEMENT_ELEMENTS: &str =
    "`Sid`, `Effect`, `Principal`, `Action`, `Resource`, `Condition` or a `Not` form";
const STRINGS: &str = "a text or a list of texts";

/// Reads a document from an object, a JSON string or a percent-encoded string.
pub(super) fn read(node: &Node<'_>) -> Result<PolicyDocument, ReadError> {
    match node.value() {
        Json::Object(_) => document(node),
        Json::String(text) => {
            let path = node.path();
            let tree = json::parse(node.file(), text)
                .map_err(|_| node.unexpected(DOCUMENT, super::describe(node.value())))?;
            let inner = Node::inside(node.file(), &path, &tree);
            if !matches!(tree, Json::Object(_)) {
                return Err(node.wrong(DOCUMENT));
            }
            inner.check_duplicates()?;
            document(&inner)
        }
        _ => Err(node.wrong(DOCUMENT)),
    }
}

fn document(node: &Node<'_>) -> Result<PolicyDocument, ReadError> {
    let (mut version, mut id, mut statements) = (None, None, None);
    for (key, value) in node.fields() {
        let twice = match key.to_ascii_lowercase().as_str() {
            "version" => version.replace(read_version(&value)?).is_some(),
            "id" => id.replace(string(&value)?).is_some(),
            "statement" => {
                let list = match value.value() {
                    Json::Array(_) => {
                        value.items().map(|s| statement(&s)).collect::<Result<_, _>>()?
                    }
                    Json::Object(_) => vec![statement(&value)?],
                    _ => return Err(value.wrong("a statement or a list of statements")),
                };
                statements.replace(list).is_some()
            }
            _ => return Err(unknown(node, key, DOCUMENT_ELEMENTS)),
        };
        if twice {
            return Err(node.duplicate(key));
        }
    }
    let statements = statements.ok_or_else(|| node.missing("`Statement`"))?;
    Ok(PolicyDocument { version, id, statements })
}

fn read_version(node: &Node<'_>) -> Result<Version, ReadError> {
    match node.as_str() {
        Some("2012-10-17") => Ok(Version::V2012),
        Some("2008-10-17") => Ok(Version::V2008),
        _ => Err(node.wrong("`2012-10-17` or `2008-10-17`")),
    }
}

fn statement(node: &Node<'_>) -> Result<Statement, ReadError> {
    if !matches!(node.value(), Json::Object(_)) {
        return Err(node.wrong("a statement, which is an object"));
    }
    let (mut sid, mut effect, mut condition) = (None, None, None);
    let (mut principal, mut action, mut resource) = (None, None, None);
    for (key, value) in node.fields() {
        let twice = match key.to_ascii_lowercase().as_str() {
            "sid" => sid.replace(string(&value)?).is_some(),
            "effect" => effect.replace(read_effect(&value)?).is_some(),
            "principal" => principal.replace(Selector::Only(principals(&value)?)).is_some(),
            "notprincipal" => principal.replace(Selector::AllBut(principals(&value)?)).is_some(),
            "action" => action.replace(Selector::Only(actions(&value)?)).is_some(),
            "notaction" => action.replace(Selector::AllBut(actions(&value)?)).is_some(),
            "resource" => resource.replace(Selector::Only(strings(&value)?)).is_some(),
            "notresource" => resource.replace(Selector::AllBut(strings(&value)?)).is_some(),
            "condition" => condition.replace(read_condition(&value)?).is_some(),
            _ => return Err(unknown(node, key, STATEMENT_ELEMENTS)),
        };
        if twice {
            return Err(node.duplicate(key));
        }
    }
    // What is attached to a principal says on what, what is attached to a thing for whom.
    if principal.is_none() && resource.is_none() {
        return Err(node.missing("`Resource` or `NotResource`"));
    }
    Ok(Statement {
        sid,
        effect: effect.ok_or_else(|| node.missing("`Effect`"))?,
        principal,
        action: action.ok_or_else(|| node.missing("`Action` or `NotAction`"))?,
        resource,
        condition: condition.unwrap_or_default(),
    })
}

fn read_effect(node: &Node<'_>) -> Result<Effect, ReadError> {
    match node.as_str() {
        Some("Allow") => Ok(Effect::Allow),
        Some("Deny") => Ok(Effect::Deny),
        _ => Err(node.wrong("`Allow` or `Deny`, in this case")),
    }
}

fn actions(node: &Node<'_>) -> Result<Vec<String>, ReadError> {
    let list = strings(node)?;
    match list.iter().find(|action| !is_action_pattern(action)) {
        Some(action) => Err(node.unexpected(
            "`*` or `service:Name` in actions",
            format!("`{}`", action.escape_debug()),
        )),
        None => Ok(list),
    }
}

/// An action pattern has one colon, or ends in a `*` that stands for it.
fn is_action_pattern(text: &str) -> bool {
    match text.split_once(':') {
        Some((service, name)) => !service.is_empty() && !name.is_empty() && !name.contains(':'),
        None => text.ends_with('*'),
    }
}

fn principals(node: &Node<'_>) -> Result<Principals, ReadError> {
    if node.as_str() == Some("*") {
        return Ok(Principals::Anyone);
    }
    if !matches!(node.value(), Json::Object(_)) {
        return Err(node.wrong("`*` or an object such as {\"AWS\": …}"));
    }
    let mut kinds = BTreeMap::new();
    for (key, value) in node.fields() {
        let kind = PrincipalKind::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(key))
            .ok_or_else(|| {
                unknown(node, key, "`AWS`, `CanonicalUser`, `Federated` or `Service`")
            })?;
        if kinds.insert(kind, strings(&value)?).is_some() {
            return Err(node.duplicate(key));
        }
    }
    Ok(Principals::Named(kinds))
}

fn read_condition(node: &Node<'_>) -> Result<Condition, ReadError> {
    if !matches!(node.value(), Json::Object(_)) {
        return Err(node.wrong("a condition block, which is an object of operators"));
    }
    let mut condition = Condition::default();
    for (operator, keys) in node.fields() {
        if !crate::eval::is_operator(operator) {
            return Err(
                keys.unexpected("a condition operator", format!("`{}`", operator.escape_debug()))
            );
        }
        if !matches!(keys.value(), Json::Object(_)) {
            return Err(keys.wrong("an object of condition keys"));
        }
        for (key, values) in keys.fields() {
            condition.add(operator, key, strings(&values)?);
        }
    }
    Ok(condition)
}

fn string(node: &Node<'_>) -> Result<String, ReadError> {
    node.as_str().map(ToOwned::to_owned).ok_or_else(|| node.wrong("a text"))
}

/// Reads a scalar or a list of scalars, as text.
fn strings(node: &Node<'_>) -> Result<Vec<String>, ReadError> {
    let scalar = |node: &Node<'_>| match node.value() {
        Json::String(text) | Json::Number(text) => Ok(text.clone()),
        Json::Bool(value) => Ok(value.to_string()),
        _ => Err(node.wrong(STRINGS)),
    };
    match node.value() {
        Json::Array(_) => node.items().map(|item| scalar(&item)).collect(),
        _ => Ok(vec![scalar(node)?]),
    }
}

fn unknown(node: &Node<'_>, element: &str, expected: &'static str) -> ReadError {
    ReadError::UnknownElement {
        file: node.file().to_owned(),
        path: node.path(),
        element: element.escape_debug().to_string(),
        expected,
    }
}
