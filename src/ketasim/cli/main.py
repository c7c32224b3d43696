"""`ketasim`: the commands and how errors reach a user (one line, exit status 1 or 2, never a traceback)."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from ketasim.cli.circuit import circuit
from ketasim.errors import KetasimError

app = typer.Typer(
    name="ketasim",
    help="An open, executable model of what ketamine does, from dose to mood. For research and teaching; it gives no dosing advice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(circuit)
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone on standard output.")]


def _version(value: bool) -> None:
    if value:
        from ketasim import __version__

        typer.echo(f"ketasim {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """An open, executable model of what ketamine does, from dose to mood. For research and teaching; it gives no dosing advice."""


@app.command("run")
def run_command(
    scenario: Annotated[
        str, typer.Argument(help="A bundled scenario (see `ketasim list scenarios`) or a path to a TOML file.")
    ],
    size: Annotated[str | None, typer.Option(help="Number of subjects in each arm.")] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of the population.")] = None,
    until: Annotated[str | None, typer.Option(help="End of the simulation, such as 77d.")] = None,
    quantities: Annotated[
        str | None, typer.Option(help="Comma-separated quantities (see `ketasim list quantities`).")
    ] = None,
    times: Annotated[str | None, typer.Option(help='Comma-separated times, such as "40 min,24 h,7 d".')] = None,
    without: Annotated[
        str | None, typer.Option(help="Comma-separated lesions (see `ketasim list lesions`), in every arm.")
    ] = None,
    hypothesis: Annotated[
        list[str] | None,
        typer.Option(
            help="Weight of a rival explanation, NAME=WEIGHT (see `ketasim list hypotheses`); may be repeated."
        ),
    ] = None,
    individuals: Annotated[
        bool,
        typer.Option("--individuals", help="Also write individuals.parquet (a streamed run always writes its parts)."),
    ] = False,
    chunk: Annotated[str | None, typer.Option(help="Subjects solved at a time; does not change the result.")] = None,
    tolerance: Annotated[str | None, typer.Option(help="Relative error aimed at.")] = None,
    part: Annotated[
        str | None, typer.Option(help="Stream the run: subjects in a part, one file each (default 4000 where large).")
    ] = None,
    workers: Annotated[
        str | None, typer.Option(help="Stream the run with this many processes (where large: as many as cores).")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Stream the run over the Dask cluster at this address, such as tcp://HOST:8786.")
    ] = None,
    out: Annotated[str | None, typer.Option(help="Folder for the results (default out/NAME).")] = None,
    json: Json = False,
) -> None:
    """Simulate a scenario and write its report, tables and provenance."""
    from ketasim.cli.run import run_and_write

    run_and_write(
        scenario,
        size=size,
        seed=seed,
        until=until,
        quantities=quantities,
        times=times,
        without=without,
        hypothesis=hypothesis or [],
        individuals=individuals,
        chunk=chunk,
        tolerance=tolerance,
        part=part,
        workers=workers,
        cluster=cluster,
        out=out,
        as_json=json,
    )


@app.command("simulate")
def simulate_command(
    model: Annotated[str, typer.Option(help="A model file (TOML).")],
    parameters: Annotated[str, typer.Option(help="Its parameters (TOML).")],
    dosing: Annotated[str, typer.Option(help="An event table (CSV, NONMEM style) or a regimen (TOML).")],
    population: Annotated[str | None, typer.Option(help="Subjects (CSV); a column overrides a parameter.")] = None,
    covariates: Annotated[
        str | None, typer.Option(help="Covariates of the event table between records: locf or nocb.")
    ] = None,
    times: Annotated[str | None, typer.Option(help='Comma-separated times, such as "40 min,24 h,7 d".')] = None,
    tolerance: Annotated[str | None, typer.Option(help="Relative error aimed at.")] = None,
    individuals: Annotated[bool, typer.Option("--individuals", help="Also write individuals.parquet.")] = False,
    out: Annotated[str, typer.Option(help="Folder for the results.")] = "out/simulate",
    json: Json = False,
) -> None:
    """Simulate your own model for a population."""
    from ketasim.cli.simulate import simulate_and_write

    simulate_and_write(
        model, parameters, dosing, population, covariates=covariates, times=times, tolerance=tolerance,
        individuals=individuals, out=out, as_json=json,
    )  # fmt: skip


@app.command("list")
def list_command(
    kind: Annotated[
        str,
        typer.Argument(
            help="drugs, comedication, covariates, populations, routes, quantities, scenarios, studies, claims, parameters, "
            "lesions or hypotheses."
        ),
    ],
    json: Json = False,
) -> None:
    """List what the project knows of a kind."""
    from ketasim.cli.listing import print_list

    print_list(kind, as_json=json)


@app.command("show")
def show_command(
    name: Annotated[
        str,
        typer.Argument(
            help="A parameter (CL), quantity, drug, co-medication, covariate, population, scenario, lesion, hypothesis, "
            "study (id or DOI) or claim (C001)."
        ),
    ],
    json: Json = False,
) -> None:
    """Show one thing with its sources."""
    from ketasim.cli.show import print_one

    print_one(name, as_json=json)


@app.command("equations")
def equations_command(
    layer: Annotated[str, typer.Argument(help="exposure, receptors, circuit, plasticity, mood or safety.")],
) -> None:
    """Print the equation sheet of a layer in LaTeX."""
    from ketasim.cli.show import print_equations

    print_equations(layer)


@app.command("study")
def study_command(
    name: Annotated[
        str | None, typer.Argument(help="A study (see `ketasim list studies`) or a path to a TOML file.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Replicate every study.")] = False,
    out: Annotated[str | None, typer.Option(help="Folder for the report (of --all: out/studies).")] = None,
    workers: Annotated[str | None, typer.Option(help="Processes (default: one for each core).")] = None,
    json: Json = False,
) -> None:
    """Replicate a published study as it was designed and compare each endpoint."""
    from ketasim.cli.study import print_study

    print_study(name, every=every, out=out, workers=workers, as_json=json)


@app.command("trial")
def trial_command(
    design: Annotated[str, typer.Argument(help="The TOML file of a trial (docs/trials.md).")],
    replicates: Annotated[str | None, typer.Option(help="Virtual trials (default 500).")] = None,
    draws: Annotated[
        str | None, typer.Option(help="Parameter draws behind them; 1: the shipped numbers alone.")
    ] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of everything random.")] = None,
    alpha: Annotated[str | None, typer.Option(help="Error of the first kind (default 0.05).")] = None,
    power: Annotated[str | None, typer.Option(help="Also search the size that this power takes.")] = None,
    null: Annotated[str | None, typer.Option(help="Treat every arm as this one: what chance alone does.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder for the report (default out/trial_NAME).")] = None,
    json: Json = False,
) -> None:
    """Run virtual trials of your own design: power, error rates, sample size."""
    from ketasim.cli.trial import run_trial

    run_trial(
        design,
        replicates=replicates,
        draws=draws,
        seed=seed,
        alpha=alpha,
        power=power,
        null=null,
        out=out,
        as_json=json,
    )


@app.command("claims")
def claims_command(
    claim: Annotated[list[str] | None, typer.Argument(help="One claim or several, such as C016; none: all.")] = None,
    compute: Annotated[
        bool,
        typer.Option("--compute", help="Run the experiments (of all that are missing or stale) and keep the verdicts."),
    ] = False,
    draws: Annotated[str | None, typer.Option(help="Parameter draws of an experiment (default: as it says).")] = None,
    workers: Annotated[
        str | None, typer.Option(help="Processes that compute several claims (default: one for each core).")
    ] = None,
    json: Json = False,
) -> None:
    """The episode's statements and what the model and the literature say of them."""
    from ketasim.cli.claims import print_claims

    print_claims(claim or [], compute=compute, draws=draws, workers=workers, as_json=json)


