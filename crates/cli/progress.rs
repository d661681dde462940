//! How far reading has come, on standard error where that is a terminal; silent otherwise.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use trailtrim_ingest::Progress;

use crate::output;

/// How often the line is drawn again, so that it lives while one large file is read.
const TICK: Duration = Duration::from_millis(100);

/// A line that shows files, bytes, events a second and the time left.
pub(crate) struct Line {
    bar: ProgressBar,
    files: AtomicU64,
    done: AtomicU64,
    records: AtomicU64,
}

impl Line {
    /// Returns a line that shows itself on a terminal only.
    pub(crate) fn new() -> Line {
        // It hides itself where standard error is no terminal.
        let target = match output::logs_json() {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        Line::over(ProgressBar::with_draw_target(None, target))
    }

    fn over(bar: ProgressBar) -> Line {
        let counter = || AtomicU64::new(0);
        Line { bar, files: counter(), done: counter(), records: counter() }
    }

    fn show(&self) {
        let (done, files) = (self.done.load(Ordering::Relaxed), self.files.load(Ordering::Relaxed));
        let records = self.records.load(Ordering::Relaxed);
        self.bar.set_message(told(done, files, records, self.bar.elapsed()));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Line {
    fn found(&self, files: u64, bytes: u64) {
        if self.bar.is_hidden() {
            return;
        }
        self.files.store(files, Ordering::Relaxed);
        // Standard input has no size, so there is no time left to tell.
        let template = match bytes {
            0 => "{spinner} {binary_bytes}, {msg}",
            _ => "{spinner} {bytes} of {total_bytes}, {msg}, {eta} left",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        if bytes > 0 {
            self.bar.set_length(bytes);
        }
        self.show();
        self.bar.enable_steady_tick(TICK);
    }

    fn read(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn done(&self, records: u64) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
        if !self.bar.is_hidden() {
            self.show();
        }
    }
}

fn told(done: u64, files: u64, records: u64, elapsed: Duration) -> String {
    let rate = records as f64 / elapsed.as_secs_f64().max(0.001);
    format!(
        "{} of {} files, {} events, {} a second",
        HumanCount(done),
        HumanCount(files),
        HumanCount(records),
        HumanCount(rate as u64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_files_events_and_their_rate() {
        let text = told(12, 3_400, 5_000, Duration::from_secs(2));
        assert_eq!(text, "12 of 3,400 files, 5,000 events, 2,500 a second");
    }

    #[test]
    fn it_is_silent_where_nobody_looks() {
        let line = Line::over(ProgressBar::hidden());
        line.found(2, 10);
        line.read(10);
        line.done(7);
        assert_eq!(line.records.load(Ordering::Relaxed), 7);
        assert!(line.bar.is_hidden());
    }
}
