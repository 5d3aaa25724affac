"""generate.py - random rule sets and streams for the judge of counting. The same seed gives the same case.

Times stand on a small grid and durations are multiples of its step, so that borders are met exactly; values come from
small pools, so that they meet again; some are null, some at the limits of their types.
"""
import random
from fractions import Fraction

from values import INT_MAX, INT_MIN, SECOND, address

FIELDS = {"k": "string", "u": "int", "i": "int", "d": "dec:2", "f": "float", "s": "string", "b": "bool", "t": "time",
          "w": "duration", "p": "ip"}
BASES = [1_767_607_200 * SECOND, 1_774_740_000 * SECOND, 1_792_886_400 * SECOND]  # 5 January; days of summer time
ZONES = [None, "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
STEPS = [1, 1000, SECOND, 7 * SECOND, 60 * SECOND, 3600 * SECOND]
EXTREME_FLOATS = [1.5 * 2.0**66, -1.5 * 2.0**66, 2.0**67, 1e300, 1e-300, 2.0**-60, 2.0**-61, 3 * 2.0**-61, 0.1]
WORDS = "ws"  # a list of strings; only where it is asked for
FIELD_OF = {"int": "i", "dec:2": "d", "float": "f", "string": "s", "bool": "b", "time": "t", "duration": "w", "ip": "p"}
SUMS = ("int", "float", "duration")
ORDERED = ("int", "float", "string", "time", "duration", "ip")


def summable(kind):
    return kind in SUMS or kind.startswith("dec:")


def ordered(kind):
    return kind in ORDERED or kind.startswith("dec:")


def types_by_key(node):
    """The types that the counters in an expression name and keep by the rule's key."""
    if isinstance(node, dict):
        own = {node["of"][0]} if node.get("of") and not node.get("by") else set()
        return own.union(*map(types_by_key, node.values()))
    return set().union(*map(types_by_key, node)) if isinstance(node, (list, tuple)) else set()


def keyed_by(rule, kind):
    return all(kind in part for part in rule["key"])


def keep_key_types(rule):
    """A key that differs by type names the types that the rule matches or counts by it, and no others."""
    used = {on[0] for on in [rule.get("on"), *(step["on"] for step in rule.get("steps", []))] if on}
    used |= types_by_key([rule["when"], rule["emit"], rule.get("steps")])
    if rule["key_names"] == ["who"]:
        rule["key"] = [{n: f for n, f in part.items() if n in used} for part in rule["key"]]
    return rule


class Generator:
    def __init__(self, seed, features):
        self.random = random.Random(seed)
        self.features = features
        if "lateness" in features and "late_filters" not in features:  # late events, or what stands between rules
            late = "windows" in features and self.chance(0.2)
            kept = {"windows", "derived_counters", "lateness"} if late else set(features) - {"lateness"}
            self.features = [f for f in features if f in kept]
        self.extreme = self.chance(0.15)
        self.step = self.pick(STEPS)
        self.base = self.pick(BASES)
        self.names = 0
        self.sizes = [20, 60, 120, 200]  # of streams
        self.late_chance = 0.7 if "lateness" in self.features else 0.2
        self.zones, self.today = ZONES, 0.1  # how often a span is the calendar day
        self.fields = {}  # type name -> its fields

    def chance(self, p):
        return self.random.random() < p

    def pick(self, choices):
        return self.random.choice(choices)

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def duration(self):
        return self.pick([1, 2, 3, 5, 8, 10, 20, 60]) * self.step

    # ---- values ----

    def field_value(self, name):
        if self.chance(0.06):
            return None
        r = self.random
        if name == "k":
            return self.pick(["a", "b", "b", "c", "long\u00e9 \"key\""])
        if name == "u":
            return r.randint(1, 3)
        if name == "i":
            return self.pick([INT_MAX, INT_MIN, INT_MAX - 1, 1, -1]) if self.extreme else r.randint(-2, 6)
        if name == "d":
            return Fraction(self.pick([INT_MAX, INT_MIN, 1, 99]) if self.extreme else r.randint(-50, 500), 100)
        if name == "f":
            if self.extreme:
                return self.pick(EXTREME_FLOATS)
            return self.pick([0.1, 0.2, 0.3, 1.5, -2.25, 1e-3, 7.0, 1e15, round(r.uniform(-9, 9), 3)])
        if name == "s":
            return self.pick(["", "x", "y", "z", "\u00fc\U0001f600"])
        if name == "b":
            return self.chance(0.5)
        if name == "t":
            return self.base + r.randint(-3, 3) * self.step
        if name == "w":
            return r.randint(-3, 6) * 700_001
        if name == WORDS:
            return [self.pick(["a", "b", "x", "y", ""]) for _ in range(self.pick([0, 1, 2, 2, 3]))]
        return address(self.pick(["10.0.0.1", "10.0.0.2", "2001:db8::1", "9.255.255.255"]))

    def literal(self, kind):
        value = None
        while value is None or value in (INT_MIN, Fraction(INT_MIN, 100)):  # which no literal can say
            value = self.field_value(FIELD_OF.get(kind, "d"))
        return ["lit", kind, value]

    # ---- expressions over an event's own fields ----

    def field(self, fields, want=lambda kind: True):
        return self.pick([["field", kind, name] for name, kind in fields.items() if want(kind)])

    def condition(self, fields, depth=0):
        dice = self.random.random()
        if depth < 2 and dice < 0.3:
            both = self.condition(fields, depth + 1), self.condition(fields, depth + 1)
            return [self.pick(["and", "or"]), "bool", *both]
        if depth < 2 and dice < 0.38:
            return ["not", "bool", self.condition(fields, depth + 1)]
        if dice < 0.45:
            return ["null", "bool", self.field(fields), self.chance(0.5)]
        field = self.field(fields)
        kind = field[1]
        if kind.startswith("["):
            return ["null", "bool", field, True]
        if kind in ("int", "string") and self.chance(0.3):
            return ["in", "bool", field, sorted({self.literal(kind)[2] for _ in range(2)})]
        operator = self.pick(["==", "!="] if kind == "bool" else ["==", "!=", "<", "<=", ">", ">="])
        return ["cmp", "bool", operator, field, self.literal(kind)]

    def maybe_condition(self, fields, p=0.5):
        return self.condition(fields) if self.chance(p) else None

    def argument(self, fields, want):
        """A field, now and then an expression over fields."""
        field = self.field(fields, want)
        if field[1] == "int" and self.chance(0.2):
            return ["arith", "int", self.pick(["+", "-", "*"]), field, ["lit", "int", self.random.randint(1, 3)]]
        if field[1] == "dec:2" and self.chance(0.1):
            return ["arith", "dec:2", self.pick(["+", "-"]), field, ["lit", "dec:1", Fraction(5, 10)]]
        return field

    # ---- counters ----

    def span(self):
        dice = self.random.random() if self.today < 0.2 else self.random.uniform(0.6, 1)
        if dice < 0.45:
            return {"kind": "over", "over": self.duration()}
        if dice < 0.6:
            return {"kind": "previous", "over": self.duration()}
        if dice < 0.8:
            over = self.duration() if self.chance(0.4) else None
            return {"kind": "last", "last": self.pick([1, 2, 3, 5, 9, 30]), "over": over}
        if dice < 0.8 + self.today:
            return {"kind": "today", "zone": self.pick(self.zones)}
        return {"kind": "ever", "over": self.duration()}

    def aggregate(self, fields, span):
        """Returns spec (of and by are left to the caller) and the type of what is told."""
        numbers = any(summable(kind) for kind in fields.values())
        choices = ["count", "count", "min", "max", "distinct", "first", "last", "nth", "top", "collect"]
        if numbers:
            choices += ["sum", "sum", "avg", "median", "percentile", "ewma"]
        if any(summable(kind) and kind != "duration" for kind in fields.values()):
            choices.append("stddev")
        if span and span["kind"] in ("over", "previous"):
            choices.append("rate")
        if span and span["kind"] == "ever":  # refused: it would keep every value
            choices = [c for c in choices if c not in ("top", "median", "percentile")]
        name = self.pick(choices)
        spec = {"agg": name, "arg": None, "param": None, "order": None, "where": self.maybe_condition(fields, 0.25)}
        scalar = lambda kind: not kind.startswith("[")
        if name in ("count", "rate"):
            return spec, "int" if name == "count" else "float"
        if name in ("sum", "avg", "median", "percentile", "ewma"):
            arg = spec["arg"] = self.argument(fields, summable)
        elif name == "stddev":
            arg = spec["arg"] = self.argument(fields, lambda kind: summable(kind) and kind != "duration")
        elif name in ("min", "max"):
            arg = spec["arg"] = self.argument(fields, ordered)
        else:
            arg = spec["arg"] = self.argument(fields, scalar)
        kind = arg[1]
        if name == "percentile":
            spec["param"] = self.pick([1, 25, 50, 90, 99, 100])
        if name in ("nth", "top", "collect"):
            spec["param"] = self.pick([1, 2, 3, 5, 20])
        if name == "ewma":
            spec["param"] = self.duration()
        if name == "top" and numbers and self.chance(0.5):
            order = self.pick(["sum", "avg", "min", "max"])
            spec["order"] = [order, self.field(fields, summable)]
        told = {"distinct": "int", "stddev": "float"}.get(name, kind)
        if name in ("avg", "ewma", "median", "percentile"):
            told = "duration" if kind == "duration" else "float"
        if name in ("top", "collect"):
            told = f"[{kind}]"
        return spec, told

    def counter(self, rule, step=False):
        """A counter that a rule can ask: its node."""
        span = self.span()
        of_type = self.pick([t for t in rule["names"] if keyed_by(rule, t)]) if step or self.chance(0.4) else None
        asking = [of_type or rule["on"][0]] + rule["asking"]
        spec, kind = self.aggregate(self.fields[asking[0]], span)
        spec["of"] = [of_type, self.maybe_condition(self.fields[of_type])] if of_type else None
        by = [f for f in "usdkp" if all(f in self.fields[t] for t in asking)]
        spec["by"] = self.random.sample(by, self.pick([1, 1, 2]))[:2] if len(by) > 1 and self.chance(0.25) else None
        spec["span"] = span
        return ["counter", kind, spec]

    def asked(self, case, rule):
        """What `emit` may tell: a counter, a named one, seen, previous, a field."""
        dice = self.random.random()
        fields = self.fields[rule["on"][0]]
        named = [d for d in case["declarations"] if d["kind"] == "counter" and d["asked_by"] <= set(fields)]
        if named and dice < 0.1:
            counter = self.pick(named)
            return ["named", counter["type"], counter["name"]]
        if dice < 0.2:
            of_type = self.pick([t for t in rule["names"] if keyed_by(rule, t)]) if self.chance(0.3) else None
            both = [f for f, kind in fields.items() if "." not in f and not kind.startswith("[")
                    and self.fields[of_type or rule["on"][0]].get(f) == kind]
            if both:
                of = [of_type, self.maybe_condition(self.fields[of_type])] if of_type else None
                return ["seen", "bool", {"field": self.pick(both), "over": self.duration(), "of": of}]
        field = self.field(fields, lambda kind: not kind.startswith("["))
        if dice < 0.28 and "." not in field[2]:
            return ["previous", field[1], {"field": field[2], "of": None}]
        return field if dice < 0.35 else self.counter(rule)

    def asked_at_end(self, rule):
        """What `emit` of a pattern asks: by the rule's key, or by what the event that completes the match has."""
        last = self.fields[rule["asking"][-1]]
        of_type = self.pick([t for t in rule["names"] if keyed_by(rule, t)])
        both = [f for f, kind in last.items() if "." not in f and not kind.startswith("[") and self.fields[of_type].get(f) == kind]
        if not both or self.chance(0.8):
            return self.counter(dict(rule, asking=rule["asking"][-1:]), step=True)
        of = [of_type, self.maybe_condition(self.fields[of_type])]
        return ["seen", "bool", {"field": self.pick(both), "over": self.duration(), "of": of}]

    def asking(self, rule, step=False):
        """A condition on a counter."""
        while True:
            node = self.counter(rule, step)
            kind = node[1]
            if node[2]["agg"] == "ewma" or kind.startswith("["):
                continue
            if kind == "int":
                few = ["lit", "int", self.random.randint(0, 4)]
                return ["cmp", "bool", self.pick([">", ">=", "==", "<", "<="]), node, few]
            if kind == "bool":
                return ["cmp", "bool", "==", node, ["lit", "bool", True]]
            if kind == "float":
                return ["cmp", "bool", self.pick([">", "<"]), node, ["lit", "float", 1.2345]]
            return ["cmp", "bool", self.pick([">", ">=", "!="]), node, self.literal(kind)]

    # ---- rules ----

    def shared(self, names):
        """The fields that all these types have."""
        return {f: k for f, k in self.fields[names[0]].items() if all(self.fields[n].get(f) == k for n in names)}

    def key(self, names):
        """Parts of a key, their names and types, of fields that all these types have."""
        shared = self.shared(names)
        choices = [["k"], ["k"], ["k"], ["k"], ["u"], ["u"], ["k", "u"], ["u", "b"], ["s", "k"], ["d"], ["t"]]
        choices = [c for c in choices if all(f in shared for f in c)]
        if not choices or self.chance(0.15):
            return [], [], []
        if self.chance(0.1) and len(names) > 1 and "k" in shared and "s" in shared:  # other fields in each type
            return [{n: self.pick(["k", "s"]) for n in names}], ["who"], ["string"]
        fields = self.pick(choices)
        return [{n: f for n in names} for f in fields], fields, [shared[f] for f in fields]

    def rule(self, names):
        """A rule over some of these types."""
        key, key_names, key_types = self.key(names)
        return {"kind": "rule", "name": self.name("r"), "key": key, "key_names": key_names, "key_types": key_types,
                "when": None, "emit": [], "names": names, "asking": []}

    def counting_rule(self, case, names):
        rule = self.rule(names)
        if self.chance(0.25):
            rule["steps"] = []
            rule["asking"] = [self.pick(names) for _ in range(self.pick([1, 2, 2, 3]))]
            for place, kind in enumerate(rule["asking"]):
                condition = self.maybe_condition(self.fields[kind], 0.6)
                if self.chance(0.6):
                    asking = self.asking(rule, step=True)
                    condition = asking if condition is None else ["and", "bool", condition, asking]
                rule["steps"].append({"name": f"x{place}", "on": [kind, condition]})
            rule["within"] = self.duration()
            rule["emit"] = [(f"v{n}", self.asked_at_end(rule)) for n in range(self.random.randint(0, 3))]
            return keep_key_types(rule)
        rule["on"] = [self.pick(names), None]
        rule["on"][1] = self.maybe_condition(self.fields[rule["on"][0]])
        rule["asking"] = [rule["on"][0]]
        if self.chance(0.5):
            rule["when"] = self.asking(rule)
        rule["emit"] = [(f"v{n}", self.asked(case, rule)) for n in range(self.random.randint(1, 6))]
        return keep_key_types(rule)

    def named_counter(self, case, names):
        rule = {"key": [], "names": names, "asking": []}
        node = self.counter(rule, step=True)
        by = node[2]["by"] = node[2]["by"] or ["k"]
        case["declarations"].append({"kind": "counter", "name": self.name("c"), "spec": node[2], "type": node[1],
                                     "asked_by": set(by)})

    # ---- windows ----

    def window(self, kind):
        window = {"kind": kind, "size": self.duration(), "every": None, "offset": 0, "lateness": 0, "zone": None}
        if kind == "sliding":
            window["every"] = max(window["size"] // self.pick([1, 2, 3, 4, 7, 20]), 1)
        if kind == "count":
            window["size"] = self.pick([1, 2, 3, 5, 10])
            window["every"] = self.pick([None, None, 1, 2, 3])
            if window["every"] and window["every"] > window["size"] and self.chance(0.7):
                window["every"] = None
        if kind == "today":
            window["zone"] = self.pick(self.zones)
        if kind in ("tumbling", "sliding") and self.chance(0.3):
            window["offset"] = self.pick([1, 2, 7]) * self.step % (window["every"] or window["size"])
        if kind in ("tumbling", "sliding", "today") and "lateness" in self.features and self.chance(0.6):
            window["lateness"] = self.duration()
        return window

    def derived_window(self, names, kind=None):
        """A window over some types: its fields are the parts of its key and its entries."""
        froms = self.random.sample(names, self.pick([1, 1, min(2, len(names))]))
        shared = self.shared(froms)
        if not any(ordered(kind) for kind in shared.values()):
            froms = froms[:1]
            shared = self.fields[froms[0]]
        key, key_names, key_types = self.key(froms)
        item = {"kind": "window", "name": self.name(self.pick("aw")), "from": froms,
                "where": self.maybe_condition(shared, 0.3), "key": key, "key_names": key_names, "key_types": key_types,
                "entries": [],
                "window": self.window(kind or self.pick(["tumbling", "tumbling", "sliding", "session", "count", "today"]))}
        made = {**dict(zip(key_names, key_types)), "window.start": "time", "window.end": "time"}
        window_kind = item["window"]["kind"]
        for n in range(self.random.randint(1, 5)):
            spec, kind = self.aggregate(shared, {"kind": "over"} if window_kind in ("tumbling", "sliding") else None)
            item["entries"].append((f"{item['name']}_{n}", ["counter", kind, spec]))
            made[f"{item['name']}_{n}"] = kind
        self.fields[item["name"]] = made
        return item

    def derived_filter(self, names):
        source = self.pick(names)
        fields = self.fields[source]
        item = {"kind": "filter", "name": self.name(self.pick("bm")), "from": [source],
                "where": self.maybe_condition(fields, 0.7), "entries": []}
        for name, kind in fields.items():
            if "." not in name and name != "at" and (name in "ku" or self.chance(0.5)):
                item["entries"].append((name, ["field", kind, name]))
        if "i" in fields and "more" not in fields and self.chance(0.3):
            item["entries"].append(("more", ["arith", "int", "+", ["field", "int", "i"], ["lit", "int", 1]]))
        if not any(ordered(node[1]) for _, node in item["entries"]):
            item["entries"].append(("one", ["lit", "int", 1]))
        self.fields[item["name"]] = {name: node[1] for name, node in item["entries"]}
        return item

    # ---- streams ----

    def streams(self, case, count):
        time, happenings = self.base, []
        gaps = self.pick([[0, 0, 1, 1, 2, 5], [0, 1], [0, 0, 0, 1], [1, 3, 10, 70]])
        for _ in range(count):
            time += self.pick(gaps) * self.step
            if self.chance(0.05):
                time += self.pick([-1, 1]) if self.step > 1 else 1
            kind = self.pick(case["types"])
            fields = {name: self.field_value(name) for name in kind["fields"] if name != "at"}
            happenings.append([kind["name"], max(time, self.base), fields])
        happenings.sort(key=lambda h: h[1])
        partitions = [[] for _ in range(self.pick([1, 1, 2, 3]))]
        for each in happenings:
            self.pick(partitions).append(each)
        disorder = max(t["disorder"] for t in case["types"])
        return [self.mixed(p, disorder) for p in partitions]

    def mixed(self, records, disorder):
        """In another order, within the disorder; now and then one is late."""
        shifted = [(r[1] + self.random.randint(0, disorder) if disorder else r[1], n, r) for n, r in enumerate(records)]
        if self.chance(self.late_chance):
            shifted = [(t + self.pick([0, 0, 0, 0, 1, 5]) * self.step, n, r) for t, n, r in shifted]
        return [r for _, _, r in sorted(shifted, key=lambda s: s[:2])]

    def case(self):
        case = {"types": [], "declarations": [], "partitions": []}
        disorder = self.pick([0, 0, 3, 10]) * self.step
        for n in range(self.pick([1, 2, 2, 3])):
            fields = {"at": "time", **FIELDS}
            case["types"].append({"name": "egh"[n], "fields": fields, "disorder": disorder if n == 0 else 0,
                                  "late": "accept" if "lateness" in self.features and self.chance(0.7) else None})
            self.fields["egh"[n]] = FIELDS
        self.declarations(case)
        case["partitions"] = self.streams(case, self.pick(self.sizes))
        return case

    def declarations(self, case):
        feature = self.pick([f for f in self.features if hasattr(self, "make_" + f)])
        sources = [t["name"] for t in case["types"]]
        getattr(self, "make_" + feature)(case, sources)

    def telling_rules(self, case, names):
        """For each derived type a rule that tells all its fields."""
        for name in names:
            rule = self.rule([name])
            rule["on"] = [name, None]
            fields = self.fields[name].items()
            rule["emit"] = [(f"v{n}", ["field", kind, field]) for n, (field, kind) in enumerate(fields)]
            case["declarations"].append(rule)

    def make_counters(self, case, sources):
        for _ in range(self.pick([0, 0, 1, 2])):
            self.named_counter(case, sources)
        for _ in range(self.random.randint(2, 10)):
            case["declarations"].append(self.counting_rule(case, sources))

    def make_windows(self, case, sources):
        for _ in range(self.random.randint(1, 4)):
            names = list(self.fields) if self.chance(0.5) else sources
            derived = self.derived_filter if "filters" in self.features and self.chance(0.25) else self.derived_window
            case["declarations"].append(derived(names))
        self.telling_rules(case, [n for n in self.fields if n not in sources])
        for _ in range(self.pick([0, 1, 2, 4])):
            names = list(self.fields) if "derived_counters" in self.features else sources
            names = self.random.sample(names, min(len(names), self.pick([1, 2])))
            case["declarations"].append(self.counting_rule(case, names))

