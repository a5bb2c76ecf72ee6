"""Three figures in the browser: surprise colours, sampling sliders, attention weights.

What they show is compared with Python, number by number; they are worked by keyboard.
"""

import json
import math
import random
import re
from functools import cache
from itertools import pairwise, product

import matplotlib
import pytest
import torch

matplotlib.use("agg")

from test_figures import OUTSIDE, contrast, data_of

from course.figures import VISIBLE, visible
from course.widgets import attention_html, page, sampling_sliders, surprise_colours, surprises
from course.widgets.sampling import BARS, sampling_html, sampling_png
from course.widgets.surprise import (
    DARK,
    EDGES,
    LIGHT,
    LONGEST,
    Surprise,
    Unit,
    describe,
    mean_bits,
    name,
    surprise_html,
    surprise_png,
    units,
)
from minigpt_lib.bpe import BPETokenizer
from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.sample import apply_temperature, top_k_filter, top_p_filter
from minigpt_lib.tokenizer import CharTokenizer
from minigpt_lib.train import evaluate

pytest_plugins = ["browser"]

LETTERS = CharTokenizer("\n !',.:;?abcdefghijklmnopqrstuvwxyz")
VERSE = "to be, or not to be:\nthat's the question now?\n"
ODD = (
    "né 🙂🙂 日本 e\u0301\n� a\u200b\ufffd\ufffdé"  # characters of one to four bytes, � among them
)
T = 8


def make_model(vocab_size: int, dropout: float = 0.0, context_length: int = T) -> GPT:
    """A small model with opinions: its parameters are drawn wider than at the start of training."""
    config = GPTConfig(
        vocab_size, context_length, embed_dim=16, num_heads=2, num_layers=1, dropout=dropout
    )
    model, generator = GPT(config), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.4, generator=generator)
    return model


@cache
def bytes_tokenizer() -> BPETokenizer:
    """Merges inside of characters and across their ends."""
    return BPETokenizer.train(ODD * 5 + "日月 日木 🙂🙃 the the then", 275)


@pytest.fixture(params=["letters", "bytes"])
def reading(request):
    """A tokenizer, a model of its vocabulary and a text of several blocks."""
    known = {"letters": (LETTERS, VERSE), "bytes": (bytes_tokenizer(), ODD)}
    tokenizer, text = known[request.param]
    return tokenizer, make_model(tokenizer.vocab_size).eval(), text


# ---- surprise: the numbers


@pytest.mark.parametrize("length", [2, 5, T - 1, T, T + 1, T + 2, 2 * T, 2 * T + 1, 70 * T + 3])
def test_bits_add_up_to_what_evaluate_says(length):
    # Catches: blocks that overlap, the rest of the text left out or put in front, dropout left on.
    model = make_model(LETTERS.vocab_size, dropout=0.5).train()
    text = (VERSE * 20)[:length]
    assert len(text) == length
    found = surprises(model, LETTERS, text)
    assert model.training and all(part.training for part in model.modules())
    ids = torch.tensor(LETTERS.encode(text))
    assert [one.token for one in found] == ids.tolist() and found[0].bits is None
    nats = sum(one.bits for one in found[1:]) * math.log(2)
    assert abs(nats / (length - 1) - evaluate(model, ids)) <= 1e-6
    assert surprises(model.eval(), LETTERS, text) == found and not model.training


def test_each_token_is_scored_after_what_stands_before_it_in_its_block(reading):
    # Catches: bits or guesses of the place before or after, natural logs, a sum for a probability.
    tokenizer, model, text = reading
    ids = tokenizer.encode(text)
    for i, one in enumerate(surprises(model, tokenizer, text)):
        if i == 0:
            assert one == Surprise(ids[0], None, 0, [])
            continue
        begin = (i - 1) // T * T
        with torch.no_grad():
            p = model(torch.tensor([ids[begin:i]]))[0][0, -1].double().softmax(-1)  # (V,)
        assert one.seen == i - begin <= T
        assert abs(one.bits + math.log2(p[ids[i]])) <= 1e-5
        order = p.sort(descending=True, stable=True).indices[:5].tolist()
        assert [guess for guess, _ in one.guesses] == order
        assert max(abs(p[guess] - q) for guess, q in one.guesses) <= 1e-6


def test_a_model_that_knows_nothing_pays_log_v_and_guesses_in_order():
    # Catches: equal guesses in an order that changes from one machine to the next.
    model = make_model(LETTERS.vocab_size)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    for one in surprises(model, LETTERS, "the end")[1:]:
        assert abs(one.bits - math.log2(LETTERS.vocab_size)) <= 1e-6
        assert [i for i, _ in one.guesses] == [0, 1, 2, 3, 4]


