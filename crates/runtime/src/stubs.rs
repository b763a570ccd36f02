//! What an entry cell holds while there is no compiled code: functions of the direct entry's signature that run the call in the interpreter.

use crate::entry;
use crate::ffi::{Function, PyObject, ThreadState};

/// More parameters than this cannot be called directly.
#[cfg(test)]
pub const MOST_PARAMETERS: usize = 12;

macro_rules! stubs {
    ($($count:literal $name:ident($($argument:ident),*);)*) => {
        $(
            unsafe extern "C" fn $name(tstate: *mut ThreadState, function: *mut Function $(, $argument: *mut PyObject)*) -> *mut PyObject {
                let mut arguments: [*mut PyObject; $count] = [$($argument),*];
                // SAFETY: compiled code calls with a live function over the cell's code and one owned argument for each parameter.
                unsafe { entry::interpret(tstate, function, arguments.as_mut_ptr(), $count) }
            }
        )*

        /// The stub for a number of parameters, 0 if there is none.
        #[must_use]
        pub fn address(parameters: usize) -> usize {
            match parameters {
                $($count => $name as *const () as usize,)*
                _ => 0,
            }
        }
    };
}

stubs! {
    0 stub_0();
    1 stub_1(a);
    2 stub_2(a, b);
    3 stub_3(a, b, c);
    4 stub_4(a, b, c, d);
    5 stub_5(a, b, c, d, e);
    6 stub_6(a, b, c, d, e, f);
    7 stub_7(a, b, c, d, e, f, g);
    8 stub_8(a, b, c, d, e, f, g, h);
    9 stub_9(a, b, c, d, e, f, g, h, i);
    10 stub_10(a, b, c, d, e, f, g, h, i, j);
    11 stub_11(a, b, c, d, e, f, g, h, i, j, k);
    12 stub_12(a, b, c, d, e, f, g, h, i, j, k, l);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_count_up_to_the_most_has_a_stub() {
        assert!((0..=super::MOST_PARAMETERS).all(|count| super::address(count) != 0));
        assert_eq!(super::address(super::MOST_PARAMETERS + 1), 0);
    }
}
