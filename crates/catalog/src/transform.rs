//! Changes made to a value out of a record before it fills a variable of an ARN.

mod partiql;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::table::Table;
use crate::table::layout::{TRANSFORMS, form, root};
use crate::{FactKind, Request};

/// What is encoded in a part of a URL's path.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A value for a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value {
    /// The name, literally.
    pub(crate) text: String,
    /// A pattern that follows the name: `-??????`.
    pub(crate) tail: &'static str,
    /// The account that the value itself names.
    pub(crate) account: Option<String>,
    /// The region that the value itself names.
    pub(crate) region: Option<String>,
    /// Whether the resource may be in any region.
    pub(crate) any_region: bool,
    /// The partition that the value itself names.
    pub(crate) partition: Option<String>,
    /// What was taken for granted to make the value.
    pub(crate) assumed: Option<&'static str>,
    /// Whether ARNs have separators in the name as they are.
    pub(crate) as_is: bool,
    /// Which of the values at which path it was made of.
    pub(crate) place: Option<Place>,
}

/// A path, and the number of a value there.
pub(crate) type Place = (&'static str, usize);

/// What is taken where nothing tells the path of an IAM name.
pub(crate) const NO_PATH: &str =
    "the call has the name alone and nothing tells its path: `/` is taken";

impl Value {
    pub(crate) fn plain(text: impl Into<String>) -> Value {
        Value { text: text.into(), ..Value::default() }
    }
}

/// Applies a transform by its number; nothing if the value does not have the form it is for.
pub(crate) fn apply(
    table: Table,
    transform: u32,
    text: &str,
    kind: &str,
    request: &dyn Request,
) -> Option<Value> {
    let name = usize::try_from(transform).ok().and_then(|at| TRANSFORMS.get(at)).copied()?;
    let plain = |text: &str| Some(Value::plain(text));
    match name {
        "" | "table" | "layer" => plain(text),
        "nolead" => plain(text.trim_matches('/')),
        "below" => Some(Value { tail: "/*", ..Value::plain(text.trim_matches('/')) }),
        "document" => Some(document(table, text)),
        "model" => Some(model(table, text)),
        "profile" => behind_geography(table, text).and_then(|_| plain(text)),
        "secret" => Some(secret(text)),
        "function" => {
            let named = function(text);
            Some(named.value(named.name))
        }
        "qualified" => {
            let named = function(text);
            Some(named.value(named.qualified))
        }
        "between_slashes" => plain(text.split_once('/')?.1.rsplit_once('/')?.0),
        "qualifier" => plain(function(text).qualifier?),
        "queue" => queue(text),
        "before_colon" => plain(text.split(':').next()?),
        "last_segment" => plain(text.rsplit('/').next()?),
        "arn_last" => plain(text.rsplit([':', '/']).next()?),
        "after_hyphen" => plain(text.rsplit('-').next()?),
        "bucket_host" => plain(bucket_host(text)?),
        "as_is" => Some(Value { as_is: true, ..Value::plain(text) }),
        "arn_account" => Some(Value::plain(arn_field(text, ACCOUNT)?)),
        "arn_region" => Some(Value::plain(arn_field(text, REGION)?)),
        "owner" => owned(text).0.map(Value::plain),
        "within" => owned(text).1.map(Value::plain),
        "above" => plain(owned(text).1?.rsplit_once('/')?.0),
        "above_one" => plain(text.rsplit_once('/')?.0),
        "above_two" => plain(text.rsplit_once('/')?.0.rsplit_once('/')?.0),
        "host" => {
            let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
            plain(bare.trim_end_matches('/'))
        }
        "domain" => plain(mailbox(text).rsplit('@').next()?),
        "mailbox" => plain(mailbox(text)),
        "copy_bucket" => Some(Value::plain(copy_source(text)?.0)),
        "copy_key" => Some(Value::plain(copy_source(text)?.1?)),
        "copy_arn" => {
            let text = text.split("?versionId=").next()?;
            let text = percent_decode_str(text).decode_utf8().ok()?;
            text.starts_with("arn:").then(|| Value::plain(text))
        }
        "copy_version" => text.split_once("?versionId=").and_then(|(_, version)| plain(version)),
        "lower" => plain(&text.to_ascii_lowercase()),
        "hyphenated" => plain(&text.to_ascii_lowercase().replace([' ', '_'], "-")),
        "iam_path" => Some(iam_path(text, kind, request)),
        "family" => plain(text.split(':').next()?),
        "revision" => match text.split_once(':') {
            Some((_, revision)) => plain(revision),
            None => Some(Value { tail: "*", ..Value::default() }),
        },
        // Only a key's id names a key; an alias may point elsewhere tomorrow.
        "key_id" => (!text.starts_with("alias/")).then(|| Value::plain(text)),
        "alias" => plain(text.strip_prefix("alias/").unwrap_or(text)),
        "streams_of" => Some(Value { tail: ":*", ..Value::plain(text) }),
        "account" => is_account(text).then(|| Value::plain(text)),
        "iam_kind" => plain(iam_arn(text)?.1),
        "iam_owner" => plain(iam_arn(text)?.0),
        // Whether a path belongs to it is not known, so it is left open.
        "iam_last" => match iam_arn(text)?.2 {
            name if name.contains('/') => Some(Value { tail: "*", ..Value::default() }),
            name => plain(name),
        },
        "encoded" => Some(Value::plain(utf8_percent_encode(text, ENCODED).to_string())),
        "launch_template" => Some(match request.fact(FactKind::LaunchTemplate, text) {
            Some(id) => Value::plain(id),
            None => Value { tail: "*", ..Value::default() },
        }),
        "image_repository" => image_repository(text),
        "before_pipe" => plain(text.split('|').next()?),
        // An ARN is taken before any transform, so what comes here is none.
        "only_arn" => None,
        "ecs_task" => ecs_task(text).map(Value::plain),
        "select_table" => plain(&partiql::read(text, "select")?.table),
        "select_index" => plain(&partiql::read(text, "select")?.index?),
        "insert_table" => plain(&partiql::read(text, "insert")?.table),
        "update_table" => plain(&partiql::read(text, "update")?.table),
        "delete_table" => plain(&partiql::read(text, "delete")?.table),
        "prefix_star" => Some(Value { tail: "*", ..Value::plain(text) }),
        "drop_last_colon" => plain(text.rsplit_once(':')?.0),
        // Type and name are the sixth and the seventh part of an ARN.
        "unqualified" => match text.match_indices(':').nth(6) {
            Some((at, _)) if text.starts_with("arn:") => plain(text.get(..at)?),
            _ => plain(text),
        },
        "workgroup_of" => request.fact(FactKind::AthenaWorkGroup, text).map(Value::plain),
        "results_of" => request.fact(FactKind::AthenaResults, text).map(Value::plain),
        "association" => request.fact(FactKind::Ec2Association, text).map(Value::plain),
        _ => None,
    }
}

/// Returns an address without its display name: `Shop <orders@example.com>`.
fn mailbox(text: &str) -> &str {
    text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>'))
}

/// A secret's ARN ends in a hyphen and six random characters, which a name does not have.
pub(crate) fn secret(text: &str) -> Value {
    let has_suffix = text.rsplit_once('-').is_some_and(|(name, suffix)| {
        !name.is_empty() && suffix.len() == 6 && suffix.chars().all(|c| c.is_ascii_alphanumeric())
    });
    // A name may happen to end so; only the ARN, which is handled before, can tell.
    let tail = if has_suffix { "*" } else { "-??????" };
    Value { tail, ..Value::plain(text) }
}

/// Returns whether a value has a form that the rules describe. One that they do not describe fits
/// nothing, which widens no ARN.
fn has_form(table: Table, name: &str, text: &str) -> bool {
    let Some(rule) = table.root().node(root::FORMS).find(name) else { return false };
    let lower = text.to_ascii_lowercase();
    let begins = rule.node(form::BEGINS);
    let least = usize::try_from(rule.number(form::LABELS)).unwrap_or(usize::MAX);
    let longest = usize::try_from(rule.number(form::LONGEST)).unwrap_or_default();
    let is_word = |label: &str, hyphens: bool| {
        let fits =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || (hyphens && byte == b'-');
        !label.is_empty() && label.bytes().all(fits)
    };
    let fits_labels = least == 0 || {
        let labels: Vec<&str> = text.split('.').collect();
        // The last is a name with a version, which may have dots and hyphens of its own: `glm-4.6`.
        let leading = labels.get(..least.saturating_sub(1)).unwrap_or_default();
        labels.len() >= least
            && leading.iter().skip(1).all(|label| is_word(label, false))
            && leading.first().is_some_and(|first| is_word(first, true) && first.len() <= longest)
    };
    let fits_begin = begins.len() == 0 || begins.strings().any(|begin| lower.starts_with(begin));
    fits_labels && fits_begin
}

/// AWS's own documents have no account in their ARNs.
fn document(table: Table, text: &str) -> Value {
    let of_aws = has_form(table, "aws-document", text);
    Value { account: of_aws.then(String::new), ..Value::plain(text) }
}

/// The foundation model of `anthropic.claude-v2` or, behind an inference profile, of
/// `eu.anthropic.claude-v2`, which may answer from any region of its geography.
fn model(table: Table, text: &str) -> Value {
    match behind_geography(table, text) {
        Some(model) => Value { any_region: true, ..Value::plain(model) },
        None => Value::plain(text),
    }
}

/// Returns the model id behind the geography of an inference profile's id.
fn behind_geography(table: Table, text: &str) -> Option<&str> {
    let is_profile = has_form(table, "inference-profile", text);
    text.split_once('.').map(|(_, model)| model).filter(|_| is_profile)
}

/// A function as calls name it: by its name, by an ARN or by the end of one. Any may have a qualifier.
struct Function<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    name: &'a str,
    qualifier: Option<&'a str>,
    /// The name with the qualifier.
    qualified: &'a str,
}

