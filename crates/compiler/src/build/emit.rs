//! Making instructions and snapshots.

use super::{BuildError, Builder, Result};
use coachwhip_abi::facts::{ClassFacts, ObjectFacts, ObjectValue};
use coachwhip_ir::{
    Block, Class, ClassRef, Helper, Identity, Immediate, Instruction, InstructionId, ObjectRef, Op, Reason, Snapshot, SnapshotId, Target, Type, Value, Yield,
};
use smallvec::SmallVec;

impl Builder<'_> {
    /// Adds an instruction to the current block.
    pub(crate) fn emit(&mut self, op: Op, operands: &[Value], immediates: &[Immediate], ty: Option<Type>, snapshot: Option<SnapshotId>) -> InstructionId {
        let offset = self.frame.inlined.map_or(self.bytecode.opcode_offset, |inlined| inlined.outermost_offset);
        let id = self.function.add_instruction(
            Instruction {
                op,
                operands: SmallVec::from_slice(operands),
                immediates: SmallVec::from_slice(immediates),
                targets: SmallVec::new(),
                snapshot,
                result: None,
                caught: false,
                owned: Vec::new(),
                offset,
            },
            ty,
        );
        let block = self.current.expect("instructions are added to an open block");
        self.function.blocks[block.index()].instructions.push(id);
        id
    }

    /// Adds an instruction that yields a value and cannot leave.
    pub(crate) fn emit_value(&mut self, op: Op, operands: &[Value], immediates: &[Immediate], ty: Type) -> Value {
        let id = self.emit(op, operands, immediates, Some(ty), None);
        self.function.instruction(id).result.expect("it has a type")
    }

    /// Adds an instruction with a snapshot.
    pub(crate) fn emit_checked(&mut self, op: Op, operands: &[Value], immediates: &[Immediate], ty: Option<Type>, snapshot: SnapshotId) -> Option<Value> {
        let id = self.emit(op, operands, immediates, ty, Some(snapshot));
        self.function.instruction(id).result
    }

    /// Adds an instruction that leaves by an exit to the state before the current bytecode instruction.
    pub(crate) fn emit_guarded(&mut self, op: Op, operands: &[Value], immediates: &[Immediate], ty: Type) -> Value {
        let snapshot = self.snapshot_before();
        self.emit_checked(op, operands, immediates, Some(ty), snapshot).expect("it has a type")
    }

    /// Ends the current block.
    pub(crate) fn terminate(&mut self, op: Op, operands: &[Value], immediates: &[Immediate], targets: &[(Block, Vec<Value>)], snapshot: Option<SnapshotId>) {
        let id = self.emit(op, operands, immediates, None, snapshot);
        self.function.instructions[id.index()].targets =
            targets.iter().map(|(block, arguments)| Target { block: *block, arguments: arguments.clone() }).collect();
        self.current = None;
    }

    /// The state before the current bytecode instruction, which an exit executes again.
    pub(crate) fn snapshot_before(&mut self) -> SnapshotId {
        if let Some(snapshot) = self.snapshot_before {
            return snapshot;
        }
        let snapshot = self.snapshot_of(self.bytecode.offset, self.stack_before.clone());
        self.snapshot_before = Some(snapshot);
        snapshot
    }

    /// The state as it is now, of the instruction that runs (calls and raises): operands are popped.
    pub(crate) fn snapshot_during(&mut self) -> SnapshotId {
        self.snapshot_of(self.bytecode.opcode_offset, self.frame.stack.clone())
    }

    /// The state as it is now, for going on at an offset.
    pub(crate) fn snapshot_at(&mut self, offset: u32) -> SnapshotId {
        self.snapshot_of(offset, self.frame.stack.clone())
    }

    fn snapshot_of(&mut self, offset: u32, stack: Vec<Option<Value>>) -> SnapshotId {
        let snapshot = Snapshot {
            parent: self.frame.inlined.map(|inlined| inlined.parent),
            code: self.frame.code,
            offset,
            locals: self.frame.locals.clone(),
            stack,
            function: self.frame.inlined.map(|inlined| inlined.function),
            constructs: false,
        };
        self.function.add_snapshot(snapshot)
    }

    // ---- The stack ----

    pub(crate) fn push(&mut self, value: Value) {
        self.frame.stack.push(Some(value));
    }

    /// Pops a value that may be NULL (`None`).
    pub(crate) fn pop_nullable(&mut self) -> Result<Option<Value>> {
        self.frame.stack.pop().ok_or_else(|| BuildError::Malformed("empty stack".into()))
    }

    /// Pops a value.
    pub(crate) fn pop(&mut self) -> Result<Value> {
        self.pop_nullable()?.ok_or_else(|| BuildError::Malformed("NULL on the stack".into()))
    }

    /// Pops values, the topmost last.
    pub(crate) fn pop_many(&mut self, count: u32) -> Result<Vec<Value>> {
        let mut values = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>>>()?;
        values.reverse();
        Ok(values)
    }

    /// The value at a distance from the top: 1 is the topmost.
    pub(crate) fn peek(&self, distance: u32) -> Result<Value> {
        let stack = &self.frame.stack;
        let position = stack.len().checked_sub(distance as usize).ok_or_else(|| BuildError::Malformed("stack too shallow".into()))?;
        stack.get(position).copied().flatten().ok_or_else(|| BuildError::Malformed("NULL on the stack".into()))
    }

    // ---- Values ----

    pub(crate) fn ty(&self, value: Value) -> Type {
        self.function.ty(value)
    }

    pub(crate) fn object(&self, object: ObjectRef) -> &ObjectFacts {
        &self.facts.objects[object.index()]
    }

    pub(crate) fn class(&self, class: ClassRef) -> &ClassFacts {
        &self.facts.classes[class.index()]
    }

    /// The object that a value is known to be.
    pub(crate) fn constant_of(&self, value: Value) -> Option<ObjectRef> {
        match self.ty(value).identity {
            Identity::Constant(object) => Some(object),
            Identity::Unknown | Identity::Exact(_) => None,
        }
    }

    pub(crate) fn const_object(&mut self, object: ObjectRef) -> Value {
        let ty = Type::constant(self.object(object).class, object);
        self.emit_value(Op::ConstObject, &[], &[Immediate::Object(object)], ty)
    }

    pub(crate) fn const_int(&mut self, value: i64) -> Value {
        self.emit_value(Op::ConstInt, &[], &[Immediate::Int(value)], Type::INT)
    }

    pub(crate) fn null(&mut self) -> Value {
        self.emit_value(Op::Null, &[], &[], Type::NULL)
    }

    /// The value, or a NULL if there is none.
    pub(crate) fn or_null(&mut self, value: Option<Value>) -> Value {
        match value {
            Some(value) => value,
            None => self.null(),
        }
    }

    pub(crate) fn box_int(&mut self, value: Value) -> Value {
        self.emit_value(Op::BoxInt, &[value], &[], Type::of(Class::Int))
    }

    pub(crate) fn box_float(&mut self, value: Value) -> Value {
        self.emit_value(Op::BoxFloat, &[value], &[], Type::of(Class::Float))
    }

    pub(crate) fn box_bool(&mut self, value: Value) -> Value {
        self.emit_value(Op::BoxBool, &[value], &[], Type::of(Class::Bool))
    }

    pub(crate) fn bool_not(&mut self, value: Value) -> Value {
        self.emit_value(Op::BoolNot, &[value], &[], Type::BOOL)
    }

    // ---- Guards ----

    /// The value, known to be of a built-in class from here on.
    pub(crate) fn guard_class(&mut self, value: Value, class: Class) -> Value {
        if self.ty(value).is(class) {
            return value;
        }
        self.emit_guarded(Op::GuardClass, &[value], &[Immediate::Class(class)], Type::of(class))
    }

    /// The value, known to be an instance of a class of the facts from here on.
    pub(crate) fn guard_type(&mut self, value: Value, class: ClassRef) -> Value {
        if self.ty(value).identity == Identity::Exact(class) {
            return value;
        }
        let builtin = self.facts.classes[class.index()].class;
        if builtin != Class::Other {
            return self.guard_class(value, builtin);
        }
        self.emit_guarded(Op::GuardType, &[value], &[Immediate::ClassRef(class)], Type { classes: self.facts.classes_of(class), ..Type::exact(builtin, class) })
    }

    /// The value, known to be this object from here on.
    pub(crate) fn guard_is(&mut self, value: Value, object: ObjectRef) -> Value {
        if self.constant_of(value) == Some(object) {
            return value;
        }
        let ty = Type::constant(self.object(object).class, object);
        self.emit_guarded(Op::GuardIs, &[value], &[Immediate::Object(object)], ty)
    }

    /// The value, known not to be NULL from here on.
    pub(crate) fn guard_not_null(&mut self, value: Value, reason: Reason) -> Value {
        let ty = self.ty(value);
        if !ty.classes.may_be_null() {
            return value;
        }
        let ty = Type { classes: ty.classes.without_null(), ..ty };
        self.emit_guarded(Op::GuardNotNull, &[value], &[Immediate::Reason(reason)], ty)
    }

    pub(crate) fn guard_true(&mut self, test: Value, reason: Reason) {
        let snapshot = self.snapshot_before();
        self.emit_checked(Op::GuardTrue, &[test], &[Immediate::Reason(reason)], None, snapshot);
    }

    /// The unboxed value of an int (guarded to be one).
    pub(crate) fn unbox_int(&mut self, value: Value) -> Value {
        if let Some(object) = self.constant_of(value)
            && let ObjectValue::Int(number) = self.object(object).value
        {
            return self.const_int(number);
        }
        let value = self.guard_class(value, Class::Int);
        self.emit_guarded(Op::UnboxInt, &[value], &[], Type::INT)
    }

    /// The unboxed value of a float (guarded to be one).
    pub(crate) fn unbox_float(&mut self, value: Value) -> Value {
        if let Some(object) = self.constant_of(value)
            && let ObjectValue::Float(number) = self.object(object).value
        {
            return self.emit_value(Op::ConstFloat, &[], &[Immediate::Float(number.to_bits())], Type::FLOAT);
        }
        let value = self.guard_class(value, Class::Float);
        self.emit_value(Op::UnboxFloat, &[value], &[], Type::FLOAT)
    }

    /// The unboxed value of a bool (guarded to be one).
    pub(crate) fn unbox_bool(&mut self, value: Value) -> Value {
        let value = self.guard_class(value, Class::Bool);
        self.emit_value(Op::UnboxBool, &[value], &[], Type::BOOL)
    }

    // ---- Calls of the runtime ----

    /// Calls a helper; `None` if it yields nothing. Its operands are popped already.
    pub(crate) fn call_helper(&mut self, helper: Helper, operands: &[Value]) -> Result<Option<Value>> {
        let info = helper.info();
        let ty = match info.yields {
            Yield::Nothing => None,
            Yield::Int => Some(Type::INT),
            Yield::Float => Some(Type::FLOAT),
            Yield::Bool => Some(Type::BOOL),
            Yield::Pointer => Some(Type::POINTER),
            Yield::New(classes) | Yield::Borrowed(classes) | Yield::Kept(classes) => Some(Type::object(classes)),
            Yield::Same | Yield::Helper => return Err(BuildError::Malformed(format!("helper {} yields nothing definite", info.name))),
        };
        debug_assert!(operands.len() >= info.parameters.len() && (info.rest.is_some() || operands.len() == info.parameters.len()), "{}", info.name);
        let runs_any_code = info.writes.is_any();
        self.raising_instruction(Op::CallHelper, operands, &[Immediate::Helper(helper)], ty, info.raises, runs_any_code)
    }

    /// Calls a helper that yields a value.
    pub(crate) fn call_helper_value(&mut self, helper: Helper, operands: &[Value]) -> Result<Value> {
        self.call_helper(helper, operands)?.ok_or_else(|| BuildError::Malformed(format!("helper {} yields nothing", helper.info().name)))
    }

    /// Adds an instruction that may raise or run any code, with the state as it is now; a raise inside a `try` goes to its handler.
    pub(crate) fn raising_instruction(
        &mut self,
        op: Op,
        operands: &[Value],
        immediates: &[Immediate],
        ty: Option<Type>,
        raises: bool,
        runs_any_code: bool,
    ) -> Result<Option<Value>> {
        if runs_any_code {
            self.refuse_in_inlined_frame()?;
            self.ran_any_code = true;
        }
        let snapshot = self.snapshot_during();
        let id = self.emit(op, operands, immediates, ty, Some(snapshot));
        let result = self.function.instruction(id).result;
        if raises && self.handler_of(self.bytecode.offset).is_some() && self.handlers_compiled() {
            self.function.instructions[id.index()].caught = true;
            let outcome = result.ok_or_else(|| BuildError::Malformed("a raising instruction yields its outcome".into()))?;
            self.catch_raise(outcome)?;
        }
        Ok(result)
    }

    /// In an inlined frame nothing may run that could look at frames; the call is then made instead.
    fn refuse_in_inlined_frame(&self) -> Result<()> {
        if self.frame.inlined.is_some() { Err(BuildError::Unsupported("any code in an inlined function".into())) } else { Ok(()) }
    }

    /// The address of a new inline cache.
    pub(crate) fn new_cache(&mut self) -> Value {
        let index = self.function.cache_cells;
        self.function.cache_cells += 1;
        self.emit_value(Op::CacheCell, &[], &[Immediate::Int(i64::from(index))], Type::POINTER)
    }
}
