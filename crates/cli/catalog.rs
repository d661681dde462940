//! `trailtrim catalog`: what the catalog knows of an event, an action, a service.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde::Serialize;
use trailtrim_catalog::{
    AccessLevel, ActionFacts, Catalog, FactKind, Request, ResourceRef, Visibility,
};

use crate::Exit;
use crate::columns::columns;
use crate::exit::hinted;
use crate::format::Format;
use crate::output::printable;
use crate::screen::{Screen, show};

/// Look up an event, an action or a service
#[derive(Debug, Args)]
pub(crate) struct CatalogArgs {
    #[command(subcommand)]
    query: Query,

    /// How to print
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Query {
    /// Show which actions an event needs
    Event {
        /// Event source, such as `s3.amazonaws.com`
        source: String,
        /// Event name, such as `GetObject`
        name: String,
    },
    /// Show what is known of an IAM action
    Action {
        /// Action, such as `s3:GetObject`
        action: String,
    },
    /// Show the actions of a service
    Service {
        /// IAM prefix, such as `s3`
        prefix: String,
    },
}

/// Runs the command.
pub(crate) fn catalog(args: &CatalogArgs) -> anyhow::Result<Exit> {
    let catalog = Catalog::embedded();
    let text = match &args.query {
        Query::Event { source, name } => {
            print(args.format, &Event::of(catalog, source, name), Event::tell)?
        }
        Query::Action { action } => {
            let facts = catalog.action(action).ok_or_else(|| unknown_action(catalog, action))?;
            print(args.format, &Action::of(facts), Action::tell)?
        }
        Query::Service { prefix } => {
            let facts = catalog.service(prefix).ok_or_else(|| {
                hinted(
                    format!("no service `{prefix}` in the catalog"),
                    "name the IAM prefix, such as `s3` of `s3:GetObject`",
                )
            })?;
            let service = Service {
                prefix: facts.prefix(),
                name: facts.name(),
                actions: facts.actions().map(Action::of).collect(),
            };
            print(args.format, &service, Service::tell)?
        }
    };
    show(args.format, &text)?;
    Ok(Exit::Done)
}

fn print<T: Serialize>(
    format: Format,
    value: &T,
    tell: fn(&T) -> String,
) -> anyhow::Result<String> {
    Ok(match format {
        Format::Json => format!("{}\n", serde_json::to_string(value)?),
        Format::Human => tell(value),
    })
}

/// Says that there is no such action, and where to find it.
pub(crate) fn unknown_action(catalog: Catalog, action: &str) -> anyhow::Error {
    let hint = match action.split_once(':') {
        Some((prefix, _)) if catalog.service(prefix).is_some() => {
            format!("`trailtrim catalog service {prefix}` lists them")
        }
        _ => "write it as `s3:GetObject`".to_owned(),
    };
    hinted(format!("no action `{action}` in the catalog"), hint)
}

/// What CloudTrail can show, as one word and its detail.
#[derive(Debug, Serialize)]
struct Visible {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

impl Visible {
    fn of(visibility: Visibility) -> Visible {
        let (kind, detail) = match visibility {
            Visibility::Management => ("management", None),
            Visibility::Data(resource_type) => ("data", Some(resource_type)),
            Visibility::Through(call) => ("through", Some(call)),
            Visibility::Never => ("never", None),
            _ => ("unknown", None),
        };
        Visible { kind, detail }
    }

    fn tell(&self) -> String {
        match (self.kind, self.detail) {
            ("management", _) => "as a management event".to_owned(),
            ("data", Some(resource_type)) => {
                format!("as a data event of {resource_type}, if the trail selects it")
            }
            ("through", Some(call)) => format!("only through {call}"),
            ("never", _) => "never".to_owned(),
            _ => "not known".to_owned(),
        }
    }
}

/// A call that succeeds and has no parameter.
struct PlainCall;

impl Request for PlainCall {
    fn account(&self) -> &str {
        ""
    }

    fn region(&self) -> &str {
        ""
    }

    fn partition(&self) -> &str {
        "aws"
    }

    fn caller(&self) -> &str {
        ""
    }

    fn via(&self) -> Option<&str> {
        None
    }

    fn error_code(&self) -> Option<&str> {
        None
    }

    fn values(&self, _path: &str, _each: &mut dyn FnMut(&str)) {}

    fn arns(&self, _each: &mut dyn FnMut(&str, &str)) {}

