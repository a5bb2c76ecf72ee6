"""The book: what fails its build, what each edition holds, and where its links and numbers lead."""

import html
import json
import re
import shutil
import zipfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
import typer
import yaml
from nbformat.v4 import new_code_cell
from test_leaks import SHORTEST, plain, solution_lines, with_role

from course import book, syllabus
from course.book_directives import Directive, Guessing, Hours, Ladder, Map, Timing
from course.book_names import Book, notes
from course.cli import app
from course.exercises import BEGIN
from course.notebook import chapters, code_cells, read_notebook, write_notebook
from course.paths import ROOT
from course.results import result
from course.widgets.guessing import guessing_html

pytest_plugins = ["books", "browser"]

# Before Sphinx starts


@pytest.fixture
def written(course):
    """The small course of the fixture, with its pages written."""
    for page in ("index", "tools", "figures"):
        course.write(f"book/{page}.md", f"# {page.capitalize()}\n")
    assert book.problems(course.root) == []
    return course


@pytest.mark.parametrize(
    "page", ["book/new.md", "book/instructor/new.md", "notebooks/03_new.ipynb"]
)
def test_a_page_nobody_would_find_fails_the_build(written, page):
    written.write(page, (written.root / "notebooks/01_first.ipynb").read_text(encoding="utf-8"))
    found = book.build(root=written.root)
    assert any(line.startswith(f"{page} is not in the table of contents") for line in found)
    assert all("Mend:" in line for line in found)
    assert not (written.root / "book" / "_build").exists()


def test_an_entry_without_a_page_fails_the_build(written):
    (written.root / "book" / "tools.md").unlink()
    (line,) = book.problems(written.root)
    assert line.startswith("book/tools is in the table of contents") and "syllabus" in line


def test_a_stale_output_fails_the_build(written):
    cell = written.cell("notebooks/01_first.ipynb", "figure")
    written.change("notebooks/01_first.ipynb", "figure", source=cell.source + " + 1")
    (line,) = book.problems(written.root)
    assert line.startswith("notebooks/01_first.ipynb") and "Mend: minigpt refresh 01" in line


def test_a_failing_output_fails_the_build_unless_it_is_meant(written):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    written.change("notebooks/02_second.ipynb", "break", outputs=[error])
    written.stamp()
    (line,) = book.problems(written.root)
    assert line.startswith("notebooks/02_second.ipynb, cell break: its stored output is an error")
    meant = {"tags": ["break-it", "raises-exception"]}
    written.change("notebooks/02_second.ipynb", "break", metadata=meant)
    assert book.problems(written.root) == []


def test_the_table_of_contents_for_learners_leaves_out_what_gives_answers_away(written):
    written.write("book/instructor/plan.md", "# Plan\n")
    written.edit("course/syllabus.yml", "\nparts:", "\ninstructor: [book/instructor/plan]\nparts:")
    assert syllabus.run(root=written.root) == [] and book.problems(written.root) == []
    learner, all_of_it = (
        book.files(book.contents(edition, written.root)) for edition in ("learner", "instructor")
    )
    assert set(all_of_it) - set(learner) == {"book/instructor/plan", "solutions/01_first"}
    assert all_of_it[-1] == "book/instructor/plan"


def test_a_zip_of_the_same_pages_has_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        for file in ("book/b.html", "index.html", "a.html"):
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"page {file}", encoding="utf-8")
        (tmp_path / name / "index.html").chmod(0o600 if name == "one" else 0o640)
        book.write_zip(tmp_path / name, tmp_path / f"{name}.zip")
    one, two = ((tmp_path / f"{name}.zip").read_bytes() for name in ("one", "two"))
    assert one == two
    with zipfile.ZipFile(tmp_path / "one.zip") as packed:
        assert packed.read("build-a-gpt/book/b.html") == b"page book/b.html"


# Names


@cache
def names() -> Book:
    return Book(ROOT)


