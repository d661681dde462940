//! What must have been found to answer from.

use std::collections::BTreeSet;
use std::path::Path;

use trailtrim_aggregator::Activity;
use trailtrim_emitter::report;

use super::TrailArgs;
use crate::exit::hinted;
use crate::output::tell;
use crate::{globs, summary};

impl TrailArgs {
    /// Fails where no record passed the filters: that nothing was done, denied or used any more
    /// would be a wrong answer to a wrong path or a slip of the pen. `out` is what is left as it is.
    pub(crate) fn require_records(
        &self,
        nothing: bool,
        input: &report::Input,
        out: Option<&Path>,
    ) -> anyhow::Result<()> {
        if !nothing {
            return Ok(());
        }
        tell(&summary::of_input(input));
        let filters = self.input.filters();
        let filtered = !filters.is_empty() && (input.records > 0 || input.pruned > 0);
        let left = match out {
            Some(out) => format!("--out `{}` is left as it was", out.display()),
            None => "there is nothing to answer from".to_owned(),
        };
        Err(match filtered {
            true => hinted(
                format!("no record passed the filters, so {left}"),
                format!("look for a slip in {}, or widen it", filters.join(", ")),
            ),
            false => hinted(
                format!("no record of a call was found, so {left}"),
                "name files or directories of CloudTrail logs, such as `AWSLogs/`",
            ),
        })
    }

    /// Fails where there is no record at all, which is a wrong path. Who only looks is told that filters leave
    /// nothing, or that something was not read, and that is the answer.
    pub(crate) fn require_some(&self, input: &report::Input, lossy: bool) -> anyhow::Result<()> {
        let none = input.records == 0 && !lossy && self.input.filters().is_empty();
        self.require_records(none, input, None)
    }

    /// Fails where a principal was selected by name and there is none of that name.
    pub(crate) fn require_principals(&self, activity: &Activity) -> anyhow::Result<()> {
        globs::require_none(&self.unmatched(activity))
    }

    /// Returns the `--principal` that none of the principals is meant by.
    pub(crate) fn unmatched(&self, activity: &Activity) -> BTreeSet<&str> {
        self.principals
            .iter()
            .map(String::as_str)
            .filter(|glob| !activity.principals.iter().any(|one| globs::matches(glob, one)))
            .collect()
    }
}
