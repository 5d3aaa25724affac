#!/usr/bin/env python3
"""run_limits.py - goes to each limit of docs/limits.md and one beyond, through the real program.

    run_limits.py WEIR LIMITS_TABLE

LIMITS_TABLE prints the table of base/limits.h, from which the numbers are taken, so a limit that moves moves its test. A limit
that has no probe must be named in NOT_PROBED with the reason. Ends with a line `N passed, N failed`.
"""
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile

AT = "2026-01-05T10:00:00Z"
EVENT = "event e { event_time at at time s string t string n int words [string] }\n"
PAIR = EVENT + "rule r { key none within 1m %s match a = e(n == 1) then b = e(n == 2) }"

NOT_PROBED = {
    "dead_letters": "it needs a terminal: golden/cli",
    "rule_file_bytes": "256 MiB",
    "rule_files": "32,767 files",
    "list_file_bytes": "1 GiB",
    "list_entries": "50 million",
    "table_rows": "50 million",
    "rule_json_bytes": "64 MiB",
    "expression_code": "the limits on depth and parts come first: unit/expr",
    "expression_values": "unit/expr",
    "sources": "the program's inputs have two names",
    "bad_field_samples": "4,096 pairs of field and reason",
    "pattern_elements": "256 steps have fewer",
    "regex_depth": "only without JIT: unit/regex",
    "regex_heap_kib": "only without JIT: unit/regex",
    "regex_stack_bytes": "unit/regex",
    "graph_nodes": "16 million links: match_events comes first",
    "batch_events": "without effect on what is told: golden, property",
}


def record(**fields):
    return json.dumps({"at": AT, **fields}, separators=(",", ":"))


class Weir:
    def __init__(self, program, folder):
        self.program, self.folder = os.path.abspath(program), folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def call(self, *arguments):
        done = subprocess.run([self.program, *arguments], cwd=self.folder, capture_output=True, encoding="utf-8", timeout=300)
        if done.returncode not in (0, 1, 2, 3):
            raise AssertionError(f"weir {arguments[0]} ended with {done.returncode}: {done.stderr[:500]}")
        return done

    def check(self, rules):
        """All that is wrong with the rules, and whether something is."""
        self.write("rules.weir", rules)
        done = self.call("check", "rules.weir")
        return done.returncode == 0, done.stdout + done.stderr

    def infer(self, records):
        self.write("records.jsonl", "\n".join(records) + "\n")
        return self.call("infer", "records.jsonl").stdout

    def run(self, rules, records, *options):
        self.write("rules.weir", rules)
        self.write("events.jsonl", "".join(line + "\n" for line in records))
        done = self.call("run", "rules.weir", "--input", "events.jsonl", *options)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def rules_border(weir, make, limit):
    """`make(n)` is fine at the limit and an error beyond."""
    good, said = weir.check(make(limit))
    expect(good, f"an error at {limit}: {said[:300]}")
    good, said = weir.check(make(limit + 1))
    expect(not good, f"no error at {limit + 1}")


def record_bytes(weir, limit):
    base = record(n=1, s="")
    for size, alerts in ((limit, 1), (limit + 1, 0)):
        told, said = weir.run(EVENT + "rule r { on e(n == 1) }", [base.replace('"s":""', '"s":"' + "x" * (size - len(base)) + '"')])
        expect(len(told) == alerts and ("too_long" in said) == (alerts == 0), f"{size} bytes: {len(told)} alerts")


def record_depth(weir, limit):
    for depth, alerts in ((limit, 1), (limit + 1, 0)):  # the object is the first level
        inner = "[" * (depth - 1) + "]" * (depth - 1)
        told, said = weir.run(EVENT + "rule r { on e(n == 1) }", [record(n=1)[:-1] + f',"x":{inner}}}'])
        expect(len(told) == alerts and ("too_deep" in said) == (alerts == 0), f"{depth} levels: {len(told)} alerts")


def list_elements(weir, limit):
    told, said = weir.run(EVENT + "rule r { on e emit { l = length(words) } }", [record(words=["a"] * n) for n in (limit, limit + 1)])
    expect([a["fields"]["l"] for a in told] == [limit, None] and "bad_field" in said, str(told))


