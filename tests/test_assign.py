"""The exercises of a class: other numbers, right answers worked out anew, and a key kept apart."""

import hashlib
import importlib
import json
import math
import re
import sys
from collections import Counter
from dataclasses import is_dataclass
from itertools import combinations

import nbformat
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from course import assign, paths
from course.checks import check, engine, hint, judge
from course.checks.engine import same
from course.checks.notebook import run_notebook
from course.checks.variants import WORDS, Dice, Varied
from course.cli import app, main
from course.exercises import BEGIN
from course.notebook import chapters, code_cells, number, read_notebook, write_notebook
from minigpt_lib.attention import CausalSelfAttention, causal_mask
from minigpt_lib.blocks import Block, FeedForward, LayerNorm
from minigpt_lib.data import sliding_windows
from minigpt_lib.embeddings import TokenAndPositionEmbedding
from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.tokenizer import CharTokenizer

SOLUTIONS = chapters(paths.SOLUTIONS)
VARIED = {
    task: engine.varied(task)
    for path in SOLUTIONS
    for task in engine.exercises(number(path))
    if engine.varied(task)
}
TYPED = [task for task in VARIED if any(part.read for part in engine.exercise(task).parts)]
CLASSES = [
    pytest.param(range(25), id=""),
    pytest.param(range(25, 200), marks=pytest.mark.slow, id=""),
]


def numbers(task: str, seed: int):
    """What a class has in the place of the book's numbers."""
    return VARIED[task].numbers(seed)


def rights(task: str, seed: int | None) -> list:
    """The right answers of the typed parts."""
    return [part.right() for part in engine.exercise(task, seed).parts if part.read]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return assign.contents(7, SOLUTIONS)


# What varies


def test_enough_exercises_vary():
    typed = [
        task
        for path in SOLUTIONS
        for task, exercise in engine.exercises(number(path)).items()
        if any(part.read for part in exercise.parts)
    ]
    # Experiments are judged by what was trained, and four ask for a word, a line or a symbol.
    assert set(typed) - set(TYPED) == {
        *("5.3", "5.5", "6.6", "8.7", "9.6"),
        *("2.4", "3.5", "7.7"),
    }
    assert len(TYPED) >= 12


@pytest.mark.parametrize("seeds", CLASSES)
@pytest.mark.parametrize("task", TYPED)
def test_mistakes_stay_apart_and_the_books_answers_are_wrong(task, seeds):
    for seed in seeds:
        own, book = engine.exercise(task, seed), engine.exercise(task)
        is_wrong = False
        for part, public in zip(own.parts, book.parts, strict=True):
            if part.read:
                values = [part.right(), *(wrong.answer() for wrong in part.wrong)]
                assert not any(same(a, b) for a, b in combinations(values, 2)), (seed, part.name)
                is_wrong |= not same(part.right(), public.right())
        assert is_wrong, seed


def bytes_needed(nats: float, num_characters: int) -> int:
    return math.ceil(nats * num_characters / (8 * math.log(2)))


def handed(exercise: engine.Exercise, write=lambda value: value) -> list:
    """The right answers to all parts, the typed ones as `write` gives them."""
    return [write(part.right()) if part.read else bytes_needed for part in exercise.parts]


@pytest.mark.parametrize("task", TYPED)
def test_a_class_is_judged_by_its_own_numbers(task):
    own, book = engine.exercise(task, 1), engine.exercise(task)
    answers = handed(own)
    assert judge(task, *answers, variant=1).passed
    assert judge(task, *handed(own, lambda value: eval(assign.written(value))), variant=1).passed
    assert judge(task, *handed(book)).passed
    assert not judge(task, *handed(book), variant=1).passed
    for i, part in enumerate(own.parts):
        for wrong in part.wrong if part.read else ():
            mistaken = [*answers[:i], wrong.answer(), *answers[i + 1 :]]
            assert judge(task, *mistaken, variant=1).diagnosis == wrong.name


