//! Records made from the shapes of the core services' APIs: does every operation that takes a
//! resource come to ARNs that are whole, or starred only where a server makes the name?
//!
//! Every operation is tried in all the ways that its shapes allow: with each type of resource
//! where a member may hold any, with each value where one chooses the type, in both of EC2's ways
//! of writing. The worst of them counts.

mod judge;
mod record;
mod sample;
mod take;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Map, Value};
use trailtrim_catalog::{ActionFacts, Catalog, Grant, Kind};

use crate::record::Record;
pub(crate) use sample::{SEED, SIZE};
pub(crate) use take::{MAP, all};

use judge::{Decisions, Fill, Verdict};
use record::{Maker, Style};
use values::{About, Values};

const CORE: &str = include_str!("../../lists/core.toml");

#[derive(Deserialize)]
struct Core {
    models: Vec<String>,
    elsewhere: Vec<Elsewhere>,
}

/// Operations with another event source than their model's.
#[derive(Deserialize)]
struct Elsewhere {
    model: String,
    source: String,
    operations: Vec<String>,
}

fn core() -> Result<Core> {
    toml::from_str(CORE).context("lists/core.toml is not as expected")
}

impl Core {
    fn source<'s>(&'s self, model: &'s take::Model, operation: &str) -> &'s str {
        let fits = |other: &&Elsewhere| {
            other.model == model.name && other.operations.iter().any(|name| name == operation)
        };
        self.elsewhere.iter().find(fits).map_or(&model.source, |other| &other.source)
    }
}

/// Takes the core services' shapes out of a botocore wheel.
pub(crate) fn take(wheel: &Path) -> Result<()> {
    let bytes = take::take(wheel, &core()?.models)?;
    println!("{}: {bytes} bytes", take::KEPT);
    Ok(())
}

/// One way in which an operation was called, and what came of it.
pub(crate) struct Trial {
    event: Value,
    grants: Vec<Grant>,
    verdict: Verdict,
    fills: Vec<Fill>,
}

/// Counts of one service.
#[derive(Default)]
struct Count {
    all: usize,
    concrete: usize,
    server: usize,
    explained: usize,
    unnamed: usize,
    wrong: usize,
}

impl Count {
    fn add(&mut self, verdict: &Verdict) {
        self.all += 1;
        *match verdict {
            Verdict::Concrete => &mut self.concrete,
            Verdict::ServerMade => &mut self.server,
            Verdict::Explained(_) => &mut self.explained,
            Verdict::Unnamed(_) => &mut self.unnamed,
            Verdict::Wrong(_) => &mut self.wrong,
        } += 1;
    }

    fn print(&self, name: &str) {
        let whole = self.concrete + self.server;
        let share = 100.0 * whole as f64 / self.all.max(1) as f64;
        println!(
            "  {name:24} {:5} {:9} {:12} {:10} {:8} {:6} {share:6.1} %",
            self.all, self.concrete, self.server, self.explained, self.unnamed, self.wrong
        );
    }
}

/// Measures, and prints figures; for the named models what became of each operation.
pub(crate) fn measure(
    catalog: Catalog,
    detailed: &[String],
    wheel: Option<&Path>,
    with_fills: bool,
    (with_sample, seed, draws): (bool, u64, usize),
) -> Result<()> {
    let values = Values::read()?;
    let decisions = Decisions::read()?;
    let core = core()?;
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut total = Count::default();
    let mut fills: BTreeMap<(String, String, String), BTreeSet<String>> = BTreeMap::new();
    let mut sample = sample::Sample::new(seed, draws);
    let models = wheel.map_or_else(take::kept, all)?;
    for model in models {
        for (name, operation) in &model.operations {
            let Some(trials) =
                trials(catalog, (&core, &values, &decisions), &model, name, &operation.input)
            else {
                continue;
            };
            let worst = trials.iter().max_by(|a, b| a.verdict.cmp(&b.verdict));
            let Some(worst) = worst else { continue };
            counts.entry(model.name.clone()).or_default().add(&worst.verdict);
            total.add(&worst.verdict);
            if detailed.contains(&model.name) || detailed.iter().any(|name| name == "all") {
                print(&model.name, name, &operation.input, worst);
            }
            for fill in trials.iter().flat_map(|trial| &trial.fills) {
                let key = (fill.service.clone(), fill.kind.clone(), fill.variable.clone());
                fills.entry(key).or_default().insert(fill.value.clone());
            }
            sample.offer(&model.name, name, trials);
        }
    }
    println!("shapes: operations that take a resource, by records made from the API's shapes");
    println!("  model                      all  concrete  server-made  explained  unnamed  wrong");
    counts.iter().for_each(|(name, count)| count.print(name));
    total.print("all");
    if with_fills {
        for ((service, kind, variable), values) in fills {
            let values: Vec<String> = values.into_iter().collect();
            println!("  {service} {kind} {variable}: {}", values.join(", "));
        }
    }
    sample.print(with_sample)
}

