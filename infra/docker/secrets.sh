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
WORLDSTRAT_SIGNING_SECRET=$(random)
# Prometheus is another container. Nobody else reaches the server but this machine; behind a proxy take \`token\`.
WORLDSTRAT_METRICS=public
END
echo "Wrote $file, readable by you alone."
