//! Who asks, and whom a policy's `Principal` names.
//!
//! A principal is compared as a row of parts: its kind, its account, the user
//! or role it is, and its session. So an account contains its roles, and a role
//! its sessions, by the ordinary rules of patterns. A session's ARN does not
//! have the path of its role; a role's name is unique in its account, so a role
//! with a path also names all sessions of a role of its name.

use std::collections::BTreeMap;

use super::{Context, condition::Clause, is_account};
use crate::{
    arn::Arn,
    document::{PrincipalKind, Principals},
    glob::{Glob, Token},
};

/// A principal that makes requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// A user, a role, a session or an account's root user.
    Aws(AwsPrincipal),
    /// An AWS service, such as `ec2.amazonaws.com`.
    Service(String),
    /// An identity provider.
    Federated(String),
    /// Anyone, without credentials.
    Anonymous,
}

/// An AWS principal, by its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AwsPrincipal {
    arn: String,
    account: String,
    kind: AwsKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum AwsKind {
    Root,
    /// With its path.
    User(String),
    /// With its path.
    Role(String),
    /// The role's name.
    RoleSession(String),
    FederatedUser(String),
}

/// Why a text is no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid principal `{0}`: give the ARN of a user, role, session, identity provider or account root, a service such as `ec2.amazonaws.com`, or `*`"
)]
pub struct PrincipalError(String);

impl Principal {
    /// Parses an ARN, an account id, a service's name, or `*` for anonymous.
    ///
    /// # Errors
    /// [`PrincipalError`] when the text is none of these.
    pub fn parse(text: &str) -> Result<Self, PrincipalError> {
        if text == "*" {
            return Ok(Self::Anonymous);
        }
        if is_account(text) {
            return Self::parse(&format!("arn:aws:iam::{text}:root"));
        }
        let error = || PrincipalError(text.to_owned());
        let Ok(arn) = Arn::parse(text) else {
            let service = !text.contains([':', '*', '/', ' ']) && text.contains('.');
            return if service { Ok(Self::Service(text.to_owned())) } else { Err(error()) };
        };
        if arn.resource.starts_with("saml-provider/") || arn.resource.starts_with("oidc-provider/")
        {
            return Ok(Self::Federated(text.to_owned()));
        }
        let kind = AwsKind::of(&arn).ok_or_else(error)?;
        Ok(Self::Aws(AwsPrincipal { arn: text.to_owned(), account: arn.account.to_owned(), kind }))
    }

    /// Returns the account, for AWS principals.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Aws(principal) => Some(&principal.account),
            _ => None,
        }
    }

    /// Returns the ARN or name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Aws(principal) => &principal.arn,
            Self::Service(name) | Self::Federated(name) => name,
            Self::Anonymous => "*",
        }
    }

    /// Tells whether it is an account's root user.
    pub(crate) fn is_root(&self) -> bool {
        matches!(self, Self::Aws(AwsPrincipal { kind: AwsKind::Root, .. }))
    }

    /// Tells whether it is a service-linked role, by the path in its ARN, which those of sessions have not.
    pub(crate) fn is_service_linked(&self) -> bool {
        matches!(self, Self::Aws(AwsPrincipal { kind: AwsKind::Role(path), .. })
            if path.starts_with("aws-service-role/"))
    }

    /// Adds the context keys that follow from it, where they are not known.
    pub(crate) fn describe(&self, context: &mut Context) {
        let is_service = matches!(self, Self::Service(_));
        context.put_new("aws:principalisawsservice", is_service.to_string());
        let Self::Aws(AwsPrincipal { arn, account, kind }) = self else {
            if let Self::Service(name) = self {
                context.put_new("aws:principalservicename", name.clone());
            }
            return;
        };
        context.put_new("aws:principalaccount", account.clone());
        context.put_new("aws:principaltype", kind.type_name());
        match kind {
            // The key holds the role, not its session; without knowledge of
            // the path, the role is taken to have none.
            AwsKind::RoleSession(role) => {
                let partition = Arn::parse(arn).map_or("aws", |arn| arn.partition);
                context.put_new(
                    "aws:principalarn",
                    format!("arn:{partition}:iam::{account}:role/{role}"),
                );
            }
            AwsKind::User(path) => {
                context.put_new("aws:username", last(path));
                context.put_new("aws:principalarn", arn.clone());
            }
            _ => context.put_new("aws:principalarn", arn.clone()),
        }
        // IAM User Guide, "AWS global condition context keys": only requests of IAM users have it, so a
        // resource with the variable allows nobody else anything.
        if !matches!(kind, AwsKind::User(_)) {
            context.put_new_absent("aws:username");
        }
    }

    /// Returns the principal as the pattern that means just it.
    pub(crate) fn to_glob(&self) -> Glob {
        match self {
            Self::Aws(AwsPrincipal { arn, account, kind }) => {
                let session = match kind {
                    AwsKind::RoleSession(_) | AwsKind::FederatedUser(_) => arn.as_str(),
                    _ => "",
                };
                row('A', [Part::Text(account), Part::Text(&kind.entity()), Part::Text(session)])
            }
            Self::Service(name) => row('S', [Part::Text(name)]),
            Self::Federated(name) => row('F', [Part::Text(name)]),
            Self::Anonymous => row('N', []),
        }
    }
}