@app.command("qualify")
def qualify_command(
    design: Annotated[str, typer.Argument(help="What to hold against published studies, such as exposure.")],
    out: Annotated[str | None, typer.Option(help="Folder for the results (default out/qualify_DESIGN).")] = None,
    draws: Annotated[str | None, typer.Option(help="Parameter draws.")] = None,
    seed: Annotated[str | None, typer.Option(help="Seed of the draws.")] = None,
    only: Annotated[str | None, typer.Option(help="The arms of this study alone.")] = None,
    json: Json = False,
) -> None:
    """Hold predictions against published kinetics: fold errors, coverage, figures."""
    from ketasim.cli.qualify import qualify_and_write

    qualify_and_write(design, out=out, draws=draws, seed=seed, only=only, as_json=json)


@app.command("fit")
def fit_command(
    name: Annotated[str, typer.Argument(help="The fit: exposure.")],
    work: Annotated[str, typer.Option(help="Folder for stages, so that a fit that dies goes on.")] = "out/fit",
    check: Annotated[
        int | None,
        typer.Option(help="Check on this many simulated data sets that the fit recovers what they were made from."),
    ] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Print, and leave the package's data as they are.")] = False,
) -> None:
    """Estimate parameters from published summaries; the result becomes the package's data."""
    from ketasim.cli.fit import fit_and_store

    fit_and_store(name, work=work, check=check, dry=dry)


