"""The small network of these tests: a noisy Wilson-Cowan pair given by the path of its data file."""

from __future__ import annotations

import shutil
from pathlib import Path

WC = Path(__file__).parent / "own" / "wilsoncowan.toml"


def copied(folder, *changes, slow=0.0):
    """Copy the network into a folder with changes of its text, and, where asked, a pause in each run; return its path."""
    text = WC.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = Path(folder) / WC.name
    path.write_text(text)
    code = path.with_suffix(".py")
    shutil.copy(WC.with_suffix(".py"), code)
    if slow:
        code.write_text(code.read_text().replace("    network = read", f"    time.sleep({slow})\n    network = read"))
        code.write_text(code.read_text().replace("import numpy", "import time\nimport numpy", 1))
    return path