/// Reads `name`, `function:name`, `account:name`, `account:function:name`, the same with a region before
/// the account, and a whole ARN. What stands behind the name is its qualifier: `name:live`.
fn function(text: &str) -> Function<'_> {
    let mut rest = text;
    if text.starts_with("arn:") {
        rest =
            text.match_indices(':').nth(2).and_then(|(at, _)| text.get(at + 1..)).unwrap_or(text);
    }
    let account_of = |text: &str| text.split_once(':').filter(|(own, _)| is_account(own)).is_some();
    let region = rest.split_once(':').filter(|(own, behind)| is_region(own) && account_of(behind));
    rest = region.map_or(rest, |(_, behind)| behind);
    let account = rest.split_once(':').filter(|(own, _)| is_account(own));
    rest = account.map_or(rest, |(_, behind)| behind);
    let qualified = rest.strip_prefix("function:").unwrap_or(rest);
    let (name, qualifier) = match qualified.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (qualified, None),
    };
    let (region, account) = (region.map(|(region, _)| region), account.map(|(own, _)| own));
    Function { region, account, name, qualifier, qualified }
}

impl Function<'_> {
    /// A value with the region and the account that the text itself names.
    fn value(&self, name: &str) -> Value {
        Value {
            account: self.account.map(str::to_owned),
            region: self.region.map(str::to_owned),
            ..Value::plain(name)
        }
    }
}

