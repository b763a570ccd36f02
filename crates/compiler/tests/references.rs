//! The pass that places reference counts: what it makes of small functions, and random functions under the checker.

use coachwhip_abi::facts::Facts;
use coachwhip_compiler::opt::{check_references, run_pass};
use coachwhip_ir::parse::parse;
use coachwhip_ir::{
    Block, Class, ClassSet, CodeRef, ControlFlow, Dominators, EntryKind, Function, Helper, Immediate, Instruction, ObjectRef, Op, Reason, Snapshot, SnapshotId,
    Target, Type, Value, verify_to_text,
};

/// Runs the pass on a function's text and compares the instructions of all blocks, without types, offsets and snapshots.
fn expect(before: &str, after: &str) {
    let mut function = parse(before).unwrap_or_else(|error| panic!("{error}"));
    verify_to_text(&function).unwrap_or_else(|problem| panic!("{problem}"));
    run_pass("references", &mut function, &Facts::default()).unwrap_or_else(|problem| panic!("{problem}"));
    let text = function.to_string();
    let lines: Vec<String> = text.lines().skip(1).take_while(|line| *line != "snapshots:").map(brief).collect();
    let wanted: Vec<String> = after.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, wanted, "\n{text}");
}

/// A printed line without types, offsets and snapshots.
fn brief(line: &str) -> String {
    let line = line.trim();
    if line.starts_with("block") {
        return line.split(['(', ':']).next().unwrap_or("").to_owned() + ":";
    }
    let mut words: Vec<&str> = line.split(' ').filter(|word| !word.starts_with('@') && !word.starts_with("snap")).collect();
    if words.get(2) == Some(&"=") {
        words.remove(1);
    }
    words.join(" ").replace(": =", " =")
}

#[test]
fn borrowed_values_need_no_reference_until_something_is_written() {
    expect(
        "function \"f\" call 1
         block0:
             v0: Object = argument[0] @0
             v1: List = guard_class[List] v0 snap0 @0
             v2: i64 = const_int[0] @0
             v3: Object = list_get v1, v2 @0
             v4: Int = guard_class[Int] v3 snap0 @0
             v5: i64 = unbox_int v4 snap0 @0
             v6: Int = box_int v5 @0
             return v6 snap1 @1
         snapshots:
             snap0 = code0 +0 locals[v0] stack[]
             snap1 = code0 +1 locals[v0] stack[]",
        "block0:
         v0 = argument[0]
         v1 = guard_class[List] v0 owned[v0]
         v2 = const_int[0]
         v3 = list_get v1, v2
         v4 = guard_class[Int] v3 owned[v0]
         v5 = unbox_int v4 owned[v0]
         v6 = box_int v5
         return v6 owned[v0]",
    );
}

#[test]
fn a_call_makes_borrowed_values_owned() {
    expect(
        "function \"f\" call 1
         block0:
             v0: Object = argument[0] @0
             v1: List = guard_class[List] v0 snap0 @0
             v2: i64 = const_int[0] @0
             v3: Object = list_get v1, v2 @0
             v5: Object = call_helper[get_item] v3, v0 snap0 @0
             return v5 snap1 @1
         snapshots:
             snap0 = code0 +0 locals[v0] stack[]
             snap1 = code0 +1 locals[v0] stack[]",
        "block0:
         v0 = argument[0]
         v1 = guard_class[List] v0 owned[v0]
         v2 = const_int[0]
         v3 = list_get v1, v2
         increment v3
         v5 = call_helper[get_item] v3, v0 owned[v0 v3]
         decrement v3
         return v5 owned[v0]",
    );
}

#[test]
fn a_call_takes_over_what_is_called() {
    expect(
        "function \"f\" call 1
         block0:
             v0: Object = argument[0] @0
             v1: List = guard_class[List] v0 snap0 @0
             v2: i64 = const_int[0] @0
             v3: Object = list_get v1, v2 @0
             v4: ? = null @0
             v5: Object = call_object v3, v4, v0 snap0 @0
             return v5 snap1 @1
         snapshots:
             snap0 = code0 +0 locals[v0] stack[]
             snap1 = code0 +1 locals[v0] stack[]",
        "block0:
         v0 = argument[0]
         v1 = guard_class[List] v0 owned[v0]
         v2 = const_int[0]
         v3 = list_get v1, v2
         v4 = null
         increment v3
         increment v0
         v5 = call_object v3, v4, v0 owned[v0]
         return v5 owned[v0]",
    );
}

