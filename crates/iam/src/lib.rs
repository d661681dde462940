//! The IAM policy language: read, print, match, evaluate, contain.
