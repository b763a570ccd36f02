//! Reads the text form of the IR that `print.rs` writes. `;` starts a comment that goes to the end of the line; blank lines are ignored.
//!
//! Values, blocks and snapshots keep the numbers they have in the text. A number below the highest one that nothing defines gets a stand-in that is in no
//! block, so that the verifier, not the parser, says what is wrong with a use of it.

use crate::entity::{Block, ClassRef, CodeRef, InstructionId, ObjectRef, SnapshotId, Value};
use crate::fields::Field;
use crate::function::{BlockData, Definition, EntryKind, Function, Immediate, Instruction, Target, ValueData};
use crate::helpers::Helper;
use crate::instructions::{Condition, Convention, ImmediateKind, Op};
use crate::reasons::Reason;
use crate::snapshot::Snapshot;
use crate::types::{Class, ClassSet, Identity, Type};
use std::collections::BTreeSet;
use std::fmt;

/// What could not be read, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Entity numbers above this are refused: a slip of the pen should not fill the memory.
const LIMIT: u32 = 1 << 20;

/// Reads one function.
///
/// # Errors
/// The first thing that is not understood.
pub fn parse(text: &str) -> Result<Function, ParseError> {
    let mut reader = Reader::default();
    let mut last = 0;
    for (index, line) in text.lines().enumerate() {
        last = index + 1;
        let mut cursor = Cursor { rest: line };
        cursor.skip_blanks();
        if !cursor.at_end() {
            reader.line(&mut cursor).map_err(|message| ParseError { line: last, message })?;
        }
    }
    reader.finish().map_err(|message| ParseError { line: last, message })
}

type Outcome<T> = Result<T, String>;

/// The rest of a line.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn at_end(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with(';')
    }

    fn expect_end(&self) -> Outcome<()> {
        if self.at_end() { Ok(()) } else { Err(format!("`{}` is too much", self.rest.trim_end())) }
    }

    /// Takes a sign if it comes next.
    fn sign(&mut self, sign: &str) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                self.skip_blanks();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, sign: &str) -> Outcome<()> {
        if self.sign(sign) { Ok(()) } else { Err(format!("`{sign}` is missing before `{}`", self.rest.trim_end())) }
    }

    /// The letters, digits and underscores that come next, without taking them.
    fn peek_word(&self) -> &'a str {
        let end = self.rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        &self.rest[..end.unwrap_or(self.rest.len())]
    }

    fn word(&mut self) -> Outcome<&'a str> {
        let word = self.peek_word();
        if word.is_empty() {
            return Err(format!("a word is missing before `{}`", self.rest.trim_end()));
        }
        self.rest = &self.rest[word.len()..];
        self.skip_blanks();
        Ok(word)
    }

    /// Takes a word if it comes next.
    fn keyword(&mut self, keyword: &str) -> bool {
        self.peek_word() == keyword && self.word().is_ok()
    }

    fn number(&mut self) -> Outcome<u32> {
        let word = self.word()?;
        word.parse().map_err(|_| format!("`{word}` is no number"))
    }

    /// The number of an entity, if one with this prefix comes next.
    fn peek_entity(&self, prefix: &str) -> Option<u32> {
        let digits = self.peek_word().strip_prefix(prefix)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    }

    fn entity(&mut self, prefix: &str) -> Outcome<u32> {
        let word = self.peek_word();
        let number = self.peek_entity(prefix).ok_or_else(|| format!("`{word}` is not `{prefix}` with a number"))?;
        if number >= LIMIT {
            return Err(format!("the number of `{word}` is too high"));
        }
        self.word()?;
        Ok(number)
    }

    fn value(&mut self) -> Outcome<Value> {
        self.entity(Value::PREFIX).map(Value)
    }

    fn block(&mut self) -> Outcome<Block> {
        self.entity(Block::PREFIX).map(Block)
    }

    fn snapshot(&mut self) -> Outcome<SnapshotId> {
        self.entity(SnapshotId::PREFIX).map(SnapshotId)
    }

    /// A text in quotes, escaped as Rust writes it.
    fn quoted(&mut self) -> Outcome<String> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        if characters.next().map(|next| next.1) != Some('"') {
            return Err("a name in quotes is missing".to_owned());
        }
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[index + 1..];
                    self.skip_blanks();
                    return Ok(text);
                }
                '\\' => text.push(match characters.next().map(|next| next.1) {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    Some('0') => '\0',
                    Some('u') => {
                        let code: String = characters.by_ref().map(|next| next.1).skip(1).take_while(|&character| character != '}').collect();
                        let number = u32::from_str_radix(&code, 16).ok();
                        number.and_then(char::from_u32).ok_or_else(|| format!("`{code}` is no character"))?
                    }
                    Some(other) => other,
                    None => break,
                }),
                other => text.push(other),
            }
        }
        Err("the name has no end".to_owned())
    }

    fn ty(&mut self) -> Outcome<Type> {
        for (name, ty) in [("i64", Type::INT), ("f64", Type::FLOAT), ("i1", Type::BOOL), ("ptr", Type::POINTER)] {
            if self.keyword(name) {
                return Ok(ty);
            }
        }
        let mut classes = ClassSet::EMPTY;
        if !self.rest.starts_with('?') {
            loop {
                let word = self.word()?;
                classes = classes.union(match word {
                    "Object" => ClassSet::ANY,
                    "Empty" => ClassSet::EMPTY,
                    name => ClassSet::of(class(name)?),
                });
                if !self.sign("|") {
                    break;
                }
            }
        }
        if self.sign("?") {
            classes = classes.union(ClassSet::NULL);
        }
        let mut ty = Type::object(classes);
        if self.sign("[") {
            ty.identity = if self.peek_entity(ObjectRef::PREFIX).is_some() {
                Identity::Constant(ObjectRef(self.entity(ObjectRef::PREFIX)?))
            } else {
                Identity::Exact(ClassRef(self.entity(ClassRef::PREFIX)?))
            };
            self.expect("]")?;
        }
        Ok(ty)
    }

    /// What is before the closing sign, which is taken too.
    fn until(&mut self, end: char) -> Outcome<&'a str> {
        let (before, after) = self.rest.split_once(end).ok_or_else(|| format!("`{end}` is missing"))?;
        self.rest = after;
        self.skip_blanks();
        Ok(before)
    }
}

