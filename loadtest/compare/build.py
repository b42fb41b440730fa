"""Builds Tidegate and loadtest, unless the command line names them."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def build(settings):
    if settings.tidegate and settings.loadtest:
        return
    command = ["cargo", "build", "--release", "--locked", "--bin", "tidegate", "--package", "tidegate", "--package", "loadtest"]
    subprocess.run([*command, "--bin", "loadtest"], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    settings.tidegate = settings.tidegate or str(target / "tidegate")
    settings.loadtest = settings.loadtest or str(target / "loadtest")
