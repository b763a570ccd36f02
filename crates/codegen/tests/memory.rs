//! Reads and writes of CPython's structures, guards on them, and C functions by their conventions.

mod machine;

use coachwhip_abi::environment::Layout;
use coachwhip_abi::facts::{ArrayFacts, ClassFacts, ObjectValue};
use coachwhip_abi::ir::{ArrayItem, Class, ClassRef, Convention, Field, Immediate, Op, Type, Value};
use machine::{Builder, Call, Machine, answer, calls};

const CLASS: usize = 0xC1A55;

/// A machine with a class whose instances have 32 bytes, then inline values.
fn machine(parameters: u32) -> Machine {
    let mut machine = Machine::new(parameters as usize, parameters);
    machine.environment.layout = Layout {
        values_capacity: 0,
        values_size: 1,
        values_valid: 3,
        values_values: 8,
        dict_keys: 32,
        keys_version: 12,
        keys_log2_index_bytes: 9,
        keys_indices: 32,
        unicode_entry_value: 8,
        keys_kind: 10,
        keys_count: 24,
        unicode_entry_key: 0,
        unicode_entry_size: 16,
        managed_dict: -24,
        cell_contents: 16,
        array_items: 24,
        array_descriptor: 40,
        ..machine.environment.layout.clone()
    };
    machine.facts.classes.push(ClassFacts {
        address: CLASS,
        name: "Point".to_owned(),
        class: Class::Other,
        version: 7,
        cached_keys: 0,
        inline_values: true,
        basicsize: 32,
        init: None,
        plain_destructor: true,
        always_true: true,
    });
    machine
}

/// A function of its arguments: `make` gets them and yields the result.
fn function(parameters: u32, make: impl FnOnce(&mut Builder, &[Value]) -> Value) -> Builder {
    let mut builder = Builder::new("memory", parameters);
    let arguments: Vec<Value> = (0..parameters).map(|index| builder.argument(i64::from(index))).collect();
    let locals: Vec<Option<Value>> = arguments.iter().copied().map(Some).collect();
    builder.state(1, &locals, &[]);
    let result = make(&mut builder, &arguments);
    builder.returns(result);
    builder
}

fn run(machine: &mut Machine, builder: &Builder, arguments: &[u64]) -> u64 {
    let code = machine.compile(&builder.function);
    machine.call(&code, arguments)
}

fn address(words: &[u64]) -> u64 {
    words.as_ptr().addr() as u64
}

fn instance(builder: &mut Builder, object: Value) -> Value {
    let class = ClassRef(0);
    builder.value(Op::GuardType, &[object], &[Immediate::ClassRef(class)], Type::exact(Class::Other, class))
}

#[test]
fn lists_and_tuples() {
    let mut machine = machine(2);
    let mut items = [10_u64, 11, 12];
    let list = [1, machine::LIST_CLASS as u64, 3, items.as_mut_ptr().addr() as u64];
    let tuple = [1, 0, 3, 20, 21, 22];
    let get = |op: Op, index: i64| {
        function(2, move |builder, arguments| {
            let index = builder.int(index);
            builder.value(op, &[arguments[0], index], &[], Type::OBJECT)
        })
    };
    assert_eq!(run(&mut machine, &get(Op::ListGet, 2), &[address(&list), 0]), 12);
    assert_eq!(run(&mut machine, &get(Op::TupleGet, 1), &[address(&tuple), 0]), 21);
    let variable = function(2, |builder, arguments| {
        let index = builder.value(Op::LoadIntField, &[arguments[1]], &[Immediate::Field(Field::ListSize)], Type::INT);
        builder.value(Op::TupleGet, &[arguments[0], index], &[], Type::OBJECT)
    });
    assert_eq!(run(&mut machine, &variable, &[address(&tuple), address(&[0, 0, 2])]), 22);
    let exchange = function(2, |builder, arguments| {
        let index = builder.int(0);
        builder.value(Op::ListExchange, &[arguments[0], index, arguments[1]], &[], Type::OBJECT)
    });
    assert_eq!(run(&mut machine, &exchange, &[address(&list), 99]), 10);
    // SAFETY: the machine code has written to it behind the compiler's back.
    assert_eq!(unsafe { std::ptr::read_volatile(&raw const items) }, [99, 11, 12]);
}

