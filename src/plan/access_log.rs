//! Access logs: what a line says and where it goes.

use std::path::PathBuf;

use crate::lang::access_log::AccessLogFormat;

/// `accessLogSettings`.
#[derive(Debug)]
pub struct AccessLog {
    /// Where lines go.
    pub destination: Destination,
    /// What a line says.
    pub format: AccessLogFormat,
}

/// `destinationArn`: in place of a log group's ARN, a stream of this process or a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file that lines are appended to.
    File(PathBuf),
}
