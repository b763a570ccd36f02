//! Attributes of several classes: a branch for each class that came by, and calls of the methods found so: a branch for each function.
//!
//! ```text
//! LOAD_ATTR  branch is_type[A] v  ->  refine, the method of A  ->  merge(method)
//!            branch is_type[B] v  ->  refine, the method of B  ->  merge
//!            guard_type[C] v          the method of C          ->  merge
//! CALL       branch is_same method, the method of A  ->  called directly or inlined  ->  merge(result)
//!            ...
//! ```

use super::{BuildError, Builder, Result};
use coachwhip_abi::facts::{AttributeFeedback, StoreAttributeFeedback};
use coachwhip_ir::{Block, Class, ClassRef, Identity, Immediate, ObjectRef, Op, Reason, Type, Value};

/// What a value can be that a polymorphic LOAD_ATTR has left for CALL: a method, and the class it was found in if it is that of one class only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    method: ObjectRef,
    class: Option<ClassRef>,
}

/// Where alternatives come together.
struct Merge {
    block: Block,
    result: Option<Value>,
}

impl Builder<'_> {
    /// Whether the object may be of several classes as far as is known, and more classes than are told apart have not come by.
    fn may_be_one_of(&self, object: Value) -> bool {
        let ty = self.ty(object);
        let few = self.refuted_row().is_none_or(|row| row.reached_only || row.reason == Reason::Type);
        few && ty.identity == Identity::Unknown && !ty.classes.intersection(coachwhip_ir::ClassSet::of(Class::Other)).is_empty()
    }

    fn merge(&mut self, with_result: bool) -> Merge {
        let block = self.function.add_block();
        let empty = Type { classes: coachwhip_ir::ClassSet::EMPTY, ..Type::OBJECT };
        let result = with_result.then(|| self.function.add_parameter(block, empty, None));
        Merge { block, result }
    }

    /// Ends an alternative.
    fn join(&mut self, merge: &Merge, value: Option<Value>) {
        if let (Some(result), Some(value)) = (merge.result, value) {
            let (old, new) = (self.ty(result), self.ty(value));
            self.function.values[result.index()].ty = if old.classes.is_empty() { new } else { old.join(new) };
        }
        self.terminate(Op::Jump, &[], &[], &[(merge.block, value.into_iter().collect())], None);
    }

    /// Goes into the alternative for a class; returns the object, known to be of the class, and the block for the others (none: it was the last).
    fn enter_class(&mut self, object: Value, class: ClassRef, is_last: bool) -> (Value, Option<Block>) {
        if is_last {
            return (self.guard_type(object, class), None);
        }
        let test = self.emit_value(Op::IsType, &[object], &[Immediate::ClassRef(class)], Type::BOOL);
        let (arm, others) = (self.function.add_block(), self.function.add_block());
        self.terminate(Op::Branch, &[test], &[], &[(arm, Vec::new()), (others, Vec::new())], None);
        self.current = Some(arm);
        let ty = Type::exact(Class::Other, class);
        (self.emit_value(Op::Refine, &[object], &[Immediate::ClassRef(class)], ty), Some(others))
    }

    /// LOAD_ATTR of several classes. False: it is not to be done so, and nothing was added.
    pub(super) fn load_attr_of_many(&mut self, object: Value, all: &[AttributeFeedback], argument: u32) -> Result<bool> {
        let is_method = argument & 1 != 0;
        let classes: Option<Vec<ClassRef>> = all.iter().map(AttributeFeedback::class).collect();
        let Some(classes) = classes.filter(|classes| self.are_told_apart_by_type(classes)) else { return Ok(false) };
        let methods: Vec<ObjectRef> = all.iter().filter_map(AttributeFeedback::method).collect();
        // The second value that LOAD_ATTR pushes for a call is the object or NULL, in all alternatives alike.
        let all_alike = methods.is_empty() || (is_method && methods.len() == all.len());
        if !all_alike || !self.may_be_one_of(object) {
            return Ok(false);
        }
        let stack = self.frame.stack.clone();
        let merge = self.merge(true);
        for (position, (attribute, &class)) in all.iter().zip(&classes).enumerate() {
            let (receiver, others) = self.enter_class(object, class, position + 1 == all.len());
            if !self.load_attr_by_cache(receiver, attribute, argument)? {
                return Err(BuildError::Unsupported("this attribute of several classes".into()));
            }
            let value = if is_method { self.peek(2)? } else { self.peek(1)? };
            self.join(&merge, Some(value));
            self.frame.stack.clone_from(&stack);
            self.current = others;
        }
        self.current = Some(merge.block);
        let value = merge.result.expect("asked for");
        self.pop()?;
        self.push(value);
        if is_method {
            self.frame.stack.push(if methods.is_empty() { None } else { Some(object) });
        }
        if !methods.is_empty() {
            let candidates = self.candidates_of(&methods, &classes);
            self.candidates.insert(value, candidates);
        }
        Ok(true)
    }

    /// One candidate for each function; the class is known of those that only one class has.
    fn candidates_of(&self, methods: &[ObjectRef], classes: &[ClassRef]) -> Vec<Candidate> {
        let mut candidates: Vec<Candidate> = Vec::new();
        for (&method, &class) in methods.iter().zip(classes) {
            match candidates.iter_mut().find(|candidate| candidate.method == method) {
                Some(candidate) => candidate.class = None,
                None => candidates.push(Candidate { method, class: Some(class) }),
            }
        }
        candidates
    }

    /// `is_type` compares `ob_type`: all of them are classes of their own, not built-in ones that are told by other means.
    fn are_told_apart_by_type(&self, classes: &[ClassRef]) -> bool {
        classes.iter().all(|class| self.facts.classes[class.index()].class == Class::Other)
    }

    /// STORE_ATTR of several classes. False: it is not to be done so, and nothing was added.
    pub(super) fn store_attr_of_many(&mut self, object: Value, value: Value, all: &[StoreAttributeFeedback]) -> Result<bool> {
        let classes: Vec<ClassRef> = all.iter().map(StoreAttributeFeedback::class).collect();
        let supported = all.iter().all(|one| !matches!(one, StoreAttributeFeedback::WithHint { .. }));
        if !supported || !self.are_told_apart_by_type(&classes) || !self.may_be_one_of(object) {
            return Ok(false);
        }
        let stack = self.frame.stack.clone();
        let merge = self.merge(false);
        for (position, (attribute, &class)) in all.iter().zip(&classes).enumerate() {
            let (receiver, others) = self.enter_class(object, class, position + 1 == all.len());
            self.store_attr_by_cache(receiver, value, attribute)?;
            self.join(&merge, None);
            self.frame.stack.clone_from(&stack);
            self.current = others;
        }
        self.frame.stack.truncate(stack.len() - 2);
        self.current = Some(merge.block);
        Ok(true)
    }

    /// Calls what a polymorphic LOAD_ATTR has found; `None` if it is not from one. The operands are popped already.
    pub(super) fn call_candidates(&mut self, callable: Value, arguments: &[Value]) -> Result<Option<Value>> {
        let Some(candidates) = self.candidates.get(&callable).cloned() else { return Ok(None) };
        let stack = self.frame.stack.clone();
        let merge = self.merge(true);
        let mut was_call = false;
        for (position, candidate) in candidates.iter().enumerate() {
            let method = self.const_object(candidate.method);
            let mut others = None;
            if position + 1 < candidates.len() {
                let test = self.emit_value(Op::IsSame, &[callable, method], &[], Type::BOOL);
                let (arm, rest) = (self.function.add_block(), self.function.add_block());
                self.terminate(Op::Branch, &[test], &[], &[(arm, Vec::new()), (rest, Vec::new())], None);
                self.current = Some(arm);
                others = Some(rest);
            }
            let mut arguments = arguments.to_vec();
            if let Some(class) = candidate.class
                && self.may_be_one_of(arguments[0])
            {
                // The arguments' own evaluation may have changed its class.
                arguments[0] = self.guard_type(arguments[0], class);
            }
            let result = self.call_value(method, &arguments)?;
            was_call |= self.was_call;
            self.was_call = true;
            self.join(&merge, Some(result));
            self.frame.stack.clone_from(&stack);
            self.current = others;
        }
        self.was_call = was_call;
        self.current = Some(merge.block);
        Ok(merge.result)
    }
}
