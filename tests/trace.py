#!/usr/bin/env python3
"""Traces every number of a post-mortem to the events it comes from, by the journals alone.

    python3 tests/trace.py POSTMORTEM.md INCIDENT.jsonl RUN.jsonl…

Written from docs/incidents.md and docs/measurement.md and not from the program, with the standard library only. What
Lifeboat wrote into the document (between `lifeboat:begin` and `lifeboat:end`) is read; what people wrote is theirs. Each
row that is named must exist, each moment must be that of the event it names, each time between moments must be their
difference, and every other number must stand in an event, or be the length of something in the journals. Prints how many
numbers were traced. Exit code 0: all of them. 1: some are not, and are printed. 2: something cannot be read.
"""

import json
import re
import sys
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
STARTS = ("step.started", "person.asked", "step.undo_started")
ENDS = ("step.succeeded", "step.failed", "step.done_by_hand", "step.undone", "person.answered")

PART = re.compile(r"<!-- lifeboat:begin (\w+)[^>]*-->\n(.*?)<!-- lifeboat:end \1 -->", re.S)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z")
ROW = re.compile(r"(?<![\w#])([a-z2-7]{6}|inc-[a-z2-7-]+)?#(\d+)")
LENGTH = re.compile(r"−?(?:\d+(?:\.\d+)? (?:ms|min|s|h|d)\b ?)+")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])")


def wall(text):
    """A time in milliseconds since 1970."""
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // timedelta(milliseconds=1)


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def length(text):
    """`2 min 50 s` in milliseconds, and how exact that is: the last unit, rounded."""
    sign = -1 if text.startswith("−") else 1
    parts = re.findall(r"(\d+(?:\.\d+)?) (ms|min|s|h|d)", text)
    total = sum(float(count) * UNITS[unit] for count, unit in parts)
    alone = len(parts) == 1 and parts[0][1] in ("s", "ms")
    return sign * total, (50 if parts[0][1] == "s" else 0.5) if alone else 500


class Journals:
    """What the journals say, and all the lengths that follow from it."""

    def __init__(self, incident, runs):
        self.incident, self.runs = incident, runs
        self.rows = {("", line["seq"]): line for line in incident}
        for run in runs:
            self.rows.update({(run[0]["run"][:6], line["seq"]): line for line in run})
        self.amended = {}
        for line in incident:
            if line["type"] == "incident.entry_amended" and line["data"].get("at"):
                entry = line["data"]["entry"]
                self.amended[((entry.get("run") or "")[:6], entry["seq"])] = line["data"]["at"]
        self.text = "\n".join(json.dumps(line, ensure_ascii=False) for part in [incident, *runs] for line in part)
        self.moments = {self.at(row) for row in self.rows}
        self.moments.update(wall(found) for found in TIME.findall(self.text))
        self.numbers = set(re.findall(r"\d+(?:\.\d+)?", self.text))
        self.lengths = {0}
        for run in runs:
            self.lengths.update(lengths(run))
        decisions = sum(part(run, "decision") for run in runs)
        whole = sum(between(run[0], run[-1]) for run in runs)
        self.lengths.update((decisions, max(0, whole - decisions)))

    def at(self, row):
        return wall(self.amended.get(row, self.rows[row]["at"]))


def between(first, last):
    """By the monotonic clock within one process, else by the wall's."""
    if first["epoch"] == last["epoch"] and all(line["at"] == line["recorded_at"] for line in (first, last)):
        return last["mono_ms"] - first["mono_ms"]
    return wall(last["at"]) - wall(first["at"])


def part(run, name):
    measured = [line["data"] for line in run if line["type"] == "rto.measured"]
    return round(1000 * measured[-1]["parts_s"].get(name) or 0) if measured else 0


def lengths(run):
    """How long everything in a run took, and every number of seconds that it journaled."""
    begun = {}
    for line in run:
        key = line.get("step")
        if line["type"] in STARTS:
            begun.setdefault(key, []).append(line)
        if line["type"] in ENDS:
            yield from (between(start, line) for start in begun.get(key, []))
        yield from seconds(line.get("data"))


