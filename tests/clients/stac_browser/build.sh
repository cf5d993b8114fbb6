#!/bin/sh
# Builds STAC Browser from npm into build/dist, for whatever catalog an address names; nothing where it is there.
# 420 MB of packages and a minute or two: that is why the test is not of the ordinary ones.
set -eu
cd "$(dirname "$0")"
here=$PWD
node_of=../../../explorer/build.sh # runs anything with the explorer's Node.js

stamp=$(cksum package.json package-lock.json build.sh | cksum)
[ "$(cat build/dist/.stamp 2>/dev/null || true)" = "$stamp" ] && exit 0

"$node_of" npm --prefix "$here" ci --loglevel=error
rm -rf build
cp -R node_modules/@radiantearth/stac-browser build
# Its styles name this one by its path.
mkdir -p build/node_modules
ln -s ../../node_modules/ol build/node_modules/ol
# The linter of its authors is not installed.
sed -i '/cli-plugin-eslint/d' build/package.json
# shellcheck disable=SC2016 # the shell within knows its $1
"$node_of" sh -c 'cd "$1/build" && node ../node_modules/@vue/cli-service/bin/vue-cli-service.js build --noSourceMaps --historyMode=hash' sh "$here"
echo "$stamp" >build/dist/.stamp