MENTIONS = {
    "causal_mask": "causal_mask",
    "causal_mask(T)": "causal_mask",
    "attention.causal_mask": "causal_mask",
    "minigpt_lib.attention.causal_mask(4)": "causal_mask",
    "CausalSelfAttention.project": "CausalSelfAttention",
    "model.GPT.forward(ids)": "GPT",
    "train(model, ids)": "train",
    "minigpt_lib.train.train": "train",
    # not ours, or not for sure
    "train": None,
    "minigpt_lib.train": None,
    "model.train()": None,
    "F.scaled_dot_product_attention": None,
    "nn.LayerNorm": None,
    "causal_mask.shape": None,
    "from minigpt_lib.attention import causal_mask": None,
    "minigpt train": None,
    "embeddings.causal_mask": None,
    "": None,
}


@pytest.mark.parametrize("text", MENTIONS)
def test_code_in_a_text_leads_to_what_it_names(text):
    assert names().find(text, "book/index") == MENTIONS[text]


def test_a_name_that_a_page_gives_to_its_own_is_no_link_there():
    assert names().find("get_batch", "notebooks/02_data") == "get_batch"
    assert names().find("get_batch", "exercises/02_data") is None  # what the learner writes


def test_a_call_is_linked_where_the_name_is_the_librarys():
    calls = names().notes["notebooks/04_attention"].calls
    place = names().library["causal_mask"]
    assert "causal_mask" not in calls[place.cell]  # where it is built
    assert "causal_mask" not in calls[min(calls)] and "causal_mask" in calls[max(calls)]


def test_a_name_that_a_cell_gives_to_its_own_is_no_link_in_it():
    sources = [
        "from minigpt_lib.attention import causal_mask",
        "causal_mask(3)",
        "def look(causal_mask):\n    return causal_mask(2)",
        "causal_mask = print",
        "causal_mask(3)",
    ]
    cells = [new_code_cell(source) for source in sources]
    known = notes(cells, names().library).calls
    assert [bool(known[i]) for i in range(5)] == [True, True, False, False, False]


# Directives


def directive(kind: type[Directive]) -> Directive:
    """A directive of a page of this checkout."""
    env = SimpleNamespace(srcdir=ROOT, note_dependency=lambda name: None)
    settings = SimpleNamespace(env=env)
    made = kind.__new__(kind)
    made.name, made.state = "course", SimpleNamespace(document=SimpleNamespace(settings=settings))
    return made


