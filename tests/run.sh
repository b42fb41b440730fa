#!/usr/bin/env bash
# Every test, on a fresh checkout: what the tests need besides Rust, then the tests. Arguments go to `cargo test`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tests/setup.sh
PATH="$PWD/.venv/bin:$PATH" exec cargo test --workspace --locked "$@"
