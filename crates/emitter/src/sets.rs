//! Roles of Identity Center's permission sets: one set makes a role in each of several accounts, and has
//! one inline policy for all of them.

use std::collections::{BTreeMap, BTreeSet};

/// How many accounts are named in a sentence.
const NAMED: usize = 5;

/// The roles of each permission set, by partition and name, then by account.
#[derive(Clone, Debug, Default)]
pub struct PermissionSets {
    roles: BTreeMap<(String, String), BTreeMap<String, BTreeSet<String>>>,
    /// Whether only those were looked at that were asked for.
    selected: bool,
}

impl PermissionSets {
    /// Takes roles by their ARNs, each with its set.
    pub fn of<'r>(roles: impl Iterator<Item = (&'r str, &'r str)>) -> PermissionSets {
        let mut sets = PermissionSets::default();
        for (arn, set) in roles {
            let (partition, account) = place(arn);
            let key = (partition.to_owned(), set.to_owned());
            let accounts = sets.roles.entry(key).or_default();
            accounts.entry(account.to_owned()).or_default().insert(arn.to_owned());
        }
        sets
    }

    /// Says whether only some principals or accounts were looked at, so that a set may have more roles
    /// than were found.
    #[must_use]
    pub fn selected(self, selected: bool) -> PermissionSets {
        PermissionSets { selected, ..self }
    }

    fn found(&self, arn: &str, set: &str) -> Option<&BTreeMap<String, BTreeSet<String>>> {
        self.roles.get(&(place(arn).0.to_owned(), set.to_owned()))
    }

    /// Returns the accounts in which a role's set was found.
    #[must_use]
    pub fn accounts(&self, arn: &str, set: &str) -> Vec<&str> {
        self.found(arn, set).into_iter().flat_map(BTreeMap::keys).map(String::as_str).collect()
    }

    /// Says that a set may have more roles than were found, where only some were looked for.
    #[must_use]
    pub fn unseen(&self, set: &str) -> Option<String> {
        self.selected.then(|| {
            format!(
                "only what was asked for was looked at, so in which other accounts the permission set \
                 `{set}` is, and what is used of it there, is not known: as the set's inline policy it \
                 may take from them what they use. Leave --principal and --account out, with \
                 `--group-by permission-set`"
            )
        })
    }

    /// Says what is wrong with a policy of one role for a set that other roles have as well, or may have:
    /// those of other accounts, or one of the same account that the set had before it was assigned anew.
    #[must_use]
    pub fn caveat(&self, arn: &str, set: &str) -> Option<String> {
        let here = place(arn).1;
        let found = self.found(arn, set)?;
        let mut others: Vec<&str> =
            found.keys().map(String::as_str).filter(|account| *account != here).collect();
        let twins = found.get(here).into_iter().flatten().filter(|role| *role != arn);
        others.extend(twins.map(String::as_str));
        if others.is_empty() {
            return self.unseen(set);
        }
        let more = others.len().saturating_sub(NAMED);
        others.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Some(format!(
            "the permission set `{set}` is in {}{more} as well, and this is only what this role of account \
             {here} needs of it: as the set's inline policy it would take from the others what they use. \
             Draft them together with `--group-by permission-set`, or give the set a customer managed \
             policy by its name, which may differ by account",
            others.join(", ")
        ))
    }
}

fn place(arn: &str) -> (&str, &str) {
    let mut fields = arn.split(':').skip(1);
    let partition = fields.next().unwrap_or_default();
    (partition, fields.nth(2).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_several_accounts_is_told_and_no_other() {
        let role = |account: &str| format!("arn:aws:iam::{account}:role/AWSReservedSSO_x");
        let (one, other) = (role("111122223333"), role("444455556666"));
        let roles = [(&*one, "Power"), (&*other, "Power"), (&*one, "Read")];
        let sets = PermissionSets::of(roles.into_iter());
        let told = sets.caveat(&one, "Power").unwrap();
        assert!(told.contains("is in 444455556666 as well"), "{told}");
        assert_eq!(sets.caveat(&one, "Read"), None);
        let told = sets.selected(true).caveat(&one, "Read").unwrap();
        assert!(told.contains("`Read` is, and what is used of it there, is not known"), "{told}");
        // Assigned anew, the set has two roles in one account.
        let (old, new) = (format!("{one}_0a"), format!("{one}_1b"));
        let sets = PermissionSets::of([(&*old, "Power"), (&*new, "Power")].into_iter());
        assert!(sets.caveat(&new, "Power").unwrap().contains(&old));
        assert_eq!(sets.accounts(&new, "Power"), ["111122223333"]);
    }
}
