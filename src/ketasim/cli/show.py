"""`ketasim show` and `ketasim equations`: one thing with its sources."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ketasim.cli.printing import print_fields
from ketasim.errors import InputError, nearest

Fields = dict[str, Any]


def print_one(name: str, *, as_json: bool) -> None:
    """Print whatever has this name. Raises `InputError` if nothing has."""
    found = [fields for look_up in _LOOKUPS if (fields := _try(look_up, name))]
    if not found:
        raise InputError("nothing has this name", key="show", value=name, expected=nearest(name, _all_names()))
    if as_json:
        from ketasim.report.files import to_json

        sys.stdout.write(to_json(found[0] if len(found) == 1 else found) + "\n")
        return
    for fields in found:
        print_fields(fields)


def print_equations(layer: str) -> None:
    """Print the equation sheets of a layer's models. Raises `InputError` for an unknown layer."""
    from ketasim.model import equation_sheet
    from ketasim.system.bind import whole_system

    quantities = whole_system().quantities.values()
    layers = list(dict.fromkeys(q.layer for q in quantities))
    if layer not in layers:
        raise InputError("unknown layer", key="equations", value=layer, expected=nearest(layer, layers))
    sheets = {spec.title: equation_sheet(spec) for key, spec in whole_system().layer_models(layer).items()}
    print("\n\n".join(sheets.values()))


def _try(look_up: Callable[[str], Fields | None], name: str) -> Fields | None:
    try:
        return look_up(name)
    except InputError:
        return None


def _parameter(name: str) -> Fields | None:
    from ketasim.parameters import builtin_table

    found = builtin_table().find(name)
    return {"parameter": found[0].base, "title": found[0].title, "values": [_value(p) for p in found]}


def _value(p: Any) -> Fields:
    from ketasim.system.grade import said

    prior = p.prior() if p.grade != "C" else None  # a guess has no digits to spare for a spread
    fields: Fields = {"name": p.name, "value": p.value, "unit": p.unit, "status": str(p.status)}
    if p.grade:
        fields["grade"] = said(p.grade)
    fields["source"] = _cited(p.source) if p.source else ""
    fields |= {
        "place": p.place,
        "evidence_row": p.row,
        "reason": p.reason,
        "scale": p.scale,
        "weight_scaling": p.scaling,
    }
    fields |= {"range": [p.low, p.high] if p.low is not None else None, "standard_error": p.se}
    fields["prior"] = (
        None if prior is None else {"family": prior[0], "location": round(prior[1], 6), "scale": round(prior[2], 6)}
    )
    if p.spread is not None:
        spread = {"sd": p.spread.sd, "on": {"log": "log scale", "logit": "logit scale", "linear": "own scale"}[p.scale]}
        source = _cited(p.spread.source) if p.spread.source else ""
        fields["between_person_spread"] = spread | {
            "status": str(p.spread.status),
            "source": source,
            "place": p.spread.place,
        }
    return fields


def _cited(name: str) -> str:
    from ketasim.evidence import study

    found = study(name)
    doi = f" doi:{found.doi}" if found.doi else " (no DOI)"
    return f"{found.study_id}: {found.citation}{doi}" + (
        " [DOI recalled, not seen]" if found.doi_basis == "recalled" else ""
    )


def _quantity(name: str) -> Fields | None:
    from ketasim.system.bind import whole_system

    q = whole_system().quantities.get(name)
    if q is None:
        return None
    from ketasim.system.grade import said

    models = whole_system().layer_models(q.layer).values()
    sources = q.sources if q.drug else sorted({s for m in models for s in m.sources})
    fields: Fields = {
        "quantity": q.name,
        "title": q.title,
        "unit": q.unit,
        "layer": q.layer,
        "calibration": q.calibration,
    }
    if q.grade or q.grades:
        fields["grade"] = said(q.grade)
        fields["grade_with"] = {drug: said(grade) for drug, grade in q.grades.items()}
    return fields | {"sources": [{"source": _cited(s)} for s in sources]}


def _drug(name: str) -> Fields | None:
    from ketasim.system.drugs import drugs

    for d in drugs().values():
        if name == d.name or name in d.aliases:
            fields: Fields = {
                "drug": d.name,
                "title": d.title,
                "isomers": dict(d.isomers),
                "aliases": list(d.aliases),
                "not_available": d.missing,
            }
            if d.missing or d.inert:
                return fields
            return fields | _kinetics(d)
    return None


def _kinetics(drug: Any) -> Fields:
    """Return the routes of a drug in the species that is given it, its models, their state of calibration, and its numbers."""
    from ketasim.parameters import builtin_table
    from ketasim.system.bind import whole_system
    from ketasim.system.species import home_of, species_table

    home, ways = home_of(drug, builtin_table())
    system, table = whole_system(home), species_table(builtin_table(), home)
    own = [i for i, variant in system.variants.items() if variant.rpartition("_")[2] in drug.isomers]
    fields: Fields = {
        "species": home,
        "routes": ways,
        "note": drug.note,
        "models": list(dict.fromkeys(system.homes[i] for i in own)),
        "calibration": ", ".join(dict.fromkeys(system.models[i].calibration for i in own)),
    }
    names = dict.fromkeys(p for i in own for p in system.parameters[i])
    found = [table.resolve(n) for n in names]
    keys = ("name", "value", "unit", "status", "grade", "place", "reason", "evidence_row", "weight_scaling", "range")
    values = [{k: v for k, v in _value(p).items() if k in keys and v not in ("", None)} for p in found]
    return fields | {
        "parameters": values,
        "sources": [{"source": _cited(s)} for s in sorted({p.source for p in found if p.source})],
    }


