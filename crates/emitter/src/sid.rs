//! Statement ids, which stay from one run to the next.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_iam::Condition;
use xxhash_rust::xxh3::xxh3_64;

/// Characters of an id beside the service's name, mostly.
pub(crate) const HASH_CHARS: usize = 8;

/// Names statements, each given by its service's name and the hash of what it is about, so that
/// the id stays when an action joins or another statement comes or goes.
///
/// Eight digits of the hash do, unless two of one service begin alike: these take all sixteen.
/// Where even those are equal, which only happens on purpose, they are numbered.
pub(crate) fn sids(abouts: &[(String, u64)]) -> Vec<String> {
    let short = |(name, hash): &(String, u64)| format!("{name}{:08x}", hash >> 32);
    let long = |(name, hash): &(String, u64)| format!("{name}{hash:016x}");
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    for about in abouts {
        *alike.entry(short(about)).or_default() += 1;
    }
    let mut given: BTreeMap<String, usize> = BTreeMap::new();
    let mut sid = |about: &(String, u64)| {
        let sid = short(about);
        if alike.get(&sid).is_none_or(|times| *times < 2) {
            return sid;
        }
        let sid = long(about);
        let times = given.entry(sid.clone()).or_default();
        *times += 1;
        if *times == 1 { sid } else { format!("{sid}n{times}") }
    };
    abouts.iter().map(&mut sid).collect()
}

/// Returns the hash of what a statement is about.
pub(crate) fn about(resources: &BTreeSet<String>, condition: &Condition) -> u64 {
    let mut about = String::new();
    for resource in resources {
        about.push_str(resource);
        about.push('\n');
    }
    for (operator, key, values) in condition.iter() {
        about.push_str(operator);
        about.push('\n');
        about.push_str(key);
        for value in values {
            about.push('\n');
            about.push_str(value);
        }
        about.push('\0');
    }
    xxh3_64(about.as_bytes())
}

/// Returns a service's name as ids allow it: letters and digits only.
pub(crate) fn service_name(service: &str) -> String {
    let mut name: String = service.chars().filter(char::is_ascii_alphanumeric).collect();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_only_where_they_are_alike() {
        let about = |name: &str, hash| (name.to_owned(), hash);
        let (first, second) = (0x1111_1111_2222_2222, 0x1111_1111_3333_3333);
        assert_eq!(
            sids(&[
                about("S3", first),
                about("S3", second),
                about("Sqs", first),
                about("S3", second),
                about("S3", 7),
            ]),
            [
                "S31111111122222222",
                "S31111111133333333",
                "Sqs11111111",
                "S31111111133333333n2",
                "S300000000",
            ]
        );
    }
}
