//! Tags that come with a call: the tagging action that it needs, and on what.
//!
//! What is tagged is what the call makes, and that is what its name ends with: `CreateAccessPoint`
//! tags an access point, though the call is authorized on a file system. Names of types that are not
//! those in operations (`cluster-pg`) are told by rules (`[called]`).

use crate::CompileError;
use crate::data::{Action, Level};
use crate::fill::Source;
use crate::layout::flag;
use crate::names::normal;
use crate::plan::{Context, Grant, Plan};
use crate::rules::{CreatesRule, GrantRule};
use crate::world::{begins_with_word, qualified};

/// Resource types of an action, each with whether it is required.
type Types = [(String, bool)];

impl Context<'_, '_> {
    /// Adds the tagging action that the reference documents for a call that may bring tags.
    pub(crate) fn tagging(&self, plan: &mut Plan) -> Result<(), CompileError> {
        let Some(member) = self.tags_member() else { return Ok(()) };
        let mut added = Vec::new();
        for grant in &plan.grants {
            let Some((service, action)) = self.world.action(&grant.action) else { continue };
            for dependent in &action.dependents {
                let Some((owner, tagging)) = self.world.action(dependent) else { continue };
                let is_new =
                    !plan.grants.iter().chain(&added).any(|known| known.action == *dependent);
                if owner.prefix == service.prefix && tagging.level == Level::Tagging && is_new {
                    let only = match self.made(&action.types, &tagging.types) {
                        Some(name) => vec![name],
                        None => action.types.iter().map(|(name, _)| name.clone()).collect(),
                    };
                    added.push(self.tag(dependent.clone(), &member, only)?);
                }
            }
        }
        plan.grants.extend(added);
        Ok(())
    }

    /// Adds, by inference, the tagging action for what the call makes, if nobody knows of one.
    pub(crate) fn undocumented_tagging(&self, plan: &mut Plan) -> Result<(), CompileError> {
        let Some(member) = self.tags_member() else { return Ok(()) };
        // A secret that comes with the call has tags of its own, and so have parts that are tagged
        // by members of their own.
        let is_about = |path: &str| {
            let read = path.trim_start_matches("request.").trim_start_matches("**.");
            let read = read.trim_end_matches('?');
            read == member || read.starts_with(&format!("{member}."))
        };
        let tags = |grant: &Grant| {
            let is_own = self.world.action(&grant.action).is_some_and(|(service, own)| {
                own.level == Level::Tagging && service.prefix == self.subject.prefix
            });
            is_own
                && (grant.tests.is_empty() || grant.tests.iter().any(|(_, path, _)| is_about(path)))
        };
        if !plan.grants.iter().any(tags)
            && let Some((action, made)) = self.tagging_of_what_is_made()
        {
            let mut grant = self.tag(action, &member, made.into_iter().collect())?;
            grant.flags |= flag::INFERRED;
            plan.grants.push(grant);
        }
        Ok(())
    }

    /// Returns the member that the call's tags are in: `tags`, or `backupVaultTags` where the
    /// operation is called after a backup vault.
    fn tags_member(&self) -> Option<String> {
        let id = qualified(Some(self.subject.prefix), self.subject.name);
        if self.creates().is_some_and(|creates| creates.tagless.contains(&id)) {
            return None;
        }
        let members = self.subject.members();
        let stem = |member: &str| member.trim_end_matches('?').trim_end_matches("{}").to_owned();
        let mut usual =
            ["tags?", "tags{}", "taglist?", "tagset?", "tags", "resourcetags?", "resourcetags{}"]
                .into_iter();
        if let Some(member) = usual.find(|tag| members.iter().any(|member| member == tag)) {
            return Some(stem(member));
        }
        // `copyImageTags` of `CopyImage` is a switch.
        let noun = normal(noun(self.subject.name));
        members.iter().map(|member| stem(member)).find(|member| {
            member
                .strip_suffix("tags")
                .is_some_and(|thing| !thing.is_empty() && noun.contains(thing))
        })
    }

    fn creates(&self) -> Option<&CreatesRule> {
        self.world.rules().find_map(|rules| rules.creates.as_ref())
    }

