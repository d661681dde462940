//! Who did what: attribution, outcome, usage, grants.
