//! Trails made by seed: who calls what, and the files CloudTrail would leave behind.
//!
//! A [`event::Call`] is what is called and which permissions that takes, an
//! [`event::Event`] is a call by someone at some time with an outcome, an
//! [`archive::File`] is what stands in the bucket. The truth is therefore known
//! beside the log, and stays known where the log hides a part of it.

pub mod api;
pub mod archive;
pub mod clock;
pub mod corpus;
pub mod denial;
pub mod event;
pub mod fixture;
pub mod identity;
pub mod json;
pub mod recorder;
pub mod scenario;
pub mod selectors;
pub mod task;
pub mod world;
