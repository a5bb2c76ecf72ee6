"""Tools for a class: a folder of packages for a room without network, and who is ready."""

import json
import platform
import subprocess
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from course import cli, doctor, paths, readiness, wheelhouse
from course.doctor import BAD, GOOD, NOTE

MARKS = dict.fromkeys(("python", "packages", "memory", "text", "kernel", "speed"), GOOD)
READY = readiness.Report(
    name="Ada",
    machine="Linux x86_64",
    python="3.12.1",
    marks=MARKS,
    missing=[],
    other=[],
    text="shakespeare",
    memory_gb=8.0,
    disk_gb=30.0,
    seconds_per_step=0.03,
    steps=2000,
)


def changed(name: str, marks: dict[str, str], **new) -> readiness.Report:
    """A report like READY, in some ways another."""
    return readiness.Report(**asdict(READY) | {"name": name, "marks": MARKS | marks} | new)


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Writes reports into a folder of a class, which it gives."""
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "class"
    folder.mkdir()

    def call(*reports: readiness.Report) -> Path:
        for i, report in enumerate(reports):
            text = json.dumps({"format": readiness.FORMAT} | asdict(report))
            (folder / f"{i}.json").write_text(text, encoding="utf-8")
        return folder

    return call


# doctor


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """The doctor without what takes seconds, and a learner with a text of their own."""
    text = tmp_path / "my diary.txt"
    text.write_text("dear diary " * 10_000, encoding="utf-8")
    monkeypatch.setenv("MINIGPT_CORPUS", str(text))
    monkeypatch.setattr(doctor, "seconds_per_step", lambda: (0.03, 2000))


def test_a_report_says_what_was_found_and_nothing_of_whose_machine_it_is(quick, tmp_path, capsys):
    out = tmp_path / "report.json"
    assert doctor.examine(out, "Ada") == 0
    assert f"Written to {out}" in capsys.readouterr().out
    text = out.read_text(encoding="utf-8")
    for private in (str(paths.ROOT), str(Path.home()), platform.node(), "diary"):
        assert private not in text.replace("\\\\", "\\")
    report = readiness.read(out)
    assert (report.name, report.text, report.training) == ("Ada", "own", 60)
    assert report.is_ready and set(report.marks.values()) <= {GOOD, NOTE}
    assert report.memory_gb > 0 and report.disk_gb > 0
    assert report.python == platform.python_version()


def test_a_report_is_written_where_something_is_missing_too(quick, tmp_path, monkeypatch):
    needs = tmp_path / "requirements.txt"
    needs.write_text("no-such-package==1.0\nnumpy==0.1\n", encoding="utf-8")
    monkeypatch.setattr(doctor.packages, "__defaults__", (needs,))
    monkeypatch.setattr(doctor.differences, "__defaults__", (needs,))
    monkeypatch.setattr(doctor, "free_memory", no_psutil)
    monkeypatch.setenv("MINIGPT_CORPUS", str(tmp_path / "none.txt"))
    assert doctor.examine(tmp_path / "report.json") == 1
    report = readiness.read(tmp_path / "report.json")
    assert report.missing == ["no-such-package"] and "not 0.1" in report.other[0]
    assert report.memory_gb is None and report.text is None and not report.is_ready
    assert [report.marks[each] for each in ("packages", "memory", "text")] == [BAD] * 3


def no_psutil() -> float:
    raise ImportError("No module named 'psutil'")


def test_the_class_table_says_who_is_ready_and_what_to_do(put, capsys):
    bob = changed("Bob", {"packages": BAD}, missing=["torch", "regex"], seconds_per_step=None)
    eve = changed("Eve", {"speed": NOTE, "text": NOTE}, seconds_per_step=0.4, text="tinytales")
    kim = changed("Kim", {"memory": NOTE}, memory_gb=1.2)
    assert readiness.show(put(READY, bob, eve, kim)) == 1
    said = capsys.readouterr().out
    rows = {name: next(x for x in said.splitlines() if name in x) for name in ("Ada", "Bob", "Kim")}
    assert "✓" in rows["Ada"] and "60 s" in rows["Ada"]
    assert "✗" in rows["Bob"] and "install torch, regex" in rows["Bob"]
    assert "✓" in rows["Kim"] and "1.2 GB of memory free" in rows["Kim"]
    assert said.index("Bob") < said.index("Ada")
    assert "3 of 4 ready." in said
    assert "Slowest: Eve, 800 s for the 2000 steps of chapter 08. Plan for --steps 500" in said
    assert "1 without all packages: minigpt wheelhouse" in said
    assert "MINIGPT_CORPUS=tinytales" in said


def test_a_class_in_which_all_is_well_needs_nothing(put, capsys):
    assert readiness.show(put(READY, changed("Bob", {}, seconds_per_step=0.05))) == 0
    said = capsys.readouterr().out
    assert "2 of 2 ready." in said and "Slowest: Bob, 100 s" in said
    assert "wheelhouse" not in said and "MINIGPT" not in said and "--steps" not in said


BROKEN = {
    "half": ("{", "can't be read"),
    "list": ("[]", "no report of minigpt doctor"),
    "other": ('{"cells": []}', "no report of minigpt doctor"),
    "old": ('{"format": 0}', "from another version"),
    "bytes": (b"\xff\xfe", "can't be read"),
    "wrong": (json.dumps({"format": 1} | asdict(READY) | {"memory_gb": "8"}), "its memory_gb is"),
    "less": (json.dumps({"format": 1, "name": "Ada"}), "its machine is missing"),
    "more": (
        json.dumps({"format": 1} | asdict(READY) | {"password": 1}),
        "it has an unknown entry 'password'",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_named_and_the_others_are_read(case, put, capsys):
    content, why = BROKEN[case]
    folder = put(READY)
    broken = folder / "late" / "report.json"
    broken.parent.mkdir()
    broken.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert readiness.show(folder) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"late/report.json {why}" in said and readiness.AGAIN in said
    assert "Ada" in said and "1 of 2 ready." in said


def test_the_commands_refuse_a_folder_without_reports_and_another_system(
    tmp_path, monkeypatch, capsys
):
    other = {"Windows": "macosx_11_0_arm64"}.get(platform.system(), "win_amd64")
    for arguments, complaint in (
        (["doctor", "--class", str(tmp_path)], "no report (*.json) lies in"),
        (["doctor", "--class", str(tmp_path / "none")], "learners write one with"),
        (["wheelhouse", "--out", str(tmp_path / "w"), "--platform", other], f"{other} is for"),
        (["slides", "99", "--out", str(tmp_path)], "no notebook is called '99'"),
    ):
        monkeypatch.setattr(sys, "argv", ["minigpt", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr().err.strip()
        assert ended.value.code == 2 and complaint in said and "\n" not in said
    assert not (tmp_path / "w").exists()


# wheelhouse


def wheel(folder: Path, name: str, version: str, needs: str = "") -> None:
    """A package as small as can be."""
    folder.mkdir(parents=True, exist_ok=True)
    place = f"{name}-{version}.dist-info"
    requires = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        f"{name}.py": "",
        f"{place}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{place}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{place}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        for path, text in files.items():
            file.writestr(path, text)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course with one package to learn with, one to test with, and an index that has them."""
    index = tmp_path / "index"
    wheel(index, "learn", "1.0", "below")
    for version in ("1.0", "2.0"):
        wheel(index, "below", version)
    wheel(index, "builder", "7")
    wheel(index, "checker", "3")
    made = tmp_path / "course"
    made.mkdir()
    (made / "requirements.txt").write_text("# learning\nlearn==1.0\n-e .\n", encoding="utf-8")
    (made / "constraints.txt").write_text("below==1.0\nchecker==3\n", encoding="utf-8")
    project = '[build-system]\nrequires = ["builder>=7"]\n[project]\n'
    project += 'optional-dependencies = {test = ["checker"]}\n'
    (made / "pyproject.toml").write_text(project, encoding="utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return made


@pytest.mark.slow
def test_a_wheelhouse_holds_everything_in_the_course_s_versions(root, tmp_path):
    out = tmp_path / "wheelhouse"
    line = wheelhouse.fill(out, root=root)
    found = sorted(path.name.removesuffix("-py3-none-any.whl") for path in out.glob("*.whl"))
    assert found == ["below-1.0", "builder-7", "learn-1.0"]
    assert f"{out}: 3 packages" in line
    told = (out / "README.md").read_text(encoding="utf-8")
    assert "PIP_NO_INDEX=1 PIP_FIND_LINKS=WHEELHOUSE make run" in told
    assert f"3 packages for Python {sys.version_info[0]}.{sys.version_info[1]} on" in told
    wheelhouse.fill(out, tests=True, root=root)
    assert (out / "checker-3-py3-none-any.whl").exists()
    # What the README says works: from the folder alone, as `make` hands it to pip.
    environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(out), "PIP_CONFIG_FILE": "/dev/null"}
    command = [sys.executable, "-m", "pip", "install", "--target", str(tmp_path / "site"), "learn"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "below.py").exists()


@pytest.mark.slow
def test_a_wheelhouse_for_another_python_and_one_that_lacks_a_package(root, tmp_path):
    kind = {"Windows": "win_amd64", "Darwin": "macosx_11_0_arm64"}.get(
        platform.system(), "manylinux2014_aarch64"
    )
    wheelhouse.fill(tmp_path / "other", [kind], "3.12", root=root)
    told = (tmp_path / "other" / "README.md").read_text(encoding="utf-8")
    assert f"for Python 3.12 on {kind}" in told
    (root / "requirements.txt").write_text("learn==1.0\nabsent==1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="pip download failed"):
        wheelhouse.fill(tmp_path / "lacking", root=root)


def test_graphics_libraries_are_pointed_out(tmp_path):
    wheel(tmp_path, "nvidia_cublas", "1")
    assert "are for graphics cards" in wheelhouse._told(tmp_path, [*tmp_path.glob("*.whl")], "2")
    assert "are for graphics cards" not in wheelhouse._told(tmp_path, [], "2")
