//! The shape of the control flow: predecessors, reverse postorder, and the dominator tree after Cooper, Harvey and Kennedy,
//! "A Simple, Fast Dominance Algorithm".

use crate::entity::Block;
use crate::function::Function;

/// An edge of the control-flow graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Edge {
    /// The block it leaves.
    pub from: Block,
    /// Which of the targets of the block's end.
    pub target: usize,
}

/// Predecessors and order of the blocks.
#[derive(Clone, Debug)]
pub struct ControlFlow {
    /// For each block, the edges to it from reachable blocks.
    pub predecessors: Vec<Vec<Edge>>,
    /// The reachable blocks, each before its successors but for back-edges.
    pub reverse_postorder: Vec<Block>,
    position: Vec<Option<u32>>,
}

impl ControlFlow {
    /// Of a function.
    #[must_use]
    pub fn new(function: &Function) -> ControlFlow {
        let count = function.blocks.len();
        let mut visited = vec![false; count];
        let mut postorder = Vec::with_capacity(count);
        let mut predecessors = vec![Vec::new(); count];
        // Depth first without recursion: a block and the number of its target to visit next.
        let mut stack = vec![(Function::ENTRY, 0)];
        visited[0] = true;
        while let Some(top) = stack.last_mut() {
            let (from, target) = *top;
            top.1 += 1;
            match function.successors(from).nth(target) {
                Some(to) => {
                    predecessors[to.block.index()].push(Edge { from, target });
                    if !std::mem::replace(&mut visited[to.block.index()], true) {
                        stack.push((to.block, 0));
                    }
                }
                None => {
                    postorder.push(from);
                    stack.pop();
                }
            }
        }
        postorder.reverse();
        let mut position = vec![None; count];
        for (index, block) in (0u32..).zip(&postorder) {
            position[block.index()] = Some(index);
        }
        for edges in &mut predecessors {
            edges.sort_unstable();
        }
        ControlFlow { predecessors, reverse_postorder: postorder, position }
    }

    /// The edges to a block from reachable blocks.
    #[must_use]
    #[inline]
    pub fn predecessors(&self, block: Block) -> &[Edge] {
        &self.predecessors[block.index()]
    }

    /// Whether the entry leads to a block.
    #[must_use]
    #[inline]
    pub fn is_reachable(&self, block: Block) -> bool {
        self.position[block.index()].is_some()
    }

    /// The position of a block in the reverse postorder.
    #[must_use]
    #[inline]
    pub fn position(&self, block: Block) -> Option<u32> {
        self.position[block.index()]
    }
}

/// The dominator tree.
#[derive(Clone, Debug)]
pub struct Dominators {
    immediate: Vec<Option<Block>>,
    /// The times at which a walk of the tree enters and leaves each block: dominance is containment.
    span: Vec<Option<(u32, u32)>>,
    children: Vec<Vec<Block>>,
}

impl Dominators {
    /// Of a function whose control flow is known.
    #[must_use]
    pub fn new(function: &Function, flow: &ControlFlow) -> Dominators {
        let count = function.blocks.len();
        let order = &flow.reverse_postorder;
        // In terms of positions in the reverse postorder; the entry is its own dominator while the algorithm runs.
        let mut immediate: Vec<Option<u32>> = vec![None; order.len()];
        immediate[0] = Some(0);
        let mut changed = true;
        while changed {
            changed = false;
            for (index, block) in (0u32..).zip(order).skip(1) {
                let mut best: Option<u32> = None;
                for edge in flow.predecessors(*block) {
                    let from = flow.position(edge.from).expect("predecessors are reachable");
                    if immediate[from as usize].is_some() {
                        best = Some(best.map_or(from, |other| intersect(&immediate, from, other)));
                    }
                }
                if immediate[index as usize] != best {
                    immediate[index as usize] = best;
                    changed = true;
                }
            }
        }
        let mut tree = vec![None; count];
        let mut children = vec![Vec::new(); count];
        for (index, block) in order.iter().enumerate().skip(1) {
            let parent = order[immediate[index].expect("reachable blocks have dominators") as usize];
            tree[block.index()] = Some(parent);
            children[parent.index()].push(*block);
        }
        let mut span = vec![None; count];
        let mut clock = 0;
        let mut stack = vec![(Function::ENTRY, 0)];
        while let Some(top) = stack.last_mut() {
            let (block, child) = *top;
            top.1 += 1;
            if child == 0 {
                span[block.index()] = Some((clock, clock));
                clock += 1;
            }
            match children[block.index()].get(child) {
                Some(&next) => stack.push((next, 0)),
                None => {
                    if let Some(span) = &mut span[block.index()] {
                        span.1 = clock;
                    }
                    stack.pop();
                }
            }
        }
        Dominators { immediate: tree, span, children }
    }

    /// The immediate dominator; none for the entry and for unreachable blocks.
    #[must_use]
    #[inline]
    pub fn immediate(&self, block: Block) -> Option<Block> {
        self.immediate[block.index()]
    }

    /// The blocks that a block dominates immediately.
    #[must_use]
    #[inline]
    pub fn children(&self, block: Block) -> &[Block] {
        &self.children[block.index()]
    }

    /// Whether every way to `below` leads through `above` (each block dominates itself). Unreachable blocks: no.
    #[must_use]
    #[inline]
    pub fn dominates(&self, above: Block, below: Block) -> bool {
        match (self.span[above.index()], self.span[below.index()]) {
            (Some(above), Some(below)) => above.0 <= below.0 && below.0 < above.1,
            _ => false,
        }
    }

    /// The reachable blocks, each before those it dominates.
    #[must_use]
    #[inline]
    pub fn preorder(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut stack = vec![Function::ENTRY];
        while let Some(block) = stack.pop() {
            blocks.push(block);
            stack.extend(self.children(block).iter().rev());
        }
        blocks
    }
}

/// The closest common ancestor of two blocks.
fn intersect(immediate: &[Option<u32>], mut left: u32, mut right: u32) -> u32 {
    while left != right {
        while left > right {
            left = immediate[left as usize].expect("visited blocks have dominators");
        }
        while right > left {
            right = immediate[right as usize].expect("visited blocks have dominators");
        }
    }
    left
}
