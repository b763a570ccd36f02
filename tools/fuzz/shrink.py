"""Makes a program that differs smaller, as long as it differs: takes out statements, unwraps blocks, puts parts of expressions in their place."""

import ast
import copy

#: Candidates that are tried at once.
WIDTH = 24


def bodies(tree):
    """All lists of statements: (node, field name)."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            value = getattr(node, field, None)
            if isinstance(value, list) and value:
                yield node, field


def text_of(tree):
    """The text, or None if it cannot be one."""
    for node, field in list(bodies(tree)):
        pass
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list) and not node.body and not isinstance(node, ast.Module):
            node.body.append(ast.Pass())
        if isinstance(node, ast.Match) and not node.cases:
            return None
        if isinstance(node, ast.Try | ast.TryStar) and not node.handlers and not node.finalbody:
            node.finalbody.append(ast.Pass())
        if isinstance(node, ast.Try | ast.TryStar) and not node.handlers:
            node.orelse = []
    try:
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        compile(text, "<fuzz>", "exec")
    except Exception:
        return None
    return text


def statement_candidates(tree):
    """Smaller trees by statements, the greatest cuts first."""
    places = list(bodies(tree))
    cuts = []
    for number, (node, field) in enumerate(places):
        length = len(getattr(node, field))
        size = length
        while size:
            for start in range(0, length, size):
                weight = sum(sum(1 for _ in ast.walk(item)) for item in getattr(node, field)[start : start + size])
                cuts.append((weight, number, start, size))
            size //= 2
    cuts.sort(key=lambda cut: -cut[0])
    for _, number, start, size in cuts:
        other = copy.deepcopy(tree)
        node, field = list(bodies(other))[number]
        del getattr(node, field)[start : start + size]
        yield other
    for number, (node, field) in enumerate(places):
        for index, item in enumerate(getattr(node, field)):
            for inner in ("body", "orelse", "finalbody"):
                value = getattr(item, inner, None)
                if isinstance(item, ast.stmt) and not isinstance(item, ast.FunctionDef | ast.ClassDef) and isinstance(value, list) and value:
                    other = copy.deepcopy(tree)
                    node, field = list(bodies(other))[number]
                    list_ = getattr(node, field)
                    list_[index : index + 1] = getattr(list_[index], inner)
                    yield other


def children(node):
    """The expressions directly inside."""
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr) and isinstance(getattr(child, "ctx", ast.Load()), ast.Load)]


def expression_slots(tree):
    """Where expressions stand: (parent, field, index or None)."""
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr) and isinstance(getattr(value, "ctx", ast.Load()), ast.Load):
                yield node, field, None
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.expr) and isinstance(getattr(item, "ctx", ast.Load()), ast.Load):
                        yield node, field, index


def get(slot):
    """The expression in a slot."""
    node, field, index = slot
    value = getattr(node, field)
    return value if index is None else value[index]


def put(slot, value):
    """Replace the expression in a slot; None takes it out of a list."""
    node, field, index = slot
    if index is None:
        setattr(node, field, value)
    elif value is None:
        del getattr(node, field)[index]
    else:
        getattr(node, field)[index] = value


def expression_candidates(tree):
    """Smaller trees by expressions."""
    slots = list(expression_slots(tree))
    order = sorted(range(len(slots)), key=lambda number: -sum(1 for _ in ast.walk(get(slots[number]))))
    for number in order:
        value = get(slots[number])
        replacements = []
        if not isinstance(value, ast.Constant | ast.Name):
            replacements += [copy.deepcopy(child) for child in children(value)]
            replacements += [ast.Constant(1), ast.Constant(None)]
        elif isinstance(value, ast.Constant) and isinstance(value.value, int) and not isinstance(value.value, bool) and abs(value.value) > 2:
            replacements += [ast.Constant(1), ast.Constant(value.value // 2)]
        elif isinstance(value, ast.Constant) and isinstance(value.value, str | bytes) and len(value.value) > 1:
            replacements += [ast.Constant(value.value[:1])]
        if slots[number][2] is not None and isinstance(slots[number][0], ast.Call | ast.List | ast.Tuple | ast.BoolOp | ast.Set | ast.JoinedStr):
            replacements.append(None)
        for replacement in replacements:
            other = copy.deepcopy(tree)
            put(list(expression_slots(other))[number], replacement)
            yield other
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list:
            kept, node.decorator_list = node.decorator_list, []
            yield copy.deepcopy(tree)
            node.decorator_list = kept


def shrink(source, differing, rounds=400):
    """The smallest program found; `differing` says for a list of texts which of them differ."""
    tree = ast.parse(source)
    text = text_of(copy.deepcopy(tree))
    if text is None or not differing([text])[0]:
        return source
    tree = ast.parse(text)
    for _ in range(rounds):
        for candidates in (statement_candidates, expression_candidates):
            found = next_smaller(candidates(tree), text, differing)
            if found:
                break
        else:
            break
        text = found
        tree = ast.parse(text)
    return text


def next_smaller(candidates, text, differing):
    """The first candidate that still differs and is smaller, or None."""
    tried = {text}
    waiting = []
    for candidate in candidates:
        smaller = text_of(candidate)
        if smaller is None or smaller in tried or len(smaller) > len(text):
            continue
        tried.add(smaller)
        waiting.append(smaller)
        if len(waiting) == WIDTH:
            found = first_of(waiting, differing)
            if found:
                return found
            waiting = []
    return first_of(waiting, differing) if waiting else None


def first_of(texts, differing):
    """The smallest text that differs."""
    hits = [text for text, hit in zip(texts, differing(texts)) if hit]
    return min(hits, key=len) if hits else None
