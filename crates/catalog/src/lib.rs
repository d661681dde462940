//! What CloudTrail events mean in IAM's words, as embedded data.
