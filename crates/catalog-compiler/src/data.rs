//! The data files: what the refresh tool writes and the compiler reads.
//!
//! Two files of JSON lines, compressed with zstd, in canonical order, so that a refresh is a
//! reviewable change: `iam.jsonl.zst` has a [`Service`] a line, `operations.jsonl.zst` a [`Model`]
//! a line. Field names are short since there are tens of thousands of them.

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

/// A service of the authorization reference.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Service {
    /// IAM prefix: `s3`.
    pub prefix: String,
    /// Name for people.
    pub name: String,
    /// Actions, ordered by name.
    pub actions: Vec<Action>,
    /// Resource types, ordered by name.
    pub types: Vec<ResourceType>,
}

/// An IAM action.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Action {
    /// Name without the prefix, in canonical case.
    #[serde(rename = "n")]
    pub name: String,
    /// Access level.
    #[serde(rename = "l")]
    pub level: Level,
    /// Resource types: name, and whether the action always needs one.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<(String, bool)>,
    /// Condition keys of the action itself.
    #[serde(rename = "k", default, skip_serializing_if = "Vec::is_empty")]
    pub condition_keys: Vec<String>,
    /// Actions documented as needed along with it.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub dependents: Vec<String>,
    /// Documented as no API operation.
    #[serde(rename = "p", default, skip_serializing_if = "std::ops::Not::not")]
    pub permission_only: bool,
    /// No source says which resource types it takes.
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    pub untold: bool,
}

/// Access level, by its initial.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Level {
    /// Sees that things exist.
    #[serde(rename = "L", alias = "List")]
    List,
    /// Sees what is in them.
    #[serde(rename = "R", alias = "Read")]
    Read,
    /// Changes tags only.
    #[serde(rename = "T", alias = "Tagging")]
    Tagging,
    /// Changes things.
    #[serde(rename = "W", alias = "Write")]
    Write,
    /// Changes who may do what.
    #[serde(rename = "P", alias = "PermissionsManagement")]
    PermissionsManagement,
}

/// A resource type of a service.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ResourceType {
    /// Name: `object`.
    #[serde(rename = "n")]
    pub name: String,
    /// ARN templates.
    #[serde(rename = "a", deserialize_with = "templates")]
    pub arns: Vec<String>,
}

/// Reads ARN templates. Some call the account `AccountId` where all others say `Account`, and it
/// is the same: the part of an ARN that has the owner.
fn templates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let arns = Vec::<String>::deserialize(deserializer)?;
    let named = |arn: String| match arn.split(':').nth(4) {
        Some("${AccountId}") => arn.replacen(":${AccountId}:", ":${Account}:", 1),
        _ => arn,
    };
    Ok(arns.into_iter().map(named).collect())
}

/// The operations of one API model.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Model {
    /// Name of the model: `elbv2`.
    pub name: String,
    /// Name that requests are signed for: `elasticloadbalancing`.
    pub signing: String,
    /// First label of the endpoint's host.
    pub endpoint: String,
    /// Operations, ordered by name.
    pub operations: Vec<ModelOperation>,
}

/// An operation of an API.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ModelOperation {
    /// Name: `DescribeLoadBalancers`.
    #[serde(rename = "n")]
    pub name: String,
    /// HTTP verb and URI, for the services where they are the permission.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub http: Option<(String, String)>,
    /// Members of the input that can identify something, as dotted paths. A path ends in `{}` if
    /// it is a map, in `?` if it has no text of its own (a structure, a boolean, a list of
    /// structures); it begins with `!` if required at the top level.
    #[serde(rename = "i", default, skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<String>,
    /// Members of the output that can identify something.
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
}

/// What the data was made from; `sources.json` beside it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Sources {
    /// Packages, in the order of their use.
    pub packages: Vec<Package>,
    /// SHA-256 of each data file.
    pub files: Vec<(String, String)>,
}

/// A pinned package.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Package {
    /// `npm` or `pypi`.
    pub registry: String,
    /// Name in its registry.
    pub name: String,
    /// Version.
    pub version: String,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// Licence and copyright line.
    pub licence: String,
    /// What is taken from it.
    pub taken: String,
}

/// Writes values as compressed JSON lines.
///
/// # Errors
/// Fails if a value cannot be written as JSON, or compression fails.
pub fn to_lines<T: Serialize>(values: &[T]) -> std::io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for value in values {
        serde_json::to_writer(&mut lines, value)?;
        lines.push(b'\n');
    }
    zstd::bulk::compress(&lines, 19)
}

/// Reads compressed JSON lines.
///
/// # Errors
/// Fails if the bytes are not zstd, or a line is not the JSON of a `T`.
pub fn from_lines<T: DeserializeOwned>(bytes: &[u8]) -> std::io::Result<Vec<T>> {
    let lines = zstd::decode_all(bytes)?;
    serde_json::Deserializer::from_slice(&lines)
        .into_iter()
        .map(|value| value.map_err(std::io::Error::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::ResourceType;

    #[test]
    fn the_account_has_one_name() {
        let arns = |text: &str| serde_json::from_str::<ResourceType>(text).unwrap().arns;
        let chime =
            r#"{"n":"m","a":["arn:${Partition}:chime:${Region}:${AccountId}:meeting/${Id}"]}"#;
        assert_eq!(arns(chime), ["arn:${Partition}:chime:${Region}:${Account}:meeting/${Id}"]);
        let sso = r#"{"n":"a","a":["arn:${Partition}:sso:::account/${AccountId}"]}"#;
        assert_eq!(arns(sso), ["arn:${Partition}:sso:::account/${AccountId}"]);
    }
}
