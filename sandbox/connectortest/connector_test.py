"""Checks the sandbox Snowflake with Snowflake's own Python connector.

Run by run.sh, once for each version of the connector. Prints one line for each check
and "N passed, N failed" at the end; the exit code is 1 if a check failed.
"""

import datetime as dt
import decimal
import os
import sys
import threading
import time
import traceback

import snowflake.connector
from snowflake.connector import DictCursor
from snowflake.connector.errors import DatabaseError, ProgrammingError

D = decimal.Decimal
LINK = {
    "account": os.environ["SANDBOX_ACCOUNT"],
    "user": os.environ["SANDBOX_USER"],
    "password": os.environ["SANDBOX_PASSWORD"],
    "host": os.environ["SANDBOX_HOST"],
    "port": int(os.environ["SANDBOX_PORT"]),
    "protocol": "http",
    "warehouse": "TAPLINE_WH",
    "database": "SHOP",
    "schema": "PUBLIC",
}


def connect(**changes):
    options = {**LINK, "session_parameters": {"TIMEZONE": "UTC"}, "login_timeout": 20, **changes}
    return snowflake.connector.connect(**options)


def fails(code, action, kind=ProgrammingError):
    try:
        action()
    except kind as error:
        assert error.errno == code, f"code {error.errno}, want {code}: {error}"
        return error
    raise AssertionError(f"no error, want code {code}")


def one(cursor, text, *args):
    return cursor.execute(text, *args).fetchone()


COLUMNS = """n number, d number(12,2), wide number(38,10), f float, s varchar(40), b boolean, dt date, t time,
  ntz timestamp_ntz, ntz6 timestamp_ntz(6), ltz timestamp_ltz, tz timestamp_tz, x binary, v variant, o object, a array"""

TZ = dt.timezone(dt.timedelta(hours=5, minutes=30))
ROW = (
    D(99999999999999999999999999999999999999), D("-0.01"), D("1234567890123456789012345678.0123456789"), 0.1, "O'Reilly <&> \u4e16\u754c",
    True, dt.date(9999, 12, 31), dt.time(23, 59, 59, 123456),
    dt.datetime(2026, 1, 2, 3, 4, 5, 123456), dt.datetime(1, 1, 1, 0, 0, 0, 1),
    dt.datetime(2026, 1, 2, 3, 4, 5, 123456, dt.timezone.utc), dt.datetime(2026, 1, 2, 3, 4, 5, 123456, TZ),
    bytes([0, 255]), '{\n  "a": 1\n}', '{\n  "k": "v"\n}', "[\n  1,\n  null\n]",
)


def fill_types(cursor):
    cursor.execute(f"create or replace table types ({COLUMNS})")
    cursor.execute(
        """insert into types select 99999999999999999999999999999999999999, -0.01, '1234567890123456789012345678.0123456789', 0.1,
        'O''Reilly <&> \u4e16\u754c', true, '9999-12-31', '23:59:59.123456', '2026-01-02 03:04:05.123456', '0001-01-01 00:00:00.000001',
        '2026-01-02 03:04:05.123456', '2026-01-02 03:04:05.123456 +05:30', '00ff', parse_json('{"a": 1}'), object_construct('k', 'v'),
        parse_json('[1, null]')"""
    )
    cursor.execute("insert into types (n) values (null)")


def test_every_type(link):
    cursor = link.cursor()
    fill_types(cursor)
    full, empty = cursor.execute("select * from types order by n nulls last").fetchall()
    for name, got, want in zip([c.name for c in cursor.description], full, ROW):
        assert got == want and type(got) in (type(want), bytearray, int), f"{name}: {got!r}, want {want!r}"
    assert full[11].utcoffset() == dt.timedelta(hours=5, minutes=30), full[11]
    assert empty == (None,) * len(ROW), empty


