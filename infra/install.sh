#!/usr/bin/env bash
# Installs, through apt, the system packages that are missing. Quick and silent where nothing is.
#
#   infra/install.sh demo    what `make demo` needs: PostgreSQL with PostGIS, a Python of at least 3.11
#   infra/install.sh test    also what the tests need: Ceph's S3 server, Chromium, GDAL's programs, Redis
set -euo pipefail

purpose=${1:?usage: infra/install.sh demo|test}
here=$(cd "$(dirname "$0")" && pwd)
packages=()   # what has to be installed
reasons=()    # and for what, to be shown

need() { # need "what for" PACKAGE...
  reasons+=("$1")
  shift
  packages+=("$@")
}

have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }

have_postgis() {
  local control
  for control in /usr/share/postgresql/*/extension/postgis.control /usr/pgsql-*/share/extension/postgis.control \
    /opt/homebrew/share/postgresql*/extension/postgis.control /usr/local/share/postgresql*/extension/postgis.control; do
    [ -e "$control" ] && return 0
  done
  return 1
}

have_server() { compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || compgen -G "/usr/pgsql-*/bin/initdb" >/dev/null || have initdb; }

"$here/python.sh" >/dev/null 2>&1 || need "Python of at least 3.11" python3 python3-venv
{ have_server && have_postgis; } || need "PostgreSQL with PostGIS" postgresql-postgis
if [ "$purpose" = test ]; then
  { have ceph-mon && have ceph-osd && have radosgw && have ceph; } || need "S3 server" ceph-mon ceph-osd radosgw ceph-common
  have gdalinfo || need "GDAL's programs" gdal-bin
  have redis-server || need "Redis" redis-server
  have unshare && have ip || need "network namespaces" util-linux iproute2
fi

browser_is_missing() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do have "$name" && return 1; done
  return 0
}

want_browser=no
if [ "$purpose" = test ] && browser_is_missing; then want_browser=yes; fi
if [ "${#packages[@]}" -eq 0 ] && [ "$want_browser" = no ]; then exit 0; fi

fail() {
  printf 'Error: %s\n' "$1" >&2
  shift
  [ "$#" -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

list=$(IFS=,; echo "${reasons[*]:-a browser for the tests}" | sed 's/,/, /g')
if ! have apt-get; then
  [ "${#packages[@]}" -eq 0 ] && exit 0 # the browser alone is optional
  fail "This machine lacks: $list." \
    "There is no apt here to install it. Install it by hand (macOS: brew install postgis python@3.12)," \
    "or run everything in containers instead: docker compose up"
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  have sudo || fail "This machine lacks: $list." "Neither root nor sudo is available to install it. Ask an administrator to run:" \
    "  sudo apt-get install ${packages[*]:-chromium}" "or run everything in containers instead: docker compose up"
  as_root=(sudo)
fi

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# The private clusters are ours; a default cluster on port 5432 would only be in somebody's way.
no_default_cluster=/etc/postgresql-common/createcluster.d/worldstrat-install.conf
# Nor shall a Redis run, now or at the next boot: the tests start their own.
no_services=/usr/sbin/policy-rc.d
[ -e "$no_services" ] && no_services=""
remove_setting() { "${as_root[@]}" rm -f "$no_default_cluster" ${no_services:+"$no_services"}; }

echo "Installing system packages for: $list${as_root:+ (with sudo)}"
apt update || echo "Warning: apt-get update failed; trying with the package lists that are there." >&2
if [ "$want_browser" = yes ]; then
  # On Ubuntu the package is only a pointer to a snap, which containers and CI machines cannot run.
  candidate=$(LC_ALL=C apt-cache policy chromium 2>/dev/null | awk '/Candidate:/ { print $2 }')
  if [[ $candidate == [0-9]* && $candidate != *snap* ]]; then
    packages+=(chromium)
  else
    echo "Note: no Chromium package here (Ubuntu has it as a snap only): the browser tests will be skipped." >&2
  fi
fi
if [ "${#packages[@]}" -gt 0 ]; then
  words=$(mktemp)
  trap 'remove_setting; rm -f "$words"' EXIT
  "${as_root[@]}" mkdir -p "$(dirname "$no_default_cluster")"
  echo "create_main_cluster = false" | "${as_root[@]}" tee "$no_default_cluster" >/dev/null
  if [ -n "$no_services" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$no_services" >/dev/null
    "${as_root[@]}" chmod 755 "$no_services"
  fi
  apt install --no-install-recommends "${packages[@]}" >"$words" 2>&1 || {
    tail -n 20 "$words" >&2
    fail "apt-get could not install: ${packages[*]}" "Its last words are above; is the package registry reachable?"
  }
  if [[ " ${packages[*]} " == *" redis-server "* ]] && have systemctl; then
    "${as_root[@]}" systemctl --quiet disable redis-server 2>/dev/null || true
  fi
fi
"$here/python.sh" >/dev/null || fail "This system's Python is too old." "Python 3.11, 3.12 or 3.13 is needed (Debian 12, Ubuntu 24.04 or newer have it)."
