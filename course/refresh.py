"""Executes notebooks, stores their outputs and stamps them with what the outputs depend on.

A stamp has five parts, so that a check can say without executing anything which of them is stale:
the notebook's code, the files of ours that it imports (directly or not; comments, docstrings and
formatting do not count), the corpus, the versions of the packages whose results are shown, and the
outputs themselves.
"""

import ast
import hashlib
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from nbformat import NotebookNode

from course.corpora import SHA256, load_corpus
from course.notebook import (
    code_cells,
    docstring_node,
    imports,
    label,
    number,
    numbered,
    parse,
    read_notebook,
    select,
    tags,
    write_notebook,
)
from course.paths import ROOT

OURS = ("course", "minigpt_lib")
PACKAGES = ("torch", "numpy", "matplotlib", "tiktoken")
TIMEOUT = 900  # seconds a cell may take
RELATIVE, ABSOLUTE = 1e-2, 1e-5  # numbers in outputs closer than one of these are equal
NUMBER = re.compile(r"[-+]?(?:\d+(?:[,_]\d{3})*(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?")
PROGRESS = re.compile(r"\d+it \[|(it|s|B)/(s|it)\b.*\]")  # a line of a progress bar


def run(check: bool = False, only: list[str] | None = None, root: Path = ROOT) -> list[str]:
    """Execute and store every notebook whose stamp is stale, or with `check` name those.

    Args:
        only: notebooks to execute whether stale or not; None means all stale ones.
    Returns:
        problems, one line each; none means that all is well.
    """
    problems = []
    try:
        paths = select(numbered(root), only)
        stale = {path: problems_of(path, root) for path in paths}
        if check:
            return [problem for found in stale.values() for problem in found]
        todo = [path for path in paths if only or stale[path]]
        corpus = {"name": "shakespeare", "sha256": _shakespeare()} if todo else {}
    except ValueError as error:
        return [str(error)]
    for path in todo:
        start = time.monotonic()
        notebook = read_notebook(path)
        if problem := execute(notebook, path, root):
            problems.append(problem)
            continue
        store_outputs(notebook, root)
        notebook.metadata["minigpt"] = {"stamp": {"corpus": corpus} | parts(notebook, path, root)}
        write_notebook(path, notebook)
        print(f"{label(path, root=root)}: {time.monotonic() - start:.0f} s", flush=True)
    return problems


def _shakespeare() -> str:
    """SHA-256 of the corpus that stored outputs are made with; ValueError if it is another one."""
    corpus = load_corpus()
    if corpus.name != "shakespeare":
        raise ValueError(
            f"stored outputs are made with TinyShakespeare, and the corpus here is {corpus.name}; "
            "unset MINIGPT_CORPUS and set MINIGPT_DATA_DIR to the folder of tinyshakespeare.txt"
        )
    return corpus.sha256