impl AwsKind {
    fn of(arn: &Arn<'_>) -> Option<Self> {
        match (arn.service, arn.resource.split_once('/')) {
            ("iam", None) if arn.resource == "root" => Some(Self::Root),
            ("iam", Some(("user", path))) => Some(Self::User(path.to_owned())),
            ("iam", Some(("role", path))) => Some(Self::Role(path.to_owned())),
            ("sts", Some(("assumed-role", rest))) => {
                Some(Self::RoleSession(rest.split_once('/')?.0.to_owned()))
            }
            ("sts", Some(("federated-user", name))) => Some(Self::FederatedUser(name.to_owned())),
            _ => None,
        }
    }

    /// Names the user or role within its account.
    fn entity(&self) -> String {
        match self {
            Self::Root => "root".to_owned(),
            Self::User(path) => format!("user/{path}"),
            Self::Role(name) | Self::RoleSession(name) => format!("role/{name}"),
            Self::FederatedUser(name) => format!("federated-user/{name}"),
        }
    }

    /// The value of `aws:PrincipalType`.
    fn type_name(&self) -> &'static str {
        match self {
            Self::Root => "Account",
            Self::User(_) => "User",
            Self::Role(_) | Self::RoleSession(_) => "AssumedRole",
            Self::FederatedUser(_) => "FederatedUser",
        }
    }
}

/// How closely a resource policy names the principal; it decides what else
/// must allow the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Closeness {
    /// Its account: that account's policies decide.
    Account,
    /// Its role, or everyone: boundary and session policy still limit it.
    Role,
    /// The very user or session: no boundary or session policy limits it.
    Itself,
}

/// One name in a `Principal` element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) globs: Vec<Glob>,
    pub(crate) closeness: Closeness,
}

/// Compiles an element. `star_is_anyone` reads `{"AWS": "*"}` as `"*"`, which
/// is what AWS documents; without it, services are left out.
pub(crate) fn compile(principals: &Principals, star_is_anyone: bool) -> Vec<Named> {
    let anyone = || Named { globs: vec![Glob::everything()], closeness: Closeness::Role };
    let Principals::Named(kinds) = principals else { return vec![anyone()] };
    let mut out = Vec::new();
    for (kind, names) in kinds {
        for name in names {
            let any = name == "*";
            let part = if any { Part::Any } else { Part::Text(name) };
            let one =
                |letter| Named { globs: vec![row(letter, [part])], closeness: Closeness::Role };
            out.push(match kind {
                PrincipalKind::Aws if any && star_is_anyone => anyone(),
                PrincipalKind::Aws => aws(name),
                PrincipalKind::Service => one('S'),
                PrincipalKind::Federated => one('F'),
                PrincipalKind::CanonicalUser => one('C'),
            });
        }
    }
    out
}

/// Stands among the keys that would decide where a Deny's `NotPrincipal` lists
/// a principal and not its account, or a role and not its session.
pub const NOT_PRINCIPAL: &str = "NotPrincipal";

