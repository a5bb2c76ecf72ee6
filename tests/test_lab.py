"""`minigpt lab`: a learner gets copies of their own, and never loses one."""

import os
import shutil
import subprocess

import pytest

from course import lab, paths, syllabus
from course.checks import progress
from course.checks.engine import exercises
from course.notebook import code_cells, read_notebook


@pytest.fixture(autouse=True)
def my(monkeypatch, tmp_path):
    """An empty folder for the learner's work; JupyterLab only notes how it would be started."""
    monkeypatch.setattr(paths, "MY", tmp_path / "my")
    started = []

    def start(command, cwd, env):
        assert cwd == paths.MY and cwd.is_dir()
        assert shutil.which("minigpt", path=env["PATH"].split(os.pathsep)[0])
        started.append(command[3:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(lab.subprocess, "run", start)
    return started


def pages() -> list[str]:
    return [path.name for path in sorted(paths.NOTEBOOKS.glob("[0-9]*.ipynb"))]


def pass_all(chapter: str) -> None:
    for name in exercises(chapter):
        progress.note("passed", name, [])


def test_a_chapter_and_its_exercises_are_copied_without_outputs(my):
    assert lab.open_lab("4", []) == 0
    for folder in (paths.NOTEBOOKS, paths.EXERCISES):
        copy = read_notebook(paths.MY / folder.name / "04_attention.ipynb")
        source = read_notebook(folder / "04_attention.ipynb")
        assert [cell.source for cell in copy.cells] == [cell.source for cell in source.cells]
        assert all(not c.outputs and c.execution_count is None for c in code_cells(copy))
        assert "minigpt" not in copy.metadata
    assert my == [["--LabApp.default_url=/lab/tree/notebooks/04_attention.ipynb"]]


def test_a_copy_that_is_there_is_left_as_it_is():
    own = paths.MY / "notebooks" / "04_attention.ipynb"
    own.parent.mkdir(parents=True)
    own.write_text("my notes", encoding="utf-8")
    lab.open_lab("04", [])
    assert own.read_text(encoding="utf-8") == "my notes"


def test_without_a_number_the_chapters_come_in_order(my):
    for name in pages():
        assert lab.next_page() == paths.NOTEBOOKS / name
        lab.open_lab(None, [])
        if (paths.EXERCISES / name).exists():
            assert lab.next_page() == paths.EXERCISES / name
            pass_all(name[:2])
    assert lab.next_page() == paths.NOTEBOOKS / pages()[-1]
    assert len(my) == len(pages())


def test_unsolved_exercises_are_opened_before_the_next_chapter(my):
    for name in pages():
        lab.own_copies(name[:2])
    for chapter in syllabus.load().chapters:
        core = [exercise.id for exercise in chapter.exercises if not exercise.more]
        if chapter.number < "04":
            for name in core:
                progress.note("passed", name, [])
    noted = ["4.1", "4.2", "4.3", "4.4", "4.5"]  # the core set
    for name in noted[:-1]:
        progress.note("passed", name, [])
    lab.open_lab(None, ["--no-browser"])
    assert my[-1] == ["--LabApp.default_url=/lab/tree/exercises/04_attention.ipynb", "--no-browser"]
    progress.note("passed", noted[-1], [])
    assert lab.next_page() == paths.EXERCISES / pages()[5]


def test_an_unknown_chapter_is_refused_with_the_known_ones(my):
    with pytest.raises(ValueError, match="04_attention"):
        lab.open_lab("77", [])
    assert not my and not paths.MY.exists()


def test_check_says_what_to_do_before_anything_was_opened():
    with pytest.raises(ValueError, match="minigpt lab"):
        lab.check_mine()


def test_check_reports_unwritten_exercises_and_fails(capsys):
    lab.own_copies("04")
    assert lab.check_mine("04.1") == 1
    assert "4.1 not yet written" in capsys.readouterr().out


def test_check_passes_on_solved_exercises(capsys):
    solved = (paths.SOLUTIONS / "04_attention.ipynb").read_text(encoding="utf-8")
    copy = lab.own_copies("04")[-1]
    copy.write_text(solved, encoding="utf-8")
    assert lab.check_mine() == 0
    assert capsys.readouterr().out.count("✓") == len(exercises("04"))
    assert list(progress.read().passed) == list(exercises("04"))


def test_reset_brings_the_pages_back_and_keeps_the_learners():
    copy = lab.own_copies("04")[-1]
    copy.write_text("my answers", encoding="utf-8")
    progress.note("passed", "4.1", [])
    progress.note("passed", "3.1", [])
    progress.note("hint", "4.1", 2)
    for count in (1, 2):
        lines = lab.reset("4")
        assert len(lines) == 2 and f"exercises-04_attention-{count}.ipynb" in lines[1]
        kept = paths.MY / "backups" / f"exercises-04_attention-{count}.ipynb"
        assert (kept.read_text(encoding="utf-8") == "my answers") == (count == 1)
        assert len(read_notebook(copy).cells) > 10
    assert list(progress.read().passed) == ["3.1"] and progress.read().hints == {"4.1": 2}


def test_reset_of_what_was_never_opened_changes_nothing():
    with pytest.raises(ValueError, match="not opened chapter 04"):
        lab.reset("04")
    with pytest.raises(ValueError, match="04_attention"):
        lab.reset("77")
    assert not paths.MY.exists()
