//! Laws of the framer: how the stream is cut does not matter, and damage costs what it hits.

use proptest::prelude::*;

use super::{Element, Sink, Within, frame};
use crate::Road;
use crate::grammar::Fault;
use crate::scan::{Scanned, Seen};
use crate::window::{Buffer, Damage, Source, Window};

/// A source that gives out its bytes in pieces of the given sizes, over and over.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: &'a [usize],
    turn: usize,
}

impl Source for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Damage> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        let count = size.min(buffer.len()).min(self.rest.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

/// Writes down everything it is told.
#[derive(Debug, Default, PartialEq)]
struct Notes {
    elements: Vec<(u64, String, Vec<String>)>,
    wrappers: Vec<String>,
    large_keys: Vec<String>,
    oversized: Vec<u64>,
    faults: Vec<(u64, Fault)>,
    unfinished: Vec<u64>,
}

impl Sink for Notes {
    fn element(&mut self, element: Element<'_>) {
        let text = String::from_utf8_lossy(element.bytes).into_owned();
        let bytes = |range: std::ops::Range<usize>| {
            String::from_utf8_lossy(&element.bytes[range]).into_owned()
        };
        let members = element
            .members
            .iter()
            .map(|member| format!("{}={}", bytes(member.key.clone()), bytes(member.value.clone())))
            .collect();
        self.elements.push((element.at, text, members));
    }
    fn scanned(&mut self, _: &Scanned, _: Element<'_>) -> bool {
        false
    }
    fn wrapper(&mut self, within: Within) {
        self.wrappers.push(format!("{within:?}"));
    }
    fn continued(&mut self, _: u64) {}

    fn large_key(&mut self, key: &[u8]) {
        self.large_keys.push(String::from_utf8_lossy(key).into_owned());
    }
    fn oversized(&mut self, at: u64) {
        self.oversized.push(at);
    }
    fn fault(&mut self, at: u64, fault: Fault) {
        self.faults.push((at, fault));
    }
    fn unfinished(&mut self, at: u64) {
        self.unfinished.push(at);
    }
}

fn notes_in_pieces(bytes: &[u8], sizes: &[usize]) -> Notes {
    let mut buffer = Buffer::default();
    let mut window = Window::new(Pieces { rest: bytes, sizes, turn: 0 }, &mut buffer);
    let mut notes = Notes::default();
    frame(&mut window, Road::General, Seen::default(), &mut notes);
    notes
}

fn notes(text: impl AsRef<[u8]>) -> Notes {
    notes_in_pieces(text.as_ref(), &[usize::MAX])
}

fn texts(notes: &Notes) -> Vec<&str> {
    notes.elements.iter().map(|(_, text, _)| text.as_str()).collect()
}

#[test]
fn members_are_found_with_their_places() {
    let found = notes(r#" { "a" : [1, {"b":2}] , "c\"d":"e" } "#);
    let (at, _, members) = &found.elements[0];
    assert_eq!(*at, 1);
    assert_eq!(members, &["a=[1, {\"b\":2}]", "c\\\"d=\"e\""]);
}

#[test]
fn wrappers_are_entered_wherever_their_key_stands() {
    for text in [
        r#"{"Records":[{"a":1},{"a":2}]}"#,
        r#"{"x":{"Records":[{}]},"Records":[{"a":1},{"a":2}],"y":[{}]}"#,
        r#"[{"Records":[{"a":1}]},{"Records":[{"a":2}]}]"#,
        "{\"Records\":[{\"a\":1}]}\n{\"Records\":[{\"a\":2}]}\n",
        r#"{"hits":{"total":2,"hits":[{"a":1},{"a":2}],"max_score":null}}"#,
        r#"{"a":1}{"a":2}"#,
        r#"[[{"a":1}],[],[{"a":2}]]"#,
    ] {
        let found = notes(text);
        assert_eq!(texts(&found), [r#"{"a":1}"#, r#"{"a":2}"#], "{text}");
        assert!(found.faults.is_empty() && found.unfinished.is_empty(), "{text}: {found:?}");
    }
}

#[test]
fn a_record_is_no_wrapper_whatever_it_holds() {
    let text = r#"{"eventName":"x","Events":[{"a":1}]}"#;
    assert_eq!(texts(&notes(text)), [text]);
}

#[test]
fn the_exact_place_of_a_fault_is_known() {
    let found = notes(r#"{"Records":[{"a":1},{"a" 2},{"eventVersion":"1"}]}"#);
    assert_eq!(found.faults, [(25, Fault::Expected("`:`"))]);
    assert_eq!(texts(&found), [r#"{"a":1}"#, r#"{"eventVersion":"1"}"#]);
}

#[test]
fn a_line_that_was_cut_off_does_not_take_the_next_with_it() {
    for cut in
        [r#"{"a":"#, r#"{"a":["#, r#"{"a":{"b":[1,"#, r#"{"Records":[{"a":"#, r#"{"a""#, "[", "x"]
    {
        let found = notes(format!("{cut}\n{{\"b\":1}}\n{{\"b\":2}}\n"));
        assert_eq!(texts(&found), [r#"{"b":1}"#, r#"{"b":2}"#], "{cut}");
        assert_eq!(found.faults.len() + found.unfinished.len(), 1, "{cut}: {found:?}");
    }
}

/// A record on one line, with nesting, escapes and some space.
fn record() -> impl Strategy<Value = String> {
    (
        "[a-zA-Z0-9 \\\\é{}\\[\\],:\"]{0,12}",
        prop::collection::vec(any::<i32>(), 0..4),
        prop::sample::select(vec!["", " ", "  "]),
        any::<bool>(),
    )
        .prop_map(|(text, numbers, space, flag)| {
            let text = serde_json::to_string(&text).unwrap();
            let numbers = serde_json::to_string(&numbers).unwrap();
            format!(
                "{{{space}\"eventVersion\":{space}\"1.08\",\"eventName\":{text}{space},\
                 \"requestParameters\":{{\"list\":{numbers},\"none\":null,\"yes\":{flag}}}}}"
            )
        })
}

#[derive(Debug, Clone, Copy)]
enum Pack {
    Records,
    Array,
    Lines,
    RunTogether,
    Indented,
}

fn pack(records: &[String], pack: Pack) -> String {
    match pack {
        Pack::Records => format!("{{\"x\":[1],\"Records\":[{}],\"y\":{{}}}}", records.join(",")),
        Pack::Array => format!("[{}]", records.join(" , ")),
        Pack::Lines => records.iter().map(|record| format!("{record}\n")).collect(),
        Pack::RunTogether => records.concat(),
        Pack::Indented => format!("{{\n \"Records\": [\n  {}\n ]\n}}\n", records.join(",\n  ")),
    }
}

fn packed() -> impl Strategy<Value = (Vec<String>, String)> {
    let packs =
        [Pack::Records, Pack::Array, Pack::Lines, Pack::RunTogether, Pack::Indented].to_vec();
    (prop::collection::vec(record(), 1..5), prop::sample::select(packs)).prop_map(
        |(records, how)| {
            let text = pack(&records, how);
            (records, text)
        },
    )
}

/// Overwrites, removes or inserts single bytes.
fn mutate(mut bytes: Vec<u8>, changes: &[(u8, prop::sample::Index, u8)]) -> Vec<u8> {
    for (what, place, byte) in changes {
        if bytes.is_empty() {
            break;
        }
        let place = place.index(bytes.len());
        match what % 3 {
            0 => bytes[place] = *byte,
            1 => drop(bytes.remove(place)),
            _ => bytes.insert(place, *byte),
        }
    }
    bytes
}

/// A byte that means something to the grammar, or any.
fn telling_byte() -> impl Strategy<Value = u8> {
    prop_oneof![prop::sample::select(b"{}[]\",:\\\n 0-tn".to_vec()), any::<u8>()]
}

proptest! {
    #[test]
    fn every_packing_gives_its_records((records, text) in packed()) {
        let found = notes(&text);
        prop_assert_eq!(texts(&found), records);
        prop_assert!(found.faults.is_empty() && found.unfinished.is_empty());
    }

    #[test]
    fn how_the_stream_is_cut_does_not_matter(
        (_, text) in packed(),
        changes in prop::collection::vec((any::<u8>(), any::<prop::sample::Index>(), telling_byte()), 0..4),
        sizes in prop::collection::vec(1usize..9, 1..6),
    ) {
        let bytes = mutate(text.into_bytes(), &changes);
        prop_assert_eq!(notes_in_pieces(&bytes, &sizes), notes(&bytes));
    }

    #[test]
    fn a_cut_keeps_exactly_what_was_complete((records, text) in packed(), cut in any::<prop::sample::Index>()) {
        let cut = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let mut from = 0;
        let complete = records.iter().filter(|record| {
            let end = text[from..].find(record.as_str()).unwrap() + from + record.len();
            from = end;
            end <= cut
        });
        let found = notes(&text[..cut]);
        prop_assert_eq!(texts(&found), complete.collect::<Vec<_>>());
        prop_assert!(found.faults.is_empty());
    }

    #[test]
    fn no_record_that_begins_a_line_is_lost(
        lines in prop::collection::vec((record(), any::<prop::sample::Index>(), any::<bool>()), 1..6),
    ) {
        // Some lines are cut off somewhere, all others must be found.
        let mut text = String::new();
        let mut whole = Vec::new();
        for (record, cut, damaged) in &lines {
            if *damaged {
                let cut = cut.index(record.len());
                let cut = (0..=cut).rev().find(|at| record.is_char_boundary(*at)).unwrap();
                text.push_str(&record[..cut]);
            } else {
                text.push_str(record);
                whole.push(record.as_str());
            }
            text.push('\n');
        }
        let found = notes(&text);
        prop_assert_eq!(texts(&found), whole);
    }

    #[test]
    fn anything_at_all_is_survived(bytes in prop::collection::vec(telling_byte(), 0..200)) {
        let found = notes(&bytes);
        let places: Vec<u64> = found.faults.iter().map(|(at, _)| *at).collect();
        prop_assert!(places.iter().all(|at| *at <= bytes.len() as u64));
        prop_assert!(places.len() <= bytes.len());
    }
}