#[test]
fn stolen_operands_move_at_their_last_use() {
    expect(
        "function \"f\" call 2
         block0:
             v0: Object = argument[0] @0
             v1: Object = argument[1] @0
             v2: i64 = const_int[5] @0
             v3: Int = box_int v2 @0
             v4: Tuple = call_helper[build_tuple] v3, v0, v0 snap0 @2
             return v4 snap0 @3
         snapshots:
             snap0 = code0 +2 locals[v0 v1] stack[]",
        "block0:
         v0 = argument[0]
         v1 = argument[1]
         v2 = const_int[5]
         v3 = box_int v2
         increment v0
         increment v0
         v4 = call_helper[build_tuple] v3, v0, v0 owned[v0 v1]
         return v4 owned[v0 v1]",
    );
}

#[test]
fn a_returned_local_hands_its_reference_over() {
    expect(
        "function \"f\" call 2
         block0:
             v0: Object = argument[0] @0
             v1: Object = argument[1] @0
             return v0 snap0 @3
         snapshots:
             snap0 = code0 +2 locals[v0 v1] stack[]",
        "block0:
         v0 = argument[0]
         v1 = argument[1]
         return v0 owned[v1]",
    );
}

#[test]
fn constants_are_given_away_with_a_new_reference() {
    expect(
        "function \"f\" call 0
         block0:
             v0: Str[obj3] = const_object[obj3] @0
             return v0 snap0 @3
         snapshots:
             snap0 = code0 +2 locals[] stack[]",
        "block0:
         v0 = const_object[obj3]
         increment v0
         return v0",
    );
}

#[test]
fn what_dies_on_one_way_is_given_back_there() {
    expect(
        "function \"f\" call 2
         block0:
             v0: Object = argument[0] @0
             v1: i64 = const_int[5] @0
             v2: Int = box_int v1 @0
             v3: i1 = is_same v0, v2 @0
             branch v3 -> block1, block2 @1
         block1:
             return v2 snap0 @3
         block2:
             return v0 snap0 @3
         snapshots:
             snap0 = code0 +2 locals[v0] stack[]",
        "block0:
         v0 = argument[0]
         v1 = const_int[5]
         v2 = box_int v1
         v3 = is_same v0, v2
         branch v3 -> block1, block2
         block1:
         return v2 owned[v0]
         block2:
         decrement v2
         return v0",
    );
}

#[test]
fn a_raise_gives_back_the_operands_but_not_the_outcome() {
    expect(
        "function \"f\" call 1
         block0:
             v0: Object = argument[0] @0
             v1: i64 = const_int[5] @0
             v2: Int = box_int v1 @0
             v3: Object = call_helper[binary_operation] v0, v2, v1 snap0 caught @1
             branch_raised v3 -> block1, block2 @1
         block1:
             return v3 snap0 @3
         block2: cold
             v4: Object = catch snap0 @1
             return v4 snap0 @3
         snapshots:
             snap0 = code0 +2 locals[v0] stack[]",
        "block0:
         v0 = argument[0]
         v1 = const_int[5]
         v2 = box_int v1
         v3 = call_helper[binary_operation] v0, v2, v1 caught owned[v0 v2]
         branch_raised v3 -> block1, block2
         block1:
         decrement v2
         return v3 owned[v0]
         block2:
         v4 = catch
         decrement v2
         return v4 owned[v0]",
    );
}

#[test]
fn parameters_of_loops_get_a_reference_on_each_edge() {
    expect(
        "function \"f\" call 1
         block0:
             v0: Object = argument[0] @0
             jump -> block1(v0) @0
         block1(v1: Object local0): entry snap0
             v2: Object = call_helper[unary_negative] v1 snap0 @1
             set_local[0] v2, v1 @2
             v3: i1 = call_helper[is_true] v2 snap1 @3
             branch v3 -> block1(v2), block2 @3
         block2:
             return v0 snap1 @3
         snapshots:
             snap0 = code0 +1 locals[v1] stack[]
             snap1 = code0 +3 locals[v2] stack[]",
        "block0:
         v0 = argument[0]
         increment v0
         jump -> block1(v0)
         block1:
         v2 = call_helper[unary_negative] v1 owned[v0 v1]
         set_local[0] v2, v1
         decrement v1
         v3 = call_helper[is_true] v2 owned[v0 v2]
         branch v3 -> block1(v2), block2
         block2:
         return v0 owned[v2]",
    );
}

/// A small generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("small")
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

/// Makes functions of random shape that the verifier accepts.
struct Generator {
    random: Random,
    function: Function,
    /// What can be used at the current point.
    values: Vec<Value>,
}

