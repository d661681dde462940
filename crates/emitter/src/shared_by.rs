//! Roles that many people act in, each of whom is to reach what is its own.
//!
//! A policy of a role allows each of them what any of them did, on what is the others' as well. That is
//! told, with the variable that limits each to its own. Who such people are is known by records of their
//! sessions, or by whom the role's trust policy lets in.

use std::collections::BTreeSet;

use trailtrim_aggregator::{Federated, Named, Principal, Provider, identities, provider};
use trailtrim_iam::{Effect, PolicyDocument, PrincipalKind, Principals, Selector};

/// What is known of a role that the people of a provider share.
#[derive(Clone, Debug)]
pub struct SharedBy {
    provider: &'static Provider,
    /// Whose ids stood in what was called.
    named: Named,
    /// How many ids stand in what is allowed.
    ids: usize,
    /// Whether something is allowed to each on its own things.
    bound: bool,
}

impl PartialEq for SharedBy {
    fn eq(&self, other: &SharedBy) -> bool {
        let of = |one: &SharedBy| (one.named, one.ids, one.bound);
        self.provider.name == other.provider.name && of(self) == of(other)
    }
}

impl Eq for SharedBy {}

impl SharedBy {
    /// Looks through what a principal was granted.
    pub(crate) fn of(principal: &Principal) -> Vec<SharedBy> {
        let granted = principal.rows.keys().filter(|key| key.outcome.grants());
        let on: Vec<&str> = granted.map(|key| key.resource.as_str()).collect();
        shared(&principal.federated, &on)
    }

    /// Looks through drafts for a role that trusts some providers.
    pub(crate) fn of_drafts(
        principal: &Principal,
        trusted: &BTreeSet<String>,
        drafts: &[&PolicyDocument],
    ) -> Vec<SharedBy> {
        let mut all = principal.federated.clone();
        for name in trusted {
            all.entry(name.clone()).or_default();
        }
        let statements = drafts.iter().flat_map(|draft| &draft.statements);
        let allowing = statements.filter(|one| one.effect == Effect::Allow);
        let on = allowing.filter_map(|one| one.resource.as_ref()).flat_map(|on| on.listed());
        shared(&all, &on.map(String::as_str).collect::<Vec<_>>())
    }

    /// Returns it in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let SharedBy { provider: Provider { who, key, ids: known, .. }, named, ids, bound } = self;
        let variable = format!("`${{{key}}}`");
        if *bound && *ids == 0 {
            return format!(
                "warning: {who} share this role: what is allowed beside {variable} each of them may do to \
                 what is the others' as well"
            );
        }
        let stand = match ids {
            0 => String::new(),
            1 => "; the id of one stands in resources".to_owned(),
            some => format!("; the ids of {some} stand in resources"),
        };
        let whose = match named {
            Named { others: true, .. } => {
                ", which not in every call is known to be the caller's own"
            }
            Named { own: true, .. } if *known => ", which in every call was the caller's own",
            _ => "",
        };
        format!(
            "warning: {who} share this role, and each of them is allowed what any of them did, on what is \
             the others' as well{stand}. Put {variable} in the place of an identity's id{whose}, and limit \
             what has no such name by conditions (`dynamodb:LeadingKeys`, `s3:prefix`)"
        )
    }
}

fn shared(providers: &Federated, on: &[&str]) -> Vec<SharedBy> {
    let known = providers.iter().filter_map(|(name, named)| Some((provider(name)?, *named)));
    known
        .map(|(provider, named)| {
            let ids = on.iter().filter(|_| provider.ids).flat_map(|on| identities(on));
            let variable = format!("${{{}", provider.key);
            SharedBy {
                provider,
                named,
                ids: ids.collect::<BTreeSet<&str>>().len(),
                bound: on.iter().any(|on| on.contains(&variable)),
            }
        })
        .collect()
}

