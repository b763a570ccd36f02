//! Decides which parameters and boxes are held unboxed.

use super::Kind;
use super::uses::{Use, Uses, Weights};
use crate::opt::PassContext;
use crate::opt::loop_entry::{is_null, may_guard_before};
use crate::opt::ownership::can_run_code;
use coachwhip_abi::facts::{Facts, ObjectValue};
use coachwhip_ir::maps::{HashMap, HashSet};
use coachwhip_ir::{Block, ControlFlow, Definition, Dominators, Edge, Function, Identity, Immediate, Loops, Op, Value};

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Parameters that become unboxed.
    pub parameters: HashMap<Value, Kind>,
    /// Boxes that are not made, with what they would hold.
    pub boxes: HashMap<Value, (Kind, Value)>,
    /// Parameters that only keep alive what is no object any more, with what entry snapshots name instead.
    pub dropped: HashMap<Value, Option<Value>>,
    /// For each edge to a block with unboxed parameters, what they get.
    pub incoming: HashMap<(Edge, Value), Incoming>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.boxes.is_empty() && self.dropped.is_empty()
    }
}

/// What a parameter gets over an edge.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Incoming {
    /// This unboxed value, inside this box.
    Boxed(Kind, Value),
    /// What this instruction has unboxed already.
    Known(Kind, Value),
    /// A constant.
    Constant(Kind, Immediate),
    /// What another parameter holds; the kind that a guard on the way says, and what was unboxed already, if that parameter stays an object.
    Parameter(Value, Option<Kind>, Option<Value>),
    /// An object of the right class, which can be unboxed without a check.
    Exact(Kind),
    /// An int object, which may be too big: a check before the loop.
    Checked,
    /// Any object: a guard before the loop. The class that it had when the loop got hot, if known.
    Any(Option<Kind>),
    /// Something that cannot be unboxed.
    Unfit,
}

pub(super) fn decide(function: &Function, context: &mut PassContext<'_>) -> Plan {
    let flow = ControlFlow::new(function);
    let dominators = Dominators::new(function, &flow);
    let loops = Loops::new(function, &flow, &dominators);
    let weights = Weights::new(function, &loops);
    let uses = Uses::new(function, &flow);
    let mut decider = Decider {
        function,
        dominators,
        places: function.instruction_blocks(),
        facts: context.facts,
        weights,
        uses,
        incoming: HashMap::default(),
        edges: HashMap::default(),
        rejected: HashSet::default(),
        kinds: HashMap::default(),
        held: HashSet::default(),
        dropped: HashSet::default(),
        boxes: HashMap::default(),
    };
    decider.find_incoming(&flow, &loops);
    decider.settle();
    let mut plan = Plan { boxes: HashMap::default(), ..Plan::default() };
    // Parts of a whole: all or nothing, or a value would be held in two ways.
    let size = decider.kinds.len() + decider.boxes.len() + decider.dropped.len();
    if size > 0 && context.spend() {
        plan.dropped = decider.dropped.iter().map(|&parameter| (parameter, decider.entry_argument(parameter))).collect();
        plan.parameters = decider.kinds;
        plan.boxes = decider.boxes;
        plan.incoming = decider.incoming;
    }
    plan
}

struct Decider<'a> {
    function: &'a Function,
    dominators: Dominators,
    /// The block of each instruction.
    places: Vec<Option<Block>>,
    facts: &'a Facts,
    weights: Weights,
    uses: Uses,
    incoming: HashMap<(Edge, Value), Incoming>,
    /// The edges to the block of each object parameter.
    edges: HashMap<Value, Vec<Edge>>,
    /// Parameters that do not pay.
    rejected: HashSet<Value>,
    /// Parameters to be unboxed, as far as is known.
    kinds: HashMap<Value, Kind>,
    /// Parameters that must keep alive what they get.
    held: HashSet<Value>,
    dropped: HashSet<Value>,
    boxes: HashMap<Value, (Kind, Value)>,
}

