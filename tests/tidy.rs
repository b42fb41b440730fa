//! House rules that no compiler checks.

#![allow(
    missing_docs,
    reason = "a test binary has no readers of its documentation"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Modules of one floor: none may import another.
const NEIGHBOURS: [&str; 4] = ["authorizer", "integration", "limit", "observe"];
/// Longest file, in lines; tables, tests and the definition of a vocabulary are let off by their names.
const FILE_LINES: usize = 450;

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn code_of(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a source can be read");
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// The module a file belongs to, e.g. `transport` for `src/transport/ws/pump.rs`.
fn module_of(path: &Path) -> String {
    let inside = path
        .strip_prefix(Path::new(ROOT).join("src"))
        .expect("a file of src");
    let first = inside.components().next().expect("a name");
    let name = first.as_os_str().to_string_lossy();
    name.trim_end_matches(".rs").to_owned()
}

fn imports(code: &str) -> Vec<String> {
    let parts = code.split("crate::").skip(1);
    parts
        .map(|part| {
            part.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

#[test]
fn modules_import_only_from_lower_floors() {
    let lib = code_of(&Path::new(ROOT).join("src/lib.rs"));
    let floors: BTreeMap<String, usize> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .enumerate()
        .map(|(floor, name)| (name.to_owned(), floor))
        .collect();
    assert!(floors.len() >= 15, "the list of modules was found");
    let mut breaches = Vec::new();
    for path in sources(&Path::new(ROOT).join("src")) {
        let module = module_of(&path);
        let Some(own) = floors.get(&module) else {
            continue;
        };
        for import in imports(&code_of(&path)) {
            let Some(floor) = floors.get(&import) else {
                continue;
            };
            let neighbour = NEIGHBOURS.contains(&&*module) && NEIGHBOURS.contains(&&*import);
            if floor > own || (neighbour && module != import) {
                breaches.push(format!("{}: crate::{import}", path.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn the_store_knows_no_http_and_no_tokio() {
    let manifest = std::fs::read_to_string(Path::new(ROOT).join("connection-store/Cargo.toml"));
    let manifest = manifest.expect("the manifest can be read");
    let (dependencies, _) = manifest
        .split_once("[dev-dependencies]")
        .expect("two sections");
    for foreign in ["tokio", "http", "hyper", "tidegate"] {
        assert!(!dependencies.contains(&format!("\n{foreign}")), "{foreign}");
    }
}

#[test]
fn every_module_says_what_it_is() {
    let folders = [
        "src",
        "connection-store/src",
        "loadtest/src",
        "examples",
        "tests",
    ];
    let all = folders
        .iter()
        .flat_map(|folder| sources(&Path::new(ROOT).join(folder)));
    let silent: Vec<_> = all
        // Tests beside the code are described by the module they test.
        .filter(|path| !path.ends_with("tests.rs"))
        .filter(|path| {
            !path
                .components()
                .any(|part| part.as_os_str() == "node_modules")
        })
        .filter(|path| {
            let text = std::fs::read_to_string(path).expect("a source can be read");
            !text.starts_with("//!")
        })
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn files_stay_small() {
    let exempt = |path: &Path| {
        let text = path.to_string_lossy();
        text.contains("tests") || text.contains("tables") || text.contains("conformance")
    };
    let long: Vec<_> = sources(&Path::new(ROOT).join("src"))
        .into_iter()
        .filter(|path| !exempt(path))
        .map(|path| (code_of(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > FILE_LINES)
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
    ];
    let folders = ["src", "connection-store/src", "loadtest/src"];
    let all = folders
        .iter()
        .flat_map(|folder| sources(&Path::new(ROOT).join(folder)));
    let left: Vec<_> = all
        .filter(|path| {
            let text = std::fs::read_to_string(path).expect("a source can be read");
            words.iter().any(|word| text.contains(word))
        })
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}
