"""`minigpt use mine`: the learner's own functions become the library, everywhere and only there."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import venv
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from course import mine, paths
from course.notebook import chapters, code_cells, read_notebook, write_notebook

CHAPTER = "04_attention.ipynb"
COUNTED = """
# 4.3 Scaled dot product in ten lines
import os

HIDDEN = float("-inf")


def count_a_call():
    with open(os.environ["COUNT_FILE"], "a", encoding="utf-8") as file:
        file.write("x")


def scaled_dot_product_attention(q, k, v, mask=None):
    count_a_call()
    scores = torch.einsum("...id,...jd->...ij", q, k) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = torch.where(mask, scores, HIDDEN)
    return scores.softmax(-1) @ v
"""
FINDER = """
import sys
from importlib.machinery import PathFinder


class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        is_ours = path is None and name in ("course", "minigpt_lib")
        return PathFinder.find_spec(name, [{root!r}]) if is_ours else None


sys.meta_path.append(Finder)
"""
TRAIN = """
import json
import sys

import torch

from minigpt_lib.model import GPT, GPTConfig
from minigpt_lib.train import TrainConfig, train

steps, out = int(sys.argv[1]), sys.argv[2]
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
model = GPT(GPTConfig(vocab_size=11, context_length=16, embed_dim=32, num_heads=4, num_layers=2))
ids = torch.randint(0, 11, (400,), generator=torch.Generator().manual_seed(1))
losses = []
config = TrainConfig(max_steps=steps, warmup_steps=5, batch_size=4)
train(model, ids, ids[:50], config, on_step=lambda record: losses.append(record["loss"]))
norm = torch.nn.utils.parameters_to_vector(model.parameters()).norm().item()
with open(out, "w", encoding="utf-8") as file:
    json.dump({"losses": losses, "norm": norm}, file)
"""


def solved(my: Path, changes: dict[str, str] | None = None, name: str = CHAPTER) -> Path:
    """A learner's notebook of a chapter with the solutions in it, some cells changed."""
    notebook = read_notebook(paths.SOLUTIONS / name)
    for cell in code_cells(notebook):
        found = re.match(r"# (\d+\.\d+) ", cell.source)
        if found and found[1] in (changes or {}):
            cell.source = textwrap.dedent(changes[found[1]]).strip()
    path = my / "exercises" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_notebook(path, notebook)
    return path


# In this process, with the file that changes the environment elsewhere


@pytest.fixture
def my(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MY", tmp_path / "my")
    monkeypatch.setattr(mine, "_pth", lambda: tmp_path / mine.PTH)
    monkeypatch.setenv("COUNT_FILE", str(tmp_path / "count"))
    return tmp_path / "my"


def attention(my: Path) -> str:
    return (my / "minigpt_lib" / "attention.py").read_text(encoding="utf-8")


def test_solved_functions_take_their_places_with_what_they_need(my):
    solved(my, {"4.3": COUNTED})
    message = mine.use_mine()
    names = "attention_weights, scaled_dot_product_attention, split_heads, merge_heads (04)"
    assert message.startswith(f"In the library now, yours: {names}\n")
    text = attention(my)
    assert "\nimport os\n" in text and '\nHIDDEN = float("-inf")\n' in text
    assert text.count("def scaled_dot_product_attention(") == text.count("count_a_call():") == 1
    assert "\nattend = scaled_dot_product_attention\n" in text
    others = {path.name for path in paths.LIB.glob("*.py")} - {"attention.py", "__init__.py"}
    for name in others:
        assert (my / "minigpt_lib" / name).read_bytes() == (paths.LIB / name).read_bytes()
    assert (my.parent / mine.PTH).read_text(encoding="utf-8") == f"{my}\n"


def test_only_what_is_solved_is_taken(my):
    unsolved = "def {}(*args):\n    raise NotImplementedError('4.0: not written yet.')"
    name = "scaled_dot_product_attention"
    solved(my, {"4.3": "# 4.3 x\n" + unsolved.format(name), "4.1": "# 4.1 x\nmask = 3"})
    assert "yours: attention_weights (04)" in mine.use_mine()
    assert "attend = F.scaled_dot_product_attention" in attention(my)


def test_an_answer_without_a_gradient_is_right_but_not_taken(my):
    cut = """
    # 4.2 Attention weights
    def attention_weights(q, k, mask=None):
        scores = (q @ k.mT / q.shape[-1] ** 0.5).detach()
        return (scores if mask is None else scores.masked_fill(~mask, -math.inf)).softmax(-1)
    """
    solved(my, {"4.2": cut})
    message = mine.use_mine()
    assert "yours: scaled_dot_product_attention, split_heads, merge_heads (04)" in message
    assert "4.2: attention_weights is right, but training can't learn through it" in message
    assert ".detach()" not in attention(my)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "globals().update(borrowed=1)",
            "uses borrowed, which is defined nowhere in your notebook",
        ),
        ("from course.checks.engine import SECONDS as borrowed", "uses borrowed of course, which"),
    ],
)
def test_a_name_that_the_library_can_not_have_is_refused_and_nothing_changes(my, line, message):
    solved(my)
    mine.use_mine()
    before = attention(my)
    answer = f"""
    # 4.2 Attention weights
    {line}
    def attention_weights(q, k, mask=None):
        scores = q @ k.mT / q.shape[-1] ** 0.5 + 0 * borrowed
        return (scores if mask is None else scores.masked_fill(~mask, -math.inf)).softmax(-1)
    """
    solved(my, {"4.2": answer})
    with pytest.raises(ValueError, match=rf"4\.2: attention_weights {message}"):
        mine.use_mine()
    assert attention(my) == before
    assert [p.name for p in my.iterdir() if p.name.startswith(".")] == []