def fraction_digits(weir, limit):
    told, said = weir.run(EVENT + "rule r { on e }", [f'{{"at":"2026-01-05T10:00:00.{"1" * n}Z"}}' for n in (limit, limit + 1)])
    expect(len(told) == 1 and said.count("bad_time") == 1, said)


def decimal_digits(weir, limit):
    rules_border(weir, lambda n: EVENT.replace("n int", f"n decimal({n})"), limit)


def event_fields(weir, limit):
    rules_border(weir, lambda n: "event e { event_time at at time " + " ".join(f"f{i} int" for i in range(n - 1)) + " }", limit)


def event_types(weir, limit):
    rules_border(weir, lambda n: "".join(f"event e{i} {{ event_time at at time }}\n" for i in range(n)), limit)


def inputs(weir, limit):
    weir.write("rules.weir", EVENT + "rule r { on e }")
    weir.write("one.jsonl", record() + "\n")
    for n, code in ((limit, 0), (limit + 1, 3)):
        done = weir.call("run", "rules.weir", *["--input", "one.jsonl"] * n)
        expect(done.returncode == code, f"{n} inputs: exit code {done.returncode}")
        expect(len(done.stdout.splitlines()) == (n if code == 0 else 0), f"{n} inputs: {len(done.stdout.splitlines())} alerts")


def derived_per_event(weir, limit):
    rules = ("event e { event_time at at time words [string] }\n"
             "event one from e each w in words { words = words }\nevent two from one each w in words { x = w }\nrule r { on two }")
    told, said = weir.run(rules, [record(words=["a"] * 64)])
    expect(len(told) == limit - 64 and "64 derived events were left out" in said, f"{len(told)} alerts, {said}")


def rule_errors(weir, limit):
    good, said = weir.check(EVENT + "\n".join(f"rule r{i} {{ on e(nothing == 1) }}" for i in range(limit + 10)))
    expect(not good and said.count(": error: ") == limit and "10 more errors" in said, said[-300:])


def parse_depth(weir, limit):
    rules_border(weir, lambda n: EVENT + "rule r { on e(" + "(" * (n - 1) + "n == 1" + ")" * (n - 1) + ") }", limit)


def pattern_depth(weir, limit):
    rules_border(weir, lambda n: EVENT + "rule r { key none within 1m match " + "(" * n + "a = e" + ")" * n + " then b = e }", limit)


def clause_duration_days(weir, limit):
    rules_border(weir, lambda n: EVENT + f"rule r {{ key none match a = e then b = e within {n}d }}", limit)


def expression_depth(weir, limit):
    def nested(depth):
        return "max(n, " * (depth - 1) + "n" + ")" * (depth - 1)

    rules_border(weir, lambda n: EVENT + f"rule r {{ on e emit {{ x = {nested(n)} }} }}", limit)


def expression_nodes(weir, limit):
    lets = ["let l0 = n == 1 or s == \"a\""]
    while 7 * 2 ** len(lets) <= 8 * limit:
        lets.append(f"let l{len(lets)} = l{len(lets) - 1} or l{len(lets) - 1}")
    good, said = weir.check(EVENT + "\n".join(lets) + f"\nrule r {{ on e(l{len(lets) - 1}) }}")
    expect(not good and f"more than {limit} parts" in said, said[:300])


def function_arguments(weir, limit):
    rules_border(weir, lambda n: EVENT + "rule r { on e emit { x = concat(" + ", ".join(["s"] * n) + ") } }", limit)


def rule_lines(weir, limit):
    rules_border(weir, lambda n: EVENT + "rule r { on e(n == 1) }" + "\n" * (n - EVENT.count("\n") - 1), limit)


def rule_columns(weir, limit):
    rule = "rule r { on e(x == 1) }"
    for column, told in ((limit, limit), (limit + 1, limit)):
        good, said = weir.check(EVENT + " " * (column - rule.index("x") - 1) + rule)
        expect(not good and f":2:{told}: error: `e` has no field `x`" in said, f"column {column}: {said[:100]}")


def infer_records(weir, limit):
    for count in (limit, limit + 1):
        said = weir.infer([record(n=i) for i in range(count)])
        expect(f"from {limit} records" in said, f"{count} records: {said[:100]}")


def infer_types(weir, limit):
    for count, further in ((limit, False), (limit + 1, True)):
        said = weir.infer([record(type=f"t{i}") for i in range(count)])
        expect(("1 record is of further types" in said) == further, f"{count} types: {said[:300]}")


