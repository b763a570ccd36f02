//! Stress testing: guards fail on purpose. Compiled code counts a word of this process down at each guard and leaves when it falls to 0;
//! the cold block fills it again with a pseudo-random number, so that over many runs every exit is walked.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// What machine code counts down, and the state of the generator behind it.
#[repr(C)]
pub(crate) struct Words {
    pub(crate) countdown: AtomicU64,
    pub(crate) state: AtomicU64,
}

static WORDS: Words = Words { countdown: AtomicU64::new(0), state: AtomicU64::new(0) };
static START: Once = Once::new();

/// Multiplier and increment of the generator (Knuth's MMIX).
pub(crate) const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
pub(crate) const INCREMENT: u64 = 1_442_695_040_888_963_407;

/// The words, filled from the seed at the first use.
pub(crate) fn words(interval: u64, seed: u64) -> &'static Words {
    START.call_once(|| {
        WORDS.state.store(seed.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT), Ordering::Relaxed);
        WORDS.countdown.store(interval, Ordering::Relaxed);
    });
    &WORDS
}
