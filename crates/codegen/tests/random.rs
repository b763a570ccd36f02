//! Random functions as machine code against the evaluator of the IR: the same calls, the same end; and every reference that was taken is given back, whether
//! the function returns, leaves by an exit, raises, or is made to leave by stress testing. While other code runs, the frame's slots show live objects.

mod machine;

use coachwhip_abi::environment::Environment;
use coachwhip_abi::ir::evaluate::{Concrete, End, evaluate};
use coachwhip_abi::ir::{Class, Function, Helper};
use coachwhip_abi::recipe::{MachineCode, Recipe, Source};
use coachwhip_codegen::{GenerateOptions, generate};
use coachwhip_compiler::opt::{PassOptions, optimize};
use coachwhip_filetests::generate as generator;
use machine::{Code, FIRST_UNIT, FLOAT_CLASS, Frame, INT_CLASS, Machine, Object, Thread};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::HashSet;

const STR_CLASS: usize = 0x572;
const TUPLE_CLASS: usize = 0x7417;
const OTHER_CLASS: usize = 0x07E2;
const CELL_CLASS: usize = 0xCE11;
const SLOTS: usize = 6;
const IMMORTAL: u64 = u32::MAX as u64;

/// What the fake runtime knows.
#[derive(Default)]
struct World {
    code: *const MachineCode,
    thread: *const Thread,
    /// Objects with a count, constants aside.
    live: HashSet<usize>,
    constants: Vec<usize>,
    events: Vec<String>,
    /// Text of the exit.
    end: Option<String>,
    /// The event that raises.
    raises_at: usize,
    raised: bool,
    problems: Vec<String>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

fn problem(text: String) {
    WORLD.with_borrow_mut(|world| world.problems.push(text));
}

fn allocate(object: Box<Object>) -> usize {
    let address = Box::into_raw(object).addr();
    WORLD.with_borrow_mut(|world| world.live.insert(address));
    address
}

fn opaque(id: u32, class: usize) -> usize {
    let mut object = Object::plain();
    (object.class, object.value) = (class, u64::from(id));
    allocate(object)
}

fn object(address: usize) -> &'static mut Object {
    // SAFETY: objects of the test are never freed while it runs.
    unsafe { &mut *(address as *mut Object) }
}

/// What the evaluator calls an object.
fn text(address: usize) -> String {
    if address == 0 {
        return Concrete::Null.to_string();
    }
    let object = object(address);
    match object.class {
        INT_CLASS => {
            let digits = (object.value | object.more << 30).cast_signed();
            Concrete::Int(digits.wrapping_mul(1 - (object.tag & 3).cast_signed())).to_string()
        }
        FLOAT_CLASS => Concrete::Float(f64::from_bits(object.tag)).to_string(),
        STR_CLASS if object.tag != 0 => format!("obj{}", object.value),
        _ => format!("opaque{}", object.value),
    }
}

fn take(address: usize) {
    if address != 0 && object(address).count != IMMORTAL {
        object(address).count += 1;
    }
}

fn give_back(address: usize) {
    if address == 0 || object(address).count == IMMORTAL {
        return;
    }
    let object = object(address);
    if object.count == 0 {
        problem(format!("{} is given back once too often", text(address)));
        return;
    }
    object.count -= 1;
    if object.count == 0 {
        dies(address);
    }
}

fn dies(address: usize) {
    if !WORLD.with_borrow_mut(|world| world.live.remove(&address)) {
        problem(format!("{} dies twice or is a constant", text(address)));
    }
}

/// The slots of the frame show live objects or NULL.
fn check_slots(tstate: *const Thread) {
    // SAFETY: the machine's thread state, with or without a frame.
    let slots = unsafe {
        let frame = (*tstate).current_frame.cast::<Frame>();
        if frame.is_null() {
            return;
        }
        (*frame).localsplus
    };
    for (number, &slot) in slots[..SLOTS].iter().enumerate() {
        let slot = slot as usize;
        let fine = slot == 0 || WORLD.with_borrow(|world| world.live.contains(&slot) || world.constants.contains(&slot)) || object(slot).count == IMMORTAL;
        if !fine {
            problem(format!("slot {number} shows a dead object"));
        }
    }
}

