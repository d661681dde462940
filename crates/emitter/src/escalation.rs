//! Actions with which whoever holds them can get more than it has (`data/privilege-escalation.toml`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Rule {
    actions: Vec<String>,
    reason: String,
    #[serde(default)]
    as_seen: bool,
    #[serde(default)]
    of_another: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    escalation: Vec<Rule>,
}

/// What one of the actions does.
struct Escalation {
    reason: String,
    as_seen: bool,
    of_another: bool,
}

fn file() -> File {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    toml::from_str(include_str!("../data/privilege-escalation.toml"))
        .expect("data/privilege-escalation.toml has the shape of `File`")
}

static ESCALATIONS: LazyLock<BTreeMap<String, Escalation>> = LazyLock::new(|| {
    let each = |Rule { actions, reason, as_seen, of_another }: Rule| {
        let of = move |one| (one, Escalation { reason: reason.clone(), as_seen, of_another });
        actions.into_iter().map(of)
    };
    file().escalation.into_iter().flat_map(each).collect()
});

/// Returns how an action gives more than its holder has, if it does.
pub(crate) fn reason(action: &str) -> Option<&'static str> {
    ESCALATIONS.get(action).map(|one| one.reason.as_str())
}

/// Tells whether an action makes credentials, changes who is in what or hands a role on, so that it stays on
/// the names that it was seen on, whoever made them.
pub(crate) fn is_as_seen(action: &str) -> bool {
    ESCALATIONS.get(action).is_some_and(|one| one.as_seen)
}

/// Tells whether an action gives more only where it is done to another user.
pub(crate) fn is_of_another(action: &str) -> bool {
    ESCALATIONS.get(action).is_some_and(|one| one.of_another)
}

#[cfg(test)]
mod tests {
    use trailtrim_catalog::Catalog;

    use super::*;

    #[test]
    fn what_gives_others_credentials_or_roles_stays_on_the_names_it_was_seen_on() {
        for name in
            ["UploadSSHPublicKey", "UploadSigningCertificate", "UpdateAccessKey", "EnableMFADevice"]
        {
            assert!(is_as_seen(&format!("iam:{name}")), "{name}");
        }
        assert!(is_as_seen("iam:AddRoleToInstanceProfile") && !is_as_seen("iam:CreateUser"));
    }

    #[test]
    fn every_escalating_action_is_in_the_catalog() {
        let catalog = Catalog::embedded();
        for action in ESCALATIONS.keys() {
            assert_eq!(catalog.action(action).map(|facts| facts.id()), Some(action.as_str()));
        }
    }

    #[test]
    fn no_action_has_two_reasons() {
        let listed: usize = file().escalation.iter().map(|rule| rule.actions.len()).sum();
        assert_eq!(listed, ESCALATIONS.len());
    }
}
