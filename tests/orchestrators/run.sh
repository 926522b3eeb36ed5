#!/usr/bin/env bash
# Runs each file of examples/orchestrators against a real `tapline dev`, with the tool that it is
# for: dbt, Dagster and Airflow in venvs under .cache, GitHub Actions' step in bash, which is what
# its runner does. Each must make one run, and none when it is tried again with the same key. It
# runs what `make build` has built. The tools are large: this is not part of .ci/run.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venvs=${TAPLINE_VENVS:-$root/.cache/venvs}
examples=$root/examples/orchestrators
work=$(mktemp -d)
dev=
cleanup() {
	if [[ -n $dev ]]; then
		kill "$dev" 2>/dev/null || true
		wait "$dev" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap cleanup EXIT

# venv NAME REQUIREMENT...
venv() {
	if [[ ! -e $venvs/$1/.complete ]]; then
		rm -rf "${venvs:?}/$1"
		python3 -m venv "$venvs/$1"
		"$venvs/$1/bin/pip" install --quiet --disable-pip-version-check "${@:2}"
		touch "$venvs/$1/.complete"
	fi
}
venv dbt dbt-core==1.9.10 dbt-duckdb==1.9.6 # later ones fetch a parser from elsewhere
venv dagster dagster==1.13.29
venv airflow apache-airflow==3.3.2

cd "$root"
base=$(python3 - <<'PY'
import random, socket
def free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
print(next(b for b in random.sample(range(20000, 32000, 50), 100) if all(free(b + i) for i in range(30))))
PY
)
bin/tapline dev --data "$work/data" --port-base "$base" --seed --customers 200 >"$work/dev.log" 2>&1 &
dev=$!
for _ in $(seq 1 600); do
	[[ -e $work/data/endpoints.json ]] && break
	kill -0 "$dev" 2>/dev/null || break
	sleep 0.2
done
[[ -e $work/data/endpoints.json ]] || { echo "tapline dev did not start:" && cat "$work/dev.log" && exit 1; } >&2
export TAPLINE_SERVER=http://127.0.0.1:$base TAPLINE_IMPORT=customers
bin/tapline apply -f examples/customers.yaml >/dev/null

runs() { bin/tapline get runs --import customers -o name | wc -l; }

# twice NAME COMMAND...: it makes one run, and none when it is tried again.
twice() {
	local before after
	before=$(runs)
	for try in 1 2; do
		"${@:2}" >"$work/$1.$try.log" 2>&1 || { echo "$1, try $try:" && tail -40 "$work/$1.$try.log" && exit 1; } >&2
	done
	after=$(runs)
	((after == before + 1)) || { echo "$1 made $((after - before)) runs, want 1" >&2 && exit 1; }
	echo "$1: one run, and none when it was tried again"
}

mkdir -p "$work/dbt/models"
cat >"$work/dbt/dbt_project.yml" <<'YAML'
{name: shop, version: "1.0", profile: shop, model-paths: [models]}
YAML
cat >"$work/dbt/profiles.yml" <<YAML
shop: {target: dev, outputs: {dev: {type: duckdb, path: "$work/dbt/shop.duckdb"}}}
YAML
echo "select 1 as customer_id" >"$work/dbt/models/customers.sql"
with_dbt() (
	cd "$work/dbt"
	# The second try is the one after a lost connection.
	PATH=$venvs/dbt/bin:$PATH DBT_BUILD=$([[ -e target/run_results.json ]] && echo no || echo yes) DBT_SEND_ANONYMOUS_USAGE_STATS=false "$examples/dbt_then_import.sh"
)
twice dbt with_dbt

with_github() {
	GITHUB_RUN_ID=4711 GITHUB_STEP_SUMMARY=$work/summary bash -c "$("$venvs/dagster/bin/python" -c '
import sys, yaml
print(yaml.safe_load(open(sys.argv[1]))["jobs"]["import"]["steps"][0]["run"])' "$examples/github_actions.yaml")"
}
twice github_actions with_github

with_dagster() {
	DAGSTER_DISABLE_TELEMETRY=1 PYTHONPATH=$examples "$venvs/dagster/bin/python" -c '
import dagster_job
result = dagster_job.tapline_import.execute_in_process(run_id="6b0ad7a2-0000-4000-8000-000000000001")
assert result.success and result.output_for_node("run_import").startswith("customers.")'
}
twice dagster with_dagster

export AIRFLOW_HOME=$work/airflow AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER=$work/dags
mkdir -p "$AIRFLOW_HOME" "$work/dags"
cp "$examples/airflow_dag.py" "$work/dags/"
"$venvs/airflow/bin/airflow" db migrate >"$work/airflow.log" 2>&1 || { tail -20 "$work/airflow.log" >&2 && exit 1; }
with_airflow() {
	PYTHONPATH=$work/dags "$venvs/airflow/bin/python" -c '
import datetime, airflow_dag
# The run id comes from run_after: the second try is of the same DAG run.
at = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
run = airflow_dag.the_dag.test(logical_date=at, run_after=at)
assert str(run.state) == "success", run.state'
}
twice airflow with_airflow