def _comedication(name: str) -> Fields | None:
    from ketasim.evidence import observation
    from ketasim.parameters import builtin_table
    from ketasim.system.interactions import COMBINED, find_interaction

    found, table = find_interaction(name), builtin_table()
    fields: Fields = {"comedication": found.name, "title": found.title, "aliases": list(found.aliases)}
    fields["multipliers"] = [{"multiplies": t, **_value(table.resolve(f))} for t, f in found.multiply.items()]
    fields["observed"] = [_figure(observation(row)) for row in found.rows]
    return fields | {"note": found.note, "with_others": COMBINED}


def _figure(o: Any) -> Fields:
    kept = ("row_id", "study_id", "route", "arm", "measure", "value", "low", "high", "unit", "role", "verified")
    return {k: getattr(o, k) for k in kept}


def _effect(name: str) -> Fields | None:
    """The effect of a covariate, every effect for "covariates"; a parameter of the same name is shown beside it."""
    from ketasim.population import effects

    if name == "covariates":
        return {"covariates": [_effect_fields(e) for e in effects().values()]}
    return _effect_fields(effects()[name]) if name in effects() else None


def _effect_fields(e: Any) -> Fields:
    from ketasim.evidence import observation
    from ketasim.parameters import builtin_table

    table = builtin_table()
    fields: Fields = {"effect": e.name, "title": e.title, "covariate": e.covariate, "evidence": e.grade}
    fields["state"] = "on" if e.on else "off" if e.terms else "off: not quantified"
    fields["terms"] = [
        {"target": t.target, "form": t.form + (" (odds)" if t.odds else ""), **t.numbers, "factors": dict(t.factors)}
        for t in e.terms
    ]
    fields["numbers"] = [_value(table.resolve(n)) for n in e.used()]
    fields["sources"] = [{"source": _cited(s)} for s in e.sources]
    fields["observed"] = [_figure(observation(row)) for row in e.rows]
    return fields | {"rivals": list(e.rivals)}


def _population(name: str) -> Fields | None:
    from ketasim.population import populations

    p = populations().get(name)
    if p is None:
        return None
    given = {n: _distribution(m) for n, m in p.given.items()}
    return {"population": p.kind, "title": p.title, "covariates": given, "effects": list(p.effects), "note": p.note}


def _distribution(marginal: Any) -> Fields:
    """The fields of a distribution, those by sex one below the other."""
    fields = {k: v for k, v in vars(marginal).items() if k not in ("by", "about", "drawn", "log") and v != ()}
    if "shares" in fields:
        fields["shares"] = dict(fields["shares"])
    kind = "lognormal " if getattr(marginal, "log", False) else ""
    fields = {f"{kind}{k}" if k in ("center", "sd") else k: v for k, v in fields.items()}
    fields |= {sex: _distribution(m) for sex, m in getattr(marginal, "by", {}).items()}
    return fields | dict(marginal.about)


def _scenario(name: str) -> Fields | None:
    from ketasim.scenario import bundled, load_scenario

    return {"scenario": name, "text": "\n" + load_scenario(name).text} if name in bundled() else None


def _study(name: str) -> Fields | None:
    from ketasim.evidence import observations, study

    found = study(name)
    fields: Fields = {"study": found.study_id}
    fields |= {k: v for k, v in found.model_dump().items() if k != "study_id"}
    rows = observations(study=found.study_id)
    fields["figures"] = [
        {
            "row": o.row_id,
            "arm": o.arm,
            "measure": o.measure,
            "value": o.value,
            "low": o.low,
            "high": o.high,
            "unit": o.unit,
            "verified": o.verified,
        }
        for o in rows
    ]
    return fields


def _lesion(name: str) -> Fields | None:
    from ketasim.parameters import builtin_table
    from ketasim.system.switches import lesions, usable_way

    one = lesions().get(name)
    if one is None:
        return None
    way = usable_way(one, builtin_table())
    fields: Fields = {"lesion": one.name, "title": one.title, "means": one.means, "available": way is not None}
    return fields | {"sets": dict(way or {}), "needs": one.needs}


def _hypothesis(name: str) -> Fields | None:
    from ketasim.parameters import builtin_table
    from ketasim.system.switches import hypotheses, usable_way

    one = hypotheses().get(name)
    if one is None:
        return None
    way = usable_way(one, builtin_table()) or {}
    fields: Fields = {"hypothesis": one.name, "title": one.title, "means": one.means, "default": one.default}
    fields |= {"sets_at_weight_1": dict(way.get("set", {})), "scales": list(way.get("scale", []))}
    fields["supports"] = [{"source": _cited(s)} for s in one.supports]
    return fields | {"opposes": [{"source": _cited(s)} for s in one.opposes]}


def _claim(name: str) -> Fields | None:
    from ketasim.claims import claim

    return claim(name).to_dict()


_LOOKUPS: tuple[Callable[[str], Fields | None], ...] = (
    _parameter,
    _quantity,
    _drug,
    _comedication,
    _effect,
    _population,
    _scenario,
    _lesion,
    _hypothesis,
    _claim,
    _study,
)


def _all_names() -> list[str]:
    from ketasim.cli.listing import KINDS

    names: list[str] = []
    kinds = ("parameters", "quantities", "drugs", "comedication", "covariates", "populations", "scenarios")
    for kind in (*kinds, "lesions", "hypotheses"):
        names += [row["name"] for row in KINDS[kind]()]
    return names
