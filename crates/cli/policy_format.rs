//! The forms in which policies are written, whatever command makes them.

use serde_json::to_string_pretty;
use std::collections::BTreeMap;
use trailtrim_emitter::POLICY_FILES;
use trailtrim_emitter::render::{NamedPolicy, Syntax, Target, cloudformation, terraform};
use trailtrim_iam::escape_controls;

/// The form of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PolicyFormat {
    /// The policy document.
    Json,
    /// The policy and its attachment, for Terraform.
    Terraform,
    /// The policy and its attachment, as a CloudFormation template in YAML.
    Cloudformation,
    /// The policy and its attachment, as a CloudFormation template in JSON.
    CloudformationJson,
}

/// Policies of one principal, as they are written.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// The form, which is JSON where the one that was asked for cannot say the policy.
    pub(crate) format: PolicyFormat,
    /// The text, with its last newline.
    pub(crate) text: String,
    /// Why it is not the form that was asked for.
    pub(crate) instead: Option<String>,
}

impl PolicyFormat {
    /// Returns the name of the file that holds a principal's policy.
    pub(crate) fn file_name(self) -> &'static str {
        let [json, terraform, yaml, template] = POLICY_FILES;
        match self {
            PolicyFormat::Json => json,
            PolicyFormat::Terraform => terraform,
            PolicyFormat::Cloudformation => yaml,
            PolicyFormat::CloudformationJson => template,
        }
    }

    /// Writes the policies of one principal. As JSON, several are an object by their names.
    pub(crate) fn render(
        self,
        target: &Target,
        policies: &[NamedPolicy<'_>],
    ) -> anyhow::Result<Rendered> {
        let rendered = match self {
            PolicyFormat::Json => Ok(json(policies)?),
            PolicyFormat::Terraform => Ok(terraform(target, policies)),
            PolicyFormat::Cloudformation => cloudformation(target, policies, Syntax::Yaml),
            PolicyFormat::CloudformationJson => cloudformation(target, policies, Syntax::Json),
        };
        Ok(match rendered {
            Ok(text) => Rendered { format: self, text, instead: None },
            Err(error) => Rendered {
                format: PolicyFormat::Json,
                text: json(policies)?,
                instead: Some(error.to_string()),
            },
        })
    }
}

fn json(policies: &[NamedPolicy<'_>]) -> serde_json::Result<String> {
    let mut text = match policies {
        [policy] => policy.document.to_json_pretty(),
        several => {
            let named: BTreeMap<&str, _> =
                several.iter().map(|policy| (policy.name, policy.document)).collect();
            escape_controls(to_string_pretty(&named)?)
        }
    };
    text.push('\n');
    Ok(text)
}
