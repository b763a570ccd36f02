"""Iterators that compiled loops have ended."""


def length_hint_after_loop():
    found = []
    for make in (list, tuple):
        items = make([1, 2, 3])
        iterator = iter(items)
        for _ in iterator:
            pass
        if make is list:
            items.append(4)
        found.append((iterator.__length_hint__(), list(iterator)))
    return found


def test_a_list_iterator_that_ended_stays_at_its_end(same):
    same(length_hint_after_loop, [()])