def test_a_vocabulary_smaller_than_the_guesses_gives_all_of_it():
    tokenizer = CharTokenizer("abc")
    guesses = surprises(make_model(3), tokenizer, "abcab")[2].guesses
    assert sorted(i for i, _ in guesses) == [0, 1, 2]
    assert abs(sum(p for _, p in guesses) - 1) <= 1e-6


def test_mode_of_the_model_comes_back_after_an_error():
    model = make_model(3).train()
    with pytest.raises(ValueError, match="must lie in 0 to 2"):
        surprises(model, LETTERS, "the end")
    assert model.training


def test_pieces_are_whole_characters_and_lose_no_token(reading):
    # Catches: half a character shown, a � of the text's own taken for one, bits that get lost.
    tokenizer, model, text = reading
    draw = random.Random(0)
    texts = [text, *("".join(draw.choices(text, k=30)) for _ in range(30))]
    for text in texts:
        found = surprises(model, tokenizer, text)
        pieces = list(units(found, tokenizer))
        assert "".join(piece.text for piece in pieces) == text
        assert [one for piece in pieces for one in piece.tokens] == found
        for piece in pieces:
            assert piece.text == tokenizer.decode([one.token for one in piece.tokens])
        if tokenizer is LETTERS:
            assert [piece.text for piece in pieces] == list(text)
        mean, characters = mean_bits(pieces)
        total = sum(one.bits for one in found[1:])
        assert abs(mean * characters - total) <= 1e-9
        # The first character is counted only where a part of it was scored.
        alone = len(pieces[0].tokens) == 1
        assert characters == len(text) - (len(pieces[0].text) if alone else 0)


def test_pieces_of_a_byte_tokenizer_are_single_characters():
    text, tokenizer = ODD, BPETokenizer([])
    pieces = list(units([Surprise(i, 1.0, 1, []) for i in tokenizer.encode(text)], tokenizer))
    assert [piece.text for piece in pieces] == list(text)
    assert [len(piece.tokens) for piece in pieces] == [len(c.encode("utf-8")) for c in text]


def test_a_tokenizer_whose_tokens_do_not_join_still_gives_all_bits():
    class Words:
        """Decodes with spaces between words, so that parts do not add up to the text."""

        def decode(self, ids):
            return " ".join("ab"[i] for i in ids)

    found = [Surprise(0, None, 0, []), Surprise(1, 2.0, 1, []), Surprise(0, 3.0, 2, [])]
    pieces = list(units(found, Words()))
    assert "".join(piece.text for piece in pieces) == "a b a"
    assert [one for piece in pieces for one in piece.tokens] == found


def test_colour_follows_bits_per_character():
    # Catches: bits per token, an edge on the wrong side.
    def level(text, *bits):
        return Unit(text, [Surprise(0, b, 1, []) for b in bits]).level

    assert [level("a", b) for b in (0, 0.49, 0.5, 1, 2, 3.9, 4, 6, 90)] == [
        0,
        0,
        1,
        2,
        3,
        3,
        4,
        5,
        5,
    ]
    assert level("abcd", 8.0) == level("a", 2.0) == level("é", 1.5, 0.5) == 3
    assert level("a", None) is None and level("é", None, 0.2) == 0


def test_colours_of_the_scale_can_be_read_and_told_apart_in_grey():
    # Catches: text too pale for its ground, two steps that print as the same grey.
    for scale, towards in ((LIGHT, "#ffffff"), (DARK, "#1e1e1e")):
        assert len(scale) == len(EDGES) + 1
        for ground, text in scale:
            assert contrast(ground, text) >= 4.5
        apart = [contrast(ground, towards) for ground, _ in scale]
        assert apart == sorted(apart)
        for (one, _), (other, _) in pairwise(scale):
            assert contrast(one, other) >= 1.2, (one, other)


def test_tokens_are_named_as_readers_see_them():
    tokenizer = BPETokenizer([(32, 116)])
    assert name(tokenizer, 256) == "␣t" and name(tokenizer, 10) == "⏎"
    assert name(tokenizer, 0xC3) == "part 195"
    assert visible(" a\n\t") == "".join(VISIBLE[c] if c != "a" else c for c in " a\n\t") == "␣a⏎⇥"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 tokens long; at least 2"),
        ("a", "1 tokens long; at least 2"),
        ("a" * (LONGEST + 1), f"{LONGEST + 1} characters; at most {LONGEST}"),
        (None, "must be a str, not NoneType"),
        ("To be", "character 'T' at position 0"),
    ],
)
def test_texts_that_can_not_be_coloured_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        surprise_colours(make_model(LETTERS.vocab_size), LETTERS, text)