unsafe extern "C" fn deallocate(address: usize) {
    if object(address).count != 0 {
        problem(format!("{} has references left", text(address)));
    }
    dies(address);
    check_slots(WORLD.with_borrow(|world| world.thread));
}

/// What the frame shows to who looks at it: the bytecode and the locals, unboxed ones by the activation record.
fn visible(tstate: *const Thread) -> String {
    // SAFETY: the machine's thread state; compiled code has a frame.
    let frame = unsafe { &*(*tstate).current_frame.cast::<Frame>() };
    let record = frame.locals as *const u64;
    let word = |number: u32| {
        // SAFETY: a site names words of the record.
        unsafe { *record.add(number as usize) }
    };
    let code = WORLD.with_borrow(|world| world.code);
    let number = if record.is_null() { 0 } else { word(1) as usize };
    // SAFETY: set before the call.
    let site = number.checked_sub(1).map(|index| unsafe { (&(*code).sites)[index].locals.clone() });
    let locals: Vec<String> = (0..SLOTS)
        .map(|slot| match site.as_ref().map(|locals| locals[slot]) {
            Some(Source::Int(number)) => word(number).cast_signed().to_string(),
            Some(Source::Float(number)) => Concrete::Float(f64::from_bits(word(number))).to_string(),
            Some(Source::Bool(number)) => (word(number) == 1).to_string(),
            _ => text(frame.localsplus[slot] as usize),
        })
        .collect();
    format!(" at code0 +{} locals[{}]", (frame.instr_ptr as usize - FIRST_UNIT) / 2, locals.join(" "))
}

/// Notes a call; its number, or `None` if it raises.
fn event(tstate: *const Thread, name: &str, operands: &[usize]) -> Option<u32> {
    check_slots(tstate);
    let mut line = name.to_owned();
    for &operand in operands {
        line.push(' ');
        line.push_str(&text(operand));
    }
    if Helper::from_name(name).is_some_and(|helper| helper.info().writes.is_any()) {
        line.push_str(&visible(tstate));
    }
    WORLD.with_borrow_mut(|world| {
        let number = world.events.len();
        world.events.push(line);
        if number == world.raises_at {
            world.raised = true;
            return None;
        }
        Some(number as u32)
    })
}

unsafe extern "C" fn get_item(tstate: *const Thread, container: usize, key: usize) -> usize {
    event(tstate, "get_item", &[container, key]).map_or(0, |number| opaque(1_000_000 + number, OTHER_CLASS))
}

unsafe extern "C" fn is_true(tstate: *const Thread, value: usize) -> i64 {
    event(tstate, "is_true", &[value]).map_or(-1, |number| i64::from(number.is_multiple_of(3)))
}

unsafe extern "C" fn contains(tstate: *const Thread, container: usize, item: usize) -> i64 {
    event(tstate, "contains", &[container, item]).map_or(-1, |number| i64::from(number.is_multiple_of(3)))
}

unsafe extern "C" fn length(tstate: *const Thread, value: usize) -> i64 {
    event(tstate, "length", &[value]).map_or(-1, |_| 0)
}

unsafe extern "C" fn build_tuple(tstate: *const Thread, items: *const usize, count: usize) -> usize {
    // SAFETY: the code under test passes an array of so many items.
    let items = unsafe { std::slice::from_raw_parts(items, count) };
    let number = event(tstate, "build_tuple", items);
    items.iter().for_each(|&item| give_back(item));
    number.map_or(0, |number| opaque(1_000_000 + number, TUPLE_CLASS))
}

unsafe extern "C" fn catch(tstate: *const Thread, _frame: usize, _instr_ptr: usize) -> usize {
    check_slots(tstate);
    opaque(7, OTHER_CLASS)
}

unsafe extern "C" fn box_int(value: i64) -> usize {
    allocate(Object::int(value))
}