    /// Returns the service's tagging action, where the reference does not list it for a call that
    /// makes something, and the type that the call makes, unless the action takes none; nothing if
    /// tags are on no such type.
    fn tagging_of_what_is_made(&self) -> Option<(String, Option<String>)> {
        let creates = self.creates()?;
        let makes = |verb: &String| begins_with_word(self.subject.name, verb);
        if !creates.verbs.iter().chain(&creates.tagging_verbs).any(makes) {
            return None;
        }
        let own = self.own_types();
        let find = |made: &dyn Fn(&Types) -> Option<Option<String>>| {
            creates.tagging.iter().find_map(|name| {
                let action = qualified(Some(self.subject.prefix), name);
                let (_, tagging) = self.world.action(&action)?;
                Some((action, made(&tagging.types)?))
            })
        };
        find(&|types| self.made(&own, types).map(Some))
            .or_else(|| find(&|types| self.made_in_other_words(&own, types).map(Some)))
            .or_else(|| find(&|types| types.is_empty().then_some(None)))
            .or_else(|| {
                let made = self.made_though_not_taggable()?;
                find(&|_| Some(Some(made.clone())))
            })
    }

    /// Returns the type that the call makes, of all that the service has, where the reference says
    /// that the call's tags are looked at (`aws:RequestTag`): its list of what can be tagged lags
    /// behind what can be made.
    fn made_though_not_taggable(&self) -> Option<String> {
        let own = qualified(Some(self.subject.prefix), self.subject.name);
        let (service, action) = self.world.action(&own)?;
        let is_looked_at = |key: &String| key.starts_with("aws:RequestTag/");
        action.condition_keys.iter().any(is_looked_at).then_some(())?;
        let types: Vec<_> = service.types.iter().map(|kind| (kind.name.clone(), true)).collect();
        let whole = normal(self.noun());
        self.longest(&types, &|word| self.ends(&whole, word))
    }

    /// Returns the types of the action with the operation's own name.
    fn own_types(&self) -> Vec<(String, bool)> {
        let own = format!("{}:{}", self.subject.prefix, self.subject.name);
        self.world.action(&own).map(|(_, action)| action.types.clone()).unwrap_or_default()
    }

    /// Returns the grant of a tagging action on what the call makes.
    fn tag(&self, id: String, member: &str, only: Vec<String>) -> Result<Grant, CompileError> {
        let rule = GrantRule {
            action: id,
            when: vec![format!("request.{member}")],
            only,
            reason: Some("The call brings tags.".to_owned()),
            ..GrantRule::default()
        };
        let mut grant = self.grant(&rule)?;
        if let Some((service, action)) = self.world.action(&rule.action)
            && !rule.only.is_empty()
            && !action.types.iter().any(|(name, _)| rule.only.contains(name))
        {
            // The list of what can be tagged lags behind what can be made.
            let types = rule.only.iter().map(|name| (name.clone(), true)).collect();
            let action = Action { types, ..action.clone() };
            grant.types = self.types(&self.file(), &rule, service, &action)?;
            grant.flags |= flag::INFERRED;
        }
        // The source of a copy is named beside it, and is not tagged.
        for (_, fills) in grant.types.iter_mut().flat_map(|kind| &mut kind.templates) {
            for sources in fills {
                sources.retain(|source| match source {
                    Source::Path { path, .. } => !path.starts_with("request.source"),
                    _ => true,
                });
            }
        }
        Ok(grant)
    }

    /// Returns the type that the call makes, of those that can be tagged, the surest first: what
    /// its name ends with; what its name has in it, unless that is only what a part is made of; the
    /// one type that the call is authorized on.
    fn made(&self, own: &Types, taggable: &Types) -> Option<String> {
        let whole = normal(self.noun());
        let parts = self.creates().map(|creates| creates.parts.as_slice()).unwrap_or_default();
        let has = |word: &str| {
            self.after(&whole, word).is_some_and(|rest| !parts.iter().any(|part| part == rest))
        };
        let alone = || {
            let is_taggable =
                |kind: &&(String, bool)| taggable.iter().any(|(name, _)| *name == kind.0);
            let mut own = own.iter().filter(is_taggable);
            own.next().filter(|_| own.next().is_none()).map(|(name, _)| name.clone())
        };
        self.longest(taggable, &|word| self.ends(&whole, word))
            .or_else(|| self.longest(taggable, &has))
            .or_else(alone)
    }