# ---- sampling: the numbers


def scores(V: int, seed: int = 0) -> torch.Tensor:
    """Scores of rows that are hard to filter: float32 like a model's, ties, exact sums."""
    generator = torch.Generator().manual_seed(seed)
    plain = 3 * torch.randn(3, V, generator=generator)
    tied = (2 * torch.randn(2, V, generator=generator)).round()
    rows = [*plain, *tied, torch.zeros(V)]
    for equal in (4, 5, 10):  # the first ones share everything: 1/4, 1/5, 1/10 each
        rows.append(torch.where(torch.arange(V) < equal, 0.0, -300.0))
    halves = torch.arange(1, V + 1).clamp_max(V - 1)  # 1/2, 1/4, 1/8 and so on
    return torch.stack([*rows, -halves * math.log(2), 50 + 1e-4 * plain[0]])  # (11, V)


def names_of(V: int) -> list[str]:
    """Names of V tokens; some are hard to show."""
    return ["a", " ", "\n", "</script>", "日本", *(f"t{i}" for i in range(5, V))][:V]


def contexts_of(rows: torch.Tensor) -> list[str]:
    return [f"To be, or not\nto be {'a long ' * i}text number {i}" for i in range(len(rows))]


def sampling_page(V: int) -> str:
    rows = scores(V)
    return sampling_html(rows, contexts_of(rows), names_of(V), "What is left of a model's scores.")


def left_of(row: torch.Tensor, t: float, k: int, p: float) -> torch.Tensor:
    """The scores (V,) after all three filters of the library, in float64."""
    return top_p_filter(top_k_filter(apply_temperature(row.double(), t), k), p)


def entropy(p: torch.Tensor) -> float:
    """In bits."""
    return abs(sum(q * math.log2(q) for q in p.tolist() if q > 0))


def test_scores_come_as_they_are_and_ask_for_nothing():
    # Catches: scores rounded on the way, so that ties appear or vanish.
    rows = scores(9)
    html = sampling_html(rows, contexts_of(rows), names_of(9))
    data = data_of(html)
    assert torch.equal(torch.tensor(data["logits"], dtype=torch.float64), rows.double())
    assert data["tokens"][:4] == ["a", "␣", "⏎", "</script>"]
    assert not OUTSIDE.search(html) and html.count("</script>") == 1


@pytest.mark.parametrize(
    ("shape", "contexts", "tokens", "message"),
    [
        ((2, 3), ["a"], "abc", r"\(2, 3\) do not fit 1 contexts and 3 tokens; they must be \(1, 3"),
        ((1, 3), ["a"], "ab", r"do not fit 1 contexts and 2 tokens"),
        ((3,), ["a"], "abc", "do not fit"),
        ((1, 0), ["a"], "", "do not fit"),
        ((0, 3), [], "abc", "at least one text"),
        ((1, 3), "a", "abc", "must be a list of at least one text, not 'a'"),
    ],
)
def test_scores_that_do_not_fit_are_refused(shape, contexts, tokens, message):
    with pytest.raises(ValueError, match=message):
        sampling_sliders(torch.zeros(shape), contexts, list(tokens))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_no_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="must be finite"):
        sampling_sliders(torch.tensor([[0.0, bad]]), ["a"], ["a", "b"])


# ---- all of them as outputs


def surprise_page(tokenizer=LETTERS, text: str = VERSE, model: GPT | None = None) -> str:
    model = model or make_model(tokenizer.vocab_size)
    pieces = list(units(surprises(model, tokenizer, text), tokenizer))
    return surprise_html(pieces, tokenizer, T, "A text coloured by surprise.")


TOKENS = ["d", "o", "\n", " ", "</script>", "n", "o", "t"]


def weights() -> torch.Tensor:
    """Causal attention weights (3, 8, 8)."""
    drawn = 2 * torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))
    return drawn.masked_fill(~torch.ones(8, 8, dtype=torch.bool).tril(), -torch.inf).softmax(-1)


@cache
def pages() -> dict[str, str]:
    """Each figure, with text that is hard to fit."""
    long = "w" * 120 + "\n" + VERSE * 4
    return {
        "surprise": surprise_page(text=long),
        "surprise in bytes": surprise_page(bytes_tokenizer(), ODD),
        "sampling": sampling_page(30),
        "attention": attention_html(TOKENS * 4, wide(weights()), "Who looks where, by head."),
    }


def wide(w: torch.Tensor) -> torch.Tensor:
    """The same weights on a diagonal of four blocks, (3, 32, 32)."""
    return torch.stack([torch.block_diag(*[head] * 4) for head in w])


