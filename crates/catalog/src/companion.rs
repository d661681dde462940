//! Actions that go with others, and services that call on someone's behalf.

use crate::facts::ActionFacts;
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

    /// Tells whether an event, by source and name, is one in which that use must have shown.
    pub fn is_shown_by(self, source: &str, name: &str) -> bool {
        let mut events = self.node.node(3).strings().peekable();
        events.peek().is_none() || events.any(|event| event.split_once(' ') == Some((source, name)))
    }

    /// Tells whether the use of a resource speaks for the companions.
    pub fn is_of(self, resource: &str) -> bool {
        resource.contains(self.node.string(5))
    }

    /// Tells whether any use speaks for the companions, of whatever, in whichever event and whoever made it.
    pub fn is_of_any_use(self) -> bool {
        !self.is_of_events() && self.node.string(5).is_empty() && self.via().is_none()
    }

    /// Returns the service (`invokedBy`) that must have made such a call with its caller's credentials: then
    /// the companions are for who acts as something of that service.
    pub fn via(self) -> Option<&'static str> {
        Some(self.node.string(6)).filter(|service| !service.is_empty())
    }

    /// Returns on what the companions are needed where it is not what was used: in the same account and region,
    /// as far as the ARN of what was used tells.
    pub fn resource(self, used: &str) -> Option<String> {
        let template = Some(self.node.string(7)).filter(|template| !template.is_empty())?;
        let mut text = template.to_owned();
        let mut fields = used.splitn(6, ':').skip(1);
        for (field, skipped) in [("{partition}", 0), ("{region}", 1), ("{account}", 0)] {
            let value = fields.nth(skipped).filter(|value| !value.is_empty()).unwrap_or("*");
            text = text.replace(field, value);
        }
        Some(text)
    }

    /// Tells whether the use must have shown in some events, and not in any.
    pub fn is_of_events(self) -> bool {
        self.node.node(3).strings().next().is_some()
    }

    /// Returns the service that a role is passed to, where the companion is the passing of one: then
    /// what was seen of other passes tells nothing of it.
    pub fn passed_to(self) -> Option<&'static str> {
        Some(self.node.string(4)).filter(|service| !service.is_empty())
    }

    /// Tells whether the calls that it goes with do not tell of it: then what was seen of it elsewhere
    /// tells nothing of these.
    pub fn is_untold(self) -> bool {
        self.node.number(8) != 0
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

/// How a service takes back what it did with its caller's credentials.
#[derive(Clone, Copy, Debug)]
pub struct Undoing {
    table: Table,
    node: Node,
}

impl Undoing {
    pub(crate) fn all(table: Table) -> impl Iterator<Item = Undoing> {
        table.root().node(root::UNDOING).nodes().map(move |node| Undoing { table, node })
    }

    /// Returns the service, as records have it in `invokedBy`.
    pub fn via(self) -> &'static str {
        self.node.string(0)
    }

    /// Returns the actions that take back what an action does, each once.
    pub fn of(self, action: &str) -> Vec<&'static str> {
        let pairs = |at: u32| self.node.node(at).strings().filter_map(|pair| pair.split_once(' '));
        let by_verb = action.split_once(':').into_iter().flat_map(|(service, name)| {
            pairs(1).filter_map(move |(does, undoes)| {
                let thing = name.strip_prefix(does)?;
                // `AddXToY` and `RemoveXFromY`: whichever of the words it is that becomes another.
                let turned = pairs(4).flat_map(|(word, other)| {
                    let places = thing.match_indices(word);
                    places.filter_map(move |(at, _)| {
                        let behind = thing.get(at + word.len()..)?;
                        behind.starts_with(|c: char| c.is_ascii_uppercase()).then(|| {
                            format!("{}{other}{behind}", thing.get(..at).unwrap_or_default())
                        })
                    })
                });
                // `CreateX` and `DeleteX`; of several at once, or of one at a time.
                let mut forms = [thing.to_owned(), format!("{thing}s"), singular(thing).to_owned()]
                    .into_iter()
                    .chain(turned);
                forms.find_map(|thing| {
                    ActionFacts::find(self.table, &format!("{service}:{undoes}{thing}"))
                })
            })
        });
        let by_name = pairs(2).filter(|(does, _)| *does == action);
        let by_name = by_name.filter_map(|(_, undoes)| ActionFacts::find(self.table, undoes));
        let mut found: Vec<&'static str> = Vec::new();
        for facts in by_verb.chain(by_name) {
            if facts.id() != action && !found.contains(&facts.id()) {
                found.push(facts.id());
            }
        }
        found
    }

    /// Returns why, in words.
    pub fn reason(self) -> &'static str {
        self.node.string(3)
    }
}

fn singular(thing: &str) -> &str {
    thing.strip_suffix('s').unwrap_or(thing)
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
