//! Names that IAM, Terraform and CloudFormation take, made from whatever a log holds.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;

use super::Target;

/// Longest name of a managed policy (IAM API reference, `CreatePolicy`).
const LONGEST_POLICY_NAME: usize = 128;

/// Longest logical id of a CloudFormation resource; its quota is 255.
const LONGEST_IDENTIFIER: usize = 200;

/// Returns a name for a policy of the target: `trailtrim-role-orders-api`, or with `-2` behind it
/// for the second of several.
///
/// A role and a user may have one name, and policies share one name space, so the kind is in it.
/// Where the target's own name ends in a number, the first has one too: the role `api-2` would share
/// its name with the second policy of `api`.
#[must_use]
pub fn policy_name(target: &Target, number: usize) -> String {
    let counts = number > 1 || ends_in_number(&target.label);
    let suffix = if counts { format!("-{number}") } else { String::new() };
    let name = format!("trailtrim-{}", target.label);
    let mut name = iam_name(&name, LONGEST_POLICY_NAME - suffix.len());
    name.push_str(&suffix);
    name
}

fn ends_in_number(label: &str) -> bool {
    label.rsplit_once('-').is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Returns the text as a name that IAM takes. Where that loses something, a hash tells it from
/// what else would look the same.
pub(super) fn iam_name(text: &str, longest: usize) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '=' | ',' | '.' | '@' | '-');
    if !text.is_empty() && text.len() <= longest && text.chars().all(plain) {
        return text.to_owned();
    }
    let hash = format!("-{:016x}", xxh3_64(text.as_bytes()));
    let kept = text.chars().map(|c| if plain(c) { c } else { '_' });
    let mut name: String = kept.take(longest.saturating_sub(hash.len())).collect();
    name.push_str(&hash);
    name
}

/// Names of resources in one file, none given twice.
#[derive(Debug, Default)]
pub(super) struct Identifiers(BTreeSet<String>);

impl Identifiers {
    /// Returns a Terraform identifier: words of letters and digits with `_` between them.
    pub(super) fn snake(&mut self, text: &str) -> String {
        let words: Vec<&str> = words(text).collect();
        self.unique(words.join("_"), "_")
    }

    /// Returns a CloudFormation logical id: letters and digits alone.
    pub(super) fn camel(&mut self, text: &str) -> String {
        let mut name = String::new();
        for word in words(text) {
            let mut letters = word.chars();
            name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            name.push_str(letters.as_str());
        }
        // A digit after the number of a word would make another number of it.
        self.unique(name, "N")
    }

    fn unique(&mut self, mut name: String, before_number: &str) -> String {
        name.truncate(LONGEST_IDENTIFIER);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            name.insert(0, 'p');
        }
        let mut given = name.clone();
        let mut number = 1;
        // Some file systems and people do not tell upper case from lower; CloudFormation does.
        while !self.0.insert(given.to_ascii_lowercase()) {
            number += 1;
            given = format!("{name}{before_number}{number}");
        }
        given
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str, number: usize) -> String {
        let arn = format!("arn:aws:iam::111122223333:role/{name}");
        policy_name(&Target::principal(&arn, None), number)
    }

    #[test]
    fn a_policy_is_named_by_whom_it_is_for() {
        assert_eq!(name("service/orders-api", 1), "trailtrim-role-orders-api");
        assert_eq!(name("orders@x", 2), "trailtrim-role-orders@x-2");
    }

    #[test]
    fn no_two_policies_of_an_account_share_a_name() {
        assert_eq!(name("api-2", 1), "trailtrim-role-api-2-1");
        let names = ["api", "api-2", "api-2-1", "api-2x", "api-"];
        let all: Vec<String> =
            names.iter().flat_map(|one| (1..4).map(|number| name(one, number))).collect();
        let distinct: BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "{all:?}");
    }

    #[test]
    fn what_iam_does_not_take_is_replaced_and_told_apart() {
        let (odd, other) = (name("a<b>", 1), name("a(b)", 1));
        assert!(odd.starts_with("trailtrim-role-a_b_-") && odd != other, "{odd} {other}");
        for long in [name(&"x".repeat(300), 1), name(&"é".repeat(300), 7)] {
            assert!(long.len() <= LONGEST_POLICY_NAME && long.is_ascii(), "{long}");
        }
    }

    #[test]
    fn identifiers_are_safe_and_unique() {
        let mut given = Identifiers::default();
        assert_eq!(given.snake("role orders-api"), "role_orders_api");
        assert_eq!(given.snake("role orders_api"), "role_orders_api_2");
        assert_eq!(given.snake("1"), "p1");
        assert_eq!(given.snake("${x}\n\""), "x");
        assert_eq!(given.snake(""), "p");
        let mut given = Identifiers::default();
        assert_eq!(given.camel("role orders-api"), "RoleOrdersApi");
        assert_eq!(given.camel("role Orders.Api"), "RoleOrdersApiN2");
        assert_eq!(given.camel("<script>"), "Script");
    }
}
