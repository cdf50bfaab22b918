"""What the Dockerfile and the Compose file say, carried out without a container engine.

An image becomes a folder with a virtual environment: COPY copies tracked files that .dockerignore
lets through, RUN lines that install are run as they stand. A service becomes a process with the
image's entry point and the service's command, settings and secrets.

What two stages are built from is made once, as an engine does: its files are there again as links.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.architecture.repository import ROOT, tracked_files

SECRETS = "/run/secrets"
STATE = "/var/lib/pliant"


@dataclass(frozen=True, kw_only=True)
class Instruction:
    word: str
    rest: str

    @property
    def installs(self) -> bool:
        return self.word == "RUN" and self.rest.startswith("python -m pip install")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One FROM of the Dockerfile: another stage or a published image, and what is done to it."""

    base: "Stage | None"
    own: list[Instruction] = field(default_factory=list)

    @property
    def steps(self) -> list[Instruction]:
        """Every instruction, those of the stage it is built from first."""
        return [*(self.base.steps if self.base else ()), *self.own]

    @property
    def files(self) -> tuple[str, ...]:
        """What decides its files; stages that differ only in their command agree."""
        return tuple(step.rest for step in self.steps if step.word == "COPY" or step.installs)


def dockerfile_stages(text: str) -> dict[str, Stage]:
    stages: dict[str, Stage] = {}
    current = Stage(base=None)
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            current = stages[name] = Stage(base=stages.get(base))
        elif word and not word.startswith("#"):
            current.own.append(Instruction(word=word, rest=rest.strip()))
    return stages


@dataclass(frozen=True, kw_only=True)
class Image:
    """A built image: its working folder, the state folder, and what it runs by itself."""

    folder: Path
    environment: Mapping[str, str]
    entrypoint: list[str]
    command: list[str]
    healthcheck: list[str]


def build(stage: Stage, root: Path, made: dict[tuple[str, ...], Path]) -> Path:
    """Carry out what a stage is made of, COPY and the RUN lines that install, unless it is made."""
    if stage.files not in made:
        base = build(stage.base, root, made) if stage.base else None
        folder = root / str(len(made))
        if base:
            link(base, folder)
        else:
            (folder / "work").mkdir(parents=True)
            subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        for step in stage.own:
            carry_out(step, folder, environment_of(stage.steps, folder))
        made[stage.files] = folder
    return made[stage.files]


def carry_out(step: Instruction, folder: Path, environment: Mapping[str, str]) -> None:
    work = folder / "work"
    if step.word == "COPY":
        copy(step.rest, work)
    elif step.installs:
        # Byte code would double the time and tell nothing.
        environment = {**environment, "PIP_NO_COMPILE": "1"}
        subprocess.run(step.rest, shell=True, cwd=work, env=environment, check=True)


def link(base: Path, folder: Path) -> None:
    """Give a folder every file of another; only its programs name the folder, and get their own."""
    shutil.copytree(base, folder, symlinks=True, copy_function=os.link)
    for program in programs(folder):
        text = program.read_text(encoding="utf-8").replace(str(base), str(folder))
        mode = program.stat().st_mode
        program.unlink()
        program.write_text(text, encoding="utf-8")
        program.chmod(mode)


def programs(folder: Path) -> list[Path]:
    """The scripts of an environment, each of which names the Python that runs it."""
    files = (path for path in (folder / "venv" / "bin").iterdir() if not path.is_symlink())
    return [path for path in files if path.read_bytes().startswith(b"#!")]


def image(steps: list[Instruction], folder: Path) -> Image:
    last = {step.word: step.rest for step in steps}
    return Image(
        folder=folder,
        environment=environment_of(steps, folder),
        entrypoint=json.loads(last["ENTRYPOINT"]),
        command=json.loads(last["CMD"]),
        healthcheck=json.loads(last["HEALTHCHECK"].partition("CMD ")[2]),
    )


def environment_of(steps: list[Instruction], folder: Path) -> dict[str, str]:
    pairs = (pair for step in steps if step.word == "ENV" for pair in step.rest.split())
    settings = (in_folder(pair, folder).partition("=") for pair in pairs)
    own = {name: value for name, _, value in settings}
    path = f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"
    return clean_environment() | own | {"PATH": path}


def clean_environment() -> dict[str, str]:
    """Leave out what would make a process work here that would not work in a container."""
    mine = ("PLIANT_", "AWS_", "PG", "PYTHON", "VIRTUAL_ENV", "COVERAGE")
    return {name: value for name, value in os.environ.items() if not name.startswith(mine)}


def in_folder(value: str, folder: Path) -> str:
    return value.replace(STATE, str(folder / "state"))


def copy(rest: str, work: Path) -> None:
    source, target = rest.split()
    for path in tracked_files(source):
        name = path.relative_to(ROOT)
        if not is_let_through(name):
            continue
        to = work / (name if source == "." else target)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.unlink(missing_ok=True)  # it may be a link to what another stage has
        shutil.copyfile(path, to)


def is_let_through(name: Path) -> bool:
    """Apply .dockerignore, which leaves out everything and names what may enter."""
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return any(name.is_relative_to(line[1:]) for line in allowed if line.startswith("!"))


def compose_services() -> dict[str, dict[str, Any]]:
    return dict(compose_config()["services"])


def compose_config() -> dict[str, Any]:
    """Return the Compose file as Compose itself reads it, without a `.env` of this machine."""
    finished = subprocess.run(
        [Path(sys.executable).with_name("docker-compose"), *compose_arguments()],
        env=clean_environment(),
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return dict(json.loads(finished.stdout))


def compose_arguments() -> list[str]:
    return ["--env-file", os.devnull, "--profile", "*", "config", "--format", "json"]


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service ready to be started as processes: command lines and environment."""

    image: Image
    argv: list[str]
    healthcheck: list[str] | None
    environment: Mapping[str, str] = field(repr=False)

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv,
            env=self.environment,
            cwd=self.image.folder / "work",
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                self.argv,
                env=self.environment,
                cwd=self.image.folder / "work",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_healthy(self) -> bool:
        assert self.healthcheck is not None
        finished = subprocess.run(
            self.healthcheck,
            env=self.environment,
            cwd=self.image.folder / "work",
            check=False,
            capture_output=True,
        )
        return finished.returncode == 0


def prepare(
    base: Image, service: Mapping[str, Any], *, secrets: Path, replace: Mapping[str, str]
) -> Service:
    """Give a service its image; `replace` puts this machine's addresses for the containers'."""
    own = base.folder / f"secrets-{len(list(base.folder.iterdir()))}"
    own.mkdir()
    for secret in service["secrets"]:
        shutil.copyfile(secrets / secret["source"], own / Path(secret["target"]).name)

    def here(text: str) -> str:
        for there, local in replace.items():
            text = text.replace(there, local)
        return in_folder(text, base.folder).replace(SECRETS, str(own))

    settings = {name: here(value) for name, value in service["environment"].items()}
    disabled = service.get("healthcheck", {}).get("disable", False)
    return Service(
        image=base,
        argv=[here(word) for word in (*base.entrypoint, *(service["command"] or base.command))],
        environment={**base.environment, **settings},
        healthcheck=None if disabled else [here(word) for word in base.healthcheck],
    )


def stages_of(services: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield each service of ours with the stage of the Dockerfile it runs."""
    for name, service in services.items():
        if "build" in service:
            yield name, service["build"]["target"]
