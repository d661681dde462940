//! What of an attached action stays beside what was used, and how two reasons for it go together.

use std::collections::{BTreeMap, BTreeSet};

/// By role, the services that it is passed to; without one, those that any attached role is.
pub(crate) type Passes = BTreeMap<Option<String>, BTreeSet<&'static str>>;

/// What of an action stays beside what was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing.
    Nothing,
    /// All that is attached.
    All,
    /// What is attached, outside of these regions.
    Outside(BTreeSet<String>),
    /// What is attached, as far as it passes roles to services.
    PassedTo(Passes),
    /// Some resources.
    On {
        /// Which; each with the used actions that brought it, where it goes with them.
        resources: BTreeMap<String, BTreeSet<String>>,
        /// Outside of these regions all that is attached stays beside them; empty where nothing does.
        outside: BTreeSet<String>,
    },
}

impl Rest {
    /// Returns what stays of some resources alone.
    pub(crate) fn on(resources: BTreeMap<String, BTreeSet<String>>) -> Rest {
        Rest::On { resources, outside: BTreeSet::new() }
    }

    /// Returns this without the services that roles may be passed to.
    pub(super) fn into_any_service(self) -> Rest {
        let Rest::PassedTo(passes) = self else { return self };
        let roles = passes.into_keys().map(|role| Some((role?, BTreeSet::new())));
        roles.collect::<Option<_>>().map_or(Rest::All, Rest::on)
    }

    /// Returns the regions outside of which all that is attached stays.
    pub(crate) fn outside(&self) -> Option<&BTreeSet<String>> {
        match self {
            Rest::Outside(regions) => Some(regions),
            Rest::On { outside, .. } => Some(outside).filter(|regions| !regions.is_empty()),
            Rest::Nothing | Rest::All | Rest::PassedTo(_) => None,
        }
    }

    /// Returns this beside what stays for another reason.
    pub(super) fn beside(self, other: Rest) -> Rest {
        match (self, other) {
            (Rest::All, _) | (_, Rest::All) => Rest::All,
            (Rest::Nothing, rest) | (rest, Rest::Nothing) => rest,
            (Rest::On { mut resources, outside }, Rest::On { resources: more, outside: other }) => {
                for (resource, with) in more {
                    resources.entry(resource).or_default().extend(with);
                }
                let regions = [outside, other].into_iter().filter(|one| !one.is_empty());
                match regions.reduce(|a, b| &a & &b) {
                    Some(both) if both.is_empty() => Rest::All,
                    both => Rest::On { resources, outside: both.unwrap_or_default() },
                }
            }
            (on @ Rest::On { .. }, Rest::Outside(outside))
            | (Rest::Outside(outside), on @ Rest::On { .. }) => {
                on.beside(Rest::On { resources: BTreeMap::new(), outside })
            }
            // No region is outside of none.
            (Rest::Outside(a), Rest::Outside(b)) => match &a & &b {
                both if both.is_empty() => Rest::All,
                both => Rest::Outside(both),
            },
            (Rest::PassedTo(mut passes), Rest::PassedTo(more)) => {
                for (role, services) in more {
                    passes.entry(role).or_default().extend(services);
                }
                Rest::PassedTo(passes)
            }
            // Roles to some services, and others to any: these are not told apart.
            (passes @ Rest::PassedTo(_), other) | (other, passes @ Rest::PassedTo(_)) => {
                passes.into_any_service().beside(other)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn on(resources: &[&str], outside: &[&str]) -> Rest {
        let resources = resources.iter().map(|&one| (one.to_owned(), BTreeSet::new())).collect();
        Rest::On { resources, outside: of(outside) }
    }

    #[test]
    fn outside_of_regions_that_have_none_in_common_is_everywhere() {
        let outside = |names: &[&str]| Rest::Outside(of(names));
        assert_eq!(outside(&["a", "b"]).beside(outside(&["b", "c"])), outside(&["b"]));
        assert_eq!(outside(&["a"]).beside(outside(&["b"])), Rest::All);
        assert_eq!(on(&["x"], &["a"]).beside(outside(&["b"])), Rest::All);
    }

    #[test]
    fn neither_resources_nor_what_is_outside_gets_lost() {
        let both = on(&["x", "y"], &["a"]);
        assert_eq!(on(&["x"], &["a"]).beside(on(&["y"], &[])), both);
        assert_eq!(on(&["x"], &[]).beside(on(&["y"], &["a"])), both);
        assert_eq!(on(&["x", "y"], &["a", "b"]).beside(Rest::Outside(of(&["a"]))), both);
        assert_eq!(Rest::Outside(of(&["a"])).beside(on(&["x", "y"], &[])), both);
        let passed = |role: Option<&str>, service: &'static str| {
            Rest::PassedTo(Passes::from([(role.map(str::to_owned), BTreeSet::from([service]))]))
        };
        assert_eq!(on(&["x"], &[]).beside(passed(None, "a")), Rest::All);
        assert_eq!(on(&["x"], &[]).beside(passed(Some("y"), "a")), on(&["x", "y"], &[]));
        let Rest::PassedTo(both) = passed(None, "a").beside(passed(Some("y"), "b")) else {
            panic!("one is all");
        };
        assert_eq!(both.len(), 2, "each role has its services");
    }
}