@pytest.mark.parametrize("task", VARIED)
def test_classes_differ(task):
    texts = {VARIED[task].texts(numbers(task, seed)) for seed in range(25)}
    assert len(texts) >= (2 if task == "4.1" else 6)
    assert VARIED[task].texts(VARIED[task].public) not in texts


def test_a_class_keeps_its_numbers_from_one_edition_to_the_next():
    """Notebooks that were handed out hold these numbers: a change here makes their checks wrong."""
    drawn = [numbers(task, seed) for task in VARIED if task != "4.6" for seed in range(5)]
    drawn += [scene.name for seed in range(5) for scene in numbers("4.6", seed)]
    digest = hashlib.sha256(repr(drawn).encode()).hexdigest()
    assert digest == "3a204c8270d9090b667f20c3941ac423cf372009733cc93ae66845d006428089"


def leaves(value) -> list:
    """The numbers and texts that something is made of."""
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in leaves(each)]
    return leaves([*vars(value).values()]) if is_dataclass(value) else [value]


@pytest.mark.parametrize("task", sorted(set(VARIED) - {"4.6"}))
def test_the_statement_of_a_class_holds_all_its_numbers(task):
    for seed in range(5):
        text = "\n".join(VARIED[task].texts(numbers(task, seed)))
        told = [leaf for leaf in leaves(numbers(task, seed)) if isinstance(leaf, str)]
        assert [leaf for leaf in told if leaf not in text] == []
        for value, word in enumerate(WORDS):
            text = re.sub(rf"\b{word}\b", str(value), text)
        found = re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3})", "", text))
        given = [float(leaf) for leaf in leaves(numbers(task, seed)) if not isinstance(leaf, str)]
        assert not Counter(given) - Counter(map(float, found)), (seed, text)


def test_the_questions_of_a_class_are_those_that_are_judged():
    for seed in range(10):
        scenes, (text,) = numbers("4.6", seed), VARIED["4.6"].texts(numbers("4.6", seed))
        first, *others = (line[3:] for line in text.split("\n\n"))
        assert others == [f"And {scene.asked}?" for scene in scenes[1:]]
        named = f", {scenes[0].asked}?" if scenes[0].name != "one layer" else "different?"
        assert first.endswith(named)


def test_the_example_of_a_class_is_right():
    (part,) = engine.exercise("1.4").parts
    for seed in range(5):
        (text,) = VARIED["1.4"].texts(numbers("1.4", seed))
        merges, piece, record = map(eval, re.findall("`(.*?)`", text))
        assert part.right(piece, merges) == record


def test_inputs_of_functions_differ_from_class_to_class():
    seeds = {engine.cases_seed("1.4", 0, variant) for variant in (None, 0, 1, 2)}
    assert len(seeds) == 4


def test_dice_draw_every_option():
    dice = Dice(0)
    assert {dice.whole(3, 9, 3) for _ in range(50)} == {3, 6, 9}
    assert len({tuple(dice.some("abc", 2)) for _ in range(200)}) == 6


# The right answers, worked out in another way


def shapes(n) -> list:
    table, batch = torch.zeros(n.table), torch.zeros(n.batch, dtype=torch.long)
    B, T, H, D = n.heads
    grid = torch.arange(math.prod(n.grid)).view(n.grid)
    return [
        str(tuple(torch.tensor(3.5).shape)),
        str(tuple(table[batch].shape)),
        str(tuple((torch.zeros(n.added[0], 1) + torch.zeros(n.added[1])).shape)),
        grid.view(n.grid[::-1]),
        str(tuple(torch.zeros(n.averaged).mean(-1).shape)),
        str(tuple(torch.zeros(B, T, H * D).view(n.heads).transpose(1, 2).shape)),
    ]


def surprise(n) -> list:
    chance = dict(zip("abcde", (1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16), strict=True))
    return [round(sum(-math.log(chance[letter]) for letter in n.text) / len(n.text), 2)]


