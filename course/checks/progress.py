"""What a learner has passed and which help they took: `progress.json` among their own files."""

import hashlib
import inspect
import json

from course import paths
from course.files import write_atomic


def read() -> dict[str, dict]:
    """Exercise -> what is known of it: passed (bool), answers (list), hints (levels shown).

    Raises:
        ValueError: the file is damaged.
    """
    path = paths.MY / "progress.json"
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(number): dict(entry) for number, entry in found.items()}
    except (ValueError, TypeError, AttributeError):
        raise ValueError(f"{path} is damaged; delete it, the next checks write it again") from None


def update(number: str, **values: object) -> None:
    """Note values for an exercise; the file is written whole or not at all."""
    known = read()
    entry = known.setdefault(number, {})
    if {**entry, **values} != entry:
        entry.update(values)
        ordered = dict(sorted(known.items(), key=lambda item: _order(item[0])))
        text = json.dumps(ordered, indent=1, ensure_ascii=False) + "\n"
        write_atomic(paths.MY / "progress.json", text)


def _order(number: str) -> list[int]:
    return [int(part) for part in number.split(".")]


def fingerprint(answer: object) -> str:
    """A typed answer as it is; of a function, the hash of its source."""
    if not callable(answer):
        return repr(answer)
    try:
        source = inspect.getsource(answer)
    except (OSError, TypeError):
        source = repr(getattr(answer, "__code__", answer))
    return hashlib.sha256(source.encode()).hexdigest()[:16]
