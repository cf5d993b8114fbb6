#!/usr/bin/env bash
# Prints the newest suitable Python of this machine: 3.11 to 3.13, able to make virtual environments.
# PYTHON=... names another one.
set -euo pipefail

suits='import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

for name in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
  if path=$(command -v "$name") && "$path" -c "$suits" 2>/dev/null; then
    echo "$path"
    exit 0
  fi
done
echo "Error: no Python of version 3.11, 3.12 or 3.13 with the module venv was found (Debian, Ubuntu: apt-get install python3-venv)." >&2
exit 1