def test_pictures_come_first_and_are_the_same_each_time(monkeypatch):
    shown, rows, model = [], scores(20), make_model(LETTERS.vocab_size)
    monkeypatch.setattr(page, "display", lambda data, raw: shown.append(data))
    for _ in range(2):
        surprise_colours(model, LETTERS, VERSE)
        sampling_sliders(rows, contexts_of(rows), names_of(20))
        surprise_colours(model, LETTERS, VERSE, alt="the verse")
        sampling_sliders(rows, contexts_of(rows), names_of(20), alt="the scores")
    assert [next(iter(data)) for data in shown] == ["image/png", "text/html"] * 8
    assert shown[:8] == shown[8:]
    told = [shown[i]["text/plain"] for i in (0, 2, 4, 6)]
    assert "bits per character on average over" in told[0] and "It begins: to␣be" in told[0]
    assert "of 20 tokens" in told[1] and told[2:] == ["the verse", "the scores"]
    one, other = (data_of(shown[i]["text/html"]) for i in (1, 5))
    assert one.pop("alt") == told[0] and other.pop("alt") == "the verse" and one == other
    ids = {re.search(r'<div id="([a-z-]+-[0-9a-f]{8})"', shown[i]["text/html"])[1] for i in (1, 3)}
    assert len(ids) == 2


def test_pictures_hold_long_and_foreign_text():
    known = bytes_tokenizer()
    found = surprises(make_model(known.vocab_size), known, "日本 $x^2$ \\alpha \t\n\n" * 90)
    assert surprise_png(list(units(found, known))).startswith(b"\x89PNG")
    picture = sampling_png(torch.zeros(1, 4), ["$x^\n日"], ["$", "日本", " ", "\\a"])
    assert picture.startswith(b"\x89PNG") and b"Software" not in picture


def test_description_names_what_surprises_most():
    pieces = [
        Unit("a", [Surprise(0, None, 0, [])]),
        Unit("bcde", [Surprise(1, 6.0, 1, [])]),
        Unit("\n", [Surprise(2, 4.0, 1, [])]),
    ]
    told = describe(pieces)
    assert "2.00 bits per character on average over 5 characters" in told
    assert "“⏎” with 4.00 bits" in told and told.endswith("It begins: abcde⏎")


# ---- surprise in the browser


def test_browser_shows_the_bits_and_guesses_of_python_by_keyboard(tab, reading):
    # Catches: bits of the neighbour, guesses without order, a mean over tokens.
    tokenizer, model, text = reading
    found = surprises(model, tokenizer, text)
    pieces = list(units(found, tokenizer))
    opened = tab.open(surprise_page(tokenizer, text, model))
    bits = opened.eval_on_selector_all("[role=option]", "all => all.map(e => e.dataset.bits)")
    nats = sum(float(b or 0) for b in bits) * math.log(2) / (len(found) - 1)
    assert abs(nats - evaluate(model, torch.tensor(tokenizer.encode(text)))) <= 1e-6
    mean, characters = mean_bits(pieces)
    assert abs(float(opened.locator(".mean").get_attribute("data-mean")) - mean) <= 1e-6
    told = f"{mean:.2f} bits per character, the mean over {characters} characters."
    assert opened.locator(".mean").inner_text() == told
    opened.locator("[role=option][tabindex='0']").focus()
    opened.keyboard.press("Home")
    program = """() => ({ at: Array.from(document.querySelectorAll("[role=option]"))
        .indexOf(document.activeElement), level: document.activeElement.className,
      words: document.querySelector(".words").textContent,
      rows: Array.from(document.querySelectorAll(".detail tbody tr"), (r) => [r.dataset.p,
        r.querySelector("th").textContent, r.className, r.lastChild.textContent]) })"""
    for at, piece in enumerate(pieces):
        seen = opened.evaluate(program)
        assert seen["at"] == at
        first = piece.tokens[0]
        if piece.bits is None:
            assert bits[at] == "" and seen["rows"] == [] and "not scored" in seen["words"]
        else:
            assert abs(float(bits[at]) - piece.bits) <= 1e-6
            assert f"level-{piece.level}" in seen["level"].split()
            assert f": {piece.bits:.2f} bits" in seen["words"]
            assert f"with {first.seen} token" in seen["words"]
        assert ("begins" in seen["level"]) == (at > 0 and first.seen == 1 and first is not found[1])
        assert len(seen["rows"]) == len(first.guesses)
        for (p, label, right, shown), (guess, q) in zip(seen["rows"], first.guesses, strict=True):
            assert abs(float(p) - q) <= 1e-6 and abs(float(shown[:-1]) - 100 * q) <= 0.051
            mark = " ✓" if guess == first.token else ""
            assert label == name(tokenizer, guess) + mark and (right == "true") == bool(mark)
        opened.keyboard.press("ArrowRight")
    assert opened.evaluate(program)["at"] == len(pieces) - 1  # the end is the end