impl Decider<'_> {
    /// Finds out what each object parameter gets over each edge.
    fn find_incoming(&mut self, flow: &ControlFlow, loops: &Loops) {
        // What was unboxed already, and where.
        let mut unboxed: HashMap<Value, Vec<(Block, Value)>> = HashMap::default();
        for &block in &flow.reverse_postorder {
            for &id in &self.function.block(block).instructions {
                let instruction = self.function.instruction(id);
                if let (Op::UnboxInt, Some(result)) = (instruction.op, instruction.result) {
                    unboxed.entry(self.function.root(instruction.operands[0])).or_default().push((block, result));
                }
            }
        }
        for &block in &flow.reverse_postorder {
            let around = loops.of_header(block);
            for (position, &parameter) in self.function.block(block).parameters.iter().enumerate() {
                if !self.function.ty(parameter).is_object() {
                    continue;
                }
                let edges = flow.predecessors(block).to_vec();
                for &edge in &edges {
                    let argument = self.function.successors(edge.from).nth(edge.target).expect("an edge").arguments[position];
                    let enters = around.is_some_and(|around| !around.blocks.contains(edge.from)) && may_guard_before(self.function, self.facts, block);
                    let known = unboxed
                        .get(&self.function.root(argument))
                        .and_then(|known| known.iter().find(|(from, _)| self.dominators.dominates(*from, edge.from)).map(|&(_, value)| value));
                    let incoming = self.classify(argument, enters, known);
                    self.incoming.insert((edge, parameter), incoming);
                }
                self.edges.insert(parameter, edges);
            }
        }
    }

    fn classify(&self, argument: Value, enters: bool, known: Option<Value>) -> Incoming {
        let function = self.function;
        let ty = function.ty(argument);
        let root = function.root(argument);
        if let Identity::Constant(object) = ty.identity {
            return match self.facts.objects.get(object.index()).map(|object| &object.value) {
                Some(&ObjectValue::Int(number)) => Incoming::Constant(Kind::Int, Immediate::Int(number)),
                Some(&ObjectValue::Float(number)) => Incoming::Constant(Kind::Float, Immediate::Float(number.to_bits())),
                Some(&ObjectValue::Bool(bit)) => Incoming::Constant(Kind::Bool, Immediate::Int(i64::from(bit))),
                _ => Incoming::Unfit,
            };
        }
        match function.values[root.index()].definition {
            Definition::Parameter(..) => {
                return Incoming::Parameter(root, ty.classes.single().and_then(Kind::of_class), known);
            }
            Definition::Result(id) => {
                let made = function.instruction(id);
                if let Some(kind) = Kind::of_boxing(made.op) {
                    return Incoming::Boxed(kind, made.operands[0]);
                }
            }
        }
        match (ty.classes.single().and_then(Kind::of_class), known) {
            (Some(Kind::Int), Some(known)) => Incoming::Known(Kind::Int, known),
            (Some(Kind::Int), None) => {
                if enters {
                    Incoming::Checked
                } else {
                    Incoming::Unfit
                }
            }
            (Some(kind), _) => Incoming::Exact(kind),
            (None, _) if enters && !ty.classes.may_be_null() => match self.seen_class(root) {
                Some(None) => Incoming::Unfit,
                Some(kind) => Incoming::Any(kind),
                None => Incoming::Any(None),
            },
            _ => Incoming::Unfit,
        }
    }

    /// What a slot of the interpreter's frame held when the loop got hot: `Some(None)` if it was no number.
    fn seen_class(&self, root: Value) -> Option<Option<Kind>> {
        let instruction = self.function.defining(root).filter(|instruction| instruction.op == Op::EntrySlot)?;
        let Some(&Immediate::Int(slot)) = instruction.immediates.first() else { return None };
        let seen = (*self.facts.slots.get(usize::try_from(slot).ok()?)?)?;
        Some(Kind::of_class(seen.class))
    }

    /// Decides, hoping for the best first, until nothing contradicts.
    fn settle(&mut self) {
        loop {
            self.find_kinds();
            self.find_boxes();
            if !self.reject() {
                break;
            }
        }
    }

    /// The kind of each parameter: what all edges agree on, those that guard or pass on what is open yet aside.
    fn find_kinds(&mut self) {
        let mut state: HashMap<Value, Option<Kind>> = HashMap::default();
        let mut unfit: HashSet<Value> = self.rejected.clone();
        let parameters: Vec<Value> = {
            let mut parameters: Vec<Value> = self.edges.keys().copied().collect();
            parameters.sort_unstable();
            parameters
        };
        unfit.extend(parameters.iter().copied().filter(|&parameter| self.function.ty(parameter).classes.may_be_null()));
        let mut changed = true;
        while changed {
            changed = false;
            for &parameter in parameters.iter().filter(|parameter| !self.rejected.contains(parameter)) {
                if unfit.contains(&parameter) {
                    continue;
                }
                let mut kind = state.get(&parameter).copied().flatten();
                let mut fits = true;
                for edge in &self.edges[&parameter] {
                    let one = match self.incoming[&(*edge, parameter)] {
                        Incoming::Boxed(kind, _) | Incoming::Known(kind, _) | Incoming::Constant(kind, _) | Incoming::Exact(kind) => Some(kind),
                        Incoming::Checked => Some(Kind::Int),
                        Incoming::Any(kind) => kind,
                        Incoming::Parameter(other, exact, known) if unfit.contains(&other) => {
                            // It stays an object, which can perhaps be unboxed on the edge.
                            let one = exact.filter(|&kind| kind != Kind::Int || known.is_some());
                            fits &= one.is_some();
                            one
                        }
                        Incoming::Parameter(other, ..) => state.get(&other).copied().flatten(),
                        Incoming::Unfit => {
                            fits = false;
                            None
                        }
                    };
                    match (kind, one) {
                        (Some(known), Some(other)) if known != other => fits = false,
                        (None, Some(_)) => kind = one,
                        _ => {}
                    }
                }
                if !fits {
                    unfit.insert(parameter);
                    state.remove(&parameter);
                    changed = true;
                } else if state.get(&parameter).copied().flatten() != kind {
                    state.insert(parameter, kind);
                    changed = true;
                }
            }
        }
        self.kinds = state.into_iter().filter_map(|(parameter, kind)| Some((parameter, kind?))).collect();
        // What is known only from objects that are guarded at the entries is no reason to guard.
        let mut grounded: HashSet<Value> = HashSet::default();
        let mut changed = true;
        while changed {
            changed = false;
            for &parameter in self.kinds.keys() {
                let is_grounded = self.edges[&parameter].iter().any(|edge| match self.incoming[&(*edge, parameter)] {
                    Incoming::Parameter(other, exact, _) => grounded.contains(&other) || (exact.is_some() && !self.kinds.contains_key(&other)),
                    Incoming::Any(_) | Incoming::Checked | Incoming::Unfit => false,
                    _ => true,
                });
                if is_grounded && grounded.insert(parameter) {
                    changed = true;
                }
            }
        }
        self.kinds.retain(|parameter, _| grounded.contains(parameter));
        // A parameter that others count on may be gone now.
        loop {
            let lost: Vec<Value> = self
                .kinds
                .iter()
                .filter(|(parameter, kind)| {
                    self.edges[*parameter].iter().any(|edge| match self.incoming[&(*edge, **parameter)] {
                        Incoming::Parameter(other, exact, known) => {
                            let fits = exact == Some(**kind) && (**kind != Kind::Int || known.is_some());
                            self.kinds.get(&other) != Some(*kind) && !(fits && !self.kinds.contains_key(&other))
                        }
                        _ => false,
                    })
                })
                .map(|(&parameter, _)| parameter)
                .collect();
            if lost.is_empty() {
                break;
            }
            for parameter in lost {
                self.kinds.remove(&parameter);
            }
        }
    }

    /// The boxes that need not be made, and the parameters that nobody needs then.
    fn find_boxes(&mut self) {
        self.held.clear();
        loop {
            self.find_dropped();
            self.boxes.clear();
            for block in self.function.block_ids() {
                for &id in &self.function.block(block).instructions {
                    let instruction = self.function.instruction(id);
                    if let (Some(kind), Some(result)) = (Kind::of_boxing(instruction.op), instruction.result)
                        && self.hottest_object_use(result) < self.weights.block(block) * 0.9
                        && (kind != Kind::Bool || self.pays_for_bool(result))
                    {
                        self.boxes.insert(result, (kind, instruction.operands[0]));
                    }
                }
            }
            let wrong: Vec<Value> = self.dropped.iter().copied().filter(|&parameter| !self.may_drop(parameter)).collect();
            if wrong.is_empty() {
                break;
            }
            self.held.extend(wrong);
        }
    }

    /// True and False are there already; to show one of them in a slot costs less than to say where an unboxed bool lives.
    fn pays_for_bool(&self, root: Value) -> bool {
        let uses = self.uses.of(root);
        let passed = uses.iter().any(|found| matches!(found, Use::Passed(parameter, _) if self.kinds.contains_key(parameter)));
        passed || !uses.contains(&Use::Stored)
    }

    /// Parameters whose only purpose is to keep something alive, for themselves or for another one.
    fn find_dropped(&mut self) {
        let candidate = |parameter: &Value| !self.kinds.contains_key(parameter) && !self.held.contains(parameter);
        let mut dropped: HashSet<Value> = self.edges.keys().copied().filter(candidate).collect();
        loop {
            let needed: Vec<Value> = dropped
                .iter()
                .copied()
                .filter(|&parameter| {
                    let uses = self.uses.of(parameter);
                    let has_aliases_or_uses = uses.iter().any(|found| match found {
                        Use::Kept => false,
                        Use::Passed(other, _) => !dropped.contains(other),
                        _ => true,
                    });
                    has_aliases_or_uses || !self.entries_agree(parameter, &dropped)
                })
                .collect();
            if needed.is_empty() {
                break;
            }
            for parameter in needed {
                dropped.remove(&parameter);
            }
        }
        self.dropped = dropped;
    }

    /// Whether the entry snapshot of a loop can do without a parameter of its head: it gets one value on all entries.
    fn entries_agree(&self, parameter: Value, dropped: &HashSet<Value>) -> bool {
        let Definition::Parameter(head, _) = self.function.values[parameter.index()].definition else { return false };
        self.function.block(head).entry_snapshot.is_none()
            || self.entry_argument(parameter).is_some_and(|argument| !dropped.contains(&self.function.root(argument)))
    }

    /// The one argument that all edges that enter a loop give for a parameter of its head, if it is there for the whole loop.
    fn entry_argument(&self, parameter: Value) -> Option<Value> {
        let function = self.function;
        let Definition::Parameter(head, position) = function.values[parameter.index()].definition else { return None };
        let mut only: Option<Value> = None;
        for edge in self.edges[&parameter].iter().filter(|edge| !self.dominators.dominates(head, edge.from)) {
            let argument = function.successors(edge.from).nth(edge.target)?.arguments[position as usize];
            if only.is_some_and(|other| other != argument && !(is_null(function, other) && is_null(function, argument))) {
                return None;
            }
            only = Some(argument);
        }
        let only = only?;
        let from = match function.values[only.index()].definition {
            Definition::Parameter(block, _) => Some(block),
            Definition::Result(id) => self.places[id.index()],
        };
        (is_null(function, only) || from.is_some_and(|from| from != head && self.dominators.dominates(from, head))).then_some(only)
    }

    /// Whether all that a dropped parameter gets needs not be kept alive.
    fn may_drop(&self, parameter: Value) -> bool {
        let Definition::Parameter(_, position) = self.function.values[parameter.index()].definition else { return false };
        self.edges[&parameter].iter().all(|edge| {
            let argument = self.function.successors(edge.from).nth(edge.target).expect("an edge").arguments[position as usize];
            let root = self.function.root(argument);
            let ty = self.function.ty(argument);
            let is_short_lived = self.function.values[parameter.index()].local.is_some() && !can_run_code(ty);
            self.boxes.contains_key(&root) || self.kinds.contains_key(&root) || self.dropped.contains(&root) || !ty.is_counted() || is_short_lived
        })
    }

    /// How hot the hottest use as an object is.
    fn hottest_object_use(&self, root: Value) -> f64 {
        self.uses.of(root).iter().map(|found| self.object_use(*found)).fold(0.0, f64::max)
    }

    fn object_use(&self, found: Use) -> f64 {
        match found {
            Use::Object(block) => self.weights.block(block),
            Use::Passed(parameter, edge) => {
                if self.kinds.contains_key(&parameter) || self.dropped.contains(&parameter) || !self.edges.contains_key(&parameter) {
                    0.0
                } else {
                    self.weights.edge(self.function, edge)
                }
            }
            Use::Unboxed(..) | Use::Snapshot | Use::Stored | Use::Kept => 0.0,
        }
    }

    /// Takes out groups of parameters that do not pay; whether there were any.
    fn reject(&mut self) -> bool {
        let mut parameters: Vec<Value> = self.kinds.keys().copied().collect();
        parameters.sort_unstable();
        // Groups of parameters that pass their values to each other, each named by one of them.
        let mut group: HashMap<Value, Value> = parameters.iter().map(|&parameter| (parameter, parameter)).collect();
        fn name(group: &HashMap<Value, Value>, mut value: Value) -> Value {
            while group[&value] != value {
                value = group[&value];
            }
            value
        }
        for &parameter in &parameters {
            for edge in &self.edges[&parameter] {
                if let Incoming::Parameter(other, ..) = self.incoming[&(*edge, parameter)]
                    && self.kinds.contains_key(&other)
                {
                    let (one, two) = (name(&group, parameter), name(&group, other));
                    group.insert(one, two);
                }
            }
        }
        let mut gains: HashMap<Value, f64> = HashMap::default();
        // A guard before the loop needs a reason: the loop would guard as well.
        let wanted: HashSet<Value> = parameters
            .iter()
            .filter(|&parameter| self.uses.of(*parameter).iter().any(|found| matches!(found, Use::Unboxed(kind, _) if *kind == self.kinds[parameter])))
            .map(|&parameter| name(&group, parameter))
            .collect();
        for &parameter in &parameters {
            let kind = self.kinds[&parameter];
            let mut gain = 0.0;
            for found in self.uses.of(parameter) {
                gain += match found {
                    Use::Unboxed(wanted, block) if *wanted == kind => 0.6 * self.weights.block(*block),
                    Use::Unboxed(_, block) => -self.weights.block(*block),
                    other => -self.object_use(*other),
                };
            }
            for edge in &self.edges[&parameter] {
                let weight = self.weights.edge(self.function, *edge);
                gain += match self.incoming[&(*edge, parameter)] {
                    Incoming::Boxed(..) => 1.0 * weight,
                    Incoming::Known(..) | Incoming::Constant(..) | Incoming::Parameter(..) => 0.0,
                    Incoming::Exact(_) | Incoming::Checked => -0.3 * weight,
                    Incoming::Any(None) if !wanted.contains(&name(&group, parameter)) => -1000.0,
                    Incoming::Any(_) => -0.5 * weight,
                    Incoming::Unfit => -1000.0,
                };
            }
            *gains.entry(name(&group, parameter)).or_default() += gain;
        }
        let losing: Vec<Value> = parameters.into_iter().filter(|&parameter| gains[&name(&group, parameter)] <= 0.0).collect();
        self.rejected.extend(&losing);
        !losing.is_empty()
    }
}