/// Whom a Deny with `NotPrincipal` spares.
///
/// Source: IAM User Guide, "`NotPrincipal`": depending on the service AWS checks
/// the account first, then the user or role, then the session, so each should
/// be listed. Whoever has a permissions boundary is always denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Spared {
    /// Whoever is listed, and the sessions of a listed role.
    Listed,
    /// Whoever is listed along with its account and role.
    Checked,
    /// Of users and roles nobody, since each may have a boundary.
    Unbounded,
}

impl Spared {
    pub(crate) const ALL: [Self; 3] = [Self::Listed, Self::Checked, Self::Unbounded];
}

/// Compiles the `NotPrincipal` of a Deny. An account beside its users or roles is
/// the first of AWS's checks, and spares nobody else; alone it may spare all.
pub(crate) fn spared(principals: &Principals, star_is_anyone: bool, how: Spared) -> Vec<Named> {
    let Principals::Named(kinds) = principals else {
        return compile(principals, star_is_anyone);
    };
    let mut others = kinds.clone();
    let names = others.remove(&PrincipalKind::Aws).unwrap_or_default();
    let listed: Vec<AwsPrincipal> = names
        .iter()
        .filter_map(|name| match Principal::parse(name) {
            Ok(Principal::Aws(one)) => Some(one),
            _ => None,
        })
        .collect();
    let has = |account: &str, test: &dyn Fn(&AwsKind) -> bool| {
        listed.iter().any(|one| one.account == account && test(&one.kind))
    };
    let is_root = |kind: &AwsKind| *kind == AwsKind::Root;
    let mut out = compile(&Principals::Named(others), star_is_anyone);
    // `*` is everyone, whatever else is listed.
    if names.iter().any(|name| name == "*") {
        let everyone = BTreeMap::from([(PrincipalKind::Aws, vec!["*".to_owned()])]);
        out.extend(compile(&Principals::Named(everyone), star_is_anyone));
    }
    for one in &listed {
        let account = one.account.as_str();
        let itself = match (&one.kind, how) {
            (AwsKind::Root, Spared::Listed) => has(account, &|kind| !is_root(kind)),
            (AwsKind::Root, _) => true,
            (_, Spared::Listed) => false,
            // Which session asks, a role's name does not tell.
            (_, Spared::Unbounded) | (AwsKind::Role(_), Spared::Checked) => continue,
            (AwsKind::User(_) | AwsKind::FederatedUser(_), Spared::Checked) => {
                if !has(account, &is_root) {
                    continue;
                }
                true
            }
            (AwsKind::RoleSession(name), Spared::Checked) => {
                let of = |kind: &AwsKind| matches!(kind, AwsKind::Role(path) if last(path) == name);
                if !has(account, &is_root) || !has(account, &of) {
                    continue;
                }
                true
            }
        };
        out.push(if itself {
            let globs = vec![Principal::Aws(one.clone()).to_glob()];
            Named { globs, closeness: Closeness::Itself }
        } else {
            aws(&one.arn)
        });
    }
    out
}

fn aws(name: &str) -> Named {
    if name == "*" {
        let any = row('A', [Part::Any, Part::Any, Part::Any]);
        return Named { globs: vec![any, row('N', [])], closeness: Closeness::Role };
    }
    let Ok(Principal::Aws(AwsPrincipal { arn, account, kind })) = Principal::parse(name) else {
        // The unique id that IAM leaves behind for a deleted principal, or a
        // text that IAM would refuse: it names nobody who can ask.
        return Named { globs: vec![row('X', [Part::Text(name)])], closeness: Closeness::Itself };
    };
    let (account, entity) = (Part::Text(&account), kind.entity());
    let (session, closeness) = match &kind {
        AwsKind::Root => {
            let all = row('A', [account, Part::Any, Part::Any]);
            return Named { globs: vec![all], closeness: Closeness::Account };
        }
        AwsKind::Role(_) => (Part::Any, Closeness::Role),
        AwsKind::User(_) => (Part::Text(""), Closeness::Itself),
        AwsKind::RoleSession(_) | AwsKind::FederatedUser(_) => {
            (Part::Text(arn.as_str()), Closeness::Itself)
        }
    };
    let mut globs = vec![row('A', [account, Part::Text(&entity), session])];
    if let AwsKind::Role(path) = &kind
        && path.contains('/')
    {
        let sessions = format!("role/{}", last(path));
        globs.push(row('A', [account, Part::Text(&sessions), Part::Some]));
    }
    Named { globs, closeness }
}

