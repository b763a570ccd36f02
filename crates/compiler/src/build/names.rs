//! Globals, names of modules and class bodies, imports.

use super::{BuildError, Builder, Result};
use coachwhip_abi::facts::Feedback;
use coachwhip_ir::{Helper, Value};

impl Builder<'_> {
    /// The str object of a name.
    pub(super) fn name(&mut self, index: u32) -> Result<Value> {
        let object = *self.code().names.get(index as usize).ok_or_else(|| BuildError::Malformed("no such name".into()))?;
        Ok(self.const_object(object))
    }

    pub(super) fn load_global(&mut self, argument: u32, feedback: &Feedback) -> Result<()> {
        let value = if let Feedback::Global(object) = feedback {
            self.const_object(*object)
        } else {
            let name = self.name(argument >> 1)?;
            self.call_helper_value(Helper::LoadGlobal, &[name])?
        };
        self.push(value);
        if argument & 1 != 0 {
            self.frame.stack.push(None);
        }
        Ok(())
    }

    /// A helper that takes a name and yields a value.
    fn load_by_name(&mut self, helper: Helper, index: u32) -> Result<()> {
        let name = self.name(index)?;
        let value = self.call_helper_value(helper, &[name])?;
        self.push(value);
        Ok(())
    }

    /// A helper that takes a name and a value.
    fn store_by_name(&mut self, helper: Helper, index: u32) -> Result<()> {
        let value = self.pop()?;
        let name = self.name(index)?;
        self.call_helper(helper, &[name, value])?;
        Ok(())
    }

    /// A helper that takes a name.
    fn delete_by_name(&mut self, helper: Helper, index: u32) -> Result<()> {
        let name = self.name(index)?;
        self.call_helper(helper, &[name])?;
        Ok(())
    }

    pub(super) fn store_global(&mut self, index: u32) -> Result<()> {
        self.store_by_name(Helper::StoreGlobal, index)
    }

    pub(super) fn delete_global(&mut self, index: u32) -> Result<()> {
        self.delete_by_name(Helper::DeleteGlobal, index)
    }

    pub(super) fn load_name(&mut self, index: u32) -> Result<()> {
        self.load_by_name(Helper::LoadName, index)
    }

    pub(super) fn store_name(&mut self, index: u32) -> Result<()> {
        self.store_by_name(Helper::StoreName, index)
    }

    pub(super) fn delete_name(&mut self, index: u32) -> Result<()> {
        self.delete_by_name(Helper::DeleteName, index)
    }

    /// A helper without operands that yields a value.
    fn load_from_helper(&mut self, helper: Helper) -> Result<()> {
        let value = self.call_helper_value(helper, &[])?;
        self.push(value);
        Ok(())
    }

    pub(super) fn load_locals(&mut self) -> Result<()> {
        self.load_from_helper(Helper::LoadLocals)
    }

    pub(super) fn load_build_class(&mut self) -> Result<()> {
        self.load_from_helper(Helper::LoadBuildClass)
    }

    pub(super) fn load_assertion_error(&mut self) -> Result<()> {
        self.load_from_helper(Helper::AssertionError)
    }

    pub(super) fn setup_annotations(&mut self) -> Result<()> {
        self.call_helper(Helper::SetupAnnotations, &[])?;
        Ok(())
    }

    pub(super) fn load_from_dict_or_globals(&mut self, index: u32) -> Result<()> {
        let namespace = self.pop()?;
        let name = self.name(index)?;
        let value = self.call_helper_value(Helper::LoadFromDictOrGlobals, &[namespace, name])?;
        self.push(value);
        Ok(())
    }

    pub(super) fn load_from_dict_or_deref(&mut self, slot: u32) -> Result<()> {
        let namespace = self.pop()?;
        let cell = self.cell(slot)?;
        let position = self.const_int(i64::from(slot));
        let value = self.call_helper_value(Helper::LoadFromDictOrDeref, &[namespace, cell, position])?;
        self.push(value);
        Ok(())
    }

    pub(super) fn import_name(&mut self, index: u32) -> Result<()> {
        let from_list = self.pop()?;
        let level = self.pop()?;
        let name = self.name(index)?;
        let module = self.call_helper_value(Helper::ImportName, &[name, from_list, level])?;
        self.push(module);
        Ok(())
    }

    pub(super) fn import_from(&mut self, index: u32) -> Result<()> {
        let module = self.peek(1)?;
        let name = self.name(index)?;
        let value = self.call_helper_value(Helper::ImportFrom, &[module, name])?;
        self.push(value);
        Ok(())
    }
}
