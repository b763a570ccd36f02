"""Makes a program that differs smaller, as long as it differs: takes out statements, unwraps blocks, puts parts of expressions in their place.

All edits of a round are tried each alone, then those that kept the difference together, then halves of them: so a round is one run of many programs, and few rounds do.
"""

import ast
import copy

#: Fields with lists of statements, or of what holds some.
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
#: Edits that are tried in one run.
WIDTH = 48


def is_value(node):
    """Whether this is an expression that is read."""
    return isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", None) or ast.Load(), ast.Load)


def slots(tree):
    """Where statements and expressions stand: (parent's number, field, node's number), numbers in the order of ast.walk."""
    nodes = list(ast.walk(tree))
    numbers = {id(node): number for number, node in enumerate(nodes)}
    for parent in nodes:
        for field, value in ast.iter_fields(parent):
            for item in value if isinstance(value, list) else (value,):
                if isinstance(item, ast.AST) and id(item) in numbers:
                    yield numbers[id(parent)], field, numbers[id(item)]


def statement_edits(tree):
    """Take out each statement, handler and case; unwrap blocks; the greatest first."""
    nodes = list(ast.walk(tree))
    edits = []
    for parent, field, number in slots(tree):
        node = nodes[number]
        if field not in BLOCKS or isinstance(node, ast.Pass):
            continue
        size = sum(1 for _ in ast.walk(node))
        edits.append((size, (parent, field, number, "delete", None)))
        if isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for inner in ("body", "orelse", "finalbody"):
                if isinstance(getattr(node, inner, None), list) and getattr(node, inner):
                    edits.append((size - 1, (parent, field, number, "unwrap", inner)))
    edits.sort(key=lambda edit: -edit[0])
    return [edit for _, edit in edits]


def expression_edits(tree):
    """Replace each expression by one inside it or by a constant, or take it out of its list; the greatest first."""
    nodes = list(ast.walk(tree))
    edits = []
    for parent, field, number in slots(tree):
        node, above = nodes[number], nodes[parent]
        if isinstance(node, ast.keyword | ast.arg | ast.comprehension | ast.alias | ast.withitem) or field == "decorator_list":
            edits.append((2, (parent, field, number, "delete", None)))
        if not is_value(node):
            continue
        size = sum(1 for _ in ast.walk(node))
        if isinstance(node, ast.Constant):
            if isinstance(node.value, int) and not isinstance(node.value, bool) and abs(node.value) > 2:
                edits += [(0, (parent, field, number, "constant", 1)), (0, (parent, field, number, "constant", node.value // 2))]
            elif isinstance(node.value, str | bytes) and len(node.value) > 1:
                edits.append((0, (parent, field, number, "constant", node.value[:1])))
        elif not isinstance(node, ast.Name):
            for child in ast.iter_child_nodes(node):
                if is_value(child):
                    edits.append((size, (parent, field, number, "child", next(index for index, other in enumerate(nodes) if other is child))))
            edits += [(size, (parent, field, number, "constant", value)) for value in (1, None)]
        if isinstance(getattr(above, field), list) and isinstance(above, ast.Call | ast.List | ast.Tuple | ast.BoolOp | ast.Set | ast.JoinedStr):
            edits.append((size, (parent, field, number, "delete", None)))
    edits.sort(key=lambda edit: -edit[0])
    return [edit for _, edit in edits]


def apply(tree, edits):
    """A copy of the tree with these edits."""
    other = copy.deepcopy(tree)
    nodes = list(ast.walk(other))
    for parent, field, number, action, detail in edits:
        parent, node = nodes[parent], nodes[number]
        value = getattr(parent, field)
        if action == "delete":
            new = []
        elif action == "unwrap":
            new = getattr(node, detail)
        elif action == "child":
            new = [nodes[detail]]
        else:
            new = [ast.Constant(detail)]
        if isinstance(value, list):
            place = next((index for index, item in enumerate(value) if item is node), None)
            if place is not None:
                value[place : place + 1] = new
        elif value is node:
            setattr(parent, field, new[0] if new else None)
    return other


def text_of(tree):
    """The text, or None if it cannot be one."""
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list) and not node.body and not isinstance(node, ast.Module):
            node.body.append(ast.Pass())
        if isinstance(node, ast.Try | ast.TryStar) and not node.handlers:
            node.orelse = []
            if not node.finalbody:
                node.finalbody.append(ast.Pass())
    try:
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        compile(text, "<fuzz>", "exec")
    except Exception:
        return None
    return text


def shrink(source, differing, keep=lambda text: None):
    """The smallest program found; `differing` says for a list of texts which of them differ, `keep` gets each smaller one."""
    text = text_of(ast.parse(source))
    if text is None or not differing([text])[0]:
        return source
    # The greatest statements first: many small edits would be tried in vain.
    while True:
        before = text
        for edits in (statement_edits, expression_edits):
            text = smaller(text, edits, differing, keep)
        if text == before:
            return text


def smaller(text, edits_of, differing, keep):
    """Edits of one kind until none keeps the difference."""
    start = 0
    while True:
        tree = ast.parse(text)
        edits = edits_of(tree)
        found = None
        while start < len(edits) and found is None:
            found = together(tree, text, edits[start : start + WIDTH], differing)
            if found is None:
                start += WIDTH
        if found is None:
            return text
        if len(found) >= len(text) and start > len(edits):
            return text
        text = found
        keep(text)


def together(tree, text, edits, differing):
    """The smallest text that some of these edits yield together and that still differs, or None."""
    texts = {}
    for edit in edits:
        changed = text_of(apply(tree, [edit]))
        if changed is not None and changed != text and len(changed) <= len(text) and changed not in texts:
            texts[changed] = edit
    if not texts:
        return None
    hits = [pair for pair, hit in zip(texts.items(), differing(list(texts))) if hit]
    if not hits:
        return None
    unions = []
    for share in (1, 2, 4):
        size = (len(hits) + share - 1) // share
        for first in range(0, len(hits), max(size, 1)):
            changed = text_of(apply(tree, [edit for _, edit in hits[first : first + size]]))
            if changed is not None and changed not in unions:
                unions.append(changed)
    best = [changed for changed, hit in zip(unions, differing(unions)) if hit] if len(hits) > 1 else []
    return min(best + [changed for changed, _ in hits], key=len)