    /// Returns the type that the call makes where its name does not say so outright: a type of the
    /// call's own action that its name ends with (the list of what can be tagged lags behind what
    /// can be made); the one type that ends with the call's name (`CreateRelay` makes a
    /// `mailmanager-smtp-relay`); the only type that can be tagged.
    fn made_in_other_words(&self, own: &Types, taggable: &Types) -> Option<String> {
        let whole = normal(self.noun());
        let the_one = |types: &Types, fits: &dyn Fn(&str) -> bool| {
            let mut kinds = types.iter().filter(|(kind, _)| fits(kind));
            kinds.next().filter(|_| kinds.next().is_none()).map(|(kind, _)| kind.clone())
        };
        let ends_so = |kind: &str| whole.len() > 3 && normal(kind).ends_with(&whole);
        self.longest(own, &|word| self.ends(&whole, word))
            .or_else(|| the_one(taggable, &ends_so))
            .or_else(|| the_one(own, &ends_so))
            .or_else(|| the_one(taggable, &|_| true))
    }

    /// Returns what the call's name says it makes: without the verb and what it is made of.
    fn noun(&self) -> &str {
        let name = ["From", "To", "With", "Using"]
            .iter()
            .fold(self.subject.name, |name, word| before_word(name, word));
        noun(name)
    }

    /// Returns the type with the longest word that fits.
    fn longest(&self, types: &Types, fits: &dyn Fn(&str) -> bool) -> Option<String> {
        let words = types.iter().flat_map(|(kind, _)| {
            let mut words = self.world.called(self.subject.prefix, kind);
            // Some references call every type a resource: `SourceNetworkResource`.
            let short = normal(kind).strip_suffix("resource").map(str::to_owned);
            words.extend(short.filter(|word| !word.is_empty()));
            words.into_iter().map(move |word| (word, kind))
        });
        let fitting = words.filter(|(word, _)| fits(word));
        fitting.max_by_key(|(word, _)| word.len()).map(|(_, kind)| kind.clone())
    }

    /// Returns what follows a word that begins in the call's noun as a word of its own.
    fn after(&self, whole: &str, word: &str) -> Option<&str> {
        let noun = self.noun();
        let at = whole.rfind(word)?;
        let begins = noun.get(at..)?.starts_with(|c: char| c.is_ascii_uppercase());
        begins.then(|| noun.get(at + word.len()..)).flatten()
    }

    /// Returns whether the call's noun ends with a word, in the singular or the plural.
    fn ends(&self, whole: &str, word: &str) -> bool {
        let one = word.strip_suffix('s').unwrap_or(word);
        [word, one]
            .into_iter()
            .any(|word| self.after(whole, word).is_some_and(|rest| rest.is_empty() || rest == "s"))
    }

    /// Returns the rule for a grant beside the operation's own; one that tags is about what the
    /// operation makes, and not about all that it names.
    pub(crate) fn on_what_is_made(&self, rule: &GrantRule) -> GrantRule {
        let mut rule = rule.clone();
        let id = qualified(Some(self.subject.prefix), &rule.action);
        if rule.only.is_empty()
            && rule.resource.is_none()
            && let Some((_, action)) = self.world.action(&id)
            && action.level == Level::Tagging
        {
            rule.only.extend(self.made(&self.own_types(), &action.types));
        }
        rule
    }
}

/// Returns an operation's name without its verb.
fn noun(name: &str) -> &str {
    let second = name.char_indices().skip(1).find(|(_, c)| c.is_ascii_uppercase());
    second.and_then(|(at, _)| name.get(at..)).unwrap_or_default()
}

/// Returns what stands before a whole word in a CamelCase name.
fn before_word<'n>(name: &'n str, word: &str) -> &'n str {
    name.match_indices(word)
        .find(|(at, _)| *at > 0 && name.get(*at..).is_some_and(|rest| begins_with_word(rest, word)))
        .and_then(|(at, _)| name.get(..at))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::before_word;

    #[test]
    fn only_whole_words_are_cut_at() {
        assert_eq!(before_word("RestoreDBClusterFromS3", "From"), "RestoreDBCluster");
        assert_eq!(before_word("CreateTrustedTokenIssuer", "To"), "CreateTrustedTokenIssuer");
        assert_eq!(before_word("CreateTopic", "To"), "CreateTopic");
        assert_eq!(before_word("InviteAccountToOrganization", "To"), "InviteAccount");
    }
}
