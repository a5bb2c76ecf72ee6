"""Downloads every package of the course into a folder, for a room with little or no network."""

import os
import platform as this_machine
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from course.doctor import CPU_BUILD, pins
from course.files import write_atomic
from course.paths import ROOT

SYSTEMS = {
    "win": "Windows",
    "macosx": "Darwin",
    "linux": "Linux",
    "manylinux": "Linux",
    "musllinux": "Linux",
}
README = """# Packages for the course

{count} packages for Python {python} on {machine}, and for no other. Copy this folder to the
machines, to a place without a space in its path, here written WHEELHOUSE. Then, in the folder of
the course, on Linux and macOS:

    PIP_NO_INDEX=1 PIP_FIND_LINKS=WHEELHOUSE make run

On Windows, in PowerShell:

    py -{python} -m venv .venv
    $env:PIP_NO_INDEX = "1"; $env:PIP_FIND_LINKS = "WHEELHOUSE"
    .venv\\Scripts\\python -m pip install -r requirements.txt
    .venv\\Scripts\\minigpt run

The two settings tell pip to take packages from that folder alone. Without a network the course
learns from TinyTales, its own text; for Shakespeare also copy a folder that holds
tinyshakespeare.txt, and set MINIGPT_DATA_DIR to it. Afterwards `minigpt doctor` says whether all is
in place.
"""


def fill(
    out: Path,
    platforms: list[str] | None = None,
    python: str | None = None,
    tests: bool = False,
    root: Path = ROOT,
) -> str:
    """Download what requirements.txt needs, in the versions of constraints.txt.

    pip is asked as it is set up here, so its own settings (PIP_INDEX_URL, PIP_FIND_LINKS) hold.

    Args:
        platforms: of the machines it is for, as pip names them; None: as this one.
        python: their version of Python, "3.12"; None: as here.
        tests: also what the tests need.
    Returns:
        a line that says what there is now.
    Raises:
        ValueError: a platform of another system, or pip could not get everything.
    """
    _check(platforms or [])
    wanted = _wanted(root, tests)
    target = [option for each in platforms or [] for option in ("--platform", each)]
    target += ["--python-version", python] if python else []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "wanted.txt")
        file.write_text("\n".join(wanted), encoding="utf-8")
        limits = ["-r", str(file), "-c", str(root / "constraints.txt")]
        # Wheels alone: what has to be built on the spot needs tools that a room may lack.
        _pip("download", "--only-binary=:all:", "-d", str(out), *limits, *target)
        if not target:
            _try(out, file)
    wheels = sorted(out.glob("*.whl"))
    version = python or ".".join(map(str, sys.version_info[:2]))
    machine = ", ".join(platforms or []) or f"{this_machine.system()} {this_machine.machine()}"
    text = README.format(count=len(wheels), python=version, machine=machine)
    write_atomic(out / "README.md", text)
    return _told(out, wheels, pins(root / "requirements.txt").get("torch", ""))


def _check(platforms: list[str]) -> None:
    """A ValueError for a system other than this one."""
    here = this_machine.system()
    for platform in platforms:
        system = SYSTEMS.get(platform.partition("_")[0].rstrip("0123456789"), "an unknown system")
        if system != here:
            raise ValueError(
                f"{platform} is for {system} and this is {here}: pip decides by the system it runs "
                "on what a package needs, so run this on a machine like theirs"
            )


def _wanted(root: Path, tests: bool) -> list[str]:
    """Every requirement but the course itself, and what builds it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line.strip() and not line.startswith(("#", "-e"))]
    extra = project["project"]["optional-dependencies"]["test"] if tests else []
    return [*listed, *project["build-system"]["requires"], *extra]


def _pip(*arguments: str, env: dict[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, env=env).returncode:
        raise ValueError(
            f"pip {arguments[0]} failed; its last lines say why. What it has downloaded stays, so "
            "run this again once that is mended"
        )


def _try(out: Path, wanted: Path) -> None:
    """Have pip find everything in the folder alone, without installing it."""
    env = {key: text for key, text in os.environ.items() if not key.startswith("PIP_")}
    env |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": out.resolve().as_uri(),
    }
    _pip("install", "--dry-run", "--quiet", "--ignore-installed", "-r", str(wanted), env=env)


def _told(out: Path, wheels: list[Path], torch: str) -> str:
    size = sum(path.stat().st_size for path in wheels) / 1e6
    line = f"{out}: {len(wheels)} packages, {size:,.0f} MB; {out / 'README.md'} says how to use it."
    cuda = [path.stat().st_size for path in wheels if path.name.startswith("nvidia")]
    if cuda:
        advice = CPU_BUILD.format(torch)
        line += f" {sum(cuda) / 1e6:,.0f} MB of it are for graphics cards; without them: {advice}."
    return line
