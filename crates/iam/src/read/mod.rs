//! Reading policies in every form in which people have them.
//!
//! [`read`] finds out by itself what it was given: a policy document, one of
//! the answers of the IAM API, a dump of a whole account, a CloudFormation
//! template in JSON, or a Terraform plan or state in JSON. Inside any of them
//! a document may be an object, a JSON string or a percent-encoded string.
//!
//! Wrappers may hold fields that are not known here, because AWS adds some
//! every year; inside a policy document, an unknown element is an error,
//! because whatever it means would be lost.

mod account;
mod cloudformation;
mod json;
mod policy;
mod terraform;

use std::collections::BTreeSet;

use crate::document::PolicyDocument;
use json::{Json, Node};

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Every policy document in the file, in its order.
    pub policies: Vec<NamedPolicy>,
    /// Whether the file is a dump of an account, which may hold no principal.
    pub is_dump: bool,
    /// The principals of an account dump, each with what is attached to it.
    pub principals: Vec<Attachments>,
    /// The roles, users and groups that a plan, a state or a template speaks of, and whom an answer of the IAM API is
    /// about: as `role/app`, or as the file calls one whose name it does not tell.
    pub people: BTreeSet<String>,
    /// Whether somebody has a permissions boundary of which the file does not tell which policy it is.
    pub open_boundary: bool,
    /// The policies that a plan, a state or a template attaches, and of which it has no document: AWS's own, those that
    /// stand elsewhere, and what is decided when it is deployed.
    pub elsewhere: Vec<Elsewhere>,
}

/// A policy that a file attaches and does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elsewhere {
    /// Its ARN, or what the file has in the place of one.
    pub policy: String,
    /// Whom the file attaches it to, as [`NamedPolicy::holders`].
    pub holders: BTreeSet<String>,
    /// Whether it is attached in any case, and is the same wherever the same is written.
    pub certain: bool,
    /// Whether it is a permissions boundary.
    pub boundary: bool,
}

/// A policy document and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPolicy {
    /// The policy's name or ARN, or the file's name if it has none.
    pub name: String,
    /// The place in the file, such as `$.PolicyVersion.Document`.
    pub path: String,
    /// What the policy says about.
    pub kind: PolicyKind,
    /// The document.
    pub document: Document,
    /// Whom the file attaches it to, as `role/app`, or as the file calls it, or what it is the policy of; nobody where
    /// it does not say.
    pub holders: BTreeSet<String>,
    /// When a version of a managed policy was made, as the file writes it.
    pub made: Option<String>,
    /// Whether the file says that it is a version that is not in force.
    pub superseded: bool,
}

/// What a policy is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyKind {
    /// A policy for users, groups or roles.
    Identity,
    /// A resource's policy.
    Resource,
    /// A role's trust policy.
    Trust,
    /// A permissions boundary: it limits, and grants nothing.
    Boundary,
    /// An organization's service control policy, likewise.
    ServiceControl,
    /// An organization's resource control policy, likewise.
    ResourceControl,
    /// The file does not say, and the document names no principal.
    Unstated,
}

/// A document, or the reason why it cannot be known from the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// The document was there.
    Known(PolicyDocument),
    /// The document is elsewhere; nothing may be assumed about it.
    Unknown {
        /// Why, as a fragment.
        reason: String,
    },
}

/// What is attached to one user, group or role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachments {
    /// Which of the three it is.
    pub kind: HolderKind,
    /// The principal's ARN.
    pub arn: String,
    /// The principal's name, without its path.
    pub name: String,
    /// The unique id (`AROA…`, `AIDA…`, `AGPA…`), empty if the dump has none.
    pub unique_id: String,
    /// When it was created, as the dump has it.
    pub created: Option<String>,
    /// When it was last used (`RoleLastUsed`, `PasswordLastUsed`), as the dump has it.
    pub last_used: Option<String>,
    /// Inline and managed policies, those of a user's groups included.
    pub policies: Vec<AttachedPolicy>,
    /// The names of a user's groups, whether or not they bring anything.
    pub groups: Vec<String>,
    /// The permissions boundary.
    pub boundary: Option<AttachedPolicy>,
    /// A role's trust policy.
    pub trust: Option<Document>,
    /// ARNs of the instance profiles that hold a role.
    pub instance_profiles: Vec<String>,
}