/// Tries an operation in all its ways; nothing if it takes no resource.
fn trials(
    catalog: Catalog,
    (core, values, decisions): (&Core, &Values, &Decisions),
    model: &take::Model,
    name: &str,
    input: &Map<String, Value>,
) -> Option<Vec<Trial>> {
    let source = core.source(model, name);
    let found = catalog.operation(&format!("{source}.amazonaws.com"), name);
    let actions: Vec<ActionFacts> =
        found.actions().filter_map(|action| catalog.action(action)).collect();
    let types = actions.iter().flat_map(|action| action.resource_types()).count();
    if found.kind() != Kind::Mapped || types == 0 {
        return None;
    }
    let open = input.iter().any(|(member, shape)| {
        let named = member.split('@').next().unwrap_or_default();
        let is_arn = shape.as_str().is_some_and(|shape| shape.starts_with("arn:"));
        values.is_open(&model.name, named, is_arn)
    });
    let enumerated = input.iter().find_map(|(member, shape)| {
        let named = values::plain(member.split('@').next().unwrap_or_default());
        let choices = shape.as_str()?.strip_prefix("enum:")?;
        named.ends_with("resourcetype").then_some(choices)
    });
    let choices = enumerated.map_or(1, |values| values.split('|').count());
    let ways = if open { types.max(choices) } else { choices };
    let styles: &[Style] =
        if model.protocol == "ec2" { &[Style::Sets, Style::Wire] } else { &[Style::Sets] };
    let mut trials = Vec::new();
    for choice in 0..ways {
        for style in styles {
            let enumerated = enumerated.map(|values| record::choose(values, choice));
            let chosen: Vec<String> = enumerated.into_iter().chain([name.to_owned()]).collect();
            let actions = actions.as_slice();
            let about =
                About { catalog, model: &model.name, source, actions, choice, chosen: &chosen };
            let event = Maker { values, about, model, operation: name, style: *style }.event(input);
            let resolution = found.resolve(&Record::new(&event, found.extraction()));
            let mut verdict = Verdict::Concrete;
            let mut fills = Vec::new();
            for grant in &resolution.grants {
                if let Some((of_grant, filled)) = decisions.judge(catalog, name, grant) {
                    verdict = verdict.max(of_grant);
                    fills.extend(filled);
                }
            }
            if resolution.grants.is_empty() {
                verdict = Verdict::Wrong("no grant at all".to_owned());
            }
            if let (Verdict::Unnamed(_), Some(reason)) =
                (&verdict, decisions.reason(&model.name, name))
            {
                verdict = Verdict::Explained(reason.to_owned());
            }
            trials.push(Trial { event, grants: resolution.grants, verdict, fills });
        }
    }
    Some(trials)
}

fn print(model: &str, name: &str, input: &Map<String, Value>, trial: &Trial) {
    let (word, why) = match &trial.verdict {
        Verdict::Concrete => ("concrete", ""),
        Verdict::ServerMade => ("server-made", ""),
        Verdict::Explained(why) => ("explained", why.as_str()),
        Verdict::Unnamed(why) => ("UNNAMED", why.as_str()),
        Verdict::Wrong(why) => ("WRONG", why.as_str()),
    };
    println!("{model} {name}: {word} {why}");
    for grant in &trial.grants {
        println!("    {} {}", grant.action, grant.resource);
    }
    if matches!(trial.verdict, Verdict::Unnamed(_) | Verdict::Wrong(_)) {
        let members: Vec<&str> = input.keys().map(String::as_str).collect();
        println!("    members: {}", members.join(" "));
    }
}