/// `ecs:cluster_task_runtime`, the target of a session in a container → `cluster/task`. A cluster's
/// name may hold underscores; the ids after it do not.
fn ecs_task(text: &str) -> Option<String> {
    let (rest, _runtime) = text.strip_prefix("ecs:")?.rsplit_once('_')?;
    let (cluster, task) = rest.rsplit_once('_')?;
    Some(format!("{cluster}/{task}"))
}

/// `https://sqs.eu-west-1.amazonaws.com/123456789012/name`: the URL knows the queue's account.
fn queue(text: &str) -> Option<Value> {
    let Some((_, rest)) = text.split_once("://") else { return Some(Value::plain(text)) };
    let mut parts = rest.split('/');
    let host = parts.next()?;
    let account = parts.next()?;
    let name = parts.next().filter(|name| !name.is_empty())?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let region = host.split('.').find(|label| is_region(label));
    Some(Value {
        account: is_account.then(|| account.to_owned()),
        region: region.map(str::to_owned),
        ..Value::plain(name)
    })
}

/// `/bucket/key%20name?versionId=…`, or an address of S3 → bucket and key; an address may have no key.
fn copy_source(text: &str) -> Option<(String, Option<String>)> {
    let key = |key: &str| Some(key).filter(|key| !key.is_empty()).map(str::to_owned);
    let path = text.split("?versionId=").next()?;
    let path = percent_decode_str(path).decode_utf8().ok()?.into_owned();
    let is_web =
        |scheme: &str| ["https", "http"].iter().any(|one| one.eq_ignore_ascii_case(scheme));
    if let Some((scheme, rest)) = path.split_once("://")
        && is_web(scheme)
        && let Some((host, path)) = rest.split_once('/')
    {
        let path = path.split('?').next()?;
        if let Some(bucket) = bucket_host(host) {
            return Some((bucket.to_owned(), key(path)));
        }
        // With the bucket in the path the host has none: `s3.eu-west-1.amazonaws.com`.
        bucket_host(&format!("-.{host}"))?;
        let (bucket, rest) = path.split_once('/').unwrap_or((path, ""));
        return Some((bucket.to_owned(), key(rest)));
    }
    if let Some(bucket) = path.strip_prefix("s3://").filter(|rest| !rest.contains('/')) {
        return (!bucket.is_empty()).then(|| (bucket.to_owned(), None));
    }
    let path = path.strip_prefix("s3://").or(path.strip_prefix('/')).unwrap_or(&path);
    if path.starts_with("arn:") || path.contains("://") {
        return None;
    }
    let (bucket, rest) = path.split_once('/')?;
    Some((bucket.to_owned(), key(rest)))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a word looks like a region: `eu-west-1`.
fn is_region(text: &str) -> bool {
    text.matches('-').count() >= 2 && text.ends_with(|c: char| c.is_ascii_digit())
}

/// Where an ARN has its region and its account.
const REGION: usize = 3;
const ACCOUNT: usize = 4;

/// Returns a field of an ARN's head; nothing where it is empty, as the region of a global thing is.
fn arn_field(text: &str, at: usize) -> Option<&str> {
    let is_arn = text.starts_with("arn:") && text.split(':').count() > ACCOUNT + 1;
    text.split(':').nth(at).filter(|field| is_arn && !field.is_empty())
}

/// Splits `111122223333:s3tablescatalog/sales` into an account and what is named in it; either may stand
/// alone, and an ARN has both.
fn owned(text: &str) -> (Option<&str>, Option<&str>) {
    if let Some(rest) = text.strip_prefix("arn:") {
        let mut fields = rest.splitn(5, ':').skip(3);
        let (owner, resource) = (fields.next(), fields.next());
        return (owner, resource.and_then(|resource| Some(resource.split_once('/')?.1)));
    }
    match text.split_once(':') {
        Some((owner, name)) if is_account(owner) => (Some(owner), Some(name)),
        None if is_account(text) => (None, None),
        _ => (None, Some(text)),
    }
}

/// An address of an image in ECR → the repository, with the account and the region of its registry.
fn image_repository(text: &str) -> Option<Value> {
    let (registry, image) = text.split_once('/')?;
    let image = image.split('@').next()?;
    let name = match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    };
    let hosts = [".dkr.ecr.", ".dkr.ecr-fips.", ".dkr-ecr.", ".dkr-ecr-fips."];
    let (account, behind) = hosts.iter().find_map(|host| registry.split_once(host))?;
    let region = behind.split('.').next().filter(|region| is_region(region));
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    Some(Value {
        account: is_account.then(|| account.to_owned()),
        region: region.map(str::to_owned),
        ..Value::plain(name)
    })
}