def execute(notebook: NotebookNode, path: Path, root: Path = ROOT) -> str | None:
    """Run all cells in the notebook's folder with the checkout first on the path.

    Returns:
        None, or one line that names the cell that failed and why.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    search = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        store_widget_state=False,
    )
    client.extra_arguments = ["--log-level=ERROR"]  # kernels warn about their transport
    try:
        client.execute(env=os.environ | {"PYTHONPATH": search})
    except CellExecutionError as error:
        cell = next(c for c in code_cells(notebook) if _failed(c))
        return f"{label(path, cell, root)}: {error.ename}: {error.evalue}"
    except (CellTimeoutError, DeadKernelError) as error:
        return f"{label(path, root=root)}: {type(error).__name__}: {str(error).splitlines()[0]}"
    return None


def _failed(cell: NotebookNode) -> bool:
    return any(output.output_type == "error" for output in cell.outputs)


def store_outputs(notebook: NotebookNode, root: Path = ROOT) -> None:
    """Make outputs the same on every run: no timings, addresses, absolute paths, progress bars."""
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        cell.outputs = [] if "timing" in tags(cell) else normalised(cell.outputs, root)


def normalised(outputs: list[NotebookNode], root: Path = ROOT) -> list[NotebookNode]:
    """Outputs without what differs from run to run; streams of one name in a row are joined."""
    result: list[NotebookNode] = []
    for output in outputs:
        output = NotebookNode(output)
        if output.output_type == "stream":
            output.text = _plain("".join(output.text), root)
            if result and result[-1].get("name") == output.name:
                result[-1].text += output.text
            else:
                result.append(output)
        else:
            if "data" in output:
                output.data = {
                    kind: _plain(value, root) if _is_text(kind, value) else value
                    for kind, value in output.data.items()
                }
            result.append(output)
    for output in result:
        if output.output_type == "stream":
            output.text = _without_progress(output.text)
    return [output for output in result if output.output_type != "stream" or output.text]


def _is_text(kind: str, value: object) -> bool:
    return isinstance(value, str) and (kind.startswith("text/") or kind == "image/svg+xml")


def _plain(text: str, root: Path) -> str:
    """A text without addresses and absolute paths."""
    text = re.sub(r"\bat 0x[0-9a-fA-F]+", "at 0x…", text)
    text = re.sub(r"\S*ipykernel_\d+[/\\]\d+\.py", "<cell>", text)
    places = [
        (os.environ.get("MINIGPT_DATA_DIR"), "<data>"),
        (str(root), "."),
        (tempfile.gettempdir(), "<tmp>"),
        (str(Path.home()), "~"),
    ]
    for folder, name in places:
        if folder and len(folder) > 1:
            text = re.sub(re.escape(folder.rstrip("/\\")) + r"(?=[/\\]|\b)", name, text)
    return re.sub(r"<tmp>([/\\])tmp[a-z0-9_]{8}", r"<tmp>\1…", text)


def _without_progress(text: str) -> str:
    lines = [line.split("\r")[-1] or line.split("\r")[0] for line in text.split("\n")]
    return "\n".join(line for line in lines if not PROGRESS.search(line))


def parts(notebook: NotebookNode, path: Path, root: Path = ROOT) -> dict:
    """The stamp of a notebook as it is now, all but the corpus."""
    cells = code_cells(notebook)
    return {
        "code": _hash("\0".join(cell.source for cell in cells)),
        "imports": {name: _digest(text, name) for name, text in closure(notebook, path, root)},
        "versions": {name: version(name).split("+")[0] for name in PACKAGES},
        "outputs": _hash(json.dumps([cell.outputs for cell in cells], sort_keys=True)),
    }


def problems_of(path: Path, root: Path = ROOT) -> list[str]:
    """Which parts of a notebook's stamp are stale, one line each, with the mending command."""
    notebook = read_notebook(path)
    place, mend = label(path, root=root), f"Mend: minigpt refresh {number(path)}"
    stamp = notebook.metadata.get("minigpt", {}).get("stamp")
    if not stamp:
        return [f"{place}: its outputs have no stamp. {mend}"]
    try:
        now = parts(notebook, path, root)
    except SyntaxError as error:
        return [f"{place}: {error.msg} in {error.filename}, line {error.lineno}"]
    found = []
    if stamp.get("code") != now["code"]:
        found.append("its code changed after its outputs were stored")
    for kind, what in (("imports", "{} changed"), ("versions", "the version of {} changed")):
        then = stamp.get(kind, {})
        changed = {name for name in then | now[kind] if then.get(name) != now[kind].get(name)}
        if changed:
            found.append(what.format(", ".join(sorted(changed))) + " after its outputs were stored")
    if stamp.get("corpus", {}).get("sha256") != SHA256:
        found.append("its outputs were not made with TinyShakespeare")
    if stamp.get("outputs") != now["outputs"]:
        found.append("its stored outputs were changed by hand")
    return [f"{place}: {reason}. {mend}" for reason in found]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


@lru_cache(maxsize=1024)
def _digest(text: str, name: str) -> str:
    """Hash of what a file of ours does: of Python its syntax tree, of an asset every character."""
    return _hash(_dump(ast.parse(text, name)) if name.endswith(".py") else text)


