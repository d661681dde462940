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

#[cfg(test)]
mod tests {
    use trailtrim_ingest::Label;

    use super::*;
    use crate::activity::Row;
    use crate::outcome::Outcome;
    use crate::stats::EventKey;

    fn did(who: &str, resource: &str, outcome: Outcome, days: &[i64]) -> Principal {
        let mut stats = Stats::default();
        for day in days {
            let id = format!("{who} {day}");
            let (key, time) = (id.as_str(), Some(day * 86_400));
            let event = EventKey { key, event_id: key, time, region: "eu-west-1" };
            stats.add(event, &Label::from("file"));
        }
        let mut principal =
            Principal::new(&format!("arn:aws:iam::111122223333:role/{who}")).unwrap();
        let (action, resource) = ("ssm:StartSession".to_owned(), resource.to_owned());
        let key = RowKey { action, resource, conditions: Vec::new(), outcome };
        principal.rows.insert(key, Row { stats, ..Row::default() });
        principal
    }

    #[test]
    fn a_thing_is_as_old_as_anyone_knows_it() {
        let mut all = [
            did("host", "i-1", Outcome::Granted, &[3, 40]),
            did("dev", "i-1", Outcome::Granted, &[17]),
            did("other", "i-2", Outcome::Granted, &[17]),
            did("wide", "i-*", Outcome::Granted, &[1, 50]),
            did("refused", "i-1", Outcome::Denied, &[90]),
        ];
        mark(&mut all);
        let lives = all.iter().flat_map(|one| one.rows.values()).map(|row| row.life);
        assert_eq!(lives.collect::<Vec<_>>(), [None, Some((3, 40)), None, None, None]);
    }
}