unsafe extern "C" fn box_float(value: f64) -> usize {
    allocate(Object::float(value))
}

unsafe extern "C" fn unbox_big_int(object: *const Object, status: *mut i32) -> i64 {
    // SAFETY: the code under test passes an object and room for the status.
    unsafe {
        *status = 0;
        ((*object).value | (*object).more << 30).cast_signed().wrapping_mul(1 - ((*object).tag & 3).cast_signed())
    }
}

/// Writes the frame as the runtime would, renders it as the evaluator does, and lets it die.
unsafe extern "C" fn leave(tstate: *mut Thread, frame: *const Frame, _header: usize, number: usize, buffer: *const u64) -> usize {
    let code = WORLD.with_borrow(|world| world.code);
    // SAFETY: set before the call.
    let recipe: &Recipe = unsafe { &(&(*code).recipes)[number] };
    let word = |number: u32| {
        // SAFETY: the recipe speaks of words that the code under test has stored.
        unsafe { *buffer.add(number as usize) }
    };
    let [made] = &recipe.frames[..] else { panic!("one frame") };
    let mut owned = Vec::new();
    let mut slot = |index: usize, source: Source| {
        // SAFETY: the frame of the code under test.
        let shown = unsafe { (*frame).localsplus[index.min(SLOTS)] } as usize;
        let address = match source {
            Source::Null => 0,
            Source::InPlaceOwned => shown,
            Source::InPlaceBorrowed => {
                take(shown);
                shown
            }
            Source::Owned(number) => word(number) as usize,
            Source::Borrowed(number) => {
                take(word(number) as usize);
                word(number) as usize
            }
            Source::Constant(address) => {
                take(address);
                address
            }
            Source::Int(number) => allocate(Object::int(word(number).cast_signed())),
            Source::Float(number) => allocate(Object::float(f64::from_bits(word(number)))),
            Source::Bool(number) => {
                return if word(number) > 1 { "no bool".to_owned() } else { (word(number) == 1).to_string() };
            }
        };
        if index < SLOTS && !matches!(source, Source::InPlaceOwned | Source::InPlaceBorrowed) && shown != 0 {
            problem(format!("slot {index} shows something, the recipe says {source:?}"));
        }
        owned.push(address);
        text(address)
    };
    let locals: Vec<String> = made.locals.iter().enumerate().map(|(index, &source)| slot(index, source)).collect();
    let stack: Vec<String> = made.stack.iter().map(|&source| slot(SLOTS, source)).collect();
    let line = format!("code0 +{} locals[{}] stack[{}]", made.offset, locals.join(" "), stack.join(" "));
    recipe.releases.iter().for_each(|&number| give_back(word(number) as usize));
    owned.into_iter().for_each(give_back);
    WORLD.with_borrow_mut(|world| world.end = Some(line));
    // SAFETY: the machine's thread state.
    unsafe { (*tstate).current_frame = std::ptr::null_mut() };
    0
}

fn set_up(environment: &mut Environment) {
    let helpers: [(Helper, usize); 5] = [
        (Helper::GetItem, get_item as *const () as usize),
        (Helper::IsTrue, is_true as *const () as usize),
        (Helper::BuildTuple, build_tuple as *const () as usize),
        (Helper::Length, length as *const () as usize),
        (Helper::Contains, contains as *const () as usize),
    ];
    environment.helpers = vec![0; Helper::ALL.len()];
    for (helper, address) in helpers {
        environment.helpers[helper as usize] = address;
    }
    environment.classes[Class::Str as usize] = STR_CLASS;
    environment.classes[Class::Tuple as usize] = TUPLE_CLASS;
    environment.classes[Class::Cell as usize] = CELL_CLASS;
    let routines = &mut environment.routines;
    routines.exit = leave as *const () as usize;
    routines.raise = leave as *const () as usize;
    routines.deallocate = deallocate as *const () as usize;
    routines.deallocate_quietly = coachwhip_abi::quiet_routines!(deallocate);
    routines.catch = catch as *const () as usize;
    routines.box_int = box_int as *const () as usize;
    routines.box_float = box_float as *const () as usize;
    routines.unbox_big_int = unbox_big_int as *const () as usize;
}

