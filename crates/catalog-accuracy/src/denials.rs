//! What denial messages say of action and resource, against what the catalog says.

use serde_json::Value;
use trailtrim_catalog::Kind;

use crate::record::{operation, resolve, text};
use crate::shared::share;

pub fn measure(events: &[Value]) {
    let (mut named, mut agree, mut arns, mut fit, mut aside) = (0, 0, 0, 0, 0);
    for event in events {
        let message = text(event, "/errorMessage");
        let Some((_, rest)) = message.split_once("is not authorized to perform: ") else {
            continue;
        };
        let action = rest.split_whitespace().next().unwrap_or_default();
        if operation(event).kind() != Kind::Mapped {
            continue;
        }
        named += 1;
        let grants = resolve(event).grants;
        let same: Vec<_> =
            grants.iter().filter(|grant| grant.action.eq_ignore_ascii_case(action)).collect();
        if same.is_empty() {
            println!("    {} says {action}", text(event, "/eventName"));
            continue;
        }
        agree += 1;
        let Some((_, resource)) = rest.split_once("on resource: ") else { continue };
        let resource = resource.split_whitespace().next().unwrap_or_default().trim_matches('"');
        if !resource.starts_with("arn:") {
            continue;
        }
        // Where a sample was made anonymous, the account in the message is one that occurs nowhere
        // else in the record: such a message cannot say what the ARN should be.
        let account = resource.split(':').nth(4).unwrap_or_default();
        let mut rest = event.clone();
        if let Some(members) = rest.as_object_mut() {
            members.remove("errorMessage");
        }
        if !account.is_empty() && !rest.to_string().contains(account) {
            aside += 1;
            continue;
        }
        arns += 1;
        // A message's own star stands for what the call did not say.
        let fits = same.iter().any(|grant| {
            grant.resource == resource
                || stem(&grant.resource) == stem(resource)
                || (grant.resource.contains('*') && resource.starts_with(stem(&grant.resource)))
                || (resource.contains('*') && grant.resource.starts_with(stem(resource)))
        });
        if fits {
            fit += 1;
        } else {
            let ours: Vec<&str> = same.iter().map(|grant| grant.resource.as_str()).collect();
            println!("    {action}: says {resource}, ours {ours:?}");
        }
    }
    println!("denials: messages that name an action");
    share("same action", agree, named);
    share("same resource, of those with an ARN", fit, arns);
    println!("  set aside, the message's account occurs nowhere else in the record: {aside}");
}

fn stem(arn: &str) -> &str {
    arn.split('*').next().unwrap_or_default()
}