def test_a_helper_named_like_something_else_in_the_library_is_found_out(my):
    clash = """
    # 4.2 Attention weights
    def causal_mask(scores, mask):
        return scores if mask is None else scores.masked_fill(~mask, -math.inf)

    def attention_weights(q, k, mask=None):
        return causal_mask(q @ k.mT / q.shape[-1] ** 0.5, mask).softmax(-1)
    """
    solved(my, {"4.2": clash})
    with pytest.raises(ValueError, match=r"4\.2 attention_weights passes in your notebook but not"):
        mine.use_mine()
    assert not (my / "minigpt_lib").exists() and not (my.parent / mine.PTH).exists()


def test_nothing_solved_and_the_way_back(my):
    with pytest.raises(ValueError, match="solve one marked write-first"):
        mine.use_mine()
    solved(my)
    mine.use_mine()
    assert "again" in mine.use_reference()
    assert not (my / "minigpt_lib").exists() and not (my.parent / mine.PTH).exists()
    assert mine.use_reference() == "The library is the course's own."
    assert (my / "exercises" / CHAPTER).exists()


def test_outside_a_virtual_environment_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    with pytest.raises(ValueError, match="is in no virtual environment"):
        mine.use_mine()


# In an environment of its own: processes that know nothing of this one


class Environment:
    """A virtual environment with the course in it as an editable install puts it there."""

    def __init__(self, folder: Path):
        self.folder, self.count = folder, folder / "count"
        venv.create(folder / "env", symlinks=os.name != "nt")
        scripts = "Scripts" if os.name == "nt" else "bin"
        self.python = str(next((folder / "env" / scripts).glob("python*")))
        self.site = Path(
            self.output("-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        )
        packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        (self.site / "packages.pth").write_text("\n".join(packages) + "\n", encoding="utf-8")
        finder = FINDER.format(root=str(paths.ROOT))
        (self.site / "__editable___course_finder.py").write_text(finder, encoding="utf-8")
        line = "import __editable___course_finder\n"
        (self.site / "__editable__.course.pth").write_text(line, encoding="utf-8")
        (folder / "train.py").write_text(TRAIN, encoding="utf-8")
        program = "from course.cli import main\n\nmain()\n"
        (folder / "minigpt.py").write_text(program, encoding="utf-8")
        (folder / "words.txt").write_text("what the cat saw and said\n" * 4000, encoding="utf-8")

    def variables(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
        own = {"MINIGPT_MY_DIR": str(self.folder / "my"), "COUNT_FILE": str(self.count)}
        own |= {"MINIGPT_RUNS_DIR": str(self.folder / "runs"), "OMP_NUM_THREADS": "1"}
        return kept | own | more

    def run(self, *args: str, **variables: str) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [self.python, *args],
            cwd=self.folder,
            env=self.variables(**variables),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def output(self, *args: str, **variables: str) -> str:
        return self.run(*args, **variables).stdout.strip()

    def calls(self) -> int:
        """How often the learner's function was called since this was last asked."""
        calls = self.count.stat().st_size if self.count.exists() else 0
        self.count.unlink(missing_ok=True)
        return calls


LINE = (
    "minigpt_lib: yours: CharTokenizer, count_pairs (01), train_val_split, get_batch (02), "
    "TokenAndPositionEmbedding (03), attention_weights, scaled_dot_product_attention, "
    "split_heads, merge_heads (04), cross_entropy, bigram_table (05), LayerNorm, FeedForward, "
    "Block (06), GPT (07), learning_rate, clip_gradients, parameter_groups, evaluate (08), "
    "apply_temperature, top_k_filter, top_p_filter, sample_next (09)\n"
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment in which the learner uses all they wrote in chapters 00 to 09."""
    made = Environment(tmp_path_factory.mktemp("mine"))
    for path in chapters(paths.SOLUTIONS):
        solved(made.folder / "my", {"4.3": COUNTED} if path.name == CHAPTER else {}, path.name)
    made.run("minigpt.py", "use", "mine")
    assert made.calls() > 0  # the check
    return made


def test_a_training_run_calls_the_learners_function_and_takes_the_same_steps(environment):
    done = environment.run("train.py", "20", "mine.json")
    assert done.stderr == LINE
    # 2 layers, 20 steps, and the evaluations at the end
    assert environment.calls() >= 2 * 20
    environment.run("train.py", "20", "reference.json", PYTHONPATH=str(paths.ROOT))
    assert environment.calls() == 0  # the checkout first, and it is the course's own
    mine, reference = (
        json.loads((environment.folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("mine", "reference")
    )
    assert len(mine["losses"]) == 20 and mine["losses"][-1] != mine["losses"][0]
    assert mine["losses"] == pytest.approx(reference["losses"], abs=1e-9, rel=0)
    assert mine["norm"] == pytest.approx(reference["norm"], abs=1e-9, rel=0)


def test_minigpt_train_calls_the_learners_function(environment):
    options = ["--corpus", "words.txt", "--out", "trained", "--steps", "2"]
    assert LINE in environment.run("minigpt.py", "train", *options).stderr
    assert environment.calls() >= 4 * 2


CARD = """
from course.card import model_card
from course.corpora import load_corpus
from minigpt_lib.checkpoint import load_checkpoint

print(model_card(load_checkpoint("capstone"), "Tom", load_corpus("words.txt"), path="card.html"))
"""


@pytest.mark.slow
def test_a_model_of_the_learners_own_parts_trains_speaks_and_gets_its_card(environment):
    options = ["--corpus", "words.txt", "--out", "capstone", "--steps", "30"]
    environment.run("minigpt.py", "train", *options)
    options = ["--checkpoint", "capstone", "--prompt", "what ", "--length", "40", "--seed", "0"]
    written = environment.output("minigpt.py", "sample", *options)
    assert written.startswith("what ") and len(written) > 20
    assert environment.output("-c", CARD) == "card.html"
    card = (environment.folder / "card.html").read_text(encoding="utf-8")
    parts = LINE.removeprefix("minigpt_lib: yours: ").strip()
    for names, chapter in re.findall(r"([^()]+?) \((\d\d)\)(?:, )?", parts):
        assert f"<td>{chapter}: {names}</td><td>me</td>" in card
    assert "<h1>Tom</h1>" in card and "<td>30</td>" in card
    environment.run("-c", CARD, PYTHONPATH=str(paths.ROOT))  # once more, with the course's parts
    reference = (environment.folder / "card.html").read_text(encoding="utf-8")
    assert re.findall("<pre>.*?</pre>", card, re.DOTALL) == re.findall(
        "<pre>.*?</pre>", reference, re.DOTALL
    )
    assert "every part of the library" in reference


def test_torchrun_calls_the_learners_function(environment):
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python"]
    command = [environment.python, "train.py", "2", "torchrun.json"]
    done = environment.run(*launch, *command)
    assert environment.calls() >= 2 * 2 * 2
    assert (done.stdout + done.stderr).count(LINE) == 1


ORACLES = """attention baselines blocks checkpoint data embeddings gpt2 model tokenizers""".split()
# What the library says of input that nobody can use is not asked of a learner's answer; and the
# process that is killed runs the course's library, so its last bits differ from the learner's.
LEFT_OUT = "refuse or named_with_its_place or must_be_sorted or kill_9"


@pytest.mark.slow
def test_the_librarys_own_tests_pass_with_the_learners_parts_in_it(environment):
    tests = environment.folder / "tests"
    tests.mkdir()
    for name in (*(f"test_{oracle}.py" for oracle in ORACLES), "texts.py"):
        shutil.copy(paths.ROOT / "tests" / name, tests)
    (tests / "pytest.ini").write_text("[pytest]\nmarkers = slow\n    authors\n", encoding="utf-8")
    whose = "import minigpt_lib\n\nassert minigpt_lib.YOURS\n"
    (tests / "conftest.py").write_text(whose, encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=short"]
    chosen = ["-m", "not slow", "-k", f"not ({LEFT_OUT})"]
    environment.run("-m", "pytest", *options, *chosen, str(tests))


@pytest.fixture
def kernel(environment, monkeypatch):
    """Runs a notebook in the learner's environment."""
    folder = environment.folder
    spec = folder / "jupyter" / "kernels" / "learner" / "kernel.json"
    spec.parent.mkdir(parents=True, exist_ok=True)
    argv = [environment.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(
        json.dumps({"argv": argv, "display_name": "learner", "language": "python"}),
        encoding="utf-8",
    )
    monkeypatch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
    for name, value in environment.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def execute(notebook):
        resources = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, kernel_name="learner", resources=resources).execute()

    return execute


def test_a_notebook_kernel_calls_the_learners_function(environment, kernel):
    arguments = "import sys\n\nsys.argv[1:] = ['2', 'kernel.json']"
    cells = [nbformat.v4.new_code_cell(source) for source in (arguments, TRAIN)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    kernel(notebook)
    assert environment.calls() >= 2 * 2
    assert [output["text"] for output in notebook.cells[1].outputs] == [LINE]


@pytest.mark.slow
def test_the_picture_of_chapter_04_is_drawn_with_the_learners_attention(environment, kernel):
    """The page names a line to add; with it, the layer trains and is looked at with theirs."""
    notebook = read_notebook(paths.NOTEBOOKS / CHAPTER)
    ids = [cell.id for cell in notebook.cells]
    told = notebook.cells[ids.index("train-a-reader") - 1].source
    (line,) = re.findall(r"^from minigpt_lib.*$", told, re.MULTILINE)
    notebook.cells = notebook.cells[: ids.index("weights-on-a-sentence") + 1]
    reader = notebook.cells[ids.index("train-a-reader")]
    reader.source = f"{line}\n{reader.source}"
    whose = "print(attention_weights.__code__.co_filename)"
    notebook.cells.append(nbformat.v4.new_code_cell(whose))
    kernel(notebook)
    assert environment.calls() >= 400  # a call in each step of training
    own = environment.folder / "my" / "minigpt_lib" / "attention.py"
    assert notebook.cells[-1].outputs[0].text.strip() == str(own)
    assert any("text/html" in output.data for output in notebook.cells[-2].outputs)


def test_use_reference_brings_the_courses_own_back(environment):
    where = ("-c", "import minigpt_lib; print(minigpt_lib.__file__)")
    my = environment.folder / "my"
    assert Path(environment.output(*where)).is_relative_to(my)
    assert environment.output(*where, PYTHONPATH=str(paths.ROOT)).startswith(str(paths.LIB))
    environment.run("minigpt.py", "use", "reference")
    assert environment.output(*where).startswith(str(paths.LIB))
