//! Makes valid functions of the IR from a list of numbers, for tests on random input. The same numbers make the same function; fewer or smaller numbers make a smaller
//! one, so that failures shrink well.
//!
//! The functions look like what the builder makes: locals that are written through to the frame, snapshots of all locals, structured branches, loops that end, calls of
//! helpers (some inside a `try`), guards, boxing and unboxing. Everything in them can be evaluated (`coachwhip_ir::evaluate`).

use coachwhip_ir::evaluate::Concrete;
use coachwhip_ir::{
    Block, Class, CodeRef, Condition, EntryKind, Field, Function, Helper, Immediate, Instruction, Leaves, ObjectRef, Op, Reason, Representation, Snapshot,
    SnapshotId, Type, Value,
};

const PARAMETERS: u32 = 3;
const INTS: &[i64] = &[0, 1, -1, 2, 3, 7, 10, 63, 64, -5, 1 << 31, 1 << 53, (1 << 53) + 1, i64::MAX, i64::MIN];
const FLOATS: &[f64] = &[0.0, 1.0, -0.0, 0.5, -3.25, 1e308, f64::INFINITY, f64::NAN];

/// A function made from numbers. The state of the frame is known from its first instructions on.
#[must_use]
pub fn function(numbers: &[u32]) -> Function {
    generate(numbers, true, true)
}

/// The same, but the first snapshot may come late: in Python, `def f(x): x = None` and so on.
#[must_use]
pub fn function_without_early_snapshot(numbers: &[u32]) -> Function {
    generate(numbers, false, true)
}

/// The same, but nothing reads or writes memory: for those who run functions on real memory, which the evaluator's is not.
#[must_use]
pub fn function_without_memory(numbers: &[u32]) -> Function {
    generate(numbers, true, false)
}

fn generate(numbers: &[u32], early_snapshot: bool, memory: bool) -> Function {
    let mut generator = Generator {
        function: Function::new("generated".to_owned(), EntryKind::Call { parameters: PARAMETERS }),
        numbers,
        next: 0,
        block: Function::ENTRY,
        locals: Vec::new(),
        kinds: Vec::new(),
        pool: Vec::new(),
        offset: 0,
        depth: 0,
        memory,
    };
    generator.start();
    if early_snapshot {
        let snapshot = generator.snapshot();
        generator.emit(Instruction::new(Op::CheckEvalBreaker, &[]).with_snapshot(snapshot), None);
    }
    if generator.statements() {
        generator.finish();
    }
    generator.function
}

/// Arguments for it.
#[must_use]
pub fn arguments(numbers: &[u32]) -> Vec<Concrete> {
    let number = |index: usize| numbers.get(index).copied().unwrap_or(0) as usize;
    (0..PARAMETERS as usize)
        .map(|index| match (number(index) + 3 * index) % 7 {
            0 | 1 => Concrete::Int(INTS[number(index) / 4 % INTS.len()]),
            2 => Concrete::Float(FLOATS[number(index) / 4 % FLOATS.len()]),
            other => {
                let class = [Class::List, Class::List, Class::Cell, Class::Str, Class::DoubleArray][number(index) / 4 % 5];
                // Two parameters may be one object.
                Concrete::Opaque { id: 10 * class as u32 + u32::from(other > 4), class, exact: None }
            }
        })
        .collect()
}

struct Generator<'n> {
    function: Function,
    numbers: &'n [u32],
    next: usize,
    block: Block,
    /// What each local holds.
    locals: Vec<Option<Value>>,
    /// How each local is held.
    kinds: Vec<Representation>,
    /// Values that may be used here.
    pool: Vec<Value>,
    offset: u32,
    depth: u32,
    /// Whether memory is read and written.
    memory: bool,
}

