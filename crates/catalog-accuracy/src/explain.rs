//! Prints what the catalog makes of events: what a rule is tried with while it is written.

use std::io::Read;

use anyhow::{Context as _, Result};
use serde_json::{Deserializer, Value};
use trailtrim_catalog::Catalog;

use crate::record::{Record, text};

/// Prints the grants of each event of `input`, JSON values one after another, and what of it no
/// rule could tell.
///
/// # Errors
/// Where the input cannot be read, or one of its values is no JSON.
pub fn explain(catalog: Catalog, mut input: impl Read) -> Result<()> {
    let mut events = String::new();
    input.read_to_string(&mut events).context("cannot read the events")?;
    for event in Deserializer::from_str(&events).into_iter::<Value>() {
        let event = event.context("cannot read an event: write JSON values one after another")?;
        let (source, name) = (text(&event, "/eventSource"), text(&event, "/eventName"));
        let operation = catalog.operation(source, name);
        println!("{source} {name} {:?} {:?}", operation.kind(), operation.confidence());
        let resolution = operation.resolve(&Record::new(&event, operation.extraction()));
        for grant in resolution.grants {
            let conditions = grant.conditions;
            println!("    {} {} {:?} {conditions:?}", grant.action, grant.resource, grant.origin);
        }
        for unresolved in resolution.unresolved {
            println!("    ? {}", unresolved.why);
        }
    }
    Ok(())
}