@app.command("calibrate")
def calibrate_command(
    name: Annotated[str, typer.Argument(help="The calibration: mood.")],
    work: Annotated[
        str, typer.Option(help="Folder for stages, so that a calibration that dies goes on.")
    ] = "out/calibrate",
    check: Annotated[bool, typer.Option("--check", help="Only predict each study from all the others.")] = False,
    smoke: Annotated[bool, typer.Option("--smoke", help="A few rounds of every stage, for tests.")] = False,
    dry: Annotated[bool, typer.Option("--dry", help="Print, and leave the package's data as they are.")] = False,
) -> None:
    """Fit plasticity, mood and trials to published trials; the result becomes the package's data."""
    from ketasim.cli.calibrate import calibrate_and_print

    calibrate_and_print(name, work=work, check=check, smoke=smoke, dry=dry)


@app.command("figure")
def figure_command(
    name: Annotated[str, typer.Argument(help="The figure: and-gate.")],
    out: Annotated[str | None, typer.Option(help="File to write, .png or .svg (default NAME.png).")] = None,
) -> None:
    """Draw a figure of the mechanism: and-gate (when an NMDA channel conducts, without and with ketamine)."""
    from ketasim.cli.figure import draw_and_print

    draw_and_print(name, out=out)


def main(argv: list[str] | None = None) -> Any:
    """Run the command line; return through `sys.exit` with 0 done, 1 the run failed, 2 the input is wrong."""
    from typer.main import get_command

    command = get_command(app)
    try:
        status = command.main(args=argv, prog_name="ketasim", standalone_mode=False)
    except KetasimError as error:
        _say(str(error))
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        _say("interrupted; nothing half-written was left behind")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except MemoryError:
        _say("not enough memory; lower --size, --quantities or --times")
        sys.exit(1)
    except Exception as error:
        _other(error)
    sys.exit(status if isinstance(status, int) else 0)


def _other(error: Exception) -> None:
    """Usage errors of the parser are input errors; anything else is a fault of ours, told in one line."""
    if hasattr(error, "format_message"):
        _say(f"{error.format_message()} (see `ketasim --help`)")
        sys.exit(2)
    if type(error).__name__ == "Abort":
        sys.exit(130)
    import os

    if os.environ.get("KETASIM_DEBUG"):
        raise error
    _say(f"internal fault, please report it: {type(error).__name__}: {error} (KETASIM_DEBUG=1 shows where)")
    sys.exit(1)


def _say(text: str) -> None:
    print(f"ketasim: {' '.join(text.split())}", file=sys.stderr)
