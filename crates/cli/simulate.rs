//! `trailtrim simulate`: is this request allowed?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use trailtrim_iam::read::PolicyKind;
use trailtrim_iam::{
    Action, Context, Decision, Effect, Layer, Layers, NOT_PRINCIPAL, Outcome, Policies, Principal,
    Request, ResourcePolicyRole, evaluate,
};

use crate::Exit;
use crate::exit::hinted;
use crate::format::Format;
use crate::output::printable;
use crate::policy_files::{Candidates, PolicyFiles, StatementName, find_principal, read_file};
use crate::screen::show;

/// Decide whether a request is allowed, by policies in files
///
/// The context that is given counts as complete: a condition key that is not in it is absent from
/// the request. With --open-context such a key is unknown, and so may be the decision.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Identity policies of the principal, or an account dump, plan or template in JSON that tells its own
    /// (can be repeated)
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "resource_policy")]
    policy: Vec<PathBuf>,

    /// Action, such as `s3:GetObject`
    #[arg(long, value_name = "ACTION")]
    action: String,

    /// ARN of the resource, or `*` for actions without one
    #[arg(long, value_name = "ARN", default_value = "*")]
    resource: String,

    /// ARN of the user, role or session that asks, a service, or `*` for anyone
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,

    /// Account that owns the resource, where its ARN does not say [default: the principal's]
    #[arg(long, value_name = "ID")]
    resource_account: Option<String>,

    /// Value of a condition key (can be repeated, also for one key)
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    context: Vec<(String, String)>,

    /// Take condition keys that are not given as unknown, not as absent
    #[arg(long)]
    open_context: bool,

    /// Permissions boundary of the principal
    #[arg(long, value_name = "FILE")]
    boundary: Option<PathBuf>,

    /// Service control policies, together one level (can be repeated)
    #[arg(long, value_name = "FILE", num_args = 1..)]
    scp: Vec<PathBuf>,

    /// Resource control policies, together one level (can be repeated)
    #[arg(long, value_name = "FILE", num_args = 1..)]
    rcp: Vec<PathBuf>,

    /// Policy of the session
    #[arg(long, value_name = "FILE")]
    session_policy: Option<PathBuf>,

    /// Policy of the resource; for a role, its trust policy
    #[arg(long, value_name = "FILE")]
    resource_policy: Option<PathBuf>,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Actions that need the resource's own policy, also within an account: prefixes of them.
/// Source: IAM User Guide, "Policy evaluation logic"; KMS Developer Guide, "Key policies".
const DECIDED_BY_RESOURCE: [&str; 2] = ["kms:", "sts:assumerole"];

const IDENTITY: [PolicyKind; 2] = [PolicyKind::Identity, PolicyKind::Unstated];

/// The answer as JSON.
#[derive(Debug, Serialize)]
struct Answer {
    decision: &'static str,
    statements: Vec<Statement>,
    unknown_keys: Vec<String>,
}

/// A statement that led to the decision.
#[derive(Debug, Serialize)]
struct Statement {
    layer: &'static str,
    effect: &'static str,
    /// Whether it matches for certain; if not, it hangs on unknown keys.
    certain: bool,
    #[serde(flatten)]
    name: StatementName,
}

