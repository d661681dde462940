//! Which principals are asked for, told from a record before anything of it is taken.
//!
//! The answer never leaves out what belongs to one of them: where a record does not say enough (a
//! bare session has lost the path of its role), it is wanted if it may be.

use trailtrim_iam::wildcard;

use crate::activity::kind_and_name;
use crate::identity::PrincipalKey;

/// Principals by pattern: of the whole ARN, of `role/path/name`, or of the bare name.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    patterns: Vec<String>,
}

impl Wanted {
    /// Wants what any of the patterns matches, with `*` and `?`.
    pub fn new(patterns: impl IntoIterator<Item = String>) -> Self {
        Wanted { patterns: patterns.into_iter().collect() }
    }

    /// Returns texts of which one stands in every record of a wanted principal, if there are such.
    ///
    /// It is what a pattern ends in. A slash cannot be in a name, so that text ends the bare name, and
    /// the name stands in each record, whatever form its ARN has there.
    pub fn mentions(&self) -> Option<Vec<&str>> {
        let ends = self.patterns.iter().map(|pattern| end(pattern));
        let ends: Vec<&str> = ends.filter(|end| !end.is_empty()).collect();
        (!ends.is_empty() && ends.len() == self.patterns.len()).then_some(ends)
    }

    /// Returns whether calls of a key may be those of a wanted principal.
    pub(crate) fn wants(&self, key: &PrincipalKey) -> bool {
        if let Some((_, name)) = key.arn.split_once(":assumed-role/") {
            return self.patterns.iter().any(|pattern| name.ends_with(end(pattern)));
        }
        kind_and_name(&key.arn).is_some_and(|(kind, name)| {
            let qualified = format!("{}/{name}", kind.code());
            let bare = name.rsplit('/').next().unwrap_or(name);
            let names = [&*key.arn, &qualified, bare];
            self.patterns.iter().any(|pattern| names.iter().any(|n| wildcard::matches(pattern, n)))
        })
    }
}

/// Returns what every name that a pattern matches ends in.
fn end(pattern: &str) -> &str {
    pattern.rsplit(['*', '?', '/', ':']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(pattern: &str, arn: &str) -> bool {
        Wanted::new([pattern.to_owned()]).wants(&PrincipalKey { arn: arn.into(), id: None })
    }

    #[test]
    fn a_principal_is_wanted_by_arn_by_path_and_by_name() {
        let arn = "arn:aws:iam::1:role/service/orders-api";
        for pattern in
            [arn, "role/service/orders-api", "role/*", "orders-api", "orders-*", "*", "*:role/s*i"]
        {
            assert!(wants(pattern, arn), "{pattern}");
        }
        for pattern in ["user/service/orders-api", "orders", "api", "role/orders-api"] {
            assert!(!wants(pattern, arn), "{pattern}");
        }
    }

    #[test]
    fn a_bare_session_is_wanted_if_its_role_may_be() {
        let arn = "arn:aws:sts::1:assumed-role/orders-api";
        assert!(wants("role/service/orders-api", arn));
        assert!(wants("role/service/*", arn));
        assert!(!wants("role/service/orders", arn));
    }

    #[test]
    fn the_end_of_a_pattern_is_what_records_mention() {
        let mentions = |patterns: &[&str]| {
            let wanted = Wanted::new(patterns.iter().map(|pattern| (*pattern).to_owned()));
            wanted.mentions().map(|texts| texts.join(" "))
        };
        assert_eq!(mentions(&["role/a/b", "*-api"]).as_deref(), Some("b -api"));
        assert_eq!(mentions(&["role/a/b", "role/a/*"]), None);
        assert_eq!(mentions(&[]), None);
    }
}
