//! What is wrong with what is attached, each kind under a stable code.

mod look;
#[cfg(test)]
mod tests;

pub(crate) use look::{of_bundle, of_holder, of_principal};

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth mending.
    Warning,
    /// A hole, or something that does not work as written.
    Error,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// `Action: "*"`, or `NotAction` with Allow.
    ActionStar,
    /// `Resource: "*"` for an action that takes ARNs.
    ResourceStar,
    /// ARNs that an action cannot be about, or for one that takes none: it allows nothing, or hardly.
    DeadGrant,
    /// `iam:PassRole` on every role.
    PassRoleStar,
    /// An action that does not exist in the catalog.
    UnknownAction,
    /// An action that lets its holder gain more, granted and unused.
    PrivilegeEscalation,
    /// A role or user without recorded activity, where it would have shown.
    UnusedPrincipal,
    /// One role for several functions.
    SharedRole,
    /// It was deleted and made anew in the window.
    RecreatedPrincipal,
    /// Something attached was not used for as long as asked.
    UnusedAccess,
    /// Something worked that nothing attached allows, without an explanation.
    UnexplainedAccess,
    /// A policy is attached whose document was not given.
    UnknownPolicy,
}

impl Code {
    /// Every code, in the order of severity and name.
    pub const ALL: [Code; 12] = [
        Code::ActionStar,
        Code::PassRoleStar,
        Code::PrivilegeEscalation,
        Code::UnexplainedAccess,
        Code::DeadGrant,
        Code::ResourceStar,
        Code::SharedRole,
        Code::UnknownAction,
        Code::UnusedAccess,
        Code::UnusedPrincipal,
        Code::RecreatedPrincipal,
        Code::UnknownPolicy,
    ];

    /// Returns the code as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Code::ActionStar => "action-star",
            Code::ResourceStar => "resource-star",
            Code::DeadGrant => "dead-grant",
            Code::PassRoleStar => "pass-role-star",
            Code::UnknownAction => "unknown-action",
            Code::PrivilegeEscalation => "privilege-escalation",
            Code::UnusedPrincipal => "unused-principal",
            Code::SharedRole => "shared-role",
            Code::RecreatedPrincipal => "recreated-principal",
            Code::UnusedAccess => "unused-access",
            Code::UnexplainedAccess => "unexplained-access",
            Code::UnknownPolicy => "unknown-policy",
        }
    }

    /// Returns how much it matters.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Code::ActionStar
            | Code::PassRoleStar
            | Code::PrivilegeEscalation
            | Code::UnexplainedAccess => Severity::Error,
            Code::ResourceStar
            | Code::DeadGrant
            | Code::UnknownAction
            | Code::UnusedAccess
            | Code::UnusedPrincipal
            | Code::SharedRole => Severity::Warning,
            Code::RecreatedPrincipal | Code::UnknownPolicy => Severity::Note,
        }
    }

    /// Returns what it means and what to do, in a sentence or two.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Code::ActionStar => {
                "A statement allows every action, or every one but some. Whoever holds it can do \
                 whatever no guard denies. Take over the draft, which lists what was used."
            }
            Code::ResourceStar => {
                "A statement allows actions on every resource although they take ARNs. Name the \
                 resources; the draft does so for what was used."
            }
            Code::DeadGrant => {
                "An action for which the reference has no resource is allowed only on ARNs that each \
                 name one thing (of EC2: on any), which most likely allows nothing, or an action only \
                 on resources of other services, which allows nothing. Grant it on what it can be done to, or take it out."
            }
            Code::PassRoleStar => {
                "`iam:PassRole` on every role lets its holder act as any role that some service \
                 accepts. Name the roles, and the service in `iam:PassedToService`."
            }
            Code::UnknownAction => {
                "An action of this name does not exist in the catalog: a slip of the pen, or newer \
                 than the catalog. Look it up with `trailtrim catalog service`."
            }
            Code::PrivilegeEscalation => {
                "An action is allowed, and was not used, with which its holder can give itself or \
                 others more than it has. Take it out first. What a Deny statement of its own without \
                 conditions forbids, or its boundary does not allow, is not allowed, and none."
            }
            Code::UnusedPrincipal => {
                "A role or user did nothing on as many covered days as asked, in each region that is in use, and \
                 neither an assumption, a sign-in, a role's being passed to a service of late nor the account dump says that \
                 it is in use. It gets no draft: find out whether anyone needs it, and remove it."
            }
            Code::SharedRole => {
                "Several functions use one role, so each of them can do what any of them needs. Give \
                 each its own; `generate --split-by workload` drafts them."
            }
            Code::RecreatedPrincipal => {
                "Several principals had this ARN within the window: it was deleted and made anew. \
                 What the earlier one did counts as well."
            }
            Code::UnusedAccess => {
                "Something attached was not used on as many covered days as asked. The draft leaves \
                 it out. What one of several holders did not use of what others need stays in the draft: \
                 detach that policy from this one."
            }
            Code::UnexplainedAccess => {
                "A call succeeded, and nothing attached allows what the rules say it needs, or a Deny \
                 statement or the boundary forbids it. Either a policy is missing in the input, or the \
                 rules are wrong: its service stays as it is."
            }
            Code::UnknownPolicy => {
                "A policy is attached whose document is not in the input. It stays as it is; give \
                 its document to judge it."
            }
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What kind.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// The policy, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The statement's place in it, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    /// What is the matter, in words.
    pub message: String,
    /// Why it is accepted and until when, where a baseline says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

impl Finding {
    /// Makes a finding about a principal.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Finding {
        Finding {
            code,
            severity: code.severity(),
            policy: None,
            statement: None,
            message: message.into(),
            accepted: None,
        }
    }

    /// Returns what is the matter, and by whom it is accepted where it is.
    #[must_use]
    pub fn told(&self) -> String {
        match &self.accepted {
            Some(accepted) => format!("{}; {accepted}", self.message),
            None => self.message.clone(),
        }
    }

    /// Says which statement it is about.
    #[must_use]
    pub fn at(mut self, policy: &str, statement: usize) -> Finding {
        self.policy = Some(policy.to_owned());
        self.statement = Some(statement);
        self
    }
}
