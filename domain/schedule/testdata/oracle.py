"""Writes oracle.json: when schedules are due, computed by others than package schedule.

croniter and dateutil tell what a wall clock shows; Python's zoneinfo tells at which instants a
clock in the zone shows it. The list of instants of three years is long, so for each quarter of
a year its count and a digest are kept. `oracle.py CASE ZONE` prints the instants themselves.

pip install croniter==7.0.0 python-dateutil==4.0.0
"""

import hashlib
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import croniter
from dateutil import rrule

FROM, TO = datetime(2025, 1, 1, 0, 0, 30), datetime(2028, 1, 1, 0, 0, 30)
ANCHOR = datetime(2024, 11, 3, 5, 45, 12)
ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
    "America/Santiago", "Asia/Kathmandu", "Pacific/Auckland", "Africa/Casablanca", "America/St_Johns",
]
# Each case is a list of schedules, as a definition writes them. "repeats" says of a cron that it
# is due whenever the clock shows one of its times; without it each time of a day comes once.
CASES = {
    "cron, daily in the hour that clocks change": [{"cron": "30 2 * * *"}],
    "cron, midnight": [{"cron": "0 0 * * *"}],
    "cron, working days": [{"cron": "15 9 * * 1-5"}],
    "cron, several hours of Sundays": [{"cron": "30 1,2,3 * * 0"}],
    "cron, months": [{"cron": "45 23 28-31 2,4,6 *"}],
    "cron, quarters of a year": [{"cron": "5 0 1 1,4,7,10 *"}],
    "cron, month by name": [{"cron": "10 3 * mar,oct sun"}],
    "cron, day of the month or of the week": [{"cron": "5 4 13 * 5"}],
    "cron, leap day": [{"cron": "0 6 29 2 *"}],
    # Those of which there are many are of the months in which clocks change.
    "cron, every minute of an hour": [{"cron": "* 2 * 3,10 *", "repeats": True}],
    "cron, every twenty minutes": [{"cron": "*/20 * * 3,4,9,10,11 *", "repeats": True}],
    "cron, hourly": [{"cron": "0 * * * *", "repeats": True}],
    "cron, hourly by numbers": [{"cron": "17 0-23 * 3,4,9,10,11 *", "repeats": True}],
    "cron, thirds of hours at weekends": [{"cron": "*/20 1-4 * * sat,sun", "repeats": True}],
    "days of the week": [{"daysOfWeek": ["mon", "thu", "sun"], "times": ["02:30", "00:00"]}],
    "a day of the week, with seconds": [{"daysOfWeek": ["wed"], "times": ["23:59:30"]}],
    "days of the month": [{"daysOfMonth": [1, 15, "last"], "times": ["09:00", "02:15"]}],
    "days that some months lack": [{"daysOfMonth": [29, 30, 31], "times": ["00:00"]}],
    "the last day": [{"daysOfMonth": ["last"], "times": ["23:45"]}],
    "every 90 minutes": [{"every": "1h30m0s"}],
    "every 36 hours": [{"every": "36h0m0s"}],
    "every week": [{"every": "168h0m0s"}],
    "once": [{"at": "2026-03-29T02:30:00+02:00"}],
    "custom: several": [
        {"cron": "0 8 * * 1"}, {"daysOfMonth": ["last", 10], "times": ["08:00", "20:00"]},
        {"every": "50h0m0s"}, {"at": "2027-10-31T02:30:00+01:00"},
    ],
    "custom: with a zone of its own": [{"cron": "30 2 * * *"}, {"cron": "0 5 * * *", "timezone": "Asia/Tokyo"}],
}
DAYS = {"mon": rrule.MO, "tue": rrule.TU, "wed": rrule.WE, "thu": rrule.TH, "fri": rrule.FR, "sat": rrule.SA, "sun": rrule.SU}
MARGIN = timedelta(days=3)


def walls(schedule):
    """What the wall clock shows when the schedule is due."""
    begin, end = FROM - MARGIN, TO + MARGIN
    if "cron" in schedule:
        turns = croniter(schedule["cron"], begin, max_years_between_matches=9)
        while (wall := turns.get_next(datetime)) < end:
            yield wall
        return
    for text in schedule["times"]:
        hour, minute, second = ([int(x) for x in text.split(":")] + [0])[:3]
        at = {"byhour": hour, "byminute": minute, "bysecond": second, "dtstart": begin, "until": end}
        if "daysOfWeek" in schedule:
            yield from rrule.rrule(rrule.DAILY, byweekday=[DAYS[d] for d in schedule["daysOfWeek"]], **at)
        else:
            yield from rrule.rrule(rrule.DAILY, bymonthday=[-1 if d == "last" else d for d in schedule["daysOfMonth"]], **at)


def shown(wall, zone):
    """The instants at which a clock in the zone shows the wall time, the first one first."""
    out = []
    for fold in (0, 1):
        at = wall.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc)
        if at.astimezone(zone).replace(tzinfo=None) == wall and at not in out:
            out.append(at)
    return out


def after_gap(wall, zone):
    """The first instant at which the clock has passed a wall time that it never shows."""
    # PEP 495: in a gap, fold 1 is read with the offset after it and fold 0 with the one before it,
    # so the gap ends between the two instants.
    low, high = sorted(wall.replace(tzinfo=zone, fold=f).astimezone(timezone.utc) for f in (0, 1))
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if middle.astimezone(zone).replace(tzinfo=None) > wall:
            high = middle
        else:
            low = middle
    return high


def due(schedule, zone):
    if "every" in schedule:
        hours, rest = schedule["every"].split("h")
        step = timedelta(hours=int(hours), minutes=int(rest.split("m")[0]))
        at = ANCHOR.replace(tzinfo=timezone.utc)
        while at < TO.replace(tzinfo=timezone.utc):
            yield at
            at += step
        return
    if "at" in schedule:
        yield datetime.fromisoformat(schedule["at"]).astimezone(timezone.utc)
        return
    zone = ZoneInfo(schedule.get("timezone", zone))
    for wall in KNOWN.setdefault(json.dumps(schedule), list(walls(schedule))):
        instants = shown(wall, zone)
        if schedule.get("repeats"):
            yield from instants
        else:
            yield instants[0] if instants else after_gap(wall, zone)


KNOWN = {}


def instants(case, zone):
    begin, end = FROM.replace(tzinfo=timezone.utc), TO.replace(tzinfo=timezone.utc)
    return sorted({at for s in CASES[case] for at in due(s, zone) if begin < at < end})


def quarters(ats):
    out = {}
    for at in ats:
        out.setdefault(f"{at.year}Q{(at.month + 2) // 3}", []).append(str(int(at.timestamp())))
    return {q: f"{len(t)} {hashlib.sha256(' '.join(t).encode()).hexdigest()[:16]}" for q, t in out.items()}


def main():
    if len(sys.argv) == 3:
        for at in instants(sys.argv[1], sys.argv[2]):
            print(at.isoformat())
        return
    cases = []
    for name, schedules in CASES.items():
        written = [{k: v for k, v in s.items() if k != "repeats"} for s in schedules]
        cases.append({"name": name, "schedules": written, "zones": {z: quarters(instants(name, z)) for z in ZONES}})
    out = {"from": FROM.isoformat() + "Z", "to": TO.isoformat() + "Z", "anchor": ANCHOR.isoformat() + "Z", "cases": cases}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle.json")
    with open(path, "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


main()
