//! Cuts a stream of JSON into the elements that may hold a record.
//!
//! Terms: a *wrapper* is an object with a member that is known to hold an array of elements
//! (`Records`, `Events`, `logEvents` and others), or an array. Wrappers are entered, so that their
//! elements come one by one, however large the wrapper; every other value is an *element*. An
//! element is handed over whole, as one slice of the window, with the places of its members, so
//! that it is scanned once.
//!
//! Surprising here:
//! - What is a wrapper is told by its keys, and they may come in any order. An object is
//!   therefore kept until its end shows that it was an element, or a key shows that it was not.
//! - A value that outgrows [`ELEMENT_LIMIT`] is still followed to its end, but not kept; a
//!   wrapper after a huge member is still entered.
//! - After a fault in the grammar nothing is known of the nesting any more. Reading goes on at
//!   the next place that looks like the start of a record, as if at top level, where then the
//!   brackets and commas left over from before the fault are let pass. It goes back only to the
//!   start of a line inside the element that could not be read, which can happen once a level
//!   of nesting, so each byte is looked at a bounded number of times.

use std::ops::Range;

use crate::grammar::{Fault, Fed, Scanner};
use crate::scan::{self, Scanned, Seen};
use crate::skim;
use crate::window::{Source, Window};
use crate::{Framing, Road, resync};

/// The most bytes that an element may have, as it stands in the file.
///
/// Four times the largest record ([`RECORD_LIMIT`](crate::RECORD_LIMIT)): a record inside a string
/// grows by its escapes, at worst to the double, and may be indented.
pub(crate) const ELEMENT_LIMIT: usize = 4 * 1024 * 1024;

/// The longest key that is compared once an object is no longer kept.
const KEY_LIMIT: usize = 1024;

/// What an answer of AWS has beside its list where that is not all of it.
const CONTINUED: [&[u8]; 2] = [b"NextToken", b"nextToken"];

/// The most members that an element may have; a record has some thirty.
const MEMBER_LIMIT: usize = 1024;

/// How deep wrappers may stand in one another; what is deeper is taken as an element.
const MAX_WRAPPERS: usize = 16;

/// The array that elements stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    /// None: at top level, on a line of its own or not.
    Top,
    /// None: behind the time of a CloudWatch Logs export line.
    ExportLine,
    /// An array without a name.
    Bare,
    /// `Records`.
    Records,
    /// `Events`.
    Events,
    /// `logEvents`.
    LogEvents,
    /// `hits`.
    Hits,
    /// `QueryResultRows`, what `aws cloudtrail get-query-results` prints.
    Rows,
}

impl Within {
    /// Returns which wrapper the array under `key` is, if any.
    pub(crate) fn of_key(key: &[u8]) -> Option<Self> {
        match key {
            b"Records" => Some(Self::Records),
            b"Events" => Some(Self::Events),
            // The latter as `aws logs filter-log-events` prints them.
            b"logEvents" | b"events" => Some(Self::LogEvents),
            b"hits" => Some(Self::Hits),
            b"QueryResultRows" => Some(Self::Rows),
            _ => None,
        }
    }

    /// Returns the packaging that the array stands for.
    pub(crate) const fn framing(self) -> Option<Framing> {
        match self {
            Self::Top | Self::Bare => None,
            Self::ExportLine => Some(Framing::ExportLines),
            Self::Records => Some(Framing::Records),
            Self::Events => Some(Framing::LookupEvents),
            Self::LogEvents => Some(Framing::LogEvents),
            Self::Hits => Some(Framing::Elastic),
            Self::Rows => Some(Framing::Query),
        }
    }
}

/// One member of an element, as offsets into its text; the key without its quotes.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// A complete JSON value that may hold a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    /// Its text, of checked grammar, but perhaps not UTF-8.
    pub(crate) bytes: &'a [u8],
    /// Its members; empty where it is no object.
    pub(crate) members: &'a [Member],
    /// Offset of its first byte in the stream.
    pub(crate) at: u64,
    /// What it stands in.
    pub(crate) within: Within,
}