def _dump(node: object) -> str:
    """A syntax tree as text, without docstrings; the same on every version of Python."""
    if isinstance(node, list):
        return "[" + ",".join(map(_dump, node)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    docstring = docstring_node(node)
    fields = []
    for name, value in ast.iter_fields(node):
        if name == "body" and docstring:
            value = value[1:]
        if value is not None and value != [] and name not in ("kind", "type_comment"):
            fields.append(f"{name}={_dump(value)}")
    return f"{type(node).__name__}({','.join(fields)})"


def closure(notebook: NotebookNode, path: Path, root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Every file of ours that a notebook uses, directly or through another, sorted by name.

    A file is used if it is imported, if it stands in the folder of an imported package below
    `course` and is no Python, or if code names it in a text, relative to its own folder. Who
    imports `course.checks` also uses the checks of the notebook's chapter.

    Yields:
        the file's path relative to the root, and its text.
    """
    seen: dict[Path, str] = {}
    todo = [found for cell in code_cells(notebook) for found in _uses(cell.source, path, root)]
    while todo:
        file = todo.pop()
        if file in seen:
            continue
        seen[file] = file.read_text(encoding="utf-8")
        if file.suffix == ".py":
            todo += _uses(seen[file], file, root)
        if file.name == "__init__.py" and file.parent.parent != root:
            todo += [f for f in file.parent.iterdir() if f.is_file() and f.suffix != ".py"]
            todo += [f for f in (file.parent / f"ch{number(path)}.py",) if f.is_file()]
    yield from sorted((file.relative_to(root).as_posix(), text) for file, text in seen.items())


def _uses(source: str, path: Path, root: Path) -> set[Path]:
    """The files of ours that one source text imports or names."""
    tree = parse(source)
    found = set()
    for module, names in imports(tree):
        if module.startswith("."):
            above = len(module) - len(module.lstrip(".")) - 1
            package = path.parents[above].relative_to(root)
            module = ".".join([*package.parts, *filter(None, [module.lstrip(".")])])
        if module.split(".")[0] in OURS:
            for name in [module, *(f"{module}.{each}" for each in names)]:
                found |= _module_files(name, root)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and _looks_like_file(node.value):
            file = (path.parent / node.value).resolve()
            if file.is_relative_to(root) and file.is_file():
                found.add(file)
    return found


def _looks_like_file(value: object) -> bool:
    suffixes = (".json", ".csv", ".txt", ".yml", ".js", ".css", ".html", ".svg", ".mplstyle")
    return isinstance(value, str) and "\n" not in value and value.endswith(suffixes)


def _module_files(name: str, root: Path) -> set[Path]:
    """The file of a module and the `__init__` of each package on the way to it."""
    found, folder = set(), root
    for part in name.split("."):
        folder = folder / part
        for file in (folder / "__init__.py", folder.with_suffix(".py")):
            if file.is_file():
                found.add(file)
    return found


def compare_outputs(stored: NotebookNode, executed: NotebookNode, root: Path = ROOT) -> list[str]:
    """Where the text outputs of a run differ from the stored ones.

    Returns:
        one line per cell that differs, naming it; cells tagged measured or timing are left out.
    """
    pairs = zip(code_cells(stored), code_cells(executed), strict=True)
    found = ((cell, compare_cell(cell, other.outputs, root)) for cell, other in pairs)
    return [f"cell {cell.id}: {difference}" for cell, difference in found if difference]


def compare_cell(cell: NotebookNode, outputs: list, root: Path = ROOT) -> str | None:
    """The first difference between a cell's stored text output and that of a run, or None.

    Numbers may differ by 1e-2 of the larger one, or by 1e-5; white space does not count.
    """
    if tags(cell) & {"measured", "timing"}:
        return None
    stored, new = _text(normalised(cell.outputs, root)), _text(normalised(outputs, root))
    if NUMBER.sub("0", stored) != NUMBER.sub("0", new):
        return f"stored {_short(stored)}, now {_short(new)}"
    for a, b in zip(NUMBER.findall(stored), NUMBER.findall(new), strict=True):
        x, y = (float(re.sub(r"[,_]", "", text)) for text in (a, b))
        if not math.isclose(x, y, rel_tol=RELATIVE, abs_tol=ABSOLUTE):
            return f"stored {a}, now {b}, in {_short(new)}"
    return None


def _text(outputs: list[NotebookNode]) -> str:
    """What the outputs print and show as plain text, words separated by single spaces."""
    texts = [o.text if o.output_type == "stream" else o.get("data", {}).get("text/plain", "")
             for o in outputs if o.get("name") != "stderr"]  # fmt: skip
    return " ".join(" ".join(texts).split())


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else f"{text[:100]} … {text[-100:]}")
