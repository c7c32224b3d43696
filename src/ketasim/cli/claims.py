"""`ketasim claims`: the ledger of the episode's statements."""

from __future__ import annotations

import sys
from typing import Any

from ketasim.claims import claim, claims
from ketasim.cli.printing import print_fields, print_rows


def claim_rows() -> list[dict[str, Any]]:
    """Return all claims as the rows of `claims --json`."""
    return [dict(c.to_dict()) for c in claims()]


def print_claims(name: str | None, *, as_json: bool) -> None:
    """Print the ledger, or one claim. Raises `InputError` for an unknown claim."""
    chosen: list[dict[str, Any]] = claim_rows() if name is None else [dict(claim(name).to_dict())]
    if as_json:
        from ketasim.report.files import to_json

        sys.stdout.write(to_json(chosen) + "\n")
    elif name is None:
        flat = [
            c | {"time": c["episode_time"] or "", "testable": c["testability"], "source": ",".join(c["source"])}
            for c in chosen
        ]
        print_rows(flat, ["id", "topic", "time", "source", "testable", "state", "claim"])
    else:
        print_fields(chosen[0])