def seconds(data, name=""):
    if isinstance(data, dict):
        for key, value in data.items():
            yield from seconds(value, key if key != "parts_s" else "part_s")
            if key == "parts_s":
                yield from (round(1000 * it) for it in value.values() if it is not None)
    elif isinstance(data, list):
        for value in data:
            yield from seconds(value, name)
    elif name.endswith("_s") and isinstance(data, (int, float)):
        yield round(1000 * data)


class Reader:
    """Reads the document; what is not found in the journals is kept."""

    def __init__(self, journals):
        self.journals, self.traced, self.lost = journals, 0, []

    def holds(self, found, what):
        self.traced += 1
        if not found:
            self.lost.append(what)

    def table(self, text, head):
        """The rows of the table whose head begins so."""
        rows, inside = [], False
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith(head):
                inside = True
            elif inside and not line.startswith("|"):
                break
            elif inside and not set(line) <= set("|- "):
                rows.append(cells)
        return rows

    def row(self, text):
        found = ROW.fullmatch(text)
        run = (found.group(1) or "") if found else None
        run = "" if run is not None and run.startswith("inc-") else run
        key = (run, int(found.group(2))) if found else None
        self.holds(key in self.journals.rows, f"there is no row {text}")
        return key if key in self.journals.rows else None

    def times(self, text):
        """Moments and what lies between them: each by its event, and computed again."""
        moments = {}
        for name, at, row in self.table(text, "| moment |"):
            key = self.row(row)
            if key is None:
                continue
            kind, data = self.journals.rows[key]["type"], self.journals.rows[key].get("data") or {}
            said = data.get("mark") or kind.removeprefix("incident.")
            self.holds(said == name or kind == "run.started", f"{row} is {kind} {said}, not {name}")
            self.holds(wall(at.split(" ")[0]) == self.journals.at(key), f"{name}: {at} is not the time of {row}")
            moments[name] = self.journals.at(key)
        self.holds(bool(moments), "no moment is in the document")
        for name, time, ends, _ in self.table(text, "| | time |"):
            first, last = ends.split(" to ")
            both = first in moments and last in moments
            self.holds((time != "unknown") == both, f"{name}: {time}, and {ends} is {'' if both else 'not '}known")
            if both and time != "unknown":
                told, exact = length(time)
                self.holds(abs(told - (moments[last] - moments[first])) <= exact, f"{name}: {time} is not {ends}")
                self.journals.lengths.add(moments[last] - moments[first])
        return moments

    def rest(self, text):
        """Every number: a time, a row, a length, or what an event says in so many words."""
        for found in TIME.findall(text):
            self.holds(wall(found) in self.journals.moments, f"no event knows the time {found}")
        text = TIME.sub(" ", text)
        for found in ROW.finditer(text):
            self.row(found.group(0))
        text = ROW.sub(" ", text)
        for found in LENGTH.finditer(text):
            told, exact = length(found.group(0).strip())
            known = any(abs(told - it) <= exact for it in self.journals.lengths)
            self.holds(known, f"nothing takes {found.group(0).strip()}")
        for number in NUMBER.findall(LENGTH.sub(" ", text)):
            self.holds(number in self.journals.numbers, f"no event says {number}")


def main(paths):
    if len(paths) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        with open(paths[0], encoding="utf-8") as file:
            document = file.read()
        journals = Journals(read(paths[1]), [read(path) for path in paths[2:]])
    except (OSError, ValueError, KeyError) as error:
        print(f"cannot be read: {error!r}", file=sys.stderr)
        return 2
    reader = Reader(journals)
    # Markdown's escapes are not said.
    parts = {name: re.sub(r"\\([^\w\s])", r"\1", text) for name, text in PART.findall(document)}
    reader.holds("metrics" in parts, "the document has no part `metrics`")
    moments = reader.times(parts.get("metrics", ""))
    journals.lengths.update(at - moments.get("disrupted", at) for at in journals.moments)
    for name, text in parts.items():
        reader.rest(text if name != "items" else "")
    for lost in reader.lost:
        print(f"NOT TRACED {lost}")
    print(f"{reader.traced} traced, {len(reader.lost)} not")
    return 1 if reader.lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
