//! The analyses of a function as text.

use coachwhip_ir::{ControlFlow, Dominators, EntitySet, Flavour, Function, Liveness, Loops, Value};
use std::fmt::Write;

fn values(set: &EntitySet<Value>) -> String {
    set.iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

/// Dominators, loops and liveness of each reachable block, in reverse postorder.
#[must_use]
pub fn describe(function: &Function) -> String {
    let flow = ControlFlow::new(function);
    let dominators = Dominators::new(function, &flow);
    let loops = Loops::new(function, &flow, &dominators);
    let alive = Liveness::new(function, &flow, Flavour::Values);
    let roots = Liveness::new(function, &flow, Flavour::Roots);
    let mut text = String::new();
    for &block in &flow.reverse_postorder {
        let above = dominators.immediate(block).map_or_else(|| "nothing".to_owned(), |above| above.to_string());
        _ = writeln!(text, "{block} below {above}, loop depth {}", loops.depth(block));
        if let Some(looped) = loops.of_header(block) {
            let before = looped.preheader(function, &flow).map_or_else(|| "none".to_owned(), |block| block.to_string());
            let blocks = looped.blocks.iter().map(|block| block.to_string()).collect::<Vec<_>>().join(" ");
            _ = writeln!(text, "    loop of {blocks}; preheader {before}; {} exits", looped.exits(function).len());
        }
        _ = writeln!(text, "    in [{}] out [{}]", values(alive.live_in(block)), values(alive.live_out(block)));
        _ = writeln!(text, "    roots in [{}] out [{}]", values(roots.live_in(block)), values(roots.live_out(block)));
    }
    text
}
