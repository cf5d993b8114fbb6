#!/bin/sh
# Writes infra/docker/.env with passwords that nobody has: what infra/docker/compose.yaml reads. Changes none that is there.
set -eu
file=$(dirname "$0")/.env

if [ -e "$file" ]; then
  echo "$file is there already; nothing was changed."
  exit 0
fi

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

umask 077
cat >"$file" <<END
# Made by infra/docker/secrets.sh. Whoever reads it can read and change everything.
PGPASSWORD=$(random)
AWS_ACCESS_KEY_ID=worldstrat
AWS_SECRET_ACCESS_KEY=$(random)
GRAFANA_PASSWORD=$(random)
END
echo "Wrote $file, readable by you alone."