/// The kinds of principals in an account dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HolderKind {
    /// An IAM user.
    User,
    /// An IAM group.
    Group,
    /// An IAM role.
    Role,
}

/// One policy that is attached to a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedPolicy {
    /// The policy's name.
    pub name: String,
    /// The ARN of a managed policy; inline policies have none.
    pub arn: Option<String>,
    /// The group that brings it to a user.
    pub via_group: Option<String>,
    /// The document of its default version.
    pub document: Document,
    /// How often the dump says that a managed policy is used.
    pub uses: Option<Uses>,
    /// When that version of a managed policy was made, as it stands in the dump.
    pub made: Option<String>,
    /// Whether other versions of a managed policy deny something, or may have: what those said that were deleted
    /// is not known. Of inline policies there are none.
    pub denied: bool,
}

/// How often a managed policy is used, by whoever holds it in its account, be they in the dump or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses {
    /// How many users, groups and roles it is attached to.
    pub attachments: u64,
    /// How many users and roles have it as their permissions boundary.
    pub boundaries: u64,
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is not JSON.
    #[error("`{file}` is not JSON: {reason}; give a JSON document")]
    Syntax {
        /// The file's name.
        file: String,
        /// What the parser says, with line and column.
        reason: String,
    },
    /// A value is not what the language wants there.
    #[error("`{file}` at `{path}`: expected {expected}, found {found}")]
    Unexpected {
        /// The file's name.
        file: String,
        /// The JSON path.
        path: String,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// An element that the policy language does not have.
    #[error("`{file}` at `{path}`: unknown element `{element}`; expected {expected}")]
    UnknownElement {
        /// The file's name.
        file: String,
        /// The JSON path of the object.
        path: String,
        /// The element's name.
        element: String,
        /// The elements that belong there.
        expected: &'static str,
    },
    /// One key twice in an object, or two elements that exclude each other.
    #[error("`{file}` at `{path}`: `{element}` stands twice; keep one")]
    Duplicate {
        /// The file's name.
        file: String,
        /// The JSON path of the object.
        path: String,
        /// The key.
        element: String,
    },
    /// An element that must be there is not.
    #[error("`{file}` at `{path}`: missing {expected}")]
    Missing {
        /// The file's name.
        file: String,
        /// The JSON path of the object.
        path: String,
        /// What must be there.
        expected: &'static str,
    },
}

/// Reads whatever policies a file holds. `file` is for error messages only.
///
/// Linear in the length of the text.
///
/// # Errors
/// [`ReadError`] with the file, the JSON path, and what is expected there.
pub fn read(file: &str, text: &str) -> Result<Contents, ReadError> {
    let tree = json::parse(file, text)?;
    let root = Node::root(file, &tree);
    root.check_duplicates()?;
    let mut contents = Contents::default();
    if account::is_dump(&root) {
        return account::read(&root);
    }
    if terraform::is_plan(&root) {
        terraform::read(&root, &mut contents)?;
    } else if cloudformation::is_template(&root) {
        cloudformation::read(&root, &mut contents)?;
    } else {
        let single = read_single(&root)?;
        contents.people.extend(single.holders.iter().cloned());
        contents.policies.push(single);
    }
    Ok(contents)
}

/// Reads a file that is one policy document, or an answer that holds one.
///
/// # Errors
/// As [`read()`]; also where the file holds another number of documents.
pub fn read_policy(file: &str, text: &str) -> Result<PolicyDocument, ReadError> {
    let tree = json::parse(file, text)?;
    let root = Node::root(file, &tree);
    root.check_duplicates()?;
    match read_single(&root)?.document {
        Document::Known(document) => Ok(document),
        Document::Unknown { reason } => Err(root.unexpected("a policy document", reason)),
    }
}

