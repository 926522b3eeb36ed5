#!/usr/bin/env bash
# Drives the API from its own OpenAPI document, with schemathesis: `tapline dev` without keys,
# and an Import Center beside it that wants them, with each role and without a credential.
# It runs what `make build` has built. API_SEED chooses other requests; what fails prints the
# seed and a curl command.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${TAPLINE_VENVS:-$root/.cache/venvs}/schemathesis-4.32.5
work=$(mktemp -d)
running=()
cleanup() {
  for pid in "${running[@]+"${running[@]}"}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap cleanup EXIT

if [[ ! -e $venv/.complete ]]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5 confluent-kafka==2.16.1
  touch "$venv/.complete"
fi

cd "$root"
# A base of ports below those that the system gives to clients, all free now.
base=$(python3 - <<'PY'
import random, socket
def free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
for base in random.sample(range(20000, 32000, 50), 100):
    if all(free(base + i) for i in range(30)):
        print(base)
        break
PY
)
export TAPLINE_SERVER=http://127.0.0.1:$base
bin/tapline dev --data "$work/data" --port-base "$base" --seed --customers 200 >"$work/dev.log" 2>&1 &
running+=($!)
for _ in $(seq 1 300); do
  [[ -e $work/data/endpoints.json ]] && break
  kill -0 "${running[0]}" 2>/dev/null || break
  sleep 0.2
done
if [[ ! -e $work/data/endpoints.json ]]; then
  echo "tapline dev did not start:" >&2
  cat "$work/dev.log" >&2
  exit 1
fi
bin/tapline apply -f examples/customers.yaml -f examples/purchases.yaml >/dev/null
# Exit code 3: some rows of the demo are meant to be rejected.
bin/tapline run customers --wait >/dev/null 2>&1 || [[ $? == 3 ]]

export TAPLINE_KAFKA_BROKERS=127.0.0.1:$((base + 1)) TAPLINE_REDIS_ADDRS=127.0.0.1:$((base + 2))
bin/tapline keys bootstrap --out "$work/admin-key" >/dev/null 2>&1
# Short waits: the extractor is asked about a thousand queries that make no sense.
bin/importcenter --auth.mode keys --http.addr "127.0.0.1:$((base + 20))" --admin.addr "127.0.0.1:$((base + 21))" \
  --http.requestsPerMinute 1000000 --allowCustomEndpoints true --loopbackEndpointsOnly true \
  --answerTimeout 3s --checkTimeout 5s --previewTimeout 5s >"$work/importcenter.log" 2>&1 &
running+=($!)

status=0
"$venv/bin/python" "$here/check.py" --dev "http://127.0.0.1:$base" --keys "http://127.0.0.1:$((base + 20))" \
  --kafka "$TAPLINE_KAFKA_BROKERS" --admin-key "$work/admin-key" --schemathesis "$venv/bin/schemathesis" \
  --seed "${API_SEED:-20261129}" || status=$?
if ((status != 0)); then
  grep -h '"level":"ERROR"\|panic' "$work/importcenter.log" "$work/data/tapline.log" | tail -20 >&2 || true
fi
exit "$status"
