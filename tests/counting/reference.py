"""reference.py - what counters, windows, joins, lists, tables and groups must tell, by brute force.

Written from the description of the language and nothing else. Each question is answered from the whole list of events;
nothing is kept from one question to the next but the events of a type, a condition and a key. run_counting.py compares
the alerts with those of the program. A case is plain data (generate.py); expressions are lists [operator, type, …].
"""
import math
from decimal import Decimal, localcontext
from fractions import Fraction

from events import Ambiguous, Event, key_json, key_text, moment_of, typed_key
from groups import make_group
from joins import make_join
from lives import mode_of
from models import base_of, score_of, shares_of
from rekey import run_change
from stores import Stores
from values import SECOND, Between, Near, day_of, digits_of, half_away, in_range, json_text, step_of, time_text
from windows import make_window


def compare(operator, a, b):
    if a is None or b is None:
        return None
    if isinstance(a, Between) or isinstance(b, Between):
        raise Ambiguous("a comparison of what is only known to lie in a range")
    if any(isinstance(v, Near) and a != b and abs(a - b) <= v.within for v in (a, b)):
        raise Ambiguous("a comparison of what is not known to the last digit")
    return {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


def bounds_of(value, kind):
    """Of a side of arithmetic that makes a value of the kind: floats are made of floats."""
    if isinstance(value, Between):
        return Fraction(value.low), Fraction(value.high)
    within = Fraction(value.within) if isinstance(value, Near) else 0
    middle = Fraction(float(value) if kind == "float" else value)
    return middle - within, middle + within


def range_of(operator, a, b, kind):
    """Arithmetic where a side is only known to lie in a range: what each end of it gives, rounded as the value itself."""
    (a_low, a_high), (b_low, b_high) = bounds_of(a, kind), bounds_of(b, kind)
    if operator == "/" and b_low <= 0 <= b_high:
        raise Ambiguous("whether what is only known to lie in a range is nothing to divide by")
    pairs = [(x, y) for x in (a_low, a_high) for y in (b_low, b_high)]
    ends = [x + y if operator == "+" else x - y if operator == "-" else x * y if operator == "*" else x / y
            for x, y in pairs]
    low, high = in_range(min(ends), kind), in_range(max(ends), kind)
    if low is None or high is None:
        raise Ambiguous("whether what is only known to lie in a range is a number of its type")
    return Between(low, high, any(isinstance(v, Between) and v.null for v in (a, b)))


def certain(value):
    """A value that is asked for what it is."""
    if isinstance(value, Between):
        raise Ambiguous("a question about what is only known to lie in a range")
    return value


# ---- aggregates ----


def exact_sum(values, kind):
    """The exact total of what is inside; None while a float is too large."""
    if kind == "float" and any(abs(v) >= 2.0**67 for v in values):
        return None
    return sum((step_of(v) for v in values), Fraction(0))


def told_sum(values, kind):
    total = exact_sum(values, kind)
    if total is None or (kind == "float" and abs(total) >= 2**67):
        return None
    return in_range(float(total) if kind == "float" else total if digits_of(kind) else int(total), kind)


def quantile(values, percent):
    ordered = sorted(Fraction(v) for v in values)
    rank = Fraction(percent, 100) * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def decayed_mean(pairs, half_life, kind):
    """Mean with weights 2^(-(t - time) / half_life), the same for every t that asks; of the very old ones none."""
    latest = max(at for _, at in pairs)
    out = [latest - at for v, at in pairs if kind == "float" and abs(v) >= 2.0**67]
    if any(age < 64 * half_life for age in out):
        return None
    if any(age < 96 * half_life for age in out):
        raise Ambiguous("whether a number that is out of range is too old to count")
    pairs = [p for p in pairs if latest - p[1] < 96 * half_life]
    with localcontext() as context:
        context.prec = 60
        total = weights = Decimal(0)
        for value, at in pairs:
            weight = Decimal(2) ** (Decimal(at - latest) / Decimal(half_life))
            total += weight * Decimal(step_of(value).numerator) / Decimal(step_of(value).denominator)
            weights += weight
        mean = Fraction(total / weights)
    if kind == "duration" and abs(mean - math.floor(mean) - Fraction(1, 2)) < Fraction(1, 10**6):
        raise Ambiguous("a mean so near to a half")
    return half_away(mean) if kind == "duration" else Near(mean, max(abs(float(v)) for v, _ in pairs))


def aggregate(spec, pairs, seconds):
    """As exact() says; what is made of numbers that are not known to the last digit is not either."""
    told = exact(spec, pairs, seconds)
    near = [abs(p[0]) for p in pairs if isinstance(p[0], Near)]
    return Near(told, max(near) * len(pairs)) if near and isinstance(told, float) else told


def exact(spec, pairs, seconds):
    """spec: agg, arg (its type), param, order. pairs: (value, time, value of order) of the events that take part."""
    name, kind = spec["agg"], spec["arg"][1] if spec["arg"] else None
    if name == "count":
        return len(pairs)
    if name == "rate":
        return float(Fraction(len(pairs)) / seconds)
    if name in ("first", "last", "nth"):
        place = {"first": 0, "last": len(pairs) - 1}.get(name, (spec["param"] or 0) - 1)
        return pairs[place][0] if 0 <= place < len(pairs) else None
    pairs = [(certain(p[0]), p[1], certain(p[2])) for p in pairs if p[0] is not None]
    values = [p[0] for p in pairs]
    if name == "sum":
        return told_sum(values, kind)
    if name == "distinct":
        return len(set(values))
    if not values:
        return None
    if name in ("min", "max"):
        return min(values) if name == "min" else max(values)
    if name == "avg":
        total = exact_sum(values, kind)
        out = total is None or (kind == "float" and abs(total) >= 2**67)
        mean = None if out else total / len(values)
        return mean if mean is None else half_away(mean) if kind == "duration" else float(mean)
    if name == "stddev":
        if len(values) < 2 or exact_sum(values, kind) is None:
            return None
        steps = [step_of(v) for v in values]
        count, squares, total = len(steps), sum(v * v for v in steps), sum(steps)
        spread = Fraction(count * squares - total * total, count * (count - 1))
        return half_away(Fraction(math.sqrt(float(spread)))) if kind == "duration" else math.sqrt(float(spread))
    if name in ("median", "percentile"):
        middle = quantile(values, 50 if name == "median" else spec["param"])
        return half_away(middle) if kind == "duration" else Near(middle, max(abs(float(v)) for v in values))
    if name == "collect":
        return values[-spec["param"]:]
    if name == "ewma":
        return decayed_mean([(p[0], p[1]) for p in pairs], spec["param"], kind)
    if name == "top":
        return top(spec, pairs, values)
    raise ValueError(name)


def top(spec, pairs, values):
    """The values with the highest count (sum, …), equal ones by value; those without a number come last."""

    def rank(value):
        if not spec["order"]:
            return -values.count(value), value
        order = [p[2] for p in pairs if p[0] == value and p[2] is not None]
        told = aggregate({"agg": spec["order"][0], "arg": spec["order"][1]}, [(v, 0, None) for v in order], 1)
        return (1, 0, value) if told is None else (0, -Fraction(told), value)

    return sorted(set(values), key=rank)[: spec["param"]]


def first_ones(events, field, lasting, everywhere):
    """Without those of which one of equal id (and partition) was taken in the time before."""
    taken, kept = {}, []
    for event in events:
        name = (event.fields.get(field), None if everywhere else event.position[0])
        if name[0] is None or name not in taken or taken[name] <= event.time - lasting:
            taken[name] = event.time
            kept.append(event)
    return kept


# ---- the world ----


ROUNDS_MAX = 1000


class World(Stores):
    def __init__(self, case):
        self.case = case
        self.types = {t["name"]: t for t in case["types"]}
        self.named = {d["name"]: d for d in case["declarations"]}
        self.before = {}  # list or table -> its changes as the last round found them: see stores.py
        self.start()

    def start(self):
        self.events = {}  # type name -> events in the order of moments
        self.late = {}  # type name -> late events that are accepted, in the order of moments
        self.stage = {}  # what works in which stage
        self.alerts, self.changes = [], {}
        self.memo, self.ordinals, self.told = {}, {}, {}

    def run(self):
        """What a rule asks may hang on what it did: again, until each round finds what the one before found."""
        for _ in range(ROUNDS_MAX):
            self.start()
            self.take_sources()
            for declaration in self.case["declarations"]:
                if declaration["kind"] in MAKERS:
                    MAKERS[declaration["kind"]](self, declaration)
            if self.changes == self.before:
                return [a for _, a in sorted(self.alerts, key=lambda pair: pair[0])]
            self.before = self.changes
        raise Ambiguous("what rules ask goes round in a circle")

    def take_sources(self):
        disorder = max(t["disorder"] for t in self.types.values())
        self.highest = 0
        for name in self.types:
            self.events[name], self.late[name], self.stage[name] = [], [], -1
        for partition, records in enumerate(self.case["partitions"]):
            highest = None
            for offset, (name, time, fields) in enumerate(records):
                highest = time if highest is None else max(highest, time)
                fields = dict(fields, at=time)
                self.highest = max(self.highest, time)
                if time >= highest - disorder:
                    event = Event(name, time, (time, 0, (partition, offset), ()), fields, (partition, offset))
                    self.events[name].append(event)
                elif self.types[name]["late"] == "accept":
                    moment = (highest - disorder, 0, (partition, offset), ())
                    self.late[name].append(Event(name, time, moment, fields, (partition, offset)))
        for events in list(self.events.values()) + list(self.late.values()):
            events.sort(key=lambda e: e.moment)
        for name, kind in self.types.items():
            if kind.get("unique"):
                self.events[name] = first_ones(self.events[name], *kind["unique"])

    def tell(self, rule, event, key, fields, matched, more):
        """A match: a live one changes lists and is an event; `suppress` limits the telling alone."""
        place = event.moment[:3] + (rule["name"],)
        ordinal = self.ordinals[place] = self.ordinals.get(place, 0) + 1
        mode = mode_of(rule, event.time, key_json(rule["key_names"], key))
        if mode == "live":
            made = {name: value for name, (value, _) in zip(rule["key_names"], key)}
            made.update((name, value) for name, value, _ in fields)
            alert_event = Event(rule["name"], event.time, moment_of(event, rule["name"], ordinal), made)
            alert_event.rule = rule
            self.events[rule["name"]].append(alert_event)
            self.change_lists(rule, event, alert_event.moment)
        if mode == "off" or rule.get("suppress") and self.suppressed(rule, event.time, key, fields, more):
            return
        if rule.get("score") is not None:
            more["score"] = str(rule["score"])
        if mode == "canary":
            more["mode"] = mode
        time = event.told if "on" in rule else event.time
        alert = {"rule": rule["name"], "time": time_text(time), "key": key_text(rule["key_names"], key),
                 "fields": [(name, json_text(value, kind)) for name, value, kind in fields], "matched": matched, **more}
        if mode != "shadow" and not rule.get("silent"):
            self.alerts.append((place + (ordinal,), alert))

    def suppressed(self, rule, time, key, fields, more):
        """Whether it is only counted; the next one that is told says how many were."""
        name = (rule["name"], repr(key))
        values = {emitted: value for emitted, value, _ in fields}
        told, count, before = self.told.get(name, (None, 0, None))
        if told is not None and time < told + rule["suppress"]:
            env = {"event": Event(None, time, None, values), "told": before}
            if rule.get("unless") is None or self.value(rule["unless"], env) is not True:
                self.told[name] = told, count + 1, before
                return True
        if count:
            more["suppressed"] = str(count)
        self.told[name] = time, 0, values
        return False

    def counted(self, node):
        """What an expression reads beside its event: types that its counters name, that fill its tables, rules that
        fill its lists. Where one of these is not there yet they go round in a circle with the one who asks."""
        if isinstance(node, dict):
            own = {node["of"][0]} if node.get("of") else set()
            return own.union(*map(self.counted, node.values()))
        if isinstance(node, (list, tuple)):
            named = set()
            if node and node[0] == "named":
                named = self.counted(self.named[node[2]]["spec"])
            elif node and node[0] == "cell":
                named = {self.named[node[2]]["from"]}
            elif node and node[0] == "inlist":
                named = {rule["name"] for rule in self.case["declarations"]
                         if any(change[2] == node[3] for change in rule.get("changes", []))}
                named = named if named <= self.stage.keys() else set()
            return named.union(*map(self.counted, node))
        return set()

    def finish(self, item, inputs, made):
        self.stage[item["name"]] = 1 + max(self.stage[kind] for kind in inputs)
        made.sort(key=lambda e: e.moment)
        for number, event in enumerate(made):  # what one cause makes is numbered in the order of its making
            if event.moment[3]:
                event.moment = event.moment[:3] + ((item["name"], number),)
        self.events[item["name"]] = made

    # ---- expressions ----

    def value(self, node, env):
        """env: event (bare fields), rule, steps (name -> event), values (name -> value, of a window's own fields)"""
        operator, kind = node[0], node[1]
        if operator == "lit":
            return node[2]
        if operator == "field":
            return env["event"].fields.get(node[2])
        if operator == "element":
            return env["element"]
        if operator == "told":
            return env["told"].get(node[2])
        if operator == "side":
            event = env["steps"].get(node[2])
            return None if event is None else event.time if node[3] == "time" else event.fields.get(node[3])
        if operator == "cmp":
            return compare(node[2], self.value(node[3], env), self.value(node[4], env))
        if operator in ("and", "or"):
            a, b = self.value(node[2], env), self.value(node[3], env)
            decides = operator == "or"
            return decides if a is decides or b is decides else None if a is None or b is None else not decides
        if operator == "not":
            a = self.value(node[2], env)
            return None if a is None else not a
        if operator == "null":
            a = self.value(node[2], env)
            return ((certain(a) if isinstance(a, Between) and a.null else a) is None) != node[3]
        if operator == "in":
            a = certain(self.value(node[2], env))
            return None if a is None else (a in node[3])
        if operator == "arith":
            return self.arithmetic(node, kind, env)
        if operator == "else":
            a = self.value(node[2], env)
            return self.value(node[3], env) if a is None else certain(a) if isinstance(a, Between) and a.null else a
        if operator == "counter" and "members" in env:  # of a window
            return self.aggregate(node[2], env["members"], env["seconds"])
        if operator == "counter":
            return self.counter(node[2], env)
        if operator == "named":
            return self.counter(self.named[node[2]]["spec"], env)
        if operator == "seen":
            return self.seen(node[2], env)
        if operator == "previous":
            before = [e for e in self.population(node[2], env)[0] if e is not env["event"]]
            return before[-1].fields.get(node[2]["field"]) if before else None
        if operator == "model":
            item = self.named[node[2]]
            return score_of(item, shares_of(item, self.inputs(item, env)))
        if operator == "inlist":
            return self.in_list(certain(self.value(node[2], env)), self.named[node[3]], env["event"])
        if operator == "cell":
            return self.cell(self.named[node[2]], certain(self.value(node[3], env)), node[4], env["event"])
        raise ValueError(operator)

    def inputs(self, item, env):
        """What a model reads: fields of the event in hand, counters by name."""
        return {name: certain(self.counter(self.named[name]["spec"], env) if name in self.named
                              else env["event"].fields.get(name)) for name, _ in item["inputs"]}

    def reasons(self, rule, env):
        """Of each model that the rule asks: its score, base and shares, where it has one."""
        asked, told = models_in([rule["on"], rule["when"], rule["emit"]]), []
        for item in (self.named[name] for name in sorted(asked)):
            shares = shares_of(item, self.inputs(item, env))
            if shares is not None:
                told.append((item["name"], score_of(item, shares), base_of(item), shares))
        return told

    def arithmetic(self, node, kind, env):
        a, b = self.value(node[3], env), self.value(node[4], env)
        if a is None or b is None:
            return None
        if isinstance(a, Between) or isinstance(b, Between):
            return range_of(node[2], a, b, kind)
        if node[2] == "/":
            if b == 0:
                return None
            return a / b if isinstance(a, float) or isinstance(b, float) else in_range(Fraction(a) / Fraction(b), kind)
        if kind == "float":
            a, b = float(a), float(b)
        return in_range(a + b if node[2] == "+" else a - b if node[2] == "-" else a * b, kind)

    def holds(self, condition, event, **more):
        return condition is None or self.value(condition, {"event": event, **more}) is True

    # ---- counters ----

    def key_of(self, event, fields):
        """The key's values; None where one is null."""
        key = tuple(event.fields.get(f) for f in fields)
        return None if None in key else key

    def keyed(self, kind, condition, fields):
        """All events of a type that satisfy a condition, by key, in the order of moments."""
        name = (kind, repr(condition), tuple(fields))
        if name not in self.memo:
            keys = self.memo[name] = {}
            for event in self.events[kind]:
                if self.holds(condition, event):
                    keys.setdefault(self.key_of(event, fields), []).append(event)
        return self.memo[name]

    def population(self, spec, env):
        """The counter's events up to the one that asks, and whether its key is null."""
        event, rule = env["event"], env.get("rule")
        kind, condition = spec["of"] or rule["on"]
        by = spec.get("by")
        asked = by or [part[event.type] for part in rule["key"]]
        counted = by or [part[kind] for part in rule["key"]]
        key = self.key_of(event, asked)
        if key is None:
            return [], True
        return [e for e in self.keyed(kind, condition, counted).get(key, []) if e.moment <= event.moment], False

    def counter(self, spec, env):
        events, _ = self.population(spec, env)  # none where the key is null
        event, span = env["event"], spec["span"]
        if "approx" in spec:
            return approximate(self, spec, events, event)
        events = in_span(events, span, event)
        seconds = Fraction(span.get("over") or 1, SECOND)
        return self.aggregate(spec, events, seconds)

    def aggregate(self, spec, events, seconds):
        pairs = []
        for event in events:
            if self.holds(spec["where"], event):
                env = {"event": event}
                value = self.value(spec["arg"], env) if spec["arg"] else 1
                pairs.append((value, event.time, self.value(spec["order"][1], env) if spec["order"] else None))
        return aggregate(spec, pairs, seconds)

    def seen(self, spec, env):
        event = env["event"]
        asked = event.fields.get(spec["field"])
        events, null_key = self.population(spec, env)
        if asked is None or null_key:
            return None
        return any(e is not event and e.time > event.time - spec["over"] and e.fields.get(spec["field"]) == asked
                   for e in events)


def in_span(events, span, event):
    time = event.time
    if span["kind"] == "previous":
        events = [e for e in events if e is not event]
    if span["kind"] in ("over", "previous"):
        return [e for e in events if e.time > time - span["over"]]
    if span["kind"] == "last":
        events = events[-span["last"]:]
        return [e for e in events if span["over"] is None or e.time > time - span["over"]]
    if span["kind"] == "today":
        return [e for e in events if e.time >= day_of(time, span["zone"])[0]]
    after = time
    kept = []
    for each in reversed(events):  # ever idle: until a silence of that
        if after - each.time >= span["over"]:
            break
        kept.insert(0, each)
        after = each.time
    return kept


def approximate(world, spec, events, event):
    """`distinct`, `median`, `percentile` of sketches; a window of time moves by a sixteenth."""
    span = spec["span"]
    most = in_span(events, span, event)
    cut = event.time - span["over"] // 16 * 15 if span["kind"] in ("over", "previous") else event.time
    least = [e for e in most if e.time > cut] if span["kind"] in ("over", "previous") else most
    ever = {world.value(spec["arg"], {"event": e}) for e in events}
    exact_counts, told = len(ever) <= (192 if spec["approx"] else 1024), []
    if exact_counts and not spec["approx"]:
        least = most
    for begin in range(len(most) - len(least) + 1):
        env = [{"event": e} for e in most[begin:] if world.holds(spec["where"], e)]
        values = [v for v in (world.value(spec["arg"], one) for one in env) if v is not None]
        if spec["agg"] == "distinct":
            count = len(set(values))
            told.append((count, count) if exact_counts else (count * 0.9, count * 1.1))
        elif values:
            ordered = sorted(Fraction(v) for v in values)
            rank = Fraction(50 if spec["agg"] == "median" else spec["param"], 100) * (len(ordered) - 1)
            low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
            told.append((low - abs(low) / 99, high + abs(high) / 99))
        else:
            told.append(None)
    known = [t for t in told if t is not None]
    if not known:
        return None
    return Between(min(low for low, _ in known), max(high for _, high in known), len(known) < len(told))


def models_in(node):
    if isinstance(node, (list, tuple)):
        own = {node[2]} if len(node) == 3 and node[0] == "model" else set()
        return own.union(*map(models_in, node))
    return set()


def match_of(step, event):
    place = event.position
    return [step, event.type, time_text(event.told)] + (list(place) if place else [])


# ---- rules ----


def run_rule(world, rule):
    uses = [rule.get("on"), *(step["on"] for step in rule.get("steps", [])), rule.get("absent", [None])[0]]
    inputs = {on[0] for on in uses if on} | world.counted([rule["when"], rule["emit"], rule.get("steps", []), uses])
    world.finish(rule, inputs, [])
    if rule.get("mode") == "off":
        return
    if "on" in rule:
        kind, condition = rule["on"]
        for event in world.events[kind]:
            env = {"event": event, "rule": rule, "steps": {}}
            keyed = all(event.fields.get(part[kind]) is not None for part in rule["key"])
            if not keyed or not world.holds(condition, event):
                continue
            if rule["when"] is None or world.value(rule["when"], env) is True:
                tell_match(world, rule, event, [(kind, event)])
    elif rule.get("absent"):
        run_absence(world, rule)
    else:
        run_sequence(world, rule)


def tell_match(world, rule, event, steps):
    env = {"event": event, "rule": rule, "steps": dict(steps)}
    key = typed_key(event, rule["key"], rule["key_types"])
    fields = [(name, world.value(node, env), node[1]) for name, node in rule["emit"]]
    matched = [match_of(name, step) for name, step in steps]
    more = {}
    if "on" in rule:
        more["reasons"] = world.reasons(rule, env)
    if "on" in rule and event.revision:
        more["revision"] = str(event.revision)
    if "on" in rule and event.partial:
        more["partial"] = True
    world.tell(rule, event, key, fields, matched, more)


def run_sequence(world, rule):
    """Steps joined by `then`, `within`; report first, skip past last."""
    kinds = {step["on"][0] for step in rule["steps"]}
    runs = {}  # key -> open runs, the earliest start first
    for event in sorted((e for kind in kinds for e in world.events[kind]), key=lambda e: e.moment):
        key = world.key_of(event, [part[event.type] for part in rule["key"]])
        if key is None:
            continue
        env = {"event": event, "rule": rule, "steps": {}}

        def takes(step):
            kind, condition = step["on"]
            return kind == event.type and (condition is None or world.value(condition, env) is True)

        still = [run for run in runs.get(key, []) if event.time - run[0].time <= rule["within"]]
        still.append([])
        for run in still:
            if takes(rule["steps"][len(run)]):
                run.append(event)
        whole = [run for run in still if len(run) == len(rule["steps"])]
        if whole:
            tell_match(world, rule, event, [(s["name"], e) for s, e in zip(rule["steps"], whole[0])])
        runs[key] = [] if whole else [run for run in still if run]


def run_absence(world, rule):
    """One step, then no other event for a while: told at the deadline, one for each key and deadline."""
    (kind, condition), ((other, barring), wait) = rule["steps"][0]["on"], rule["absent"]
    complete = set()
    for first in world.events[kind]:
        key = world.key_of(first, [part[kind] for part in rule["key"]])
        if key is None or not world.holds(condition, first):
            continue
        deadline = first.time + wait
        barred = any(first.moment < e.moment and e.time <= deadline and world.holds(barring, e)
                     and world.key_of(e, [part[other] for part in rule["key"]]) == key for e in world.events[other])
        text = key_json(rule["key_names"], typed_key(first, rule["key"], rule["key_types"]))
        moment = (deadline, 1 + world.stage[rule["name"]], (rule["name"], text), ())
        if not barred and moment not in complete:
            complete.add(moment)
            tell_match(world, rule, Event(kind, deadline, moment, first.fields), [(rule["steps"][0]["name"], first)])
    world.events[rule["name"]].sort(key=lambda e: e.moment)


# ---- derived events ----


def make_filter(world, item):
    made, late = [], []
    asks = any(f"['{word}'" in repr([item["where"], item["entries"]]) for word in ASKING)
    for kind in item["from"]:
        for event in world.events[kind] + ([] if asks else world.late.get(kind, [])):
            elements = [None] if not item.get("each") else event.fields.get(item["each"]) or []
            for number, element in enumerate(elements):
                env = {"event": event, "element": element}
                if item["where"] is not None and world.value(item["where"], env) is not True:
                    continue
                fields = {name: world.value(node, env) for name, node in item["entries"]}
                to = late if event in world.late.get(kind, []) else made
                moment = moment_of(event, item["name"], (event.moment, number))
                to.append(Event(item["name"], event.time, moment, fields, event.position))
    world.late[item["name"]] = late
    world.finish(item, set(item["from"]) | world.counted([item["where"], item["entries"]]), made)


ASKING = ["counter", "named", "seen", "previous", "inlist", "cell", "model"]  # nobody asks for a late event
MAKERS = {"rule": run_rule, "filter": make_filter, "window": make_window, "join": make_join, "group": make_group,
          "change": run_change}
