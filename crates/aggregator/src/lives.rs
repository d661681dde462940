//! How long the log shows each thing, whoever used it.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::activity::{Principal, RowKey};
use crate::stats::Stats;

/// The first and the last day, since 1970-01-01.
type Days = (i32, i32);

/// Notes with each thing that was used when the whole log shows it, where that is longer than the row does.
pub(crate) fn mark(principals: &mut [Principal]) {
    let mut lives: HashMap<&str, Days, RandomState> = HashMap::default();
    for (key, row) in principals.iter().flat_map(|one| &one.rows) {
        if let Some(days) = days(key, &row.stats) {
            let life = lives.entry(&key.resource).or_insert(days);
            *life = join(*life, days);
        }
    }
    let longer = |(key, stats): (&RowKey, &Stats)| {
        let own = days(key, stats)?;
        lives.get(key.resource.as_str()).copied().filter(|life| *life != own)
    };
    let all = principals.iter().flat_map(|one| &one.rows);
    let all: Vec<Option<Days>> = all.map(|(key, row)| longer((key, &row.stats))).collect();
    let rows = principals.iter_mut().flat_map(|one| one.rows.values_mut());
    rows.zip(all).for_each(|(row, life)| row.life = life);
}

/// When a thing was used; what was refused shows none, and neither does a pattern.
fn days(key: &RowKey, stats: &Stats) -> Option<Days> {
    let days = stats.days();
    let days = days.first().zip(days.last());
    days.filter(|_| key.outcome.grants() && !key.resource.contains('*'))
}

/// From the earlier beginning to the later end.
pub(crate) fn join(one: Days, other: Days) -> Days {
    (one.0.min(other.0), one.1.max(other.1))
}
