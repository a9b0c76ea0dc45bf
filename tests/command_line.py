"""The ``scoring-ml`` command as a person types it: in a process of its own, or in this one."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from pipelines.cli import main
from scoring_ml.settings import Home

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def arguments(args: tuple[object, ...], home: Home | None) -> list[str]:
    return [*map(str, args), *([] if home is None else ["--home", str(home.root)])]


def run_process(*args: object, cwd: Path, home: Home | None = None) -> Ended:
    """Run the installed command; its imports alone take two seconds."""
    command = [str(BIN / "scoring-ml"), *arguments(args, home)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def run_here(*args: object, cwd: Path, home: Home | None = None) -> Ended:
    """Run the same ``main`` in this process."""
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        try:
            with patch.object(sys, "argv", ["scoring-ml", *arguments(args, home)]):
                main()
        except SystemExit as end:
            code = end.code
    return Ended(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
