//! Tests of the IR and of passes from text to text: files `tests/filetests/**/*.cwir`. Without Python.
//!
//! A file is a header of `;` lines, the IR, a line `; ---`, and what is expected. With `COACHWHIP_BLESS=1` the expectation is rewritten.
//!
//! | header line | meaning |
//! |---|---|
//! | `; test parse` | the IR is read and printed; or the error is expected |
//! | `; test verify` | `ok`, or what the verifier finds |
//! | `; test opt PASS PASS ...` | the IR after the passes; the verifier runs after each |
//! | `; test analyse` | dominators, loops, liveness |
//! | `; test evaluate` | a line for each `; run` line: how it ends and what it calls |
//! | `; run VALUE ...` | arguments for `evaluate`; in `opt` tests the outcome must not change |
//! | `; object VALUE`, `; object CLASS` | the next object of the facts: `5`, `1.5`, `True`, `None`, `"text"`, `List` |
//! | `; class NAME CLASS` | the next class of the facts and its built-in class (`Other` for user classes) |
//! | `; code NAME PARAMETERS SLOT ...` | the next code object of the facts: its number of parameters and the names of its slots |

pub mod analyse;
pub mod facts;
pub mod generate;

use coachwhip_abi::facts::Facts;
use coachwhip_compiler::opt::run_pass;
use coachwhip_ir::evaluate::{Concrete, End, Outcome, evaluate};
use coachwhip_ir::{Function, parse, verify, verify_to_text};
use std::fs;
use std::path::{Path, PathBuf};

/// The line between the input and what is expected.
const SEPARATOR: &str = "; ---";

/// A test file.
#[derive(Debug)]
pub struct Case {
    /// All up to the separator.
    pub input: String,
    /// All after it.
    pub expected: String,
    /// The words after `; test`.
    pub kind: Vec<String>,
    /// The facts of the header.
    pub facts: Facts,
    /// Arguments to run the function with.
    pub runs: Vec<Vec<Concrete>>,
}

/// How many instructions a run may take.
const STEPS: usize = 100_000;

impl Case {
    /// Reads a file's text.
    ///
    /// # Errors
    /// A header that is not understood.
    pub fn parse(text: &str) -> Result<Case, String> {
        let mut case = Case { input: String::new(), expected: String::new(), kind: Vec::new(), facts: Facts::default(), runs: Vec::new() };
        let mut after = false;
        for line in text.lines() {
            if !after && line.trim_end() == SEPARATOR {
                after = true;
                continue;
            }
            let part = if after { &mut case.expected } else { &mut case.input };
            part.push_str(line);
            part.push('\n');
            let Some(header) = line.strip_prefix("; ").filter(|_| !after) else { continue };
            let (word, rest) = header.split_once(' ').unwrap_or((header, ""));
            match word {
                "test" => case.kind = rest.split_whitespace().map(str::to_owned).collect(),
                "run" => {
                    case.runs.push(rest.split_whitespace().map(facts::concrete).collect::<Result<_, _>>()?);
                }
                "object" | "class" | "code" => facts::add(&mut case.facts, word, rest)?,
                _ => {}
            }
        }
        if case.kind.is_empty() { Err("the header has no `; test` line".to_owned()) } else { Ok(case) }
    }

    /// What the test yields now.
    ///
    /// # Errors
    /// What keeps it from yielding anything.
    pub fn run(&self) -> Result<String, String> {
        let kind = self.kind[0].as_str();
        let function = match parse(&self.input) {
            Ok(function) => function,
            Err(error) if kind == "parse" => return Ok(format!("error: {error}\n")),
            Err(error) => return Err(error.to_string()),
        };
        match kind {
            "parse" => {
                let printed = function.to_string();
                let again = parse(&printed).map_err(|error| format!("printed and read again: {error}"))?.to_string();
                if again == printed { Ok(printed) } else { Err(format!("printed, read and printed again:\n{again}")) }
            }
            "verify" => Ok(match verify(&function) {
                Ok(()) => "ok\n".to_owned(),
                Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
            }),
            "analyse" => {
                verify_to_text(&function)?;
                Ok(analyse::describe(&function))
            }
            "evaluate" => {
                verify_to_text(&function)?;
                let texts = self.runs.iter().map(|arguments| outcome(&function, arguments).map(|text| text + "\n"));
                texts.collect()
            }
            "opt" => {
                verify_to_text(&function)?;
                let optimized = optimize(&function, &self.kind[1..], &self.facts)?;
                let may_leave_earlier = self.kind.iter().any(|pass| MAY_LEAVE_EARLIER.contains(&pass.as_str()));
                for arguments in &self.runs {
                    let (before, after) = (run(&function, arguments)?, run(&optimized, arguments)?);
                    if !agrees(&before, &after, may_leave_earlier) {
                        return Err(format!("{arguments:?}: was {before:?}, is {after:?} in\n{optimized}"));
                    }
                }
                Ok(optimized.to_string())
            }
            other => Err(format!("there is no kind of test `{other}`")),
        }
    }
}

/// Runs passes, with the verifier after each.
///
/// # Errors
/// A pass that does not exist or fails, or what the verifier finds.
pub fn optimize(function: &Function, passes: &[String], facts: &Facts) -> Result<Function, String> {
    let mut function = function.clone();
    for pass in passes {
        run_pass(pass, &mut function, facts)?;
    }
    Ok(function)
}

/// Runs a function on arguments.
///
/// # Errors
/// See [`evaluate`].
pub fn run(function: &Function, arguments: &[Concrete]) -> Result<Outcome, String> {
    evaluate(function, arguments, STEPS)
}

/// The outcome of a run as a line.
///
/// # Errors
/// See [`evaluate`].
pub fn outcome(function: &Function, arguments: &[Concrete]) -> Result<String, String> {
    let outcome = run(function, arguments)?;
    let mut text = format!("{:?}", outcome.end);
    for event in outcome.events {
        text.push_str("; ");
        text.push_str(&event);
    }
    if !outcome.stored.is_empty() {
        text.push_str("; stored ");
        text.push_str(&outcome.stored.join(", "));
    }
    Ok(text)
}

/// Passes that may make a function leave earlier than before: they move guards out of loops. The interpreter then does what the function did in between.
pub const MAY_LEAVE_EARLIER: &[&str] = &["hoist", "unbox"];

/// Whether a pass kept what can be noticed of a run.
#[must_use]
pub fn agrees(before: &Outcome, after: &Outcome, may_leave_earlier: bool) -> bool {
    before == after || (may_leave_earlier && matches!(after.end, End::Exit(_)) && before.events.starts_with(&after.events))
}

/// Runs a test file; with `bless`, writes what it yields into it.
///
/// # Errors
/// A text that says what is wrong.
pub fn run_file(path: &Path, bless: bool) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let case = Case::parse(&text)?;
    let found = case.run()?;
    if found == case.expected {
        Ok(())
    } else if bless {
        fs::write(path, format!("{}{SEPARATOR}\n{found}", case.input)).map_err(|error| error.to_string())
    } else {
        Err(format!("expected\n{}\nfound\n{found}\n{}", case.expected, first_difference(&case.expected, &found)))
    }
}

fn first_difference(expected: &str, found: &str) -> String {
    let (mut expected, mut found) = (expected.lines(), found.lines());
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return String::new(),
            (left, right) if left == right => {}
            (left, right) => {
                return format!("first difference:\n- {}\n+ {}", left.unwrap_or("(end)"), right.unwrap_or("(end)"));
            }
        }
    }
}

/// All test files below a folder, in order.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "cwir") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
