"""`ketasim circuit`: the networks, run, swept, mapped and checked."""

from __future__ import annotations

from typing import Annotated

import typer

circuit = typer.Typer(
    name="circuit",
    help="The circuits cell by cell, and the smooth maps by which the weeks-long model knows them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="A network (see `ketasim circuit list`) or the path of one's own data file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone on standard output.")]
Workers = Annotated[str | None, typer.Option(help="Processes, one thread each (default 1).")]
Seed = Annotated[str | None, typer.Option(help="Seed of the random numbers.")]
Sweep = Annotated[str | None, typer.Option(help="A sweep's Parquet file (default: the one kept with the package).")]


@circuit.command("list")
def list_command(json: Json = False) -> None:
    """List the networks with axes, outputs, and whether sweep and maps stand."""
    from ketasim.cli.circuit_run import print_networks

    print_networks(as_json=json)


@circuit.command("run")
def run_command(
    name: Name,
    at: Annotated[str | None, typer.Option(help="Condition, such as block_pv=0.2,gaba=1; other axes rest.")] = None,
    seed: Seed = None,
    duration: Annotated[str | None, typer.Option(help="Model time in s.")] = None,
    json: Json = False,
) -> None:
    """Simulate a network once."""
    from ketasim.cli.circuit_run import print_run

    print_run(name, at=at, seed=seed, duration=duration, as_json=json)


@circuit.command("sweep")
def sweep_command(
    name: Name,
    points: Annotated[
        str | None, typer.Option(help="Quasi-random points (default: as the network's file says).")
    ] = None,
    workers: Workers = None,
    seed: Seed = None,
    out: Annotated[str | None, typer.Option(help="Folder of the finished runs (default out/circuit/NAME).")] = None,
    until: Annotated[
        str | None, typer.Option(help="Begin no run after so many minutes; the same command goes on.")
    ] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Leave the package's data as they are.")] = False,
) -> None:
    """Run a network over its axes; a sweep that was stopped goes on where it was."""
    from ketasim.cli.circuit_make import sweep_and_keep

    sweep_and_keep(name, points=points, workers=workers, seed=seed, out=out, until=until, dry=dry)


@circuit.command("maps")
def maps_command(
    name: Name,
    sweep: Sweep = None,
    out: Annotated[str | None, typer.Option(help="File of the maps (default: the package's own).")] = None,
    json: Json = False,
) -> None:
    """Fit the maps of a network to its sweep."""
    from ketasim.cli.circuit_make import maps_and_keep

    maps_and_keep(name, sweep=sweep, out=out, as_json=json)


@circuit.command("check")
def check_command(
    name: Name,
    points: Annotated[str | None, typer.Option(help="Runs done again, and as many fresh ones (default 5).")] = None,
    workers: Workers = None,
    seed: Seed = None,
    sweep: Sweep = None,
    json: Json = False,
) -> None:
    """Hold maps against the network: exit status 1 if they differ by more than their error allows."""
    from ketasim.cli.circuit_check import print_check

    print_check(name, points=points, workers=workers, seed=seed, sweep=sweep, as_json=json)


@circuit.command("numerics")
def numerics_command(
    name: Name,
    repeats: Annotated[str | None, typer.Option(help="Seeds of each variant (default 8).")] = None,
    workers: Workers = None,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Halve the step and double the cells, and hold what changes against the stated uncertainty."""
    from ketasim.cli.circuit_check import print_numerics

    print_numerics(name, repeats=repeats, workers=workers, seed=seed, as_json=json)


@circuit.command("figure")
def figure_command(
    name: Name,
    out: Annotated[str, typer.Option(help="The file, such as prefrontal.png.")],
    maps: Annotated[bool, typer.Option("--maps", help="The maps, output by output and axis by axis.")] = False,
    outputs: Annotated[str | None, typer.Option(help="With --maps: comma-separated outputs (default: all).")] = None,
    sweep: Sweep = None,
) -> None:
    """Draw a network at work, or its maps."""
    from ketasim.cli.circuit_make import draw_figure

    draw_figure(name, out=out, maps=maps, outputs=outputs, sweep=sweep)
