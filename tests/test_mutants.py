"""The checks reject the solutions spoiled in small ways, but for those that are listed with reason.

The operators that spoil them stand in tests/mutation.py.
"""

from pathlib import Path

import mutation
import pytest
import yaml

from course import paths

SURVIVORS = Path(__file__).with_name("survivors.yml")
SHARE = 0.9  # of a chapter's mutants that its checks reject, listed ones counted as let pass
NOTEBOOKS = sorted(path.name for path in paths.SOLUTIONS.glob("[0-9][0-9]_*.ipynb"))


def becomes(operator, *lines: str) -> set[str]:
    """What an operator makes of a solution, as the lines that differ."""
    source = "\n".join(["### BEGIN SOLUTION", *lines, "### END SOLUTION"])
    return {mutant.becomes for mutant in mutation.mutants(source, (operator,))}


@pytest.mark.parametrize(
    ("operator", "line", "expected"),
    [
        (mutation.comparison, "a < b", {"a <= b", "a >= b"}),
        (mutation.comparison, "a >= b", {"a > b", "a < b"}),
        (mutation.comparison, "a == b != c", {"a != b != c", "a == b == c"}),
        (mutation.comparison, "a is not None", {"a is None"}),
        (mutation.comparison, "a in b", {"a not in b"}),
        (mutation.arithmetic, "a + b", {"a - b"}),
        (mutation.arithmetic, "a * b // c", {"a / b // c", "a * b * c"}),
        (mutation.arithmetic, "a and b", {"a or b"}),
        (mutation.arithmetic, "a += b @ c", {"a -= b @ c", "a += b * c"}),
        (mutation.constant, "a = 1", {"a = 2", "a = 0"}),
        (mutation.constant, "a = 0.5", {"a = 1.5", "a = -0.5"}),
        (mutation.constant, "a = True", {"a = False"}),
        (mutation.constant, "a = 'text'", set()),
        (mutation.axis, "x.sum(dim=-1)", {"x.sum(dim=-2)"}),
        (mutation.axis, "x.sum(axis=0)", {"x.sum(axis=1)"}),
        (mutation.axis, "x @ y.T", {"x @ y"}),
        (mutation.axis, "x.view(B, T, C)", {"x.view(T, B, C)", "x.view(B, C, T)"}),
        (mutation.order, "a - b", {"b - a"}),
        (mutation.order, "a + b", set()),
        (mutation.dropped, "x.clone()", {"x", "pass"}),
        (mutation.dropped, "a = math.sqrt(b)", {"a = b", "pass"}),
        (mutation.dropped, "a = x.sum(0, keepdim=True)", {"a = x.sum(0)", "a = x", "pass"}),
        (mutation.dropped, "a = not b", {"a = b", "pass"}),
        (mutation.dropped, "a = -b + ~c", {"a = b + ~c", "a = -b + c", "pass"}),
        (mutation.dropped, "def f():\n    'Text.'\n    return 1", {"pass"}),
    ],
)
def test_each_operator_yields_what_it_says(operator, line, expected):
    assert becomes(operator, line) == expected


def test_two_statements_change_places_where_that_matters():
    assert becomes(mutation.order, "a = 1", "b = a") == {"b = a; a = 1"}
    assert becomes(mutation.order, "model.eval()", "y = model(x)") == {"y = model(x); model.eval()"}
    assert becomes(mutation.order, "a = 1", "b = c") == set()
    assert becomes(mutation.order, "a, b = c", "d = e") == set()
    assert becomes(mutation.order, "self.a = f(b)", "self.c = f(d)") == set()
    assert becomes(mutation.order, "self.a = b", "self.a.c = d") == {"self.a.c = d; self.a = b"}
    assert becomes(mutation.order, "self.a = b", "c = f(self)") == {"c = f(self); self.a = b"}


def test_a_mutant_counts_once_and_only_inside_the_marks():
    source = "a = 1 < 2\n### BEGIN SOLUTION\nb = x.sum(dim=-1)\nc = 3\n### END SOLUTION\nd = 4"
    found = mutation.mutants(source, skip=frozenset({"c"}))
    assert len({m.source for m in found}) == len(found)
    assert all(m.was.startswith("b = ") for m in found)
    assert [m.becomes for m in found].count("b = x.sum(dim=-2)") == 1  # axis, and constant + 1


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_checks_reject_spoiled_solutions(name, record_property):
    results = list(mutation.run(paths.SOLUTIONS / name))
    total = sum(result.total for result in results)
    found = {(r.number, str(mutant)) for r in results for mutant in r.survivors}
    entries = yaml.safe_load(SURVIVORS.read_text(encoding="utf-8"))
    chapter = f"{int(name[:2])}."
    listed = {(e["exercise"], e["mutant"]) for e in entries if e["exercise"].startswith(chapter)}
    assert all(entry["why"].strip() for entry in entries)
    record_property(f"spoiled solutions rejected, {name[:2]}", f"{total - len(found)} of {total}")
    for number, mutant in sorted(found - listed):
        print(
            f"{number} lets pass {mutant}\n    Mend: draw an input on which it differs from the "
            f"solution, in course/checks/ch{name[:2]}.py; or list it in tests/survivors.yml, with "
            "the reason why none differs"
        )
    for number, mutant in sorted(listed - found):
        print(f"{number}: {mutant}\n    Mend: no longer survives; delete it from survivors.yml")
    assert found == listed, "see the lines printed above"
    assert total - len(found) >= SHARE * total, f"{len(found)} of {total} mutants pass"
