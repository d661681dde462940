//! From grants to policies and the report.