fn class(name: &str) -> Outcome<Class> {
    let found = Class::ALL.iter().copied().find(|class| format!("{class:?}") == name);
    found.ok_or_else(|| format!("there is no class `{name}`"))
}

fn immediate(text: &str, kind: ImmediateKind) -> Outcome<Immediate> {
    let entity = |prefix: &str| text.strip_prefix(prefix).and_then(|digits| digits.parse().ok());
    let found = match kind {
        ImmediateKind::Int => text.parse().ok().map(Immediate::Int),
        ImmediateKind::Float => match text.strip_prefix("nan:0x") {
            Some(bits) => u64::from_str_radix(bits, 16).ok().filter(|&bits| f64::from_bits(bits).is_nan()),
            None => text.parse().ok().map(f64::to_bits),
        }
        .map(Immediate::Float),
        ImmediateKind::Class => class(text).ok().map(Immediate::Class),
        ImmediateKind::ClassRef => entity(ClassRef::PREFIX).map(|number| Immediate::ClassRef(ClassRef(number))),
        ImmediateKind::Object => entity(ObjectRef::PREFIX).map(|number| Immediate::Object(ObjectRef(number))),
        ImmediateKind::Code => entity(CodeRef::PREFIX).map(|number| Immediate::Code(CodeRef(number))),
        ImmediateKind::Field => Field::from_name(text).map(Immediate::Field),
        ImmediateKind::Helper => Helper::from_name(text).map(Immediate::Helper),
        ImmediateKind::Reason => Reason::from_name(text).map(Immediate::Reason),
        ImmediateKind::Condition => Condition::ROWS.iter().find(|row| row.1 == text).map(|row| Immediate::Condition(row.0)),
        ImmediateKind::Convention => Convention::ROWS.iter().find(|row| row.1 == text).map(|row| Immediate::Convention(row.0)),
    };
    found.ok_or_else(|| format!("`{text}` is no immediate of kind {kind:?}"))
}

/// Where the next line belongs.
#[derive(Default)]
enum Place {
    #[default]
    Start,
    Function,
    Block(Block),
    Snapshots,
}

/// The function so far.
#[derive(Default)]
struct Reader {
    function: Option<Function>,
    place: Place,
    values: Vec<Option<ValueData>>,
    /// The highest number of a value that is used.
    used_values: usize,
    blocks: Vec<Option<BlockData>>,
    used_blocks: usize,
    snapshots: Vec<Option<Snapshot>>,
    used_snapshots: BTreeSet<SnapshotId>,
}

/// Puts something at a place of a table, growing it; `false` if it is taken.
fn place<T>(table: &mut Vec<Option<T>>, index: usize, item: T) -> bool {
    while table.len() <= index {
        table.push(None);
    }
    table[index].replace(item).is_none()
}

impl Reader {
    fn use_value(&mut self, value: Value) -> Value {
        self.used_values = self.used_values.max(value.index() + 1);
        value
    }