const LOCALS: usize = 3;

impl Generator {
    fn pick(&mut self, fits: impl Fn(Type) -> bool) -> Option<Value> {
        let found: Vec<Value> = self.values.iter().copied().filter(|&value| fits(self.function.ty(value))).collect();
        // Newer ones more often.
        let count = found.len();
        (count > 0).then(|| {
            let from = if self.random.one_in(2) { count.saturating_sub(4) } else { 0 };
            found[from + self.random.below(count - from)]
        })
    }

    fn object(&mut self) -> Value {
        self.pick(|ty| ty.is_object() && !ty.classes.may_be_null()).expect("there is always an argument")
    }

    fn any(&mut self) -> Value {
        self.pick(|_| true).expect("there is always an argument")
    }

    fn snapshot(&mut self) -> SnapshotId {
        let locals = (0..LOCALS).map(|_| (!self.random.one_in(4)).then(|| self.any())).collect();
        let stack = (0..self.random.below(3)).map(|_| Some(self.any())).collect();
        self.function.add_snapshot(Snapshot { parent: None, code: CodeRef(0), offset: 1, locals, stack, function: None, constructs: false })
    }

    fn append(&mut self, block: Block, instruction: Instruction, ty: Option<Type>) -> Option<Value> {
        let value = self.function.append(block, instruction, ty);
        self.values.extend(value);
        value
    }

    fn instruction(&mut self, block: Block) {
        let int = Immediate::Int(0);
        let helper = |helper, operands: &[Value]| Instruction::new(Op::CallHelper, operands).with_immediate(Immediate::Helper(helper));
        match self.random.below(16) {
            0 | 1 => {
                let value = self.pick(|ty| ty == Type::INT).expect("there is one");
                self.append(block, Instruction::new(Op::BoxInt, &[value]), Some(Type::of(Class::Int)));
            }
            2 => {
                if let Some(list) = self.pick(|ty| ty.is(Class::List)) {
                    let index = self.pick(|ty| ty == Type::INT).expect("there is one");
                    self.append(block, Instruction::new(Op::ListGet, &[list, index]), Some(Type::OBJECT));
                }
            }
            3 => {
                if let Some(tuple) = self.pick(|ty| ty.is(Class::Tuple)) {
                    let index = self.pick(|ty| ty == Type::INT).expect("there is one");
                    self.append(block, Instruction::new(Op::TupleGet, &[tuple, index]), Some(Type::OBJECT));
                }
            }
            4 => {
                let object = self.object();
                self.append(block, Instruction::new(Op::InlineValueGet, &[object]).with_immediate(int), Some(Type::OBJECT_OR_NULL));
            }
            5 => {
                let object = self.object();
                let class = [Class::List, Class::Tuple, Class::Int, Class::Bool][self.random.below(4)];
                if self.function.ty(object).classes.intersection(ClassSet::of(class)).is_empty() {
                    return;
                }
                let snapshot = self.snapshot();
                let guard = Instruction::new(Op::GuardClass, &[object]).with_immediate(Immediate::Class(class)).with_snapshot(snapshot);
                self.append(block, guard, Some(Type::of(class)));
            }
            6 => {
                if let Some(object) = self.pick(|ty| ty.classes.may_be_null()) {
                    let snapshot = self.snapshot();
                    let mut ty = self.function.ty(object);
                    ty.classes = ty.classes.without_null();
                    let guard = Instruction::new(Op::GuardNotNull, &[object]).with_immediate(Immediate::Reason(Reason::Class)).with_snapshot(snapshot);
                    self.append(block, guard, Some(ty));
                }
            }
            7 => {
                let (function, one, two) = (self.object(), self.object(), self.object());
                let snapshot = self.snapshot();
                let call = Instruction::new(Op::CallDirect, &[function, one, two]).with_immediate(Immediate::Code(CodeRef(1))).with_snapshot(snapshot);
                self.append(block, call, Some(Type::OBJECT));
            }
            8 => {
                let (one, two) = (self.object(), self.object());
                let snapshot = self.snapshot();
                self.append(block, helper(Helper::BuildTuple, &[one, two]).with_snapshot(snapshot), Some(Type::of(Class::Tuple)));
            }
            9 => {
                let (one, two) = (self.object(), self.object());
                let operator = self.pick(|ty| ty == Type::INT).expect("there is one");
                let snapshot = self.snapshot();
                self.append(block, helper(Helper::RichCompare, &[one, two, operator]).with_snapshot(snapshot), Some(Type::OBJECT));
            }
            10 => {
                let (one, two) = (self.object(), self.object());
                self.append(block, Instruction::new(Op::InlineValueExchange, &[one, two]).with_immediate(int), Some(Type::OBJECT_OR_NULL));
            }
            11 => {
                let (value, old) = (self.any(), self.any());
                self.append(block, Instruction::new(Op::SetLocal, &[value, old]).with_immediate(int), None);
            }
            12 => {
                let object = ObjectRef(7);
                let constant = Instruction::new(Op::ConstObject, &[]).with_immediate(Immediate::Object(object));
                self.append(block, constant, Some(Type::constant(Class::Str, object)));
            }
            13 => {
                if let Some(list) = self.pick(|ty| ty.is(Class::List)) {
                    let item = self.object();
                    let snapshot = self.snapshot();
                    self.append(block, helper(Helper::ListAppend, &[list, item]).with_snapshot(snapshot), Some(Type::INT));
                }
            }
            14 => {
                let snapshot = self.snapshot();
                self.append(block, Instruction::new(Op::CheckFrame, &[]).with_snapshot(snapshot), None);
            }
            _ => {
                let value = self.any();
                self.append(block, Instruction::new(Op::KeepAlive, &[value]), None);
            }
        }
    }

