//! Chores of the project: `cargo run -p coachwhip-xtask -- docs` writes the pages of `docs/reference` that follow from tables; `-- docs --check` fails if one is stale;
//! `-- check-abi PYTHON...` compares opcodes and layouts with interpreters and their headers.

mod check_abi;
mod docs;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: coachwhip-xtask docs [--check] | check-abi PYTHON...";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["docs"] => docs::write(&root()),
        ["docs", "--check"] => docs::check(&root()),
        ["check-abi", ref pythons @ ..] if !pythons.is_empty() => check_abi::check(&root(), pythons),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
