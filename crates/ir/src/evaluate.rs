//! Runs a function of the IR on concrete values, to test that a pass changes nothing that can be noticed.
//!
//! Numbers, bools, branches, guards and exits are exact. Objects are opaque but for boxed numbers. Helpers and other calls are events: they are noted with their
//! arguments, never raise, and yield something that depends on nothing but the number of the event. What a call could see is noted with it: the frame (its snapshot)
//! and what was stored since the last one; what it could change reads differently afterwards.
//!
//! Memory (fields, items, cells) holds what was stored there, else something that depends only on where it is. Objects are told apart by how they print. Guards of layouts and
//! versions always hold.

use crate::effects::Heaps;
use crate::entity::{Block, ClassRef, ObjectRef, SnapshotId, Value};
use crate::fields::{Field, FieldKind};
use crate::function::{Function, Immediate, Instruction};
use crate::instructions::{Condition, Op, Yield};
use crate::types::{Class, ClassSet, Identity, Representation};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

/// A value while a function runs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Concrete {
    /// An int, boxed or not.
    Int(i64),
    /// A float, boxed or not.
    Float(f64),
    /// A bool, boxed or not.
    Bool(bool),
    /// No object.
    Null,
    /// An object of the facts.
    Constant(ObjectRef, Option<Class>),
    /// Some object.
    Opaque {
        /// Which.
        id: u32,
        /// Its built-in class.
        class: Class,
        /// Its class of the facts, if it has one.
        exact: Option<ClassRef>,
    },
}

impl Concrete {
    fn class(self) -> Option<Class> {
        match self {
            Concrete::Int(_) => Some(Class::Int),
            Concrete::Float(_) => Some(Class::Float),
            Concrete::Bool(_) => Some(Class::Bool),
            Concrete::Null => None,
            Concrete::Constant(_, class) => class,
            Concrete::Opaque { class, .. } => Some(class),
        }
    }
}

impl fmt::Display for Concrete {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Concrete::Int(value) => write!(formatter, "{value}"),
            // Python cannot tell one NaN from another.
            Concrete::Float(value) if value.is_nan() => formatter.write_str("nan"),
            Concrete::Float(value) => write!(formatter, "{value:?}"),
            Concrete::Bool(value) => write!(formatter, "{value}"),
            Concrete::Null => formatter.write_str("null"),
            Concrete::Constant(object, _) => write!(formatter, "{object}"),
            Concrete::Opaque { id, .. } => write!(formatter, "opaque{id}"),
        }
    }
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// With a value, as text.
    Return(String),
    /// By an exit: the frames with concrete values, innermost first.
    Exit(String),
    /// The allowed number of steps was used up.
    OutOfSteps,
}

/// What a run did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Calls in their order, each with what it could see.
    pub events: Vec<String>,
    /// What was stored since the last call that could see it, and stands at the end.
    pub stored: Vec<String>,
}

/// Runs a function. `arguments` are what `argument` and `entry_slot` yield, by their immediate.
///
/// # Errors
/// An instruction that is not modelled, or a function that the verifier would refuse.
pub fn evaluate(function: &Function, arguments: &[Concrete], steps: usize) -> Result<Outcome, String> {
    let mut machine = Machine {
        function,
        values: vec![None; function.values.len()],
        events: Vec::new(),
        memory: BTreeMap::new(),
        stored: BTreeMap::new(),
        epochs: [0; HEAPS.len()],
    };
    let mut block = Function::ENTRY;
    let mut position = 0;
    for _ in 0..steps {
        let id = *function.block(block).instructions.get(position).ok_or_else(|| format!("{block} has no end"))?;
        position += 1;
        let instruction = function.instruction(id);
        let next = machine.step(instruction, arguments).map_err(|message| format!("{message}: {}", crate::print::InstructionText(function, id)))?;
        match next {
            Step::Yield(value) => {
                if let Some(result) = instruction.result {
                    machine.values[result.index()] = Some(value);
                }
            }
            Step::Nothing => {}
            Step::Leave => {
                let snapshot = instruction.snapshot.ok_or("an exit without a snapshot")?;
                let text = machine.render(snapshot)?;
                return Ok(machine.outcome(End::Exit(text)));
            }
            Step::Return(value) => return Ok(machine.outcome(End::Return(value.to_string()))),
            Step::Go(target) => {
                let target = instruction.targets.get(target).ok_or("a target is missing")?;
                machine.enter(target.block, &target.arguments)?;
                (block, position) = (target.block, 0);
            }
        }
    }
    Ok(machine.outcome(End::OutOfSteps))
}