def rows(kind: type[Directive]) -> list[list[str]]:
    """The cells of the table that a directive writes, without its head."""
    lines = [line for line in directive(kind).markdown().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_ladder_climbs_from_the_blind_guess_to_the_gpt():
    ladder = {name: (float(bits), line) for name, bits, line in rows(Ladder)}
    assert next(iter(ladder)) == "uniform" and list(ladder)[-1] == "mini-GPT"
    measured = {entry["name"]: entry for entry in result("ladder")["corpora"]["shakespeare"]}
    for name in ("uniform", "unigram", "bigram", "5-gram", "mini-GPT"):
        bits, line = ladder[name]
        assert bits == pytest.approx(measured[name]["bits"], abs=0.02) and len(line) > 40
    assert ladder["one head"][0] < ladder["bigram"][0]


def test_hours_add_up_to_the_syllabus():
    text = (ROOT / syllabus.SOURCE).read_text(encoding="utf-8")
    entries = [each for part in yaml.safe_load(text)["parts"] for each in part["chapters"]]
    core = sum(each["minutes"]["core"] for each in entries)
    core += sum(e["minutes"] for each in entries for e in each["exercises"] if not e.get("more"))
    whole = sum(each["minutes"]["all"] for each in entries)
    whole += sum(e["minutes"] for each in entries for e in each["exercises"])
    said = directive(Hours).markdown().split("\n")[0]
    found = [float(text.replace("½", ".5")) for text in re.findall(r"\d+½?", said)]
    assert found == [pytest.approx(core / 60, abs=0.25), pytest.approx(whole / 60, abs=0.25)]
    assert len(rows(Hours)) == len(entries) + 1


def test_the_table_and_the_map_say_what_each_chapter_needs():
    (drawing,) = directive(Map).run()
    for chapter, row in zip(syllabus.load().chapters, rows(Timing), strict=True):
        assert row[0] == f"{{doc}}`{chapter.name} </notebooks/{chapter.notebook}>`"
        assert row[3] == (", ".join(chapter.needs) or "–")
        needs = " and ".join(chapter.needs) or "nothing"
        assert f"{chapter.name} needs {needs}." in drawing.astext()
    arcs = sum(len(chapter.needs) for chapter in syllabus.load().chapters)
    assert drawing.astext().count("<path ") == arcs


def test_the_game_on_the_front_page_is_the_one_of_chapter_00():
    (figure,) = directive(Guessing).run()
    assert guessing_html("shakespeare").strip() in figure.astext()
    assert re.search(r'<img alt="[^"]{40,}" src="data:image/png;base64,', figure.astext())


# Publishing


def test_the_workflow_publishes_what_the_commands_write_and_may_do_no_more():
    text = (ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as true
    jobs = workflow["jobs"]
    allowed = {name: job["permissions"] for name, job in jobs.items()}
    assert workflow["permissions"] == {} and allowed == {
        "build": {"contents": "read"},
        "pages": {"pages": "write", "id-token": "write"},
        "release": {"contents": "write"},
    }
    steps = [step for job in jobs.values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", name) for name in used)
    (ours,) = [step["run"].split()[1:] for step in steps if "minigpt" in step.get("run", "")]
    command = typer.main.get_command(app).commands[ours[0]]
    options = command.make_context(ours[0], ours[1:]).params  # an unknown option raises
    assert options["edition"] == "learner"
    paths = [step["with"]["path"] for step in steps if "path" in step.get("with", {})]
    assert paths == [f"book/{book.HTML['learner']}", str(options["zip"])]
    assert str(options["zip"]) in steps[-1]["run"].splitlines()[-1].split()


def test_make_book_builds_either_edition():
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    recipe = lines[lines.index("book: $(VENV)/installed") + 1]
    assert recipe == "\t$(BIN)/minigpt book $(if $(EDITION),--edition $(EDITION))"


# The pages


def read(pages: Path, name: str) -> str:
    return (pages / f"{name}.html").read_text(encoding="utf-8")


def ours(pages: Path) -> list[Path]:
    """The pages that come from the sources."""
    return [path for path in sorted(pages.glob("*/**/*.html")) if path.parts[-2] != "_static"]


@pytest.mark.slow
def test_every_image_has_a_text_in_its_place(instructor_book):
    for page in ours(instructor_book):
        article = page.read_text(encoding="utf-8").partition("<article")[2]
        for image in re.findall(r"<img[^>]*>", article):
            alt = re.search(r'alt="([^"]*)"', image)[1]
            assert len(alt) > 3 and not alt.endswith(".png"), f"{page.name}: {image[:200]}"


@pytest.mark.slow
def test_the_front_page_shows_what_you_will_build(learner_book):
    page = read(learner_book, "book/index")
    start = page.index('class="course-pipeline')
    boxes = page[start : page.index("</div>", start)]
    for chapter in syllabus.load().chapters:
        if chapter.number != "08":  # training builds no box; it changes what is in them
            assert f'href="../notebooks/{chapter.notebook}.html"' in boxes, chapter.name
    for name in ("ladder", "guessing", "hours"):
        assert f'class="course-{name}' in page


@pytest.mark.slow
def test_chapter_04_shows_its_figure_proofs_and_exercises(learner_book):
    page = html.unescape(read(learner_book, "notebooks/04_attention"))
    for needed in ("<script", "largest difference", "exercises/04_attention.html", 'role="img"'):
        assert needed in page, needed


# Lines of code in the middle of a page, and of a list or a fold, that do not fit into their box.
CUT = "Array.from(document.querySelectorAll('article pre')).filter(p => p.checkVisibility() && "
CUT += "p.scrollWidth > p.clientWidth + 8).map(p => p.textContent.slice(0, 60))"


@pytest.mark.slow
def test_code_fits_into_the_column_of_a_desktop(learner_book, browser):
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    for page in sorted(learner_book.glob("notebooks/*.html")):
        tab.goto(page.as_uri())
        for width in (1280, 1440):
            tab.set_viewport_size({"width": width, "height": 900})
            assert tab.evaluate(CUT) == [], f"{page.name} at {width} px"
    tab.close()


@pytest.mark.slow
@pytest.mark.parametrize("edition", ["learner", "instructor"])
def test_every_link_leads_to_a_place_that_is_there(edition, request):
    pages = request.getfixturevalue(f"{edition}_book")
    texts = {path.resolve(): path.read_text(encoding="utf-8") for path in ours(pages)}
    ids = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in texts.items()}
    count = 0
    for path, text in texts.items():
        for link in re.findall(
            r'<a\b[^>]*\bhref="([^"]*)"', re.sub("(?s)<script.*?</script>", "", text)
        ):
            if re.match(r"\w+:", link):
                continue
            name, _, anchor = unquote(html.unescape(link)).partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.exists(), f"{path.name}: {link}"
            assert not anchor or anchor in ids.get(target, ()), f"{path.name}: {link}"
            count += bool(anchor)
    assert count > 1000


@pytest.mark.slow
def test_names_of_the_library_lead_to_the_cells_that_build_them(learner_book):
    page = read(learner_book, "notebooks/04_attention")
    cell = page.split('id="lib-causal_mask"')[1]
    code = html.unescape(re.sub("<[^>]+>", "", cell.split("</pre>")[0]))
    assert "#| export: attention\ndef causal_mask(T: int" in code
    # in the text of a later chapter, in a cell of this one, and not inside the definition itself
    assert "04_attention.html#lib-CausalSelfAttention" in read(learner_book, "notebooks/06_blocks")
    called = '<a class="lib" href="#lib-causal_mask"><span class="n">causal_mask</span></a>'
    assert called in page and called not in cell.split("</pre>")[0]
    headings = re.findall(r"(?s)<h[1-6]\b.*?</h[1-6]>", page)
    assert headings and not [heading for heading in headings if "#lib-" in heading]
    missing = {
        name
        for name, built in names().library.items()
        if f'id="lib-{name}"' not in read(learner_book, built.page)
    }
    assert not missing


@pytest.mark.slow
def test_exercises_are_linked_one_by_one(learner_book):
    for chapter in syllabus.load().chapters:
        page = read(learner_book, f"notebooks/{chapter.notebook}")
        start = page.index("What you will be able to do")
        listed = re.findall(
            rf'href="\.\./exercises/{chapter.notebook}\.html#exercise-\d+-(\d+)">\d+\.(\d+)</a>',
            page[start : page.index("</ul>", start)],
        )
        wanted = [id.split(".")[1] for each in chapter.objectives for id in each.exercises]
        assert [number for number, _ in listed] == [number for _, number in listed] == wanted
        exercises = read(learner_book, f"exercises/{chapter.notebook}")
        for exercise in chapter.exercises:
            anchor = exercises.index(f'id="exercise-{exercise.id.replace(".", "-")}"')
            assert f"<h2>{exercise.id} " in exercises[anchor : anchor + 200]
    text = read(learner_book, "notebooks/04_attention")
    assert re.search(r'exercises/04_attention\.html#exercise-4-2"><span[^>]*>exercise 4\.2<', text)


@pytest.mark.slow
def test_equations_are_numbered_by_chapter(learner_book):
    for path in chapters(ROOT / "notebooks"):
        texts = [c.source for c in read_notebook(path).cells if c.cell_type == "markdown"]
        count = sum(text.count("$$") for text in texts) // 2
        found = re.findall(
            r'class="eqno">\(([\d.]+)\)', read(learner_book, f"notebooks/{path.stem}")
        )
        assert found == [f"{int(path.stem[:2])}.{i}" for i in range(1, count + 1)]


# What learners must not see


@cache
def transfer_answers() -> dict[str, str]:
    """Each line that answers a transfer exercise, and which one; no page for learners shows it."""
    seen = [
        " ".join(cell.source.split())
        for folder in ("notebooks", "exercises")
        for path in chapters(ROOT / folder)
        for cell in read_notebook(path).cells
    ]
    found = {}
    for path in chapters(ROOT / "solutions"):
        lines = solution_lines(path)
        for number in lines:
            if number not in with_role("write-first"):
                found |= dict.fromkeys(lines[number], number)
        found |= {line: number for number, line in typed_answers(path)}
    # an exercise may name its options, such as `better = "gpt"` or `"3-gram"`
    return {line: found[line] for line in found if not any(line in text for text in seen)}


def typed_answers(path: Path) -> list[tuple[str, str]]:
    """The short lines of solutions that consist of nothing but `name = value`."""
    found = []
    for cell in code_cells(read_notebook(path)):
        title, _, rest = cell.source.partition("\n")
        inside = rest.split(BEGIN)[1].split("### END")[0] if BEGIN in rest else ""
        lines = [plain(line) for line in inside.splitlines() if line.strip()]
        if lines and all(re.match(r"\w+ = ", line) for line in lines):
            found += [(title.split()[1], line) for line in lines if len(line) < SHORTEST]
    return found


def told(file: Path) -> str:
    """The text of a published file, with single spaces."""
    text = file.read_text(encoding="utf-8", errors="replace")
    if file.suffix == ".ipynb":
        text = "\n".join(f"{c.source}\n{json.dumps(c.get('outputs', ''))}" for c in
                         read_notebook(file).cells)  # fmt: skip
    if file.suffix == ".html":
        text = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"data:[\w/]+;base64,[^\"]+", "", text)))
    return " ".join(text.replace('\\"', '"').replace("\\n", " ").split())