/// Items of each kind of array: the second one is read, the third one is written.
#[test]
fn arrays() {
    const TYPE: u64 = 0x7_7770;
    let mut machine = machine(3);
    let descriptors: Vec<(Class, usize)> = Class::ARRAYS.iter().map(|row| (row.0, 0x9000 + usize::from(row.1))).collect();
    machine.facts.arrays = Some(ArrayFacts { class: TYPE as usize, descriptors: descriptors.clone() });
    for &(class, descriptor) in &descriptors {
        let item = class.array_item().expect("an array");
        let bytes = if let ArrayItem::Int { bytes, .. } = item { usize::from(bytes) } else { 8 };
        let mut items: [u8; 32] = std::array::from_fn(|index| 0x81 + index as u8);
        let before = items;
        let array = [1, TYPE, 3, items.as_mut_ptr().addr() as u64, 3, descriptor as u64];
        let mut output = [1, 0, 0];
        let copy = function(3, move |builder, arguments| {
            let array = builder.value(Op::GuardClass, &[arguments[0]], &[Immediate::Class(class)], Type::of(class));
            let size = builder.value(Op::LoadIntField, &[arguments[2]], &[Immediate::Field(Field::ListSize)], Type::INT);
            let two = builder.int(2);
            let class = [Immediate::Class(class)];
            if item == ArrayItem::Double {
                let value = builder.value(Op::ArrayGetFloat, &[array, size], &class, Type::FLOAT);
                builder.add(Op::ArraySetFloat, &[array, two, value], &class, None);
            } else {
                let value = builder.value(Op::ArrayGetInt, &[array, size], &class, Type::INT);
                builder.add(Op::StoreIntField, &[arguments[1], value], &[Immediate::Field(Field::ListSize)], None);
                let stored = builder.int(-2);
                builder.add(Op::ArraySetInt, &[array, two, stored], &class, None);
            }
            arguments[1]
        });
        let output_address = output.as_mut_ptr().addr() as u64;
        assert_eq!(run(&mut machine, &copy, &[address(&array), output_address, address(&[0, 0, 1])]), output_address);
        // SAFETY: the machine code has written to them behind the compiler's back.
        let (after, output) = unsafe { (std::ptr::read_volatile(&raw const items), std::ptr::read_volatile(&raw const output)) };
        let mut expected = before;
        let second = &before[bytes..2 * bytes];
        if let ArrayItem::Int { signed, .. } = item {
            let fill = if signed && second[bytes - 1] >= 0x80 { 0xFF } else { 0 };
            let mut wide = [fill; 8];
            wide[..bytes].copy_from_slice(second);
            assert_eq!(output[2], u64::from_le_bytes(wide), "{class:?}");
            expected[2 * bytes..3 * bytes].copy_from_slice(&(-2_i64).to_le_bytes()[..bytes]);
        } else {
            expected[16..24].copy_from_slice(second);
        }
        assert_eq!(after, expected, "{class:?}");
    }
}

/// An array of another kind leaves, and so does what is no array.
#[test]
fn guards_of_arrays() {
    let mut machine = machine(1);
    machine.facts.arrays = Some(ArrayFacts { class: 0x7_7770, descriptors: vec![(Class::DoubleArray, 0x9064), (Class::IntArray, 0x9069)] });
    let guard =
        function(1, |builder, arguments| builder.value(Op::GuardClass, &[arguments[0]], &[Immediate::Class(Class::DoubleArray)], Type::of(Class::DoubleArray)));
    for (class, descriptor, leaves) in [(0x7_7770, 0x9064, false), (0x7_7770, 0x9069, true), (0x7_7778, 0x9064, true)] {
        let object = [1, class, 0, 0, 0, descriptor];
        let code = machine.compile(&guard.function);
        machine.call(&code, &[address(&object)]);
        let exits = calls().iter().filter(|call| matches!(call, Call::Exit { .. })).count();
        assert_eq!(exits, usize::from(leaves), "{class:x} {descriptor:x}");
    }
}

/// Integers of each width are widened as their rows say.
#[test]
fn integer_fields() {
    let mut machine = machine(2);
    let word = [0, 0, 0xFFFF_FFFF_FFFF_FF80_u64];
    for (field, expected) in Field::ALL.iter().filter_map(|&field| {
        use coachwhip_abi::ir::FieldKind;
        let expected = match field.kind() {
            FieldKind::Int64 | FieldKind::Int32 => -128,
            FieldKind::Unsigned32 => 0xFFFF_FF80,
            FieldKind::Unsigned8 => 0x80,
            FieldKind::Object(_) => return None,
        };
        Some((field, expected))
    }) {
        let builder = function(2, |builder, arguments| {
            let value = builder.value(Op::LoadIntField, &[arguments[0]], &[Immediate::Field(field)], Type::INT);
            builder.add(Op::StoreIntField, &[arguments[1], value], &[Immediate::Field(Field::ListSize)], None);
            arguments[0]
        });
        let mut target = [0, 0, 1_u64];
        run(&mut machine, &builder, &[address(&word), target.as_mut_ptr().addr() as u64]);
        // SAFETY: the machine code has written to it behind the compiler's back.
        assert_eq!(unsafe { std::ptr::read_volatile(&raw const target[2]) }.cast_signed(), expected, "{}", field.name());
    }
}