/// Receives what the framer finds, in the order of the stream.
pub(crate) trait Sink {
    /// Takes an element.
    fn element(&mut self, element: Element<'_>);
    /// Takes an element that was scanned as a record; `false` where it is none after all, and is
    /// to be read on the general road. It has no members.
    fn scanned(&mut self, scanned: &Scanned, element: Element<'_>) -> bool;
    /// Says up to where in the stream, from `at` on, nothing is looked for.
    fn quiet_until(&self, at: u64) -> u64 {
        at
    }
    /// Takes note of an object in `Records` that was passed over, since nothing in it is looked for.
    fn passed(&mut self) {}
    /// Takes note of a wrapper that was entered.
    fn wrapper(&mut self, within: Within);
    /// Takes note that the wrapper says at `at` that more of its elements follow elsewhere.
    fn continued(&mut self, at: u64);
    /// Learns a key of an object that is growing too large to be an element.
    fn large_key(&mut self, key: &[u8]);
    /// Takes note of a value that was too large to be kept; its keys came before.
    fn oversized(&mut self, at: u64);
    /// Takes note of a wrong byte, and that everything up to the next element is lost.
    fn fault(&mut self, at: u64, fault: Fault);
    /// Takes note of a value, begun at `at`, that the stream ends in.
    fn unfinished(&mut self, at: u64);
}

/// Why a value could not be read to its end.
#[derive(Clone, Copy)]
enum Stop {
    /// The stream ended, in a value that begins here.
    End(u64),
    /// The byte here is wrong.
    Fault(u64, Fault),
}

/// A wrapper that was entered.
#[derive(Clone, Copy)]
enum Level {
    /// `fresh`: nothing of it was read yet, so neither comma nor end is due.
    Array {
        within: Within,
        fresh: bool,
    },
    Object {
        fresh: bool,
    },
}

/// Reads `window` to its end and hands `sink` what it holds.
///
/// On the fast road, `seen` remembers from file to file, and is given back.
pub(crate) fn frame<S: Source>(
    window: &mut Window<'_, S>,
    road: Road,
    seen: Seen,
    sink: &mut impl Sink,
) -> Seen {
    let mut members = Vec::new();
    let stack = Vec::new();
    let mut framer = Framer { window, at: 0, kept: true, members: &mut members, stack, road, seen };
    framer.run(sink);
    framer.seen
}

struct Framer<'f, 'b, S> {
    window: &'f mut Window<'b, S>,
    /// Offset in the window of the next byte to look at.
    at: usize,
    /// Whether everything from the start of the window is kept.
    kept: bool,
    members: &'f mut Vec<Member>,
    stack: Vec<Level>,
    road: Road,
    seen: Seen,
}

impl<S: Source> Framer<'_, '_, S> {
    fn run(&mut self, sink: &mut impl Sink) {
        let mut recovering = false;
        let mut lost = None;
        loop {
            self.kept = false;
            let step = match self.stack.last().copied() {
                None => match self.top(recovering, sink) {
                    Ok(true) => Ok(()),
                    Ok(false) => return,
                    Err(stop) => Err(stop),
                },
                Some(Level::Array { within, fresh }) => self.array(within, fresh, sink),
                Some(Level::Object { fresh }) => self.object(fresh, sink),
            };
            match step {
                Ok(()) => {}
                Err(stop) => {
                    recovering = true;
                    if !self.recover(stop, &mut lost, sink) {
                        return;
                    }
                }
            }
        }
    }

    /// Reports where reading stopped and finds where to go on; returns false where nowhere.
    ///
    /// `lost` is the place last reported: going back into an element may lead there again.
    fn recover(&mut self, stop: Stop, lost: &mut Option<u64>, sink: &mut impl Sink) -> bool {
        let at = match stop {
            Stop::End(_) => self.here(),
            Stop::Fault(at, _) => at,
        };
        if lost.replace(at) != Some(at) {
            match stop {
                Stop::End(begin) => sink.unfinished(begin),
                Stop::Fault(at, fault) => sink.fault(at, fault),
            }
        }
        let within = self.stack.iter().rev().find_map(|level| match level {
            Level::Array { within, .. } => Some(*within),
            Level::Object { .. } => None,
        });
        self.stack.clear();
        // A line that was cut off after a colon has taken the next line for its value.
        if self.kept && self.at <= ELEMENT_LIMIT {
            let element = self.window.held().get(..self.at).unwrap_or_default();
            if let Some(line) = resync::line_inside(element) {
                self.at = line;
                self.release();
                return true;
            }
        }
        self.release();
        let goes_on = matches!(stop, Stop::Fault(..));
        if goes_on {
            resync::seek(self.window, within);
        }
        goes_on
    }

    /// Reads one value at top level; returns false at the end.
    fn top(&mut self, recovering: bool, sink: &mut impl Sink) -> Result<bool, Stop> {
        let Some(byte) = self.skip_space(sink) else { return Ok(false) };
        match byte {
            b'{' | b'[' | b'"' => self.value(Within::Top, sink)?,
            b',' | b']' | b'}' if recovering => self.at += 1,
            b'0'..=b'9' => {
                let begin = self.here();
                self.release();
                self.window.ensure(resync::STAMP_ROOM);
                let Some(length) = resync::stamp_length(self.window.held()) else {
                    return Err(self.expected("an object or an array"));
                };
                self.at += length;
                match self.skip_space(sink) {
                    Some(b'{') => self.value(Within::ExportLine, sink)?,
                    Some(_) => return Err(self.expected("an object after the time")),
                    None => return Err(Stop::End(begin)),
                }
            }
            _ => return Err(self.expected("an object or an array")),
        }
        Ok(true)
    }

    /// Reads the next element of the innermost array, or its end.
    fn array(&mut self, within: Within, fresh: bool, sink: &mut impl Sink) -> Result<(), Stop> {
        let byte = self.skip_space(sink).ok_or(Stop::End(self.here()))?;
        match byte {
            b']' => {
                self.at += 1;
                self.stack.pop();
                return Ok(());
            }
            b',' if !fresh => {
                self.at += 1;
                self.skip_space(sink).ok_or(Stop::End(self.here()))?;
            }
            _ if fresh => {}
            _ => return Err(self.expected("`,` or `]`")),
        }
        if let Some(Level::Array { fresh, .. }) = self.stack.last_mut() {
            *fresh = false;
        }
        self.value(within, sink)
    }

    /// Goes on in the innermost wrapper object.
    fn object(&mut self, fresh: bool, sink: &mut impl Sink) -> Result<(), Stop> {
        let begin = self.here();
        if let Some(Level::Object { fresh }) = self.stack.last_mut() {
            *fresh = false;
        }
        if !fresh {
            match self.skip_space(sink).ok_or(Stop::End(begin))? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    self.stack.pop();
                    return Ok(());
                }
                _ => return Err(self.expected("`,` or `}`")),
            }
        }
        if self.members(begin, fresh, true, sink)? == Members::AllRead {
            self.stack.pop();
        }
        Ok(())
    }