def leaks(pages: Path) -> list[str]:
    """Where pages show a line that answers a transfer exercise."""
    kinds = {".html", ".ipynb", ".md", ".py", ".js", ".json", ".txt"}
    files = [file for file in sorted(pages.rglob("*")) if file.suffix in kinds]
    found = []
    for file in files:
        if file.relative_to(pages).parts[:2] != ("_static", "mathjax"):
            text = told(file)
            for line, number in transfer_answers().items():
                if line in text and re.search(rf"(?<!\w){re.escape(line)}(?!\w)", text):
                    found.append(f"{number} in {file.relative_to(pages)}: {line}")
    return found


@pytest.mark.slow
def test_the_learner_edition_holds_no_answer_and_no_page_for_instructors(
    learner_book, instructor_book
):
    assert leaks(learner_book) == []
    names = [path.relative_to(learner_book).as_posix() for path in learner_book.rglob("*")]
    assert not [name for name in names if "solutions" in name or "instructor" in name]
    for page in ours(learner_book):
        assert not re.search(
            r'href="[^"]*(solutions|instructor)/', page.read_text(encoding="utf-8")
        )
    # the same look at the other edition finds an answer to each transfer exercise
    found = {line.split()[0] for line in leaks(instructor_book)}
    assert found == set(transfer_answers().values()) and len(found) > 20