def counts(n) -> list:
    ids = CharTokenizer.from_text(n.text).encode(n.text)
    return [len(list(n.text)), len(bytes(n.text, "utf-8")), len(ids)]


def vocabulary(n) -> list:
    per_character = n.loss / 2.87
    better = "2048" if per_character < n.loss_65 else "65"
    reach = float(round(n.context * 2.87))
    return [nn.Embedding(2048, n.width).weight.numel(), reach, round(per_character, 2), better]


def windows(n) -> list:
    cut = (sliding_windows(torch.arange(size), n.length, n.stride)[0] for size in n.texts)
    return [tuple(len(x) for x in cut)]


def saved(n) -> list:
    def size(a: int, b: int, width: int) -> int:
        parts = nn.Embedding(n.tokens, a), nn.Embedding(n.places, b)
        parts += (nn.Linear(width, n.width, bias=False),)
        return sum(p.numel() for part in parts for p in part.parameters())

    C = n.width
    adds = size(C, C, C)
    return [size(C, C, 2 * C) - adds, size(n.token_width, n.place_width, C) - adds]


def order(scenes) -> list:
    def last(scene, words: list[int]) -> torch.Tensor:
        g = torch.Generator().manual_seed(0)
        x = torch.randn(4, 32, generator=g, dtype=torch.float64)[words]
        if scene.knows_places:
            x = x + torch.randn(4, 32, generator=g, dtype=torch.float64)
        for _ in range(scene.layers):
            q, k, v = (x @ torch.randn(32, 32, generator=g, dtype=torch.float64) for _ in range(3))
            mask = causal_mask(4) if scene.is_masked else None
            x = nn.functional.scaled_dot_product_attention(q, k, v, mask)
        return x[-1]

    pairs = [(last(scene, [0, 1, 2, 3]), last(scene, [2, 1, 0, 3])) for scene in scenes]
    return ["equal" if torch.allclose(*pair, atol=1e-9) else "different" for pair in pairs]


def units(n) -> list:
    per_character = n.per_token / n.characters
    return [round(n.nats / 0.693147, 2), math.exp(n.bits * 0.69314718056), round(per_character, 2)]


def race(n) -> list:
    gpt, other = (
        torch.tensor([x for block in row for x in block]) for row in (n.gpt, n.three_gram)
    )
    starts = torch.tensor([0, 4, 8])
    fair = torch.ones(10, dtype=torch.bool).index_fill(0, starts, False)
    edge = (other[fair].mean() - gpt[fair].mean()).item()
    return [round(gpt.mean().item(), 2), round(edge, 2), "gpt" if edge > 0 else "3-gram"]


def mixes(n) -> list:
    torch.manual_seed(0)
    C, T = 8, n.length
    block = Block(C, 2, T)
    layers = [LayerNorm(C), FeedForward(C), CausalSelfAttention(C, 2, T), block]
    x = torch.randn(1, T, C)
    y = x.clone()
    y[0, n.place] += torch.randn(C)
    ids = torch.zeros(1, T, dtype=torch.long)
    other = ids.clone()
    other[0, n.place] = 1
    embedding = TokenAndPositionEmbedding(2, T, C)
    pairs = [(embedding(ids), embedding(other)), *((layer(x), layer(y)) for layer in layers)]
    pairs.append((block(block(x)), block(block(y))))
    return [tuple((a - b).abs().sum(-1)[0].nonzero()[:, 0].tolist()) for a, b in pairs]


def parameters(n) -> list:
    return [GPT(GPTConfig(n.V, n.T, n.C, n.H, n.L)).num_parameters(), 174.6]


def work(n) -> list:
    linears, pairs = 24 * n.C * n.C * n.L, 4 * n.T * n.C * n.L
    small, large = (linears + pairs + 2 * n.C * V for V in (65, 50257))
    shares = [pairs / small, pairs / large, 2 * n.C * 50257 / large]
    return [*(round(100 * share) for share in shares), 6 * n.C, 4 * n.C]