#[test]
fn inline_values() {
    let mut machine = machine(2);
    // The head of the values is one word: capacity 3, size 1, embedded 1, valid 1; then three values and the order of insertion.
    let head = u64::from_le_bytes([3, 1, 1, 1, 0, 0, 0, 0]);
    let mut object = [1, CLASS as u64, 0, 0, head, 0, 51, 0, 0x01];
    let place = object.as_mut_ptr().addr() as u64;
    let get = function(2, |builder, arguments| {
        let object = instance(builder, arguments[0]);
        builder.add(Op::GuardInlineValues, &[object], &[], None);
        builder.value(Op::InlineValueGet, &[object], &[Immediate::Int(1)], Type::OBJECT_OR_NULL)
    });
    assert_eq!(run(&mut machine, &get, &[place, 0]), 51);
    let set = |index: i64| {
        function(2, move |builder, arguments| {
            let object = instance(builder, arguments[0]);
            builder.value(Op::InlineValueExchange, &[object, arguments[1]], &[Immediate::Int(index)], Type::OBJECT_OR_NULL)
        })
    };
    assert_eq!(run(&mut machine, &set(1), &[place, 61]), 51);
    assert_eq!(run(&mut machine, &set(2), &[place, 62]), 0);
    // SAFETY: the machine code has written to it behind the compiler's back.
    let now = unsafe { std::ptr::read_volatile(&raw const object) };
    assert_eq!(now[4].to_le_bytes()[..4], [3, 2, 1, 1]);
    assert_eq!(now[5..8], [0, 61, 62]);
    assert_eq!(now[8], 0x0201, "index 1 first, then 2");
    let invalid = [1, CLASS as u64, 0, 0, u64::from_le_bytes([3, 1, 1, 0, 0, 0, 0, 0]), 0, 51, 0, 0];
    assert_eq!(run(&mut machine, &get, &[address(&invalid), 0]), 0xE);
    machine.pop();
    let other = [1, 1 + CLASS as u64, 0, 0, head];
    assert_eq!(run(&mut machine, &get, &[address(&other), 0]), 0xE);
}

#[test]
fn slots_cells_and_dicts() {
    let mut machine = machine(2);
    let mut object = [71, 1, CLASS as u64, 0, 73];
    let place = object[1..].as_mut_ptr().addr() as u64;
    let slot = function(2, |builder, arguments| builder.value(Op::SlotExchange, &[arguments[0], arguments[1]], &[Immediate::Int(24)], Type::OBJECT_OR_NULL));
    assert_eq!(run(&mut machine, &slot, &[place, 74]), 73);
    let slot = function(2, |builder, arguments| builder.value(Op::SlotGet, &[arguments[0]], &[Immediate::Int(24)], Type::OBJECT_OR_NULL));
    assert_eq!(run(&mut machine, &slot, &[place, 0]), 74);
    let cell = function(2, |builder, arguments| builder.value(Op::CellExchange, &[arguments[0], arguments[1]], &[], Type::OBJECT_OR_NULL));
    assert_eq!(run(&mut machine, &cell, &[place, 75]), 0);
    let cell = function(2, |builder, arguments| builder.value(Op::CellGet, &[arguments[0]], &[], Type::OBJECT_OR_NULL));
    assert_eq!(run(&mut machine, &cell, &[place, 0]), 75);

    // Keys: log2 of the index bytes is 3, version 9; entries of two words behind 32 + 8 bytes.
    let keys = [0, 3 << 8 | 9 << 32, 0, 0, 0, 1, 81, 2, 82];
    let dict = [1, 0, 0, 0, address(&keys)];
    let entry = |version: i64| {
        function(2, move |builder, arguments| {
            builder.add(Op::GuardDictKeysVersion, &[arguments[0]], &[Immediate::Int(version)], None);
            builder.value(Op::DictEntryGet, &[arguments[0]], &[Immediate::Int(1)], Type::OBJECT_OR_NULL)
        })
    };
    assert_eq!(run(&mut machine, &entry(9), &[address(&dict), 0]), 82);
    assert_eq!(run(&mut machine, &entry(8), &[address(&dict), 0]), 0xE);
    machine.pop();

    // The entry of a name: keys that are all strs (kind 1), two entries.
    let hinted = |index: i64| {
        function(2, move |builder, arguments| {
            builder.add(Op::GuardDictEntry, &[arguments[0], arguments[1]], &[Immediate::Int(index)], None);
            builder.value(Op::DictEntryGet, &[arguments[0]], &[Immediate::Int(index)], Type::OBJECT_OR_NULL)
        })
    };
    let str_keys = [0, 3 << 8 | 1 << 16, 0, 2, 0, 1, 81, 2, 82];
    let dict_of_strs = [1, 0, 0, 0, address(&str_keys)];
    assert_eq!(run(&mut machine, &hinted(1), &[address(&dict_of_strs), 2]), 82);
    for (index, name, keys) in [(1, 1, &dict_of_strs), (2, 2, &dict_of_strs), (1, 2, &dict)] {
        assert_eq!(run(&mut machine, &hinted(index), &[address(keys), name]), 0xE);
        machine.pop();
    }

    machine.facts.classes[0].cached_keys = address(&keys) as usize;
    let guard = function(2, |builder, arguments| {
        builder.add(Op::GuardKeysVersion, &[], &[Immediate::ClassRef(ClassRef(0)), Immediate::Int(9)], None);
        builder.value(Op::ManagedDictGet, &[arguments[0]], &[], Type::OBJECT_OR_NULL)
    });
    let with_dict = [90, 91, 92, 1, CLASS as u64];
    assert_eq!(run(&mut machine, &guard, &[address(&with_dict[3..]), 0]), 90);
}

