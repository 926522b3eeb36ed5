"""What dagster_job.py uses of Dagster, called as Dagster calls it: an op runs with its context.
tests/orchestrators runs the file in Dagster."""

import logging
import os
from types import SimpleNamespace


class Failure(Exception):
    def __init__(self, description, allow_retries=True):
        super().__init__(description)
        self.allow_retries = allow_retries


class OpExecutionContext:
    def __init__(self):
        self.run_id = os.environ["RUN_ID"]
        self.run = SimpleNamespace(root_run_id=None)
        self.log = logging.getLogger()


def RetryPolicy(**kwargs):
    return kwargs


def Definitions(jobs):
    return jobs


def job(function):
    return function


def op(**_):
    return lambda function: lambda context: function(context)
