"""The operator's command line: `pliant …`, also `python -m app.cli …`."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.db.session import SessionMaker, make_engine, make_sessions, transaction
from app.domain.errors import PliantError
from app.embedded import cluster, folders, postgres, valkey
from app.embedded.children import running
from app.embedded.installation import CODE, PortTaken, run_installation
from app.embedded.supervisor import AlreadyRunning, only_one
from app.security.permissions import SYSTEM, Permission, Role
from app.services import (
    accounts,
    api_keys,
    demo,
    doctor,
    first_start,
    imports,
    published_images,
    reproduction,
    restored_copies,
)
from app.services import simulate as simulation
from app.services.analyses import requirements_of
from app.services.doctor import Check
from app.settings import Settings
from app.storage import open_store, storage_url

FAILED = 1
CANNOT_BEGIN = 2
"""Nothing was started or changed: the port, the folder or a setting stands in the way."""
ASK_AGAIN_SECONDS = 10.0

pliant = typer.Typer(
    name="pliant",
    help="Donor red cell deformability from ordinary microscope images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
user = typer.Typer(help="People who sign in.", no_args_is_help=True)
api_key = typer.Typer(help="Keys for programs.", no_args_is_help=True)
webhook = typer.Typer(help="Other programs that are told of results.", no_args_is_help=True)
pliant.add_typer(user, name="user")
pliant.add_typer(api_key, name="api-key")
pliant.add_typer(webhook, name="webhook")

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


class NotRunning(Exception):  # noqa: N818  reads as a sentence
    """A command needs the database and no server is there."""


def main() -> None:
    """Run a command; say what went wrong in one sentence, without a traceback."""
    try:
        pliant()
    except (AlreadyRunning, PortTaken) as refusal:
        _fail(str(refusal), CANNOT_BEGIN)
    except ValidationError as error:
        _fail(_wrong_settings(error), CANNOT_BEGIN)
    except PliantError as error:
        _fail(error.message, FAILED)
    except (NotRunning, folders.CannotStart) as refusal:
        _fail(str(refusal), FAILED)


def _fail(message: str, code: int) -> None:
    typer.echo(message, err=True)
    sys.exit(code)


def _wrong_settings(error: ValidationError) -> str:
    wrong = [f"PLIANT_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
    return "\n".join(["These settings are wrong (docs/settings.md has them all):", *wrong])


@pliant.command()
def up() -> None:
    """Run everything on this machine in the foreground; Ctrl-C stops it."""
    raise typer.Exit(run_installation(Settings()))


@pliant.command(hidden=True)
def prepare() -> None:
    """Make what a first start needs; the last line is JSON, [[role, path of a sign-in], ...]."""
    sign_ins = first_start.prepare(Settings())
    typer.echo(json.dumps([[role.value, path] for role, path in sign_ins]))


@pliant.command("demo")
def make_demo() -> None:
    """Queue the demonstration donors on a running Pliant; those already there stay."""
    with _database() as session:
        demo.queue_demonstration(session)
    typer.echo("The demonstration donors are being made; they appear under Samples.")


@user.command("create")
def create_user(
    name: Annotated[str, typer.Option(help="How the person signs in.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")],
) -> None:
    """Make an account; the last line is the path of a link that signs in once."""
    with _database() as session:
        account = accounts.create_account(session, SYSTEM, name=name, role=role)
        link = accounts.make_sign_in_link(session, SYSTEM, account.id)
    typer.echo("The person signs in once, within a day, at Pliant's address followed by:")
    typer.echo(link)


@user.command("link")
def sign_in_link(name: Annotated[str, typer.Option(help="How the person signs in.")]) -> None:
    """Let a person in again who lost the password; the last line is a one-time link's path."""
    with _database() as session:
        found = [account for account in accounts.list_accounts(session) if account.name == name]
        if not found:
            raise NotRunning(f"There is no account named {name}; see 'pliant user create'.")
        link = accounts.make_sign_in_link(session, SYSTEM, found[0].id)
    typer.echo(link)


