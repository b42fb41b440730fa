#!/usr/bin/env bash
# The Autobahn fuzzing client against an echo: every case but 12 and 13, which are about compression (not negotiated).
#
#   tests/autobahn/run.sh              builds Tidegate, serves tidegate.yaml beside this file, and tests that
#   tests/autobahn/run.sh ws://…       tests what answers there
#
# The suite wants Python 2.7. It comes from Debian 11's packages, unpacked under target/autobahn and installed nowhere.
# Needs Debian (apt-get, dpkg) on x86-64, python3 with pip, and curl. The first run downloads about 30 MB. Not part of CI.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
work="$PWD/target/autobahn"
python2="$work/unpacked/usr/bin/python2.7"
EXPECTED_CASES=301

say() { printf 'autobahn: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# ------------------------------------------------------------------ Python 2.7

# apt-get with a sources list, lists and state of its own: the system's are neither read nor written.
private_apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State="$work/apt" -o Dir::State::lists="$work/apt/lists" -o Dir::State::status="$work/apt/status" \
    -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User= "$@"
}

unpack_python2() {
  local mirror
  mkdir -p "$work"/apt/{lists/partial,cache/archives/partial,debs} "$work/unpacked"
  : > "$work/apt/status"
  for mirror in "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" http://archive.debian.org/debian; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bullseye main" > "$work/apt/sources.list"
    if private_apt update; then break; fi
  done
  (cd "$work/apt/debs" && private_apt download \
    python2.7-minimal libpython2.7-minimal libpython2.7-stdlib libssl1.1 libffi7) || die "Debian 11's Python 2.7 cannot be had"
  local deb
  for deb in "$work"/apt/debs/*.deb; do dpkg -x "$deb" "$work/unpacked"; done
}

run_python2() {
  env -u PYTHONPATH PYTHONHOME="$work/unpacked/usr" PYTHONDONTWRITEBYTECODE=1 \
    LD_LIBRARY_PATH="$(echo "$work"/unpacked/usr/lib/*-linux-gnu)" "$python2" "$@"
}

# pip and its tools are fetched by today's pip and run by Python 2.7, which then installs the rest into a folder.
install_suite() {
  local tools="$work/tools" wheel
  mkdir -p "$tools" "$work/wheels"
  head -n4 "$here/requirements.txt" > "$work/tools.txt"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work/wheels" --only-binary=:all: \
    --python-version 2.7 --implementation py --platform any --requirement "$work/tools.txt"
  for wheel in "$work"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$tools"; done
  PYTHONPATH="$tools" PYTHONHOME="$work/unpacked/usr" LD_LIBRARY_PATH="$(echo "$work"/unpacked/usr/lib/*-linux-gnu)" \
    PYTHONWARNINGS=ignore "$python2" -m pip install --quiet --disable-pip-version-check --no-python-version-warning --no-deps \
    --no-build-isolation --no-cache-dir --target "$work/suite" --requirement "$here/requirements.txt"
}

wanted=$(cat "$here/requirements.txt" "$here/run.sh" | sha256sum | cut -d' ' -f1)
if [ "$(cat "$work/ready" 2>/dev/null)" != "$wanted" ]; then
  [ "$(uname -m)" = x86_64 ] || die "the suite's Python 2.7 wheels exist for x86-64 only"
  rm -rf "$work"
  say "unpacking Python 2.7"
  unpack_python2
  say "installing the test suite"
  install_suite
  printf '%s\n' "$wanted" > "$work/ready"
fi

# ------------------------------------------------------------------ the echo

started=()
# One that has ended already has nothing to be stopped.
stop() { for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || continue; done; }
trap stop EXIT

serve_echo() {
  cargo build --release --locked --bin tidegate
  python3 "$here/echo.py" 9903 &
  started+=($!)
  "${CARGO_TARGET_DIR:-target}/release/tidegate" serve "$here/tidegate.yaml" > "$work/tidegate.log" 2>&1 &
  started+=($!)
  curl --silent --fail --output /dev/null --retry 50 --retry-delay 1 --retry-connrefused --retry-max-time 50 \
    http://127.0.0.1:9902/readyz || die "the gateway did not become ready, see $work/tidegate.log"
}

url=${1:-}
if [ -z "$url" ]; then
  serve_echo
  url=ws://127.0.0.1:9901/test
fi

# ------------------------------------------------------------------ the cases

rm -rf "$work/reports"
cat > "$work/spec.json" <<SPEC
{
  "outdir": "$work/reports",
  "servers": [{ "agent": "tidegate", "url": "$url" }],
  "cases": ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"],
  "exclude-cases": [],
  "exclude-agent-cases": {}
}
SPEC
say "testing $url"
start='import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()'
run_python2 -c "$start" "$work/suite" --mode fuzzingclient --spec "$work/spec.json" > "$work/fuzzingclient.log" 2>&1 ||
  die "the fuzzing client failed, see $work/fuzzingclient.log"
say "report: $work/reports/index.html, log: $work/fuzzingclient.log"
python3 "$here/summary.py" "$work/reports/index.json" "$EXPECTED_CASES"