    /// Returns the length of the object that starts here, if it ends within so many bytes.
    fn quiet_object(&self, quiet: u64) -> Option<usize> {
        if quiet == 0 {
            return None;
        }
        let held = self.window.held();
        let quiet = usize::try_from(quiet).unwrap_or(usize::MAX).min(ELEMENT_LIMIT);
        skim::object(held.get(..quiet).unwrap_or(held))
    }

    /// Reads the value that starts here, entering it where it is a wrapper.
    fn value(&mut self, within: Within, sink: &mut impl Sink) -> Result<(), Stop> {
        self.release();
        let begin = self.here();
        match self.window.held().first() {
            Some(b'[') if self.stack.len() < MAX_WRAPPERS => {
                self.at += 1;
                let within = if within == Within::Top { Within::Bare } else { within };
                self.stack.push(Level::Array { within, fresh: true });
                return Ok(());
            }
            Some(b'{') => {
                if self.road == Road::Fast
                    && within == Within::Records
                    && let Some(length) = self.quiet_object(sink.quiet_until(begin) - begin)
                {
                    sink.passed();
                    self.at = length;
                    return Ok(());
                }
                if self.road == Road::Fast
                    && let Some(scanned) = scan::record(self.window.held(), &mut self.seen)
                {
                    let bytes = self.window.held().get(..scanned.length).unwrap_or_default();
                    let element = Element { bytes, members: &[], at: begin, within };
                    if sink.scanned(&scanned, element) {
                        self.at = scanned.length;
                        return Ok(());
                    }
                }
                self.kept = true;
                self.members.clear();
                self.at = 1;
                if self.members(begin, true, false, sink)? == Members::Entered {
                    return Ok(());
                }
            }
            _ => {
                self.kept = true;
                self.members.clear();
                self.scan(begin, 0, sink)?;
            }
        }
        if self.kept && self.at <= ELEMENT_LIMIT {
            let bytes = self.window.held().get(..self.at).unwrap_or_default();
            sink.element(Element { bytes, members: self.members, at: begin, within });
        } else {
            self.forget(sink);
            sink.oversized(begin);
        }
        Ok(())
    }