def test_every_type_as_json(link):
    del link
    with connect(session_parameters={"TIMEZONE": "UTC", "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "JSON"}) as other:
        cursor = other.cursor()
        fill_types(cursor)
        row = cursor.execute("select * from types where n is not null").fetchone()
        for name, got, want in zip([c.name for c in cursor.description], row, ROW):
            assert got == want, f"{name}: {got!r}, want {want!r}"
        assert len(cursor.execute("select seq4() from table(generator(rowcount => 12345))").fetchall()) == 12345


def test_description(link):
    cursor = link.cursor()
    cursor.execute("create or replace table described (id number(10,2) not null, name varchar(40), at timestamp_tz, v variant)")
    meta = cursor.describe("select * from described")
    got = [(c.name, c.type_code, c.internal_size, c.precision, c.scale, c.is_nullable) for c in meta]
    assert got[0] == ("ID", 0, None, 10, 2, False), got
    assert got[1][:3] == ("NAME", 2, 40), got
    assert got[2][:2] == ("AT", 7) and got[2][4] == 9, got
    assert got[3][:2] == ("V", 5), got
    rows = cursor.execute("describe table described").fetchall()
    assert [r[1] for r in rows] == ["NUMBER(10,2)", "VARCHAR(40)", "TIMESTAMP_TZ(9)", "VARIANT"], rows


def test_client_side_binds(link):
    cursor = link.cursor()
    cursor.execute("create or replace table binds (n number, s varchar, at timestamp_ntz, b boolean)")
    at = dt.datetime(2026, 1, 2, 3, 4, 5, 123456)
    cursor.execute("insert into binds values (%s, %s, %s, %s)", (1, "it's \\ ? %", at, True))
    cursor.execute("insert into binds values (%(n)s, %(s)s, %(at)s, %(b)s)", {"n": None, "s": None, "at": None, "b": None})
    assert cursor.execute("select * from binds order by n").fetchall() == [(1, "it's \\ ? %", at, True), (None,) * 4]
    cursor.executemany("insert into binds (n, s) values (%s, %s)", [(i, f"s{i}") for i in range(100)])
    assert cursor.rowcount == 100, cursor.rowcount
    assert one(cursor, "select count(*), sum(n) from binds where s like 's%'") == (100, 4950)


def test_server_side_binds(link):
    del link
    with connect(paramstyle="qmark") as other:
        cursor = other.cursor()
        cursor.execute("create or replace table qmarks (n number, f float, s varchar, b boolean, d date, t time, at timestamp_ntz, tz timestamp_tz, x binary, dec number(20,5))")
        at = dt.datetime(2026, 1, 2, 3, 4, 5, 123456)
        row = (7, 0.5, "it's ?", False, dt.date(2026, 1, 2), dt.time(3, 4, 5), at, ("TIMESTAMP_TZ", at.replace(tzinfo=TZ)), b"\x00\xff", D("12.34567"))
        cursor.execute("insert into qmarks values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        got = one(cursor, "select * from qmarks")
        want = row[:7] + (at.replace(tzinfo=TZ),) + row[8:]
        assert got == want, (got, want)
        cursor.executemany("insert into qmarks (n, s, at) values (?, ?, ?)", [(i, f"s{i}", at) for i in range(2000)])
        assert cursor.rowcount == 2000, cursor.rowcount
        assert one(cursor, "select count(*) from qmarks where at = ?", (at,)) == (2001,)


def test_chunked_result(link):
    cursor = link.cursor()
    cursor.execute("create or replace table many as select seq4() as n, to_varchar(seq4()) as s from table(generator(rowcount => 40000))")
    cursor.execute("select n, s from many order by n")
    rows = cursor.fetchall()
    assert cursor.rowcount == len(rows) == 40000, (cursor.rowcount, len(rows))
    assert rows[0] == (0, "0") and rows[39999] == (39999, "39999") and sum(r[0] for r in rows) == 40000 * 39999 // 2
    assert len(cursor.get_result_batches()) > 2, "the result came in one piece"


def test_dict_cursor(link):
    cursor = link.cursor(DictCursor)
    assert cursor.execute('select 1 as one, \'x\' as "Mixed", count(*) from many').fetchone() == {"ONE": 1, "Mixed": "x", "COUNT(*)": 40000}


def test_result_by_query_id(link):
    cursor = link.cursor()
    cursor.execute("select n from many order by n")
    with connect() as other:
        again = other.cursor()
        again.get_results_from_sfqid(cursor.sfqid)
        assert sum(r[0] for r in again.fetchall()) == 40000 * 39999 // 2


def test_asynchronous(link):
    cursor = link.cursor()
    cursor.execute_async("select system$wait(300, 'MILLISECONDS')")
    assert link.is_still_running(link.get_query_status(cursor.sfqid))
    cursor.get_results_from_sfqid(cursor.sfqid)
    assert cursor.fetchone() == ("waited 300 milliseconds",)
    assert link.get_query_status(cursor.sfqid).name == "SUCCESS"


def test_long_statement_is_polled(link):
    assert one(link.cursor(), "select system$wait(2)") == ("waited 2 seconds",)


def test_abort(link):
    if snowflake.connector.__version__ < "5":  # later ones have no timeout here
        start = time.monotonic()
        fails(604, lambda: link.cursor().execute("call system$wait(60)", timeout=1))
        assert time.monotonic() - start < 20
    query_id = []

    def endless():
        try:
            link.cursor().execute("call system$wait(60)", _statement_params={"QUERY_TAG": "by id"})
        except ProgrammingError as error:
            query_id.append(error.errno)

    with connect() as other:
        thread = threading.Thread(target=endless)
        thread.start()
        deadline = time.monotonic() + 20
        while not query_id and time.monotonic() < deadline:
            for entry in running(other, "by id"):
                one(other.cursor(), f"select system$cancel_query('{entry['id']}')")
            time.sleep(0.05)
        thread.join(20)
    assert query_id == [604], query_id


def running(link, tag):
    import json
    import urllib.request

    del link
    with urllib.request.urlopen(f"http://{LINK['host']}:{LINK['port']}/sandbox/v1/queries?status=RUNNING") as answer:
        return [q for q in json.load(answer)["items"] if q["tag"] == tag]


def test_changes(link):
    cursor = link.cursor()
    cursor.execute("create or replace table changes (id number, s varchar)")
    counts = []
    for text in (
        "insert into changes values (1, 'a'), (2, 'b'), (3, null)",
        "update changes set s = 'z' where id < 3",
        "merge into changes using (select 3 as k union all select 4) as x on changes.id = x.k when matched then update set s = 'm' when not matched then insert (id) values (x.k)",
        "delete from changes where s = 'z'",
    ):
        cursor.execute(text)
        counts.append(cursor.rowcount)
    assert counts == [3, 2, 2, 2], counts


def test_transaction(link):
    cursor = link.cursor()
    cursor.execute("create or replace table tx (n number)")
    cursor.execute("begin")
    cursor.execute("insert into tx values (1)")
    link.rollback()
    assert one(cursor, "select count(*) from tx") == (0,)
    cursor.execute("begin")
    cursor.execute("insert into tx values (1)")
    link.commit()
    assert one(cursor, "select count(*) from tx") == (1,)


def test_session(link):
    with connect() as other:
        cursor = other.cursor()
        cursor.execute("alter session set timezone = 'Asia/Kolkata', query_tag = 'tagged'")
        got = one(cursor, "select to_timestamp_ltz('2026-01-01 00:00:00'), current_database(), current_user()")
        assert got[0].utcoffset() == dt.timedelta(hours=5, minutes=30) and got[1:] == ("SHOP", "TAPLINE"), got
        cursor.execute("create database if not exists elsewhere")
        assert other.database == "ELSEWHERE" and other.schema == "PUBLIC", (other.database, other.schema)
        cursor.execute("use database shop")
        cursor.execute("drop database elsewhere")
    assert link.database == "SHOP"


def test_show(link):
    cursor = link.cursor(DictCursor)
    cursor.execute("create or replace table shown (id number)")
    assert [r["name"] for r in cursor.execute("show tables like 'SHOWN'").fetchall()] == ["SHOWN"]
    assert [r["column_name"] for r in cursor.execute("show columns in table shown").fetchall()] == ["ID"]


def test_errors(link):
    cursor = link.cursor()
    fails(1003, lambda: cursor.execute("selec 1"))
    fails(2003, lambda: cursor.execute("select * from nope"))
    fails(904, lambda: cursor.execute("select nope from many"))
    fails(100038, lambda: cursor.execute("select 'x'::number"))
    error = fails(2140, lambda: cursor.execute("select nosuch(1)"))
    assert error.sqlstate == "42601" and error.sfqid, (error.sqlstate, error.sfqid)


def test_hand_made_results(link):
    cursor = link.cursor()
    rows = cursor.execute("select * from table(tapline_fixture('numbers'))").fetchall()
    assert rows[0][:5] == (D("1.27"), D("327.67"), D("214748.3647"), D("9223372036854.775807"), 10**38 - 1), rows[0]
    rows = cursor.execute("select * from table(tapline_fixture('timestamps'))").fetchall()
    assert rows[2][3] == dt.datetime(9999, 12, 31, 23, 59, 59, 999999), rows[2]
    assert rows[4] == (None,) * 8, rows[4]


def test_wrong_password(link):
    del link
    fails(390100, lambda: connect(password="nope"), DatabaseError)
    fails(390100, lambda: connect(user="NOBODY"), DatabaseError)


def test_key_pair(link):
    del link
    key = os.environ.get("SANDBOX_KEY_FILE")
    assert key, "SANDBOX_KEY_FILE is not set"
    with connect(password=None, private_key_file=key, authenticator="SNOWFLAKE_JWT") as other:
        assert one(other.cursor(), "select 1") == (1,)


def test_renewal(link):
    import json
    import urllib.request

    body = json.dumps({"expireSessions": 1}).encode()
    request = urllib.request.Request(f"http://{LINK['host']}:{LINK['port']}/sandbox/v1/snowflake/faults", body, method="PUT")
    urllib.request.urlopen(request).close()
    assert one(link.cursor(), "select 1") == (1,)


def main():
    print(f"snowflake-connector-python {snowflake.connector.__version__}")
    link = connect()
    passed = failed = 0
    for name, check in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            check(link)
            passed += 1
            print(f"ok    {name}")
        except Exception:
            failed += 1
            print(f"FAIL  {name}")
            traceback.print_exc(file=sys.stdout)
    link.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
