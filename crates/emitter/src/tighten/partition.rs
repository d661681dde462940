//! Which partition a region is of: nobody calls regions of another partition than the own one.

use std::sync::OnceLock;

use serde::Deserialize;

const DATA: &str = include_str!("../../data/partitions.toml");

/// The partition of all regions that no other one has.
const COMMERCIAL: &str = "aws";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    partition: Vec<Partition>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Partition {
    name: String,
    begins: String,
}

/// Returns the partition of a region.
pub(super) fn partition_of(region: &str) -> &'static str {
    static READ: OnceLock<Data> = OnceLock::new();
    // A test reads the data; without it there is one partition.
    let data = READ.get_or_init(|| toml::from_str(DATA).unwrap_or_default());
    let own = data.partition.iter().find(|one| region.starts_with(&one.begins));
    own.map_or(COMMERCIAL, |one| one.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_told_apart_by_how_they_begin() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition_of(region), partition, "{region}");
        }
    }
}
