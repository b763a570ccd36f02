//! Runs `helpers.py` in an embedded interpreter: it calls the helpers by their addresses and compares with what the interpreter does itself.

use coachwhip_abi::ir::Helper;
use coachwhip_runtime::helpers;
use pyo3_ffi::*;
use std::ffi::CString;

#[test]
fn helpers_do_what_the_interpreter_does() {
    let addresses = helpers::addresses();
    let table: Vec<String> = Helper::ALL
        .iter()
        .zip(&addresses)
        .map(|(helper, address)| {
            let info = helper.info();
            let parameters: Vec<String> = info.parameters.iter().map(|(_, kind)| format!("'{kind:?}'")).collect();
            let rest = info.rest.map_or("None".to_owned(), |(_, kind)| format!("'{kind:?}'"));
            let yields = format!("{:?}", info.yields);
            let yields = yields.split('(').next().unwrap_or_default().to_owned();
            format!("'{}': ({address}, [{}], {rest}, '{yields}', {}),", info.name, parameters.join(", "), if info.raises { "True" } else { "False" })
        })
        .collect();
    let script = format!("HELPERS = {{{}}}\n{}", table.concat(), include_str!("helpers.py"));
    let script = CString::new(script).expect("the script has no NUL");
    // SAFETY: the only test of this process; nothing else uses the interpreter.
    let outcome = unsafe {
        Py_InitializeEx(0);
        PyRun_SimpleStringFlags(script.as_ptr(), std::ptr::null_mut())
    };
    assert_eq!(outcome, 0, "helpers.py failed");
}
