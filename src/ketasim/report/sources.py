"""The studies behind a run, and how to run it again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import ketasim.report.html as html
from ketasim.errors import InputError
from ketasim.system.result import Result

_AUTHOR = re.compile(r".+?(?=\s[A-Z]{1,3}\b|,|\s\()")  # the first author's name, before the initials

Sources = Mapping[str, Sequence[str]] | Sequence[str]


def of_layer(sources: Sources, layer: str) -> Sequence[str]:
    """Return the study ids of one layer; none where `sources` is not divided into layers."""
    return sources.get(layer, ()) if isinstance(sources, Mapping) else ()


def all_ids(sources: Sources) -> list[str]:
    """Return every study id once, in the order given."""
    lists = sources.values() if isinstance(sources, Mapping) else (sources,)
    return list(dict.fromkeys(name for one in lists for name in one))


def short_names(ids: Sequence[str]) -> str:
    """Return links (HTML) to the entries of the list of sources."""
    return ", ".join(f'<a href="#source-{escape(i, quote=True)}">{escape(_short(i))}</a>' for i in ids)


def _short(name: str) -> str:
    from ketasim.evidence import study

    try:
        paper = study(name)
    except InputError:
        return name
    author = _AUTHOR.match(paper.citation)
    name = author[0] if author else paper.study_id
    return f"{name} {paper.year}" if paper.year else name


def source_list(ids: Sequence[str]) -> str:
    """Return the studies as a list (HTML); an id that the register lacks stands as it is."""
    return (
        '<ul class="sources">\n' + "\n".join(_entry(i) for i in ids) + "\n</ul>" if ids else "<p>None were named.</p>"
    )


def _entry(name: str) -> str:
    from ketasim.evidence import study

    anchor = f'<li id="source-{escape(name, quote=True)}">'
    try:
        paper = study(name)
    except InputError:
        return f"{anchor}{escape(name)} (not in the register of studies)</li>"
    return f"{anchor}{escape(paper.citation)} {html.doi_link(paper.doi)}</li>"


def reproduce(result: Result, files: Sequence[str | Path]) -> str:
    """Return version, seed, size, command, scenario and hashes as the result's provenance has them (HTML)."""
    kept = {k: v for k, v in result.provenance.items() if k not in ("scenario", "scenario_text", "command")}
    rows = [("seed", str(result.seed)), ("subjects in each arm", f"{result.size:,}"), *_flat(kept)]
    cells = [(escape(k), f"<code>{escape(v)}</code>") for k, v in rows]
    body = html.table("What made this report", ("Name", "Value"), cells, kind="made")
    command = str(result.provenance.get("command") or f"ketasim run SCENARIO --size {result.size} --seed {result.seed}")
    parts = [f"<p>The same command gives the same numbers:</p>\n<pre>{escape(command)}</pre>", body]
    text = result.provenance.get("scenario_text", result.provenance.get("scenario"))
    if text:
        parts.append(html.details("The scenario", f"<pre>{escape(_scenario(text))}</pre>"))
    if files:
        names = "".join(f"<li><code>{escape(Path(f).name)}</code></li>" for f in files)
        parts.append(f"<p>Written beside this report:</p>\n<ul>{names}</ul>")
    return "\n".join(parts)


def _scenario(text: object) -> str:
    return text if isinstance(text, str) else "\n".join(f"{k} = {v}" for k, v in _flat({"": text}))


def _flat(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted key, text) of nested tables and lists."""
    for key, item in tree.items():
        name = f"{prefix}.{key}".strip(".")
        if isinstance(item, Mapping):
            yield from _flat(item, name)
        elif isinstance(item, Sequence) and not isinstance(item, str) and any(isinstance(i, Mapping) for i in item):
            yield from _flat({f"{k + 1}": i for k, i in enumerate(item)}, name)
        else:
            yield name, item if isinstance(item, str) else repr(item) if isinstance(item, float) else str(item)
