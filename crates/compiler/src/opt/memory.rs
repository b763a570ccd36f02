//! Which memory is surely unchanged between two points: each heap, and each place that stores to single places name, has a version; equal versions mean equal contents.

use super::ownership::{Endings, can_run_code};
use coachwhip_ir::{Block, ControlFlow, Dominators, Field, Function, Heaps, Immediate, Instruction, Op};
use smallvec::SmallVec;

/// All heaps, one by one.
const EACH: [Heaps; 8] = [Heaps::LOCALS, Heaps::FIELDS, Heaps::LISTS, Heaps::DICTS, Heaps::CELLS, Heaps::ITERATORS, Heaps::CLASSES, Heaps::REST];

/// A kind of place: the operation that loads from it, and which of these places. Two objects' places of one kind may be the same, places of two kinds never are.
pub(super) type Place = (Op, i64);

/// The place that an instruction loads from, if stores to single places can change it.
pub(super) fn loaded_place(instruction: &Instruction) -> Option<Place> {
    match (instruction.op, instruction.immediates.first()) {
        (op @ (Op::InlineValueGet | Op::SlotGet), Some(&Immediate::Int(index))) => Some((op, index)),
        (op @ (Op::ListGet | Op::CellGet), _) => Some((op, 0)),
        // Each array has its items for itself.
        (op @ (Op::ArrayGetFloat | Op::ArrayGetInt), Some(&Immediate::Class(class))) => Some((op, class as i64)),
        (op @ (Op::LoadField | Op::LoadIntField), Some(&Immediate::Field(field))) => Some((op, field_number(field))),
        _ => None,
    }
}

/// The place that an instruction stores to, if it changes nothing else.
pub(super) fn stored_place(instruction: &Instruction) -> Option<Place> {
    match (instruction.op, instruction.immediates.first()) {
        (Op::InlineValueExchange, Some(&Immediate::Int(index))) => Some((Op::InlineValueGet, index)),
        (Op::SlotExchange, Some(&Immediate::Int(offset))) => Some((Op::SlotGet, offset)),
        (Op::ArraySetFloat, Some(&Immediate::Class(class))) => Some((Op::ArrayGetFloat, class as i64)),
        (Op::ArraySetInt, Some(&Immediate::Class(class))) => Some((Op::ArrayGetInt, class as i64)),
        (Op::ListExchange, _) => Some((Op::ListGet, 0)),
        (Op::CellExchange, _) => Some((Op::CellGet, 0)),
        (Op::StoreIntField, Some(&Immediate::Field(field))) => Some((Op::LoadIntField, field_number(field))),
        (Op::ExchangeField, Some(&Immediate::Field(field))) => Some((Op::LoadField, field_number(field))),
        _ => None,
    }
}

fn field_number(field: Field) -> i64 {
    i64::from(field as u8)
}

/// What an instruction writes as a whole heap; nothing if it stores to one place only.
pub(super) fn written_heaps(instruction: &Instruction) -> Heaps {
    if stored_place(instruction).is_some() { Heaps::NONE } else { instruction.writes() }
}

/// What a piece of code writes.
#[derive(Clone, Debug)]
pub(super) struct Writes {
    heaps: Heaps,
    places: SmallVec<[Place; 2]>,
}

impl Writes {
    fn none() -> Writes {
        Writes { heaps: Heaps::NONE, places: SmallVec::new() }
    }

    fn add_place(&mut self, place: Place) {
        if !self.places.contains(&place) {
            self.places.push(place);
        }
    }

    fn add(&mut self, other: &Writes) {
        self.heaps = self.heaps.union(other.heaps);
        other.places.iter().for_each(|&place| self.add_place(place));
    }
}

/// What each block writes, the ends of objects on the ways to it included.
pub(super) fn writes_of_blocks(function: &Function, endings: &Endings) -> Vec<Writes> {
    function
        .block_ids()
        .map(|block| {
            let mut writes = Writes::none();
            if endings.at_start(block).iter().any(|&root| can_run_code(function.ty(root))) {
                writes.heaps = Heaps::ANY;
            }
            for &id in &function.block(block).instructions {
                let instruction = function.instruction(id);
                writes.heaps = writes.heaps.union(written_heaps(instruction));
                if let Some(place) = stored_place(instruction) {
                    writes.add_place(place);
                }
                if endings.after(id).iter().any(|&root| can_run_code(function.ty(root))) {
                    writes.heaps = Heaps::ANY;
                }
            }
            writes
        })
        .collect()
}

/// The versions at one point.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    heaps: [u32; EACH.len()],
    places: Vec<(Place, u32)>,
}

/// Versions as part of a key.
pub(super) type Versions = SmallVec<[u32; 2]>;

/// Hands out versions.
#[derive(Debug, Default)]
pub(super) struct Clock(u32);

impl Clock {
    fn tick(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }
}

impl Memory {
    /// Heaps are written.
    pub(super) fn write(&mut self, heaps: Heaps, clock: &mut Clock) {
        if heaps.is_none() {
            return;
        }
        let version = clock.tick();
        for (known, heap) in self.heaps.iter_mut().zip(EACH) {
            if heap.intersects(heaps) {
                *known = version;
            }
        }
    }

    /// A place of some object is written.
    pub(super) fn write_place(&mut self, place: Place, clock: &mut Clock) {
        let version = clock.tick();
        match self.places.iter_mut().find(|row| row.0 == place) {
            Some(row) => row.1 = version,
            None => self.places.push((place, version)),
        }
    }

    /// Everything that a piece of code writes.
    pub(super) fn write_all(&mut self, writes: &Writes, clock: &mut Clock) {
        self.write(writes.heaps, clock);
        for &place in &writes.places {
            self.write_place(place, clock);
        }
    }

    /// The versions of what an instruction reads.
    pub(super) fn versions(&self, instruction: &Instruction) -> Versions {
        let reads = if instruction.op == Op::CheckFrame { Heaps::ANY } else { instruction.reads() };
        let mut versions: Versions = self.heaps.iter().zip(EACH).filter(|(_, heap)| heap.intersects(reads)).map(|(&version, _)| version).collect();
        if let Some(place) = loaded_place(instruction) {
            versions.push(self.places.iter().find(|row| row.0 == place).map_or(0, |row| row.1));
        } else if reads.is_any() {
            // Calls see all places.
            versions.push(self.places.iter().map(|row| row.1).max().unwrap_or(0));
        }
        versions
    }
}

/// What is written on the ways from the end of a block's immediate dominator to the block's start.
pub(super) fn writes_before(block: Block, flow: &ControlFlow, dominators: &Dominators, writes: &[Writes]) -> Writes {
    let mut all = Writes::none();
    let Some(above) = dominators.immediate(block) else { return all };
    let mut seen = vec![false; writes.len()];
    let mut work: Vec<Block> = flow.predecessors(block).iter().map(|edge| edge.from).collect();
    while let Some(next) = work.pop() {
        if next == above || std::mem::replace(&mut seen[next.index()], true) {
            continue;
        }
        all.add(&writes[next.index()]);
        work.extend(flow.predecessors(next).iter().map(|edge| edge.from));
    }
    all
}
