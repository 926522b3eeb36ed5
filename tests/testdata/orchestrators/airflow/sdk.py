"""What airflow_dag.py uses of Airflow 3's SDK, called as Airflow calls it: a DAG's function names
its tasks, and a task runs with its run's context. tests/orchestrators runs the file in Airflow."""

import os

TASKS = []


def dag(**_):
    return lambda function: function


def task(**_):
    return lambda function: lambda: TASKS.append(function)


def get_current_context():
    return {"run_id": os.environ["RUN_ID"]}