    /// Reads members up to the end of the object, or up to a wrapper, which is entered.
    ///
    /// `begin` is where the value starts that a sudden end would leave unfinished; `entered`
    /// says that the object is on the stack already.
    fn members(
        &mut self,
        begin: u64,
        mut first: bool,
        entered: bool,
        sink: &mut impl Sink,
    ) -> Result<Members, Stop> {
        let mut is_record = false;
        let mut continued = None;
        loop {
            match self.skip_space(sink).ok_or(Stop::End(begin))? {
                b'"' => {}
                b'}' if first => {
                    self.at += 1;
                    return Ok(Members::AllRead);
                }
                _ if first => return Err(self.expected("a key or `}`")),
                _ => return Err(self.expected("a key")),
            }
            first = false;
            let key = self.key(begin, sink)?;
            let name = key.clone().and_then(|key| self.window.held().get(key)).unwrap_or_default();
            is_record |= matches!(name, b"eventName" | b"eventSource" | b"eventVersion");
            let wrapper = Within::of_key(name).filter(|_| !is_record);
            let is_token = CONTINUED.contains(&name);
            if !self.kept && !entered {
                sink.large_key(name);
            }
            if self.skip_space(sink).ok_or(Stop::End(begin))? != b':' {
                return Err(self.expected("`:`"));
            }
            self.at += 1;
            let byte = self.skip_space(sink).ok_or(Stop::End(begin))?;
            if is_token && byte == b'"' {
                if entered {
                    sink.continued(self.here());
                }
                continued = Some(self.here());
            }
            if let Some(within) = wrapper
                && self.stack.len() + 2 <= MAX_WRAPPERS
                && (byte == b'[' || (byte == b'{' && within == Within::Hits))
            {
                self.at += 1;
                if !entered {
                    self.stack.push(Level::Object { fresh: false });
                }
                if byte == b'[' {
                    sink.wrapper(within);
                    if let Some(at) = continued {
                        sink.continued(at);
                    }
                    self.stack.push(Level::Array { within, fresh: true });
                } else {
                    self.stack.push(Level::Object { fresh: true });
                }
                return Ok(Members::Entered);
            }
            if self.members.len() >= MEMBER_LIMIT {
                self.forget(sink);
            }
            // Before its value, which may outgrow the limit: the key may then say what it is.
            if let (true, Some(key)) = (self.kept, key) {
                self.members.push(Member { key, value: self.at..self.at });
            }
            self.scan(begin, 0, sink)?;
            if self.kept
                && let Some(member) = self.members.last_mut()
            {
                member.value.end = self.at;
            }
            match self.skip_space(sink).ok_or(Stop::End(begin))? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(Members::AllRead);
                }
                _ => return Err(self.expected("`,` or `}`")),
            }
        }
    }

    /// Reads a key; `None` where it is too long to be one that matters.
    fn key(&mut self, begin: u64, sink: &mut impl Sink) -> Result<Option<Range<usize>>, Stop> {
        if !self.kept {
            self.release();
        }
        let start = self.at;
        let whole = self.scan(begin, KEY_LIMIT, sink)?;
        Ok(whole.then(|| start + 1..self.at - 1))
    }

    /// Reads over one value; returns whether the window still holds all of it.
    fn scan(&mut self, begin: u64, hold: usize, sink: &mut impl Sink) -> Result<bool, Stop> {
        let mut scanner = Scanner::new();
        let mut whole = true;
        loop {
            let piece = self.window.held().get(self.at..).unwrap_or_default();
            match scanner.feed(piece) {
                Fed::Done(length) => {
                    self.at += length;
                    return Ok(whole);
                }
                Fed::Fault(offset, fault) => {
                    self.at += offset;
                    return Err(Stop::Fault(self.here(), fault));
                }
                Fed::More => {
                    self.at += piece.len();
                    whole &= self.let_go(hold, sink);
                    if !self.window.fill() {
                        return if scanner.may_end() { Ok(whole) } else { Err(Stop::End(begin)) };
                    }
                }
            }
        }
    }

    /// Reads over white space and returns the byte after it, without taking it.
    fn skip_space(&mut self, sink: &mut impl Sink) -> Option<u8> {
        loop {
            let rest = self.window.held().get(self.at..).unwrap_or_default();
            match rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
                Some(length) => {
                    self.at += length;
                    return rest.get(length).copied();
                }
                None => {
                    self.at += rest.len();
                    self.let_go(0, sink);
                    if !self.window.fill() {
                        return None;
                    }
                }
            }
        }
    }

    /// Lets go of what was read, unless it is kept or no more than `hold` bytes.
    ///
    /// What outgrows an element is kept no longer. Returns whether all is still there.
    fn let_go(&mut self, hold: usize, sink: &mut impl Sink) -> bool {
        if self.kept {
            if self.at <= ELEMENT_LIMIT {
                return true;
            }
            self.forget(sink);
        } else if self.at <= hold {
            return true;
        }
        self.release();
        false
    }

    /// Keeps the element no longer, but tells its keys.
    fn forget(&mut self, sink: &mut impl Sink) {
        if self.kept {
            for member in self.members.drain(..) {
                sink.large_key(self.window.held().get(member.key).unwrap_or_default());
            }
        }
        self.kept = false;
    }

    /// Lets the window start at the next byte to look at.
    fn release(&mut self) {
        self.window.consume(self.at);
        self.at = 0;
    }

    /// Returns the offset in the stream of the next byte to look at.
    fn here(&self) -> u64 {
        self.window.position() + self.at as u64
    }

    fn expected(&self, what: &'static str) -> Stop {
        Stop::Fault(self.here(), Fault::Expected(what))
    }
}

/// How far the members of an object were read.
#[derive(PartialEq, Eq)]
enum Members {
    /// To the closing brace.
    AllRead,
    /// Into a wrapper, which is on the stack now.
    Entered,
}

#[cfg(test)]
mod tests;
