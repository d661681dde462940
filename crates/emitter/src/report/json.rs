//! The report as JSON, written while it is made.
//!
//! An archive's report is large, and no part of it is needed twice. So principals are described,
//! printed and let go of a batch at a time, on all threads of the pool, while the batch before is
//! written. The text is the same for any number of threads.
//!
//! It is indented, but what lies deeper than the fields of a grant, such as an event, takes one line.

use std::io::{self, Write};
use std::ops::Range;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::ser::Formatter;
use trailtrim_iam::escape_controls;

use super::{Described, Report};

/// How many rows are described and printed before they are written.
const BATCH: usize = 4_096;

/// How many lists and objects may be around something that takes several lines.
const DEEPEST: usize = 6;

/// What begins a line with so many around it, and how much of it is for each.
const LINE: &str = "\n            ";
const STEP: usize = 2;

impl Report {
    /// Writes the report, and the principals in it. Works on the current rayon pool.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(
        &self,
        principals: &Described<'_>,
        out: &mut (dyn Write + Send),
    ) -> io::Result<()> {
        // All fields by name, so that none is forgotten.
        let Report {
            schema_version,
            tool,
            filters,
            policies,
            input,
            resources,
            files,
            excluded,
            other_events,
            missing_data_events,
            amended,
        } = self;
        let mut head = String::from("{");
        field(&mut head, "schema_version", schema_version)?;
        field(&mut head, "tool", tool)?;
        field(&mut head, "filters", filters)?;
        field(&mut head, "policies", policies)?;
        field(&mut head, "input", input)?;
        field(&mut head, "resources", resources)?;
        field(&mut head, "files", files)?;
        head.push_str(&format!(",{}\"principals\": [", line(1)));
        let mut ready = vec![head];
        for batch in batches(principals) {
            let (written, next) = rayon::join(|| write(&ready, out), || printed(principals, batch));
            written?;
            ready = next?;
        }
        let mut tail = String::from(if principals.len() == 0 { "" } else { line(1) });
        tail.push(']');
        field(&mut tail, "excluded", excluded)?;
        field(&mut tail, "other_events", other_events)?;
        if !missing_data_events.is_empty() {
            field(&mut tail, "missing_data_events", missing_data_events)?;
        }
        if let Some(amended) = amended {
            field(&mut tail, "amended", amended)?;
        }
        tail.push_str("\n}\n");
        ready.push(tail);
        write(&ready, out)
    }
}

fn write(texts: &[String], out: &mut (dyn Write + Send)) -> io::Result<()> {
    texts.iter().try_for_each(|text| out.write_all(text.as_bytes()))
}

/// Returns the principals in stretches of about [`BATCH`] rows.
fn batches(principals: &Described<'_>) -> Vec<Range<usize>> {
    let (mut batches, mut start, mut rows) = (Vec::new(), 0, 0);
    for at in 0..principals.len() {
        rows += principals.rows(at);
        if rows >= BATCH || at + 1 == principals.len() {
            batches.push(start..at + 1);
            (start, rows) = (at + 1, 0);
        }
    }
    batches
}

/// Prints some of the principals, with what stands before each.
fn printed(principals: &Described<'_>, which: Range<usize>) -> io::Result<Vec<String>> {
    let print = |at: usize| {
        let mut text = String::from(if at == 0 { "" } else { "," });
        text.push_str(line(2));
        append(&mut text, &principals.one(at), 2)?;
        Ok(text)
    };
    which.into_par_iter().map(print).collect()
}

/// Prints a field of the document.
fn field(text: &mut String, key: &str, value: &impl Serialize) -> io::Result<()> {
    if text != "{" {
        text.push(',');
    }
    text.push_str(&format!("{}\"{key}\": ", line(1)));
    append(text, value, 1)
}

/// Prints what has so many lists and objects around it.
fn append(text: &mut String, value: &impl Serialize, around: usize) -> io::Result<()> {
    let mut printed = Vec::new();
    let layout = Layout { around, filled: false };
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut printed, layout))?;
    let printed = String::from_utf8(printed).map_err(io::Error::other)?;
    text.push_str(&escape_controls(printed));
    Ok(())
}

/// Returns the beginning of a line with so many lists and objects around it.
fn line(around: usize) -> &'static str {
    LINE.get(..1 + around * STEP).unwrap_or(LINE)
}

/// Breaks the lines.
struct Layout {
    /// How many lists and objects are around what comes next.
    around: usize,
    /// Whether something stands in the list or object that ends next.
    filled: bool,
}

impl Layout {
    fn open(&mut self) {
        self.around += 1;
        self.filled = false;
    }

    fn begin<W: ?Sized + Write>(&self, first: bool, out: &mut W) -> io::Result<()> {
        match (self.around <= DEEPEST, first) {
            (true, true) => {}
            (true, false) => out.write_all(b",")?,
            (false, true) => return Ok(()),
            (false, false) => return out.write_all(b", "),
        }
        out.write_all(line(self.around).as_bytes())
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        let lines = self.filled && self.around <= DEEPEST;
        self.around = self.around.saturating_sub(1);
        self.filled = true;
        if lines { out.write_all(line(self.around).as_bytes()) } else { Ok(()) }
    }
}

impl Formatter for Layout {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open();
        out.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out)?;
        out.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.begin(first, out)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _out: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open();
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out)?;
        out.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.begin(first, out)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _out: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_things_take_one_line() {
        let event = serde_json::json!({"id": "e\u{9b}", "days": [1, 2]});
        let grant = serde_json::json!({"action": "a", "events": [event, {}], "none": []});
        let mut text = String::new();
        append(&mut text, &serde_json::json!({"grants": [grant]}), 2).unwrap();
        assert_eq!(
            text,
            r#"{
      "grants": [
        {
          "action": "a",
          "events": [
            {"days": [1, 2], "id": "e\u009b"},
            {}
          ],
          "none": []
        }
      ]
    }"#
        );
    }
}
