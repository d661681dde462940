//! How files are called in results.
//!
//! An archive has millions of files, with paths of two hundred letters that differ in their ends: the
//! folder of a path is kept once for all files that are in there.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// How a file is called: its path as the user gave it, or `-`.
///
/// It compares, and is written, as that text. Copies share it.
#[derive(Clone)]
pub struct Label(Arc<Parts>);

struct Parts {
    /// Up to the last `/`.
    folder: Arc<str>,
    /// What comes after it.
    name: Box<str>,
}

impl Label {
    /// Returns the label with this text. `share` gives the copy that is kept of its folder's text.
    pub fn sharing(text: &str, share: impl FnOnce(&str) -> Arc<str>) -> Label {
        let (folder, name) = text.split_at(text.rfind('/').map_or(0, |slash| slash + 1));
        Label(Arc::new(Parts { folder: share(folder), name: name.into() }))
    }

    /// Returns whether two are copies of one, which is told without reading them.
    pub fn is(&self, other: &Label) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns a number that copies have in common, and no others while they are there.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Returns the text of the folder, as it is shared.
    pub(crate) fn folder(&self) -> &Arc<str> {
        &self.0.folder
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Label {
        Label::sharing(text, |folder| folder.into())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.folder)?;
        f.write_str(&self.0.name)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl Ord for Label {
    fn cmp(&self, other: &Label) -> Ordering {
        if self.is(other) {
            return Ordering::Equal;
        }
        let (one, two) = (&*self.0, &*other.0);
        if one.folder == two.folder {
            return one.name.cmp(&two.name);
        }
        let both = one.folder.len().min(two.folder.len());
        let ((one_start, one_rest), (two_start, two_rest)) =
            (one.folder.as_bytes().split_at(both), two.folder.as_bytes().split_at(both));
        one_start.cmp(two_start).then_with(|| {
            one_rest
                .iter()
                .chain(one.name.as_bytes())
                .cmp(two_rest.iter().chain(two.name.as_bytes()))
        })
    }
}

impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Label) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

// One text has one folder and one name.
impl PartialEq for Label {
    fn eq(&self, other: &Label) -> bool {
        self.is(other) || (self.0.name == other.0.name && self.0.folder == other.0.folder)
    }
}

impl Eq for Label {}

impl PartialEq<str> for Label {
    fn eq(&self, other: &str) -> bool {
        other.strip_prefix(&*self.0.folder) == Some(&*self.0.name)
    }
}

impl Hash for Label {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.folder.hash(state);
        self.0.name.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn labels_compare_as_their_texts(one in "[ab/]{0,6}", two in "[ab/]{0,6}") {
            let (a, b) = (Label::from(one.as_str()), Label::from(two.as_str()));
            prop_assert_eq!(a.to_string(), one.as_str());
            prop_assert_eq!(a.cmp(&b), one.cmp(&two));
            prop_assert_eq!(a == b, one == two);
            prop_assert_eq!(a == *two.as_str(), one == two);
            let hasher = RandomState::new();
            prop_assert!(one != two || hasher.hash_one(&a) == hasher.hash_one(&b));
        }
    }
}