    fn arguments(&mut self, block: Block) -> Target {
        let parameters = self.function.block(block).parameters.clone();
        let arguments = parameters
            .iter()
            .map(|&parameter| {
                let wanted = self.function.ty(parameter);
                self.pick(|ty| ty.is_subtype(wanted)).expect("arguments fit every parameter")
            })
            .collect();
        Target { block, arguments }
    }

    fn end(&mut self, block: Block, count: usize) {
        // Any other block but the entry; one with a `catch` only behind a raise.
        let somewhere = |generator: &mut Generator| Block::from_index(1 + generator.random.below(count - 1));
        match self.random.below(6) {
            0 => {
                let value = self.object();
                let snapshot = self.snapshot();
                self.function.append(block, Instruction::new(Op::Return, &[value]).with_snapshot(snapshot), None);
            }
            1 => {
                let snapshot = self.snapshot();
                let exit = Instruction::new(Op::Exit, &[]).with_immediate(Immediate::Reason(Reason::Unsupported)).with_snapshot(snapshot);
                self.function.append(block, exit, None);
            }
            2 => {
                let target = somewhere(self);
                let mut jump = Instruction::new(Op::Jump, &[]);
                jump.targets.push(self.arguments(target));
                self.function.append(block, jump, None);
            }
            3 => {
                let (function, one) = (self.object(), self.object());
                let snapshot = self.snapshot();
                let mut call = Instruction::new(Op::CallDirect, &[function, one]).with_immediate(Immediate::Code(CodeRef(1))).with_snapshot(snapshot);
                call.caught = true;
                let success = somewhere(self);
                let raise = somewhere(self);
                let outside = self.arguments(raise);
                let outcome = self.append(block, call, Some(Type::OBJECT)).expect("calls yield something");
                let mut end = Instruction::new(Op::BranchRaised, &[outcome]);
                end.targets.push(self.arguments(success));
                end.targets.push(outside);
                self.function.append(block, end, None);
            }
            _ => {
                let (left, right) = (self.object(), self.object());
                let test = self.append(block, Instruction::new(Op::IsSame, &[left, right]), Some(Type::BOOL)).expect("it yields a bool");
                let mut end = Instruction::new(Op::Branch, &[test]);
                for _ in 0..2 {
                    let target = somewhere(self);
                    let target = self.arguments(target);
                    end.targets.push(target);
                }
                self.function.append(block, end, None);
            }
        }
    }
}