def log(n) -> list:
    bits = n.losses[-1] / math.log(2) * 36_059 / 111_540
    return [round(bits, 2), "not plausible", f"[0, {n.max_steps}]"]


def curves(n) -> list:
    best = min(range(len(n.steps)), key=lambda i: n.small[1][i])
    gap = n.small[1][-1] - n.small[0][-1]
    return [n.steps[best], round(gap, 2), "rule", "b"]


WORKED_OUT = {
    "0.1": shapes,
    "0.4": surprise,
    "1.2": counts,
    "1.6": vocabulary,
    "2.3": windows,
    "3.3": saved,
    "4.1": lambda n: [causal_mask(n)],
    "4.6": order,
    "5.4": units,
    "5.6": race,
    "6.5": mixes,
    "7.1": parameters,
    "7.4": lambda n: [round(math.log(size), 1) for size in (n.small, n.large)],
    "7.5": work,
    "8.6": log,
    "8.8": lambda n: [round(n.size * 8 / n.characters * math.log(2), 2)],
    "8.9": curves,
}


@pytest.mark.parametrize("task", TYPED)
def test_the_right_answers_of_a_class_are_right(task):
    for seed in range(5):
        found, expected = rights(task, seed), WORKED_OUT[task](numbers(task, seed))
        for value, other in zip(found, expected, strict=True):
            assert same(value, other) or str(value) == other, (seed, value, other)


def test_the_log_of_a_class_was_not_printed_by_its_code():
    for seed in range(10):
        log, code, *_ = VARIED["8.6"].texts(numbers("8.6", seed))
        namespace = {"math": math}
        exec(f"def rate(step):\n{code.partition('for step')[0]}", namespace)
        lines = re.findall(r"step +(\d+) \| lr (\S+)", log)
        fits = [f"{namespace['rate'](int(step)):.2e}" == rate for step, rate in lines]
        assert fits == [False] + [True] * (len(lines) - 1)
        assert f"range({lines[-1][0]})" in code  # and so the last step is never reached


def test_the_redrawn_curves_still_show_what_is_asked():
    for seed in range(25):
        n = numbers("8.9", seed)
        assert all(a < b for a, b in zip(n.small[0], n.dropout[0], strict=True))
        assert min(n.dropout[1]) < min(n.small[1])
        gaps = [val[-1] - train[-1] for train, val in (n.large, n.dropout, n.small)]
        assert gaps == sorted(gaps) and gaps[0] < 0.25


# What is written


def test_the_key_passes_and_what_is_handed_out_is_unsolved(files, tmp_path):
    """The cells of exercises that vary; all the rest is that of the solutions, which are tested."""
    for path in SOLUTIONS:
        for folder in ("class", "key/solutions"):
            (tmp_path / path.name).write_text(files[f"{folder}/{path.name}"], encoding="utf-8")
            cells = code_cells(read_notebook(tmp_path / path.name))
            assert all(cell.outputs == [] for cell in cells)
            asked = {}
            namespace = {
                "check": lambda task, *answers, variant, asked=asked: asked.update(
                    {task: judge(task, *answers, variant=variant)}
                )
            }
            for cell in (cells[0], *(c for c in cells if is_of_varied(c.source))):
                try:
                    exec(cell.source.replace("from course.checks import", "#"), namespace)
                except (NotImplementedError, NameError) as error:
                    assert folder == "class", error
            wanted = [task for task in engine.exercises(number(path)) if task in VARIED]
            passed = [task for task, verdict in asked.items() if verdict.passed]
            assert passed == (wanted if folder == "key/solutions" else [])


