"""What the benchmarks share: a clock, the machine's name, and the file of figures."""

import datetime
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def seconds(function: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def processor_seconds(function: Callable[[], object]) -> float:
    """Seconds of the processor in one call, all threads together.

    With one thread it is the wall clock less what other programs took, so that a busy machine does
    no harm.
    """
    start = time.process_time()
    function()
    return time.process_time() - start


def machine() -> str:
    """The processor, its cores, the system and Python, in one line."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((s.split(":")[1].strip() for s in lines if s.startswith("model name")), name)
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{name}, {os.cpu_count()} cores, {system}"


def write_result(name: str, figures: dict) -> None:
    """Print the figures with machine and date; write them to benchmarks/results/<name>.json."""
    figures |= {"machine": machine(), "date": datetime.date.today().isoformat()}
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)
