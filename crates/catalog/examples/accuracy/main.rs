//! Measures the catalog and prints every figure: how many operations are named, how well ARNs are
//! rebuilt from parameters, how far records made from the API's shapes are resolved, where it
//! disagrees with a third party's map and with what denial messages say.
//!
//! `just accuracy`, with a topic (`naming`, `rebuild`, `shapes`, `reference`, `denials`) for the
//! lists behind the figures. What needs the shared data says so and is skipped where it is absent.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod denials;
mod naming;
mod rebuild;
#[path = "../../tests/support/record.rs"]
mod record;
mod reference;
mod shapes;
mod shared;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let topic = std::env::args().nth(1);
    let wants = |name: &str| topic.as_deref().is_none_or(|topic| topic == name);
    let lists = topic.is_some();
    let models = shared::models()?;
    if wants("naming") {
        naming::measure(&models, lists);
    }
    if wants("shapes") {
        shapes::measure(&models, lists);
    }
    let events = shared::events();
    if events.is_empty() {
        println!("no shared events here: rebuild, denials and reference are skipped");
        return Ok(());
    }
    if wants("rebuild") {
        rebuild::measure(&events, lists);
    }
    if wants("denials") {
        denials::measure(&events, lists);
    }
    if wants("reference") {
        reference::measure(&models, lists)?;
    }
    Ok(())
}
