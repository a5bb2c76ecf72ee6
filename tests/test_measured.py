"""The page "What we measured": written from the results, and from nothing else."""

import json
import re
from typing import Any

import pytest

from benchmarks import page
from benchmarks.claims import CLAIMS

RESULTS = page.read()
SCALES = (1, 100, 1e-6, 2)
NUMBER = re.compile(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?")


def leaves(data: Any) -> list[Any]:
    """Every text and number in data read from JSON, the names of figures included."""
    if isinstance(data, dict):
        return [leaf for key, value in data.items() for leaf in (key, *leaves(value))]
    if isinstance(data, list):
        return [leaf for value in data for leaf in leaves(value)]
    return [data]


def numbers(text: str) -> set[str]:
    return {found.replace(",", "") for found in NUMBER.findall(text)}


def holds(figure: str, data: list[Any]) -> bool:
    """Whether a printed figure is a rounding of a number in the data.

    As it is, in percent, in millions, or twice a standard error.
    """
    value = float(figure)
    if "e" in figure:
        step = 0.5 * 10 ** int(figure.split("e")[1])
    else:
        step = 0.5 * 10 ** -len(figure.partition(".")[2])
    sizes = [abs(leaf) for leaf in data if isinstance(leaf, int | float)]
    return any(abs(size * scale - value) <= step * 1.001 for size in sizes for scale in SCALES)


def sevens(data: Any) -> Any:
    """The same results, with every digit of every figure a 7."""
    if isinstance(data, dict):
        return {key: sevens(value) for key, value in data.items()}
    if isinstance(data, list):
        return [sevens(value) for value in data]
    if isinstance(data, str):
        return re.sub(r"\d", "7", data)
    return 77.777777 if isinstance(data, int | float) else data


def test_the_page_is_what_the_results_give():
    assert page.run(check=True) == []


def test_a_page_or_a_result_that_was_changed_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "ROOT", tmp_path)
    monkeypatch.setattr(page, "PAGE", tmp_path / "measured.md")
    assert "Mend: python -m benchmarks.page" in page.run(check=True)[0]  # there is none
    assert page.run() == page.run(check=True) == []
    text = page.PAGE.read_text(encoding="utf-8")
    page.PAGE.write_text(text.replace("2", "3", 1), encoding="utf-8")
    assert page.run(check=True)
    page.PAGE.write_text(text, encoding="utf-8")
    changed = RESULTS | {"flops": RESULTS["flops"] | {"date": "1999-01-01"}}
    monkeypatch.setattr(page, "read", lambda: changed)
    assert page.run(check=True)


@pytest.mark.parametrize("name", RESULTS)
def test_every_figure_on_the_page_comes_from_the_data(name):
    printed = page.render({name: sevens(RESULTS[name])})
    own = set(re.findall(r"\d", printed))
    assert own <= {"7", "8"}, printed  # 8: a 7 rounded up


@pytest.mark.parametrize("name", RESULTS)
def test_every_figure_of_a_result_is_a_rounding_of_one_in_its_file(name):
    data = leaves(RESULTS[name])
    texts = numbers(" ".join(leaf for leaf in data if isinstance(leaf, str)))
    printed = numbers(page.render({name: RESULTS[name]}))
    assert [figure for figure in printed if figure not in texts and not holds(figure, data)] == []


@pytest.mark.parametrize(
    "claim", RESULTS.get("claims", {"claims": []})["claims"], ids=lambda c: c["name"]
)
def test_what_a_claim_says_it_measured_is_in_its_figures(claim):
    data = leaves(claim["figures"])
    known = numbers(" ".join(leaf for leaf in data if isinstance(leaf, str))) | numbers(
        claim["claim"]
    )
    said = numbers(claim["measured"].replace("chapter 10", ""))
    assert [figure for figure in said if figure not in known and not holds(figure, data)] == []
    assert said, "a measurement without a figure"


def test_every_claim_has_one_place_and_a_verdict_in_words():
    assert sorted(name for names in page.TOPICS.values() for name in names) == sorted(CLAIMS)
    for claim in RESULTS.get("claims", {"claims": []})["claims"]:
        assert claim["holds"] in page.VERDICTS
        assert claim["how"].endswith(f"benchmarks.claims {claim['name']}")


def test_claims_that_hold_are_shown_like_those_that_do_not():
    made = [{"name": name, "claim": "c", "measured": "m", "how": "h"} for name in CLAIMS]
    result = {"command": "c", "machine": "m", "date": "d"}
    shown = []
    for verdict in page.VERDICTS:
        claims = [claim | {"holds": verdict} for claim in made]
        shown.append(page.claims(result | {"claims": claims}).replace(page.VERDICTS[verdict], ""))
    assert shown[0] == shown[1] == shown[2]
    assert all(re.fullmatch(r"\*\*.+\*\*", words) for words in page.VERDICTS.values())
    assert shown[0].count("| c |") == len(CLAIMS)


def test_no_author_is_named():
    for claim in RESULTS.get("claims", {"claims": []})["claims"]:
        text = json.dumps(claim).lower()
        assert not re.search(r"https?:|github|@\w|et al|tutorial|karpathy", text)
