//! Options from the environment and from the API's keywords, by the one table in `abi::options`.
//!
//! A program must never die of a wrong variable: each mistake costs one line on stderr and the default is used. Keywords in Python code are different:
//! there a mistake raises, as any wrong argument does.

use std::ffi::OsString;
use std::sync::OnceLock;

use coachwhip_abi::options::{OPTIONS, OptionInfo, OptionKind, Options};

/// Every variable of ours begins with this, except the switch itself.
const PREFIX: &str = "COACHWHIP_";

/// The options as the environment sets them, with a line for each mistake in it.
#[must_use]
pub fn read(variables: impl Iterator<Item = (OsString, OsString)>) -> (Options, Vec<String>) {
    let mut options = Options::default();
    let mut complaints = Vec::new();
    for (variable, value) in variables {
        let (variable, value) = (variable.to_string_lossy(), value.to_string_lossy());
        if let Some(row) = OPTIONS.iter().find(|row| row.variable == variable) {
            // An empty variable is an unset one, as CPython treats PYTHON* variables.
            if !value.is_empty() && !options.set(row.name, &value) {
                complaints.push(format!("{variable}={value} is not {}; using {}", expected(row.kind), shown_default(row)));
            }
        } else if variable.starts_with(PREFIX) {
            complaints.push(match nearest(&variable, OPTIONS.iter().map(|row| row.variable)) {
                Some(near) => format!("{variable} is no option; did you mean {near}?"),
                None => {
                    format!("{variable} is no option; `python -m coachwhip --help` lists them")
                }
            });
        }
    }
    complaints.sort();
    (options, complaints)
}

/// The environment's options, read once; `complain` gets a line for each mistake, at that one time.
pub fn from_environment(mut complain: impl FnMut(&str)) -> &'static Options {
    static READ: OnceLock<Options> = OnceLock::new();
    READ.get_or_init(|| {
        let (options, complaints) = read(std::env::vars_os());
        complaints.iter().for_each(|complaint| complain(complaint));
        options
    })
}

/// Whether `COACHWHIP=0` stands in the environment, which wins over everything a program says.
#[must_use]
pub fn forbidden() -> bool {
    std::env::var_os("COACHWHIP").is_some_and(|value| value == "0")
}

/// What a value of a kind is, for messages.
#[must_use]
pub fn expected(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::Flag => "0 or 1",
        OptionKind::Number => "a whole number",
        OptionKind::Text => "a text",
    }
}

/// A default as messages and `--help` show it.
#[must_use]
pub fn shown_default(row: &OptionInfo) -> &'static str {
    if row.default.is_empty() { "nothing" } else { row.default }
}

/// The candidate that was probably meant by a name that is none of them.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .min()
        .filter(|&(distance, candidate)| distance <= candidate.len() / 3)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added or dropped to make one name of the other (Levenshtein's distance).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, &other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_pairs(pairs: &[(&str, &str)]) -> (Options, Vec<String>) {
        read(pairs.iter().map(|&(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn values_are_read() {
        let (options, complaints) = read_pairs(&[("COACHWHIP_THRESHOLD", "7"), ("COACHWHIP_BACKGROUND", "0"), ("HOME", "/")]);
        assert_eq!((options.threshold, options.background), (7, false));
        assert!(complaints.is_empty());
    }

    #[test]
    fn a_wrong_value_keeps_the_default() {
        let (options, complaints) = read_pairs(&[("COACHWHIP_THRESHOLD", "many"), ("COACHWHIP_STATS", "yes"), ("COACHWHIP_SEED", "")]);
        assert_eq!(options.threshold, 1000);
        assert_eq!(complaints, ["COACHWHIP_STATS=yes is not 0 or 1; using 0", "COACHWHIP_THRESHOLD=many is not a whole number; using 1000"]);
    }

    #[test]
    fn a_misspelt_variable_is_pointed_out() {
        let (_, complaints) = read_pairs(&[("COACHWHIP_TRESHOLD", "1"), ("COACHWHIP_PRETTY_PLEASE", "1")]);
        assert_eq!(
            complaints,
            [
                "COACHWHIP_PRETTY_PLEASE is no option; `python -m coachwhip --help` lists them",
                "COACHWHIP_TRESHOLD is no option; did you mean COACHWHIP_THRESHOLD?",
            ]
        );
    }

    #[test]
    fn the_distance_counts_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
