//! `trailtrim.toml`: what a team wants kept, left out, and written how.
//!
//! ```toml
//! unused-days = 45
//! use-regions = ["eu-west-1", "us-east-1"]
//! resources = "balanced"
//! never = ["iam:CreateAccessKey"]
//! drop-unobservable = ["appsync:*"]
//! conditions = ["requested-region"]
//! leave-out = ["role/break-glass*"]
//!
//! [taste]
//! s3 = "prefix"
//!
//! [limits]
//! documents = 20
//!
//! [[pin]]
//! principal = "role/service/orders-api"
//! action = "s3:PutObject"
//! resource = "arn:aws:s3:::quarterly-reports/*"
//! reason = "the report is written once a quarter"
//! owner = "team-orders"
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use toml::{Table, Value};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::tighten::Pin;
use trailtrim_emitter::{ConditionKind, Taste};
use trailtrim_iam::pattern;

use crate::exit::hinted;
use crate::output::{printable, tell};
use crate::region;

/// How alike (0 to 1) a key must be to one that is known to be taken for a slip of the pen.
const ALIKE: f64 = 0.7;

/// What the file says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Config {
    pub(crate) unused_days: Option<usize>,
    #[serde(default)]
    pub(crate) use_regions: Vec<String>,
    resources: Option<String>,
    #[serde(default)]
    pub(crate) never: Vec<String>,
    #[serde(default)]
    pub(crate) drop_unobservable: Vec<String>,
    #[serde(default)]
    conditions: Vec<String>,
    #[serde(default)]
    pub(crate) leave_out: Vec<String>,
    #[serde(default)]
    taste: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) limits: LimitsConfig,
    #[serde(default)]
    pin: Vec<PinConfig>,
}

/// Limits other than AWS's defaults.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct LimitsConfig {
    pub(crate) document: Option<usize>,
    pub(crate) documents: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct PinConfig {
    principal: Option<String>,
    action: String,
    resource: Option<String>,
    reason: String,
    owner: String,
}

const KEYS: &[&str] = &[
    "unused-days",
    "use-regions",
    "resources",
    "never",
    "drop-unobservable",
    "conditions",
    "leave-out",
    "taste",
    "limits",
    "pin",
];
const LIMIT_KEYS: &[&str] = &["document", "documents"];
const PIN_KEYS: &[&str] = &["principal", "action", "resource", "reason", "owner"];

