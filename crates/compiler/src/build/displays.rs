//! Displays, f-strings, formatting, and what builds them up.

use super::{BuildError, Builder, Result};
use coachwhip_ir::{Helper, Value};

impl Builder<'_> {
    pub(crate) fn build_display(&mut self, helper: Helper, count: u32) -> Result<()> {
        let items = self.pop_many(count)?;
        let result = self.call_helper_value(helper, &items)?;
        self.push(result);
        Ok(())
    }

    pub(crate) fn build_const_key_map(&mut self, count: u32) -> Result<()> {
        let keys = self.pop()?;
        let mut operands = vec![keys];
        operands.extend(self.pop_many(count)?);
        let result = self.call_helper_value(Helper::BuildConstKeyMap, &operands)?;
        self.push(result);
        Ok(())
    }

    pub(crate) fn build_slice(&mut self, count: u32) -> Result<()> {
        let step = if count == 3 { Some(self.pop()?) } else { None };
        let stop = self.pop()?;
        let start = self.pop()?;
        let step = match step {
            Some(step) => step,
            None => self.none()?,
        };
        let result = self.call_helper_value(Helper::BuildSlice, &[start, stop, step])?;
        self.push(result);
        Ok(())
    }

    /// The object None.
    pub(crate) fn none(&mut self) -> Result<Value> {
        let position = self
            .facts
            .objects
            .iter()
            .position(|object| object.class == coachwhip_ir::Class::NoneType)
            .ok_or_else(|| BuildError::Malformed("None is not among the facts".into()))?;
        Ok(self.const_object(coachwhip_ir::ObjectRef::from_index(position)))
    }

    /// The container that an instruction adds to: at a distance below the operands that are popped already.
    fn container(&mut self, distance: u32) -> Result<Value> {
        self.peek(distance)
    }

    pub(crate) fn list_append(&mut self, distance: u32) -> Result<()> {
        let item = self.pop()?;
        let list = self.container(distance)?;
        self.call_helper(Helper::ListAppend, &[list, item])?;
        Ok(())
    }

    pub(crate) fn update_display(&mut self, helper: Helper, distance: u32) -> Result<()> {
        let item = self.pop()?;
        let container = self.container(distance)?;
        self.call_helper(helper, &[container, item])?;
        Ok(())
    }

    /// DICT_MERGE: the callable, for the error message, lies below the dict and the positional arguments (Python/bytecodes.c).
    pub(crate) fn dict_merge(&mut self, distance: u32) -> Result<()> {
        let update = self.pop()?;
        let dict = self.container(distance)?;
        let callable = self.peek(distance + 3)?;
        self.call_helper(Helper::DictMerge, &[dict, update, callable])?;
        Ok(())
    }

    pub(crate) fn map_add(&mut self, distance: u32) -> Result<()> {
        let value = self.pop()?;
        let key = self.pop()?;
        let dict = self.container(distance)?;
        self.call_helper(Helper::MapAdd, &[dict, key, value])?;
        Ok(())
    }

    pub(crate) fn format_simple(&mut self) -> Result<()> {
        let value = self.pop()?;
        let result = self.call_helper_value(Helper::FormatSimple, &[value])?;
        self.push(result);
        Ok(())
    }

    pub(crate) fn format_with_spec(&mut self) -> Result<()> {
        let operands = self.pop_many(2)?;
        let result = self.call_helper_value(Helper::FormatWithSpec, &operands)?;
        self.push(result);
        Ok(())
    }

    pub(crate) fn convert_value(&mut self, conversion: u32) -> Result<()> {
        let value = self.pop()?;
        let conversion = self.const_int(i64::from(conversion));
        let result = self.call_helper_value(Helper::ConvertValue, &[value, conversion])?;
        self.push(result);
        Ok(())
    }
}
