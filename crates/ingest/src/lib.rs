//! Finds, opens, frames and parses CloudTrail archives in parallel.