    fn use_snapshot(&mut self, snapshot: SnapshotId) -> SnapshotId {
        self.used_snapshots.insert(snapshot);
        snapshot
    }

    fn line(&mut self, cursor: &mut Cursor<'_>) -> Outcome<()> {
        match self.place {
            Place::Start => {
                self.header(cursor)?;
                self.place = Place::Function;
            }
            Place::Snapshots => self.snapshot(cursor)?,
            _ if cursor.keyword("snapshots") => {
                cursor.expect(":")?;
                self.place = Place::Snapshots;
            }
            _ if cursor.peek_entity(Block::PREFIX).is_some() => {
                let block = self.block(cursor)?;
                self.place = Place::Block(block);
            }
            Place::Function => return Err("the function starts with a block".to_owned()),
            Place::Block(block) => self.instruction(block, cursor)?,
        }
        cursor.expect_end()
    }

    fn header(&mut self, cursor: &mut Cursor<'_>) -> Outcome<()> {
        if !cursor.keyword("function") {
            return Err("the text starts with `function`".to_owned());
        }
        let name = cursor.quoted()?;
        let entry_kind = match cursor.word()? {
            "call" => EntryKind::Call { parameters: cursor.number()? },
            "loop" => {
                cursor.expect("+")?;
                let offset = cursor.number()?;
                if !cursor.keyword("depth") {
                    return Err("`depth` is missing".to_owned());
                }
                EntryKind::Loop { offset, stack_depth: cursor.number()? }
            }
            other => return Err(format!("a function is entered by `call` or `loop`, not `{other}`")),
        };
        let mut function = Function::new(name, entry_kind);
        if cursor.keyword("caches") {
            function.cache_cells = cursor.number()?;
        }
        self.function = Some(function);
        Ok(())
    }

    fn block(&mut self, cursor: &mut Cursor<'_>) -> Outcome<Block> {
        let block = cursor.block()?;
        let mut data = BlockData::default();
        if cursor.sign("(") && !cursor.sign(")") {
            loop {
                let value = cursor.value()?;
                cursor.expect(":")?;
                let ty = cursor.ty()?;
                let local = cursor.peek_entity("local");
                if local.is_some() {
                    cursor.word()?;
                }
                let position = u32::try_from(data.parameters.len()).map_err(|_| "too many parameters")?;
                self.define(value, ValueData { ty, definition: Definition::Parameter(block, position), local })?;
                data.parameters.push(value);
                if !cursor.sign(",") {
                    break;
                }
            }
            cursor.expect(")")?;
        }
        cursor.expect(":")?;
        data.cold = cursor.keyword("cold");
        if cursor.keyword("entry") {
            let snapshot = cursor.snapshot()?;
            data.entry_snapshot = Some(self.use_snapshot(snapshot));
        }
        if place(&mut self.blocks, block.index(), data) { Ok(block) } else { Err(format!("{block} is there twice")) }
    }

    fn define(&mut self, value: Value, data: ValueData) -> Outcome<()> {
        if place(&mut self.values, value.index(), data) { Ok(()) } else { Err(format!("{value} is defined twice")) }
    }

    fn instruction(&mut self, block: Block, cursor: &mut Cursor<'_>) -> Outcome<()> {
        let next = self.function.as_ref().map_or(0, |function| function.instructions.len());
        let id = InstructionId::from_index(next);
        let mut result = None;
        if cursor.peek_entity(Value::PREFIX).is_some() {
            let value = cursor.value()?;
            cursor.expect(":")?;
            let ty = cursor.ty()?;
            cursor.expect("=")?;
            self.define(value, ValueData { ty, definition: Definition::Result(id), local: None })?;
            result = Some(value);
        }
        let name = cursor.word()?;
        let op = Op::from_name(name).ok_or_else(|| format!("there is no instruction `{name}`"))?;
        let mut instruction = Instruction::new(op, &[]);
        instruction.result = result;
        let kinds = op.info().immediates;
        if cursor.sign("[") {
            for (index, text) in cursor.until(']')?.split(',').enumerate() {
                let kind = kinds.get(index).ok_or_else(|| format!("`{name}` has {} immediates", kinds.len()))?;
                instruction.immediates.push(immediate(text.trim(), kind.1)?);
            }
        }
        if instruction.immediates.len() != kinds.len() {
            return Err(format!("`{name}` has {} immediates", kinds.len()));
        }
        if cursor.peek_entity(Value::PREFIX).is_some() {
            loop {
                let value = cursor.value()?;
                instruction.operands.push(self.use_value(value));
                if !cursor.sign(",") {
                    break;
                }
            }
        }
        if cursor.sign("->") {
            loop {
                let target = self.target(cursor)?;
                instruction.targets.push(target);
                if !cursor.sign(",") {
                    break;
                }
            }
        }
        if cursor.peek_entity(SnapshotId::PREFIX).is_some() {
            let snapshot = cursor.snapshot()?;
            instruction.snapshot = Some(self.use_snapshot(snapshot));
        }
        instruction.caught = cursor.keyword("caught");
        if cursor.keyword("owned") {
            cursor.expect("[")?;
            while !cursor.sign("]") {
                let value = cursor.value()?;
                instruction.owned.push(self.use_value(value));
            }
        }
        if cursor.sign("@") {
            instruction.offset = cursor.number()?;
        }
        if let (Some(function), Some(Some(data))) = (&mut self.function, self.blocks.get_mut(block.index())) {
            function.instructions.push(instruction);
            data.instructions.push(id);
        }
        Ok(())
    }