/// Returns the patterns of whoever has this value of `aws:PrincipalArn`: the
/// user, or the role and its sessions.
pub(crate) fn of_principal_arn(arn: &str) -> Vec<Glob> {
    match Principal::parse(arn) {
        Ok(Principal::Aws(AwsPrincipal { kind: AwsKind::Root, .. })) => {
            Principal::parse(arn).map(|root| vec![root.to_glob()]).unwrap_or_default()
        }
        Ok(Principal::Aws(_)) => aws(arn).globs,
        // No principal has such an ARN.
        _ => Vec::new(),
    }
}

/// For the pattern of all sessions of a role's name, returns the clause that
/// the role is the one with a path that stands before it in the list.
pub(crate) fn role_of_sessions(sessions: &Glob, list: &[Glob]) -> Option<Clause> {
    let by_name = sessions.tokens().ends_with(&[Token::Separator, Token::One, Token::Many]);
    let at = list.iter().position(|glob| by_name && glob == sessions)?;
    let role = list.get(at.checked_sub(1)?)?.to_string();
    match role.splitn(4, ':').collect::<Vec<_>>().as_slice() {
        ["A", account, entity, "*"] => {
            Some(Clause::equals("aws:principalarn", &format!("arn:aws:iam::{account}:{entity}")))
        }
        _ => None,
    }
}

/// Returns the last part of a path.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Any,
    /// Anything but nothing.
    Some,
}

fn row<'a>(kind: char, parts: impl IntoIterator<Item = Part<'a>>) -> Glob {
    let mut tokens = vec![Token::Char(kind)];
    for part in parts {
        tokens.push(Token::Separator);
        match part {
            Part::Any => tokens.push(Token::Many),
            Part::Some => tokens.extend([Token::One, Token::Many]),
            Part::Text(text) => tokens.extend(text.chars().map(Token::Char)),
        }
    }
    Glob::new(tokens)
}

/// Reads the parts of a row back as a principal.
pub(crate) fn from_parts(parts: &[&str]) -> Option<Principal> {
    match parts {
        ["A", account, entity, ""] => {
            Principal::parse(&format!("arn:aws:iam::{account}:{entity}")).ok()
        }
        ["A", _, _, session] => Principal::parse(session).ok(),
        ["S", name] => Some(Principal::Service((*name).to_owned())),
        ["F", name] => Some(Principal::Federated((*name).to_owned())),
        ["N", ..] => Some(Principal::Anonymous),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(element: &str, who: &str) -> bool {
        let named = BTreeMap::from([(PrincipalKind::Aws, vec![element.to_owned()])]);
        let who = Principal::parse(who).unwrap().to_glob();
        compile(&Principals::Named(named), true)
            .iter()
            .any(|n| n.globs.iter().any(|g| g.covers(&who)))
    }

    #[test]
    fn accounts_contain_roles_and_roles_their_sessions() {
        let session = "arn:aws:sts::111122223333:assumed-role/R/s";
        assert!(matches("111122223333", session));
        assert!(matches("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/u"));
        assert!(matches("arn:aws:iam::111122223333:role/path/R", session));
        assert!(!matches(
            "arn:aws:iam::111122223333:role/path/R",
            "arn:aws:iam::111122223333:role/R"
        ));
        assert!(!matches(session, "arn:aws:sts::111122223333:assumed-role/R/t"));
        assert!(!matches("arn:aws:iam::111122223333:role/R", "arn:aws:iam::111122223333:user/R"));
        assert!(!matches("AROAEXAMPLEID", session));
        assert!(matches("*", "*"));
    }

    #[test]
    fn rows_read_back() {
        let account = "111122223333";
        let session = "arn:aws:sts::111122223333:assumed-role/R/s";
        for (parts, text) in [
            (vec!["A", account, "role/path/R", ""], "arn:aws:iam::111122223333:role/path/R"),
            (vec!["A", account, "role/R", session], session),
            (vec!["S", "ec2.amazonaws.com"], "ec2.amazonaws.com"),
            (vec!["N"], "*"),
        ] {
            assert_eq!(from_parts(&parts), Principal::parse(text).ok());
            assert_eq!(from_parts(&parts).unwrap().to_glob().to_string(), parts.join(":"));
        }
    }
}