/// Returns the providers of web identities that a trust policy lets in.
pub(crate) fn trusted(document: &PolicyDocument) -> BTreeSet<String> {
    let letting = document.statements.iter().filter(|one| one.effect == Effect::Allow);
    let named = letting.filter_map(|one| match &one.principal {
        Some(Selector::Only(Principals::Named(by_kind))) => by_kind.get(&PrincipalKind::Federated),
        _ => None,
    });
    named.flatten().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_aggregator::{Outcome, Row, RowKey};
    use trailtrim_iam::Statement;
    use trailtrim_iam::read::read_policy;

    const COGNITO: &str = "cognito-identity.amazonaws.com";
    const VARIABLE: &str = "${cognito-identity.amazonaws.com:sub}";
    const OWN: &str = "private/eu-west-1:3fad229d-b8f4-4d58-a757-fe7832a6d92e/a.jpg";
    const OTHER: &str = "private/eu-west-1:0bacbe42-b8f4-4d58-a757-fe7832a6d92e/a.jpg";

    fn role(provider: &str, named: Named, names: &[&str]) -> Principal {
        let mut principal = Principal::new("arn:aws:iam::111122223333:role/app").unwrap();
        principal.federated.insert(provider.to_owned(), named);
        for name in names {
            let key = RowKey {
                action: "s3:GetObject".to_owned(),
                resource: format!("arn:aws:s3:::files/{name}"),
                conditions: Vec::new(),
                outcome: Outcome::Granted,
            };
            principal.rows.insert(key, Row::default());
        }
        principal
    }

    fn told(shared: &[SharedBy]) -> String {
        let [one] = shared else { panic!("{shared:?}") };
        one.told()
    }

    #[test]
    fn a_role_of_many_identities_is_told_with_what_limits_each_to_its_own() {
        let own = Named { own: true, others: false };
        let both = told(&SharedBy::of(&role(COGNITO, own, &[OWN, OTHER])));
        let begins = "warning: the identities of a Cognito identity pool share this role";
        assert!(both.starts_with(begins), "{both}");
        assert!(both.contains("the ids of 2 stand in resources"), "{both}");
        assert!(both.contains(&format!("Put `{VARIABLE}` in the place of an identity's id, which in every call was the caller's own,")), "{both}");
        let others = Named { own: true, others: true };
        let others = told(&SharedBy::of(&role(COGNITO, others, &[OWN])));
        assert!(others.contains("id, which not in every call is known to be"), "{others}");
        let none = told(&SharedBy::of(&role(COGNITO, Named::default(), &["public/a.jpg"])));
        assert!(none.contains("as well. Put") && none.contains("id, and limit"), "{none}");
        let cluster =
            "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A";
        assert_eq!(SharedBy::of(&role(cluster, own, &[OWN])), []);
    }

    #[test]
    fn a_draft_that_keeps_the_variable_has_no_ids() {
        let principal = role(COGNITO, Named::default(), &[OWN]);
        let draft = |on: &str| {
            PolicyDocument::new(vec![Statement::allow(
                ["s3:GetObject"],
                [format!("arn:aws:s3:::files/{on}")],
            )])
        };
        let of = |principal: &Principal, trusted: &[&str], on: &str| {
            let trusted = trusted.iter().map(|one| (*one).to_owned()).collect();
            SharedBy::of_drafts(principal, &trusted, &[&draft(on)])
        };
        let bound = told(&of(&principal, &[], &format!("private/{VARIABLE}/*")));
        assert!(bound.contains(&format!("what is allowed beside `{VARIABLE}`")), "{bound}");
        let listed = told(&of(&principal, &[], OWN));
        assert!(listed.contains("the id of one stands in resources"), "{listed}");
        // A trust policy tells it where no record does.
        let unseen = Principal { federated: Federated::new(), ..principal };
        assert_eq!(of(&unseen, &[], OWN), []);
        assert_eq!(of(&unseen, &[COGNITO], OWN).len(), 1);
    }

    #[test]
    fn whom_a_trust_policy_lets_in_is_read() {
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"},
            {"Effect":"Deny","Principal":{"Federated":"www.amazon.com"},"Action":"*"},
            {"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let trust = read_policy("trust", text).unwrap();
        assert_eq!(trusted(&trust), BTreeSet::from([COGNITO.to_owned()]));
    }
}
