//! Reading policy files for commands that take them as arguments, and naming
//! their statements in results.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::DateTime;
use serde::Serialize;
use trailtrim_iam::read::{
    AttachedPolicy, Attachments, Contents, Document, Elsewhere, PolicyKind, read,
};
use trailtrim_iam::{PolicyDocument, StatementId};

use crate::exit::hinted;
use crate::output::printable;

/// Documents that count together, each with where it is from.
#[derive(Default)]
pub(crate) struct PolicyFiles {
    pub(crate) documents: Vec<PolicyDocument>,
    origins: Vec<Origin>,
    /// What the same files attach and do not hold.
    pub(crate) elsewhere: BTreeSet<Missing>,
}

/// A policy that a file attaches and does not hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Missing {
    pub(crate) policy: Elsewhere,
    pub(crate) file: String,
}

/// Documents out of files, before it is known which of them count.
#[derive(Default)]
pub(crate) struct Candidates {
    documents: Vec<Document>,
    origins: Vec<Origin>,
    files: Vec<Source>,
    /// Whether they are what somebody has, of which files may attach more than they hold.
    attached: bool,
}

/// What a file tells beside its documents.
#[derive(Default)]
struct Source {
    name: String,
    /// Whom it speaks of.
    people: BTreeSet<String>,
    /// Whether it leaves somebody's boundary open.
    open_boundary: bool,
    /// What it attaches and does not hold.
    elsewhere: Vec<Elsewhere>,
}

/// Where a document is from.
#[derive(Clone, Default)]
struct Origin {
    /// The file, and the policy's place in it where there are several.
    name: String,
    /// Whom the file attaches it to, as far as it tells.
    holders: BTreeSet<String>,
    /// When it was made, as the file writes it.
    made: Option<String>,
    /// Whether the file says that it is not in force.
    superseded: bool,
    /// Which of the files it is.
    file: usize,
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

impl Candidates {
    /// Begins with nothing of what somebody has.
    pub(crate) fn attached() -> Self {
        Self { attached: true, ..Self::default() }
    }

    /// Reads files of which every document of the wanted kinds counts, or may.
    pub(crate) fn read(files: &[PathBuf], wanted: &[PolicyKind]) -> anyhow::Result<Self> {
        let mut all = Self::attached();
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
        if contents.is_dump {
            return Err(hinted(
                format!(
                    "`{}` is the dump of an account, with the policies of all its principals",
                    file.display()
                ),
                "give the documents that are meant as files of their own",
            ));
        }
        let single = contents.policies.len() == 1;
        let before = self.documents.len();
        for policy in contents.policies.iter().filter(|policy| wanted.contains(&policy.kind)) {
            let name = match single {
                true => file.display().to_string(),
                false => format!("{}#{}", file.display(), policy.path),
            };
            self.origins.push(Origin {
                name,
                holders: policy.holders.clone(),
                made: policy.made.clone(),
                superseded: policy.superseded,
                file: self.files.len(),
            });
            self.documents.push(policy.document.clone());
        }
        self.files.push(Source {
            name: file.display().to_string(),
            people: contents.people.clone(),
            open_boundary: contents.open_boundary,
            elsewhere: match wanted.contains(&PolicyKind::Identity) {
                true => contents.elsewhere.clone(),
                false => Vec::new(),
            },
        });
        let is_attached = |one: &Elsewhere| !one.boundary && wanted.contains(&PolicyKind::Identity);
        let lacks = self.attached && contents.elsewhere.iter().any(is_attached);
        if self.documents.len() == before && !lacks {
            return Err(hinted(
                format!("`{}` holds no policy of the kind that is wanted here", file.display()),
                "identity policies name no principal, policies of resources do",
            ));
        }
        Ok(())
    }

    /// Adds what a file tells of permissions boundaries.
    pub(crate) fn add_boundaries(&mut self, file: &Path, contents: &Contents) {
        let name = file.display().to_string();
        let told = contents.policies.iter().filter(|policy| policy.kind == PolicyKind::Boundary);
        for policy in told {
            let name = format!("{name}#{}", policy.path);
            let (holders, at) = (policy.holders.clone(), self.files.len());
            self.origins.push(Origin { name, holders, file: at, ..Origin::default() });
            self.documents.push(policy.document.clone());
        }
        let (people, open_boundary) = (contents.people.clone(), contents.open_boundary);
        self.files.push(Source { name, people, open_boundary, ..Source::default() });
    }

