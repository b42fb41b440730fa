//! Lets the linker of a release keep one of functions that are equal (identical code folding), where it can: instances of
//! generic code for different types often are. It makes the program smaller and costs nothing; linkers that do not know it
//! link as ever.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

const FOLDING: &str = "-Wl,--icf=all";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for variable in ["RUSTC_LINKER", "CARGO_ENCODED_RUSTFLAGS"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let is = |variable: &str, value: &str| env::var_os(variable).is_some_and(|own| own == value);
    // A C library that is linked in was not made for it: its functions may be told apart by their addresses.
    let features = env::var_os("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let fixed = features.to_string_lossy().contains("crt-static");
    let release = is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux");
    if release && !fixed && folds() == Some(true) {
        println!("cargo::rustc-link-arg-bin=tidegate={FOLDING}");
    }
}

/// Whether the compiler, told what it will be told for the program, links with that option; nothing if that cannot be tried.
fn folds() -> Option<bool> {
    let folder = env::var_os("OUT_DIR")?;
    let source = Path::new(&folder).join("smallest.rs");
    std::fs::write(&source, "fn main() {}").ok()?;
    let mut compiler = Command::new(env::var_os("RUSTC")?);
    compiler.arg("--target").arg(env::var_os("TARGET")?);
    let flags = env::var_os("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let flags = flags.into_string().ok()?;
    compiler.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        compiler.arg("-C").arg(option);
    }
    compiler.arg("-C").arg(format!("link-arg={FOLDING}"));
    compiler.arg("--out-dir").arg(&folder).arg(&source);
    let tried = compiler
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    Some(tried.ok()?.success())
}
