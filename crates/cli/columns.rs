//! Tables for people: columns that align whatever the script, and fit the terminal.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Narrower than this the last column is not made: a word a line reads worse than a long line.
const NARROWEST: usize = 20;

/// Writes rows with their columns aligned, two spaces between them. The last column goes on below
/// itself where it would pass `width`.
pub(crate) fn columns(rows: &[Vec<String>], indent: usize, width: Option<usize>) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0; count.saturating_sub(1)];
    for row in rows {
        for (cell, widest) in row.iter().zip(&mut widths) {
            *widest = (*widest).max(cell.width());
        }
    }
    let before = indent + widths.iter().map(|width| width + 2).sum::<usize>();
    let room = width.map(|width| width.saturating_sub(before));
    let mut text = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        for (at, cell) in row.iter().enumerate() {
            match widths.get(at) {
                Some(widest) => {
                    line.push_str(cell);
                    line.extend(std::iter::repeat_n(' ', widest - cell.width() + 2));
                }
                None => {
                    let below = format!("\n{}", " ".repeat(before));
                    line.push_str(&wrap(cell, room).join(&below));
                }
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Breaks a text into lines at spaces, and where a word alone is too long, inside of it. Where there
/// is next to no room it stays whole.
pub(crate) fn wrap(text: &str, room: Option<usize>) -> Vec<String> {
    let fitting = |room: &usize| *room >= NARROWEST && text.width() > *room;
    let Some(room) = room.filter(fitting) else { return vec![text.to_owned()] };
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        if used > 0 && used + word.trim_end().width() > room {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > room && c != ' ' {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += wide;
        }
    }
    // A break takes the place of the spaces around it.
    let trimmed = |(at, line): (usize, &String)| match at {
        0 => line.trim_end().to_owned(),
        _ => line.trim().to_owned(),
    };
    lines.iter().enumerate().map(trimmed).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn columns_align_by_what_is_seen() {
        let table = rows(&[&["日本", "x"], &["a", "y"], &["", ""]]);
        assert_eq!(columns(&table, 2, None), "  日本  x\n  a     y\n\n");
    }

    #[test]
    fn the_last_column_goes_on_below_itself() {
        let table = rows(&[&["name", "one two three four five six"]]);
        assert_eq!(columns(&table, 0, Some(26)), "name  one two three four\n      five six\n");
        let long = "x".repeat(25);
        let table = rows(&[&["n", &long]]);
        assert_eq!(columns(&table, 0, Some(23)), format!("n  {}\n   xxxxx\n", "x".repeat(20)));
        // Where there is no room at all, the line stays whole.
        assert_eq!(columns(&table, 0, Some(9)), format!("n  {long}\n"));
    }
}
