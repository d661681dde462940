//! Seeded trails and a naive reference of the pipeline; depends on no product crate.
