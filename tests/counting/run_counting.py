#!/usr/bin/env python3
"""run_counting.py - the program against the brute-force reference of counting: random rules, random streams.

    run_counting.py --seed N --count M --weir PATH [--features counters,windows,…]

Each case is a rule set of several rules and 20 to 200 events in one to three partitions; its seed is N, N + 1, ….
What differs is made smaller and printed. Beside the comparison, what must hold anyway is checked: see check_beside().
Of a case where the reference cannot say what must be told (`Ambiguous`) only that is checked, and it does not count as
passed; a larger share of such cases than SILENT_SHARE_MAX is a failure, for then the judge no longer judges.
Ends with a line `N passed, N failed`; the exit code is 1 if one failed.
"""
import argparse
import copy
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

from events import Ambiguous
from generate_wide import generate
from models import same_reasons, write_model
from reference import World
from rekey import smaller_patterns, without_words
from properties import check_arrival, check_batches, check_cut, check_order_of_arrival, check_words
from values import Between, Near
from write_case import declaration_text, records_text, rules_text

FEATURES = ["counters", "windows", "early", "known", "joins", "tables", "lists", "alerts", "groups", "asking_filters",
            "mixed", "window_words", "days", "models", "approx", "each", "stores", "waiting_lists", "patterns", "everything", "at_key",
            "derived_counters", "filters", "lateness", "late_filters", "decay", "many_groups", "own_lists",
            "renewing_levels", "lives", "unique"]
SHRINK_TRIES = 1500
SHRINK_SECONDS = 40
SILENT_SHARE_MAX = 0.05
SILENT_ALLOWED = 8  # whatever their share: some 3 in 100 are usual, and a run may have few cases


class Number(str):
    """A number as it stands in the JSON text."""


def read_value(value):
    """A parsed value, numbers as they are written, strings as JSON text."""
    if isinstance(value, Number):
        return value
    if isinstance(value, list):
        return [read_value(each) for each in value]
    return "null" if value is None else json.dumps(value, ensure_ascii=False)


def same(told, expected):
    if isinstance(expected, list):
        return isinstance(told, list) and len(told) == len(expected) and all(map(same, told, expected))
    if isinstance(expected, Between):
        return expected.holds(told)
    if isinstance(expected, float):
        if not isinstance(told, Number):
            return False
        if isinstance(expected, Near):
            return abs(float(told) - expected) <= expected.within
        return float(told) == expected
    return told == expected


def same_alert(told, expected):
    for name in ("rule", "time"):
        if told[name] != expected[name]:
            return False
    if list((n, read_value(v)) for n, v in told["key"].items()) != expected["key"]:
        return False
    if any(told.get(name) != expected.get(name) for name in ("revision", "score", "suppressed", "mode")):
        return False
    if "cause" in expected and any(told.get(name) != expected.get(name) for name in ("cause", "cut")):
        return False
    if bool(told.get("partial")) != expected.get("partial", False):
        return False
    if any(read_value(told.get(name)) != expected.get(name, "null") for name in ("action", "action_until")):
        return False
    if "reasons" in expected and not same_reasons(told.get("reasons", []), expected["reasons"]):
        return False
    matched = [[m["step"], m["event"], m["time"]] + ([int(m["partition"]), int(m["offset"])] if "offset" in m else [])
               for m in told["matched"]]
    if expected["matched"][0] == "steps":  # in which order and at which times is left open
        matched = ("steps", sorted(m["step"] for m in told["matched"]))
    if matched != expected["matched"]:
        return False
    fields = list(told["fields"].items())
    return [n for n, _ in fields] == [n for n, _ in expected["fields"]] and all(
        same(read_value(v), e) for (_, v), (_, e) in zip(fields, expected["fields"]))


