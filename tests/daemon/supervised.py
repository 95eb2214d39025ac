"""A supervisor in a process of its own.

``python -m tests.daemon.supervised FOLDER PATIENCE NAME=BEHAVIOR ...``; the patience as JSON.
"""

import json
import sys
from pathlib import Path

from daemon.process import sd_notify
from daemon.process.stage_name import StageName
from daemon.process.supervisor import Patience, Supervisor
from tests.daemon import stage_program


def supervise(folder: Path, patience: Patience, behaviors: dict[str, str]) -> int:
    stage_program.note(folder, "begun", "supervisor")
    commands = {
        StageName(name): [sys.executable, "-m", stage_program.__name__, str(folder), name, behavior]
        for name, behavior in behaviors.items()
    }
    listener = sd_notify.listen(folder / "notify")
    status = Supervisor(commands, listener, patience).run()
    listener.close()
    stage_program.note(folder, "ended", "supervisor")
    return status


if __name__ == "__main__":
    place, patience_json, *stages = sys.argv[1:]
    sys.exit(
        supervise(
            Path(place),
            Patience(**json.loads(patience_json)),
            dict(argument.split("=") for argument in stages),
        )
    )