/// What an instruction did.
enum Step {
    Yield(Concrete),
    Nothing,
    Leave,
    Return(Concrete),
    Go(usize),
}

/// Heaps that calls change, one by one.
const HEAPS: [Heaps; 8] = [Heaps::LOCALS, Heaps::FIELDS, Heaps::LISTS, Heaps::DICTS, Heaps::CELLS, Heaps::ITERATORS, Heaps::CLASSES, Heaps::REST];

/// A place in memory: its heap (none for what never changes), and the object with the way in, as text.
type Place = (Option<usize>, String);

struct Machine<'a> {
    function: &'a Function,
    values: Vec<Option<Concrete>>,
    events: Vec<String>,
    /// What was stored and is still there.
    memory: BTreeMap<Place, Concrete>,
    /// Stores that nobody has seen yet.
    stored: BTreeMap<Place, Concrete>,
    /// How often each heap was changed by calls.
    epochs: [u32; HEAPS.len()],
}

impl Machine<'_> {
    fn get(&self, value: Value) -> Result<Concrete, String> {
        self.values[value.index()].ok_or_else(|| format!("{value} is not there"))
    }

    fn int(&self, value: Value) -> Result<i64, String> {
        match self.get(value)? {
            Concrete::Int(value) => Ok(value),
            other => Err(format!("{value} is {other}, no int")),
        }
    }

    fn float(&self, value: Value) -> Result<f64, String> {
        match self.get(value)? {
            Concrete::Float(value) => Ok(value),
            other => Err(format!("{value} is {other}, no float")),
        }
    }

    fn bool(&self, value: Value) -> Result<bool, String> {
        match self.get(value)? {
            Concrete::Bool(value) => Ok(value),
            other => Err(format!("{value} is {other}, no bool")),
        }
    }

    fn enter(&mut self, block: Block, arguments: &[Value]) -> Result<(), String> {
        let values = arguments.iter().map(|&value| self.get(value)).collect::<Result<Vec<_>, _>>()?;
        let parameters = &self.function.block(block).parameters;
        if parameters.len() != values.len() {
            return Err(format!("{block} has {} parameters", parameters.len()));
        }
        for (&parameter, value) in parameters.iter().zip(values) {
            self.values[parameter.index()] = Some(value);
        }
        Ok(())
    }

    fn render(&self, snapshot: SnapshotId) -> Result<String, String> {
        let mut text = String::new();
        for id in self.function.snapshot_chain(snapshot) {
            let snapshot = &self.function.snapshots[id.index()];
            let slots = |slots: &[Option<Value>]| -> Result<String, String> {
                let texts = slots.iter().map(|slot| slot.map_or(Ok(Concrete::Null), |value| self.get(value)).map(|value| value.to_string()));
                Ok(texts.collect::<Result<Vec<_>, _>>()?.join(" "))
            };
            if !text.is_empty() {
                text.push_str(" in ");
            }
            text.push_str(&format!("{} +{} locals[{}] stack[{}]", snapshot.code, snapshot.offset, slots(&snapshot.locals)?, slots(&snapshot.stack)?));
            if let Some(value) = snapshot.function {
                text.push_str(&format!(" function {}", self.get(value)?));
            }
            if snapshot.constructs {
                text.push_str(" constructs");
            }
        }
        Ok(text)
    }

    fn outcome(self, end: End) -> Outcome {
        Outcome { end, events: self.events, stored: stores(&self.stored) }
    }

    /// The place that an instruction reads or writes.
    fn place(&self, instruction: &Instruction) -> Result<Place, String> {
        let heap = instruction.reads().union(if instruction.yields() == Yield::Nothing { instruction.writes() } else { Heaps::NONE });
        let heap = match instruction.field() {
            Some(field) => field.heap(),
            None => heap,
        };
        let mut text = self.get(instruction.operands[0])?.to_string();
        // Reads and writes of the same kind of place go by one name.
        text.push_str(match instruction.op {
            Op::ListGet | Op::ListExchange => ".item",
            Op::TupleGet => ".tuple_item",
            Op::ArrayGetFloat | Op::ArraySetFloat | Op::ArrayGetInt | Op::ArraySetInt => ".array_item",
            Op::InlineValueGet | Op::InlineValueExchange => ".inline",
            Op::SlotGet | Op::SlotExchange => ".slot",
            Op::CellGet | Op::CellExchange => ".contents",
            Op::DictEntryGet => ".entry",
            Op::ManagedDictGet => ".dict",
            _ => ".field",
        });
        for immediate in &instruction.immediates {
            text.push_str(&format!(" {immediate}"));
        }
        if matches!(instruction.op, Op::ListGet | Op::ListExchange | Op::TupleGet | Op::ArrayGetFloat | Op::ArraySetFloat | Op::ArrayGetInt | Op::ArraySetInt) {
            text.push_str(&format!(" {}", self.int(instruction.operands[1])?));
        }
        Ok((HEAPS.iter().position(|&row| row.intersects(heap)), text))
    }

    /// What is in a place: what was stored, or something made up that suits the row of the instruction.
    fn read(&self, instruction: &Instruction, place: &Place) -> Concrete {
        if let Some(&value) = self.memory.get(place) {
            return value;
        }
        let epoch = place.0.map_or(0, |heap| self.epochs[heap]);
        let number = place.1.bytes().fold(epoch.wrapping_mul(977), |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) >> 3;
        let classes = match (instruction.yields(), instruction.field().map(Field::kind)) {
            (Yield::Int, _) => return Concrete::Int(i64::from(number % 5)),
            (Yield::Float, _) => return Concrete::Float(f64::from(number % 5)),
            (_, Some(FieldKind::Object(classes))) => classes,
            (Yield::New(classes) | Yield::Borrowed(classes), _) => classes,
            _ => ClassSet::ANY,
        };
        let id = 2_000_000 + number % 1_000_000;
        match (classes.without_null().single(), number % 5) {
            (_, 0) if classes.may_be_null() => Concrete::Null,
            (Some(class), _) => Concrete::Opaque { id, class, exact: None },
            (None, 1 | 2) => Concrete::Int(i64::from(number % 100)),
            (None, 3) => Concrete::Float(f64::from(number % 100)),
            (None, _) => Concrete::Opaque { id, class: Class::Str, exact: None },
        }
    }

    fn write(&mut self, place: Place, value: Concrete) {
        self.stored.insert(place.clone(), value);
        self.memory.insert(place, value);
    }

    /// Notes a call.
    fn event(&mut self, instruction: &Instruction) -> Result<Step, String> {
        let mut text = instruction.helper().map_or(instruction.op.info().name, |helper| helper.name).to_owned();
        for immediate in instruction.immediates.iter().filter(|immediate| !matches!(immediate, Immediate::Helper(_))) {
            text.push_str(&format!(" {immediate}"));
        }
        for &value in &instruction.operands {
            text.push_str(&format!(" {}", self.get(value)?));
        }
        if instruction.runs_any_code() {
            if let Some(snapshot) = instruction.snapshot {
                text.push_str(&format!(" at {}", self.render(snapshot)?));
            }
            for store in stores(&std::mem::take(&mut self.stored)) {
                text.push_str(&format!(", {store}"));
            }
        }
        for (heap, &row) in HEAPS.iter().enumerate() {
            if instruction.writes().intersects(row) {
                self.epochs[heap] += 1;
                self.memory.retain(|place, _| place.0 != Some(heap));
            }
        }
        let number = u32::try_from(self.events.len()).map_err(|_| "too many events")?;
        self.events.push(text);
        let Some(result) = instruction.result else { return Ok(Step::Nothing) };
        let ty = self.function.ty(result);
        Ok(Step::Yield(match ty.representation {
            Representation::Int => Concrete::Int(0),
            Representation::Float => Concrete::Float(f64::from(number)),
            Representation::Bool => Concrete::Bool(number % 3 == 0),
            Representation::Pointer => return Err("pointers are not modelled".to_owned()),
            Representation::Object => {
                let class = ty.classes.single().unwrap_or(Class::Other);
                let exact = if let Identity::Exact(exact) = ty.identity { Some(exact) } else { None };
                match class {
                    Class::Int => Concrete::Int(i64::from(number)),
                    Class::Float => Concrete::Float(f64::from(number)),
                    Class::Bool => Concrete::Bool(number % 3 == 0),
                    _ => Concrete::Opaque { id: 1_000_000 + number, class, exact },
                }
            }
        }))
    }

    fn step(&mut self, instruction: &Instruction, arguments: &[Concrete]) -> Result<Step, String> {
        use Concrete::{Bool, Float, Int};
        let operands = &instruction.operands;
        let first = instruction.immediates.first().copied();
        let ints = || Ok::<_, String>((self.int(operands[0])?, self.int(operands[1])?));
        let floats = || Ok::<_, String>((self.float(operands[0])?, self.float(operands[1])?));
        let int_or_leave = |outcome: Option<i64>| outcome.map_or(Step::Leave, |value| Step::Yield(Int(value)));
        // A guard: yields its operand if it has one.
        let guard = |holds: bool| match (holds, instruction.yields()) {
            (false, _) => Ok(Step::Leave),
            (true, Yield::Same) => self.get(operands[0]).map(Step::Yield),
            (true, _) => Ok(Step::Nothing),
        };
        Ok(match (instruction.op, first) {
            (Op::ConstObject, Some(Immediate::Object(object))) => {
                let class = instruction.result.and_then(|result| self.function.ty(result).classes.single());
                Step::Yield(Concrete::Constant(object, class))
            }
            (Op::ConstInt, Some(Immediate::Int(value))) => Step::Yield(Int(value)),
            (Op::ConstFloat, Some(Immediate::Float(bits))) => Step::Yield(Float(f64::from_bits(bits))),
            (Op::ConstBool, Some(Immediate::Int(value))) => Step::Yield(Bool(value != 0)),
            (Op::Null, _) => Step::Yield(Concrete::Null),
            (Op::Argument | Op::EntrySlot, Some(Immediate::Int(index))) => {
                let index = usize::try_from(index).map_err(|_| "a negative index")?;
                Step::Yield(*arguments.get(index).ok_or("an argument is missing")?)
            }
            (Op::CurrentFunction, _) => Step::Yield(Concrete::Opaque { id: u32::MAX, class: Class::Function, exact: None }),
            (
                Op::SetLocal
                | Op::ClearLocal
                | Op::KeepAlive
                | Op::Increment
                | Op::Decrement
                | Op::CheckEvalBreaker
                | Op::CheckFrame
                | Op::PushFrame
                | Op::PopFrame,
                _,
            ) => Step::Nothing,
            (Op::CheckException, _) => Step::Yield(Int(0)),

            (Op::GuardClass, Some(Immediate::Class(class))) => guard(self.get(operands[0])?.class() == Some(class))?,
            (Op::GuardType, Some(Immediate::ClassRef(class))) => {
                guard(matches!(self.get(operands[0])?, Concrete::Opaque { exact: Some(exact), .. } if exact == class))?
            }
            (Op::Refine, _) => guard(true)?,
            (Op::GuardIs, Some(Immediate::Object(object))) => guard(matches!(self.get(operands[0])?, Concrete::Constant(other, _) if other == object))?,
            (Op::GuardNotNull, _) => guard(self.get(operands[0])? != Concrete::Null)?,
            (Op::GuardTrue, _) => guard(self.bool(operands[0])?)?,
            (Op::GuardFalse, _) => guard(!self.bool(operands[0])?)?,

            (Op::UnboxInt | Op::BoxInt, _) => Step::Yield(Int(self.int(operands[0])?)),
            (Op::UnboxFloat | Op::BoxFloat, _) => Step::Yield(Float(self.float(operands[0])?)),
            (Op::UnboxBool | Op::BoxBool, _) => Step::Yield(Bool(self.bool(operands[0])?)),
            (Op::IntToFloat, _) => {
                let value = self.int(operands[0])?;
                #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
                if value.unsigned_abs() <= 1 << 53 { Step::Yield(Float(value as f64)) } else { Step::Leave }
            }
            (Op::NumberToFloat, _) => match self.get(operands[0])? {
                Float(value) => Step::Yield(Float(value)),
                #[expect(clippy::cast_precision_loss, reason = "exact")]
                Int(value) if value.unsigned_abs() < 1 << 30 => Step::Yield(Float(value as f64)),
                _ => Step::Leave,
            },
            (Op::BoolToInt, _) => Step::Yield(Int(i64::from(self.bool(operands[0])?))),

            (Op::IntNegate, _) => int_or_leave(self.int(operands[0])?.checked_neg()),
            (Op::IntInvert, _) => Step::Yield(Int(!self.int(operands[0])?)),
            (Op::IntCompare, Some(Immediate::Condition(condition))) => {
                let (left, right) = ints()?;
                Step::Yield(Bool(compare_ints(condition, left, right)))
            }
            (op @ (Op::IntAdd | Op::IntSubtract | Op::IntMultiply | Op::IntFloorDivide | Op::IntRemainder | Op::IntShiftLeft | Op::IntShiftRight), _) => {
                let (left, right) = ints()?;
                int_or_leave(int_operation(op, left, right))
            }
            (Op::IntAnd, _) => ints().map(|(left, right)| Step::Yield(Int(left & right)))?,
            (Op::IntOr, _) => ints().map(|(left, right)| Step::Yield(Int(left | right)))?,
            (Op::IntXor, _) => ints().map(|(left, right)| Step::Yield(Int(left ^ right)))?,
            (Op::IntAddWrapping, _) => ints().map(|(left, right)| Step::Yield(Int(left.wrapping_add(right))))?,
            (Op::IntSubtractWrapping, _) => ints().map(|(left, right)| Step::Yield(Int(left.wrapping_sub(right))))?,

            (Op::FloatAdd, _) => floats().map(|(left, right)| Step::Yield(Float(left + right)))?,
            (Op::FloatSubtract, _) => floats().map(|(left, right)| Step::Yield(Float(left - right)))?,
            (Op::FloatMultiply, _) => floats().map(|(left, right)| Step::Yield(Float(left * right)))?,
            (Op::FloatDivide, _) => match floats()? {
                (_, 0.0) => Step::Leave,
                (left, right) => Step::Yield(Float(left / right)),
            },
            (Op::FloatNegate, _) => Step::Yield(Float(-self.float(operands[0])?)),
            (Op::FloatAbsolute, _) => Step::Yield(Float(self.float(operands[0])?.abs())),
            (Op::FloatSquareRoot, _) => {
                let value = self.float(operands[0])?;
                if value < 0.0 || value.is_nan() { Step::Leave } else { Step::Yield(Float(value.sqrt())) }
            }
            (Op::FloatCompare, Some(Immediate::Condition(condition))) => {
                let (left, right) = floats()?;
                Step::Yield(Bool(compare_floats(condition, left, right)?))
            }

            (Op::BoolNot, _) => Step::Yield(Bool(!self.bool(operands[0])?)),
            (Op::IsSame, _) => match (self.get(operands[0])?, self.get(operands[1])?) {
                (Int(_) | Float(_), _) | (_, Int(_) | Float(_)) => return Err("the identity of numbers is not modelled".to_owned()),
                (left, right) => Step::Yield(Bool(left == right)),
            },
            (Op::IsNull, _) => Step::Yield(Bool(self.get(operands[0])? == Concrete::Null)),
            (Op::IsClass, Some(Immediate::Class(class))) => Step::Yield(Bool(self.get(operands[0])?.class() == Some(class))),
            (Op::IsType, Some(Immediate::ClassRef(class))) => {
                let value = self.get(operands[0])?;
                Step::Yield(Bool(matches!(value, Concrete::Opaque { exact: Some(exact), .. } if exact == class)))
            }

            (Op::GuardInlineValues | Op::GuardKeysVersion | Op::GuardDictKeysVersion | Op::GuardDictEntry, _) => Step::Nothing,
            (Op::CacheCell, Some(Immediate::Int(index))) => {
                Step::Yield(Concrete::Opaque { id: 3_000_000 + u32::try_from(index).unwrap_or(0), class: Class::Other, exact: None })
            }
            (
                Op::LoadField
                | Op::LoadIntField
                | Op::ListGet
                | Op::TupleGet
                | Op::ArrayGetFloat
                | Op::ArrayGetInt
                | Op::InlineValueGet
                | Op::SlotGet
                | Op::CellGet
                | Op::DictEntryGet
                | Op::ManagedDictGet,
                _,
            ) => {
                let place = self.place(instruction)?;
                Step::Yield(self.read(instruction, &place))
            }
            (Op::ArraySetFloat | Op::ArraySetInt, _) => {
                let (place, value) = (self.place(instruction)?, self.get(operands[2])?);
                self.write(place, value);
                Step::Nothing
            }
            (Op::StoreIntField, _) => {
                let (place, value) = (self.place(instruction)?, self.get(operands[1])?);
                self.write(place, value);
                Step::Nothing
            }
            (Op::ExchangeField | Op::ListExchange | Op::InlineValueExchange | Op::SlotExchange | Op::CellExchange, _) => {
                let value = self.get(*operands.last().expect("the row has operands"))?;
                let place = self.place(instruction)?;
                let old = self.read(instruction, &place);
                self.write(place, value);
                Step::Yield(old)
            }

            (Op::CallHelper | Op::CallDirect | Op::CallObject | Op::CallC, _) => self.event(instruction)?,

            (Op::Jump, _) => Step::Go(0),
            (Op::Branch, _) => Step::Go(usize::from(!self.bool(operands[0])?)),
            // Nothing raises here.
            (Op::BranchRaised, _) => Step::Go(0),
            (Op::Return, _) => Step::Return(self.get(operands[0])?),
            (Op::Exit, _) => Step::Leave,
            (Op::Unreachable, _) => return Err("reached".to_owned()),
            _ => return Err("not modelled".to_owned()),
        })
    }
}

