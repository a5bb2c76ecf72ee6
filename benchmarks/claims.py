"""Often-said claims about small GPTs, each measured.

    python -m benchmarks.claims              all of them, about two hours of one core from nothing
    python -m benchmarks.claims tying order  these only

What was measured before is not measured again: see benchmarks/trials.py. A claim holds, holds
partly or does not hold at the size and on the text named with it; nothing is said about others.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

from benchmarks import claims_counted, claims_observed, claims_trained
from benchmarks.report import RESULTS, write_result

CLAIMS: dict[str, Callable[[], dict[str, Any]]] = {
    "parameters": claims_counted.parameters,
    "first-loss": claims_counted.first_loss,
    "gpt2": claims_counted.gpt2,
    "cache": claims_counted.cache,
    "attention-cost": claims_counted.attention_cost,
    "residuals": claims_trained.residuals,
    "order": claims_counted.order,
    "clipping": claims_trained.clipping,
    "windows": claims_trained.windows,
    "tying": claims_trained.tying,
    "gpt2-words": claims_trained.gpt2_words,
    "heads": claims_observed.heads,
    "temperature": claims_observed.temperature,
}


def main() -> None:
    """Measure claim by claim; write what there is after each, in the order of CLAIMS."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(CLAIMS)}; all if left out")
    names = parser.parse_args().names
    if unknown := set(names) - set(CLAIMS):
        parser.error(
            f"no claim is called {', '.join(sorted(unknown))}; there are {', '.join(CLAIMS)}"
        )
    path = RESULTS / "claims.json"
    old = json.loads(path.read_text(encoding="utf-8"))["claims"] if path.is_file() else []
    done = {claim["name"]: claim for claim in old}
    for name in names or CLAIMS:
        how = f"python -m benchmarks.claims {name}"
        done[name] = {"name": name, **CLAIMS[name](), "how": how}
        figures = {
            "what": "often-said claims, each measured at the sizes and on the text it names",
            "claims": [done[name] for name in CLAIMS if name in done],
            "command": "python -m benchmarks.claims",
        }
        write_result("claims", figures)


if __name__ == "__main__":
    main()