# A small book, to break


CAPTION = "Weights of `causal_mask`."


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A copy of the checkout in which chapter 04 and its exercises link to no other page."""
    root = tmp_path_factory.mktemp("checkout")
    unwanted = shutil.ignore_patterns("_build", "__pycache__")
    for folder in (*book.FOLDERS, "book", "course", "minigpt_lib"):
        shutil.copytree(ROOT / folder, root / folder, ignore=unwanted)
    for folder in ("notebooks", "exercises"):
        path = root / folder / "04_attention.ipynb"
        notebook = read_notebook(path)
        notebook.cells = [
            c for c in notebook.cells if c.cell_type == "code" or "](" not in c.source
        ]
        write_notebook(path, notebook)
    (root / "book" / "index.md").write_text("# Front\n", encoding="utf-8")
    return root


def render(root: Path, html: Path, text: str) -> list[str]:
    """Render chapter 04, its exercises and a page that holds `text`."""
    (root / "book" / "extra.md").write_text(f"# Extra\n\n{text}\n", encoding="utf-8")
    pages = ("book/extra", "notebooks/04_attention", "exercises/04_attention")
    chapters = [{"file": page} for page in pages]
    toc = {"format": "jb-book", "root": "book/index", "parts": [{"chapters": chapters}]}
    (root / "book" / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    return book.render(html, root)


PLANTED = {
    "{doc}`no_such_page`": "no_such_page",
    "[away](no_such_file.md)": "no_such_file.md",
    "![](_static/logo.svg)": "a picture without a text",
    '<div><img src="_static/logo.svg"></div>': "a picture without a text",
    "[exercise 4.9](../exercises/04_attention.ipynb)": "no exercise 4.9",
}


@pytest.mark.slow
def test_what_is_wrong_with_a_page_fails_the_build_and_names_the_place(small, tmp_path):
    path = small / "notebooks" / "04_attention.ipynb"
    before = path.read_text(encoding="utf-8")
    chapter = read_notebook(path)
    figure = next(cell for cell in chapter.cells if cell.metadata.get("mystnb"))
    del figure.metadata["mystnb"]["image"]
    write_notebook(path, chapter)
    found = render(small, tmp_path / "html", "\n\n".join(PLANTED))
    path.write_text(before, encoding="utf-8")
    for i, (planted, said) in enumerate(PLANTED.items()):
        line = f"book/extra.md, line {3 + 2 * i}: "
        assert any(each.startswith(line) and said in each for each in found), (planted, found)
    mute = f"notebooks/04_attention.ipynb, cell {figure.id}: a picture without a text in its place"
    assert any(each.startswith(mute) for each in found), found
    assert all("Mend:" in each for each in found)
    assert not (tmp_path / "html").exists()


@pytest.fixture(scope="module")
def set_up(small, tmp_path_factory):
    """Pages rendered with the repository's address set and captions under figures, twice."""
    config = small / "book" / "_config.yml"
    text = config.read_text(encoding="utf-8")
    unset = 'repository:\n  url: ""\n'
    assert unset in text
    address = unset.replace('""', "https://github.com/somebody/course")
    config.write_text(text.replace(unset, address), encoding="utf-8")
    path = small / "notebooks" / "04_attention.ipynb"
    chapter = read_notebook(path)
    for cell in chapter.cells:
        if "image" in cell.metadata.get("mystnb", {}):
            cell.metadata["mystnb"]["figure"] = {"caption": CAPTION}
    write_notebook(path, chapter)
    out = tmp_path_factory.mktemp("set_up")
    links = "[a figure](../notebooks/04_attention.ipynb#fig-weights-on-a-sentence)"
    for name in ("one", "two"):
        assert render(small, out / name, links) == []
        book.write_zip(out / name, out / f"{name}.zip")
    return out


