"""Compares the sandbox Snowflake with fakesnow, another Snowflake on DuckDB.

Every expression of testdata/analyst/functions.txt is asked of both by Snowflake's own
connector. Where both answer and the documented answer is known, an answer of the sandbox that
differs from fakesnow's must be the documented one. Exits with 1 otherwise.
"""

import os
import sys
from pathlib import Path

import fakesnow
import snowflake.connector

FUNCTIONS = Path(__file__).parent.parent / "testdata" / "analyst" / "functions.txt"


def cases():
    for line in FUNCTIONS.read_text().splitlines():
        if line and not line.startswith("#"):
            expression, _, documented = line.partition(" => ")
            yield expression, documented


def answers(connection):
    out = {}
    cursor = connection.cursor()
    for expression, _ in cases():
        try:
            out[expression] = plain(cursor.execute("select " + expression).fetchone()[0])
        except Exception:  # noqa: BLE001 - a refusal of whatever kind
            out[expression] = None
    return out


def plain(value):
    """A text that does not depend on the connector's choice of a type."""
    text = str(value).strip()
    try:
        return format(float(text), ".10g") if text not in ("True", "False") else text
    except ValueError:
        return "".join(text.removesuffix(" 00:00:00").split())


def main():
    sandbox = answers(
        snowflake.connector.connect(
            account="SANDBOX", user="TAPLINE", password=os.environ["SANDBOX_PASSWORD"], host="127.0.0.1",
            port=int(os.environ["SANDBOX_PORT"]), protocol="http", database="SHOP", schema="PUBLIC",
            session_parameters={"TIMEZONE": "UTC"},
        )
    )
    with fakesnow.patch():
        other = answers(snowflake.connector.connect(database="SHOP", schema="PUBLIC"))
    agree = differ = only_sandbox = only_other = neither = 0
    wrong = []
    for expression, documented in cases():
        ours, theirs = sandbox[expression], other[expression]
        if ours is None or theirs is None:
            only_sandbox += ours is not None
            only_other += theirs is not None
            neither += ours is None and theirs is None
        elif ours == theirs:
            agree += 1
        else:
            differ += 1
            known = documented == "?" or ours == plain(documented)
            print(f"{'differs' if known else 'WRONG'}: {expression}: sandbox {ours}, fakesnow {theirs}, documented {documented}")
            if not known:
                wrong.append(expression)
    print(f"{agree} agree, {differ} differ, {only_sandbox} by the sandbox only, {only_other} by fakesnow only, {neither} by neither")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
