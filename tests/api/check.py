"""Drives the API with requests made from its own OpenAPI document, as each caller in turn.

schemathesis judges the answers: none is a 5xx, each is documented, and each is what its schema says. Then the log itself is read: what a caller wrote must
be what the caller's role may write, so that a change that slipped past the audit is seen as well.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

from confluent_kafka import Consumer, TopicPartition

ROLES = ["viewer", "operator", "analyst", "editor", "admin"]
TOPICS = ["imports.v1", "generations.v1", "resources.v1", "commands.v1", "audit.v1"]
LEAST = 5000

OPERATOR = {"run", "runAt", "runFrom", "cancelRunAt", "stop", "resend", "replay", "repair", "reconcile", "cancel", "pause", "resume", "reset", "sync", "approve", "decline", "dismiss", "backfill", "compareClocks"}
ANALYST = OPERATOR | {"preview", "dryRun"}
EDITOR = ANALYST | {"testConnection", "listTables", "testAccount"}
# What each role may write: kinds of commands, kinds of resources, and whether definitions.
MAY = {
    "nobody": (set(), set(), False),
    "viewer": (set(), set(), False),
    "operator": (OPERATOR, {"Freeze", "Acknowledgement"}, False),
    "analyst": (ANALYST, {"Freeze", "Acknowledgement"}, False),
    "editor": (EDITOR, {"Freeze", "Acknowledgement", "ImportDefaults"}, True),
}
# Reads of rows are audited from this role on.
READERS = {"analyst", "editor", "admin"}


def request(url, token=None, method="GET", body=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = "Bearer " + token
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as answer:
        text = answer.read()
        return json.loads(text) if text else None


class Log:
    """The topics that Import Center writes."""

    def __init__(self, brokers):
        self.consumer = Consumer({
            "bootstrap.servers": brokers, "group.id": "api-test", "enable.auto.commit": False,
            "isolation.level": "read_committed", "enable.partition.eof": True,
        })

    def partitions(self):
        topics = self.consumer.list_topics(timeout=30).topics
        return [(t, p) for name in TOPICS for t in ["tapline." + name] for p in topics[t].partitions]

    def ends(self):
        return {tp: self.consumer.get_watermark_offsets(TopicPartition(*tp), timeout=30)[1] for tp in self.partitions()}

    def since(self, before):
        """The records written since, as (topic, key, value); value is None for a deletion."""
        self.consumer.assign([TopicPartition(t, p, before.get((t, p), 0)) for t, p in self.partitions()])
        left, found = len(self.partitions()), []
        while left:
            message = self.consumer.poll(30)
            if message is None:
                raise SystemExit("reading the log takes longer than 30 s")
            if message.error():
                left -= 1  # the end of a partition
                continue
            key = (message.key() or b"").decode()
            value = json.loads(message.value()) if message.value() else None
            found.append((message.topic().removeprefix("tapline."), key, value))
        self.consumer.unassign()
        return found


def overstepped(role, records):
    """What of the records a caller of the role may not have written."""
    if role not in MAY:
        return []
    commands, kinds, definitions = MAY[role]
    wrong = []
    for topic, key, value in records:
        kind = key.split("/")[0]
        if topic in ("imports.v1", "generations.v1") and not definitions:
            wrong.append("the definition " + key)
        elif topic == "resources.v1" and kind not in kinds:
            wrong.append("the resource " + key)
        elif topic == "commands.v1" and value["kind"] not in commands:
            wrong.append("the command " + value["kind"] + " of " + key)
        elif topic == "audit.v1" and value["actor"] != "key:" + role:
            wrong.append("an audit entry in the name of " + value["actor"])
        elif topic == "audit.v1" and value["action"] == "read" and role not in READERS:
            wrong.append("a look at rows: " + value["name"])
    return wrong


def drive(args, url, token, signed_in, examples):
    """Runs schemathesis once and returns its exit code, its output and how many requests it made."""
    # The two that are left out guess from the schema what the rules of definitions decide.
    skipped = "positive_data_acceptance,negative_data_rejection"
    if not signed_in:
        skipped += ",ignored_auth,missing_required_header"
    command = [
        args.schemathesis, "--no-color", "run", url + "/openapi.json", "--url", url,
        "--phases", "examples,coverage,fuzzing", "--checks", "all", "--exclude-checks", skipped,
        "--exclude-operation-id", "follow-imports",  # a stream that goes on for as long as it is read
        "--max-examples", str(examples), "--seed", str(args.seed), "--continue-on-failure", "--no-shrink",
        "--generation-database", "none", "--request-timeout", "60", "--suppress-health-check", "all", "--warnings", "off",
    ]
    if token:
        command += ["-H", "Authorization: Bearer " + token]
    # It keeps what it has found in the working directory.
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=os.path.dirname(args.admin_key))
    generated = re.search(r"(\d+) generated", done.stdout)
    return done.returncode, done.stdout + done.stderr, int(generated.group(1)) if generated else 0


def main():
    parser = argparse.ArgumentParser()
    for name in ["dev", "keys", "kafka", "admin-key", "schemathesis"]:
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    print("seed", args.seed, flush=True)
    admin = open(args.admin_key).read().strip()
    wait(args.keys + "/v1/sign-in")
    tokens = {"nobody": None}
    for role in ROLES:
        made = request(args.keys + "/v1/keys", admin, "POST", {"name": role, "role": role})
        tokens[role] = made["key"]
    log, total, failed = Log(args.kafka), 0, False
    callers = [(role, args.keys, tokens[role]) for role in ["nobody"] + ROLES] + [("dev", args.dev, None)]
    documents = definitions(args.keys, admin)
    for role, url, token in callers:
        # Whoever may has deleted what was there.
        request(args.keys + "/v1/apply?offline=true", admin, "POST", {"documents": documents})
        before, began = log.ends(), time.time()
        code, output, requests = drive(args, url, token, url == args.keys, 15 if role in ("admin", "dev", "editor") else 5)
        written = log.since(before)
        wrong = overstepped(role, written)
        total += requests
        print(f"{role:9} {requests:6} requests, {len(written):4} records written, {time.time() - began:.0f} s", flush=True)
        if code != 0 or wrong:
            failed = True
            print(output)
            for text in wrong:
                print(f"{role} may not, and has written {text}")
    if total < LEAST:
        failed = True
        print(f"{total} requests are fewer than {LEAST}: the document lost operations, or schemathesis gave up")
    print(f"{total} requests, {'FAILED' if failed else 'passed'}; seed {args.seed}")
    return 1 if failed else 0


def definitions(url, admin):
    """Everything that is applied, as documents."""
    found = [request(f"{url}/v1/{kind}", admin)["items"] for kind in ["connections", "accounts", "defaults"]]
    found.append([request(f"{url}/v1/imports/{i['import']}", admin) for i in request(url + "/v1/imports", admin)["items"]])
    return [{k: d[k] for k in ["apiVersion", "kind", "metadata", "spec"]} for group in found for d in group]


def wait(url):
    for _ in range(150):
        try:
            return request(url)
        except OSError:
            time.sleep(0.2)
    raise SystemExit("Import Center does not answer at " + url)


if __name__ == "__main__":
    sys.exit(main())