def infer_fields(weir, limit):
    for count, more in ((limit, False), (limit + 1, True)):  # the time is one of them
        said = weir.infer([record(**{f"f{i}": i for i in range(count - 1)})])
        expect(("and more fields" in said) == more, f"{count} fields: {said[-300:]}")


def key_parts(weir, limit):
    fields = lambda n: "".join(f"  f{i} int\n" for i in range(n))
    rules_border(weir, lambda n: "event e {\n  event_time at\n  at time\n" + fields(n) + "}\nrule r { key "
                 + ", ".join(f"f{i}" for i in range(n)) + " on e }", limit)


def table_columns(weir, limit):
    def rules(n):  # the key is one of them
        weir.write("table.csv", "k" + "".join(f",c{i}" for i in range(n - 1)) + "\n")
        return EVENT + 'table t key (k) from file "table.csv" { c0 int }\nrule r { on e(t[s].c0 == 1) }'

    rules_border(weir, rules, limit)


def csv_columns(weir, limit):
    weir.write("rules.weir", EVENT + "rule r { on e }")
    for n, code in ((limit, 0), (limit + 1, 3)):
        weir.write("events.csv", "at" + "".join(f",c{i}" for i in range(n - 1)) + "\n" + AT + ",1" * (n - 1) + "\n")
        done = weir.call("run", "rules.weir", "--input", "events.csv")
        expect(done.returncode == code, f"{n} columns: exit code {done.returncode}")


def block_entries(weir, limit):
    rules_border(weir, lambda n: EVENT + "rule r { on e emit { " + " ".join(f"x{i} = n" for i in range(n)) + " } }", limit)


def test_alerts(weir, limit):
    for n, word in ((limit, "1 passed"), (limit + 1, "1 failed")):
        weir.write("rules.weir", EVENT + f'rule r {{ on e }}\ntest "t" for r {{ e {{ at: "10:00:00" }} * {n} expect r }}')
        done = weir.call("test", "rules.weir")
        expect(word in done.stdout + done.stderr, f"{n} alerts: {(done.stdout + done.stderr)[-200:]}")


def pattern_skips(weir, limit):
    def rules(n):
        steps = " ".join(f"then s{i} = e(n == {i}) ?" for i in range(n))
        return EVENT + f"rule r {{ key none within 1m match a = e {steps} then z = e(n == 1000) }}"

    rules_border(weir, rules, limit)


def pattern_loops(weir, limit):
    rules_border(weir, lambda n: EVENT + "rule r { key none within 1m match a = e "
                 + " ".join(f"then s{i} = e(n == {i}) {{2}}" for i in range(n)) + " }", limit)