    /// Adds what an account dump attaches to one principal.
    pub(crate) fn add_attached(&mut self, file: &Path, attached: &[AttachedPolicy]) {
        for policy in attached {
            let name = format!("{}#{}", file.display(), policy.name);
            self.origins.push(Origin { name, file: self.files.len(), ..Origin::default() });
            self.documents.push(policy.document.clone());
        }
        self.files.push(Source::default());
    }

    /// Takes all.
    ///
    /// # Errors
    /// Where a document is not in its file.
    pub(crate) fn all(self) -> anyhow::Result<PolicyFiles> {
        self.kept(|_| true)
    }

    /// Takes all, which must be about one thing: the policies of several buckets are not one bucket's.
    ///
    /// # Errors
    /// Where they are of several.
    pub(crate) fn of_one(self) -> anyhow::Result<PolicyFiles> {
        let of: BTreeSet<&String> = self.origins.iter().flat_map(|one| &one.holders).collect();
        // One policy may stand in two resources, as a bucket's does.
        let alike =
            self.documents.windows(2).all(|pair| matches!(pair, [one, other] if one == other));
        if of.len() > 1 && !alike {
            return Err(hinted(
                format!("the files have policies of {}, and not of one thing", listed(of)),
                "give the policies of one, each as a file of its own",
            ));
        }
        self.all()
    }

    /// Takes what one principal has, of files that speak of several: what these have together is nobody's access.
    /// Without a principal they may speak of one, or attach all that they have to the same.
    ///
    /// # Errors
    /// Where a file leaves it open whose something is.
    pub(crate) fn of(self, principal: Option<&str>) -> anyhow::Result<PolicyFiles> {
        let own = &principal.and_then(as_holder);
        let own = own.as_ref();
        for (at, Source { people, open_boundary, .. }) in self.files.iter().enumerate() {
            let inside: Vec<&Origin> = self.origins.iter().filter(|one| one.file == at).collect();
            let is_somebody_else = |one: &String| own.is_some_and(|own| is_somebody_else(own, one));
            let mut sets =
                inside.iter().map(|one| &one.holders).collect::<BTreeSet<_>>().into_iter();
            // All that one has, or all that the same have together.
            let together = match (sets.next(), sets.next()) {
                (Some(only), None) => !only.is_empty() && own.is_none_or(|own| only.contains(own)),
                _ => false,
            };
            let boundary = *open_boundary && inside.iter().any(|one| one.holders.is_empty());
            let open = inside.iter().find(|one| {
                let told = own.is_some_and(|own| one.holders.contains(own))
                    || (!one.holders.is_empty() && one.holders.iter().all(is_somebody_else));
                !told
            });
            let anothers = !people.is_empty() && people.iter().all(is_somebody_else);
            let settled = open.is_none() || (!boundary && (people.len() < 2 || together));
            if settled && !anothers {
                continue;
            }
            let name = open.or(inside.first()).map(|one| one.name.as_str()).unwrap_or_default();
            let why = match principal {
                _ if boundary => {
                    "which of its policies is the boundary is only known later".to_owned()
                }
                Some(one) if anothers => format!("`{}` is not among them", printable(one)),
                Some(one) => format!("whether `{}` has this one it does not tell", printable(one)),
                None => "which together are not one principal's access".to_owned(),
            };
            return Err(hinted(
                format!("`{name}` is of a file about {}: {why}", listed(people)),
                "give the policies of one principal, each as a file of its own",
            ));
        }
        // Of several files, each about one.
        let told: BTreeSet<&BTreeSet<String>> =
            self.origins.iter().map(|one| &one.holders).filter(|one| !one.is_empty()).collect();
        if own.is_none() && told.len() > 1 {
            return Err(hinted(
                format!(
                    "the files are about {}, which together are not one principal's access",
                    listed(told.into_iter().flatten().collect::<BTreeSet<_>>())
                ),
                "give the policies of one principal",
            ));
        }
        let any = !self.documents.is_empty();
        let alone: Vec<bool> = self.files.iter().map(|one| one.people.len() < 2).collect();
        let whole = |file: usize| alone.get(file).is_none_or(|alone| *alone);
        // Whose it is may not be told: it may be this one's then.
        let may_be_own = |file: usize, holders: &BTreeSet<String>| {
            own.is_none_or(|own| {
                let others = holders.iter().all(|one| is_somebody_else(own, one));
                whole(file) || holders.contains(own) || !others
            })
        };
        let each = self.files.iter().enumerate();
        let each =
            each.flat_map(|(at, file)| file.elsewhere.iter().map(move |one| (at, file, one)));
        let elsewhere = each.filter(|(at, _, one)| may_be_own(*at, &one.holders));
        let elsewhere: BTreeSet<Missing> = elsewhere
            .map(|(_, file, one)| Missing { policy: one.clone(), file: file.name.clone() })
            .collect();
        let kept = self.kept(|origin| {
            own.is_none_or(|own| whole(origin.file) || origin.holders.contains(own))
        })?;
        let kept = PolicyFiles { elsewhere, ..kept };
        let nothing = any && kept.is_empty() && kept.elsewhere.is_empty();
        match principal.filter(|_| nothing) {
            Some(principal) => Err(hinted(
                format!("the files have no policy of `{}`", printable(principal)),
                "give the documents that it has, each as a file of its own",
            )),
            None => Ok(kept),
        }
    }