def is_of_varied(source: str) -> bool:
    """Whether a cell is an answer to, or the check of, an exercise that varies."""
    found = re.match(r"# (\d\.\d) |check\(\"(\d\.\d)\"", source)
    return bool(found) and (found[1] or found[2]) in VARIED


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 40])
def test_whole_notebooks_of_a_class_run(seed, tmp_path):
    written = assign.contents(seed, SOLUTIONS)
    for path in SOLUTIONS:
        for folder in ("class", "key/solutions"):
            copy = tmp_path / folder.partition("/")[0] / path.name
            copy.parent.mkdir(exist_ok=True)
            copy.write_text(written[f"{folder}/{path.name}"], encoding="utf-8")
            session = run_notebook(copy, wanted=VARIED)  # without the experiments
            tasks = set(engine.exercises(number(path)))
            assert set(VARIED) & tasks <= set(session.verdicts) <= tasks
            for task, verdict in session.verdicts.items():
                if folder == "class":
                    assert verdict.message == f"○ {task} not yet written"
                else:
                    assert verdict.passed, verdict.message


def test_the_same_class_gets_the_same_bytes(files):
    assert assign.contents(7, SOLUTIONS) == files


def test_each_notebook_names_its_class_and_so_does_every_check(files):
    for path in SOLUTIONS:
        for folder in ("class", "key/solutions"):
            cells = nbformat.reads(files[f"{folder}/{path.name}"], as_version=4).cells
            assert cells[0].source.partition("\n")[0].endswith(" · Class 7")
            checks = [cell.source for cell in cells if cell.source.startswith("check(")]
            assert len(checks) == len(engine.exercises(number(path)))
            assert all(source.endswith(", variant=7)") for source in checks)


def test_nothing_of_the_key_is_handed_out(files):
    handed_out = {name: text for name, text in files.items() if name.startswith("class/")}
    assert len(handed_out) == len(SOLUTIONS)
    assert {name.partition("/")[0] for name in files} == {"class", "key"}
    answers = json.loads(files["key/assignment.json"])["answers"]
    assert set(answers) == set(TYPED) and answers["0.1"]["shape_a"] == "()"
    for name, text in handed_out.items():
        assert BEGIN not in text and "# Solutions" not in text and ".ipynb)" not in text, name
        for task, parts in answers.items():
            for part, value in parts.items():
                assert f"{part} = {value}" not in text, (name, task)
                assert f"`{part} = {value}`" in files["key/key.md"]
    for text in (files["key/key.md"], files["key/assignment.json"]):
        assert not any(text == other for other in handed_out.values())


def test_a_class_of_some_chapters(tmp_path, capsys):
    lines = assign.assign(3, tmp_path / "three", ["02", "4"])
    assert lines[0].startswith("to hand out: 2 notebooks in ")
    found = {p.relative_to(tmp_path / "three").as_posix() for p in tmp_path.rglob("*.*")}
    names = ("02_data.ipynb", "04_attention.ipynb")
    assert found == {
        *(f"class/{name}" for name in names),
        *(f"key/solutions/{name}" for name in names),
        *("key/key.md", "key/assignment.json"),
    }
    record = json.loads((tmp_path / "three/key/assignment.json").read_text(encoding="utf-8"))
    assert record["seed"] == 3 and record["notebooks"] == list(names)
    assert record["answers"]["2.3"] == {"windows": repr(rights("2.3", 3)[0])}