class Program:
    def __init__(self, weir, folder, golden=None):
        self.weir, self.folder, self.golden_matches = weir, folder, golden

    def run(self, case, cut=None, more=()):
        """The alerts as text lines; raises RuntimeError where the program does not run."""
        rules = os.path.join(self.folder, "case.weir")
        with open(rules, "w", encoding="utf-8") as file:
            file.write(rules_text(case))
        for item in case["declarations"]:
            if item["kind"] == "model":
                write_model(item, self.folder)
        command = [self.weir, "run", rules, *more]
        for number, records in enumerate(case["partitions"]):
            pieces = [records] if cut is None else [records[: len(records) // cut], records[len(records) // cut:]]
            names = []
            for piece_number, piece in enumerate(pieces):
                names.append(os.path.join(self.folder, f"events{number}_{piece_number}.jsonl"))
                with open(names[-1], "w", encoding="utf-8") as file:
                    file.write(records_text(case, piece))
            command += ["--input", ",".join(names)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=60)
        except subprocess.TimeoutExpired:
            raise RuntimeError("no end after 60 s") from None
        if done.returncode != 0:
            raise RuntimeError(f"exit code {done.returncode}\n{done.stderr.decode()[:3000]}")
        return done.stdout.decode().splitlines()


    def golden(self, block):
        """What differs where a block of a golden test is run in all ways; empty: nothing."""
        if not self.golden_matches:
            return ""
        path = os.path.join(self.folder, "case.test")
        with open(path, "w", encoding="utf-8") as file:
            file.write(block)
        done = subprocess.run([self.golden_matches, path], capture_output=True, timeout=120)
        return "" if done.returncode == 0 else (done.stdout + done.stderr).decode()[-2000:]


def parse(lines):
    return [json.loads(line, parse_int=Number, parse_float=Number) for line in lines]


def difference(program, case, silent=None):
    """None, or what differs. Where the reference cannot say what must be told: None, and why in `silent`."""
    try:
        expected = World(copy.deepcopy(case)).run()
    except Ambiguous as why:
        if silent is not None:
            silent.append(str(why))
        return None
    try:
        told = parse(program.run(case))
    except RuntimeError as error:
        return str(error)
    ids = [alert["id"] for alert in told]
    if len(set(ids)) < len(ids) and not any(kind.get("unique") for kind in case["types"]):
        return f"one id for several alerts: {next(i for i in ids if ids.count(i) > 1)}"
    for place in range(max(len(told), len(expected))):
        if place >= len(told):
            return f"missing: {expected[place]}"
        if place >= len(expected):
            return f"too many: {json.dumps(told[place], ensure_ascii=False)}"
        if not same_alert(told[place], expected[place]):
            return f"told:     {json.dumps(told[place], ensure_ascii=False)}\nexpected: {expected[place]}"
    return None


# ---- shrinking ----


def smaller(case):
    """Cases with a little less."""
    for n in range(len(case["declarations"]) - 1, -1, -1):
        yield "declarations", n, None
    for p, records in enumerate(case["partitions"]):
        size = max(len(records) // 2, 1)
        while size:
            for start in range(0, len(records), size):
                yield "records", p, (start, start + size)
            size //= 2
    for n, item in enumerate(case["declarations"]):
        for e in range(len(item.get("emit", [])) - 1, -1, -1):
            yield "emit", n, e
        if item.get("when"):
            yield "when", n, None
        if item.get("on") and item["on"][1]:
            yield "on", n, None
        if item["kind"] == "change":
            yield from (("pattern", n, more) for more in smaller_patterns(item))
    if len(case["partitions"]) > 1:
        yield "join", 0, None
    words = set(re.findall(r"[a-z]\w*", "".join(declaration_text(d) for d in case["declarations"])))
    for n, kind in enumerate(case["types"]):
        for name in kind["fields"]:
            if name not in words and name != "at":
                yield "field", n, name
        if kind["name"] not in words and len(case["types"]) > 1:
            yield "type", n, kind["name"]


def without(case, what, n, more):
    case = copy.deepcopy(case)
    if what == "declarations":
        if n >= len(case["declarations"]):
            return None
        del case["declarations"][n]
    elif what == "records":
        if n >= len(case["partitions"]) or more[0] >= len(case["partitions"][n]):
            return None
        del case["partitions"][n][more[0]:more[1]]
    elif what == "emit":
        del case["declarations"][n]["emit"][more]
    elif what == "when":
        case["declarations"][n]["when"] = None
    elif what == "on":
        case["declarations"][n]["on"][1] = None
    elif what == "pattern":
        without_words(case["declarations"][n], *more)
    elif what == "field":
        del case["types"][n]["fields"][more]
        for records in case["partitions"]:
            for record in records:
                if record[0] == case["types"][n]["name"]:
                    record[2].pop(more)
    elif what == "type":
        case["types"] = [t for t in case["types"] if t["name"] != more]
        case["partitions"] = [[r for r in p if r[0] != more] for p in case["partitions"]]
    elif what == "join":
        records = sorted((r for p in case["partitions"] for r in p), key=lambda r: r[1])
        case["partitions"] = [records]
    return case


def way_of(found):
    """In which way a case fails: a difference, or which error."""
    error = re.search(r"error: .*", found) if found.startswith("exit code") else None
    return re.sub(r"`[^`]*`", "", error.group()) if error else found.split(":")[0].split("\n")[0][:9]


def shrink(program, case, first):
    """Smaller cases that still differ in the same way: with an error, or without."""
    way = way_of(first)
    tries, until = 0, time.monotonic() + SHRINK_SECONDS
    again = True
    while again and tries < SHRINK_TRIES:
        again = False
        for step in list(smaller(case)):
            try:
                candidate = without(case, *step)
            except (IndexError, KeyError):  # the case is smaller than the list of steps knew
                continue
            if candidate is None:
                continue
            tries += 1
            try:
                found = difference(program, candidate)
            except (KeyError, ValueError):
                continue
            if found and way_of(found) == way:
                case, again = candidate, True
            if tries >= SHRINK_TRIES or time.monotonic() > until:
                return case
    return case


def show(program, case, seed):
    print(f"FAILED seed {seed}")
    print(rules_text(case), end="")
    for number, records in enumerate(case["partitions"]):
        print(f"-- partition {number}")
        print(records_text(case, records), end="")
    print(difference(program, case), flush=True)


# ---- what must hold beside ----


def check_sum_of_windows_is_total(program, case, seed):
    """Tumbling windows of any length and offset, and sessions, together hold what there is: each event once. Of a count
    of N: each of the first N, 2N, … events."""
    kind, chooser = case["types"][0]["name"], random.Random(seed)
    size = chooser.choice([1, 7, 1000, 61_000_000, 86_400_000_000])
    shape = chooser.choice(["tumbling", "tumbling", "session", "count"])
    if shape == "count":
        size = chooser.choice([1, 2, 5, 13])
    offset = chooser.randrange(size) if shape == "tumbling" and chooser.random() < 0.5 else 0
    node = lambda agg, arg: ["counter", "int", {"agg": agg, "arg": arg, "param": None, "order": None, "where": None}]
    no_key = {"key": [], "key_names": [], "key_types": []}
    window = {"kind": "window", "name": "part", "from": [kind], "where": None, **no_key,
              "window": {"kind": shape, "size": size, "every": None, "offset": offset, "lateness": 0, "zone": None},
              "entries": [("n", node("count", None)), ("total", node("sum", ["field", "int", "u"]))]}
    rule = {"kind": "rule", "name": "told", "on": ["part", None], "when": None, **no_key,
            "emit": [("n", ["field", "int", "n"]), ("total", ["field", "int", "total"])]}
    told = parse(program.run(dict(case, declarations=[window, rule])))
    world = World(case)
    world.take_sources()
    there = [e.fields["u"] for e in world.events[kind]]
    if shape == "count":
        there = there[:len(there) // size * size]
    sums = [sum(int(a["fields"][name]) for a in told) for name in ("n", "total")]
    return sums == [len(there), sum(u for u in there if u is not None)]


def check_beside(program, case, seed):
    if seed % 5 == 1 and case["types"][0]["fields"].get("u") and not check_sum_of_windows_is_total(program, case, seed):
        return "the sum of windows that hold each event once is not the total"
    checks = [check_cut, None, check_arrival, check_words, check_batches, check_order_of_arrival, None, check_words]
    check = checks[seed % len(checks)]
    try:
        found = check(program, parse, case, seed) if check else None
    except RuntimeError as error:
        return f"{check.__name__}: {error}"
    return f"{found[0]} tell something else" if found else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--weir", required=True)
    parser.add_argument("--golden", help="the golden tests' program, for batches")
    parser.add_argument("--features", default=",".join(FEATURES))
    parser.add_argument("--failures", type=int, default=3, help="stop after so many")
    options = parser.parse_args()
    passed = failed = 0
    silent = []  # why, of each case that the reference says nothing of
    with tempfile.TemporaryDirectory() as folder:
        program = Program(options.weir, folder, options.golden)
        for seed in range(options.seed, options.seed + options.count):
            case = generate(seed, options.features.split(","))
            silent_before = len(silent)
            found = difference(program, case, silent)
            if found:
                failed += 1
                if found.startswith("exit code"):
                    print(found)
                show(program, shrink(program, case, found), seed)
                if failed >= options.failures:
                    break
                continue
            beside = check_beside(program, case, seed)
            if beside:
                failed += 1
                print(f"FAILED seed {seed}: {beside}")
            elif len(silent) == silent_before:
                passed += 1
    for why in sorted(set(silent)):
        print(f"said nothing of {silent.count(why)} of {options.count} cases: {why}")
    if len(silent) > max(SILENT_ALLOWED, SILENT_SHARE_MAX * options.count):
        failed += 1
        print(f"FAILED: more than {SILENT_SHARE_MAX:.0%} of the cases are not judged")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
