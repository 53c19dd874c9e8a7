#!/usr/bin/env python3
"""Computes the recovery time and the data lost of a run again, from its journal alone.

    python3 tests/recompute.py JOURNAL.jsonl…

Written from docs/measurement.md and not from the program, with the standard library only, so that the two can be held
against each other. Each `rto.measured` and `rpo.measured` of a journal is compared, to the millisecond, with what the
lines before it give. Exit code 0: all agree. 1: something differs, and is printed. 2: a journal cannot be read.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
GRADES = "ABC"
BEGINNINGS = ("step.started", "person.asked")
ENDINGS = ("step.succeeded", "step.failed", "step.skipped", "step.done_by_hand")
ENDS = (("verified", "service"), ("copy_verified", "copy"))


def wall(text):
    """A time of the journal in milliseconds since 1970. A time without a zone is refused."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"the time {text} has no zone")
    return (moment - EPOCH) // timedelta(milliseconds=1)


def seconds(number):
    return None if number is None else f"{number / 1000:.3f} s"


class Instant:
    """When something happened. `tick` is the process and its monotonic clock, if that process saw it happen."""

    def __init__(self, at, tick):
        self.at, self.tick = at, tick

    @classmethod
    def of(cls, line):
        seen = line["at"] == line["recorded_at"]
        return cls(wall(line["at"]), (line["epoch"], line["mono_ms"]) if seen else None)

    @classmethod
    def of_mark(cls, line, known):
        """A mark is written after what it marks; `known` are the beginning and the end of its step."""
        marked = [cls.of(other) for other in known if other and other["at"] == line["at"]]
        return next((instant for instant in marked if instant.tick), cls.of(line))


def between(first, last):
    """Milliseconds from one instant to the other, and by which clock."""
    if first.tick and last.tick and first.tick[0] == last.tick[0]:
        return last.tick[1] - first.tick[1], "monotonic"
    return last.at - first.at, "wall"


class Run:
    """What the lines of a journal up to some point say."""

    def __init__(self, lines):
        self.start = next(line for line in lines if line["type"] == "run.started")
        self.told = self.start["data"]
        self.marks = {}
        begun, ended = {}, {}
        for line in lines:
            step = line.get("step")
            if line["type"] in BEGINNINGS:
                begun.setdefault(step, line)
            elif line["type"] in ENDINGS:
                ended[step] = line
            elif line["type"] == "mark.set":
                known = [begun.get(step), ended.get(step)] if step else []
                self.marks.setdefault(line["data"]["mark"], Instant.of_mark(line, known))
        self.statements = [line for line in lines if line["type"] == "step.data_time"]

    def disrupted(self):
        """The loss of service: the mark, what the operator stated, the start of a drill; in a recovery never assumed."""
        if "disrupted" in self.marks:
            return self.marks["disrupted"]
        if self.told["disrupted_at"]:
            return Instant(wall(self.told["disrupted_at"]), None)
        return Instant.of(self.start) if self.told["mode"] == "drill" else None

    def recovery_time(self):
        began = self.disrupted()
        to, scope = next(((mark, scope) for mark, scope in ENDS if mark in self.marks), (None, None))
        length, clock = None, None
        if began and to:
            length, clock = between(began, self.marks[to])
        return {"actual": length, "scope": scope, "from": began and "disrupted", "to": to, "clock": clock}

    def data_lost(self):
        nothing = {"actual": None, "grade": None, "complete_to": None, "bound": None}
        if not self.statements:
            return nothing
        best = min(self.statements, key=lambda line: (GRADES.index(line["data"]["grade"]), -line["seq"]))
        complete_to = wall(best["data"]["complete_to"])
        lost = {**nothing, "grade": best["data"]["grade"], "complete_to": complete_to}
        fence = self.marks.get("writes_stopped")
        stopped = fence or self.disrupted()
        if stopped:
            lost["actual"] = max(stopped.at - complete_to, 0)
            damaged = self.told["loss"] == "corruption" and not fence
            lost["bound"] = "at_least" if damaged else "exact"
        return lost


def milliseconds(number):
    return None if number is None else round(number * 1000)


def journaled_time(data):
    return {"actual": milliseconds(data["actual_s"]), **{key: data[key] for key in ("scope", "from", "to", "clock")}}


def journaled_loss(data):
    complete_to = data["complete_to"] and wall(data["complete_to"])
    return {
        "actual": milliseconds(data["actual_s"]),
        "grade": data["grade"],
        "complete_to": complete_to,
        "bound": data["bound"],
    }


NUMBERS = {
    "rto.measured": ("recovery time", Run.recovery_time, journaled_time),
    "rpo.measured": ("data lost", Run.data_lost, journaled_loss),
}


def compare(path):
    """Prints both numbers of a journal; how many values differ."""
    with open(path, encoding="utf-8") as journal:
        text = journal.read()
    # A line counts only with its newline.
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    differences = 0
    measured = [index for index, line in enumerate(lines) if line["type"] in NUMBERS]
    for index in measured:
        name, recompute, read = NUMBERS[lines[index]["type"]]
        ours, theirs = recompute(Run(lines[:index])), read(lines[index]["data"])
        wrong = [key for key in ours if ours[key] != theirs[key]]
        differences += len(wrong)
        seq = lines[index]["seq"]
        print(f"{path}: event {seq}: {name} {seconds(ours['actual'])}: {'DIFFERS' if wrong else 'agrees'}")
        for key in wrong:
            print(f"{path}: event {seq}: {name}: {key} is {ours[key]}, and the journal says {theirs[key]}")
    if not measured:
        run = Run(lines)
        for name, recompute, _ in NUMBERS.values():
            print(f"{path}: {name} {seconds(recompute(run)['actual'])}: nothing is journaled to compare with")
    return differences


def main(paths):
    if not paths:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        return 1 if sum([compare(path) for path in paths]) else 0
    except (OSError, ValueError, KeyError, StopIteration) as error:
        print(f"a journal cannot be read: {error!r}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
