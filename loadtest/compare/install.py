"""Gets what the comparison needs and a fresh machine has not: Debian's packages, and Node.js ones in a folder."""

import os
import shutil
import subprocess

from .subjects import NCHAN_MODULE, say

# The package of Debian that a command is in.
PACKAGES = {
    "cc": "build-essential", "node": "nodejs", "nginx": "nginx", "npm": "npm", "openssl": "openssl", "pushpin": "pushpin",
    "strip": "binutils", "taskset": "util-linux", "wrk": "wrk", "zurl": "zurl",
}
BUILD = {"cc"}
# What each subject is started with, beside its own program.
COMMANDS = {
    "nginx": {"nginx"}, "nchan": {"nginx"}, "nchan, one publish": {"nginx"}, "pushpin": {"pushpin", "zurl"},
    "ws": {"node", "npm"}, "serverless-offline": {"node", "npm"},
}
# serverless-offline 13 does not start with the Node.js of Debian 12, so it comes with its own.
NODE_PACKAGES = {"ws": ["ws@8"], "serverless-offline": ["node@22", "serverless@3", "serverless-offline@13"]}


def install(names, loads, cache, build):
    """Installs what is missing for the subjects `names`, the loads `loads` and, if `build`, for building in release."""
    commands = {"strip", "taskset"}.union(*(COMMANDS.get(name, set()) for name in names))
    if build:
        commands |= BUILD
        if not shutil.which("cargo"):
            raise SystemExit("cargo is missing: install Rust from https://rustup.rs, or name built programs with --tidegate and --loadtest")
    if "wrk" in loads:
        commands |= {"nginx", "openssl", "wrk"}  # the backend is an nginx, and issues tokens
    missing = {PACKAGES[one] for one in commands if not shutil.which(one)}
    if any(name.startswith("nchan") for name in names) and not os.path.exists(NCHAN_MODULE):
        missing.add("libnginx-mod-nchan")
    install_debian(sorted(missing))
    for name in sorted(names & NODE_PACKAGES.keys()):
        install_node(cache / name, NODE_PACKAGES[name])


def install_debian(packages):
    if not packages:
        return
    say(f"installing {' '.join(packages)}")
    as_root = [] if os.geteuid() == 0 else ["sudo", "--preserve-env=DEBIAN_FRONTEND"]
    apt = [*as_root, "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    subprocess.run([*apt, "update"], check=True, **quiet)
    subprocess.run([*apt, "install", "--yes", "--no-install-recommends", *packages], check=True, **quiet)


def install_node(folder, packages):
    if all((folder / "node_modules" / one.rpartition("@")[0]).exists() for one in packages):
        return
    say(f"installing {' '.join(packages)}")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run([*command, *packages], check=False).returncode != 0:
        shutil.rmtree(folder)
        say(f"{' '.join(packages)} could not be installed, so nothing is compared with them")