def selected(opened) -> int:
    """The index of the one piece that is selected."""
    (at,) = opened.eval_on_selector_all(
        "[role=option]", "all => all.flatMap((e, i) => e.ariaSelected === 'true' ? [i] : [])"
    )
    return at


def test_surprise_can_be_walked_by_line_pointed_at_and_stepped(tab):
    text = "abc abc\nabcdef\nab"
    model = make_model(LETTERS.vocab_size, context_length=64)  # no mark of a block in a line
    opened = tab.open(surprise_page(text=text, model=model))
    options = opened.get_by_role("option")
    found = surprises(model, LETTERS, text)
    most = max(range(1, len(found)), key=lambda i: found[i].bits)
    assert selected(opened) == most
    options.nth(5).hover()
    assert selected(opened) == 5 and opened.evaluate("document.activeElement.tagName") == "BODY"
    options.nth(2).click()
    for key, at in [("ArrowDown", 10), ("ArrowDown", 16), ("ArrowDown", 16), ("ArrowUp", 9),
                    ("ArrowUp", 1), ("ArrowUp", 1), ("End", 16), ("ArrowLeft", 15),
                    ("Home", 0), ("ArrowLeft", 0)]:  # fmt: skip
        opened.keyboard.press(key)
        assert selected(opened) == at, key
        assert opened.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    assert opened.locator("[role=option][tabindex='0']").count() == 1
    assert opened.get_by_role("button", name="Back").is_disabled()
    opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    assert selected(opened) == 1
    opened.get_by_role("button", name="Most surprising").click()
    assert selected(opened) == most


def test_the_chosen_character_of_a_long_text_is_in_view(tab):
    # Catches: half a line below the pane's edge, and a page that jumps to the figure.
    text = "".join(f"{letter * 40}\n" for letter in "abcdefghijklmnopqrstuvwxyz" * 2)
    opened = tab.open("<p style='height: 2000px'>before</p>" + surprise_page(text=text))
    pane = opened.get_by_role("listbox")
    assert pane.evaluate("e => e.scrollHeight > 2 * e.clientHeight")
    inside = """e => { const one = e.querySelector("[aria-selected=true]").getBoundingClientRect();
        const all = e.getBoundingClientRect();
        return one.top >= all.top && one.bottom <= all.bottom }"""
    assert pane.evaluate(inside) and opened.evaluate("window.scrollY") == 0
    for button, far in [("Next", "0"), ("Back", "e.scrollHeight"), ("Most surprising", "0")]:
        pane.evaluate(f"e => {{ e.scrollTop = {far}; }}")
        opened.get_by_role("button", name=button).click()
        assert pane.evaluate(inside), button
    opened.get_by_role("option").first.focus()
    for key in ("End", "Home"):
        opened.keyboard.press(key)
        assert pane.evaluate(inside), key


def test_the_text_of_surprise_is_the_text(tab):
    # Catches: spaces run together, a mark or a name in the place of a letter.
    for tokenizer, text in ((LETTERS, VERSE), (bytes_tokenizer(), "né 🙂  日本\n\n� a")):
        shown = tab.open(surprise_page(tokenizer, text)).locator("[role=listbox]").inner_text()
        assert shown.replace("⏎", "").rstrip("\n") == text.rstrip("\n")


def test_legend_of_surprise_has_the_colours_of_the_text(tab):
    opened = tab.open(surprise_page())
    legend = opened.locator(".legend span").all_inner_texts()
    assert legend == ["under 0.5", "0.5–1", "1–2", "2–4", "4–6", "6 or more"]
    ground = "all => all.map(e => getComputedStyle(e).backgroundColor)"
    grounds = opened.eval_on_selector_all(".legend span", ground)
    for level, color in enumerate(grounds):
        same = opened.eval_on_selector_all(f".text .level-{level}", ground)
        assert set(same) <= {color}
    assert len(set(grounds)) == 6


# ---- sampling in the browser

# Sets the sliders and the text to each of several settings, and reads off what is shown.
SET = """(settings) => settings.map(([context, t, k, p]) => {
  const put = (what, value, event) => {
    const e = document.querySelector(`[id$="-${what}"]`);
    if (e.value === `${value}`) return;
    e.value = value;
    e.dispatchEvent(new Event(event));
  };
  put("context", context, "change");
  put("temperature", t, "input"); put("top-k", k, "input"); put("top-p", p, "input");
  const words = document.querySelector(".words");
  return { left: words.dataset.left, entropy: words.dataset.entropy,
    rows: Array.from(document.querySelectorAll("tbody tr"), (r) => [r.dataset.id, +r.dataset.p,
      +r.dataset.own, r.querySelector("th").textContent, r.lastChild.textContent]) };
})"""


