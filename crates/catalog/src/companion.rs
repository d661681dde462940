//! Actions that go with others, and services that call on someone's behalf.

use crate::table::layout::root;
use crate::table::{Node, Table};

/// Actions that the users of some actions need too, and that rarely show on their own.
#[derive(Clone, Copy, Debug)]
pub struct Companion {
    node: Node,
}

impl Companion {
    pub(crate) fn all(table: Table) -> impl Iterator<Item = Companion> {
        table.root().node(root::COMPANIONS).nodes().map(|node| Companion { node })
    }

    /// Returns the actions of which any one speaks for the companions.
    pub fn with(self) -> impl Iterator<Item = &'static str> {
        self.node.node(0).strings()
    }

    /// Returns the companions.
    pub fn actions(self) -> impl Iterator<Item = &'static str> {
        self.node.node(1).strings()
    }

    /// Returns why, in words.
    pub fn reason(self) -> &'static str {
        self.node.string(2)
    }
}

/// How calls that a service makes for its caller can be told in a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Via {
    /// The service sets `aws:CalledVia`; every such service sets `aws:ViaAWSService`.
    pub called_via: bool,
    /// Calls to KMS carry `kms:ViaService` = `<service>.<region>.amazonaws.com`.
    pub kms_via: bool,
}

impl Via {
    pub(crate) fn of(table: Table, invoked_by: &str) -> Via {
        let key = crate::operation::label(invoked_by);
        let found = table.root().node(root::VIA_INDEX).find(&key);
        found.map_or_else(Via::default, |entry| Via {
            called_via: entry.number(1) != 0,
            kms_via: entry.number(2) != 0,
        })
    }
}
