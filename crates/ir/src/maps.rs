//! Maps and sets with a hash function that is fast for numbers and short keys; nobody from outside chooses what is in them.

use rustc_hash::FxBuildHasher;

/// A map. Made by `default()`.
pub type HashMap<K, V> = std::collections::HashMap<K, V, FxBuildHasher>;
/// A set. Made by `default()`.
pub type HashSet<K> = std::collections::HashSet<K, FxBuildHasher>;