@pytest.mark.parametrize("V", [3, 12, 40])
def test_browser_filters_as_the_library_does(tab, V):
    # Catches: filters in another order, all of several equal tokens kept or none, top-p that drops
    # the token which crosses p or keeps one more, temperature 0 that divides.
    opened, rows, names = tab.open(sampling_page(V)), scores(V), names_of(V)
    ks = sorted({1, 2, 5, V} & set(range(1, V + 1)))
    orders = rows.sort(descending=True, stable=True).indices.tolist()
    own = rows.double().softmax(-1)
    for t, k, p in product((0, 0.05, 0.7, 1, 2), ks, (0.05, 0.2, 0.25, 0.5, 0.6, 0.9, 1)):
        left = left_of(rows, t, k, p)
        expected, kept = left.softmax(-1), left.isfinite()
        shown = opened.evaluate(SET, [[i, t, k, p] for i in range(len(rows))])
        for i, (seen, order) in enumerate(zip(shown, orders, strict=True)):
            where = (i, t, k, p)
            assert int(seen["left"]) == kept[i].sum(), where
            assert abs(float(seen["entropy"]) - entropy(expected[i])) <= 1e-6, where
            parts = [([token], visible(names[token])) for token in order[:BARS]]
            if order[BARS:]:
                parts.append((order[BARS:], f"{V - BARS} others"))
            for (id, q, q0, label, text), (ids, name_of) in zip(seen["rows"], parts, strict=True):
                assert (id, label) == (str(ids[0]) if len(ids) == 1 else "rest", name_of)
                assert abs(q - expected[i, ids].sum()) <= 1e-6, where
                assert abs(q0 - own[i, ids].sum()) <= 1e-6, where
                if kept[i, ids].any():
                    assert abs(float(text) - q) <= 5.1e-5
                else:
                    assert text == "out", where


def test_sampling_is_worked_by_keyboard(tab):
    opened, rows = tab.open(sampling_page(30)), scores(30)
    opened.get_by_label("The text so far", exact=True).focus()
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("ArrowDown")
    assert "text number 2" in opened.locator(".context").inner_text()
    assert "To be, or not\nto be" in opened.locator(".context").inner_text()
    steps = [("Temperature", "ArrowRight", 6, "1.30"), ("Top-k", "ArrowLeft", 10, "20"),
             ("Top-p", "ArrowLeft", 2, "0.90")]  # fmt: skip
    opened.keyboard.press("Tab")  # the text, which scrolls where it is long
    for label, key, times, told in steps:
        opened.keyboard.press("Tab")
        slider = opened.get_by_role("slider", name=label)
        assert slider.evaluate("e => e === document.activeElement")
        for _ in range(times):
            opened.keyboard.press(key)
        assert slider.get_attribute("aria-valuetext") == told
        assert opened.locator(f"output[for$='-{label.lower()}']").inner_text() == told
    left = left_of(rows[2], 1.3, 20, 0.9)
    assert 2 < left.isfinite().sum() < 20
    told = (
        f"{left.isfinite().sum()} of 30 tokens left; entropy {entropy(left.softmax(-1)):.2f} bits, "
        "the surprise to expect on average."
    )
    assert opened.get_by_role("status").filter(has_text="left").inner_text() == told
    opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    drawn = opened.locator(".drawn b")
    assert drawn.count() == 20
    opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")  # back to the model's own
    assert opened.locator("output").all_inner_texts() == ["1.00", "off, all 30", "off"]
    assert "30 of 30 tokens left" in opened.locator(".words").inner_text()
    assert drawn.count() == 0, "tokens drawn before stand beside other probabilities"


