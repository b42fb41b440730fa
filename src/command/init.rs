//! `tidegate init`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;

use super::{print, refuse};

/// Writes the starter definition, and never over another one.
pub(super) fn init(directory: &Path) -> ExitCode {
    let path = directory.join("tidegate.yaml");
    let created = std::fs::create_dir_all(directory)
        .and_then(|()| OpenOptions::new().write(true).create_new(true).open(&path))
        .and_then(|mut file| file.write_all(tidegate::definition::starter().as_bytes()));
    match created {
        Ok(()) => print(&format!("{}\n", path.display())),
        Err(problem) if problem.kind() == ErrorKind::AlreadyExists => refuse(&format!(
            "{} exists; name another directory",
            path.display()
        )),
        Err(problem) => refuse(&format!("{}: {problem}", path.display())),
    }
}