fn stores(stored: &BTreeMap<Place, Concrete>) -> Vec<String> {
    stored.iter().map(|((_, place), value)| format!("{place} = {value}")).collect()
}

/// An integer instruction that can leave; `None` if it does. Passes fold constants with it.
#[must_use]
pub fn int_operation(op: Op, left: i64, right: i64) -> Option<i64> {
    match op {
        Op::IntAdd => left.checked_add(right),
        Op::IntSubtract => left.checked_sub(right),
        Op::IntMultiply => left.checked_mul(right),
        // Rust rounds to zero and gives remainders the sign of the left side; Python rounds down and takes the sign of the right side.
        Op::IntFloorDivide => {
            let quotient = left.checked_div(right)?;
            let remainder = left.wrapping_rem(right);
            Some(if remainder != 0 && (remainder < 0) != (right < 0) { quotient - 1 } else { quotient })
        }
        Op::IntRemainder => {
            let remainder = left.checked_rem(right)?;
            Some(if remainder != 0 && (remainder < 0) != (right < 0) { remainder + right } else { remainder })
        }
        Op::IntShiftLeft => {
            let count = u32::try_from(right).ok().filter(|&count| count < 64)?;
            Some(left << count).filter(|shifted| shifted >> count == left)
        }
        Op::IntShiftRight => (right >= 0).then(|| left >> right.min(63)),
        _ => None,
    }
}

/// An integer comparison.
#[must_use]
pub fn compare_ints(condition: Condition, left: i64, right: i64) -> bool {
    match condition {
        Condition::Equal => left == right,
        Condition::NotEqual => left != right,
        Condition::Less => left < right,
        Condition::LessOrEqual => left <= right,
        Condition::Greater => left > right,
        Condition::GreaterOrEqual => left >= right,
        Condition::UnsignedLess => left.cast_unsigned() < right.cast_unsigned(),
    }
}

/// A float comparison.
///
/// # Errors
/// The unsigned condition.
pub fn compare_floats(condition: Condition, left: f64, right: f64) -> Result<bool, String> {
    let order = left.partial_cmp(&right);
    Ok(match condition {
        Condition::Equal => order == Some(Ordering::Equal),
        Condition::NotEqual => order != Some(Ordering::Equal),
        Condition::Less => order == Some(Ordering::Less),
        Condition::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Condition::Greater => order == Some(Ordering::Greater),
        Condition::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Condition::UnsignedLess => return Err("floats have no unsigned comparison".to_owned()),
    })
}
