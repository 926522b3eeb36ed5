"""Airflow: a run of a Tapline import after the tables that it reads were built.

TAPLINE_SERVER is Import Center's address, TAPLINE_TOKEN a key with the role operator (none where
auth.mode is none), TAPLINE_IMPORT the import. The idempotency key is the DAG's run and the import, so
a task that Airflow tries again waits for the run that it has begun instead of beginning another.
"""

import json
import os
import time
import urllib.request
from datetime import datetime

from airflow.sdk import dag, get_current_context, task

LOADED = {"succeeded", "succeededWithRejects"}
OVER = LOADED | {"failed", "cancelled"}


def call(method, path, **headers):
    if token := os.environ.get("TAPLINE_TOKEN"):
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(os.environ["TAPLINE_SERVER"] + path, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@dag(schedule=None, start_date=datetime(2026, 1, 1), catchup=False, tags=["tapline"])
def tapline_import():
    @task(retries=3)
    def run_import():
        name = os.environ["TAPLINE_IMPORT"]
        key = f"airflow-{get_current_context()['run_id']}-{name}"
        run = call("POST", f"/v1/imports/{name}/runs", **{"Idempotency-Key": key})
        while run["state"] not in OVER:
            if run["state"] == "held":
                raise RuntimeError(f"{run['run']} waits for a person: tapline approve {run['run']}, or decline it")
            time.sleep(2)
            run = call("GET", "/v1/runs/" + run["run"])
        if run["state"] not in LOADED:
            raise RuntimeError(f"{run['run']} {run['state']}: {run.get('error', {}).get('reason', '')}")
        return run["run"]

    run_import()


the_dag = tapline_import()
