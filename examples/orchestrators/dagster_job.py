"""Dagster: a run of a Tapline import after the assets that it reads were made.

TAPLINE_SERVER is Import Center's address, TAPLINE_TOKEN a key with the role operator (none where
auth.mode is none), TAPLINE_IMPORT the import. The idempotency key is Dagster's root run and the import,
so a run that is executed again from a failure waits for the import's run that was begun before.
"""

import json
import os
import time
import urllib.request

from dagster import Definitions, Failure, OpExecutionContext, RetryPolicy, job, op

LOADED = {"succeeded", "succeededWithRejects"}
OVER = LOADED | {"failed", "cancelled"}


def call(method, path, **headers):
    if token := os.environ.get("TAPLINE_TOKEN"):
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(os.environ["TAPLINE_SERVER"] + path, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@op(retry_policy=RetryPolicy(max_retries=3, delay=5))
def run_import(context: OpExecutionContext) -> str:
    name = os.environ["TAPLINE_IMPORT"]
    key = f"dagster-{context.run.root_run_id or context.run_id}-{name}"
    run = call("POST", f"/v1/imports/{name}/runs", **{"Idempotency-Key": key})
    while run["state"] not in OVER:
        if run["state"] == "held":
            raise Failure(f"{run['run']} waits for a person: tapline approve {run['run']}, or decline it", allow_retries=False)
        time.sleep(2)
        run = call("GET", "/v1/runs/" + run["run"])
    if run["state"] not in LOADED:
        raise Failure(f"{run['run']} {run['state']}: {run.get('error', {}).get('reason', '')}", allow_retries=False)
    context.log.info(f"{run['run']} {run['state']}")
    return run["run"]


@job
def tapline_import():
    run_import()


definitions = Definitions(jobs=[tapline_import])