impl Generator<'_> {
    /// A number below a bound; 0 when there are no more.
    fn choose(&mut self, bound: usize) -> usize {
        let number = self.numbers.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        number as usize % bound
    }

    fn is_over(&self) -> bool {
        self.next >= self.numbers.len()
    }

    fn emit(&mut self, instruction: Instruction, ty: Option<Type>) -> Option<Value> {
        let value = self.function.append(self.block, instruction.at(self.offset), ty);
        if let Some(value) = value {
            self.pool.push(value);
        }
        value
    }

    fn value(&mut self, instruction: Instruction, ty: Type) -> Value {
        self.emit(instruction, Some(ty)).expect("it has a type")
    }

    /// The state here; operands that the bytecode would have on its stack.
    fn snapshot(&mut self) -> SnapshotId {
        let mut stack = Vec::new();
        for _ in 0..self.choose(3) {
            let index = self.choose(self.pool.len().max(1));
            stack.push(self.pool.get(index).copied());
        }
        let (offset, locals) = (self.offset, self.locals.clone());
        self.function.add_snapshot(Snapshot { parent: None, code: CodeRef(0), offset, locals, stack, function: None, constructs: false })
    }

    fn start(&mut self) {
        for index in 0..PARAMETERS {
            let argument = Instruction::new(Op::Argument, &[]).with_immediate(Immediate::Int(i64::from(index)));
            let value = self.value(argument, Type::OBJECT);
            self.locals.push(Some(value));
            self.kinds.push(Representation::Object);
        }
        for kind in [Representation::Int, Representation::Float, Representation::Object] {
            self.locals.push(None);
            self.kinds.push(kind);
            let value = self.constant(kind);
            self.assign(self.locals.len() - 1, value);
        }
    }

    fn constant(&mut self, kind: Representation) -> Value {
        match kind {
            Representation::Int => {
                let bound = if self.choose(4) == 3 { INTS.len() } else { 6 };
                let value = INTS[self.choose(bound)];
                self.value(Instruction::new(Op::ConstInt, &[]).with_immediate(Immediate::Int(value)), Type::INT)
            }
            Representation::Float => {
                let value = FLOATS[self.choose(FLOATS.len())];
                self.value(Instruction::new(Op::ConstFloat, &[]).with_immediate(Immediate::Float(value.to_bits())), Type::FLOAT)
            }
            Representation::Bool => {
                let value = i64::from(self.choose(2) == 0);
                self.value(Instruction::new(Op::ConstBool, &[]).with_immediate(Immediate::Int(value)), Type::BOOL)
            }
            _ => {
                let object = ObjectRef(u32::try_from(self.choose(4)).expect("small"));
                let instruction = Instruction::new(Op::ConstObject, &[]).with_immediate(Immediate::Object(object));
                self.value(instruction, Type::constant(Class::Str, object))
            }
        }
    }

    fn candidate(&mut self, suits: impl Fn(Type) -> bool) -> Option<Value> {
        let fitting: Vec<Value> = self.pool.iter().copied().filter(|&value| suits(self.function.ty(value))).collect();
        // The newest first, so that results are used.
        (!fitting.is_empty()).then(|| fitting[fitting.len() - 1 - self.choose(fitting.len())])
    }

    fn pick(&mut self, kind: Representation) -> Value {
        match self.candidate(|ty| ty.representation == kind && !ty.classes.may_be_null()) {
            Some(value) => value,
            None => self.constant(kind),
        }
    }

    /// An object: any, or a boxed number.
    fn object(&mut self) -> Value {
        match self.choose(4) {
            0 => {
                let value = self.pick(Representation::Int);
                self.value(Instruction::new(Op::BoxInt, &[value]), Type::of(Class::Int))
            }
            1 => {
                let value = self.pick(Representation::Float);
                self.value(Instruction::new(Op::BoxFloat, &[value]), Type::of(Class::Float))
            }
            _ => self.pick(Representation::Object),
        }
    }

    fn assign(&mut self, local: usize, value: Value) {
        let old: Vec<Value> = self.locals[local].into_iter().filter(|&old| self.function.ty(old).is_object()).collect();
        let mut instruction = Instruction::new(Op::SetLocal, &[value]);
        instruction.operands.extend(old);
        self.emit(instruction.with_immediate(Immediate::Int(i64::try_from(local).expect("few locals"))), None);
        self.locals[local] = Some(value);
    }

    /// Statements until the numbers end or one closes the region; whether control goes on.
    fn statements(&mut self) -> bool {
        while !self.is_over() {
            self.offset += 2;
            match self.choose(20) {
                0 if self.depth > 0 => return true,
                0..=4 => self.int_operation(),
                5 | 6 => self.float_operation(),
                7 => {
                    self.test();
                }
                8 => self.guard(),
                9 | 10 => {
                    let local = self.choose(self.locals.len());
                    let value = if self.kinds[local] == Representation::Object { self.object() } else { self.pick(self.kinds[local]) };
                    self.assign(local, value);
                }
                11 => self.call(),
                16 | 17 if self.memory => self.memory(),
                12 if self.depth < 4 => {
                    if !self.branch() {
                        return false;
                    }
                }
                13 if self.depth < 3 => self.repeat(),
                14 if self.depth > 0 && self.choose(4) == 3 => {
                    self.finish();
                    return false;
                }
                _ => self.convert(),
            }
        }
        true
    }

    fn int_operation(&mut self) {
        // Those that leave easily are rare: a run should get far.
        const OPERATIONS: &[Op] = &[
            Op::IntAdd,
            Op::IntSubtract,
            Op::IntAnd,
            Op::IntAdd,
            Op::IntSubtract,
            Op::IntOr,
            Op::IntXor,
            Op::IntInvert,
            Op::IntNegate,
            Op::IntAdd,
            Op::IntMultiply,
            Op::IntShiftRight,
            Op::IntFloorDivide,
            Op::IntRemainder,
            Op::IntShiftLeft,
        ];
        let (left, right) = (self.pick(Representation::Int), self.pick(Representation::Int));
        let op = OPERATIONS[self.choose(OPERATIONS.len())];
        let operands = &[left, right][..op.info().operands.len()];
        let mut instruction = Instruction::new(op, operands);
        if op.info().leaves == Leaves::Exit {
            instruction.snapshot = Some(self.snapshot());
        }
        self.value(instruction, Type::INT);
    }

    fn float_operation(&mut self) {
        let (left, right) = (self.pick(Representation::Float), self.pick(Representation::Float));
        let instruction = match self.choose(12) {
            0 | 7.. => Instruction::new(Op::FloatAdd, &[left, right]),
            1 => Instruction::new(Op::FloatSubtract, &[left, right]),
            2 => Instruction::new(Op::FloatMultiply, &[left, right]),
            3 => Instruction::new(Op::FloatNegate, &[left]),
            4 => Instruction::new(Op::FloatAbsolute, &[left]),
            5 => {
                let snapshot = self.snapshot();
                Instruction::new(Op::FloatDivide, &[left, right]).with_snapshot(snapshot)
            }
            _ => {
                let snapshot = self.snapshot();
                Instruction::new(Op::FloatSquareRoot, &[left]).with_snapshot(snapshot)
            }
        };
        self.value(instruction, Type::FLOAT);
    }

    fn test(&mut self) -> Value {
        let choice = self.choose(5);
        let condition = |row: usize| Immediate::Condition(Condition::ROWS[row].0);
        let instruction = match choice {
            0 | 1 => {
                let (left, right) = (self.pick(Representation::Int), self.pick(Representation::Int));
                let row = self.choose(Condition::ROWS.len());
                Instruction::new(Op::IntCompare, &[left, right]).with_immediate(condition(row))
            }
            2 => {
                let (left, right) = (self.pick(Representation::Float), self.pick(Representation::Float));
                let row = self.choose(6);
                Instruction::new(Op::FloatCompare, &[left, right]).with_immediate(condition(row))
            }
            3 => {
                let value = self.pick(Representation::Bool);
                Instruction::new(Op::BoolNot, &[value])
            }
            _ => {
                let value = self.pick(Representation::Object);
                let class = [Class::Int, Class::Float, Class::Str][self.choose(3)];
                Instruction::new(Op::IsClass, &[value]).with_immediate(Immediate::Class(class))
            }
        };
        self.value(instruction, Type::BOOL)
    }

    fn guard(&mut self) {
        let snapshot = self.snapshot();
        if self.choose(8) == 7 {
            let test = self.test();
            let op = if self.choose(2) == 0 { Op::GuardTrue } else { Op::GuardFalse };
            let guard = Instruction::new(op, &[test]).with_immediate(Immediate::Reason(Reason::Index)).with_snapshot(snapshot);
            self.emit(guard, None);
        } else {
            let value = self.pick(Representation::Object);
            let known = self.function.ty(value).classes.single();
            if known.is_none() && self.choose(3) != 2 {
                return;
            }
            let class = known.unwrap_or(if self.memory {
                [Class::Int, Class::Float, Class::List, Class::Cell, Class::DoubleArray][self.choose(5)]
            } else {
                [Class::Int, Class::Float, Class::List, Class::Cell][self.choose(4)]
            });
            let guard = Instruction::new(Op::GuardClass, &[value]).with_immediate(Immediate::Class(class)).with_snapshot(snapshot);
            let identity = self.function.ty(value).identity;
            self.value(guard, Type { identity, ..Type::of(class) });
        }
    }

    fn convert(&mut self) {
        match self.choose(6) {
            5 => {
                let (value, snapshot) = (self.object(), self.snapshot());
                if self.function.ty(value).is_object() && !self.function.ty(value).classes.may_be_null() {
                    self.value(Instruction::new(Op::NumberToFloat, &[value]).with_snapshot(snapshot), Type::FLOAT);
                }
            }
            0 => {
                if let Some(value) = self.candidate(|ty| ty.is(Class::Int)) {
                    let snapshot = self.snapshot();
                    self.value(Instruction::new(Op::UnboxInt, &[value]).with_snapshot(snapshot), Type::INT);
                }
            }
            1 => {
                if let Some(value) = self.candidate(|ty| ty.is(Class::Float)) {
                    self.value(Instruction::new(Op::UnboxFloat, &[value]), Type::FLOAT);
                }
            }
            2 => {
                let (value, snapshot) = (self.pick(Representation::Int), self.snapshot());
                self.value(Instruction::new(Op::IntToFloat, &[value]).with_snapshot(snapshot), Type::FLOAT);
            }
            3 => {
                let value = self.pick(Representation::Bool);
                self.value(Instruction::new(Op::BoolToInt, &[value]), Type::INT);
            }
            _ => {
                let value = self.object();
                let local = self.kinds.len() - 1;
                self.assign(local, value);
            }
        }
    }

    /// Reads and writes of an array.
    fn array(&mut self, array: Value) {
        let class = Immediate::Class(Class::DoubleArray);
        match self.choose(3) {
            0 => {
                let size = Instruction::new(Op::LoadIntField, &[array]).with_immediate(Immediate::Field(Field::ArraySize));
                self.value(size, Type::INT);
            }
            1 => {
                let index = self.pick(Representation::Int);
                self.value(Instruction::new(Op::ArrayGetFloat, &[array, index]).with_immediate(class), Type::FLOAT);
            }
            _ => {
                let (index, value) = (self.pick(Representation::Int), self.pick(Representation::Float));
                self.emit(Instruction::new(Op::ArraySetFloat, &[array, index, value]).with_immediate(class), None);
            }
        }
    }

    /// Reads and writes of lists, cells and instances.
    fn memory(&mut self) {
        let list = self.candidate(|ty| ty.is(Class::List));
        let cell = self.candidate(|ty| ty.is(Class::Cell));
        if let Some(array) = self.candidate(|ty| ty.is(Class::DoubleArray))
            && self.choose(2) == 0
        {
            return self.array(array);
        }
        match (self.choose(8), list, cell) {
            (0, Some(list), _) => {
                let index = self.pick(Representation::Int);
                self.value(Instruction::new(Op::ListGet, &[list, index]), Type::OBJECT);
            }
            (1, Some(list), _) => {
                let (index, value) = (self.pick(Representation::Int), self.object());
                self.value(Instruction::new(Op::ListExchange, &[list, index, value]), Type::OBJECT);
            }
            (2 | 3, Some(list), _) => {
                let size = Instruction::new(Op::LoadIntField, &[list]).with_immediate(Immediate::Field(Field::ListSize));
                self.value(size, Type::INT);
            }
            (0 | 1, None, Some(cell)) => {
                let value = self.object();
                self.value(Instruction::new(Op::CellExchange, &[cell, value]), Type::OBJECT_OR_NULL);
            }
            (2 | 3, None, Some(cell)) => {
                self.value(Instruction::new(Op::CellGet, &[cell]), Type::OBJECT_OR_NULL);
            }
            (4, _, _) => {
                let (object, value) = (self.pick(Representation::Object), self.object());
                let index = self.choose(2) as i64;
                let store = Instruction::new(Op::InlineValueExchange, &[object, value]).with_immediate(Immediate::Int(index));
                self.value(store, Type::OBJECT_OR_NULL);
            }
            (5, _, _) => {
                let object = self.pick(Representation::Object);
                let index = self.choose(2) as i64;
                self.value(Instruction::new(Op::InlineValueGet, &[object]).with_immediate(Immediate::Int(index)), Type::OBJECT_OR_NULL);
            }
            _ => {
                if let Some(value) = self.candidate(|ty| ty.is_object() && ty.classes.may_be_null()) {
                    let snapshot = self.snapshot();
                    let guard = Instruction::new(Op::GuardNotNull, &[value]).with_immediate(Immediate::Reason(Reason::Missing));
                    self.value(guard.with_snapshot(snapshot), Type::OBJECT);
                }
            }
        }
    }

    fn call(&mut self) {
        let helper = [Helper::GetItem, Helper::IsTrue, Helper::BuildTuple, Helper::Length, Helper::Contains][self.choose(5)];
        let operands: Vec<Value> = match helper {
            Helper::IsTrue | Helper::Length => vec![self.object()],
            _ => vec![self.object(), self.object()],
        };
        let ty = match helper {
            Helper::GetItem => Type::OBJECT,
            Helper::BuildTuple => Type::of(Class::Tuple),
            Helper::Length => Type::INT,
            _ => Type::BOOL,
        };
        let snapshot = self.snapshot();
        let mut call = Instruction::new(Op::CallHelper, &operands).with_immediate(Immediate::Helper(helper)).with_snapshot(snapshot);
        call.caught = self.choose(3) == 0;
        if !call.caught {
            self.value(call, ty);
            return;
        }
        // A `try`: the handler catches, looks at the exception and returns it.
        let outcome = self.value(call, ty);
        let (success, raised) = (self.function.add_block(), self.function.add_block());
        let raised_test = Instruction::new(Op::BranchRaised, &[outcome]).with_target(success, &[]).with_target(raised, &[]);
        self.emit(raised_test, None);
        self.function.block_mut(raised).cold = true;
        let saved = self.pool.clone();
        // The outcome is not there.
        self.pool.retain(|&value| value != outcome);
        self.block = raised;
        let exception = self.value(Instruction::new(Op::Catch, &[]).with_snapshot(snapshot), Type::OBJECT);
        let snapshot = self.snapshot();
        self.emit(Instruction::new(Op::Return, &[exception]).with_snapshot(snapshot), None);
        self.block = success;
        self.pool = saved;
    }

    /// Parameters for all locals that hold something; their values become the locals.
    fn parameters_for_locals(&mut self, block: Block) {
        for local in 0..self.locals.len() {
            let ty = match self.kinds[local] {
                Representation::Int => Type::INT,
                Representation::Float => Type::FLOAT,
                _ => Type::OBJECT,
            };
            let value = self.function.add_parameter(block, ty, u32::try_from(local).ok());
            self.locals[local] = Some(value);
            self.pool.push(value);
        }
    }

    fn local_values(&self) -> Vec<Value> {
        self.locals.iter().map(|local| local.expect("locals are set at the start")).collect()
    }

    /// `if`: whether control goes on behind it.
    fn branch(&mut self) -> bool {
        let test = self.pick(Representation::Bool);
        let (yes, no, join) = (self.function.add_block(), self.function.add_block(), self.function.add_block());
        self.emit(Instruction::new(Op::Branch, &[test]).with_target(yes, &[]).with_target(no, &[]), None);
        let (pool, locals) = (self.pool.len(), self.locals.clone());
        let mut joined = false;
        self.depth += 1;
        for side in [yes, no] {
            self.block = side;
            if self.statements() {
                joined = true;
                let values = self.local_values();
                self.emit(Instruction::new(Op::Jump, &[]).with_target(join, &values), None);
            }
            self.pool.truncate(pool);
            self.locals.clone_from(&locals);
        }
        self.depth -= 1;
        self.block = join;
        if joined {
            self.parameters_for_locals(join);
        }
        joined
    }

    /// A loop of a few turns.
    fn repeat(&mut self) {
        let turns = i64::try_from(self.choose(4)).expect("small");
        let zero = self.value(Instruction::new(Op::ConstInt, &[]).with_immediate(Immediate::Int(0)), Type::INT);
        let end = self.value(Instruction::new(Op::ConstInt, &[]).with_immediate(Immediate::Int(turns)), Type::INT);
        let one = self.value(Instruction::new(Op::ConstInt, &[]).with_immediate(Immediate::Int(1)), Type::INT);
        let (head, body, after) = (self.function.add_block(), self.function.add_block(), self.function.add_block());
        let mut values = self.local_values();
        values.push(zero);
        self.emit(Instruction::new(Op::Jump, &[]).with_target(head, &values), None);
        self.block = head;
        self.parameters_for_locals(head);
        let counter = self.function.add_parameter(head, Type::INT, None);
        let (offset, locals) = (self.offset, self.locals.clone());
        let state = Snapshot { parent: None, code: CodeRef(0), offset, locals: locals.clone(), stack: Vec::new(), function: None, constructs: false };
        self.function.block_mut(head).entry_snapshot = Some(self.function.add_snapshot(state));
        let less = Instruction::new(Op::IntCompare, &[counter, end]).with_immediate(Immediate::Condition(Condition::Less));
        let test = self.value(less, Type::BOOL);
        self.emit(Instruction::new(Op::Branch, &[test]).with_target(body, &[]).with_target(after, &[]), None);
        let pool = self.pool.len();
        self.block = body;
        self.depth += 1;
        if self.statements() {
            let next = self.value(Instruction::new(Op::IntAddWrapping, &[counter, one]), Type::INT);
            let mut values = self.local_values();
            values.push(next);
            self.emit(Instruction::new(Op::Jump, &[]).with_target(head, &values), None);
        }
        self.depth -= 1;
        self.pool.truncate(pool);
        self.locals = locals;
        self.block = after;
    }

    fn finish(&mut self) {
        let value = self.object();
        let snapshot = self.snapshot();
        if self.choose(5) == 4 {
            let exit = Instruction::new(Op::Exit, &[]).with_immediate(Immediate::Reason(Reason::NeverTaken)).with_snapshot(snapshot);
            self.emit(exit, None);
        } else {
            self.emit(Instruction::new(Op::Return, &[value]).with_snapshot(snapshot), None);
        }
    }
}