def step_values(weir, limit):
    def rules(n):
        steps = " ".join(f"then b{i} = e({' and '.join(f'nth(a.n, {i * 20 + k + 1}) is null' for k in range(min(20, n - i * 20)))})"
                         for i in range((n + 19) // 20))
        return EVENT + f"rule r {{ key none within 1m match a = e {steps} }}"

    rules_border(weir, rules, limit)


def because_values(weir, limit):
    count = limit + 3
    rules = ("event e { event_time at at time " + " ".join(f"k{i} int" for i in range(count))
             + " }\nrule r { with because on e(" + " or ".join(f"k{i} == 1" for i in range(count)) + ") }")
    told, _ = weir.run(rules, [record(**{f"k{i}": 1 for i in range(count)})])
    expect(len(told[0]["because"][0]["values"]) == limit, f"{len(told[0]['because'][0]['values'])} values")


def pattern_steps(weir, limit):
    rules_border(weir, lambda n: EVENT + "rule r { key none within 1m match s0 = e " + " ".join(f"then s{i} = e" for i in range(1, n)) + " }", limit)


def pattern_ways(weir, limit):
    def rules(n):
        return EVENT + "rule r { key none within 1m match (" + " or ".join(f"a{i} = e(n == {i})" for i in range(n)) + ") then z = e(n == 1000) }"

    rules_border(weir, rules, limit)


def runs(weir, limit):
    told, said = weir.run(PAIR % "", [record(n=1)] * (limit + 2) + [record(n=2)])
    expect(len(told) == 1 and "2 partial matches were not begun" in said, f"{len(told)} alerts, {said}")


def match_events(weir, limit):
    rules = EVENT + "rule r { key none within 1m match a = e(n == 1)+ then b = e(n == 2) emit { c = count(a) } }"
    for n, dropped in ((limit - 1, 0), (limit, 1)):
        told, said = weir.run(rules, [record(n=1)] * n + [record(n=2)])
        expect(told[0]["fields"]["c"] == limit - 1 and ("1 partial match was dropped: it held" in said) == (dropped == 1), f"{n}: {said}")


def part_events(weir, limit):
    rules = EVENT + ("rule r { key s match a = e(n == 1)+ then b = e(n == 2) then c = e(n == 3) at key t == b.t within 1m "
                     "report all limit 100000 emit { c = count(a) } }")
    fitting = next(n for n in range(limit) if (n + 1) * (n + 2) // 2 - 1 > limit) - 1  # the latest, of 2, 3, … events
    for n, dropped in ((fitting + 1, False), (fitting + 2, True)):
        told, said = weir.run(rules, [record(s="k", t="u", n=i) for i in [1] * n + [2, 3]])
        expect(len(told) == fitting + 1 and told[0]["fields"]["c"] == n and told[1]["fields"]["c"] == fitting, f"{len(told)} alerts")
        expect(("1 match did not go on at the new key" in said) == dropped, said)


def report_all(weir, limit):
    for n, count in ((limit, limit), (limit + 1, 1)):
        told, _ = weir.run(PAIR % "report all", [record(n=1)] * n + [record(n=2)])
        expect(len(told) == count and ("cut" in told[0]) == (count == 1), f"{n} matches: {len(told)} alerts")


def matched(weir, limit):
    for n, more in ((limit - 1, None), (limit, 1)):
        told, _ = weir.run(EVENT + f"rule r {{ key none within 1m match a = e(n == 1) {{{n}}} then b = e(n == 2) }}", [record(n=1)] * n + [record(n=2)])
        entries = told[0]["matched"]
        expect(len(entries) == limit and entries[-1].get("more") == more and entries[-1]["step"] == "b", str(entries[-1]))


def string_bytes(weir, limit):
    told, _ = weir.run(EVENT + 'rule r { on e emit { a = length(replace(s, "x", "yy")) b = length(concat(s, s)) } }',
                       [record(s="x" * (limit // 2)), record(s="x" * (limit // 2 + 1))])
    expect([list(a["fields"].values()) for a in told] == [[limit, limit], [None, None]], str([a["fields"] for a in told]))


def edit_distance_characters(weir, limit):
    told, _ = weir.run(EVENT + "rule r { on e emit { a = levenshtein(s, t) b = jaro_winkler(t, s) } }",
                       [record(s="ä" * limit, t="y"), record(s="ä" * (limit + 1), t="y")])
    expect([list(a["fields"].values()) for a in told] == [[limit, 0], [None, None]], str([a["fields"] for a in told]))


def regex_border(weir, make, limit):
    rules_border(weir, lambda n: EVENT + f"rule r {{ on e(s matches /{make(n)}/) }}", limit)


def regex_pattern_bytes(weir, limit):
    regex_border(weir, lambda n: "x" * n, limit)


def regex_nesting(weir, limit):
    regex_border(weir, lambda n: "(?:" * n + "x" + ")" * n, limit)


def regex_groups(weir, limit):
    regex_border(weir, lambda n: "(x)" * n, limit)


def regex_steps(weir, _):
    told, said = weir.run(EVENT + "rule r { on e emit { m = s matches /^(a|aa)+$/ } }", [record(s="a" * 60 + "b"), record(s="aaa")])
    expect([a["fields"]["m"] for a in told] == [False, True] and "1 regex match was given up" in said, f"{told} {said}")


def window_parts(weir, limit):
    rules_border(weir, lambda n: EVENT + f"event w from e key s window sliding {n}ms every 1ms {{ n = count() }}", limit)
    rules_border(weir, lambda n: EVENT + f"event w from e key s window count {n} every 1 {{ n = count() }}", limit)
    rules_border(weir, lambda n: EVENT + f"event w from e key s window tumbling 1s every key known for {n}s {{ n = count() }}", limit)


def last_events(weir, limit):
    rules_border(weir, lambda n: EVENT + f"rule r {{ on e key s when count() over last {n} > 5 }}", limit)
    rules_border(weir, lambda n: EVENT + f"rule r {{ on e key s when nth(n, {n}) over 1h > 5 }}", limit)


def window_count(weir, limit):
    for words in ("count %d", "count %d every 2000000", "tumbling 1h early every %d events"):
        rules_border(weir, lambda n: EVENT + f"event w from e key s window {words % n} {{ n = count() }}", limit)


def many(start, count, line):
    return start + "\n" + "\n".join(line.replace("#", str(i)) for i in range(count)) + "\n"


def declarations(weir, limit):
    weir.write("model.json", '{"form": "logistic", "intercept": 0, "inputs": {"n": {"weight": 1}}}')
    scored = EVENT + "rule r { on e key s score 1 }"
    for start, line in ((EVENT, "rule r# { on e(n == #) }"),
                        (EVENT, "list l# string"),
                        (EVENT, "table t# key (s) from event e { n int }"),
                        (EVENT, "counter c# = count() of e by s over 1h"),
                        (EVENT, 'model m# from file "model.json" { in n out score float }'),
                        (scored, "group g# { key s over 1h rules r score sum block at 9 }")):
        rules_border(weir, lambda n: many(start, n, line), limit)


def asking(name, event, first, count):
    """Rules that ask so many counters, a hundred each."""
    asked = [f"count() of e(n == {i}) by s over 1h > 1" for i in range(first, first + count)]
    return "\n".join(f"rule {name}{i} {{ on {event} key s when {' or '.join(asked[i:i + 100])} }}" for i in range(0, count, 100))


def counters(weir, limit):
    other = EVENT + EVENT.replace("event e", "event f") + EVENT.replace("event e", "event g")
    part = 25000
    rules_border(weir, lambda n: other + "\n".join(asking(event, event, i * part, min(part, n - i * part)) for i, event in enumerate("efg")), limit)


def event_values(weir, limit):
    rules_border(weir, lambda n: EVENT + asking("r", "e", 0, n - 3), limit)  # beside `at`, `s` and `n`


def held_values(weir, limit):
    def rules(n):
        asked = [f"count() of e(n == {i}) by s over 1h > 1" for i in range(n - 1)]  # beside `s`
        return EVENT + "\n".join(f"rule r{i} {{ key s match a = e({' and '.join(asked[i:i + 100])}) then no e for 1s with because }}"
                                 for i in range(0, n - 1, 100))
    rules_border(weir, rules, limit)


def stages(weir, limit):
    def chain(n):
        return EVENT + "event w0 from e key s window tumbling 1h { n = count() }\n" + "".join(
            f"event w{i} from w{i - 1} key s window tumbling 1h {{ n = count() }}\n" for i in range(1, n))
    rules_border(weir, chain, limit)
    rules_border(weir, lambda n: chain(n - 1) + f"rule r {{ on w{n - 2} key s }}", limit)


def previous_idle_days(weir, limit):
    first = datetime.datetime(2020, 1, 5, 10)
    at = [first, first + datetime.timedelta(days=limit), first + datetime.timedelta(days=2 * limit, microseconds=1)]
    told, _ = weir.run(EVENT + "rule r { on e key s emit { before = previous(n) } }",
                       [json.dumps({"at": t.isoformat() + "Z", "s": "k", "n": i}) for i, t in enumerate(at)])
    expect([a["fields"]["before"] for a in told] == [None, 0, None], f"{told}")


def run_csv(weir, rules, lines, *options):
    """Very many events, as one column of numbers."""
    weir.write("rules.weir", rules)
    with open(weir.path("events.csv"), "w", encoding="ascii") as file:
        for line in lines:
            file.write(line)
    done = weir.call("run", "rules.weir", "--input", "e=events.csv", *options)
    os.remove(weir.path("events.csv"))
    return [json.loads(line)["fields"] for line in done.stdout.splitlines()], done.stderr


AT_ONCE = "event e { event_time at at time(us) n int }\n"


def counter_window_events(weir, limit):
    told, said = run_csv(weir, AT_ONCE + f"rule r {{ on e key none when count() over 1h >= {limit - 1} emit {{ n = count() over 1h }} }}",
                         ["at\n", "0\n" * (limit + 2)])
    expect([row["n"] for row in told] == [limit - 1] + [limit] * 3, str(told))
    expect("2 events left the windows of counters early" in said, said)


def seen_values(weir, limit):
    rules = AT_ONCE + "rule r { on e key none when n < 2 emit { n = n  seen = seen(n, 1h) } }"
    for count, first in ((limit, True), (limit + 1, False)):
        told, said = run_csv(weir, rules, ["at,n\n"] + [f"0,{i}\n" for i in range(count)] + ["0,1\n", "0,0\n"])
        expect([row["seen"] for row in told] == [False, False, True, first], str(told))
        expect(("were not kept by `seen`" in said) == (not first), said)


def distinct_exact(weir, limit):
    rules = AT_ONCE + "rule r { on e key none emit { n = distinct(n) over 1h } }"
    told, _ = run_csv(weir, rules, ["at,n\n"] + [f"0,{i}\n" for i in range(5 * limit)])
    numbers = [row["n"] for row in told]
    expect(numbers[:limit] == list(range(1, limit + 1)), "not exact up to the limit")
    beyond = list(enumerate(numbers))[limit:]
    expect(any(n != i + 1 for i, n in beyond) and all(abs(n - i - 1) < 0.08 * i for i, n in beyond), "not an estimate beyond it")


WINDOW = AT_ONCE + "event w from e key none window tumbling 1h { x = %s }\nrule r { on w key none emit { x = x } }"


def top_values(weir, limit):
    for more, best in ((0, limit - 1), (1, 0)):
        lines = ["at,n\n"] + [f"0,{i}\n" for i in range(limit)] + [f"0,{limit - 1 + more}\n"] * 3
        told, said = run_csv(weir, WINDOW % "top(n, 1)", lines)
        expect([row["x"] for row in told] == [[best]], str(told))
        expect(("3 different values were not kept by `seen`, `top`" in said) == (more == 1), said)


def percentile_values(weir, limit):
    """Exactly the middle value up to the limit; then near it."""
    for count, exact in ((limit, True), (limit + 1, False)):
        told, _ = run_csv(weir, WINDOW % "median(n)", ["at,n\n", "0,1\n0,9000000\n", "0,1000003\n" * (count - 2)])
        x = told[0]["x"]
        expect((x == 1000003) == exact and abs(x - 1000003) < 10001, f"{count}: {x}")


def group_alerts(weir, limit):
    rules = EVENT + "rule r { on e key s score 1 }\ngroup g { key s over 1h rules r score sum all review at %d }"
    for bound, bands in ((limit, 1), (limit + 1, 0)):
        told, said = weir.run(rules % bound, [record(s="a")] * (limit + 1))
        expect(sum(alert["rule"] == "g" for alert in told) == bands, f"{bound}: not {bands} bands")
        expect("1 alert was forgotten early by groups" in said, said)


MANY = [record(n=1, s=f"text {i}", t=f"key {i}") for i in range(30000)]
ORDERED = "event e { event_time at disorder 1d at time s string t string n int }\n"


def order_memory(weir):
    rules = ORDERED + "rule r { key none on e(n == 2) }"
    for memory, spilled in (("64MiB", False), ("2MiB", True)):
        _, said = weir.run(rules, MANY, "--memory", memory, "--summary")
        expect(("events waited in a file" in said) == spilled, said)


def state_memory(weir):
    rules = EVENT + "rule r { key t within 1m match a = e(n == 1) then b = e(n == 2) }"
    for memory, dropped in (("64MiB", False), ("2MiB", True)):
        _, said = weir.run(rules, MANY, "--memory", memory)
        expect(("partial matches were dropped: the limit of memory was reached" in said) == dropped, said)


def unique_ids(weir):
    rules = EVENT.replace("{", "{ unique t for 1h", 1) + "rule r { on e(n == 2) }"
    for memory, dropped in (("64MiB", False), ("2MiB", True)):
        _, said = weir.run(rules, MANY, "--memory", memory)
        expect(("ids of `unique` were forgotten early" in said) == dropped, said)


def suppress_keys(weir):
    rules = EVENT + "rule r { on e(n == 1) key t suppress 1h }"
    for memory, dropped in (("64MiB", False), ("2MiB", True)):
        _, said = weir.run(rules, MANY, "--memory", memory)
        expect(("keys of `suppress` were forgotten early" in said) == dropped, said)


def alert_memory(weir):
    rules = EVENT + "rule r { key t match a = e(n == 1) then no e(n == 2) for 1m message \"{t} is silent\" }"
    told, _ = weir.run(rules, MANY)
    sorted_by_file, _ = weir.run(rules, MANY, "--memory", "64MiB")
    expect(len(told) == len(MANY) and told == sorted_by_file, f"{len(told)} and {len(sorted_by_file)} alerts")


def match_listing(weir):
    rules = EVENT + "rule r { key none within 1m match a = e(n == 1)+ any then b = e(n == 2) report all }"
    for memory, dropped in (("64MiB", False), ("2MiB", True)):
        told, said = weir.run(rules, MANY[:200] + [record(n=2)], "--memory", memory)
        expect(told[0].get("cut") == "limit" and ("they held as many events as one may" in said) == dropped, said)


def counted_memory(weir, rules, words):
    """What is said where the memory is small, and not where it is not."""
    for memory, dropped in (("256MiB", False), ("2MiB", True)):
        _, said = weir.run(EVENT + rules, MANY, "--memory", memory)
        expect((words in said) == dropped, said[:500])


def counter_keys(weir):
    counted_memory(weir, "rule r { on e key t when count() over 1h > 2 }", "keys of counters were forgotten early")


def counter_events(weir):
    counted_memory(weir, "rule r { on e key none when count() over 1h > 2 }",
                   "events left the windows of counters early")
    # Of many keys those that are silent go, so that the windows of the others stay whole.
    rules = EVENT + "rule r { on e key t when count() over 1h == 99 }"
    records = [record(n=1, s="s", t=f"key {i // 99}") for i in range(19800)]
    for memory, dropped in (("256MiB", False), ("2MiB", True)):
        told, said = weir.run(rules, records, "--memory", memory)
        expect(len(told) == 200 and ("keys of counters were forgotten early" in said) == dropped, said[:500])


def open_windows(weir):
    counted_memory(weir, "event w from e key t window tumbling 1h { n = count() }\nrule r { on w(n > 2) key t }",
                   "windows were dropped untold")


def join_events(weir):
    counted_memory(weir, "event j join a = e, b = e key t where b.time between a.time + 1s and a.time + 1h { n = a.n }\n"
                   "rule r { on j key t }", "events left joins before their partners could come")


def group_entries(weir):
    counted_memory(weir, "rule r { on e key t score 1 to nothing }\ngroup g { key t over 1h rules r score sum block at 9 }",
                   "alerts were forgotten early by groups")


def list_changes(weir):
    counted_memory(weir, "list l string\nrule r { on e key t add t to l for 1h to nothing }\nrule s { on e(s in l) key t }",
                   "entries of lists and rows of tables were forgotten early")
    counted_memory(weir, "table d key (t) from event e { n int }\nrule s { on e(d[s].n == 2) key t }",
                   "entries of lists and rows of tables were forgotten early")


def caps(weir, name, cap):
    """What a setting may make of a limit."""
    if name == "report_all":
        rules_border(weir, lambda n: PAIR % f"report all limit {n}", cap)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    table = subprocess.run([sys.argv[2]], capture_output=True, encoding="utf-8", check=True).stdout
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+|fixed) \|", table, re.M)
    memory = subprocess.run([sys.argv[2], "memory"], capture_output=True, encoding="utf-8", check=True).stdout
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        weir = Weir(sys.argv[1], folder)
        for name, normal, cap in rows:
            probe = globals().get(name)
            try:
                expect((probe is None) == (name in NOT_PROBED), "it needs a probe, or a reason why it has none")
                if probe is not None:
                    probe(weir, int(normal.replace(",", "")))
                if cap != "fixed":
                    caps(weir, name, int(cap.replace(",", "")))
                passed += 1
            except (AssertionError, KeyError, IndexError, ValueError) as failure:
                failed += 1
                print(f"FAILED {name}: {failure}")
        for name in re.findall(r"^\| `(\w+)` \| [\d.]+ % \|", memory, re.M):
            try:
                expect(name in globals(), "it needs a probe")
                globals()[name](weir)
                passed += 1
            except (AssertionError, KeyError, IndexError, ValueError) as failure:
                failed += 1
                print(f"FAILED {name}: {failure}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not rows or not memory else 0)


if __name__ == "__main__":
    main()
