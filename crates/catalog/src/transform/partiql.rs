//! The table that a PartiQL statement names. Values may be redacted; the table never is.

/// What a statement is on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) table: String,
    pub(super) index: Option<String>,
}

/// Reads a statement, if it begins with a verb.
pub(super) fn read(statement: &str, verb: &str) -> Option<Target> {
    let mut words = statement.split_whitespace();
    if !words.next()?.eq_ignore_ascii_case(verb) {
        return None;
    }
    let before = match verb {
        "insert" => Some("into"),
        "update" => None,
        _ => Some("from"),
    };
    if let Some(before) = before {
        words.find(|word| word.eq_ignore_ascii_case(before))?;
    }
    let name = words.next()?.trim_end_matches([';', ',']);
    let (table, rest) = first(name)?;
    let index = rest.strip_prefix('.').and_then(first).map(|(index, _)| index.to_owned());
    Some(Target { table: table.to_owned(), index })
}

/// Returns the first name and what follows it. Names with dots and hyphens are quoted.
fn first(text: &str) -> Option<(&str, &str)> {
    let found = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => text.split_at(text.find(['.', '{', '(']).unwrap_or(text.len())),
    };
    (!found.0.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_indexes_are_read() {
        let read = |statement, verb| {
            read(statement, verb).map(|target| (target.table, target.index.unwrap_or_default()))
        };
        let target = |table: &str, index: &str| Some((table.to_owned(), index.to_owned()));
        assert_eq!(
            read("SELECT * FROM Music WHERE A = ***(Redacted)", "select"),
            target("Music", "")
        );
        assert_eq!(
            read("select a from \"my.table\".\"by-date\" where a = 1", "select"),
            target("my.table", "by-date")
        );
        assert_eq!(read("INSERT INTO Music VALUE {'A': 1}", "insert"), target("Music", ""));
        assert_eq!(read("UPDATE \"Music\" SET a = 1", "update"), target("Music", ""));
        assert_eq!(read("DELETE FROM Music WHERE a = 1;", "delete"), target("Music", ""));
        assert_eq!(read("DELETE FROM Music", "select"), None);
        assert_eq!(read("SELECT * FROM \"open", "select"), None);
        assert_eq!(read("***(Redacted)", "select"), None);
    }
}