#[test]
fn cache_cells() {
    let mut machine = machine(1);
    let mut cells = [[0_u64; 8], [5, 0, 0, 0, 0, 0, 0, 0]];
    machine.header.caches = cells.as_mut_ptr();
    let mut builder = function(1, |builder, arguments| {
        let cell = builder.value(Op::CacheCell, &[], &[Immediate::Int(1)], Type::POINTER);
        let helper = Immediate::Helper(coachwhip_abi::ir::Helper::LoadAttribute);
        builder.value(Op::CallHelper, &[arguments[0], arguments[0], cell], &[helper], Type::OBJECT)
    });
    builder.function.cache_cells = 2;
    answer(1);
    assert_eq!(run(&mut machine, &builder, &[3]), 1);
    assert_eq!(calls()[0], Call::Helper(vec![3, 3, cells[1].as_ptr().addr() as u64]));
}

unsafe extern "C" fn no_arguments(receiver: u64, null: u64) -> u64 {
    receiver + null
}

unsafe extern "C" fn one_argument(receiver: u64, argument: u64) -> u64 {
    100 * receiver + argument
}

unsafe extern "C" fn fast(receiver: u64, arguments: *const u64, count: usize) -> u64 {
    // SAFETY: the code under test passes so many.
    let arguments = unsafe { std::slice::from_raw_parts(arguments, count) };
    arguments.iter().fold(receiver, |sum, argument| 10 * sum + argument)
}

unsafe extern "C" fn fast_with_keywords(receiver: u64, arguments: *const u64, count: usize, names: u64) -> u64 {
    // SAFETY: as above.
    unsafe { fast(receiver, arguments, count) + names }
}

#[test]
fn c_functions() {
    type Row = (Convention, usize, usize, u64);
    let rows: [Row; 4] = [
        (Convention::NoArguments, no_arguments as *const () as usize, 0, 7),
        (Convention::OneArgument, one_argument as *const () as usize, 1, 701),
        (Convention::Fast, fast as *const () as usize, 2, 712),
        (Convention::FastWithKeywords, fast_with_keywords as *const () as usize, 2, 712),
    ];
    for (convention, function_address, count, expected) in rows {
        for method in [false, true] {
            let mut machine = machine(3);
            let receiver = machine.object(7, Class::Module);
            let object = machine.object(0xF, Class::BuiltinFunction);
            let (qualname, convention_of) = ("f".to_owned(), Some(convention));
            machine.facts.objects[object.index()].value = if method {
                ObjectValue::MethodDescriptor { qualname, address: function_address, convention: convention_of, class: ClassRef(0) }
            } else {
                ObjectValue::BuiltinFunction { qualname, address: function_address, convention: convention_of, receiver: Some(receiver) }
            };
            let builder = function(3, |builder, arguments| {
                let passed = if method { &arguments[..=count] } else { &arguments[1..=count] };
                builder.value(Op::CallC, passed, &[Immediate::Object(object), Immediate::Convention(convention)], Type::OBJECT)
            });
            assert_eq!(run(&mut machine, &builder, &[7, 1, 2]), expected, "{convention:?} {method}");
        }
    }
}