/// Reads a bare document, or `get-policy-version`, `get-role-policy` and their
/// like.
fn read_single(root: &Node<'_>) -> Result<NamedPolicy, ReadError> {
    let text_of = |node: &Node<'_>, key: &str| {
        node.get(key).and_then(|name| name.as_str().map(ToOwned::to_owned))
    };
    if let Some(version) = root.get("PolicyVersion") {
        let name = text_of(&version, "VersionId").unwrap_or_else(|| root.file().to_owned());
        let document = version.required("Document", "`Document`")?;
        let in_force =
            version.get("IsDefaultVersion").map(|flag| flag.value() == &Json::Bool(true));
        return Ok(NamedPolicy {
            made: text_of(&version, "CreateDate"),
            superseded: in_force == Some(false),
            ..named(name, &document, PolicyKind::Identity)?
        });
    }
    if let Some(document) = root.get("PolicyDocument") {
        let name = text_of(root, "PolicyName").unwrap_or_else(|| root.file().to_owned());
        let people = [("RoleName", "role"), ("UserName", "user"), ("GroupName", "group")];
        let holders = people.into_iter();
        let holders =
            holders.filter_map(|(key, kind)| Some(format!("{kind}/{}", text_of(root, key)?)));
        let policy = named(name, &document, PolicyKind::Identity)?;
        return Ok(NamedPolicy { holders: holders.collect(), ..policy });
    }
    if let Some(role) =
        root.get("Role").filter(|role| role.get("AssumeRolePolicyDocument").is_some())
    {
        let name = text_of(&role, "RoleName").unwrap_or_else(|| root.file().to_owned());
        let document = role.required("AssumeRolePolicyDocument", "`AssumeRolePolicyDocument`")?;
        let holders = text_of(&role, "RoleName").map(|name| format!("role/{name}"));
        let policy = named(name, &document, PolicyKind::Trust)?;
        return Ok(NamedPolicy { holders: holders.into_iter().collect(), ..policy });
    }
    // `get-bucket-policy`, `get-key-policy`, … and an analyzer's policies.
    for key in ["Policy", "policy"] {
        if let Some(policy) = root.get(key).filter(|policy| policy.as_str().is_some()) {
            return named(root.file().to_owned(), &policy, PolicyKind::Resource);
        }
    }
    named(root.file().to_owned(), root, PolicyKind::Unstated)
}

/// Reads the document at a node. A document that names principals is a
/// resource policy, or a trust policy where it has no `Resource` either.
fn named(name: String, node: &Node<'_>, stated: PolicyKind) -> Result<NamedPolicy, ReadError> {
    let document = policy::read(node)?;
    let principals = document.statements.iter().any(|statement| statement.principal.is_some());
    let kind = match stated {
        PolicyKind::Unstated if principals => {
            if document.statements.iter().all(|statement| statement.resource.is_none()) {
                PolicyKind::Trust
            } else {
                PolicyKind::Resource
            }
        }
        stated => stated,
    };
    Ok(NamedPolicy::new(name, node.path(), kind, Document::Known(document)))
}

impl NamedPolicy {
    /// A policy of which the file tells no more.
    fn new(name: String, path: String, kind: PolicyKind, document: Document) -> NamedPolicy {
        let holders = BTreeSet::new();
        NamedPolicy { name, path, kind, document, holders, made: None, superseded: false }
    }
}

impl Document {
    /// Returns the document if it is known.
    #[must_use]
    pub fn known(&self) -> Option<&PolicyDocument> {
        match self {
            Self::Known(document) => Some(document),
            Self::Unknown { .. } => None,
        }
    }
}

/// Tells what kind of value a JSON tree is, for error messages.
fn describe(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => format!("`{value}`"),
        Json::Number(value) => format!("the number `{value}`"),
        Json::String(value) if value.chars().count() > 60 => "a long text".to_owned(),
        Json::String(value) => format!("`{}`", value.escape_debug()),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}
