//! Shows what the catalog makes of the events on stdin (JSON values, one after another).
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(missing_docs, reason = "an example")]

#[path = "../tests/support/record.rs"]
mod record;

use std::io::Read as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    for event in serde_json::Deserializer::from_str(&input).into_iter::<serde_json::Value>() {
        let event = event?;
        let operation = record::operation(&event);
        println!(
            "{} {} {:?} {:?}",
            record::text(&event, "/eventSource"),
            record::text(&event, "/eventName"),
            operation.kind(),
            operation.confidence()
        );
        let resolution = record::resolve(&event);
        for grant in resolution.grants {
            println!(
                "    {} {} {:?} {:?}",
                grant.action, grant.resource, grant.origin, grant.conditions
            );
        }
        for unresolved in resolution.unresolved {
            println!("    ? {}", unresolved.why);
        }
    }
    Ok(())
}
