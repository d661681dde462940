//! Actions that are newer than the base package, from two younger ones that each know half.
//!
//! `iam-floyd` is Python made from the authorization reference: every action is a method, with its
//! name in true letter case, its access level and the condition keys it can have; every resource
//! type is one too, with its ARN. What it lost is which types an action takes. That is in
//! `cfn-lint`'s extract of the same reference, where names are in lower case and ARNs have lost
//! their variables. Neither says which types are required, so one that stands alone is, as nearly
//! everywhere in the base, and several are alternatives.
//!
//! Nothing here changes an action that the base has.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use trailtrim_catalog_compiler::data::{Action, ResourceType, Service};

use crate::authorization::level;

type Files = BTreeMap<String, Vec<u8>>;

/// A service as `cfn-lint` has it; names of actions in lower case.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Extract {
    #[serde(default)]
    actions: BTreeMap<String, TypesOf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TypesOf {
    #[serde(default)]
    resources: BTreeSet<String>,
}

/// What one module of `iam-floyd` says.
#[derive(Default)]
struct Module {
    prefix: String,
    actions: Vec<(Action, Vec<String>)>,
    types: Vec<ResourceType>,
    /// Condition key of each method that sets one.
    keys: BTreeMap<String, String>,
}

/// Adds what the base lacks to it, and returns what could not be added, in words.
pub(crate) fn add(services: &mut Vec<Service>, floyd: &Files, lint: &Files) -> Result<Vec<String>> {
    let path = "cfnlint/data/AdditionalSpecs/Policies.json";
    let extract = lint.get(path).with_context(|| format!("`{path}` is not in the package"))?;
    let extract: BTreeMap<String, Extract> =
        serde_json::from_slice(extract).with_context(|| format!("`{path}` has another shape"))?;
    let mut modules = Vec::new();
    for (path, content) in floyd {
        if path.starts_with("iam_floyd/statement/_") && path.ends_with(".py") {
            let text = std::str::from_utf8(content)?;
            let module = module(text).with_context(|| format!("in `{path}`"))?;
            modules.extend(module);
        }
    }
    if modules.len() < extract.len() / 2 {
        bail!("of iam-floyd's modules only {} could be read: its form changed", modules.len());
    }
    let mut left = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for module in modules {
        known.extend(module.actions.iter().map(|(action, _)| id(&module.prefix, &action.name)));
        add_module(services, module, &extract);
    }
    for service in services.iter() {
        known.extend(service.actions.iter().map(|action| id(&service.prefix, &action.name)));
    }
    for (prefix, of_service) in &extract {
        for action in of_service.actions.keys().map(|name| id(prefix, name)) {
            if !known.contains(&action) {
                left.push(format!("not taken: {action}, of which only lower case is known"));
            }
        }
    }
    services.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    Ok(left)
}

fn add_module(
    services: &mut Vec<Service>,
    module: Module,
    extract: &BTreeMap<String, Extract>,
) -> Option<()> {
    let Module { prefix, actions, types, keys } = module;
    let at = services.iter().position(|service| service.prefix == prefix);
    let at = at.unwrap_or_else(|| {
        let name = prefix.clone();
        let new = Service { prefix: prefix.clone(), name, actions: vec![], types: vec![] };
        services.push(new);
        services.len() - 1
    });
    let service = services.get_mut(at)?;
    let mut taken = BTreeSet::new();
    for (mut action, methods) in actions {
        let is_known = |known: &Action| known.name.eq_ignore_ascii_case(&action.name);
        if service.actions.iter().any(is_known) {
            continue;
        }
        let keys: BTreeSet<&String> =
            methods.iter().filter_map(|method| keys.get(method)).collect();
        action.condition_keys = keys.into_iter().cloned().collect();
        let found = extract
            .get(&prefix)
            .and_then(|of_service| of_service.actions.get(&action.name.to_ascii_lowercase()));
        match found {
            None => action.untold = true,
            Some(TypesOf { resources }) => {
                for wanted in resources {
                    // The base's spelling of a type goes before the newer one's.
                    let of = |kind: &&ResourceType| kind.name.eq_ignore_ascii_case(wanted);
                    let name = service.types.iter().chain(&types).find(of).map(|kind| &kind.name);
                    let Some(name) = name else {
                        action.untold = true;
                        continue;
                    };
                    action.types.push((name.clone(), resources.len() == 1));
                    taken.insert(name.clone());
                }
            }
        }
        service.actions.push(action);
    }
    for kind in types {
        if taken.contains(&kind.name) && !service.types.iter().any(|own| own.name == kind.name) {
            service.types.push(kind);
        }
    }
    service.actions.sort_by(|a, b| a.name.cmp(&b.name));
    service.types.sort_by(|a, b| a.name.cmp(&b.name));
    if service.actions.is_empty() {
        services.remove(at);
    }
    Some(())
}

