#!/usr/bin/env sh
# Runs the program of this checkout. The pre-commit hooks call this script.
set -eu

program=$(sh "$(dirname -- "$0")/install.sh")
exec "$program" "$@"
