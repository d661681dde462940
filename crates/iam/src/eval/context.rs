//! The request context: what is known of the keys that conditions ask for.

use std::collections::BTreeMap;

/// Context keys and their values. Keys are compared without regard to case.
///
/// A closed context is complete: a key that is not in it is absent from the
/// request. In an open one, such a key is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    keys: BTreeMap<String, Option<Vec<String>>>,
    open: bool,
}

/// What is known of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup<'a> {
    /// The key has these values, at least one.
    Present(&'a [String]),
    /// The request does not have the key.
    Absent,
    /// Nobody knows.
    Unknown,
}

impl Context {
    /// Returns an empty context in which every other key is absent.
    #[must_use]
    pub fn closed() -> Self {
        Self::default()
    }

    /// Returns an empty context in which every other key is unknown.
    #[must_use]
    pub fn open() -> Self {
        Self { keys: BTreeMap::new(), open: true }
    }

    /// Adds a value to a key; more than one make it multi-valued.
    pub fn add(&mut self, key: &str, value: impl Into<String>) {
        let values = self.keys.entry(key.to_ascii_lowercase()).or_default();
        values.get_or_insert_default().push(value.into());
    }

    /// Says that the request does not have the key.
    pub fn set_absent(&mut self, key: &str) {
        self.keys.insert(key.to_ascii_lowercase(), None);
    }

    /// Iterates over the keys that are known: their values, or `None` where
    /// the key is known to be absent. Keys are in lower case and sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[String]>)> {
        self.keys.iter().map(|(key, values)| (key.as_str(), values.as_deref()))
    }

    /// Sets what is known of a key (in lower case), whatever was known before.
    pub(crate) fn put(&mut self, key: &str, values: Option<Vec<String>>) {
        self.keys.insert(key.to_owned(), values.filter(|values| !values.is_empty()));
    }

    /// Adds a value unless something is known of the key already.
    pub(crate) fn put_new(&mut self, key: &str, value: impl Into<String>) {
        self.keys.entry(key.to_owned()).or_insert_with(|| Some(vec![value.into()]));
    }

    /// Says that the request does not have a key unless something is known of it already.
    pub(crate) fn put_new_absent(&mut self, key: &str) {
        self.keys.entry(key.to_owned()).or_insert(None);
    }

    /// Looks a key up, given in lower case.
    pub(crate) fn lookup(&self, key: &str) -> Lookup<'_> {
        match self.keys.get(key) {
            Some(Some(values)) => Lookup::Present(values),
            Some(None) => Lookup::Absent,
            None if self.open => Lookup::Unknown,
            None => Lookup::Absent,
        }
    }

    /// Returns the same context with every key absent that is not in it.
    pub(crate) fn close(mut self) -> Self {
        self.open = false;
        self
    }
}
