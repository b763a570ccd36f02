//! Natural loops: the blocks that lead to a back-edge without passing its head. Cycles with several entries (Python has none) are no loops here.

use crate::bitset::EntitySet;
use crate::dominators::{ControlFlow, Dominators, Edge};
use crate::entity::Block;
use crate::function::Function;

/// A loop.
#[derive(Clone, Debug)]
pub struct Loop {
    /// Its head: dominates all of it.
    pub header: Block,
    /// Its blocks, inner loops included.
    pub blocks: EntitySet<Block>,
    /// Edges from inside to the head.
    pub back_edges: Vec<Edge>,
    /// The loop around it, as an index.
    pub parent: Option<usize>,
    /// 1 for outermost loops.
    pub depth: u32,
}

impl Loop {
    /// Edges that leave it.
    #[must_use]
    pub fn exits(&self, function: &Function) -> Vec<Edge> {
        let mut edges = Vec::new();
        for from in self.blocks.iter() {
            for (target, to) in function.successors(from).enumerate() {
                if !self.blocks.contains(to.block) {
                    edges.push(Edge { from, target });
                }
            }
        }
        edges
    }

    /// Edges from outside to its head.
    #[must_use]
    pub fn entries(&self, flow: &ControlFlow) -> Vec<Edge> {
        flow.predecessors(self.header).iter().copied().filter(|edge| !self.blocks.contains(edge.from)).collect()
    }

    /// The block before the loop that goes nowhere else, if there is one (`edit::make_preheader` makes one).
    #[must_use]
    pub fn preheader(&self, function: &Function, flow: &ControlFlow) -> Option<Block> {
        match self.entries(flow)[..] {
            [edge] if function.successors(edge.from).count() == 1 => Some(edge.from),
            _ => None,
        }
    }
}

/// The loops of a function.
#[derive(Clone, Debug, Default)]
pub struct Loops {
    /// Outer loops before inner ones.
    pub loops: Vec<Loop>,
    innermost: Vec<Option<usize>>,
}

impl Loops {
    /// Of a function.
    #[must_use]
    pub fn new(function: &Function, flow: &ControlFlow, dominators: &Dominators) -> Loops {
        let mut loops = Vec::new();
        // In reverse postorder the head of an outer loop comes before those of its inner loops.
        for &header in &flow.reverse_postorder {
            let is_back = |edge: &&Edge| dominators.dominates(header, edge.from);
            let back_edges: Vec<Edge> = flow.predecessors(header).iter().filter(is_back).copied().collect();
            if back_edges.is_empty() {
                continue;
            }
            let mut blocks = EntitySet::with_capacity(function.blocks.len());
            blocks.insert(header);
            let mut work: Vec<Block> = back_edges.iter().map(|edge| edge.from).collect();
            while let Some(block) = work.pop() {
                if blocks.insert(block) {
                    work.extend(flow.predecessors(block).iter().map(|edge| edge.from));
                }
            }
            loops.push(Loop { header, blocks, back_edges, parent: None, depth: 1 });
        }
        let mut innermost: Vec<Option<usize>> = vec![None; function.blocks.len()];
        for index in 0..loops.len() {
            // All loops seen so far that hold this head are around it; the last one is the innermost of them.
            if let Some(parent) = innermost[loops[index].header.index()] {
                loops[index].parent = Some(parent);
                loops[index].depth = loops[parent].depth + 1;
            }
            for block in loops[index].blocks.iter() {
                innermost[block.index()] = Some(index);
            }
        }
        Loops { loops, innermost }
    }

    /// The innermost loop that a block is in, as an index.
    #[must_use]
    pub fn innermost(&self, block: Block) -> Option<usize> {
        self.innermost[block.index()]
    }

    /// In how many loops a block is.
    #[must_use]
    pub fn depth(&self, block: Block) -> u32 {
        self.innermost(block).map_or(0, |index| self.loops[index].depth)
    }

    /// The loop with this head.
    #[must_use]
    pub fn of_header(&self, header: Block) -> Option<&Loop> {
        self.loops.iter().find(|candidate| candidate.header == header)
    }
}
