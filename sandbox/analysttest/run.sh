#!/usr/bin/env bash
# Compares the sandbox Snowflake's answers with fakesnow's. Its venv stands under
# TAPLINE_VENVS (.cache/venvs by default).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${TAPLINE_VENVS:-$root/.cache/venvs}/fakesnow-0.12.1
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
go build -buildvcs=false -trimpath -tags minicore_disabled,duckdb_arrow -o "$work/sandbox" ./sandbox/cmd/sandbox
if [[ ! -e $venv/.complete ]]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check fakesnow==0.12.1 snowflake-connector-python==4.8.1
  touch "$venv/.complete"
fi
read -r port other admin < <(python3 - <<'PY'
import socket
held = [socket.socket() for _ in range(3)]
for s in held:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))
PY
)
export SANDBOX_PORT=$port SANDBOX_PASSWORD=compare
TAPLINE_SNOWFLAKE_PASSWORD=$SANDBOX_PASSWORD "$work/sandbox" --admin.addr "127.0.0.1:$admin" \
  --snowflake.listen "127.0.0.1:$port" --clevertap.listen "127.0.0.1:$other" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 1 100); do
  if python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/sandbox/v1/queries')" 2>/dev/null; then
    "$venv/bin/python" "$here/compare.py"
    exit
  fi
  sleep 0.1
done
echo "the sandbox did not start:" >&2
cat "$work/log" >&2
exit 1
