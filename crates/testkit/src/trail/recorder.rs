//! Turns calls into events: gives them ids, and the marks of who made them.

use std::sync::Arc;

use super::clock::Seconds;
use super::event::{Call, Ending, Event};
use super::identity::Identity;
use crate::random::Random;

/// Someone at work: an identity, where it calls from, and with what.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub who: Arc<Identity>,
    /// The account that is called.
    pub account: String,
    /// The region that is called.
    pub region: String,
    /// The address it calls from.
    pub address: String,
    /// Its software.
    pub agent: String,
}

impl Actor {
    /// Returns the same actor, calling another region.
    #[must_use]
    pub fn region(&self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self.clone() }
    }
}

/// Collects events.
#[derive(Clone, Debug)]
pub struct Recorder {
    random: Random,
    events: Vec<Event>,
}

impl Recorder {
    /// Returns an empty recorder that draws its ids from `random`.
    pub fn new(random: Random) -> Self {
        Self { random, events: Vec::new() }
    }

    /// Records a call that succeeded.
    pub fn done(&mut self, actor: &Actor, time: Seconds, call: Call) {
        self.ended(actor, time, call, Ending::Done);
    }

    /// Records a call and how it ended.
    pub fn ended(&mut self, actor: &Actor, time: Seconds, call: Call, ending: Ending) {
        let event = self.event(actor, time, call, ending);
        self.events.push(event);
    }

    /// Records a call that `service` made on the actor's behalf.
    pub fn through(
        &mut self,
        service: &'static str,
        actor: &Actor,
        time: Seconds,
        call: Call,
        ending: Ending,
    ) {
        let mut event = self.event(actor, time, call, ending);
        event.invoked_by = Some(service);
        service.clone_into(&mut event.address);
        service.clone_into(&mut event.agent);
        self.events.push(event);
    }

    /// Records one action that two accounts get a copy of, under ids of their own.
    pub fn shared(&mut self, actor: &Actor, other: &str, time: Seconds, call: Call) {
        let shared = self.random.uuid();
        let mut mine = self.event(actor, time, call, Ending::Done);
        mine.shared = Some(shared);
        let mut theirs = mine.clone();
        other.clone_into(&mut theirs.recipient);
        theirs.id = self.random.uuid();
        if let Some(account) = mine.who.account() {
            // The owner's copy tells no more of the caller than its unique id.
            let id = match &*mine.who {
                Identity::User(user) | Identity::UserSession(user, _) => user.id.clone(),
                Identity::Session(session) => format!("{}:{}", session.role.id, session.name),
                _ => account.id.clone(),
            };
            theirs.who = Arc::new(Identity::Foreign(account.clone(), id));
        }
        self.events.extend([mine, theirs]);
    }

    /// Makes an event without keeping it.
    pub fn event(&mut self, actor: &Actor, time: Seconds, call: Call, ending: Ending) -> Event {
        Event {
            who: Arc::clone(&actor.who),
            invoked_by: None,
            call,
            ending,
            time,
            region: actor.region.clone(),
            recipient: actor.account.clone(),
            id: self.random.uuid(),
            request: self.random.uuid(),
            shared: None,
            address: actor.address.clone(),
            agent: actor.agent.clone(),
        }
    }

    /// Returns what was recorded, in the order of time.
    pub fn finish(mut self) -> Vec<Event> {
        self.events.sort_by_key(|event| event.time);
        self.events
    }
}
