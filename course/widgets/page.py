"""What interactive figures share: a page with its data filled in, and the picture behind it."""

import base64
import hashlib
import io
import json
import warnings
from pathlib import Path

from IPython.display import display
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
SHARED = HERE / "shared.js"


def fill(template: Path, prefix: str, data: dict) -> str:
    """One piece of HTML that asks for nothing from outside itself.

    Args:
        template: HTML with NAME where the figure's own id belongs, DATA where its data, and
            SHARED, if it uses that, where the script that figures share.
        prefix: the first part of the id; the rest follows from the data.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Neither the end of a script nor a line end that scripts alone know may stand in it.
    for mark in "<\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    name = f"{prefix}-{hashlib.sha256(text.encode('utf-8')).hexdigest()[:8]}"
    page = template.read_text(encoding="utf-8")
    page = page.replace("SHARED", SHARED.read_text(encoding="utf-8").strip())
    return page.replace("NAME", name).replace("DATA", text)


def png(figure: plt.Figure, dpi: int = 100) -> bytes:
    """A figure as a file that is the same each time; closes it."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The fixed font lacks some scripts; the interactive part uses the reader's own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
    plt.close(figure)
    return file.getvalue()


def show(page: str, picture: bytes, alt: str) -> None:
    """The picture, then the page whose script takes the picture's place where scripts run."""
    image = base64.b64encode(picture).decode("ascii")
    display({"image/png": image, "text/plain": alt}, raw=True)
    display({"text/html": page, "text/plain": ""}, raw=True)
