//! What a definition may ask of the machine: variables of the environment and files, both bounded.
//!
//! Behind a trait, so that a test owns its environment and its files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Files that one `include` pattern may match.
const MATCHES: usize = 10_000;

/// The machine as a definition sees it.
pub trait Surroundings {
    /// The environment.
    fn environment(&self) -> &BTreeMap<String, String>;

    /// The content of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// Says what is wrong, e.g. `No such file or directory` or `larger than 10 bytes`.
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, String>;

    /// The files whose path matches a glob pattern, sorted.
    ///
    /// # Errors
    /// Says what is wrong with the pattern, or with a directory it names.
    fn matching(&self, pattern: &str) -> Result<Vec<PathBuf>, String>;
}

/// The real machine: its files, and an environment that was taken once at start.
#[derive(Debug, Default)]
pub struct Machine {
    environment: BTreeMap<String, String>,
}

impl Machine {
    /// A machine with this environment.
    pub fn new(environment: BTreeMap<String, String>) -> Self {
        Self { environment }
    }
}

impl Surroundings for Machine {
    fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut content = Vec::new();
        file.take(bound)
            .read_to_end(&mut content)
            .map_err(|error| error.to_string())?;
        if content.len() > limit {
            return Err(format!("larger than {limit} bytes"));
        }
        Ok(content)
    }

    fn matching(&self, pattern: &str) -> Result<Vec<PathBuf>, String> {
        let paths = glob::glob(pattern).map_err(|error| error.to_string())?;
        let mut found = Vec::new();
        for path in paths {
            if found.len() == MATCHES {
                return Err(format!("matches more than {MATCHES} files"));
            }
            found.push(path.map_err(|error| error.to_string())?);
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! A machine made of two maps.

    use super::*;

    /// Files by path, and an environment.
    #[derive(Debug, Default)]
    pub(crate) struct Fake {
        pub(crate) environment: BTreeMap<String, String>,
        pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
    }

    impl Fake {
        pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
            self.environment.insert(name.to_owned(), value.to_owned());
            self
        }

        pub(crate) fn file(mut self, path: &str, content: &str) -> Self {
            self.files
                .insert(PathBuf::from(path), content.as_bytes().to_vec());
            self
        }
    }

    impl Surroundings for Fake {
        fn environment(&self) -> &BTreeMap<String, String> {
            &self.environment
        }

        fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, String> {
            let content = self
                .files
                .get(path)
                .ok_or_else(|| "No such file or directory".to_owned())?;
            if content.len() > limit {
                return Err(format!("larger than {limit} bytes"));
            }
            Ok(content.clone())
        }

        fn matching(&self, pattern: &str) -> Result<Vec<PathBuf>, String> {
            let pattern = glob::Pattern::new(pattern).map_err(|error| error.to_string())?;
            Ok(self
                .files
                .keys()
                .filter(|path| pattern.matches_path(path))
                .cloned()
                .collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_reads_to_a_limit_and_lists_in_order() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yaml", "c.txt"] {
            std::fs::write(directory.path().join(name), "12345").unwrap();
        }
        let machine = Machine::default();
        let pattern = directory.path().join("*.yaml");
        let found = machine.matching(pattern.to_str().unwrap()).unwrap();
        assert_eq!(
            found,
            [
                directory.path().join("a.yaml"),
                directory.path().join("b.yaml")
            ]
        );
        assert_eq!(machine.read(&found[0], 5), Ok(b"12345".to_vec()));
        assert_eq!(
            machine.read(&found[0], 4),
            Err("larger than 4 bytes".to_owned())
        );
        assert!(machine.read(&directory.path().join("none"), 4).is_err());
        assert!(machine.matching("***").is_err());
    }
}