@pytest.mark.slow
def test_one_setting_turns_on_the_buttons_of_the_repository(set_up, learner_book):
    page = "notebooks/04_attention"
    buttons = (
        'href="https://github.com/somebody/course"',
        "https://github.com/somebody/course/issues/new",
        "https://mybinder.org/v2/gh/somebody/course/main?urlpath=lab/tree/notebooks/04_attention.ipynb",
    )
    for button in buttons:
        assert button in html.unescape(read(set_up / "one", page)), button
    unset = read(learner_book, page)
    assert not re.search(r"github\.com/somebody|mybinder|colab|btn-source-|btn-launch", unset)


@pytest.mark.slow
def test_figures_are_numbered_by_chapter_and_an_interactive_one_keeps_its_caption(set_up):
    page = read(set_up / "one", "notebooks/04_attention")
    figures = re.findall(r"(?s)<figure\b.*?</figure>", page)
    assert len(figures) == 2
    for i, figure in enumerate(figures, start=1):
        assert f'<span class="caption-number">Figure 4.{i} </span>' in figure
        assert 'href="#lib-' not in figure.split("<figcaption>")[1]
    picture, script, caption = (figures[1].index(part) for part in ("<img", "<script", "<figcap"))
    assert picture < script < caption
    assert figures[1].startswith('<figure class="align-default" id="fig-weights-on-a-sentence">')


@pytest.mark.slow
def test_the_same_sources_give_the_same_zip(set_up):
    assert (set_up / "one.zip").read_bytes() == (set_up / "two.zip").read_bytes()
