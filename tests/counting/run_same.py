#!/usr/bin/env python3
"""run_same.py - rule sets that must tell the same, however they stand and among whatever.

    run_same.py --weir PROGRAM [--seed N] [--count N]

No reference says here what is told. A rule set of several blocks, each with all that it needs, is run over random events
and then in other ways that must not matter:

- behind stages: each block reads filter events or alerts that repeat the events, in place of the events;
- alone: a block without the others, with which it shared counters, keys, passes and places;
- other keys: the same keys as numbers, addresses, times or long strings;
- few keys: some of thousands of keys without the others, so that tables grow, lines wrap and idle keys leave.

Ends with a line `N passed, N failed`; the exit code is 1 if one failed.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile

BASE_MS = 1767600000000
FIELDS = {"id": "string", "k": "string", "u": "string", "v": "int", "d": "decimal(2)", "x": "float", "ok": "bool",
          "words": "[string]", "w": "duration", "address": "ip"}
CONDITIONS = ["v > 2", "ok", "d >= 1.00", "x < 3.0", 'u == "k1u1"', '"b" in words', "v is null", "v in (1, 2)"]
DURATIONS = ["500ms", "1s", "2s", "3s", "7s", "20s"]
AGGREGATES = ["count()", "sum(v)", "sum(d)", "sum(x)", "avg(d)", "avg(w)", "min(x)", "max(w)", "stddev(v)", "distinct(u)",
              "distinct(address)", "median(d)", "percentile(x, 90)", "first(u)", "last(v)", "top(u, 2)",
              "top(words[1], 2 by sum(v))", "collect(v, 3)", "ewma(v, 3s)", "rate()"]
STAGES = ["filter", "alert", "pattern", "filter filter", "filter alert", "alert filter", "pattern alert"]
KEYS = {  # a type, and the number of a key as a value of it; their texts stand in the order of the numbers
    "int": lambda n: 700000 + n,
    "decimal(2)": lambda n: 600000.25 + n,
    "float": lambda n: 500000.5 + n,
    "ip": lambda n: f"10.9.0.{n}",
    "time": lambda n: f"2031-01-0{n}T00:00:00Z",
    "string": lambda n: "y" * 70 + str(n),
}


# ---- rules; A and B stand for the types that they read ----


def counter(chooser):
    pick = chooser.choice
    aggregate = f"count(where {pick(CONDITIONS)})" if chooser.random() < 0.15 else pick(AGGREGATES)
    span = pick([pick(DURATIONS)] * 4 + ["previous 3s", "last 1", "last 3", "last 5 within 4s", "today"])
    if aggregate == "rate()":
        span = "3s"
    of = pick(["", "", " of A", " of B", f" of A({pick(CONDITIONS)})"])
    return f"{aggregate}{of}{pick(['', '', ' by u', ' by (k, u)'])} over {span}"


def counting(chooser, n):
    pick = chooser.choice
    emitted = " ".join(f"c{i} = {counter(chooser)}" for i in range(pick([1, 2, 4])))
    more = pick(["", "before = previous(v)", "seen_u = seen(u, 3s)", "again = u in seen(u, 5s)"])
    return (f"rule count{n} {{ on A({pick(CONDITIONS)}) key {pick(['k', 'u', 'k, u'])} when {counter(chooser)} is not null "
            f"emit {{ id = id {emitted} {more} }} {pick(['', 'suppress 2s'])} }}")


def window(chooser, n):
    pick = chooser.choice
    words = pick(["tumbling 3s", "sliding 4s every 2s", "sliding 10s every 1s", "session 1500ms", "count 3",
                  "count 8 every 1", "today", "tumbling 1s offset 300ms", "tumbling 2s every key known for 5s"])
    if words.split()[0] in ("tumbling", "session") and "known" not in words:
        words += pick(["", "", " early every 700ms", " early every 2 events", " early when (count() > 1)"])
    key, inner = pick(["k", "u", "k, u"]), pick(["tumbling 6s", "count 2", "session 5s", "sliding 6s every 3s"])
    told = " ".join(f"c{i} = {pick(AGGREGATES)}" for i in range(3))
    return (f"event win{n} from {pick(['A', 'B', 'A, B'])} where {pick(CONDITIONS)} key {key} window {words} "
            f"{{ n = count() s = sum(v) {told} }}\n"
            f"event outer{n} from win{n} key {key} window {inner} {{ n = sum(n) most = max(s) }}\n"
            f"rule win{n}_rule {{ on win{n} key {key} emit {{ n = n many = sum(n) over 6s before = previous(s) c0 = c0 "
            f"c1 = c1 c2 = c2 from = window.start to = window.end }} }}\n"
            f"rule outer{n}_rule {{ on outer{n} key {key} emit {{ n = n most = most }} }}\n"
            f"rule pair{n} {{ key {key} match f = win{n} then g = win{n}(n >= f.n) within 10s emit {{ n = f.n m = g.n }} }}")


def join(chooser, n):
    pick = chooser.choice
    key = pick(["k", "u", "k, u"])
    return (f"event pair_of{n} join l = A, r = B key {key} where r.time between l.time {pick(['- 2s', '+ 0s', '+ 500ms'])} "
            f"and l.time {pick(['+ 1s', '+ 3s'])}{pick(['', ' and l.v <= r.v'])} {pick(['', 'left', 'right', 'full'])} "
            f"{{ left_id = l.id right_id = r.id v = l.v + r.v }}\n"
            f"rule join{n} {{ on pair_of{n} key {key} emit {{ l = left_id r = right_id v = v n = count() over 5s }} }}")


def pattern(chooser, n):
    pick = chooser.choice
    then = pick([f"B({pick(CONDITIONS)})", "B(count() of A over 3s >= 2)", "B(seen(u, 4s) of A)",
                 f"B({pick(CONDITIONS)}) at key u == p.u"])
    absent = pick(["", " then no A(v > 3) for 1s"])
    return (f"rule pattern{n} {{ key k match p = A({pick(CONDITIONS)}) then q = {then}{absent} within 6s "
            f"{pick(['', 'report all', 'after match skip to next'])} emit {{ p = p.id q = q.id }} }}")


def store(chooser, n):
    pick = chooser.choice
    return (f"table row{n} key (u) from event {pick('AB')} {{ v int d decimal(2) }} ttl {pick(DURATIONS)} "
            f"{pick(['', 'on read'])}\n"
            f"list marked{n} string ttl {pick(DURATIONS)} visible after 1s\n"
            f"rule mark{n} {{ on {pick('AB')}({pick(CONDITIONS)}) key k add u to marked{n} to nothing }}\n"
            f"rule unmark{n} {{ on {pick('AB')}({pick(CONDITIONS)}) key u remove u from marked{n} to nothing }}\n"
            f"rule ask{n} {{ on {pick('AB')} key k emit {{ id = id v = row{n}[u].v d = row{n}[u].d m = u in marked{n} }} }}")


def group(chooser, n):
    pick = chooser.choice
    rules = [f"rule score{n}_{i} {{ on {pick('AB')}({pick(CONDITIONS)}) key {pick(['k', 'u'])} score {pick([10, 30])} "
             f"emit {{ who = u }} {pick(['', 'suppress 2s'])} }}" for i in range(2)]
    return "\n".join(rules + [f"group scores{n} {{ key who over {pick(DURATIONS)} rules score{n}_0, score{n}_1 score "
                              f"{pick(['sum', 'sum all', 'max'])} {pick(['', 'decay 1s'])} review at 20 block at 40 }}"])


def alerts(chooser, n):
    return (f"rule first{n} {{ on {chooser.choice('AB')}({chooser.choice(CONDITIONS)}) key u emit {{ kk = k vv = v }} "
            f"to nothing }}\n"
            f"rule second{n} {{ on first{n} key kk when count() over 4s >= 2 "
            f"emit {{ v = sum(vv) over 4s n = count() of first{n} by u over 4s }} }}\n"
            f"event first_of{n} from first{n} key u window tumbling 3s {{ n = count() }}\n"
            f"rule third{n} {{ key u match f = first{n} then g = first_of{n}(n >= 1) within 5s emit {{ n = g.n }} }}")


BLOCKS = [counting, counting, window, window, join, pattern, store, group, alerts]


def blocks_of(chooser):
    return [chooser.choice(BLOCKS)(chooser, n) for n in range(chooser.choice([2, 3, 5]))]


# ---- events, stages, runs ----


def events_of(chooser, count, keys, span_ms):
    """Numbers of keys come and go; one of them stays. Of one time are several events."""
    events, hot = [], chooser.randrange(keys)
    maybe = lambda value: None if chooser.random() < 0.08 else value
    for n, at in enumerate(sorted(chooser.randrange(span_ms) for _ in range(count))):
        key = hot if chooser.random() < 0.05 else (at * keys // span_ms + chooser.randrange(4)) % keys
        events.append({
            "type": chooser.choice("aab"), "at": BASE_MS + at - at % 100, "id": f"k{key}e{n}",
            "k": maybe(f"k{key}"), "u": f"k{key}u{chooser.choice([1, 2])}", "v": maybe(chooser.randint(-1, 5)),
            "d": maybe(chooser.choice([1.5, 0.25, 2, 100.01])), "x": maybe(chooser.choice([0.1, 2.5, 3.75])),
            "ok": maybe(chooser.random() < 0.5), "words": maybe(chooser.sample("abc", chooser.randrange(4))),
            "w": maybe(chooser.choice([1000000, 2500000])), "address": maybe(chooser.choice(["10.0.0.1", "::1"]))})
    return events


def declared(key_type="string"):
    fields = " ".join(f"{name} {key_type if name == 'k' else kind}" for name, kind in FIELDS.items())
    return "".join(f"event {name} {{ event_time at at time(ms) {fields} }}\n" for name in "ab")


def staged(stages, source):
    """Declarations that repeat the events of a type, stage behind stage; and the name of the last."""
    text, name = "", source
    for n, stage in enumerate(stages.split()):
        of = f"{name}." if stage == "pattern" else ""
        copied = " ".join(f"{field} = {of}{field}" for field in ["at", *FIELDS])
        following = f"{source}_{n}"
        text += {"filter": f"event {following} from {name} {{ {copied} }}\n",
                 "alert": f"rule {following} {{ on {name} key none emit {{ {copied} }} to nothing }}\n",
                 "pattern": f"rule {following} {{ key none match {name} emit {{ {copied} }} to nothing }}\n"}[stage]
        name = following
    return text, name


def named(text, a, b):
    return re.sub(r"\bA\b", a, re.sub(r"\bB\b", b, text))


class Program:
    def __init__(self, weir, folder):
        self.weir, self.rules, self.events = weir, os.path.join(folder, "same.weir"), os.path.join(folder, "same.jsonl")

    def run(self, rules, events):
        """What is told of each alert, without what says where its events stood."""
        with open(self.rules, "w", encoding="utf-8") as file:
            file.write(rules)
        with open(self.events, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(event) + "\n" for event in events)
        done = subprocess.run([self.weir, "run", self.rules, "--input", self.events], capture_output=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"exit code {done.returncode}: {done.stderr.decode()[:1000]}\n{rules}")
        alerts_told = [json.loads(line, parse_float=str) for line in done.stdout.splitlines()]
        for alert in alerts_told:
            alert["matched"] = len(alert["matched"])
            del alert["id"]
        return alerts_told


def first_difference(way, expected, told):
    if told == expected:
        return None
    place = next((i for i, (a, b) in enumerate(zip(expected, told)) if a != b), min(len(expected), len(told)))
    show = lambda rows: json.dumps(rows[place]) if place < len(rows) else "nothing more"
    return f"{way}, alert {place}:\n  {show(expected)}\n  {show(told)}"


# ---- what must not matter ----


def check_stages(program, chooser, blocks, events, expected):
    stages = chooser.choice(STAGES)
    (before_a, a), (before_b, b) = staged(stages, "a"), staged(stages, "b")
    told = program.run(declared() + before_a + before_b + named("\n".join(blocks), a, b), events)
    return first_difference(f"behind {stages}", expected, told)


def check_alone(program, chooser, blocks, events, expected):
    block = chooser.choice(blocks)
    names = set(re.findall(r"(?:rule|group) (\w+)", block))
    told = program.run(declared() + named(block, "a", "b"), events)
    return first_difference("alone", [alert for alert in expected if alert["rule"] in names], told)


def check_key_type(program, chooser, blocks, events, expected):
    kind = chooser.choice(list(KEYS))
    shown = {}  # a key of the other type, as alerts tell it: the string that it stands for
    others = []
    for event in events:
        if event["k"] is not None:
            value = KEYS[kind](1 + int(event["k"][1:]))
            shown[f"{value:.2f}" if kind == "decimal(2)" else str(value)] = event["k"]
            event = dict(event, k=value)
        others.append(event)
    told = program.run(declared(kind) + named("\n".join(blocks), "a", "b"), others)
    for values in (values for alert in told for values in (alert["key"], alert["fields"])):
        for name, value in values.items():
            if not isinstance(value, list) and str(value) in shown:
                values[name] = shown[str(value)]
    return first_difference(f"keys of type {kind}", expected, told)


def check_few_keys(program, chooser, blocks, keys):
    """The last event is the same in both runs, so that time ends at one place."""
    events = events_of(chooser, 6000, keys, chooser.choice([60_000, 600_000]))
    last = dict(events[-1], at=events[-1]["at"] + 1, id="last", k="last", u="last")
    events += [dict(last, type="a"), dict(last, type="b")]
    few = {f"k{n}" for n in chooser.sample(range(keys), chooser.choice([1, 3, 20]))} | {"last"}
    rules = declared() + named("\n".join(blocks), "a", "b")

    def of_few(alert):
        return re.split("u", next(value for value in alert["key"].values() if value is not None))[0] in few

    expected = [alert for alert in program.run(rules, events) if of_few(alert)]
    told = program.run(rules, [event for event in events if event["u"].split("u")[0] in few])
    return first_difference("few keys", expected, [alert for alert in told if of_few(alert)])


def check(program, seed):
    chooser = random.Random(seed)
    blocks = blocks_of(chooser)
    if seed % 8 == 0:
        return check_few_keys(program, chooser, blocks, chooser.choice([50, 700, 3000]))
    events = events_of(chooser, chooser.choice([20, 80, 200]), 4, chooser.choice([5_000, 15_000, 60_000]))
    expected = program.run(declared() + named("\n".join(blocks), "a", "b"), events)
    for way in (check_stages, check_alone, check_key_type):
        found = way(program, chooser, blocks, events, expected)
        if found:
            return found
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weir", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=120)
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        program = Program(options.weir, folder)
        for seed in range(options.seed, options.seed + options.count):
            try:
                found = check(program, seed)
            except RuntimeError as error:
                found = str(error)
            if found:
                failed += 1
                print(f"FAILED seed {seed}: {found}")
    print(f"{options.count - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