    /// Takes the boundary that files tell of one principal; nothing where they tell none.
    ///
    /// # Errors
    /// Where they leave it open which it is, or whose.
    pub(crate) fn boundary_of(self, principal: Option<&str>) -> anyhow::Result<PolicyFiles> {
        let own = principal.and_then(as_holder);
        let is_own = |origin: &Origin| {
            let people = self.files.get(origin.file).map_or(0, |file| file.people.len());
            people < 2 || own.as_ref().is_none_or(|own| origin.holders.contains(own))
        };
        let may_be_own = |one: &String| own.as_ref().is_none_or(|own| !is_somebody_else(own, one));
        let open = self.files.iter().find(|file| file.open_boundary);
        let untold = self
            .origins
            .iter()
            .find(|origin| !is_own(origin) && origin.holders.iter().any(may_be_own));
        let name = open.map(|file| &file.name).or(untold.map(|origin| &origin.name));
        if let Some(name) = name {
            return Err(hinted(
                format!("`{name}` tells of a permissions boundary, and not which it is, or whose"),
                "give it with --boundary",
            ));
        }
        let own: Vec<bool> = self.origins.iter().map(is_own).collect();
        let mut own = own.into_iter();
        self.kept(|_| own.next().unwrap_or(false))
    }

    fn kept(self, mut keep: impl FnMut(&Origin) -> bool) -> anyhow::Result<PolicyFiles> {
        let mut kept = PolicyFiles::default();
        for (document, origin) in self.documents.into_iter().zip(self.origins) {
            if keep(&origin) {
                kept.push(origin, document)?;
            }
        }
        Ok(kept)
    }
}

/// Tells whether what a file calls somebody is surely not the one who is meant.
fn is_somebody_else(own: &str, one: &str) -> bool {
    match one.split_once('/') {
        Some(("role" | "user", _)) => one != own,
        // A role is in no group; a user may be in any.
        Some(("group", _)) => own.starts_with("role/"),
        // The roles of permission sets are called so by Identity Center.
        Some((set, _)) if set.starts_with(PERMISSION_SET) => !own.contains(SET_ROLE),
        None if one.starts_with(PERMISSION_SET) => !own.contains(SET_ROLE),
        _ => false,
    }
}

const PERMISSION_SET: &str = "permission set ";

/// How the names of permission sets' roles begin.
const SET_ROLE: &str = "/AWSReservedSSO_";

/// How many names a message lists.
const LISTED: usize = 5;

/// Lists what files speak of.
fn listed<'n>(all: impl IntoIterator<Item = &'n String>) -> String {
    let all: Vec<String> = all.into_iter().map(|one| printable(one)).collect();
    match all.get(..LISTED) {
        Some(first) if all.len() > LISTED => {
            format!("{} and {} more", first.join(", "), all.len() - LISTED)
        }
        _ => all.join(", "),
    }
}

impl PolicyFiles {
    fn push(&mut self, origin: Origin, document: Document) -> anyhow::Result<()> {
        match document {
            Document::Known(document) => {
                self.documents.push(document);
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

    /// Refuses to answer without what the files attach and do not hold.
    ///
    /// # Errors
    /// Where there is such a policy.
    pub(crate) fn whole(&self) -> anyhow::Result<()> {
        match self.elsewhere.iter().find(|one| !one.policy.boundary) {
            Some(missing) => Err(missing.refused()),
            None => Ok(()),
        }
    }

    /// Returns a permissions boundary that the files attach and do not hold.
    pub(crate) fn boundary_elsewhere(&self) -> Option<&Missing> {
        self.elsewhere.iter().find(|one| one.policy.boundary)
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

impl Missing {
    pub(crate) fn refused(&self) -> anyhow::Error {
        let policy = printable(&self.policy.policy);
        let what = if self.policy.boundary { "a permissions boundary" } else { "attached" };
        let is = if self.policy.certain { "is" } else { "may be" };
        hinted(
            format!("`{policy}` {is} {what}, but its document is not in `{}`", self.file),
            "give the documents of all that is attached, each as a file of its own",
        )
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
