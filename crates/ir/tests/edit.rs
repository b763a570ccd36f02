//! The helpers with which passes change functions, and the analyses of loops, on small functions.

use coachwhip_ir::{Block, ControlFlow, Dominators, Edge, Function, Immediate, Instruction, Loops, Op, Substitution, Type, Value, parse, verify_to_text};

const LOOP: &str = "
function \"f\" call 1
block0:
    v0: i64 = const_int[1]
    v1: i1 = const_bool[1]
    branch v1 -> block1(v0), block2
block1(v2: i64 local0): entry snap0
    v3: i64 = int_add v2, v0 snap0
    branch v1 -> block1(v3), block3(v3)
block2:
    jump -> block1(v0)
block3(v4: i64): cold
    exit[class] snap1
block4:
    jump -> block3(v0)
snapshots:
    snap0 = code0 +0 locals[v2] stack[]
    snap1 = code0 +1 locals[v4] stack[v0]
";

fn function() -> Function {
    let function = parse(LOOP).unwrap();
    verify_to_text(&function).unwrap();
    function
}

fn analyses(function: &Function) -> (ControlFlow, Loops) {
    let flow = ControlFlow::new(function);
    let dominators = Dominators::new(function, &flow);
    let loops = Loops::new(function, &flow, &dominators);
    (flow, loops)
}

#[test]
fn a_loop_with_two_entries_gets_a_preheader() {
    let mut function = function();
    let (flow, loops) = analyses(&function);
    let looped = &loops.loops[0];
    assert_eq!((loops.loops.len(), looped.header, looped.preheader(&function, &flow)), (1, Block(1), None));
    assert_eq!(looped.exits(&function), [Edge { from: Block(1), target: 1 }]);
    let preheader = function.make_preheader(looped, &flow);
    verify_to_text(&function).unwrap();
    let (flow, loops) = analyses(&function);
    assert_eq!(loops.loops[0].preheader(&function, &flow), Some(preheader));
    assert_eq!(flow.predecessors(preheader).len(), 2);
    assert_eq!(function.block(preheader).parameters.len(), 1);
}

#[test]
fn edges_are_split() {
    let mut function = function();
    let middle = function.split_edge(Edge { from: Block(1), target: 1 });
    verify_to_text(&function).unwrap();
    assert!(function.block(middle).cold, "it leads to a cold block");
    assert_eq!(function.successors(middle).next().unwrap().block, Block(3));
    assert_eq!(function.terminator(Block(1)).unwrap().targets[1].block, middle);
}

#[test]
fn unreachable_blocks_go_and_the_others_move_up() {
    let mut function = function();
    // Nothing leads to block2 any more.
    let last = *function.block(Function::ENTRY).instructions.last().unwrap();
    *function.instruction_mut(last) = Instruction::new(Op::Jump, &[]).with_target(Block(1), &[Value(0)]);
    assert!(function.remove_unreachable_blocks());
    verify_to_text(&function).unwrap();
    assert_eq!(function.blocks.len(), 3);
    assert_eq!(function.successors(Block(1)).map(|target| target.block).collect::<Vec<_>>(), [Block(1), Block(2)]);
    assert!(!function.remove_unreachable_blocks());
}

#[test]
fn uses_are_replaced_everywhere() {
    let mut function = function();
    let new = function.insert(Function::ENTRY, 0, Instruction::new(Op::ConstInt, &[]).with_immediate(Immediate::Int(5)), Some(Type::INT));
    let new = function.instruction(new).result.unwrap();
    let before = function.use_counts();
    let mut substitution = Substitution::default();
    substitution.replace(Value(0), new);
    substitution.replace(Value(0), Value(0));
    assert_eq!(substitution.resolve(Value(0)), new);
    substitution.apply(&mut function);
    verify_to_text(&function).unwrap();
    let after = function.use_counts();
    assert_eq!((after[0], after[new.index()]), (0, before[0]));
}

#[test]
fn parameters_come_and_go_with_their_arguments() {
    let mut function = function();
    let added = function.add_parameter_with(Block(3), Type::BOOL, None, |_| Value(1));
    verify_to_text(&function).unwrap();
    function.replace_uses(Value(4), Value(0));
    function.remove_parameter(Block(3), 0);
    verify_to_text(&function).unwrap();
    assert_eq!(function.block(Block(3)).parameters, [added]);
}

#[test]
fn blocks_are_split() {
    let mut function = function();
    let rest = function.split_block(Block(1), 1);
    function.append(Block(1), Instruction::new(Op::Jump, &[]).with_target(rest, &[]), None);
    verify_to_text(&function).unwrap();
    assert_eq!(analyses(&function).1.loops[0].blocks.len(), 2);
}