    fn target(&mut self, cursor: &mut Cursor<'_>) -> Outcome<Target> {
        let block = cursor.block()?;
        self.used_blocks = self.used_blocks.max(block.index() + 1);
        let mut arguments = Vec::new();
        if cursor.sign("(") && !cursor.sign(")") {
            loop {
                let value = cursor.value()?;
                arguments.push(self.use_value(value));
                if !cursor.sign(",") {
                    break;
                }
            }
            cursor.expect(")")?;
        }
        Ok(Target { block, arguments })
    }

    fn snapshot(&mut self, cursor: &mut Cursor<'_>) -> Outcome<()> {
        let id = cursor.snapshot()?;
        cursor.expect("=")?;
        let code = CodeRef(cursor.entity(CodeRef::PREFIX)?);
        cursor.expect("+")?;
        let offset = cursor.number()?;
        let locals = self.slots(cursor, "locals", "_")?;
        let stack = self.slots(cursor, "stack", "null")?;
        let mut snapshot = Snapshot { parent: None, code, offset, locals, stack, function: None, constructs: false };
        if cursor.keyword("parent") {
            let parent = cursor.snapshot()?;
            snapshot.parent = Some(self.use_snapshot(parent));
        }
        if cursor.keyword("function") {
            let value = cursor.value()?;
            snapshot.function = Some(self.use_value(value));
        }
        snapshot.constructs = cursor.keyword("constructs");
        if place(&mut self.snapshots, id.index(), snapshot) { Ok(()) } else { Err(format!("{id} is there twice")) }
    }

    fn slots(&mut self, cursor: &mut Cursor<'_>, name: &str, empty: &str) -> Outcome<Vec<Option<Value>>> {
        if !cursor.keyword(name) {
            return Err(format!("`{name}` is missing"));
        }
        cursor.expect("[")?;
        let mut slots = Vec::new();
        while !cursor.sign("]") {
            slots.push(if cursor.keyword(empty) {
                None
            } else {
                let value = cursor.value()?;
                Some(self.use_value(value))
            });
        }
        Ok(slots)
    }

    fn finish(self) -> Outcome<Function> {
        let mut function = self.function.ok_or("there is no function")?;
        if self.blocks.is_empty() {
            return Err("the function has no block".to_owned());
        }
        if let Some(missing) = (0..self.used_blocks).find(|&index| !matches!(self.blocks.get(index), Some(Some(_)))) {
            return Err(format!("block{missing} is missing"));
        }
        function.blocks = self.blocks.into_iter().map(Option::unwrap_or_default).collect();
        let is_there = |id: &&SnapshotId| matches!(self.snapshots.get(id.index()), Some(Some(_)));
        if let Some(missing) = self.used_snapshots.iter().find(|id| !is_there(id)) {
            return Err(format!("{missing} is missing"));
        }
        let unused = || Snapshot { parent: None, code: CodeRef(0), offset: 0, locals: Vec::new(), stack: Vec::new(), function: None, constructs: false };
        function.snapshots = self.snapshots.into_iter().map(|snapshot| snapshot.unwrap_or_else(unused)).collect();
        let mut values = self.values;
        while values.len() < self.used_values {
            values.push(None);
        }
        for (index, data) in values.into_iter().enumerate() {
            let data = data.unwrap_or_else(|| {
                let id = InstructionId::from_index(function.instructions.len());
                let mut stand_in = Instruction::new(Op::Null, &[]);
                stand_in.result = Some(Value::from_index(index));
                function.instructions.push(stand_in);
                ValueData { ty: Type::NULL, definition: Definition::Result(id), local: None }
            });
            function.values.push(data);
        }
        Ok(function)
    }
}
