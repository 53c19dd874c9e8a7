#!/usr/bin/env python3
"""Computes the recovery time, the data lost and the downtime of a run again, from its journal alone.

    python3 tests/recompute.py JOURNAL.jsonl…

Written from docs/measurement.md and not from the program, with the standard library only, so that the two can be held
against each other. Each `rto.measured`, `rpo.measured` and `downtime.measured` of a journal is compared, to the millisecond, with what the
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


class Probe:
    """What a probe saw: spans of up, down and unwatched, each up to the next."""

    def __init__(self):
        self.spans, self.last_look, self.held = [], None, []
        self.looks = self.failed = 0

    def take(self, line):
        what, data, instant = line["type"], line.get("data") or {}, Instant.of(line)
        if what in ("probe.up", "probe.down"):
            self.spans.append((what[6:], line, instant, data.get("not_before")))
        elif what == "probe.unwatched":
            # Of a process that is gone the last look is known, and its own clock with it.
            look = self.last_look
            self.spans.append(("unwatched", line, look if look and look.at == instant.at else instant, None))
            return
        elif what == "probe.looked":
            self.looks += data["looks"]
            self.failed += data["failed"]
        elif what != "probe.held_up":
            return
        self.last_look = instant
        self.held += [line] if what == "probe.held_up" else []

    @staticmethod
    def ends(span):
        """Whether it only says that nobody looks any more."""
        return (span[1].get("data") or {}).get("because") in ("over", "given_up", "paused")

    def known(self):
        return [line for _, line, _, _ in self.spans] + self.held

    def downtime(self):
        down = unwatched = late_down = late_up = times = 0
        least, monotonic = False, True
        for place, (status, _, begin, not_before) in enumerate(self.spans):
            after = self.spans[place + 1] if place + 1 < len(self.spans) else None
            if status == "unwatched":
                unwatched += max(between(begin, after[2])[0], 0) if after else 0
            if status != "down":
                continue
            # Down as far as anybody looked: to the next span, else to the last look.
            length, clock = between(begin, after[2] if after else self.last_look)
            ended = after and after[0] == "up"
            down, times = down + max(length, 0), times + 1
            late_down += begin.at - wall(not_before) if not_before else 0
            late_up += after[2].at - wall(after[3]) if ended and after[3] else 0
            least = least or not not_before or not ended
            monotonic = monotonic and clock == "monotonic"
        return {
            "state": next((span[0] for span in reversed(self.spans) if not self.ends(span)), "unwatched"),
            "down": down if any(span[0] != "unwatched" for span in self.spans) else None,
            "resolution": max(late_down, late_up),
            "bound": "at_least" if least else "exact",
            "times": times,
            "unwatched": unwatched,
            "looks": self.looks,
            "failed_looks": self.failed,
            "clock": "monotonic" if monotonic else "wall",
        }


class Run:
    """What the lines of a journal up to some point say."""

    def __init__(self, lines):
        self.start = next(line for line in lines if line["type"] == "run.started")
        self.told = self.start["data"]
        self.marks = {}
        begun, ended = {}, {}
        planned = self.told.get("probes", [])
        self.probes = {}
        for line in lines:
            step = line.get("step")
            if line["type"] == "plan.amended":
                planned = line["data"].get("probes", [])
            if step and step.rsplit("/", 1)[-1].startswith("probe:"):
                probe = self.probes.setdefault(step, Probe())
                if line["type"] == "mark.set":
                    self.marks.setdefault(line["data"]["mark"], Instant.of_mark(line, probe.known()))
                probe.take(line)
                continue
            if line["type"] in BEGINNINGS:
                begun.setdefault(step, line)
            elif line["type"] in ENDINGS:
                ended[step] = line
            elif line["type"] == "mark.set":
                known = [begun.get(step), ended.get(step)] if step else []
                self.marks.setdefault(line["data"]["mark"], Instant.of_mark(line, known))
        for outline in planned:
            if "[" not in outline["path"]:
                self.probes.setdefault(outline["path"], Probe())
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


    def downtime(self):
        each = {path: probe.downtime() for path, probe in self.probes.items()}
        return flat(each)


def flat(each):
    """The values of every probe side by side, and their sum."""
    values = {f"{path} {key}": value for path, known in each.items() for key, value in known.items()}
    return {"actual": sum(known["down"] or 0 for known in each.values()), **values}


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


def journaled_downtime(data):
    same = ("state", "bound", "times", "looks", "failed_looks", "clock")
    known = {}
    for probe in data["probes"]:
        known[probe["probe"]] = {
            "down": milliseconds(probe["down_s"]),
            "resolution": milliseconds(probe["resolution_s"]),
            "unwatched": milliseconds(probe["unwatched_s"]),
            **{key: probe[key] for key in same},
        }
    return flat(known)


NUMBERS = {
    "rto.measured": ("recovery time", Run.recovery_time, journaled_time),
    "rpo.measured": ("data lost", Run.data_lost, journaled_loss),
    "downtime.measured": ("downtime", Run.downtime, journaled_downtime),
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
        wrong = [key for key in ours if ours[key] != theirs.get(key)]
        differences += len(wrong)
        seq = lines[index]["seq"]
        print(f"{path}: event {seq}: {name} {seconds(ours['actual'])}: {'DIFFERS' if wrong else 'agrees'}")
        for key in wrong:
            print(f"{path}: event {seq}: {name}: {key} is {ours[key]}, and the journal says {theirs.get(key)}")
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
