//! Archives of any size, for measuring.
//!
//! The plan of files is drawn first, one after another; each file is then made
//! from a stream of its own, so that all cores can work and the bytes are the
//! same with one as with eight. Files have log-normal sizes, principals and keys
//! follow Zipf's law, and about one key in four is new.

use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::api;
use super::archive::{File, Packing, Shelf, gzip, write};
use super::clock::{DAY, Seconds, midnight};
use super::denial::{Because, Denial};
use super::event::{Call, Ending};
use super::recorder::Recorder;
use super::world::{self, Size, World};
use crate::random::{Random, Zipf};

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How many events in all.
    pub events: usize,
    /// How many days they are spread over.
    pub days: usize,
    /// How large the organization is.
    pub size: Size,
    /// The deflate level, 1 to 10; CloudTrail's own ratio is about 8.
    pub level: u8,
}

impl Plan {
    /// Returns a plan of the usual proportions: ten accounts of sixty principals over thirty days.
    pub fn new(seed: u64, events: usize) -> Self {
        let size = Size { accounts: 10, principals: 60, keys: 1000 };
        Self { seed, events, days: 30, size, level: 6 }
    }
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Files.
    pub files: usize,
    /// Bytes as they lie on disk.
    pub packed: u64,
    /// Bytes of JSON.
    pub inflated: u64,
}

/// One file that is to be made.
#[derive(Clone, Copy, Debug)]
struct Job {
    number: usize,
    place: usize,
    delivered: Seconds,
    events: usize,
}

/// Events per file: the median, and the standard deviation of the logarithm.
const PER_FILE: (f64, f64) = (290.0, 1.0);

/// Writes the archive below `out`.
///
/// # Errors
/// Where a folder or a file cannot be written.
pub fn make(plan: &Plan, out: &Path) -> io::Result<Made> {
    let random = Random::new(plan.seed);
    let world = World::new(&random.fork("world"), plan.size);
    let popularity = Zipf::new(plan.size.principals);
    jobs(plan, &random)
        .into_par_iter()
        .map(|job| {
            let random = random.fork(&format!("file {}", job.number));
            let Some(place) = world.places.get(job.place) else {
                return Ok(Made::default());
            };
            let (key, text) = file(&job, place, &popularity, random);
            let body = gzip(text.as_bytes(), plan.level);
            let made = Made { files: 1, packed: body.len() as u64, inflated: text.len() as u64 };
            write(out, &[File { key, body }]).map(|()| made)
        })
        .try_reduce(Made::default, |a, b| {
            Ok(Made {
                files: a.files + b.files,
                packed: a.packed + b.packed,
                inflated: a.inflated + b.inflated,
            })
        })
}

fn jobs(plan: &Plan, random: &Random) -> Vec<Job> {
    let mut random = random.fork("files");
    let busy = Zipf::new(plan.size.accounts);
    let start = midnight(2026, 3, 1);
    let span = plan.days as Seconds * DAY;
    let (mut jobs, mut left) = (Vec::new(), plan.events);
    while left > 0 {
        let wanted = random.log_normal(PER_FILE.0, PER_FILE.1).clamp(1.0, 20_000.0);
        let events = (wanted as usize).min(left);
        left -= events;
        let delivered = start + random.between(600, span - 1);
        jobs.push(Job { number: jobs.len(), place: busy.draw(&mut random), delivered, events });
    }
    jobs
}

fn file(
    job: &Job,
    place: &world::Place,
    popularity: &Zipf,
    mut random: Random,
) -> (String, String) {
    let unique = random.alphanumeric(16);
    let shelf = Shelf {
        organization: Some("o-corpus0001"),
        account: &place.account.id,
        region: &place.region,
        delivered: job.delivered,
        unique: &unique,
    };
    // A file holds what happened from fifteen to five minutes before its delivery.
    let start = job.delivered - 900;
    let workers: Vec<_> = place.workers.iter().map(|worker| (worker, worker.at(start))).collect();
    let mut recorder = Recorder::new(random.fork("ids"));
    let where_ = api::Place { account: &place.account, region: &place.region };
    let mut text = String::with_capacity(job.events * 1700);
    text.push_str("{\"Records\":[");
    for number in 0..job.events {
        let rank = popularity.draw(&mut random);
        let Some((worker, actor)) = workers.get(rank) else {
            continue;
        };
        let time = start + (600 * number / job.events) as Seconds;
        let call = random.pick(&worker.tasks).call(where_, time, &mut random);
        let ending = ending(&call, &mut random);
        if number > 0 {
            text.push(',');
        }
        recorder.event(actor, time, call, ending).write(&mut text);
    }
    text.push_str("]}");
    (shelf.key(Packing::Gzip), text)
}

/// Lets one call in fifty be refused, one in a hundred throttled.
pub(super) fn ending(call: &Call, random: &mut Random) -> Ending {
    match random.below(100) {
        0 | 1 if !call.needs.is_empty() => {
            Ending::Denied(Denial::of(call, Because::NoIdentityPolicy))
        }
        2 => Ending::Unsettled("ThrottlingException", "Rate exceeded".to_owned()),
        _ => Ending::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    fn made(threads: usize) -> (Made, Vec<(String, Vec<u8>)>, usize) {
        let out = tempfile::tempdir().unwrap();
        let size = Size { accounts: 3, principals: 8, keys: 50 };
        let plan = Plan { size, ..Plan::new(11, 3000) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let made = pool.install(|| make(&plan, out.path())).unwrap();
        let reading = reference::read(&[out.path()]).unwrap();
        assert!(reading.files.iter().all(|file| file.whole));
        let records = reading.files.iter().map(|file| file.records).sum();
        let bytes = |path: &Path| {
            let key = path.strip_prefix(out.path()).unwrap().display().to_string();
            (key, std::fs::read(path).unwrap())
        };
        (made, reading.files.iter().map(|file| bytes(&file.path)).collect(), records)
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
        let (made_by_one, by_one, records) = made(1);
        let (made_by_three, by_three, _) = made(3);
        assert_eq!(records, 3000);
        assert_eq!(made_by_one, made_by_three);
        assert!(by_one == by_three);
        assert_eq!(by_one.len(), made_by_one.files);
    }
}
