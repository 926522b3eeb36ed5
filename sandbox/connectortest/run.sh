#!/usr/bin/env bash
# Proves the sandbox Snowflake with an independent client: snowflake-connector-python, two
# versions of it, each in a venv of its own under TAPLINE_VENVS (.cache/venvs by default).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venvs=${TAPLINE_VENVS:-$root/.cache/venvs}
work=$(mktemp -d)
server=
cleanup() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT

cd "$root"
tags=minicore_disabled,duckdb_arrow
go build -buildvcs=false -trimpath -tags "$tags" -o "$work/sandbox" ./sandbox/cmd/sandbox

openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/key.pem" 2>/dev/null ||
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/key.pem" 2>/dev/null
openssl pkey -in "$work/key.pem" -pubout -out "$work/key.pub"

read -r port other admin < <(python3 - <<'PY'
import socket
held = [socket.socket() for _ in range(3)]
for s in held:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))
PY
)

export SANDBOX_HOST=127.0.0.1 SANDBOX_PORT=$port SANDBOX_ACCOUNT=SANDBOX SANDBOX_USER=TAPLINE
export SANDBOX_PASSWORD=connector-test SANDBOX_KEY_FILE=$work/key.pem
TAPLINE_SNOWFLAKE_PASSWORD=$SANDBOX_PASSWORD TAPLINE_SNOWFLAKE_PUBLIC_KEY=$(cat "$work/key.pub") \
  "$work/sandbox" --admin.addr "127.0.0.1:$admin" --snowflake.listen "127.0.0.1:$port" \
  --clevertap.listen "127.0.0.1:$other" --snowflake.databaseFile "$work/shop.duckdb" \
  >"$work/log" 2>&1 &
server=$!
for _ in $(seq 1 100); do
  if python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/sandbox/v1/queries')" 2>/dev/null; then
    ready=yes
    break
  fi
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
if [[ ${ready:-} != yes ]]; then
  echo "the sandbox did not start:" >&2
  cat "$work/log" >&2
  exit 1
fi

status=0
passed=0
failed=0
for version in 4.8.1 5.2.0; do
  venv=$venvs/snowflake-connector-$version
  if [[ ! -e $venv/.complete ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "snowflake-connector-python==$version"
    touch "$venv/.complete"
  fi
  "$venv/bin/python" "$here/connector_test.py" >"$work/out" 2>&1 || status=1
  grep -v ' passed, ' "$work/out" || true
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$work/out" | tail -1 || true)
  if [[ -z $line ]]; then
    status=1
    line="0 passed, 1 failed"
  fi
  passed=$((passed + ${line%% *}))
  rest=${line#*, }
  failed=$((failed + ${rest%% *}))
done
echo "$passed passed, $failed failed"
exit "$status"
