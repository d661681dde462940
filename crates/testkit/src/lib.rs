//! Seeded trails and a naive reference of the pipeline; depends on no product crate.
//!
//! [`trail`] makes CloudTrail archives of any size, always the same bytes for the
//! same seed. [`reference`] reads archives slowly and plainly. Nothing here shares code with the product: where both
//! agree, they agree about CloudTrail and not about a common mistake.

pub mod random;
pub mod reference;
pub mod trail;