/// Runs the command.
pub(crate) fn simulate(args: &SimulateArgs) -> anyhow::Result<Exit> {
    let request = request(args)?;
    let whose = args.principal.as_deref();
    let boundary = match &args.boundary {
        Some(file) => Some(limit(file)?.of(whose)?),
        None => None,
    };
    let mut identity = Candidates::attached();
    let (mut attached_boundary, mut boundaries) = (None, Candidates::attached());
    for file in &args.policy {
        let contents = read_file(file)?;
        if contents.principals.is_empty() {
            identity.add(file, &contents, &IDENTITY)?;
            boundaries.add_boundaries(file, &contents);
            continue;
        }
        let arn = args.principal.as_deref().ok_or_else(|| {
            hinted(
                format!("`{}` is an account dump", file.display()),
                "name one of its principals with --principal",
            )
        })?;
        let holder = find_principal(&contents, arn).ok_or_else(|| {
            hinted(
                format!("`{}` has no principal `{arn}`", file.display()),
                "write its whole ARN, with the path",
            )
        })?;
        identity.add_attached(file, &holder.policies);
        if let (Some(attached), None) = (&holder.boundary, &boundary) {
            let mut files = Candidates::default();
            files.add_attached(file, std::slice::from_ref(attached));
            attached_boundary = Some(files.all()?);
        }
    }
    let mut boundary = boundary.or(attached_boundary);
    if boundary.is_none() {
        boundary = Some(boundaries.boundary_of(whose)?).filter(|told| !told.is_empty());
    }
    let identity = identity.of(whose)?;
    let session = match &args.session_policy {
        Some(file) => {
            let session = Candidates::read(std::slice::from_ref(file), &IDENTITY)?.of(whose)?;
            session.whole()?;
            Some(session)
        }
        None => None,
    };
    let action = request.action.to_string().to_ascii_lowercase();
    let resource = args.resource_policy.as_deref().map(|file| of_resource(file, &action));
    let resource = resource.transpose()?;
    let scp = level(&args.scp, PolicyKind::ServiceControl)?;
    let rcp = level(&args.rcp, PolicyKind::ResourceControl)?;

    let compiled = |files: &Option<PolicyFiles>| files.as_ref().map(compile);
    let (own, limit, inner) = (compile(&identity), compiled(&boundary), compiled(&session));
    let (theirs, scps, rcps) = (compiled(&resource), compiled(&scp), compiled(&rcp));
    let layers = Layers {
        identity: (!identity.is_empty()).then_some(&own),
        boundary: limit.as_ref(),
        session: inner.as_ref(),
        scps: scps.as_slice(),
        rcps: rcps.as_slice(),
        resource: theirs.as_ref(),
        resource_role: match &theirs {
            Some(_) if DECIDED_BY_RESOURCE.iter().any(|start| action.starts_with(start)) => {
                ResourcePolicyRole::Required
            }
            _ => ResourcePolicyRole::Additional,
        },
    };
    let decision = evaluate(&layers, &request);
    // What is not given may allow it, or deny it; a Deny that is there decides.
    if decision.outcome != Outcome::ExplicitlyDenied {
        identity.whole()?;
    }
    let limits = boundary.is_none() && decision.outcome != Outcome::ImplicitlyDenied;
    let lacking = identity.boundary_elsewhere().filter(|_| limits);
    if let Some(missing) = lacking.filter(|_| decision.outcome != Outcome::ExplicitlyDenied) {
        return Err(missing.refused());
    }
    let files = |layer| match layer {
        Layer::Identity => Some(&identity),
        Layer::Boundary => boundary.as_ref(),
        Layer::Session => session.as_ref(),
        Layer::Scp => scp.as_ref(),
        Layer::Rcp => rcp.as_ref(),
        Layer::Resource => resource.as_ref(),
    };
    let answer = Answer {
        decision: outcome(decision.outcome),
        statements: statements(&decision, files),
        unknown_keys: decision.unknown_keys.into_iter().collect(),
    };
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&answer)? + "\n",
        Format::Human => answer.tell(),
    };
    show(args.format, &text)?;
    Ok(Exit::Done)
}

fn request(args: &SimulateArgs) -> anyhow::Result<Request> {
    let mut request = Request::new(Action::parse(&args.action)?, args.resource.as_str());
    request.principal =
        args.principal.as_deref().map(Principal::parse).transpose().context("--principal")?;
    request.resource_account.clone_from(&args.resource_account);
    if request.owner().is_none() {
        // As --help says: conditions on the owner ask for it as well.
        let own = request.principal.as_ref().and_then(Principal::account);
        request.resource_account = own.map(str::to_owned);
    }
    request.context = if args.open_context { Context::open() } else { Context::closed() };
    for (key, value) in &args.context {
        request.context.add(key, value.as_str());
    }
    Ok(request)
}