/// Reads one module, method by method; `None` if it is of no service.
fn module(text: &str) -> Result<Option<Module>> {
    let Some(prefix) = between(text, "self.service_prefix = '", "'") else { return Ok(None) };
    let mut module = Module { prefix: prefix.to_owned(), ..Module::default() };
    for method in text.split("\n    def ").skip(1) {
        let name = method.split('(').next().unwrap_or_default();
        if name.starts_with("to_") {
            let action = between(method, "return self.to('", "'")
                .with_context(|| format!("`{name}` names no action"))?;
            let stated = between(method, "Access Level: ", "\n")
                .with_context(|| format!("`{name}` has no access level"))?;
            let methods = method.split("- .").skip(1);
            let methods = methods.filter_map(|line| line.split_once('(')).map(|(name, _)| name);
            let methods = methods.map(str::to_owned).collect();
            module.actions.push((new_action(action, stated), methods));
        } else if name.starts_with("on_") {
            module.types.extend(resource_type(method));
        } else if name.starts_with("if_")
            && let Some(key) = between(method, "return self.if_('", "'")
        {
            let key = if method.contains("' + tag_key,") {
                format!("{key}${{TagKey}}")
            } else {
                key.to_owned()
            };
            let key = if key.contains(':') { key } else { format!("{prefix}:{key}") };
            module.keys.insert(name.to_owned(), key);
        }
    }
    Ok(Some(module))
}

fn new_action(name: &str, stated: &str) -> Action {
    Action {
        name: name.to_owned(),
        level: level(stated),
        types: Vec::new(),
        condition_keys: Vec::new(),
        dependents: Vec::new(),
        permission_only: false,
        untold: false,
    }
}

/// Reads a type and its ARN: `{key_id}` is the variable that the text above it calls `keyId`.
fn resource_type(method: &str) -> Option<ResourceType> {
    let name = between(method, "Adds a resource of type ", " to the statement")?;
    let mut arn = between(method, "return self.on(f'", "')")?.to_owned();
    for (field, variable) in [
        ("partition if partition is not None else self._default_partition", "Partition"),
        ("region if region is not None else self._default_region", "Region"),
        ("account if account is not None else self._default_account", "Account"),
    ] {
        arn = arn.replace(&format!("{{{field}}}"), &format!("${{{variable}}}"));
    }
    for line in method.split(":param ").skip(1) {
        let Some((parameter, rest)) = line.split_once(": Identifier for the ") else { continue };
        let variable = rest.split(['.', '\n']).next().unwrap_or_default();
        let mut letters = variable.chars();
        let first = letters.next()?.to_ascii_uppercase();
        let variable = format!("${{{first}{}}}", letters.as_str());
        arn = arn.replace(&format!("{{{parameter}}}"), &variable);
    }
    let is_read = arn.starts_with("arn:") && !arn.replace("${", "").contains('{');
    is_read.then(|| ResourceType { name: name.to_owned(), arns: vec![arn] })
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}

fn id(prefix: &str, name: &str) -> String {
    format!("{prefix}:{name}").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = r#"
class Kms(PolicyStatement):
    def __init__(self, sid: str | None = None) -> None:
        self.service_prefix = 'kms'

    def to_encapsulate(self) -> Self:
        """Does it

        Access Level: Write

        Possible conditions:

        - .if_key_usage()
        - .if_aws_request_tag()
        """
        return self.to('Encapsulate')

    def to_decrypt(self) -> Self:
        """Does it

        Access Level: Write
        """
        return self.to('Decrypt')

    def to_weigh(self) -> Self:
        """Does it

        Access Level: Permissions management, Write
        """
        return self.to('Weigh')

    def on_key(self, key_id: str, account: str | None = None) -> Self:
        """Adds a resource of type key to the statement

        :param key_id: Identifier for the keyId.
        :param account: Account of the resource.
        """
        return self.on(f'arn:{partition if partition is not None else self._default_partition}:kms:{region if region is not None else self._default_region}:{account if account is not None else self._default_account}:key/{key_id}')

    def if_aws_request_tag(self, tag_key: str, value: str) -> Self:
        return self.if_('aws:RequestTag/' + tag_key, value, operator)

    def if_key_usage(self, value: str) -> Self:
        return self.if_('KeyUsage', value, operator)
"#;

    #[test]
    fn what_the_base_lacks_is_joined_from_both() {
        let floyd = BTreeMap::from([("iam_floyd/statement/_kms.py".to_owned(), MODULE.into())]);
        let policies = br#"{"kms": {"Actions": {"encapsulate": {"Resources": ["key"]},
            "decrypt": {"Resources": ["key"]}, "unheardof": {}}}}"#;
        let path = "cfnlint/data/AdditionalSpecs/Policies.json".to_owned();
        let lint = BTreeMap::from([(path, policies.to_vec())]);
        let mut known = new_action("Decrypt", "Read");
        known.dependents.push("kms:Own".to_owned());
        let mut services = vec![Service {
            prefix: "kms".to_owned(),
            name: "AWS KMS".to_owned(),
            actions: vec![known.clone()],
            types: vec![],
        }];

        let left = add(&mut services, &floyd, &lint).unwrap();

        assert_eq!(left, ["not taken: kms:unheardof, of which only lower case is known"]);
        let [service] = services.as_slice() else { panic!("one service") };
        let [decrypt, encapsulate, weigh] = service.actions.as_slice() else {
            panic!("three actions");
        };
        assert_eq!(*decrypt, known, "what the base says stays");
        assert_eq!(encapsulate.types, [("key".to_owned(), true)]);
        assert_eq!(encapsulate.condition_keys, ["aws:RequestTag/${TagKey}", "kms:KeyUsage"]);
        assert!(weigh.untold && !encapsulate.untold, "only one says what `Weigh` takes");
        assert_eq!(weigh.level, level("Permissions management"));
        let arn = "arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}".to_owned();
        assert_eq!(service.types, [ResourceType { name: "key".to_owned(), arns: vec![arn] }]);
    }
}
