"""A supervisor with stand-in children, from the command line: DATA_DIR and the stages as JSON."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.embedded.children import Child
from app.embedded.journal import Journal
from app.embedded.supervisor import AlreadyRunning, Supervisor, only_one


def stand_in(folder: Path, plan: Mapping[str, Any]) -> Child:
    """Return a child from JSON; `ready` names a file that it makes."""
    options = dict(plan)
    ready = options.pop("ready", None)
    if ready:
        options["ready"] = (folder / ready).exists
    return Child(cwd=folder, **(options | {"argv": tuple(options["argv"])}))


def main(folder: Path, plan: str) -> int:
    stages = [[stand_in(folder, child) for child in stage] for stage in json.loads(plan)]
    try:
        with only_one(folder) as lock:
            return Supervisor(
                stages,
                journal=Journal(folder / "logs"),
                hold=lock,
                announce=lambda answers: f"all ready, answers {dict(answers)}",
            ).run()
    except AlreadyRunning as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
