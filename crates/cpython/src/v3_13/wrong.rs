//! A layout that is wrong on purpose: tests make the self-test at the start (`probes.rs`) find one field at another offset, and expect it to notice.
//! What runs afterwards is not concerned: nothing runs if it notices.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Reads a field of a structure at its offset in the layout, or where a test wants it.
macro_rules! field {
    ($ty:ty, $structure:expr, $module:ident::$name:ident) => {
        $crate::current::probes::read::<$ty>(($structure).cast(), $crate::current::wrong::at!($module::$name, size_of::<$ty>()))
    };
}

/// A field's offset in the layout, or what a test wants in its place; and its width in bytes.
macro_rules! at {
    ($module:ident::$name:ident, $width:expr) => {
        $crate::current::wrong::offset(concat!(stringify!($module), "::", stringify!($name)), $crate::current::layout::$module::$name, $width)
    };
}

pub(super) use {at, field};

struct State {
    wrong: Option<(String, isize)>,
    /// Which fields were read, and their widths; only while they are recorded.
    read: Option<BTreeMap<&'static str, usize>>,
}

static ACTIVE: AtomicBool = AtomicBool::new(false);
static STATE: Mutex<State> = Mutex::new(State { wrong: None, read: None });

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the self-test find a field so many bytes off: `thread_state::TRACING:4`. Nothing for an empty text.
///
/// # Errors
/// If it is no such text.
pub fn set(text: &str) -> Result<(), String> {
    let mut state = state();
    state.wrong = None;
    if !text.is_empty() {
        let (name, distance) = text.rsplit_once(':').ok_or_else(|| format!("{text} is no field and distance"))?;
        state.wrong = Some((name.to_owned(), distance.parse().map_err(|_| format!("{distance} is no distance"))?));
    }
    ACTIVE.store(state.wrong.is_some() || state.read.is_some(), Ordering::Relaxed);
    Ok(())
}

/// Begins to record which fields the self-test reads.
pub fn record() {
    state().read = Some(BTreeMap::new());
    ACTIVE.store(true, Ordering::Relaxed);
}

/// The fields that were read since [`record`], with their widths in bytes.
pub fn recorded() -> BTreeMap<&'static str, usize> {
    let mut state = state();
    ACTIVE.store(state.wrong.is_some(), Ordering::Relaxed);
    state.read.take().unwrap_or_default()
}

/// A field's offset for the self-test.
pub(super) fn offset(name: &'static str, value: usize, width: usize) -> usize {
    if !ACTIVE.load(Ordering::Relaxed) {
        return value;
    }
    let mut state = state();
    if let Some(read) = &mut state.read {
        read.insert(name, width);
    }
    match &state.wrong {
        Some((wrong, distance)) if wrong == name => value.wrapping_add_signed(*distance),
        _ => value,
    }
}
