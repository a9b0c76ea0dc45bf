"""Try a saved Scorer: ``python -m serving.rehearsal FOLDER`` ends with 0 if it can be used."""

from __future__ import annotations

import sys
from pathlib import Path

from serving.champion import load_scorer, warm_up


def main(arguments: list[str]) -> int:
    """Load the Scorer in a folder, score and explain its example.

    Returns
    -------
    int
        0. Whatever is wrong with the folder ends the process otherwise.
    """
    (folder,) = arguments
    warm_up(load_scorer(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