/// Blocks are filled in an order in which only values of the entry and of the block itself are in sight, and later ones of the dominators.
fn generate(seed: u64) -> Function {
    let mut generator = Generator { random: Random(seed), function: Function::new("random".into(), EntryKind::Call { parameters: 2 }), values: Vec::new() };
    let count = 2 + generator.random.below(6);
    for _ in 1..count {
        let block = generator.function.add_block();
        for _ in 0..generator.random.below(4) {
            let ty = [Type::OBJECT, Type::OBJECT_OR_NULL, Type::OBJECT, Type::INT][generator.random.below(4)];
            let local = if generator.random.one_in(2) { Some(0) } else { None };
            generator.function.add_parameter(block, ty, local);
        }
    }
    let entry = Function::ENTRY;
    for index in 0..2 {
        generator.append(entry, Instruction::new(Op::Argument, &[]).with_immediate(Immediate::Int(index)), Some(Type::OBJECT));
    }
    generator.append(entry, Instruction::new(Op::ConstInt, &[]).with_immediate(Immediate::Int(3)), Some(Type::INT));
    let snapshot = generator.snapshot();
    generator.append(entry, Instruction::new(Op::CheckFrame, &[]).with_snapshot(snapshot), None);
    let shared = generator.values.clone();
    let mut own: Vec<Vec<Value>> = Vec::new();
    for index in 0..count {
        let block = Block::from_index(index);
        generator.values = shared.clone();
        generator.values.extend(generator.function.block(block).parameters.clone());
        for _ in 0..generator.random.below(10) {
            generator.instruction(block);
        }
        let before_end = generator.values.clone();
        generator.end(block, count);
        own.push(before_end);
    }
    // Let blocks use what their dominators define.
    let flow = ControlFlow::new(&generator.function);
    let dominators = Dominators::new(&generator.function, &flow);
    for index in 0..count {
        let block = Block::from_index(index);
        let mut seen: Vec<Value> = Vec::new();
        let mut above = dominators.immediate(block);
        while let Some(dominator) = above {
            seen.extend(&own[dominator.index()]);
            above = dominators.immediate(dominator);
        }
        for id in generator.function.block(block).instructions.clone() {
            for operand in 0..generator.function.instruction(id).operands.len() {
                let instruction = generator.function.instruction(id);
                let value = instruction.operands[operand];
                let ty = generator.function.ty(value);
                let fitting: Vec<Value> = seen.iter().copied().filter(|&other| generator.function.ty(other) == ty).collect();
                if generator.function.instruction(id).op != Op::BranchRaised && !fitting.is_empty() && generator.random.one_in(3) {
                    let chosen = fitting[generator.random.below(fitting.len())];
                    generator.function.instruction_mut(id).operands[operand] = chosen;
                }
            }
            if let Some(snapshot) = generator.function.instruction(id).snapshot
                && !seen.is_empty()
                && generator.random.one_in(3)
            {
                let chosen = seen[generator.random.below(seen.len())];
                generator.function.snapshots[snapshot.index()].locals[1] = Some(chosen);
            }
        }
    }
    generator.function.remove_unreachable_blocks();
    generator.function
}

#[test]
fn random_functions_own_and_give_back() {
    let count = std::env::var("COACHWHIP_TEST_FUNCTIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    for seed in 0..count {
        let function = generate(seed);
        verify_to_text(&function).unwrap_or_else(|problem| panic!("seed {seed}: the generator is wrong: {problem}"));
        let mut placed = function.clone();
        run_pass("references", &mut placed, &Facts::default()).unwrap_or_else(|problem| panic!("seed {seed}: {problem}\nfrom\n{function}"));
    }
}

/// Whether each block has a way out of the function.
fn always_ends(function: &Function) -> bool {
    let mut ends: Vec<bool> = function.block_ids().map(|block| function.successors(block).next().is_none()).collect();
    for _ in 0..ends.len() {
        for block in function.block_ids() {
            ends[block.index()] |= function.successors(block).any(|target| ends[target.block.index()]);
        }
    }
    ends.iter().all(|&ends| ends)
}

#[test]
fn the_checker_finds_what_is_wrong() {
    // Without the pass, hardly any function is right.
    let wrong = (0..200).filter(|&seed| check_references(&generate(seed)).is_err()).count();
    assert!(wrong > 150, "{wrong}");
    // Each count that is left out or made twice is noticed.
    let mut tried = 0;
    for seed in 0..80 {
        let mut function = generate(seed);
        run_pass("references", &mut function, &Facts::default()).expect("tested above");
        if !always_ends(&function) {
            // What is owned around an endless loop is never given back, rightly.
            continue;
        }
        for block in function.block_ids() {
            for position in 0..function.block(block).instructions.len() {
                let id = function.block(block).instructions[position];
                if matches!(function.instruction(id).op, Op::Increment | Op::Decrement) {
                    tried += 1;
                    let mut less = function.clone();
                    less.block_mut(block).instructions.remove(position);
                    assert!(check_references(&less).is_err(), "seed {seed}: {block} without instruction {position}\n{function}");
                    let mut more = function.clone();
                    more.block_mut(block).instructions.insert(position, id);
                    assert!(check_references(&more).is_err(), "seed {seed}: {block} with instruction {position} twice\n{function}");
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}
