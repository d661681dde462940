//! What a user says beside the logs: what stays, what goes, how long is long enough.

use std::collections::BTreeSet;

use trailtrim_iam::{pattern, wildcard};

/// Days of coverage after which an action that was not seen counts as unused, unless the user says
/// otherwise.
pub const UNUSED_DAYS: usize = 30;

/// Something that stays, whatever was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Whom it is about: a pattern of ARNs, of `role/path/name` or of names; absent for all.
    pub principal: Option<String>,
    /// The action, or a pattern.
    pub action: String,
    /// The resource, or a pattern; absent for all that is attached.
    pub resource: Option<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
}

impl Pin {
    pub(crate) fn told(&self) -> String {
        format!("pinned by {}: {}", self.owner, self.reason)
    }
}

/// What the user says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What stays.
    pub pins: Vec<Pin>,
    /// Patterns of actions that no draft ever holds.
    pub never: Vec<String>,
    /// Patterns of actions that go although the log need not have shown them.
    pub drop_unobservable: Vec<String>,
}

impl Settings {
    /// Returns the pins that keep an action of some principals.
    pub(crate) fn pins(
        &self,
        holders: &BTreeSet<String>,
        action: &str,
    ) -> impl Iterator<Item = &Pin> {
        self.pins.iter().filter(move |pin| {
            let whom = |pattern: &String| holders.iter().any(|arn| means(pattern, arn));
            pin.principal.as_ref().is_none_or(whom) && pattern::covers_action(&pin.action, action)
        })
    }

    /// Returns whether no draft may hold an action.
    pub(crate) fn withheld(&self, action: &str) -> bool {
        self.never.iter().any(|never| pattern::covers_action(never, action))
    }

    /// Returns whether an action goes although the log need not have shown it.
    pub(crate) fn unobservable_goes(&self, action: &str) -> bool {
        self.drop_unobservable.iter().any(|drop| pattern::covers_action(drop, action))
    }
}

/// Returns whether a pattern means a principal, in any way in which people name one.
fn means(pattern: &str, arn: &str) -> bool {
    let qualified = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    let bare = arn.rsplit('/').next().unwrap_or(arn);
    [arn, qualified, bare].iter().any(|name| wildcard::matches(pattern, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_names_a_principal_in_any_way() {
        let arn = "arn:aws:iam::111122223333:role/service/orders-api";
        let holders = BTreeSet::from([arn.to_owned()]);
        let pinned = |principal: &str| {
            let pin = Pin {
                principal: Some(principal.to_owned()),
                action: "s3:Put*".to_owned(),
                resource: None,
                reason: String::new(),
                owner: String::new(),
            };
            let settings = Settings { pins: vec![pin], ..Settings::default() };
            settings.pins(&holders, "s3:PutObject").next().is_some()
        };
        for name in [arn, "arn:*:role/service/*", "role/service/orders-api", "orders-*"] {
            assert!(pinned(name), "{name}");
        }
        assert!(!pinned("role/orders-api") && !pinned("orders"));
    }
}
