//! `coachwhip-util`: reads IR from a file and shows what becomes of it.

use coachwhip_filetests::{Case, analyse, facts, optimize, outcome};
use coachwhip_ir::{parse, verify_to_text};
use std::process::ExitCode;

const USAGE: &str = "usage: coachwhip-util cat FILE               print it as the printer does
       coachwhip-util verify FILE            check it
       coachwhip-util opt PASS,PASS FILE     run passes and print it; facts come from the header of the file
       coachwhip-util analyse FILE           dominators, loops, liveness
       coachwhip-util evaluate FILE VALUE... run it on values";

fn run(arguments: &[&str]) -> Result<String, String> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    // In a test file the IR ends before the expectation.
    let input = |path: &str| read(path).map(|text| text.split("\n; ---\n").next().unwrap_or("").to_owned());
    let function = |path: &str| parse(&input(path)?).map_err(|error| format!("{path}: {error}"));
    match arguments {
        ["cat", path] => Ok(function(path)?.to_string()),
        ["verify", path] => verify_to_text(&function(path)?).map(|()| "ok\n".to_owned()),
        ["opt", passes, path] => {
            let passes: Vec<String> = passes.split(',').map(str::to_owned).collect();
            // A file without a header is fine: there are no facts then.
            let facts = Case::parse(&read(path)?).map(|case| case.facts).unwrap_or_default();
            optimize(&function(path)?, &passes, &facts).map(|function| function.to_string())
        }
        ["analyse", path] => Ok(analyse::describe(&function(path)?)),
        ["evaluate", path, values @ ..] => {
            let values = values.iter().map(|word| facts::concrete(word)).collect::<Result<Vec<_>, _>>()?;
            outcome(&function(path)?, &values).map(|text| text + "\n")
        }
        _ => Err(USAGE.to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
