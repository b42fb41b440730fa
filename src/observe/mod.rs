//! What is told about exchanges afterwards.

pub mod access_log;
