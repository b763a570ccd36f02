//! Calls: Python functions directly or inlined, classes by their `__init__`, C functions by their own convention, everything else by vectorcall.

use super::{BuildError, Builder, Result, state};
use crate::intrinsics;
use coachwhip_abi::facts::{CodeFacts, Feedback, FunctionFacts, ObjectValue, code_flags};
use coachwhip_bytecode::Op as Operation;
use coachwhip_ir::{Class, ClassRef, CodeRef, Convention, Helper, Immediate, Op, Representation, Type, Value};

/// Callees of more bytecode instructions than this are called, not inlined.
const INLINE_LIMIT: usize = 80;
/// How deep inlining goes.
const INLINE_DEPTH: u32 = 4;

impl Builder<'_> {
    pub(super) fn call(&mut self, count: u32, names: Option<Value>, feedback: &Feedback) -> Result<()> {
        let arguments = self.pop_many(count)?;
        let receiver = self.pop_nullable()?;
        let callable = self.pop()?;
        let _ = feedback;
        self.was_call = true;
        let receiver_may_be_null = receiver.is_some_and(|receiver| self.ty(receiver).classes.may_be_null());
        let all: Vec<Value> = receiver.into_iter().chain(arguments).collect();
        let result = if receiver_may_be_null {
            let names = self.or_null(names);
            self.call_object(callable, names, &all)?
        } else {
            match names {
                None => match self.call_candidates(callable, &all)? {
                    Some(result) => result,
                    None => self.call_value(callable, &all)?,
                },
                Some(names) => self.call_with_names(callable, names, &all)?,
            }
        };
        self.push(result);
        Ok(())
    }

    pub(super) fn call_kw(&mut self, count: u32, feedback: &Feedback) -> Result<()> {
        let names = self.pop()?;
        self.call(count, Some(names), feedback)
    }

    /// Calls by vectorcall. The first argument may be NULL: then it is not one (an unbound receiver).
    fn call_object(&mut self, callable: Value, names: Value, arguments: &[Value]) -> Result<Value> {
        let operands: Vec<Value> = [callable, names].into_iter().chain(arguments.iter().copied()).collect();
        self.call_instruction(Op::CallObject, &operands, &[])
    }

    fn call_instruction(&mut self, op: Op, operands: &[Value], immediates: &[Immediate]) -> Result<Value> {
        let result = self.raising_instruction(op, operands, immediates, Some(Type::OBJECT), true, true)?;
        result.ok_or_else(|| BuildError::Malformed("a call yields a value".into()))
    }

    fn call_with_names(&mut self, callable: Value, names: Value, arguments: &[Value]) -> Result<Value> {
        if let Some(object) = self.constant_of(callable)
            && let ObjectValue::Function(function) = self.object(object).value.clone()
            && let Some(keywords) = self.names_of(names)
            && let Some(result) = self.call_function(callable, &function, arguments, &keywords)?
        {
            return Ok(result);
        }
        self.call_object(callable, names, arguments)
    }

    /// The strs of a constant tuple of names.
    fn names_of(&self, names: Value) -> Option<Vec<String>> {
        let ObjectValue::Tuple(items) = &self.object(self.constant_of(names)?).value else { return None };
        items
            .iter()
            .map(|item| match &self.object(*item).value {
                ObjectValue::Str(text) => Some(text.clone()),
                _ => None,
            })
            .collect()
    }

    /// Calls a value with positional arguments: the best way that is known for it. The operands are popped already.
    pub(super) fn call_value(&mut self, callable: Value, arguments: &[Value]) -> Result<Value> {
        if let Some(object) = self.constant_of(callable) {
            let value = self.object(object).value.clone();
            let result = match &value {
                ObjectValue::Function(function) => self.call_function(callable, function, arguments, &[])?,
                ObjectValue::Class(class) => self.call_class(callable, *class, arguments)?,
                ObjectValue::BuiltinFunction { qualname, convention, .. } => match intrinsics::find(qualname, arguments.len()) {
                    Some(intrinsic) if let Some(result) = (intrinsic.expand)(self, arguments)? => Some(result),
                    _ => self.call_c(object, *convention, arguments, 0)?,
                },
                ObjectValue::MethodDescriptor { qualname, convention, class, .. } => {
                    self.call_method_descriptor(object, qualname, *convention, *class, arguments)?
                }
                ObjectValue::Opaque
                | ObjectValue::Int(_)
                | ObjectValue::Float(_)
                | ObjectValue::Bool(_)
                | ObjectValue::None
                | ObjectValue::Str(_)
                | ObjectValue::Tuple(_)
                | ObjectValue::Module(_)
                | ObjectValue::Code => None,
            };
            if let Some(result) = result {
                return Ok(result);
            }
        }
        let names = self.null();
        self.call_object(callable, names, arguments)
    }

    /// Calls a C function by its convention; `receivers` of the arguments come before those that the convention counts.
    fn call_c(&mut self, function: coachwhip_ir::ObjectRef, convention: Option<Convention>, arguments: &[Value], receivers: usize) -> Result<Option<Value>> {
        let Some(convention) = convention else { return Ok(None) };
        let fits = match convention {
            Convention::NoArguments => arguments.len() == receivers,
            Convention::OneArgument => arguments.len() == receivers + 1,
            Convention::Fast | Convention::FastWithKeywords => arguments.len() >= receivers,
        };
        if !fits {
            return Ok(None);
        }
        self.call_instruction(Op::CallC, arguments, &[Immediate::Object(function), Immediate::Convention(convention)]).map(Some)
    }

    fn call_method_descriptor(
        &mut self,
        object: coachwhip_ir::ObjectRef,
        qualname: &str,
        convention: Option<Convention>,
        class: ClassRef,
        arguments: &[Value],
    ) -> Result<Option<Value>> {
        let Some((&receiver, rest)) = arguments.split_first() else { return Ok(None) };
        // A subclass's instance, say: the descriptor takes it, the guard would not.
        let possible = self.facts.classes_of(class);
        if self.is_refuted() || self.ty(receiver).classes.intersection(possible).is_empty() {
            return Ok(None);
        }
        let receiver = self.guard_type(receiver, class);
        let arguments: Vec<Value> = std::iter::once(receiver).chain(rest.iter().copied()).collect();
        if let Some(intrinsic) = intrinsics::find(qualname, arguments.len())
            && let Some(result) = (intrinsic.expand)(self, &arguments)?
        {
            return Ok(Some(result));
        }
        self.call_c(object, convention, &arguments, 1)
    }

    /// Calls a Python function through its entry cell, or inlines it; `None` if only the general way is right.
    fn call_function(&mut self, callable: Value, function: &FunctionFacts, arguments: &[Value], keywords: &[String]) -> Result<Option<Value>> {
        let Some(code_ref) = function.code else { return Ok(None) };
        let code = &self.facts.codes[code_ref.index()];
        if code.entry_cell == 0 {
            return Ok(None);
        }
        let Some(parameters) = self.bind(code, function, arguments, keywords)? else { return Ok(None) };
        if let Some(result) = self.inline(callable, function, code_ref, &parameters, None)? {
            return Ok(Some(result));
        }
        let operands: Vec<Value> = std::iter::once(callable).chain(parameters).collect();
        self.call_instruction(Op::CallDirect, &operands, &[Immediate::Code(code_ref)]).map(Some)
    }

    /// One value for each parameter slot, defaults filled in; `None` if the call is an error or needs `**keywords` (initialize_locals in Python/ceval.c).
    fn bind(&mut self, code: &CodeFacts, function: &FunctionFacts, arguments: &[Value], keywords: &[String]) -> Result<Option<Vec<Value>>> {
        let positional = arguments.len() - keywords.len();
        let (argcount, named) = (code.argcount as usize, (code.argcount + code.kwonlyargcount) as usize);
        let has_varargs = code.flags & code_flags::VARARGS != 0;
        if positional > argcount && !has_varargs {
            return Ok(None);
        }
        let mut slots: Vec<Option<Value>> = vec![None; named];
        for (slot, &argument) in slots.iter_mut().take(argcount).zip(&arguments[..positional]) {
            *slot = Some(argument);
        }
        for (keyword, &argument) in keywords.iter().zip(&arguments[positional..]) {
            let found = (code.posonlyargcount as usize..named).find(|&slot| code.slots[slot].name == *keyword);
            match found {
                Some(slot) if slots[slot].is_none() => slots[slot] = Some(argument),
                _ => return Ok(None),
            }
        }
        let first_default = argcount.saturating_sub(function.defaults.len());
        for slot in 0..named {
            if slots[slot].is_some() {
                continue;
            }
            let default = if slot < argcount {
                slot.checked_sub(first_default).and_then(|position| function.defaults.get(position).copied())
            } else {
                function.keyword_defaults.iter().find(|(name, _)| *name == code.slots[slot].name).map(|(_, default)| *default)
            };
            let Some(default) = default else { return Ok(None) };
            slots[slot] = Some(self.const_object(default));
        }
        let mut values: Vec<Value> = slots.into_iter().flatten().collect();
        if has_varargs {
            let rest = arguments[argcount.min(positional)..positional].to_vec();
            values.push(self.call_helper_value(Helper::BuildTuple, &rest)?);
        }
        if code.flags & code_flags::VARKEYWORDS != 0 {
            values.push(self.call_helper_value(Helper::BuildMap, &[])?);
        }
        Ok(Some(values))
    }

    /// Calls a class: `type(x)`, or an instance is made and its Python `__init__` called.
    fn call_class(&mut self, callable: Value, class: ClassRef, arguments: &[Value]) -> Result<Option<Value>> {
        let facts = self.facts;
        let class_facts = &facts.classes[class.index()];
        if let Some(intrinsic) = intrinsics::find(&format!("class {}", class_facts.name), arguments.len())
            && class_facts.class != Class::Other
            && let Some(result) = (intrinsic.expand)(self, arguments)?
        {
            return Ok(Some(result));
        }
        let Some(init) = class_facts.init else { return Ok(None) };
        let ObjectValue::Function(function) = &facts.objects[init.index()].value else { return Ok(None) };
        let Some(code_ref) = function.code else { return Ok(None) };
        let code = &facts.codes[code_ref.index()];
        if code.entry_cell == 0 || self.frame.inlined.is_some() {
            return Ok(None);
        }
        let init_function = self.const_object(init);
        let instance = self.call_helper_value(Helper::AllocateInstance, &[callable])?;
        self.function.values[instance.index()].ty = Type::exact(Class::Other, class);
        let with_instance: Vec<Value> = std::iter::once(instance).chain(arguments.iter().copied()).collect();
        let Some(parameters) = self.bind(code, function, &with_instance, &[])? else {
            // Wrong arguments: `__init__` itself reports them.
            self.function.values[instance.index()].ty = Type::OBJECT;
            let names = self.null();
            let outcome = self.call_object(init_function, names, &with_instance)?;
            self.call_helper(Helper::CheckInit, &[outcome])?;
            return Ok(Some(instance));
        };
        let outcome = match self.inline(init_function, function, code_ref, &parameters, Some(instance))? {
            Some(outcome) => outcome,
            None => {
                // `__init__` can run any code, which may even change the instance's class.
                self.function.values[instance.index()].ty = Type::OBJECT;
                let operands: Vec<Value> = std::iter::once(init_function).chain(parameters).collect();
                self.call_instruction(Op::CallDirect, &operands, &[Immediate::Code(code_ref)])?
            }
        };
        if !self.ty(outcome).is(Class::NoneType) {
            self.call_helper(Helper::CheckInit, &[outcome])?;
        }
        Ok(Some(instance))
    }

    /// Builds a small callee's body in place. The callee has no frame of its own, so nothing in it may run any code; exits make its frame.
    fn inline(&mut self, callable: Value, function: &FunctionFacts, code_ref: CodeRef, parameters: &[Value], instance: Option<Value>) -> Result<Option<Value>> {
        let facts = self.facts;
        let code = &facts.codes[code_ref.index()];
        let depth = self.frame.inlined.map_or(0, |inlined| inlined.depth);
        let simple = self.options.inline
            && depth < INLINE_DEPTH
            && function.same_globals
            && !function.has_closure
            && code.exception_table.is_empty()
            && !code.instructions.is_empty()
            && code.instructions.len() <= INLINE_LIMIT
            && code.slots.iter().all(|slot| !slot.is_cell && !slot.is_free)
            && code.instructions.iter().all(|(instruction, _)| instruction.op != Operation::JumpBackward);
        if !simple {
            return Ok(None);
        }
        let checkpoint = self.checkpoint();
        match self.build_inlined(callable, code_ref, parameters, instance, depth) {
            Ok(result) => Ok(Some(result)),
            Err(BuildError::Unsupported(_)) => {
                self.roll_back(checkpoint);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn build_inlined(&mut self, callable: Value, code_ref: CodeRef, parameters: &[Value], instance: Option<Value>, depth: u32) -> Result<Value> {
        let parent = match instance {
            None => self.snapshot_during(),
            Some(instance) => {
                self.push(instance);
                let parent = self.snapshot_during();
                self.function.snapshots[parent.index()].constructs = true;
                self.frame.stack.pop();
                parent
            }
        };
        let continuation = self.function.add_block();
        let empty = Type { representation: Representation::Object, classes: coachwhip_ir::ClassSet::EMPTY, identity: coachwhip_ir::Identity::Unknown };
        let result = self.function.add_parameter(continuation, empty, None);
        let outermost_offset = self.frame.inlined.map_or(self.bytecode.opcode_offset, |inlined| inlined.outermost_offset);
        let mut frame = state::Frame::new(self.facts, code_ref);
        for (slot, &parameter) in frame.locals.iter_mut().zip(parameters) {
            *slot = Some(parameter);
        }
        frame.inlined = Some(state::Inlined { parent, function: callable, continuation, outermost_offset, depth: depth + 1 });
        let saved_frame = std::mem::replace(&mut self.frame, frame);
        let saved = (self.bytecode, std::mem::take(&mut self.stack_before), self.snapshot_before, self.ran_any_code, self.was_call);
        let outcome = self.build_body(0);
        self.frame = saved_frame;
        (self.bytecode, self.stack_before, self.snapshot_before, self.ran_any_code, self.was_call) = saved;
        outcome?;
        if self.ty(result).classes.is_empty() {
            // Every way leaves by an exit.
            return Err(BuildError::Unsupported("a callee that never returns".into()));
        }
        self.was_call = false;
        self.current = Some(continuation);
        Ok(result)
    }

    pub(super) fn call_function_ex(&mut self, argument: u32) -> Result<()> {
        let keywords = if argument & 1 != 0 { Some(self.pop()?) } else { None };
        let arguments = self.pop()?;
        let _null = self.pop_nullable()?;
        let callable = self.pop()?;
        let keywords = self.or_null(keywords);
        self.was_call = true;
        let result = self.call_helper_value(Helper::CallFunctionEx, &[callable, arguments, keywords])?;
        self.push(result);
        Ok(())
    }

    pub(super) fn call_intrinsic_1(&mut self, number: u32) -> Result<()> {
        let value = self.pop()?;
        let number = self.const_int(i64::from(number));
        let result = self.call_helper_value(Helper::CallIntrinsic1, &[value, number])?;
        self.push(result);
        Ok(())
    }

    pub(super) fn call_intrinsic_2(&mut self, number: u32) -> Result<()> {
        let second = self.pop()?;
        let first = self.pop()?;
        let number = self.const_int(i64::from(number));
        let result = self.call_helper_value(Helper::CallIntrinsic2, &[first, second, number])?;
        self.push(result);
        Ok(())
    }

    pub(super) fn make_function(&mut self) -> Result<()> {
        let code = self.pop()?;
        let function = self.call_helper_value(Helper::MakeFunction, &[code])?;
        self.push(function);
        Ok(())
    }

    /// SET_FUNCTION_ATTRIBUTE: the function is on top, the attribute below it (Python/bytecodes.c).
    pub(super) fn set_function_attribute(&mut self, which: u32) -> Result<()> {
        let function = self.pop()?;
        let attribute = self.pop()?;
        let which = self.const_int(i64::from(which));
        self.call_helper(Helper::SetFunctionAttribute, &[function, attribute, which])?;
        self.push(function);
        Ok(())
    }

    // ---- Trying a piece of building ----

    fn checkpoint(&self) -> Checkpoint {
        let current = self.current.expect("a block is open");
        Checkpoint {
            blocks: self.function.blocks.len(),
            instructions: self.function.instructions.len(),
            values: self.function.values.len(),
            snapshots: self.function.snapshots.len(),
            cache_cells: self.function.cache_cells,
            current,
            in_current: self.function.blocks[current.index()].instructions.len(),
        }
    }

    /// Forgets everything that was added since; the frame is as it was.
    fn roll_back(&mut self, checkpoint: Checkpoint) {
        self.function.blocks.truncate(checkpoint.blocks);
        self.function.instructions.truncate(checkpoint.instructions);
        self.function.values.truncate(checkpoint.values);
        self.candidates.retain(|value, _| value.index() < checkpoint.values);
        self.function.snapshots.truncate(checkpoint.snapshots);
        self.function.cache_cells = checkpoint.cache_cells;
        self.current = Some(checkpoint.current);
        self.function.blocks[checkpoint.current.index()].instructions.truncate(checkpoint.in_current);
        if self.snapshot_before.is_some_and(|snapshot| snapshot.index() >= checkpoint.snapshots) {
            self.snapshot_before = None;
        }
    }
}

/// How much there was before a try.
struct Checkpoint {
    blocks: usize,
    instructions: usize,
    values: usize,
    snapshots: usize,
    cache_cells: u32,
    current: coachwhip_ir::Block,
    in_current: usize,
}
