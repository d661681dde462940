//! Terraform: the documents as `aws_iam_policy_document`, with the policy and its attachment.
//!
//! The data source reads `&{…}` as `${…}`, so that is how policy variables are written; it cannot
//! say a literal `&{`. It also knows no trust policies and no statement id twice. Such a document is
//! written as JSON in a heredoc, which says anything.
//!
//! Terraform brings text into Unicode's normal form C. All that may stand in a policy lies below
//! U+0100, where every text is in that form already.
//!
//! The layout is what `terraform fmt` leaves alone.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use trailtrim_iam::{PolicyDocument, Selector, Statement, Version};

use super::names::{Identifiers, iam_name};
use super::text::{comment, hcl_heredoc, hcl_quoted};
use super::{Attachment, Holder, NamedPolicy, Target};

const LONGEST_POLICY_NAME: usize = 128;

/// Writes the policies of a target and their attachment, as one file.
///
/// A role of Identity Center belongs to its permission set: there the documents become the set's
/// inline policy, of which it has one.
#[must_use]
pub fn terraform(target: &Target, policies: &[NamedPolicy<'_>]) -> String {
    let mut names = Identifiers::default();
    let mut out = String::new();
    comment(&mut out, &format!("Policies for {}", target.title));
    for caveat in &target.caveats {
        comment(&mut out, &format!("Caution: {caveat}"));
    }
    if !target.replaces.is_empty() {
        let replaced = target.replaces.join(", ");
        comment(
            &mut out,
            &format!("They take the place of {replaced}: detach that once they are there."),
        );
    }
    let mut sources = Vec::new();
    for policy in policies {
        let name = names.snake(&target.label);
        if in_blocks(policy.document) {
            out.push('\n');
            data_source(&mut out, &name, policy.document);
            sources.push((name.clone(), Source::Data(name), policy));
        } else {
            sources.push((name, Source::Json(policy.document.to_json_pretty()), policy));
        }
    }
    if let Some(set) = &target.permission_set {
        permission_set(&mut out, &mut names, set, &sources);
        return out;
    }
    for (name, source, policy) in &sources {
        match target.attachment {
            Attachment::Managed => {
                managed_policy(&mut out, &mut names, target, name, source, policy)
            }
            Attachment::Inline => {
                inline_policies(&mut out, &mut names, target, name, source, policy)
            }
        }
    }
    out
}

/// Where the text of a policy comes from.
enum Source {
    /// The data source of this name.
    Data(String),
    /// JSON.
    Json(String),
}

impl Source {
    /// Writes the attribute that takes the text; `padding` aligns it with those before it.
    fn write(&self, out: &mut String, attribute: &str, padding: usize) {
        match self {
            Source::Data(name) => {
                let _ = writeln!(
                    out,
                    "  {attribute:padding$} = data.aws_iam_policy_document.{name}.json"
                );
            }
            Source::Json(json) => {
                let _ = writeln!(out, "  {attribute:padding$} = <<-JSON");
                hcl_heredoc(out, json, "    ");
                out.push_str("  JSON\n");
            }
        }
    }
}

fn managed_policy(
    out: &mut String,
    names: &mut Identifiers,
    target: &Target,
    name: &str,
    source: &Source,
    policy: &NamedPolicy<'_>,
) {
    let _ = writeln!(out, "\nresource \"aws_iam_policy\" \"{name}\" {{");
    attribute(out, 1, "name", 6, &iam_name(policy.name, LONGEST_POLICY_NAME));
    source.write(out, "policy", 6);
    out.push_str("}\n");
    for holder in &target.holders {
        let (kind, own) = (holder.kind.code(), own_name(names, target, name, holder));
        let _ = writeln!(out, "\nresource \"aws_iam_{kind}_policy_attachment\" \"{own}\" {{");
        attribute(out, 1, kind, 10, &holder.name);
        let _ = writeln!(out, "  policy_arn = aws_iam_policy.{name}.arn\n}}");
    }
}

fn inline_policies(
    out: &mut String,
    names: &mut Identifiers,
    target: &Target,
    name: &str,
    source: &Source,
    policy: &NamedPolicy<'_>,
) {
    for holder in &target.holders {
        let (kind, own) = (holder.kind.code(), own_name(names, target, name, holder));
        let _ = writeln!(out, "\nresource \"aws_iam_{kind}_policy\" \"{own}\" {{");
        attribute(out, 1, "name", 6, &iam_name(policy.name, LONGEST_POLICY_NAME));
        attribute(out, 1, kind, 6, &holder.name);
        source.write(out, "policy", 6);
        out.push_str("}\n");
    }
}

/// Returns what a resource of one holder is called: as the policy, where no other has it.
fn own_name(names: &mut Identifiers, target: &Target, name: &str, holder: &Holder) -> String {
    match target.holders.as_slice() {
        [_] => name.to_owned(),
        _ => names.snake(&format!("{name} {}", holder.name)),
    }
}

/// Writes the one inline policy of a permission set.
fn permission_set(
    out: &mut String,
    names: &mut Identifiers,
    set: &str,
    sources: &[(String, Source, &NamedPolicy<'_>)],
) {
    // The documents of several become one, which needs a name beside theirs.
    let name = match sources {
        [(name, ..)] => name.clone(),
        _ => names.snake(&format!("permission set {set}")),
    };
    let _ = writeln!(out, "\ndata \"aws_ssoadmin_instances\" \"{name}\" {{}}");
    let instance = format!("tolist(data.aws_ssoadmin_instances.{name}.arns)[0]");
    let _ = writeln!(
        out,
        "\ndata \"aws_ssoadmin_permission_set\" \"{name}\" {{\n  instance_arn = {instance}"
    );
    attribute(out, 1, "name", 12, set);
    out.push_str("}\n");
    let single = match sources {
        [(_, source, _)] => Some(source),
        _ => None,
    };
    if single.is_none() {
        let _ = writeln!(out, "\ndata \"aws_iam_policy_document\" \"{name}\" {{");
        out.push_str("  source_policy_documents = [\n");
        for (_, source, _) in sources {
            match source {
                Source::Data(name) => {
                    let _ = writeln!(out, "    data.aws_iam_policy_document.{name}.json,");
                }
                Source::Json(json) => {
                    out.push_str("    <<-JSON\n");
                    hcl_heredoc(out, json, "      ");
                    out.push_str("    JSON\n    ,\n");
                }
            }
        }
        out.push_str("  ]\n}\n");
    }
    out.push('\n');
    comment(out, "Takes the place of the set's inline policy, in every account that has the set.");
    let _ = writeln!(out, "resource \"aws_ssoadmin_permission_set_inline_policy\" \"{name}\" {{");
    let _ = writeln!(out, "  instance_arn       = {instance}");
    let _ = writeln!(out, "  permission_set_arn = data.aws_ssoadmin_permission_set.{name}.arn");
    match single {
        Some(source) => source.write(out, "inline_policy", 18),
        None => Source::Data(name).write(out, "inline_policy", 18),
    }
    out.push_str("}\n");
}

/// Returns whether the data source can say the document.
fn in_blocks(document: &PolicyDocument) -> bool {
    let sids: Vec<&str> = document.statements.iter().filter_map(|one| one.sid.as_deref()).collect();
    let distinct: BTreeSet<&str> = sids.iter().copied().collect();
    let sayable = |statement: &Statement| {
        let Some(resource) = &statement.resource else { return false };
        let mut lists = vec![statement.action.listed(), resource.listed()];
        lists.extend(statement.condition.0.values().flat_map(|keys| keys.values()));
        statement.principal.is_none()
            && statement.sid.as_deref() != Some("")
            && lists.iter().all(|list| !list.is_empty())
            && lists.iter().copied().flatten().all(|text| !text.contains("&{"))
    };
    document.id.as_deref() != Some("")
        && !document.statements.is_empty()
        && distinct.len() == sids.len()
        && document.statements.iter().all(sayable)
}

fn data_source(out: &mut String, name: &str, document: &PolicyDocument) {
    let _ = writeln!(out, "data \"aws_iam_policy_document\" \"{name}\" {{");
    let version = document.effective_version();
    let old = (version == Version::V2008).then(|| version.as_str());
    let width = if document.id.is_some() { 9 } else { 7 };
    if let Some(version) = old {
        attribute(out, 1, "version", width, version);
    }
    if let Some(id) = &document.id {
        attribute(out, 1, "policy_id", width, id);
    }
    for (at, statement) in document.statements.iter().enumerate() {
        if at > 0 || old.is_some() || document.id.is_some() {
            out.push('\n');
        }
        write_statement(out, statement, version);
    }
    out.push_str("}\n");
}

fn write_statement(out: &mut String, statement: &Statement, version: Version) {
    out.push_str("  statement {\n");
    if let Some(sid) = &statement.sid {
        attribute(out, 2, "sid", 6, sid);
    }
    attribute(out, 2, "effect", 6, statement.effect.as_str());
    out.push('\n');
    list(out, 2, named(&statement.action, "actions", "not_actions"), statement.action.listed());
    if let Some(resource) = &statement.resource {
        out.push('\n');
        let listed: Vec<String> =
            resource.listed().iter().map(|text| variables(text, version)).collect();
        list(out, 2, named(resource, "resources", "not_resources"), &listed);
    }
    for (operator, key, values) in statement.condition.iter() {
        out.push_str("\n    condition {\n");
        attribute(out, 3, "test", 8, operator);
        attribute(out, 3, "variable", 8, key);
        let values: Vec<String> = values.iter().map(|text| variables(text, version)).collect();
        if let [value] = values.as_slice() {
            out.push_str("      values   = [");
            hcl_quoted(out, value);
            out.push_str("]\n");
        } else {
            out.push('\n');
            list(out, 3, "values", &values);
        }
        out.push_str("    }\n");
    }
    out.push_str("  }\n");
}

fn named<T>(selector: &Selector<T>, only: &'static str, all_but: &'static str) -> &'static str {
    if selector.is_negated() { all_but } else { only }
}

/// Writes policy variables as the data source wants them. Before 2012-10-17 there are none.
fn variables(text: &str, version: Version) -> String {
    match version {
        Version::V2012 => text.replace("${", "&{"),
        Version::V2008 => text.to_owned(),
    }
}

/// Writes `name = "text"`, with the name filled up to `width`.
fn attribute(out: &mut String, depth: usize, name: &str, width: usize, text: &str) {
    let _ = write!(out, "{:1$}{name:width$} = ", "", depth * 2);
    hcl_quoted(out, text);
    out.push('\n');
}

/// Writes a list, an item a line.
fn list(out: &mut String, depth: usize, name: &str, items: &[String]) {
    let indent = depth * 2;
    let _ = writeln!(out, "{:indent$}{name} = [", "");
    for item in items {
        let _ = write!(out, "{:indent$}  ", "");
        hcl_quoted(out, item);
        out.push_str(",\n");
    }
    let _ = writeln!(out, "{:indent$}]", "");
}
