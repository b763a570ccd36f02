"""An interpreter for a tiny stack language: a dispatch loop with a chain of comparisons, lists as stack and memory, tuples as code."""

PUSH, LOAD, STORE, ADD, SUB, MUL, DIV, MOD, LESS, JUMP, JUMP_IF_ZERO, CALL, RETURN, PRINT, HALT = range(15)
NAMES = "push load store add sub mul div mod less jump jz call return print halt".split()


def assemble(text):
    """Turns lines such as `push 3` and `again:` into pairs of operation and operand."""
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    labels = {}
    size = 0
    for line in lines:
        if line and line[0].endswith(":"):
            labels[line[0][:-1]] = size
        elif line:
            size += 1
    code = []
    for line in lines:
        if line and not line[0].endswith(":"):
            operand = 0
            if len(line) > 1:
                operand = labels[line[1]] if line[1] in labels else int(line[1])
            code.append((NAMES.index(line[0]), operand))
    return code


def run(code, memory):
    stack = []
    calls = []
    printed = []
    counter = 0
    executed = 0
    while True:
        operation, operand = code[counter]
        counter += 1
        executed += 1
        if operation == PUSH:
            stack.append(operand)
        elif operation == LOAD:
            stack.append(memory[operand])
        elif operation == STORE:
            memory[operand] = stack.pop()
        elif operation == ADD:
            right = stack.pop()
            stack[-1] = stack[-1] + right
        elif operation == SUB:
            right = stack.pop()
            stack[-1] = stack[-1] - right
        elif operation == MUL:
            right = stack.pop()
            stack[-1] = stack[-1] * right
        elif operation == DIV:
            right = stack.pop()
            stack[-1] = stack[-1] // right
        elif operation == MOD:
            right = stack.pop()
            stack[-1] = stack[-1] % right
        elif operation == LESS:
            right = stack.pop()
            stack[-1] = 1 if stack[-1] < right else 0
        elif operation == JUMP:
            counter = operand
        elif operation == JUMP_IF_ZERO:
            if stack.pop() == 0:
                counter = operand
        elif operation == CALL:
            calls.append(counter)
            counter = operand
        elif operation == RETURN:
            counter = calls.pop()
        elif operation == PRINT:
            printed.append(stack.pop())
        elif operation == HALT:
            return printed, executed
        else:
            raise ValueError(f"no operation {operation}")


# Counts the steps of Collatz sequences: memory 0 = start, 1 = number, 2 = steps, 3 = longest, 4 = limit.
COLLATZ = """
    push 1
    store 0
next:
    load 0
    load 4
    less
    jz end
    load 0
    store 1
    push 0
    store 2
again:
    push 1
    load 1
    less
    jz done
    call step
    jump again
done:
    load 3
    load 2
    less
    jz keep
    load 2
    store 3
    load 0
    print
    load 2
    print
keep:
    load 0
    push 1
    add
    store 0
    jump next
step:
    load 2
    push 1
    add
    store 2
    load 1
    push 2
    mod
    jz even
    load 1
    push 3
    mul
    push 1
    add
    store 1
    return
even:
    load 1
    push 2
    div
    store 1
    return
end:
    halt
"""


def main():
    memory = [0] * 8
    memory[4] = 7000
    printed, executed = run(assemble(COLLATZ), memory)
    print(*printed)
    print(executed, memory[3])


if __name__ == "__main__":
    main()