@api_key.command("create")
def create_api_key(
    name: Annotated[str, typer.Option(help="Which program it is for.")],
    role: Annotated[Role, typer.Option(help="technician, lims or administrator.")],
    days: Annotated[int, typer.Option(help="How long it works.")] = api_keys.LONGEST_DAYS,
    scope: Annotated[
        list[Permission] | None,
        typer.Option(help="Limit it to this of what its role may do; repeat it."),
    ] = None,
) -> None:
    """Make an API key; the last line is the key, which is never shown again."""
    with _database() as session:
        created = api_keys.create_key(
            session, SYSTEM, name=name, role=role, days=days, scopes=scope or None
        )
    typer.echo(f"The key of {name} ({role.value}), valid until {created.key.expires_at:%Y-%m-%d}:")
    typer.echo(created.token)


@webhook.command("hold")
def hold_webhooks() -> None:
    """Switch all off: before a restored copy starts, which would send again what waits in it."""
    with _server_alone(), _database() as session:
        n_held = restored_copies.hold_webhooks(session, SYSTEM)
    typer.echo(f"{n_held} webhooks are held; switch each on again at /webhooks when it may send.")


@contextmanager
def _server_alone() -> Iterator[None]:
    """Run the private database and nothing else, unless it runs or another is set."""
    settings = Settings()
    data_dir = settings.data_dir.absolute()
    is_there = (data_dir / "postgres" / "cluster").exists()
    if settings.database_url is not None or not is_there or postgres.is_running(data_dir):
        yield
        return
    log = data_dir / "logs" / "postgres.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    with only_one(data_dir), running(postgres.postgres_child(data_dir), log=log):
        yield


@pliant.command()
def simulate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write.")],
    donors: Annotated[int, typer.Option(min=1, help="How many donors to draw.")] = 1,
    wells: Annotated[int, typer.Option(min=1, help="Wells per sample.")] = 2,
    images: Annotated[int, typer.Option(min=1, help="Images per well.")] = 25,
    sorted_outlet: Annotated[
        list[int] | None, typer.Option(min=1, max=12, help="Also cells of this outlet; repeat it.")
    ] = None,
    bits: Annotated[int, typer.Option(help="8, or 24 with equal channels.")] = 8,
    seed: Annotated[int, typer.Option(help="The same number draws the same images.")] = 1,
) -> None:
    """Write drawn samples whose truth is known: bitmaps, and the truth beside each."""
    folder.mkdir(parents=True, exist_ok=True)
    simulation.simulate(
        folder,
        donors=donors,
        wells=wells,
        images_per_well=images,
        sorted_outlets=sorted_outlet or (),
        bits=bits,
        seed=seed,
    )
    typer.echo(f"Written to {folder}; the truth is in truth.json and beside each image.")


@pliant.command("import-frdr")
def import_frdr(
    source: Annotated[Path, typer.Argument(metavar="PATH", help="The download: folder or ZIP.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say what is there.")] = False,
) -> None:
    """Bring the published image set in; run it again after a break and it goes on."""
    with ExitStack() as opened:
        delivery = published_images.find_images(source, opened)
        for line in imports.describe(delivery, workers=Settings().workers):
            typer.echo(line)
        if not check:
            _import(delivery)


def _import(delivery: published_images.Delivery) -> None:
    with _installation() as (settings, sessions):
        imports.refuse_without_room(delivery, free_bytes=doctor.free_bytes(settings.data_dir))
        importer = imports.Importer(
            sessions,
            open_store(storage_url(settings)),
            SYSTEM,
            max_image_bytes=settings.max_body_bytes,
            run_sd=settings.reference_run_sd,
        )
        report = importer.take(delivery, _say_place(len(delivery.images)))
    for refusal in report.refused:
        typer.echo(f"refused {refusal.name}: {refusal.message} ({refusal.code})", err=True)
    typer.echo(
        f"{report.n_new} images are new, {report.n_known} were there, {len(report.refused)} were "
        "refused. The workers judge them now; see Samples."
    )
    if report.refused:
        raise typer.Exit(FAILED)