@pytest.mark.parametrize("settings", [(1, 30, 1), (0.7, 6, 1), (2, 30, 0.4), (0, 30, 1)])
def test_drawn_tokens_follow_the_probabilities(tab, settings):
    # Catches: a draw from the unfiltered row, the first or the last token left out.
    opened, row = tab.open(sampling_page(30)), scores(30)[0]
    opened.evaluate(SET, [[0, *settings]])
    p = left_of(row, *settings).softmax(-1)
    # Twenty numbers evenly spaced: how often each token comes is p to within 1/20, in id order.
    opened.evaluate("() => { let n = 0; Math.random = () => (n++ % 20 + 0.5) / 20; }")
    opened.get_by_role("button", name="Draw this one place 20 times").click()
    drawn = opened.eval_on_selector_all(".drawn b", "all => all.map(e => +e.dataset.id)")
    sums = p.cumsum(-1)
    numbers = [(n + 0.5) / 20 for n in range(20)]
    assert drawn == [int((sums <= number).sum()) for number in numbers]
    assert opened.locator(".drawn b").all_inner_texts() == [visible(names_of(30)[i]) for i in drawn]
    if settings[0] == 0:
        assert set(drawn) == {int(row.argmax())}
    opened.evaluate("() => { Math.random = () => 1 - 2 ** -53; }")
    opened.get_by_role("button", name="Draw this one place 20 times").click()
    drawn = opened.eval_on_selector_all(".drawn b", "all => all.map(e => +e.dataset.id)")
    assert set(drawn) == {int(p.nonzero().max())}


# ---- attention in the browser


def test_attention_shows_the_weights_of_python_by_keyboard(tab):
    # Catches: heads, rows or columns swapped, weights of the query before, bars too high.
    w, names = weights(), [visible(token) for token in TOKENS]
    opened = tab.open(attention_html(TOKENS, w, "Who looks where, by head."))
    program = """() => ({
      head: Array.from(document.querySelectorAll("[role=tab]"), (e) => e.ariaSelected),
      query: Array.from(document.querySelectorAll("[role=radio]"), (e) => e.ariaChecked),
      focused: document.activeElement.textContent,
      cells: Array.from(document.querySelectorAll(".tokens > div"), (e) => [e.dataset.weight,
        e.querySelector(".well span").getBoundingClientRect().height /
          (e.querySelector(".well").getBoundingClientRect().height - 1.5),
        e.querySelector(".percent").textContent, e.querySelector("button").textContent]),
      words: document.querySelector(".words").textContent })"""
    opened.get_by_role("radio", checked=True).focus()
    opened.keyboard.press("ArrowUp")
    opened.keyboard.press("ArrowDown")  # up and down are opposites
    for head in range(3):
        opened.keyboard.press("Home")
        for query in range(8):
            seen = opened.evaluate(program)
            assert seen["head"] == [str(h == head).lower() for h in range(3)]
            assert seen["query"] == [str(i == query).lower() for i in range(8)]
            assert seen["focused"] == names[query]
            row = w[head, query].tolist()
            for (weight, height, percent, token), want, told in zip(
                seen["cells"], row, names, strict=True
            ):
                assert abs(float(weight) - want) <= 1e-6 and token == told
                assert abs(height - want) <= 0.02
                assert percent == (f"{100 * want:.0f}" if want >= 0.045 else "")
            best = max(range(8), key=row.__getitem__)
            assert f"In head {head}, “{names[query]}” at position {query}" in seen["words"]
            assert f"looks at “{names[best]}”" in seen["words"]
            assert f"{100 * row[best]:.0f}%" in seen["words"]
            opened.keyboard.press("ArrowRight")
        opened.keyboard.press("ArrowDown")
    assert opened.evaluate(program)["head"] == ["true", "false", "false"]  # round to the first


def test_heads_are_chosen_by_keyboard_and_pointer(tab):
    opened = tab.open(attention_html(TOKENS, weights(), "Who looks where, by head."))
    tabs = opened.get_by_role("tab")
    opened.keyboard.press("Tab")
    for key, head in [("ArrowRight", 1), ("End", 2), ("ArrowRight", 0), ("ArrowLeft", 2),
                      ("Home", 0)]:  # fmt: skip
        opened.keyboard.press(key)
        assert tabs.nth(head).get_attribute("aria-selected") == "true"
        assert tabs.nth(head).evaluate("e => e === document.activeElement")
    opened.get_by_role("radio").nth(6).click()
    tabs.nth(1).click()
    assert "In head 1, “o” at position 6" in opened.locator(".words").inner_text()
    assert opened.locator("[role=tab][tabindex='0']").count() == 1
    assert opened.locator("[role=radio][tabindex='0']").count() == 1


# ---- all of them in the browser


def test_figures_ask_for_nothing_and_close_no_script():
    for what, html in pages().items():
        assert not OUTSIDE.search(html) and html.count("</script>") == 1, what
        text = json.dumps(data_of(html), ensure_ascii=False)
        assert not re.search("NAME|DATA|SHARED", html.replace(text, "")), what


