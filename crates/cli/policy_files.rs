//! Reading policy files for commands that take them as arguments, and naming
//! their statements in results.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::DateTime;
use serde::Serialize;
use trailtrim_iam::read::{AttachedPolicy, Attachments, Contents, Document, PolicyKind, read};
use trailtrim_iam::{PolicyDocument, StatementId};

use crate::exit::hinted;
use crate::output::printable;

/// Documents that count together, each with where it is from.
#[derive(Default)]
pub(crate) struct PolicyFiles {
    pub(crate) documents: Vec<PolicyDocument>,
    origins: Vec<Origin>,
}

/// Where a document is from.
#[derive(Default)]
struct Origin {
    /// The file, and the policy's place in it where there are several.
    name: String,
    /// Whom the file attaches it to, as far as it tells.
    holders: BTreeSet<String>,
    /// When it was made, as the file writes it.
    made: Option<String>,
    /// Whether the file says that it is not in force.
    superseded: bool,
}

/// A policy of one principal.
pub(crate) struct Given {
    pub(crate) name: String,
    pub(crate) document: PolicyDocument,
    /// When it was made, in seconds since 1970, where the file says so.
    pub(crate) made: Option<i64>,
}

/// A statement in a result.
#[derive(Debug, Serialize)]
pub(crate) struct StatementName {
    /// The file, and the policy's place in it where there are several.
    policy: String,
    /// The statement's place in the document, from 0.
    statement: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl PolicyFiles {
    /// Reads files of which every document of the wanted kinds counts.
    pub(crate) fn read(files: &[PathBuf], wanted: &[PolicyKind]) -> anyhow::Result<Self> {
        let mut all = Self::default();
        for file in files {
            let contents = read_file(file)?;
            all.add(file, &contents, wanted)?;
        }
        Ok(all)
    }

    /// Adds the documents of one file.
    pub(crate) fn add(
        &mut self,
        file: &Path,
        contents: &Contents,
        wanted: &[PolicyKind],
    ) -> anyhow::Result<()> {
        let single = contents.policies.len() == 1;
        let mut found = false;
        for policy in contents.policies.iter().filter(|policy| wanted.contains(&policy.kind)) {
            let name = match single {
                true => file.display().to_string(),
                false => format!("{}#{}", file.display(), policy.path),
            };
            let origin = Origin {
                name,
                holders: policy.holders.clone(),
                made: policy.made.clone(),
                superseded: policy.superseded,
            };
            self.push(origin, &policy.document)?;
            found = true;
        }
        if !found {
            return Err(hinted(
                format!("`{}` holds no policy of the kind that is wanted here", file.display()),
                "identity policies name no principal, policies of resources do",
            ));
        }
        Ok(())
    }

    /// Adds what an account dump attaches to one principal.
    pub(crate) fn add_attached(
        &mut self,
        file: &Path,
        attached: &[AttachedPolicy],
    ) -> anyhow::Result<()> {
        for policy in attached {
            let name = format!("{}#{}", file.display(), policy.name);
            self.push(Origin { name, ..Origin::default() }, &policy.document)?;
        }
        Ok(())
    }

    /// Leaves those of one principal, where files attach policies to several: what these have together is nobody's
    /// access.
    ///
    /// # Errors
    /// Where that leaves it open whose they are.
    pub(crate) fn of(self, principal: Option<&str>) -> anyhow::Result<Self> {
        let own = principal.and_then(as_holder);
        // A role is in no group.
        let concerns = |holder: &String| {
            !(holder.starts_with("group/")
                && own.as_ref().is_some_and(|own| own.starts_with("role/")))
        };
        let sets: BTreeSet<BTreeSet<&String>> = self
            .origins
            .iter()
            .map(|origin| origin.holders.iter().filter(|one| concerns(one)).collect())
            .filter(|holders: &BTreeSet<&String>| !holders.is_empty())
            .collect();
        let told: BTreeSet<String> = sets.iter().flatten().map(|one| (*one).clone()).collect();
        let is_person = |one: &String| one.starts_with("role/") || one.starts_with("user/");
        let is_own = |one: &String| own.as_ref() == Some(one);
        // What all of them are attached to, they are together: to the one who is asked about, if that can be told.
        let together = sets.len() < 2;
        let anothers = own.is_some()
            && !told.is_empty()
            && told.iter().all(|one| is_person(one) && !is_own(one));
        let own = match own.clone() {
            _ if together && !anothers => {
                return Ok(self.keep(|holders| holders.is_empty() || holders.iter().any(concerns)));
            }
            // A group's policies may be a user's as well, and what has no name yet may be anybody's.
            Some(own) if told.contains(&own) && told.iter().all(is_person) => own,
            _ => {
                let told: Vec<String> = told.iter().map(|one| printable(one)).collect();
                let whose = match principal {
                    Some(principal) => {
                        format!("and which `{}` has, they do not tell", printable(principal))
                    }
                    None => "which are not one principal's access".to_owned(),
                };
                return Err(hinted(
                    format!("the files attach policies to {}, {whose}", told.join(", ")),
                    "give the policies of one principal, each as a file of its own",
                ));
            }
        };
        Ok(self.keep(|holders| holders.is_empty() || holders.contains(&own)))
    }

    fn keep(self, keep: impl Fn(&BTreeSet<String>) -> bool) -> Self {
        let all = self.documents.into_iter().zip(self.origins);
        let (documents, origins) = all.filter(|(_, origin)| keep(&origin.holders)).unzip();
        PolicyFiles { documents, origins }
    }

    fn push(&mut self, origin: Origin, document: &Document) -> anyhow::Result<()> {
        match document {
            Document::Known(document) => {
                self.documents.push(document.clone());
                self.origins.push(origin);
                Ok(())
            }
            Document::Unknown { reason } => Err(hinted(
                format!("`{}` cannot be read: {reason}", origin.name),
                "add the document as a file of its own",
            )),
        }
    }

    pub(crate) fn documents(&self) -> Vec<&PolicyDocument> {
        self.documents.iter().collect()
    }

    /// Returns each document, which is attached as it is.
    ///
    /// # Errors
    /// Where a file says that one is not in force.
    pub(crate) fn into_given(self) -> anyhow::Result<Vec<Given>> {
        let given = self.origins.into_iter().zip(self.documents);
        let given = given.map(|(Origin { name, made, superseded, .. }, document)| {
            if superseded {
                return Err(hinted(
                    format!(
                        "`{name}` is a version that is not the default one, so it is not in force"
                    ),
                    "give the version that `aws iam get-policy` names in `DefaultVersionId`",
                ));
            }
            let made = made.map(|text| moment(&name, &text)).transpose()?;
            Ok(Given { name, document, made })
        });
        given.collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Names a statement of these documents.
    pub(crate) fn name(&self, id: &StatementId) -> StatementName {
        StatementName {
            policy: self.origins.get(id.policy).map(|one| one.name.clone()).unwrap_or_default(),
            statement: id.statement,
            sid: id.sid.clone(),
        }
    }
}

impl StatementName {
    /// Returns it as text for people.
    pub(crate) fn text(&self) -> String {
        let Self { policy, statement, sid } = self;
        match sid {
            Some(sid) => format!("{policy} statement {statement} ({sid})"),
            None => format!("{policy} statement {statement}"),
        }
    }
}

/// Reads one file.
pub(crate) fn read_file(file: &Path) -> anyhow::Result<Contents> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    Ok(read(&file.display().to_string(), &text)?)
}

/// Reads when a version was made.
fn moment(name: &str, text: &str) -> anyhow::Result<i64> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(time.timestamp()),
        Err(_) => Err(hinted(
            format!("`{name}` was made at `{}`, which is no time", printable(text)),
            "times are as `2026-03-02T10:00:00Z`: `--cli-timestamp-format iso8601`",
        )),
    }
}

/// Writes a principal as files name whom they attach a policy to: `role/app`, without its path; a session by
/// its role.
fn as_holder(arn: &str) -> Option<String> {
    let (kind, named) = arn.rsplit(':').next()?.split_once('/')?;
    match kind {
        "role" | "user" => Some(format!("{kind}/{}", named.rsplit('/').next()?)),
        "assumed-role" => Some(format!("role/{}", named.split('/').next()?)),
        _ => None,
    }
}

/// Finds a principal in an account dump; a session by its role.
pub(crate) fn find_principal<'a>(contents: &'a Contents, arn: &str) -> Option<&'a Attachments> {
    let session_of = |arn: &str| {
        let (account, rest) = arn.split_once(":assumed-role/")?;
        Some((account.rsplit(':').next()?.to_owned(), rest.split('/').next()?.to_owned()))
    };
    let role = session_of(arn);
    contents.principals.iter().find(|principal| {
        principal.arn == arn
            || role.as_ref().is_some_and(|(account, name)| {
                principal.arn.contains(&format!("::{account}:role/")) && principal.name == *name
            })
    })
}