def test_a_folder_that_holds_something_else_stays_as_it_is(tmp_path):
    out = tmp_path / "class-3"
    assign.assign(3, out, ["02"])
    assign.assign(3, out, ["02"])  # the same again
    with pytest.raises(ValueError, match=r"holds class/02_data\.ipynb, which is not of this"):
        assign.assign(4, out, ["02"])
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    (out / "class" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds class/notes\.txt"):
        assign.assign(3, out, ["02"])
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(ValueError, match="is a file"):
        assign.assign(3, out / "class" / "notes.txt", ["02"])


def test_a_statement_that_changed_under_its_variant_is_named(tmp_path):
    path = paths.SOLUTIONS / "02_data.ipynb"
    for change in (lambda text: text.replace("S = 3", "S = three"), lambda text: text + text):
        notebook = read_notebook(path)
        (cell,) = (c for c in notebook.cells if c.source.startswith("## 2.3 "))
        cell.source = change(cell.source)
        copy = tmp_path / "solutions" / path.name
        write_notebook(copy, notebook)
        with pytest.raises(ValueError, match=r"solutions/02_data\.ipynb: 2\.3: .* not once"):
            assign.contents(7, [copy], tmp_path)


def test_a_checkout_without_solutions_says_so(tmp_path):
    with pytest.raises(ValueError, match="made from the solutions"):
        assign.assign(7, tmp_path / "out", root=tmp_path)


def test_a_draw_that_never_suits_is_a_fault():
    never = Varied(VARIED["2.3"].public, lambda dice: None, VARIED["2.3"].build, lambda n: ())
    with pytest.raises(RuntimeError, match=r"2\.3: none of 1000 draws suits class 7"):
        never.numbers(7)


# What learners see


def test_check_and_hint_know_the_class(my_files, capsys):
    n, help_for_7 = numbers("6.5", 7), engine.exercise("0.4", 7).hints[2]
    check("6.5", *rights("6.5", 7), variant=7)
    check("6.5", [n.length], [], [], [], [], [], variant=7)
    check("0.4", 0.5, variant=7)
    for _ in range(3):
        hint("0.4", variant=7)
    check("2.3", (5, 6), variant=-1)
    check("2.3", (5, 6), variant="7")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "✓ 6.5 Who mixes what?"
    assert lines[1] == f"✗ 6.5a: the positions are 0 to {n.length - 1}; you typed [{n.length}]."
    assert lines[2].endswith('0.5 is too small. hint("0.4", variant=7) helps.')
    assert lines[5] == f"0.4, help 3 of 3: {help_for_7}" != engine.exercise("0.4").hints[2]
    assert lines[6].startswith("✗ a class is a whole number from 0; write variant=…")
    assert lines[7].endswith("not '7'")


@pytest.fixture
def my_files(tmp_path, monkeypatch):
    """A learner's folder, in which hints are noted."""
    monkeypatch.setattr(paths, "MY", tmp_path / "my")
    (tmp_path / "my").mkdir()


def test_the_command(tmp_path, monkeypatch, capsys):
    done = CliRunner().invoke(app, ["assign", "--seed", "7", "--out", f"{tmp_path}/seven", "00"])
    assert done.exit_code == 0 and "to keep: the answers in" in done.stdout
    assert (tmp_path / "seven/class/00_start_here.ipynb").is_file()
    assert CliRunner().invoke(app, ["assign", "--seed", "-1", "--out", "x"]).exit_code == 2
    monkeypatch.setattr(
        sys, "argv", ["minigpt", "assign", "--seed", "8", "--out", f"{tmp_path}/seven", "00"]
    )
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "holds class/00_start_here.ipynb" in capsys.readouterr().err


def test_the_guide_lists_what_varies():
    page = (paths.BOOK / "instructor" / "assign.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d\.\d) (.*?)( \*\(transfer\)\*)? \|", page, re.MULTILINE)
    assert [task for task, *_ in rows] == list(VARIED)
    sources = [cell.source for path in SOLUTIONS for cell in read_notebook(path).cells]
    for task, name, transfer in rows:
        (source,) = (s for s in sources if s.startswith(f"## {task} "))
        assert source.partition("\n")[0] == f"## {task} {name}"
        assert ("transfer" in source.split("\n\n")[1]) == bool(transfer), task


def test_chapters_name_what_varies_in_one_place():
    for path in SOLUTIONS:
        module = importlib.import_module(f"course.checks.ch{number(path)}")
        for task, varied in getattr(module, "VARIANTS", {}).items():
            assert varied.build(varied.public).number == task
            assert task in module.EXERCISES
