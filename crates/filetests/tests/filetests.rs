//! Runs every file of `tests/filetests`.

use std::path::Path;

#[test]
fn files_yield_what_they_expect() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/filetests");
    let files = coachwhip_filetests::files(&folder);
    assert!(!files.is_empty(), "there are no test files");
    let bless = std::env::var_os("COACHWHIP_BLESS").is_some_and(|value| value == "1");
    let mut failures = Vec::new();
    for path in files {
        if let Err(message) = coachwhip_filetests::run_file(&path, bless) {
            let name = path.strip_prefix(&folder).unwrap_or(&path);
            failures.push(format!("{}: {message}", name.display()));
        }
    }
    assert!(failures.is_empty(), "{}\n(COACHWHIP_BLESS=1 rewrites expectations)", failures.join("\n"));
}
