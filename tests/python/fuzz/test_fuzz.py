"""A slice of the differential fuzzer: written programs do the same without and with Coachwhip. `make fuzz` runs more; docs/contributing/fuzzing.md."""

import ast
import importlib.util
import os
import sys

import pytest

import coachwhip

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


@pytest.fixture
def fuzz(monkeypatch):
    """The package of tools, importable."""
    if not os.path.isdir(os.path.join(ROOT, "tools", "fuzz")):
        pytest.skip("no sources of the fuzzer here")
    monkeypatch.syspath_prepend(ROOT)
    package = os.path.dirname(os.path.dirname(os.path.abspath(importlib.util.find_spec("coachwhip").origin)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")])))
    return __import__("tools.fuzz.driver", fromlist=["driver"])


@pytest.mark.skipif(not coachwhip.is_enabled() and "not wired" in coachwhip.explain(lambda: None), reason="the engine is not wired yet")
def test_programs_do_the_same(fuzz, capsys):
    campaign = fuzz.Campaign(programs=400, seed=7, workers=2, most_finds=3, shrinking=False, batch=100, quiet=True)
    fine = campaign.run()
    assert fine, capsys.readouterr().out
    assert campaign.stats["compiled_functions"] > 300 and campaign.stats["exits"] > 1000


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_seeds_always_yield_the_same_programs(fuzz):
    from tools.fuzz.generator import generate

    for seed in range(50):
        assert generate(seed) == generate(seed)
        compile(generate(seed), "<fuzz>", "exec", dont_inherit=True)


def test_shrinking_keeps_what_differs(fuzz):
    from tools.fuzz.generator import generate
    from tools.fuzz.shrink import shrink

    def differing(texts):
        return ["range" in text and "show" in text for text in texts]

    source = next(text for text in map(generate, range(100)) if differing([text])[0] and len(text) > 1000)
    small = shrink(source, differing)
    assert differing([small])[0] and len(small) < 80, small
    ast.parse(small)
