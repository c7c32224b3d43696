"""`ketasim list`: one line for each thing of a kind."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ketasim.cli.printing import Row, print_rows
from ketasim.errors import InputError, nearest


def print_list(kind: str, *, as_json: bool) -> None:
    """Print the list of a kind. Raises `InputError` for an unknown kind."""
    if kind not in KINDS:
        raise InputError("unknown kind", key="list", value=kind, expected=nearest(kind, KINDS))
    rows = KINDS[kind]()
    if as_json:
        from ketasim.report.files import to_json

        sys.stdout.write(to_json(rows) + "\n")
        return
    print_rows(rows, [c for c in rows[0] if c not in _ONLY_JSON.get(kind, ())])


def _drugs() -> list[Row]:
    from ketasim.system.drugs import drugs, routes

    return [
        {
            "name": d.name,
            "title": d.title,
            "aliases": list(d.aliases),
            "available": not d.missing,
            "routes": list(d.routes or (routes() if not (d.inert or d.missing) else ())),
            "note": d.missing or d.note,
        }
        for d in drugs().values()
    ]


def _comedication() -> list[Row]:
    from ketasim.parameters import builtin_table
    from ketasim.system.interactions import interactions

    table = builtin_table()
    return [
        {"name": i.name, "title": i.title}
        | {target: table.resolve(factor).value for target, factor in i.multiply.items()}
        | {"note": i.note}
        for i in interactions().values()
    ]


def _covariates() -> list[Row]:
    from ketasim.parameters import builtin_table
    from ketasim.population import effects

    table = builtin_table()
    return [
        {
            "name": e.name,
            "covariate": e.covariate,
            "evidence": e.grade,
            "state": "on" if e.on else "off" if e.terms else "not quantified",
            "targets": list(dict.fromkeys(t.target for t in e.terms)),
            "numbers": [f"{n} {table.resolve(n).value:g}" for n in e.used()],
            "sources": list(e.sources),
            "rivals": list(e.rivals),
            "title": e.title,
        }
        for e in effects().values()
    ]


def _populations() -> list[Row]:
    from ketasim.population import populations

    return [
        {"name": p.kind, "title": p.title, "covariates": list(p.given), "note": p.note} for p in populations().values()
    ]


def _routes() -> list[Row]:
    from ketasim.system.drugs import routes

    return [{"name": n, "title": t} for n, t in routes().items()]


def _quantities() -> list[Row]:
    from ketasim.system.bind import whole_system
    from ketasim.system.grade import said

    return [
        {"name": q.name, "unit": q.unit, "layer": q.layer, "calibration": q.calibration}
        | {"grade": said(q.grade), "title": q.title}
        for q in whole_system().quantities.values()
    ]


def _scenarios() -> list[Row]:
    from ketasim.scenario import bundled

    return [{"name": n, "title": t} for n, t in bundled().items()]


def _parameters() -> list[Row]:
    from ketasim.parameters import builtin_table
    from ketasim.system.grade import said

    return [
        {
            "name": p.name,
            "value": p.value,
            "unit": p.unit,
            "status": str(p.status),
            "grade": said(p.grade),
            "source": p.source,
            "title": p.title,
        }
        for p in builtin_table()
    ]


def _claims() -> list[Row]:
    from ketasim.cli.claims import claim_rows

    return claim_rows()


def _studies() -> list[Row]:
    from ketasim.studies import study_list

    return study_list()


def _lesions() -> list[Row]:
    from ketasim.parameters import builtin_table
    from ketasim.system.switches import lesions, usable_way

    table = builtin_table()
    found = [(x, usable_way(x, table)) for x in lesions().values()]
    return [
        {
            "name": x.name,
            "title": x.title,
            "available": way is not None,
            "sets": dict(way or {}),
            "means": x.means,
            "needs": x.needs,
        }
        for x, way in found
    ]


def _hypotheses() -> list[Row]:
    from ketasim.system.switches import hypotheses

    return [
        {"name": h.name, "default": h.default, "title": h.title, "means": h.means}
        | {"supports": list(h.supports), "opposes": list(h.opposes)}
        for h in hypotheses().values()
    ]


KINDS: dict[str, Callable[[], list[Row]]] = {
    "drugs": _drugs,
    "comedication": _comedication,
    "covariates": _covariates,
    "populations": _populations,
    "routes": _routes,
    "quantities": _quantities,
    "scenarios": _scenarios,
    "studies": _studies,
    "claims": _claims,
    "parameters": _parameters,
    "lesions": _lesions,
    "hypotheses": _hypotheses,
}
# Columns too wide for a terminal: `ketasim show NAME` and --json have them.
_ONLY_JSON = {
    "covariates": ("numbers", "rivals"),
    "lesions": ("sets", "means"),
    "hypotheses": ("supports", "opposes"),
}