/// Reads a boundary: of a file that speaks of somebody, what it tells to be one.
fn limit(file: &Path) -> anyhow::Result<Candidates> {
    let contents = read_file(file)?;
    let mut limit = Candidates::default();
    let told = contents.people.len() > 1
        || contents.policies.iter().any(|policy| policy.kind == PolicyKind::Boundary);
    limit.add(file, &contents, if told { &[PolicyKind::Boundary] } else { &IDENTITY })?;
    Ok(limit)
}

/// Reads the policy of a resource: of a file with both, a role's trust policy for what is asked of STS, and others'
/// else.
fn of_resource(file: &Path, action: &str) -> anyhow::Result<PolicyFiles> {
    let contents = read_file(file)?;
    let holds = |kind| contents.policies.iter().any(|policy| policy.kind == kind);
    let mut policies = Candidates::default();
    let wanted = match (holds(PolicyKind::Resource), holds(PolicyKind::Trust)) {
        (true, true) if action.starts_with("sts:") => [PolicyKind::Trust],
        (true, _) => [PolicyKind::Resource],
        (false, true) => [PolicyKind::Trust],
        (false, false) => [PolicyKind::Unstated],
    };
    policies.add(file, &contents, &wanted)?;
    policies.of_one()
}

/// Reads the policies of an organization's level: of files that tell these from others, those of the kind alone.
fn level(files: &[PathBuf], kind: PolicyKind) -> anyhow::Result<Option<PolicyFiles>> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut level = Candidates::default();
    for file in files {
        let contents = read_file(file)?;
        let is_organization =
            |kind| matches!(kind, PolicyKind::ServiceControl | PolicyKind::ResourceControl);
        match contents.policies.iter().any(|policy| is_organization(policy.kind)) {
            true => level.add(file, &contents, &[kind])?,
            false => level.add(file, &contents, &IDENTITY_OR_RESOURCE)?,
        }
    }
    Ok(Some(level.all()?))
}

/// Resource control policies name principals.
const IDENTITY_OR_RESOURCE: [PolicyKind; 3] =
    [PolicyKind::Identity, PolicyKind::Resource, PolicyKind::Unstated];

fn compile(files: &PolicyFiles) -> Policies {
    Policies::compile(&files.documents)
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => "allowed",
        Outcome::ExplicitlyDenied => "explicitly_denied",
        Outcome::ImplicitlyDenied => "implicitly_denied",
        Outcome::Unknown => "unknown",
    }
}

fn statements<'a>(
    decision: &Decision,
    files: impl Fn(Layer) -> Option<&'a PolicyFiles>,
) -> Vec<Statement> {
    let named = decision.matched.iter().filter_map(|matched| {
        Some(Statement {
            layer: match matched.layer {
                Layer::Identity => "identity",
                Layer::Boundary => "boundary",
                Layer::Session => "session",
                Layer::Scp => "scp",
                Layer::Rcp => "rcp",
                Layer::Resource => "resource",
            },
            effect: match matched.effect {
                Effect::Allow => "Allow",
                Effect::Deny => "Deny",
            },
            certain: matched.certain,
            name: files(matched.layer)?.name(&matched.id),
        })
    });
    named.collect()
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

impl Answer {
    fn tell(&self) -> String {
        let mut text = format!("{}\n", self.decision.replace('_', " "));
        for statement in &self.statements {
            let Statement { layer, effect, certain, name } = statement;
            let maybe = if *certain { "" } else { ", perhaps" };
            let _ = writeln!(text, "  {effect}{maybe}: {} ({layer})", printable(&name.text()));
        }
        if !self.unknown_keys.is_empty() {
            let (element, keys): (Vec<_>, Vec<_>) =
                self.unknown_keys.iter().partition(|key| *key == NOT_PRINCIPAL);
            let keys: Vec<String> = keys.into_iter().map(|key| printable(key)).collect();
            if !keys.is_empty() {
                let _ = writeln!(text, "  hangs on {}; give them with --context", keys.join(", "));
            }
            if !element.is_empty() {
                text.push_str(
                    "  hangs on `NotPrincipal`: AWS may check the account, the role and the session \
                     one after the other, and a Deny surely spares only whom it lists with all of \
                     them; list them, or use `ArnNotEquals` on `aws:PrincipalArn`\n",
                );
            }
        }
        text
    }
}
