//! Roles that an operation passes to a service.
//!
//! `iam:PassRole` is never an event of its own. Where the reference documents it, a role in the
//! call was passed; where a member is called like a role and the reference is silent, the grant
//! says that it is inferred. Neither list is complete.

use crate::CompileError;
use crate::fill::paths;
use crate::layout::{ANY_ARN, pass_flag};
use crate::names::normal;
use crate::plan::Grant;
use crate::rules::{DefinitionRole, PrincipalRule};
use crate::when::tests;
use crate::world::{Subject, World, begins_with_word};

/// A member that holds a role.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) path: String,
    /// Services that it may be passed to; none if not certain.
    pub(crate) to: Vec<String>,
    /// Bits of [`pass_flag`].
    pub(crate) flags: u32,
    pub(crate) tests: Vec<(u32, String, String)>,
}

pub(crate) fn passes(
    world: &World<'_>,
    subject: Subject<'_>,
    grants: &[Grant],
) -> Result<Vec<Pass>, CompileError> {
    let mut passes: Vec<Pass> = Vec::new();
    let id = format!("{}:{}", subject.prefix, subject.name);
    for file in world.files {
        for rule in &file.rules.pass {
            if !rule.operations.iter().any(|operation| operation.eq_ignore_ascii_case(&id)) {
                continue;
            }
            let mut flags = pass_flag::DOCUMENTED;
            if rule.profile {
                flags |= pass_flag::PROFILE;
            }
            flags |= match rule.definition {
                None => 0,
                Some(DefinitionRole::TaskRole) => pass_flag::TASK_ROLE,
                Some(DefinitionRole::ExecutionRole) => pass_flag::EXECUTION_ROLE,
            };
            if rule.known {
                flags |= pass_flag::KNOWN;
            }
            if rule.text {
                flags |= pass_flag::TEXT;
            }
            if rule.members.is_empty() {
                let to = principal(world, subject, "");
                let to = rule.to.as_ref().map_or(to, |to| to.of(subject.prefix));
                let tests = tests(file, subject, &rule.when)?;
                let flags = flags | pass_flag::TEXT;
                passes.push(Pass { path: String::new(), to, flags, tests });
            }
            for member in &rule.members {
                for path in paths(subject, member) {
                    let to = match &rule.to {
                        Some(to) => to.of(subject.prefix),
                        None => principal(world, subject, member),
                    };
                    let tests = tests(file, subject, &rule.when)?;
                    passes.push(Pass { path, to, flags, tests });
                }
            }
        }
    }
    let Some(rules) = world.rules().find_map(|rules| rules.pass_role.as_ref()) else {
        return Ok(passes);
    };
    if rules.not_services.iter().any(|service| service == subject.prefix)
        || rules.not_verbs.iter().any(|verb| begins_with_word(subject.name, verb))
        || rules.not_operations.iter().any(|operation| operation.eq_ignore_ascii_case(&id))
    {
        return Ok(passes);
    }
    let documented = grants.iter().any(|grant| {
        world.action(&grant.action).is_some_and(|(_, action)| {
            action.dependents.iter().any(|dependent| dependent.eq_ignore_ascii_case("iam:PassRole"))
        })
    });
    for member in subject.members() {
        let leaf = member.rsplit('.').next().unwrap_or_default();
        if member.ends_with(['?', '}'])
            || !rules.endings.iter().any(|ending| leaf.ends_with(&normal(ending)))
            || rules.not_members.iter().any(|not| leaf == normal(not))
        {
            continue;
        }
        for path in paths(subject, &member) {
            if passes.iter().any(|pass| pass.path == path) {
                continue;
            }
            let profile = rules.profiles.iter().any(|ending| leaf.ends_with(&normal(ending)));
            let to = match &rules.profiles_to {
                Some(to) if profile => vec![to.clone()],
                _ => principal(world, subject, &member),
            };
            let mut flags = if documented { pass_flag::DOCUMENTED } else { 0 };
            if profile {
                flags |= pass_flag::PROFILE;
            }
            passes.push(Pass { path, to, flags, tests: Vec::new() });
        }
    }
    // The reference says that a role is passed, and no member is called like one: it stands among
    // parameters that the call takes by name (`AutomationAssumeRole`, an option's setting).
    let ruled = grants.iter().any(|grant| grant.action == "iam:PassRole");
    if documented && passes.is_empty() && !ruled {
        let (path, to) = (ANY_ARN.to_owned(), principal(world, subject, ""));
        passes.push(Pass { path, to, flags: 0, tests: Vec::new() });
    }
    Ok(passes)
}

/// Returns the service principals that may take a role, by the most particular rule.
fn principal(world: &World<'_>, subject: Subject<'_>, member: &str) -> Vec<String> {
    let leaf = normal(member.rsplit('.').next().unwrap_or_default());
    let rank = |rule: &PrincipalRule| {
        let of_operation = rule.operations.iter().any(|name| name == subject.name);
        let of_member = rule.members.iter().any(|name| leaf.ends_with(&normal(name)));
        let fits = (rule.operations.is_empty() || of_operation)
            && (rule.members.is_empty() || of_member)
            && rule.services.iter().any(|service| service == subject.prefix);
        fits.then_some(usize::from(of_operation) + usize::from(of_member))
    };
    world
        .rules()
        .flat_map(|rules| &rules.principal)
        .filter_map(|rule| rank(rule).map(|rank| (rank, rule)))
        .max_by_key(|(rank, _)| *rank)
        .map(|(_, rule)| rule.to.of(subject.prefix))
        .unwrap_or_default()
}