/// Runs a function both ways. `raises_at`: the event that raises in machine code; the end is not compared then, as the evaluator knows no exceptions.
fn compare(function: &Function, numbers_of_runs: &[Vec<u32>], raises_at: usize, stress_exits: u64) -> Result<(), String> {
    let mut machine = Machine::new(SLOTS, 3);
    set_up(&mut machine.environment);
    let mut constants = Vec::new();
    for number in 0..4 {
        let mut constant = Object::plain();
        *constant = Object { count: 1000, class: STR_CLASS, tag: 1, value: number, more: 0 };
        let address = Box::into_raw(constant).addr();
        machine.object(address as u64, Class::Str);
        constants.push(address);
    }
    let mut optimized = function.clone();
    optimize(&mut optimized, &machine.facts, &mut PassOptions { verify: true, ..PassOptions::default() })?;
    let options = GenerateOptions { stress_exits, seed: 1, want_clif: false, ..machine.options.clone() };
    let code = generate(&optimized, &machine.facts, &machine.environment, &options).map_err(|error| format!("{error}\n{optimized}"))?;
    let code = Code::map(code);
    for numbers in numbers_of_runs {
        let arguments = generator::arguments(numbers);
        let expected = evaluate(&optimized, &arguments, 100_000)?;
        if expected.end == End::OutOfSteps {
            continue;
        }
        // The stack is in no frame of compiled code.
        let expected_events: Vec<String> = expected.events.iter().map(|event| event.split(" stack[").next().unwrap_or_default().to_owned()).collect();
        WORLD.set(World { code: &code.machine, thread: machine.thread(), constants: constants.clone(), raises_at, ..World::default() });
        let mut passed: Vec<u64> = Vec::new();
        for (position, argument) in arguments.iter().enumerate() {
            let same = arguments[..position].iter().position(|other| other == argument);
            passed.push(match (*argument, same) {
                (Concrete::Int(value), _) => allocate(Object::int(value)) as u64,
                (Concrete::Float(value), _) => allocate(Object::float(value)) as u64,
                (_, Some(same)) => {
                    take(passed[same] as usize);
                    passed[same]
                }
                (Concrete::Opaque { id, class, .. }, None) => opaque(id, machine.environment.classes[class as usize]) as u64,
                (other, None) => return Err(format!("argument {other}")),
            });
        }
        let result = machine.call(&code, &passed) as usize;
        let left_by = WORLD.with_borrow_mut(|world| world.end.take());
        let end = match left_by {
            Some(line) => {
                machine.pop();
                End::Exit(line)
            }
            None => {
                let line = text(result);
                give_back(result);
                End::Return(line)
            }
        };
        let world = WORLD.take();
        let mut problems = world.problems;
        for &address in &world.live {
            problems.push(format!("{} is never given back: {} references", text(address), object(address).count));
        }
        for &address in &constants {
            if object(address).count != 1000 {
                problems.push(format!("{} has {} references", text(address), object(address).count));
            }
        }
        if !machine.is_clean() {
            problems.push("the thread is not as it was".to_owned());
        }
        if !world.raised && stress_exits == 0 {
            if end != expected.end {
                problems.push(format!("ends with\n{end:?}, not\n{:?}", expected.end));
            }
            if world.events != expected_events {
                problems.push(format!("calls\n{:?}, not\n{expected_events:?}", world.events));
            }
        }
        if !problems.is_empty() {
            return Err(format!("{}\nwith {arguments:?}\n{optimized}", problems.join("\n")));
        }
    }
    Ok(())
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn machine_code_does_what_the_evaluator_does(numbers in vec(0..10_000u32, 0..400), runs in vec(vec(0..400u32, 3), 4)) {
        compare(&generator::function_without_memory(&numbers), &runs, usize::MAX, 0).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn a_raise_gives_everything_back(numbers in vec(0..10_000u32, 0..400), runs in vec(vec(0..400u32, 3), 4), raises_at in 0..6_usize) {
        compare(&generator::function_without_memory(&numbers), &runs, raises_at, 0).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn stress_exits_give_everything_back(numbers in vec(0..10_000u32, 0..400), runs in vec(vec(0..400u32, 3), 8)) {
        compare(&generator::function_without_memory(&numbers), &runs, usize::MAX, 5).map_err(TestCaseError::fail)?;
    }
}

/// Once went wrong: a guard was moved behind the clearing of a slot that its snapshot names.
const CLEARED_BEFORE_A_MOVED_GUARD: &[u32] = &[
    8016, 2127, 4439, 1765, 2142, 725, 3772, 3854, 5712, 6964, 8767, 5647, 7029, 4360, 211, 6239, 6389, 3495, 4383, 5178, 3859, 3786, 4119, 3704, 2608, 7170,
    6121, 3294, 4811, 5391, 3105, 3794, 8556, 7636, 4624, 3096, 7949, 7310, 5, 4509, 5173, 4695, 1262, 6545, 1170, 3496, 5160, 1169, 6510, 4742, 5986, 4466,
    8396, 640, 4899, 1431, 6844, 5625, 5884, 5065, 462, 3086, 3395, 9063, 4301, 5387, 7653, 801, 5418, 5752, 2036, 5633, 1127, 9609, 5902, 2748, 264, 8142,
    6395, 7314, 7200, 5363, 1160, 5933, 3495, 8154, 5606, 4191, 5360, 240, 6043, 7303, 329, 5633, 851, 446, 3938, 1201, 7772, 6435, 8036, 6954, 2717, 8642,
    9434, 1359, 2069, 6013, 4166, 7892, 7914, 5591, 6790, 2108, 1511, 5873, 8699, 1974, 7624, 6307, 9685, 899, 2308, 3568, 3991, 6196, 4146, 8448, 3893, 9938,
    8455, 8383, 1145, 2653, 3893, 9415, 6686, 7354, 9705, 9955, 8204, 2132, 3981, 441, 6352, 2483, 3707, 6435, 7527, 6055, 5363, 1773, 5857, 7120, 5990, 2600,
    3031, 1168, 6941, 9119, 6179, 7881, 2757, 6440, 4356, 3115, 736, 1195, 4716, 846, 342, 1751, 8360, 5737, 8883, 3164, 6672, 9914, 4402, 5311, 1671, 6976,
    4632, 5127, 8516, 6367, 4024, 9740, 6572, 436, 9168, 7449, 6480, 438, 8797, 5295, 5487, 8669, 1567, 5577, 5756, 7896, 1780, 5080, 5241, 4625, 4413, 5657,
    4606, 4146, 3166, 1932, 328, 8295, 7422, 669, 2886, 6691, 1039, 1800, 5139, 3230, 2016, 6924, 8402, 8135, 5001, 3354, 159, 1043, 7278, 1960, 7455, 6894,
    7201, 3797, 9608, 5958, 4563, 3475, 9000, 5525, 8701, 5888, 7894, 3297, 829, 3080, 9173, 8030, 1595, 5818, 8220, 7824, 9817, 2262, 1278, 122, 3702, 5139,
    7153, 8748, 9435, 7308, 5250, 5278, 4842, 8492, 2989, 3626, 8315, 1341, 5602, 5791, 4216, 3942, 3511, 5078, 3748, 942, 6118, 9880, 655, 9662, 1795, 802,
    123, 5527, 6630, 8699, 5633, 5032, 1317, 7812, 4657, 9765, 2698, 3987, 8479, 5231, 1845, 1505, 267, 6200, 607, 210, 7005, 2011, 8150, 6330, 9282, 3497,
    416, 2139, 382, 8049, 5, 118, 6248, 649, 6056, 8873, 758, 4192, 4422, 4893, 4208, 9020, 9580, 2808, 4626, 7399, 9991, 199, 1967, 34, 5508, 9031, 7243,
    4733, 6096, 4242, 3683, 165, 4898, 4713, 6751, 4025, 6638, 7964, 5433, 8963, 6554, 1379, 7918, 9974,
];

#[test]
fn slots_are_cleared_behind_moved_guards() {
    let runs = [vec![136, 220, 304], vec![194, 153, 102], vec![280, 125, 206], vec![196, 243, 84]];
    for raises_at in 0..8 {
        compare(&generator::function_without_memory(CLEARED_BEFORE_A_MOVED_GUARD), &runs, raises_at, 0).unwrap();
    }
}

/// Once went wrong: two locals that hold the same before a loop were taken for one parameter, and the slot of one kept what was no longer its value.
const TWO_LOCALS_ALIKE: &[u32] = &[
    8601, 2108, 6646, 2439, 7782, 8450, 5438, 9878, 3246, 7549, 7650, 5884, 4092, 5370, 3412, 7782, 8659, 6499, 7680, 3209, 1635, 4689, 7744, 8251, 4629, 26,
    71, 2240, 8671, 4310, 9409, 905, 8963, 3954, 5262, 3758, 2801, 8333, 4120, 3591, 8882, 3669, 8525, 1537, 322, 1520, 8661, 149, 6394, 242, 5382, 1171, 5244,
    2466, 6417, 3539, 6332, 9627, 5161, 1453, 8892, 7920, 7981, 6601, 8438, 8913, 1711, 9608, 3164, 1711, 4714, 425, 1101, 2052, 8011, 4345, 4006, 9925, 2765,
    8812, 826, 9856, 6086, 5651, 1979, 9247, 7753, 9882, 8265, 171, 9937, 4754, 9236, 3961, 791, 2226, 9894, 8292, 8404, 4652, 7411, 56, 4675, 9314, 1990,
    6447, 6148, 9326, 4680, 2527, 8034, 4939, 6409, 1174, 1985, 5620, 5913, 826, 3652, 3580, 8344, 8605, 2044, 5819, 4596, 9884, 6656, 8282, 7552, 1523, 1602,
    8505, 640, 9225, 3789, 1774, 6027, 3870, 1582, 2569, 4755, 8213, 4667, 5103, 2855, 2052, 6772, 4030, 1266, 8516, 3564, 5864, 3156, 9102, 7315, 2178, 990,
    4728, 5124, 4459, 3651, 3886, 7784, 3542, 2296, 2394, 667, 5220, 5724, 2422, 788, 632, 2434, 1377, 6084, 811, 23, 3412, 2689, 269, 7004, 3964, 738, 1340,
    7022, 7766, 2096, 1059, 9036, 9171, 7919, 1998, 981, 9543, 7890, 3225, 615, 7482, 1206, 8551, 8923, 9420, 5510, 1627, 3919, 2273, 6649, 4441, 9716, 9129,
    3381, 827, 494, 6720, 656, 2529, 2520, 6103, 9030, 9927, 906, 6855, 8100, 3477, 8177, 3075, 3654, 2712, 8131, 9517, 5772, 6406, 1330, 4642, 9800, 2468,
    6063, 8303, 5691, 6898, 4271, 6956, 1308, 8253, 9915, 5273, 3018, 2259, 3626, 1015, 1519, 3847, 3717, 9724, 5594, 7566, 1027, 5772, 3430, 7255, 8805, 8891,
    1563, 518, 8413, 3071, 2551, 8711, 1636,
];

#[test]
fn locals_that_are_alike_before_a_loop() {
    let runs = [
        vec![327, 358, 361],
        vec![293, 366, 73],
        vec![316, 15, 254],
        vec![16, 362, 55],
        vec![116, 132, 77],
        vec![94, 105, 367],
        vec![309, 222, 346],
        vec![117, 174, 342],
    ];
    compare(&generator::function_without_memory(TWO_LOCALS_ALIKE), &runs, usize::MAX, 5).unwrap();
}