    fn resources(&self, _each: &mut dyn FnMut(ResourceRef<'_>)) {}

    fn fact(&self, _kind: FactKind, _key: &str) -> Option<String> {
        None
    }
}

#[derive(Debug, Serialize)]
struct Event {
    event_source: String,
    event_name: String,
    /// What a call without any option needs.
    actions: Vec<&'static str>,
    /// What parameters or errors can add or put in place of it.
    conditional_actions: Vec<&'static str>,
    kind: &'static str,
    confidence: Option<&'static str>,
    visible: Option<Visible>,
    service: Option<String>,
}

impl Event {
    fn of(catalog: Catalog, source: &str, name: &str) -> Event {
        let operation = catalog.operation(source, name);
        let plain: BTreeSet<String> =
            operation.resolve(&PlainCall).grants.into_iter().map(|grant| grant.action).collect();
        // Where only parameters can tell (a transaction's parts), all of them are the answer.
        let (actions, conditional_actions) =
            operation.actions().partition::<Vec<&'static str>, _>(|action| {
                plain.is_empty() || plain.contains(*action)
            });
        let first = actions.first().and_then(|action| catalog.action(action));
        Event {
            event_source: source.to_owned(),
            event_name: name.to_owned(),
            kind: operation.kind().as_str(),
            confidence: (!actions.is_empty()).then(|| operation.confidence().as_str()),
            visible: first.map(|facts| Visible::of(facts.visibility())),
            service: operation.service().map(str::to_owned),
            actions,
            conditional_actions,
        }
    }

    fn tell(&self) -> String {
        let mut text = format!(
            "{} {}: {}",
            printable(&self.event_source),
            printable(&self.event_name),
            self.kind
        );
        // Writing to a string cannot fail.
        if let Some(confidence) = self.confidence {
            let _ = write!(text, " ({confidence})");
        }
        text.push('\n');
        for action in &self.actions {
            let _ = writeln!(text, "  {action}");
        }
        for action in &self.conditional_actions {
            let _ = writeln!(text, "  {action}, depending on the call");
        }
        if let Some(visible) = &self.visible {
            let _ = writeln!(text, "CloudTrail shows it {}", visible.tell());
        }
        text
    }
}

#[derive(Debug, Serialize)]
struct Action {
    action: &'static str,
    access_level: &'static str,
    resource_types: Vec<ResourceType>,
    resource_types_known: bool,
    condition_keys: Vec<&'static str>,
    dependent_actions: Vec<&'static str>,
    companions: Vec<Companions>,
    visible: Visible,
}

/// Actions that go with one, and rarely show on their own.
#[derive(Debug, Serialize)]
struct Companions {
    actions: Vec<&'static str>,
    reason: &'static str,
}

impl Companions {
    fn of(action: &str) -> Vec<Companions> {
        Catalog::embedded()
            .companions()
            .filter(|rule| rule.with().any(|with| with == action))
            .map(|rule| Companions {
                actions: rule.actions().filter(|other| *other != action).collect(),
                reason: rule.reason(),
            })
            .filter(|rule| !rule.actions.is_empty())
            .collect()
    }
}

#[derive(Debug, Serialize)]
struct ResourceType {
    name: &'static str,
    required: bool,
    arns: Vec<&'static str>,
}

impl Action {
    fn of(facts: ActionFacts) -> Action {
        Action {
            action: facts.id(),
            access_level: match facts.access_level() {
                AccessLevel::List => "List",
                AccessLevel::Read => "Read",
                AccessLevel::Tagging => "Tagging",
                AccessLevel::Write => "Write",
                AccessLevel::PermissionsManagement => "Permissions management",
            },
            resource_types: facts
                .resource_types()
                .map(|kind| ResourceType {
                    name: kind.name(),
                    required: kind.required(),
                    arns: kind.templates().collect(),
                })
                .collect(),
            resource_types_known: facts.resource_types_are_known(),
            condition_keys: facts.condition_keys().collect(),
            dependent_actions: facts.dependents().collect(),
            companions: Companions::of(facts.id()),
            visible: Visible::of(facts.visibility()),
        }
    }

    fn tell(&self) -> String {
        let mut text = format!("{} ({})\n", self.action, self.access_level);
        if !self.resource_types_known {
            text.push_str("newer than the reference: it is not known which resources it takes\n");
        } else if self.resource_types.is_empty() {
            text.push_str("takes no resource: only `*` grants it\n");
        }
        for kind in &self.resource_types {
            let required = if kind.required { "required" } else { "optional" };
            let _ = writeln!(text, "on {} ({required}): {}", kind.name, kind.arns.join(", "));
        }
        for (what, names) in
            [("conditions", &self.condition_keys), ("may also need", &self.dependent_actions)]
        {
            if !names.is_empty() {
                let _ = writeln!(text, "{what}: {}", names.join(", "));
            }
        }
        for rule in &self.companions {
            let _ = writeln!(text, "goes with {}: {}", rule.actions.join(", "), rule.reason);
        }
        let _ = writeln!(text, "CloudTrail shows it {}", self.visible.tell());
        text
    }
}

#[derive(Debug, Serialize)]
struct Service {
    prefix: &'static str,
    name: &'static str,
    actions: Vec<Action>,
}

impl Service {
    fn tell(&self) -> String {
        let mut text = format!("{} ({})\n", self.prefix, self.name);
        let rows: Vec<Vec<String>> = self
            .actions
            .iter()
            .map(|action| {
                let told = format!("{}, {}", action.access_level, action.visible.tell());
                vec![action.action.to_owned(), told]
            })
            .collect();
        text.push_str(&columns(&rows, 2, Screen::stdout().width()));
        text
    }
}
