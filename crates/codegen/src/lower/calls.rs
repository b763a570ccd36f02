//! Calls: helpers of the runtime, compiled functions, C functions, any object.

use super::{Lowering, bug, immediate, unsupported};
use crate::CodegenError;
use coachwhip_abi::environment::CodeHeader;
use coachwhip_abi::facts::ObjectValue;
use coachwhip_ir as ir;
use coachwhip_ir::{Convention, Helper, Instruction, Parameter, Yield};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use std::mem::offset_of;

impl Lowering<'_> {
    /// The address of an inline cache: its cells are 64 bytes each.
    pub(super) fn cache_cell(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let index = immediate!(instruction, 0, Int)?;
        if !(0..i64::from(self.function.cache_cells)).contains(&index) {
            return Err(bug(format!("cache cell {index} of {}", self.function.cache_cells)));
        }
        let header = self.address(self.options.header);
        let cells = self.load(types::I64, header, offset_of!(CodeHeader, caches) as i32);
        let distance = self.int(64 * index);
        let cell = self.builder.ins().iadd(cells, distance);
        self.define(instruction, cell)
    }

    /// Stores values in the machine stack's scratch room, `before` words from its start; the address of the first one.
    fn array(&mut self, values: &[ir::Value], before: u32) -> Result<Value, CodegenError> {
        let count = values.len() as u32;
        let room = self.scratch(before + count.max(1));
        for (index, &value) in values.iter().enumerate() {
            let value = self.value(value)?;
            self.store(value, room, 8 * (before as i32 + index as i32));
        }
        if before == 0 {
            return Ok(room);
        }
        let distance = self.int(8 * i64::from(before));
        Ok(self.builder.ins().iadd(room, distance))
    }

    pub(super) fn call_helper(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let helper = immediate!(instruction, 0, Helper)?;
        let info = helper.info();
        let fixed = info.parameters.len();
        if instruction.operands.len() < fixed || (info.rest.is_none() && instruction.operands.len() > fixed) {
            return Err(bug(format!("{} arguments for {}", instruction.operands.len(), info.name)));
        }
        if instruction.runs_any_code() {
            self.frame_is_visible(instruction)?;
        }
        let mut arguments = vec![self.tstate];
        for (&operand, (name, parameter)) in instruction.operands.iter().zip(info.parameters) {
            let value = self.value(operand)?;
            if self.builder.func.dfg.value_type(value) != parameter_type(*parameter) {
                return Err(bug(format!("{}: {name} is {}", info.name, self.function.ty(operand))));
            }
            arguments.push(value);
        }
        if info.rest.is_some() {
            let rest = &instruction.operands[fixed..];
            arguments.push(self.array(rest, 0)?);
            arguments.push(self.int(rest.len() as i64));
        }
        let outcome = helper_outcome(helper)?;
        let address = self.environment.helpers.get(helper as usize).copied().unwrap_or(0);
        let value = self.call_address(info.name, address, &arguments, outcome)?;
        let Some(value) = value else {
            return if info.raises { Err(bug(format!("{} raises and returns nothing", info.name))) } else { Ok(()) };
        };
        // What says that an exception is set, before the value is brought into its own representation.
        if info.raises {
            let raised = match info.yields {
                Yield::Bool | Yield::Int => self.compare(IntCC::SignedLessThan, value, 0),
                Yield::Float => return Err(bug(format!("{} raises and returns a float", info.name))),
                Yield::Nothing | Yield::Pointer | Yield::New(_) | Yield::Borrowed(_) | Yield::Kept(_) | Yield::Same | Yield::Helper => {
                    self.compare(IntCC::Equal, value, 0)
                }
            };
            self.raised_if(instruction, raised)?;
        }
        let value = match info.yields {
            Yield::Bool => self.builder.ins().ireduce(types::I8, value),
            _ => value,
        };
        self.define(instruction, value)
    }

    /// Through the entry cell of the callee's code, which holds its compiled entry or a stub.
    pub(super) fn call_direct(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let code = self.code_facts(immediate!(instruction, 0, Code)?)?;
        let parameters = code.parameter_count() as usize;
        if instruction.operands.len() != parameters + 1 {
            return Err(bug(format!("{} arguments for {}, which has {parameters} parameters", instruction.operands.len() - 1, code.qualname)));
        }
        self.frame_is_visible(instruction)?;
        let mut arguments = vec![self.tstate];
        for &operand in &instruction.operands {
            arguments.push(self.value(operand)?);
        }
        let target = self.load_absolute(types::I64, code.entry_cell)?;
        let value = self.call_value(target, &arguments, Some(types::I64)).ok_or_else(|| bug("a call without a result"))?;
        self.object_outcome(instruction, value)
    }

    /// The vectorcall protocol, with a free word before the arguments.
    pub(super) fn call_object(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        self.frame_is_visible(instruction)?;
        let (callable, names) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        let rest = &instruction.operands[2..];
        let mut array = self.array(rest, 1)?;
        let mut count = self.int(rest.len() as i64);
        if let Some(&first) = rest.first()
            && self.function.ty(first).classes.may_be_null()
        {
            // No receiver: the array starts behind it, its own word is the free one.
            let receiver = self.value(first)?;
            let one = self.int(1);
            let word = self.int(8);
            let (shorter, fewer) = (self.builder.ins().iadd(array, word), self.builder.ins().isub(count, one));
            array = self.builder.ins().select(receiver, array, shorter);
            count = self.builder.ins().select(receiver, count, fewer);
        }
        let value = self.call_routine("call_object", self.environment.routines.call_object, &[self.tstate, callable, array, count, names])?;
        self.object_outcome(instruction, value)
    }

    /// A C function by the convention of its `ml_flags`.
    pub(super) fn call_c(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let object = immediate!(instruction, 0, Object)?;
        let convention = immediate!(instruction, 1, Convention)?;
        let facts = self.facts.objects.get(object.index()).ok_or_else(|| bug(format!("no facts of {object}")))?;
        self.named.borrow_mut().insert(facts.address);
        let (function, receiver, rest) = match &facts.value {
            ObjectValue::BuiltinFunction { address, receiver, .. } => {
                let receiver = receiver.map_or(Ok(0), |receiver| self.object_address(receiver))?;
                (*address, self.address(receiver), &instruction.operands[..])
            }
            ObjectValue::MethodDescriptor { address, .. } => {
                let receiver = self.operand(instruction, 0)?;
                (*address, receiver, &instruction.operands[1..])
            }
            _ => return Err(unsupported(format!("call_c of {}", facts.text))),
        };
        let expected = match convention {
            Convention::NoArguments => Some(0),
            Convention::OneArgument => Some(1),
            Convention::Fast | Convention::FastWithKeywords => None,
        };
        if expected.is_some_and(|expected| expected != rest.len()) {
            return Err(bug(format!("{} arguments for {}", rest.len(), facts.text)));
        }
        self.frame_is_visible(instruction)?;
        let null = self.int(0);
        let count = self.int(rest.len() as i64);
        let arguments = match convention {
            Convention::NoArguments => vec![receiver, null],
            Convention::OneArgument => vec![receiver, self.value(rest[0])?],
            Convention::Fast => vec![receiver, self.array(rest, 0)?, count],
            Convention::FastWithKeywords => vec![receiver, self.array(rest, 0)?, count, null],
        };
        let value = self.call_routine(&facts.text, function, &arguments)?;
        if matches!(facts.value, ObjectValue::BuiltinFunction { .. }) {
            self.notice_evaluator()?;
        }
        self.object_outcome(instruction, value)
    }

    /// Another extension may evaluate frames from now on (PEP 523), which nothing tells of: makes the next check go to the runtime.
    fn notice_evaluator(&mut self) -> Result<(), CodegenError> {
        let address = self.environment.frame_evaluator;
        if address == 0 {
            return Ok(());
        }
        let evaluator = self.load_absolute(types::I64, address)?;
        let (set, done) = (self.cold_block(), self.next_block());
        self.builder.ins().brif(evaluator, set, &[], done, &[]);
        self.builder.switch_to_block(set);
        let word = self.address(self.environment.eval_breaker_expected);
        let never = self.int(-1);
        self.store(never, word, 0);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(done);
        Ok(())
    }

    /// NULL says that an exception is set.
    fn object_outcome(&mut self, instruction: &Instruction, value: Value) -> Result<(), CodegenError> {
        let raised = self.compare(IntCC::Equal, value, 0);
        self.raised_if(instruction, raised)?;
        self.define(instruction, value)
    }
}

fn parameter_type(parameter: Parameter) -> Type {
    match parameter {
        Parameter::Object | Parameter::ObjectOrNull | Parameter::Stolen | Parameter::StolenOrNull | Parameter::Int | Parameter::Pointer => types::I64,
        Parameter::Float => types::F64,
    }
}

/// What a helper returns, as the machine sees it: integers and bools are 64 bits, so that -1 can say that it raised.
fn helper_outcome(helper: Helper) -> Result<Option<Type>, CodegenError> {
    Ok(match helper.info().yields {
        Yield::Nothing => None,
        Yield::Int | Yield::Bool => Some(types::I64),
        Yield::Float => Some(types::F64),
        Yield::Pointer | Yield::New(_) | Yield::Borrowed(_) | Yield::Kept(_) => Some(types::I64),
        Yield::Same | Yield::Helper => return Err(bug(format!("what {} yields", helper.info().name))),
    })
}
