#!/usr/bin/env bash
# dbt: build the models, then run the Tapline import that reads them. What dbt itself can run at
# the end (on-run-end) is SQL, so this script runs around it: ./dbt_then_import.sh --select customers
#
# TAPLINE_SERVER is Import Center's address, TAPLINE_TOKEN a key with the role operator (none where
# auth.mode is none), TAPLINE_IMPORT the import. The idempotency key is dbt's invocation and the
# import, so that this script can be run again with DBT_BUILD=no after a lost connection and
# begins no second run.
set -euo pipefail

if [[ ${DBT_BUILD:-yes} == yes ]]; then
	dbt build "$@"
fi
invocation=$(python3 -c 'import json; print(json.load(open("target/run_results.json"))["metadata"]["invocation_id"])')

# ask METHOD PATH CURL-OPTIONS...
ask() {
	curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused --max-time 60 --request "$1" \
		${TAPLINE_TOKEN:+--header "Authorization: Bearer $TAPLINE_TOKEN"} "${@:3}" "$TAPLINE_SERVER$2"
}
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

answer=$(ask POST "/v1/imports/$TAPLINE_IMPORT/runs" --header "Idempotency-Key: dbt-$invocation-$TAPLINE_IMPORT")
run=$(field run <<<"$answer")
while state=$(field state <<<"$answer"); do
	case $state in
	succeeded | succeededWithRejects) echo "$run $state" && exit 0 ;;
	failed | cancelled) echo "$run $state" >&2 && exit 1 ;;
	held) echo "$run waits for a person: tapline approve $run, or decline it" >&2 && exit 6 ;;
	esac
	sleep 2
	answer=$(ask GET "/v1/runs/$run")
done