def test_figures_fit_a_phone(tab):
    for what, html in pages().items():
        opened = tab.open(html)
        opened.set_viewport_size({"width": 390, "height": 800})
        if what == "sampling":
            opened.get_by_role("button", name="Draw").click()
        assert opened.evaluate("document.documentElement.scrollWidth") <= 390, what
        box = opened.locator(".course-figure").bounding_box()
        for control in opened.locator("button, input, select, .course-figure tbody tr").all():
            place = control.bounding_box()
            if place is None:
                continue
            assert place["x"] >= box["x"] and place["x"] + place["width"] <= 390, what
            if control.evaluate("e => e.tagName") != "TR":
                assert place["height"] >= 24 and place["width"] >= 24, what
        text = opened.locator("[role=listbox]")
        if text.count():
            assert text.evaluate("e => e.scrollWidth <= e.clientWidth")


TEXTS = """root => {
  const all = Array.from(root.querySelectorAll("*"));
  const shown = all.filter((e) => e.offsetParent && !e.disabled &&
    Array.from(e.childNodes).some((n) => n.nodeType === 3 && n.textContent.trim()));
  return shown.map((e) => {
    let ground = e;
    while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)")
      ground = ground.parentElement;
    return [e.textContent, getComputedStyle(e).color, getComputedStyle(ground).backgroundColor];
  }); }"""


def hexadecimal(color: str) -> str:
    return "#{:02x}{:02x}{:02x}".format(*map(int, re.findall(r"\d+", color)[:3]))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_can_be_read_and_the_focus_seen_in_both_themes(tab, theme):
    # Catches: a colour of one theme in the other, the book's light ground under dark text.
    for what, html in pages().items():
        opened = tab.open(html, theme)
        if what == "sampling":
            opened.evaluate(SET, [[0, 0.7, 9, 0.9]])
            opened.get_by_role("button", name="Draw").click()
        texts = opened.locator(".course-figure").evaluate(TEXTS)
        assert len(texts) > 20, what
        for text, *colors in texts:
            assert contrast(*map(hexadecimal, colors)) >= 4.5, (what, text, colors)
        ground = "e => getComputedStyle(e).backgroundColor"
        base = opened.locator(".course-figure").evaluate(ground)
        assert base == {"light": "rgb(255, 255, 255)", "dark": "rgb(30, 30, 30)"}[theme]
        opened.evaluate("document.activeElement.blur()")
        opened.mouse.click(2, 2)
        for _ in range(2):
            opened.keyboard.press("Tab")
            style = "(({outlineStyle: s, outlineWidth: w}) => [s, parseFloat(w)])"
            outline = opened.evaluate(f"{style}(getComputedStyle(document.activeElement))")
            assert outline[0] == "solid" and outline[1] >= 3, what


def test_every_control_has_a_name_and_results_are_spoken(tab):
    for what, html in pages().items():
        opened = tab.open(html)
        tree = opened.locator(".course-figure").aria_snapshot()
        assert re.match(r"""- '?group ".{20}""", tree), what
        nameless = r"- (button|slider|combobox|listbox|option|radio|tab)(:| *$)"
        assert not re.search(nameless, tree, re.M), tree
        assert opened.locator('[aria-live="polite"]').count() >= 1


def test_pictures_give_way_to_the_page_and_come_back_for_print(tab):
    for html in pages().values():
        tab.check_picture_gives_way(html)


def test_pictures_stay_where_scripts_do_not_run(browser, tmp_path):
    from browser import Tab

    context = browser.new_context(java_script_enabled=False)
    for html in pages().values():
        opened = Tab(context, tmp_path).open(html)
        assert opened.get_by_alt_text("the picture").is_visible()
        assert opened.locator(".course-figure").bounding_box()["height"] <= 30
    context.close()


def test_the_same_figure_twice_on_a_page_works_twice(tab):
    # Catches: the second one drawn into the first.
    for html in (surprise_page(), sampling_page(5), pages()["attention"]):
        opened = tab.open(html + html)
        counts = opened.eval_on_selector_all(
            ".course-figure", "all => all.map(one => one.querySelectorAll('button').length)"
        )
        assert len(counts) == 2 and counts[0] == counts[1] > 0


def test_keys_of_the_page_around_are_left_alone_and_its_own_do_not_leak(tab):
    # Catches: JupyterLab taking a letter for a shortcut, arrows that scroll the page.
    for html in pages().values():
        opened = tab.open(html)
        heard = "document.body.onkeydown = (e) => { window.heard.push(e.key); };"
        opened.evaluate(f"() => {{ window.heard = []; {heard} }}")
        inside = "[role=option][tabindex='0'], [role=radio][tabindex='0'], input"
        opened.locator(inside).first.focus()
        for key in ("ArrowRight", "a", "ArrowDown"):
            opened.keyboard.press(key)
        assert opened.evaluate("window.heard") == []