impl Config {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Config> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration `{}`", path.display()))?;
        Config::parse(&text).with_context(|| format!("configuration `{}`", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Config> {
        // Parsed as a table first: serde's word for an unknown key does not name the nearest.
        let table: Table = text.parse().map_err(|error| one_line(&error))?;
        known(&table, "", KEYS)?;
        if let Some(Value::Table(limits)) = table.get("limits") {
            known(limits, "limits.", LIMIT_KEYS)?;
        }
        for pin in table.get("pin").and_then(Value::as_array).into_iter().flatten() {
            known(
                pin.as_table().ok_or_else(|| anyhow!("`pin` is a table: write `[[pin]]`"))?,
                "pin.",
                PIN_KEYS,
            )?;
        }
        let config: Config = Value::Table(table).try_into().map_err(|error| one_line(&error))?;
        if config.unused_days == Some(0) {
            return Err(hinted("`unused-days` is `0`", "write a number of days from 1 on"));
        }
        if let Some(why) = config.use_regions.iter().find_map(|text| region::parse(text).err()) {
            return Err(anyhow!("`use-regions`: {why}"));
        }
        config.taste()?;
        config.taste_of()?;
        config.conditions()?;
        Ok(config)
    }

    /// Returns how resources are written, if the file says.
    pub(crate) fn taste(&self) -> anyhow::Result<Option<Taste>> {
        self.resources.as_deref().map(taste).transpose()
    }

    /// Returns how resources of single services are written.
    pub(crate) fn taste_of(&self) -> anyhow::Result<BTreeMap<String, Taste>> {
        self.taste.iter().map(|(service, text)| Ok((service.clone(), taste(text)?))).collect()
    }

    /// Returns the conditions that evidence may add.
    pub(crate) fn conditions(&self) -> anyhow::Result<Vec<ConditionKind>> {
        self.conditions.iter().map(|text| condition(text).map_err(|why| anyhow!(why))).collect()
    }

    /// Says which patterns of actions, these and those of `--drop-unobservable`, match none that the catalog knows, so
    /// that they do nothing.
    pub(crate) fn tell_unknown(&self, dropped: &[String], catalog: Catalog) {
        let patterns = |key: &'static str, all: &[String]| {
            all.iter().map(|action| (key, action.clone())).collect::<Vec<_>>()
        };
        let pinned: Vec<String> = self.pin.iter().map(|pin| pin.action.clone()).collect();
        let all = [
            patterns("`pin`", &pinned),
            patterns("`never`", &self.never),
            patterns("`drop-unobservable`", &self.drop_unobservable),
            patterns("--drop-unobservable", dropped),
        ];
        for (key, action) in all.into_iter().flatten() {
            let mut services = catalog.services().flat_map(|service| service.actions());
            if action != "*" && !services.any(|one| pattern::covers_action(&action, one.id())) {
                tell(&format!(
                    "note: {key} has `{}`, which matches no action that is known, so it does nothing\n",
                    printable(&action)
                ));
            }
        }
    }

    /// Returns what stays.
    pub(crate) fn pins(&self) -> Vec<Pin> {
        let pin = |pin: &PinConfig| Pin {
            principal: pin.principal.clone(),
            action: pin.action.clone(),
            resource: pin.resource.clone(),
            reason: pin.reason.clone(),
            owner: pin.owner.clone(),
        };
        self.pin.iter().map(pin).collect()
    }
}

pub(crate) fn one_line(error: &toml::de::Error) -> anyhow::Error {
    hinted(
        error.message().replace('\n', " "),
        "the file is TOML; `trailtrim diff --help` names the options that its keys stand for",
    )
}

fn taste(text: &str) -> anyhow::Result<Taste> {
    let known = || Taste::ALL.iter().map(|taste| taste.code()).collect::<Vec<_>>().join("`, `");
    let found = Taste::ALL.into_iter().find(|taste| taste.code() == text);
    found.ok_or_else(|| {
        hinted(format!("`{text}` is no way to write resources"), format!("write `{}`", known()))
    })
}

/// Reads a kind of condition.
pub(crate) fn condition(text: &str) -> Result<ConditionKind, String> {
    let known =
        || ConditionKind::ALL.iter().map(|kind| kind.code()).collect::<Vec<_>>().join("`, `");
    let found = ConditionKind::ALL.into_iter().find(|kind| kind.code() == text);
    found.ok_or_else(|| format!("`{text}` is no kind of condition; write `{}`", known()))
}

/// Fails at a key that is not known, with the nearest that is.
pub(crate) fn known(table: &Table, place: &str, keys: &[&str]) -> anyhow::Result<()> {
    let Some(odd) = table.keys().find(|key| !keys.contains(&key.as_str())) else { return Ok(()) };
    let likeness = |key: &str| strsim::jaro_winkler(odd, key);
    let nearest = keys
        .iter()
        .map(|key| (likeness(key), *key))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let known = format!("known keys are `{}`", keys.join("`, `"));
    let odd = format!("unknown key `{place}{odd}`");
    match nearest {
        Some((_, key)) => Err(hinted(format!("{odd}; did you mean `{place}{key}`?"), known)),
        None => Err(hinted(odd, known)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_module_is_read() {
        let text: String = include_str!("config.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//!"))
            .skip_while(|line| !line.contains("```toml"))
            .skip(1)
            .take_while(|line| !line.contains("```"))
            .map(|line| format!("{}\n", line.trim_start()))
            .collect();
        let config = Config::parse(&text).unwrap();
        assert_eq!(config.unused_days, Some(45));
        assert_eq!(config.pins().len(), 1);
        assert_eq!(config.taste_of().unwrap()["s3"], Taste::Prefix);
        assert_eq!(config.limits.documents, Some(20));
    }

    #[test]
    fn a_slip_of_the_pen_is_told_with_what_was_meant() {
        for (text, told) in [
            ("unused_days = 3", "unknown key `unused_days`; did you mean `unused-days`?"),
            ("[[pin]]\naktion = \"s3:*\"", "unknown key `pin.aktion`; did you mean `pin.action`?"),
            ("use-regions = [\"Ireland\"]", "`Ireland` is no region; write it as `eu-west-1`"),
            ("unused-days = 0", "`unused-days` is `0`"),
            ("colour = 1", "unknown key `colour`"),
            ("resources = \"wide\"", "`wide` is no way to write resources"),
            ("conditions = [\"region\"]", "`region` is no kind of condition"),
            ("[[pin]]\naction = \"s3:*\"", "missing field `reason`"),
        ] {
            let error = Config::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