@pliant.command()
def reproduce(
    architecture: Annotated[
        str, typer.Option(help="compact: minutes a donor; published: days a donor without a GPU.")
    ] = "compact",
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the cells.")] = None,
    cells: Annotated[
        int | None, typer.Option(min=20, help="At most so many cells of each class.")
    ] = None,
    *,
    wait: Annotated[bool, typer.Option(help="Until all is done; what began goes on.")] = True,
) -> None:
    """Print table 3 of the paper beside what the imported images give here."""
    protocol = reproduction.Protocol(architecture, epochs, cells)
    with _installation() as (settings, sessions):
        with transaction(sessions) as session:
            reproduction.begin(session, SYSTEM, protocol, is_enabled=settings.training)
        while (table := _reproduced(settings, sessions, protocol)).waiting and wait:
            typer.echo(f"waiting for {', '.join(table.waiting)}", err=True)
            time.sleep(ASK_AGAIN_SECONDS)
    for line in reproduction.print_table(table):
        typer.echo(line)
    if table.failures:
        raise typer.Exit(FAILED)


def _reproduced(
    settings: Settings, sessions: SessionMaker, protocol: reproduction.Protocol
) -> reproduction.Table:
    with transaction(sessions) as session:
        needs = requirements_of(settings)
        reproduction.score_unsorted(session, SYSTEM, protocol, parameters=needs)
        return reproduction.read_table(session, protocol)


def _say_place(total: int) -> imports.OnImage:
    """One line per well, so that a log of hours stays short."""
    wells: set[str] = set()

    def say(seen: int, image: published_images.SourceImage) -> None:
        if image.place.name not in wells:
            wells.add(image.place.name)
            typer.echo(f"{seen} of {total}: {image.place.name}")

    return say


@pliant.command(context_settings=PASS_ON)
def score(context: typer.Context) -> None:
    """Score a folder of bitmaps without a server: DIR; the result is JSON."""
    _become_offline("score", context.args)


@pliant.command(context_settings=PASS_ON)
def train(context: typer.Context) -> None:
    """Train a network without a server; `pliant train --help` has the options."""
    _become_offline("train", context.args)


def _become_offline(command: str, arguments: Sequence[str]) -> None:
    """Replace this process: the core may not import the network, only start it."""
    paths = [str(CODE), *filter(None, [os.environ.get("PYTHONPATH")])]
    argv = [sys.executable, "-m", "worker.offline", command, *arguments]
    sys.stdout.flush()
    os.execve(  # noqa: S606  our own interpreter, no shell
        sys.executable, argv, {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    )


@pliant.command("doctor")
def examine() -> None:
    """Check this machine and installation; exit code 1 if something is wrong."""
    settings = Settings()
    checks = [*doctor.check_machine(settings), *_check_servers(settings)]
    for check in checks:
        typer.echo(f"{'ok   ' if check.ok else 'WRONG'} {check.name}: {check.message}")
    raise typer.Exit(0 if all(check.ok for check in checks) else FAILED)


def _check_servers(settings: Settings) -> Iterator[Check]:
    data_dir = settings.data_dir.absolute()
    if settings.database_url is not None or postgres.is_running(data_dir):
        yield doctor.check_database(_with_database(settings))
        yield doctor.check_controls(_with_database(settings))
    else:
        yield _check_program("PostgreSQL", lambda: cluster.programs(folders.server_account()))
    if settings.broker_url is None:
        yield _check_program("Valkey", valkey.program)


def _check_program(name: str, find: Callable[[], Path]) -> Check:
    try:
        return Check(name, ok=True, message=f"not running; its programs are at {find()}")
    except folders.CannotStart as refusal:
        return Check(name, ok=False, message=str(refusal))


@contextmanager
def _database() -> Iterator[Session]:
    """Open a transaction on the database of the settings, or of the `pliant up` that runs."""
    with _installation() as (_, sessions), transaction(sessions) as session:
        yield session


@contextmanager
def _installation() -> Iterator[tuple[Settings, SessionMaker]]:
    settings = _with_database(Settings())
    assert settings.database_url is not None, "found, or refused"
    engine = make_engine(settings.database_url, pool_size=1)
    try:
        yield settings, make_sessions(engine)
    finally:
        engine.dispose()


def _with_database(settings: Settings) -> Settings:
    data_dir = settings.data_dir.absolute()
    if settings.database_url is not None:
        return settings
    if not postgres.is_running(data_dir):
        raise NotRunning(
            f"Pliant does not run on {data_dir}: start it with 'pliant up', "
            "or set PLIANT_DATA_DIR or PLIANT_DATABASE_URL to the one that does"
        )
    return settings.model_copy(update={"database_url": postgres.app_url(data_dir)})


if __name__ == "__main__":
    main()
