//! The command line of trailtrim.