/// `logs.s3.amazonaws.com`, or with a region → `logs`, which may have dots of its own.
fn bucket_host(text: &str) -> Option<&str> {
    let host = text.split_once("://").map_or(text, |(_, rest)| rest).split('/').next()?;
    let host = host.strip_suffix(".cn").unwrap_or(host).strip_suffix(".amazonaws.com")?;
    let (bucket, _) = host.rsplit_once(".s3")?;
    let rest = host.get(bucket.len() + ".s3".len()..)?;
    (rest.is_empty() || rest.starts_with(['.', '-'])).then_some(bucket)
}

/// `arn:aws:iam::111122223333:role/app` → account, kind and name with its path.
fn iam_arn(text: &str) -> Option<(&str, &str, &str)> {
    let mut fields = text.splitn(6, ':').skip(2);
    let (service, _region) = (fields.next()?, fields.next()?);
    let (account, rest) = (fields.next()?, fields.next()?);
    let (kind, name) = rest.split_once('/')?;
    (service == "iam").then_some((account, kind, name))
}

/// The ARN of an IAM resource has a path that the call does not name: other events may know it.
fn iam_path(text: &str, kind: &str, request: &dyn Request) -> Value {
    let known = request.fact(FactKind::IamArn, &format!("{kind}/{text}"));
    let path = known
        .as_deref()
        .and_then(|arn| arn.split_once(&format!(":{kind}/")))
        .map(|(_, path)| path)
        .filter(|path| path.rsplit('/').next() == Some(text));
    if let Some(path) = path {
        return Value::plain(path);
    }
    // The caller's own ARN is known with its path.
    let caller = request.caller();
    let own = caller
        .split_once(&format!(":{kind}/"))
        .map(|(_, path)| path)
        .filter(|path| path.rsplit('/').next() == Some(text));
    match own {
        Some(own) => Value::plain(own),
        None => Value { assumed: Some(NO_PATH), ..Value::plain(text) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_an_object_has_either_scheme_in_any_letter_case() {
        for scheme in ["https", "HTTP", "http"] {
            for host in ["b.s3.eu-west-1.amazonaws.com/k/x", "s3.eu-west-1.amazonaws.com/b/k/x"] {
                let found = copy_source(&format!("{scheme}://{host}"));
                assert_eq!(
                    found,
                    Some(("b".to_owned(), Some("k/x".to_owned()))),
                    "{scheme} {host}"
                );
            }
        }
        assert_eq!(copy_source("https://example.com/b/k"), None);
    }

    #[test]
    fn an_image_names_its_repository_whatever_the_address_of_its_registry() {
        for host in [
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
            "111122223333.dkr-ecr.eu-west-1.on.aws",
            "111122223333.dkr-ecr-fips.us-east-1.on.aws",
        ] {
            for image in ["team/web", "team/web:1", "team/web@sha256:aa", "team/web:1@sha256:aa"] {
                let text = format!("{host}/{image}");
                let found = image_repository(&text).unwrap();
                let found = (&*found.text, found.account.as_deref(), found.region.as_deref());
                assert_eq!(
                    found,
                    (
                        "team/web",
                        Some("111122223333"),
                        host.split('.').find(|label| is_region(label))
                    ),
                    "{text}"
                );
            }
        }
        assert!(image_repository("registry.example/team/web:1").is_none());
    }
}
