"""What chapter 00 shows of finished models: kept with the commands that make it again."""

import json
import math
import shlex

import pytest
import typer

from course import finished
from course.cli import app


@pytest.mark.parametrize("corpus", ["shakespeare", "tinytales", "a learner's own text"])
def test_each_text_has_a_model_and_commands_that_exist(corpus):
    kept = finished.finished(corpus)
    assert kept.corpus == (corpus if corpus in finished.PROMPTS else "shakespeare")
    assert len(kept.written) > 300 and not kept.written.startswith(kept.prompt)
    assert 0.4 < kept.bits < 3
    names = {"runs": "runs", "corpus": kept.corpus, "prompt": kept.prompt}
    assert kept.commands == [c.format(**names) for c in (finished.TRAIN, finished.SAMPLE)]
    program = typer.main.get_command(app)
    for command, name in zip(kept.commands, ("train", "sample"), strict=True):
        first, given, *options = shlex.split(command)
        assert (first, given) == ("minigpt", name)
        program.commands[name].make_context(name, options)  # refuses an option it does not have


def test_draw_keeps_what_the_models_write(tmp_path, monkeypatch):
    asked = []
    for corpus in finished.PROMPTS:
        (tmp_path / corpus).mkdir()
        lines = [{"step": 1, "val_loss": 9.0}, {"step": 2, "val_loss": math.log(4)}]
        log = "\n".join(map(json.dumps, lines))
        (tmp_path / corpus / "log.jsonl").write_text(log, encoding="utf-8")
    (tmp_path / "tinytales" / "last.txt").touch()
    monkeypatch.setattr(finished, "DATA", tmp_path / "finished.json")
    monkeypatch.setattr(finished, "_run", lambda command: asked.append(command) or "Ned: Hé\n")
    finished.draw(tmp_path)
    assert [command.split()[1] for command in asked] == ["train", "sample", "sample"]
    kept = finished.finished("tinytales")
    assert (kept.prompt, kept.written, kept.bits) == ("Ned", ": Hé", 2.0)
    assert kept.commands[0].endswith("--corpus tinytales --out runs/tinytales")
