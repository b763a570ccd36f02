//! placeholder

pub mod helpers;
