//! Roles of Identity Center's permission sets: one set makes a role in each of several accounts, and has
//! one inline policy for all of them.

use std::collections::{BTreeMap, BTreeSet};

/// In which accounts each permission set was found.
#[derive(Clone, Debug, Default)]
pub struct PermissionSets(BTreeMap<(String, String), BTreeSet<String>>);

impl PermissionSets {
    /// Takes roles by their ARNs, each with its set.
    pub fn of<'r>(roles: impl Iterator<Item = (&'r str, &'r str)>) -> PermissionSets {
        let mut sets = PermissionSets::default();
        for (arn, set) in roles {
            let (partition, account) = place(arn);
            let key = (partition.to_owned(), set.to_owned());
            sets.0.entry(key).or_default().insert(account.to_owned());
        }
        sets
    }

    /// Returns the accounts in which a role's set was found.
    #[must_use]
    pub fn accounts(&self, arn: &str, set: &str) -> Vec<&str> {
        let found = self.0.get(&(place(arn).0.to_owned(), set.to_owned()));
        found.into_iter().flatten().map(String::as_str).collect()
    }

    /// Says what is wrong with a policy of one account for a set that others have as well.
    #[must_use]
    pub fn caveat(&self, arn: &str, set: &str) -> Option<String> {
        let here = place(arn).1;
        let others: Vec<&str> =
            self.accounts(arn, set).into_iter().filter(|account| *account != here).collect();
        (!others.is_empty()).then(|| {
            format!(
                "the permission set `{set}` is in {} as well, and this is only what account {here} \
                 needs of it: as the set's inline policy it would take from the others what they use. \
                 Draft them together with `--group-by permission-set`, or give the set a customer \
                 managed policy by its name, which may differ by account",
                others.join(", ")
            )
        })
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
    }
}
