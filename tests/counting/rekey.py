"""rekey.py - rules whose key changes inside the pattern: what they must tell, by brute force, and random ones.

`at key F == s.G` cuts the rule in two: the first part is an unnamed derived event, the second starts with it at the new
key. So a part is a pattern of its own over the events of its key; the matches of a former part (all of them, for it
runs as `overlap`) are events of the next one, at the place of what completed them, behind it by the rule's name. The
patterns are sequences of steps, loops and absences, run by the numbered sentences of the language's page.
"""
from fractions import Fraction

from events import Ambiguous, Event, key_json, moment_of
from values import digits_of, half_away, in_range, step_of, time_text
from write_case import OTHERS, duration, entries, expression, key_clause, life_lines, use

REPORTS = ["first", "first", "first", "all", "all", "longest", "timeout", "timeout only"]
FOREVER = 1 << 62
RUNS_MAX = 300  # of one key


# ---- what is read of steps ----


def over_step(agg, kind, values):
    """An aggregate over the events that a step has so far; `values` of its field, or of nothing in particular."""
    if agg in ("first", "last"):
        return (values[0] if agg == "first" else values[-1]) if values else None
    known = [v for v in values if v is not None]
    if agg == "count":
        return len(known)
    if agg == "distinct":
        return len(set(known))
    if agg == "sum":
        return in_range(sum((Fraction(v) for v in known), Fraction(0)) if digits_of(kind) else sum(known), kind)
    if not known:
        return None
    if agg in ("min", "max"):
        return min(known) if agg == "min" else max(known)
    mean = sum((step_of(v) for v in known), Fraction(0)) / len(known)
    return half_away(mean) if kind == "duration" else float(mean)


def bound(node, steps):
    """The expression with the values of the steps put in."""
    if not isinstance(node, list):
        return node
    if node[0] == "side":
        found = steps.get(node[2])
        return ["lit", node[1], None if not found else found[-1].time if node[3] == "time" else found[-1].fields.get(node[3])]
    if node[0] == "step":
        _, kind, agg, step, field, field_kind = node
        found = steps.get(step, [])
        values = [1 if field is None else e.fields.get(field) for e in found]
        return ["lit", kind, over_step(agg, field_kind, values)]
    return [bound(each, steps) for each in node]


# ---- a partial match of one part ----


class Run:
    def __init__(self, part, taken, origin):
        self.part, self.taken, self.origin = part, taken, origin  # taken: (place of the step, event, rank)
        self.arrive()

    def arrive(self):
        self.barred, self.passed = set(), False
        self.ways = self.part.ways(self)

    def place(self):
        return self.taken[-1][0]

    def last(self):
        return self.taken[-1][1]

    def steps(self):
        """Name of each step -> its events, of the parts before too."""
        steps = {name: list(events) for name, events in self.origin["steps"].items()} if self.origin else {}
        for place, event, _ in self.taken:
            name = self.part.steps[place]["name"]
            if name:
                steps.setdefault(name, []).append(event)
        return steps

    def times(self):
        """How often the step that took the last event has taken one in a row: loops do not come twice."""
        return sum(1 for place, _, _ in self.taken if place == self.place())

    def copy(self):
        run = object.__new__(Run)
        run.part, run.taken, run.origin = self.part, list(self.taken), self.origin
        run.barred, run.passed, run.ways = set(self.barred), self.passed, self.ways
        return run

    def open(self):
        return [w for w in self.ways if w["to"] not in self.barred]


class NewKey(dict):
    """The field of the new key: the same in all types but in the derived event."""

    def __init__(self, field, hidden):
        super().__init__({hidden: "key"})
        self.field = field

    def __missing__(self, kind):
        return self.field

    def copy(self):
        copy = NewKey(self.field, "")
        copy.update(self)
        return copy


class Part:
    """One part of the pattern with all its keys' partial matches."""

    def __init__(self, world, rule, number, tell):
        self.world, self.rule, self.tell = world, rule, tell
        cuts = [n for n, step in enumerate(rule["steps"]) if step["rekey"]] + [len(rule["steps"])]
        first = 0 if number == 0 else cuts[number - 1]
        self.steps = rule["steps"][first:cuts[number]]
        self.last_one = cuts[number] == len(rule["steps"])
        self.hidden = None if number == 0 else f"{rule['name']}, part {number}"
        if self.hidden:
            self.steps = [{"name": None, "on": [self.hidden, None], "link": None, "gap": None, "no": [], "min": 1,
                           "max": 1, "loop": False, "until": None, "greedy": False, "strict": False, "among": None}] + self.steps
            rekey = rule["steps"][first]["rekey"]
            kinds = {step["on"][0] for step in self.steps[1:]} | {on[0] for step in self.steps for _, on in step["no"]}
        else:
            kinds = {step["on"][0] for step in self.steps} | {on[0] for step in self.steps for _, on in step["no"]}
        self.absent = rule["absent"] if self.last_one else None
        if self.absent:
            kinds.add(self.absent[0][0])
        self.kinds = kinds | ({self.hidden} if self.hidden else set())
        if self.hidden:
            self.key_names, self.key_types = [rekey[0]], [rekey[3]]
            self.key = [NewKey(rekey[0], self.hidden)]
        else:
            self.key, self.key_names, self.key_types = rule["key"], rule["key_names"], rule["key_types"]
        self.report = rule["report"] if self.last_one else "all"
        self.after = (rule["after"] or ("overlap" if self.report == "all" else "past last")) if self.last_one else "overlap"
        self.keys = {}

    # ---- ways ----

    def ways(self, run):
        """What may come now, in the order of asking: {to: place or "end", link, gap, no, again}."""
        here = run.place() if run else -1
        found, ending = [], []
        if run is None or run.times() >= self.steps[here]["min"]:
            no = []
            for place in range(here + 1, len(self.steps)):
                step = self.steps[place]
                no = no + step["no"]
                gap = None if step["loop"] else step["gap"]
                found.append({"to": place, "link": step["link"], "gap": gap, "no": no, "again": False})
                if step["min"] > 0:
                    break
            else:
                absent = [(False, self.absent[0])] if self.absent else []
                ending = [{"to": "end", "link": "then", "gap": None, "no": no + absent, "again": False}]
        if run and (self.steps[here]["max"] is None or run.times() < self.steps[here]["max"]):
            link = "next" if self.steps[here]["strict"] else "then"
            found.insert(0, {"to": here, "link": link, "gap": self.steps[here]["gap"], "no": [], "again": True})
        greedy = [way for way in found if self.steps[way["to"]]["greedy"]]  # before all that follows them
        return ending + greedy + [way for way in reversed(found) if way not in greedy]

    def holds(self, run, condition, event):
        if condition is None:
            return True
        steps = run.steps() if run else {}
        return self.world.holds(bound(condition, steps), event, rule={"key": self.key, "on": None})

    def fits(self, run, on, event):
        return on[0] == event.type and self.holds(run, on[1], event)

    def takes(self, run, way, event):
        if way["to"] == "end":
            return False
        step = self.steps[way["to"]]
        if not self.fits(run, step["on"], event):
            return False
        if step["until"] and self.holds(run, step["until"], event):
            return False
        if run is None:
            return True
        if self.rule["within"] is not None and event.time - self.start_of(run) > self.rule["within"]:
            return False
        if way["gap"] is not None and event.time - run.last().time > way["gap"]:
            return False
        return not step["among"] or way["again"] or self.holds(run, step["among"], event)

    def bars(self, run, way, event):
        if way["gap"] is not None and event.time - run.last().time > way["gap"]:
            return True
        step = None if way["to"] == "end" else self.steps[way["to"]]
        if way["link"] == "next":
            among = None if way["again"] else step["among"]
            if not among or event.type != self.hidden and self.holds(run, among, event):
                return True
        if way["again"] and step["until"] and event.type == step["on"][0] and self.holds(run, step["until"], event):
            return True
        return any(self.fits(run, on, event) and not (following and run.passed) for following, on in way["no"])

    @staticmethod
    def start_of(run):
        return run.origin["first"] if run.origin else run.taken[0][1].time

    # ---- events and time of one key ----

    def state(self, key):
        return self.keys.setdefault(key, {"runs": [], "told": [], "best": {}, "quiet": set()})

    def event(self, event):
        key = self.world.key_of(event, [part[event.type] for part in self.key])
        if key is None:
            return
        state = self.state(key)
        self.time(key, event.time)
        complete, starts = [], []
        for run in list(state["runs"]):
            place = state["runs"].index(run)
            forks, done = self.turn(run, event)
            state["runs"][place:place + 1] = forks
            complete += done
        for way in self.ways(None):
            if self.takes(None, way, event):
                run = Run(self, [(way["to"], event, 0)], event.fields.get("origin"))
                starts.append(run)
                break
        for run in starts:
            forks, done = self.arrived(run)
            state["runs"] += forks
            complete += done
        if len(state["runs"]) > RUNS_MAX or len(complete) > RUNS_MAX:
            raise Ambiguous("too many partial matches for brute force")
        self.complete(state, key, event, complete)

    def turn(self, run, event):
        """The run and its forks behind the event, and which of them are complete."""
        forks, complete, still = [], [], True
        for rank, way in enumerate(run.ways):
            if way["to"] in run.barred or not self.takes(run, way, event):
                continue
            taken = run.copy()
            taken.taken.append((way["to"], event, rank))
            taken.arrive()
            more, done = self.arrived(taken)
            forks += more
            complete += done
            if way["link"] != "any":
                still = False
                break
        if still:
            for way in run.ways:
                if way["to"] not in run.barred and self.bars(run, way, event):
                    run.barred.add(way["to"])
            run.passed = True
            if any(way["to"] != "end" for way in run.open()) or self.waits(run) is not None:
                forks.append(run)
        return forks, complete

    def arrived(self, run):
        """A run that has just taken an event: does it go on, is it complete?"""
        ends = any(way["to"] == "end" for way in run.ways)
        if ends and not self.absent:
            if self.report == "longest":
                return ([run] if [w for w in run.ways if w["to"] != "end"] else []), [run]
            return [], [run]
        return [run], []

    def waits(self, run):
        ends = any(way["to"] == "end" for way in run.open())
        return run.last().time + self.absent[1] if ends and self.absent else None

    def time(self, key, until):
        """All deadlines before `until`, earliest first."""
        state, within = self.keys[key], self.rule["within"]
        while True:
            ends = [self.waits(run) for run in state["runs"] if self.waits(run) is not None]
            if within is not None:
                ends += [self.start_of(run) + within for run in state["runs"] if [w for w in run.open() if w["to"] != "end"]]
            if not ends or min(ends) >= until:
                return
            deadline = min(ends)
            due = [run for run in state["runs"] if self.waits(run) == deadline]
            state["runs"] = [run for run in state["runs"] if run not in due]
            self.complete(state, key, deadline, due)
            over = [run for run in state["runs"] if within is not None and self.start_of(run) + within == deadline]
            timed_out = []
            for run in over:
                if self.waits(run) is not None:  # the wait at the end goes on
                    run.barred |= {way["to"] for way in run.ways if way["to"] != "end"}
                else:
                    state["runs"].remove(run)
                    timed_out.append(run)
            if self.report.startswith("timeout"):
                self.time_out(state, key, deadline, timed_out)
            else:
                self.complete(state, key, deadline, [])

    # ---- what is told ----

    @staticmethod
    def positions(run):
        return [event.moment for _, event, _ in run.taken]

    @staticmethod
    def leftness(run):
        return [(event.moment, rank) for _, event, rank in run.taken]

    def distinct(self, runs):
        """Of forks with the same events the leftmost in the text."""
        kept = {}
        for run in sorted(runs, key=lambda r: ([place for place, _, _ in r.taken], self.leftness(r))):
            kept.setdefault(tuple(self.positions(run)), run)
        return sorted(kept.values(), key=self.positions)

    def complete(self, state, key, at, runs):
        """All that is complete at one event or deadline."""
        if self.report == "longest":
            for run in runs:
                state["best"].setdefault(run.taken[0][1].moment, []).append(run)
            going = {run.taken[0][1].moment for run in state["runs"]}
            runs = []
            for start in sorted(state["best"]):
                if start not in going:
                    most = [r for r in state["best"][start] if len(r.taken) == max(len(x.taken) for x in state["best"][start])]
                    runs.append(min(self.distinct(most), key=self.leftness))
                    del state["best"][start]
        runs = self.distinct(runs)
        if not runs or self.report == "timeout only":
            return
        first = min((r for r in runs if r.taken[0][1].moment == runs[0].taken[0][1].moment), key=self.leftness)
        cut = self.report == "all" and self.last_one and len(runs) > self.rule["limit"]
        if self.report in ("first", "timeout") or cut:
            runs = [first]
        borders = []
        for run in runs:
            if any(behind(run, border) for border in borders):
                continue
            state["quiet"].add(run.taken[0][1].moment)
            self.tell(self, key, at, run, "limit" if cut else None, False)
            borders.append(self.border(run))
            state["runs"] = [r for r in state["runs"] if not behind(r, borders[-1])]
            state["best"] = {s: [r for r in b if not behind(r, borders[-1])] for s, b in state["best"].items()}
            state["best"] = {s: b for s, b in state["best"].items() if b}

    def border(self, run):
        """No later match may begin before that place, nor, if True is said, at it; None: no limit."""
        if self.after == "overlap":
            return None
        if self.after == "past last":
            return run.last().moment, True
        if self.after != "next":
            which, name = self.after
            own = [event.moment for place, event, _ in run.taken if self.steps[place]["name"] == name]
            if own:
                return own[0] if which == "first" else own[-1], False
        return run.taken[0][1].moment, True

    def time_out(self, state, key, deadline, runs):
        by_start = {}
        for run in runs:
            by_start.setdefault(run.taken[0][1].moment, []).append(run)
        for start in sorted(by_start):
            if start not in state["quiet"]:
                most = [r for r in by_start[start] if len(r.taken) == max(len(x.taken) for x in by_start[start])]
                self.tell(self, key, deadline, min(self.distinct(most), key=self.leftness), None, True)


def behind(run, border):
    start = run.taken[0][1].moment
    return border is not None and (start < border[0] or border[1] and start == border[0])


# ---- the rule ----


def run_change(world, rule):
    """Part by part: the matches of one are the events of the next."""
    count = 1 + sum(1 for step in rule["steps"] if step["rekey"])
    for number in range(count):
        made = []

        def tell(part, key, at, run, cut, timeout):
            if part.last_one:
                tell_change(world, rule, part, key, at, run, cut, timeout)
            else:
                made.append(derived(world, rule, part, number, at, run, len(made)))

        part = Part(world, rule, number, tell)
        inputs = part.kinds | world.counted([[step["on"], step["no"], step["until"], step["among"]] for step in part.steps])
        if part.last_one:
            inputs |= world.counted(rule["emit"])
            world.finish(rule, inputs, [])
        events = sorted((e for kind in part.kinds for e in world.events[kind]), key=lambda e: e.moment)
        for event in events:
            part.event(event)
        for key in part.keys:
            part.time(key, FOREVER)
        if not part.last_one:
            name = f"{rule['name']}, part {number + 1}"
            world.events[name] = sorted(made, key=lambda e: e.moment)
            world.stage[name] = 1 + max(world.stage[kind] for kind in inputs)
    world.events[rule["name"]].sort(key=lambda e: e.moment)


def derived(world, rule, part, number, at, run, ordinal):
    """A match of a former part as an event at the place of what completed it."""
    rekeys = [step["rekey"] for step in rule["steps"] if step["rekey"]]
    _, step, field, _ = rekeys[number]
    steps = run.steps()
    origin = {"first": part.start_of(run), "steps": steps, "matched": matched_of(part, run)}
    key = steps[step][-1].fields.get(field) if steps.get(step) else None
    return Event(f"{rule['name']}, part {number + 1}", at.time, moment_of(at, rule["name"], ordinal), {"key": key, "origin": origin})


def matched_of(part, run):
    own = [(part.steps[place]["name"], event) for place, event, _ in run.taken if part.steps[place]["name"]]
    return (run.origin["matched"] if run.origin else []) + own


def tell_change(world, rule, part, key, at, run, cut, timeout):
    matched = matched_of(part, run)
    key = list(zip(key, part.key_types))
    if isinstance(at, Event):
        time, moment = at.time, at.moment
    else:
        time, moment = at, (at, 1 + world.stage[rule["name"]], (rule["name"], key_json(part.key_names, key)), ())
    asking = Event("\0", time, moment, {f"\0{n}": value for n, (value, _) in enumerate(key)})
    asked_by = {"key": [own.copy() for own in part.key], "on": None}
    for n, own in enumerate(asked_by["key"]):
        own["\0"] = f"\0{n}"
    env = {"event": asking, "rule": asked_by, "steps": {}}
    fields = [(name, world.value(bound(node, run.steps()), env), node[1]) for name, node in rule["emit"]]
    more = {"cause": "timeout" if timeout else "match"}
    if cut:
        more["cut"] = cut
    listed = [[name, event.type, time_text(event.told)] + list(event.position or []) for name, event in matched]
    listed = listed if len(listed) <= 64 else listed[:63] + listed[-1:]
    told = dict(rule, key_names=part.key_names, key_types=part.key_types)
    world.tell(told, asking, key, fields, listed, more)


# ---- as text ----


def step_text(step):
    text = f"{step['name']} = {use(step['on'])}"
    if step["rekey"]:
        text += f" at key {step['rekey'][0]} == {step['rekey'][1]}.{step['rekey'][2]}"
    if step["among"]:
        text += f" among ({expression(step['among'])})"
    if step["loop"]:
        text += f" {{{step['min']},{'' if step['max'] is None else step['max']}}}"
        text += "".join(f" {word}" for word in ("strict", "greedy") if step[word])
        if step["until"]:
            text += f" until ({expression(step['until'])})"
    if step["gap"] is not None:
        text += f" gap {duration(step['gap'])}"
    return text


def change_text(rule):
    lines = [f"score {rule['score']}"] if rule.get("score") is not None else []
    lines.append(key_clause(rule))
    begin, end = rule["parentheses"] or (-1, -1)
    for place, step in enumerate(rule["steps"]):
        for following, on in step["no"]:
            lines.append(f"{'next' if following else 'then'} no {use(on)}")
        word = "match" if place == 0 else {"then": "then", "next": "next", "any": "then any"}[step["link"]]
        lines.append(f"{word} {'(' if place == begin else ''}{step_text(step)}{')' if place == end else ''}")
    if rule["absent"]:
        lines.append(f"then no {use(rule['absent'][0])} for {duration(rule['absent'][1])}")
    if rule["within"] is not None:
        lines.append(f"within {duration(rule['within'])}")
    limit = f" limit {rule['limit']}" if rule["report"] == "all" and rule["limit"] != 100 else ""
    lines.append(f"report {rule['report']}{limit}")
    if rule["after"]:
        after = rule["after"]
        text = after if after == "overlap" else "skip past last" if after == "past last" else (
            "skip to next" if after == "next" else f"skip to {after[0]} {after[1]}")
        lines.append(f"after match {text}")
    if rule["emit"]:
        lines.append("emit " + entries(rule["emit"]))
    lines += life_lines(rule)
    return f"rule {rule['name']} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


OTHERS["change"] = change_text

# ---- random ones ----

NEW_KEYS = {"string": ["k", "s"], "int": ["u", "i"], "ip": ["p"], "bool": ["b"]}


class ChangeGenerator:
    """What generate_more.py adds for the feature `at_key`."""

    def make_at_key(self, case, sources):
        names = list(sources)
        self.sizes = [20, 40, 80]
        if self.chance(0.25):
            derived = self.derived_filter(sources) if self.chance(0.6) else self.derived_window(sources)
            case["declarations"].append(derived)
            names = list(self.fields)
        for _ in range(self.pick([1, 1, 2, 3])):
            case["declarations"].append(self.change(names))
        if self.chance(0.3):  # its alerts are events
            rule = self.pick([d for d in case["declarations"] if d["kind"] == "change"])
            made = {name: node[1] for name, node in rule["emit"]}
            made.update(zip(*self.last_key(rule)))
            self.fields[rule["name"]] = made
            self.telling_rules(case, [rule["name"]])

    @staticmethod
    def last_key(rule):
        rekeys = [step["rekey"] for step in rule["steps"] if step["rekey"]]
        return ([rekeys[-1][0]], [rekeys[-1][3]]) if rekeys else (rule["key_names"], rule["key_types"])

    def change(self, names):
        while True:
            rule = self.tried_change(names)
            if rule is not None:
                return rule

    def tried_change(self, names):
        first = self.random.sample(names, self.pick([1, 1, min(2, len(names))]))
        key, key_names, key_types = self.key(first)
        rule = {"kind": "change", "name": self.name("r"), "key": key, "key_names": key_names, "key_types": key_types, "steps": [],
                "within": None, "report": self.pick(REPORTS), "limit": self.pick([100, 100, 1, 3]), "after": None, "absent": None,
                "emit": [], "when": None, "parentheses": None}
        for number in range(self.pick([1, 2, 2, 2, 2, 3])):
            rekey = None
            kinds = first
            if number > 0:
                rekey, kinds = self.new_key(rule, names)
                if rekey is None:
                    return None
            for place in range(self.pick([1, 1, 2, 3] if number == 0 else [1, 1, 2])):
                rule["steps"].append(self.change_step(rule, kinds, rekey if place == 0 else None, number))
            if self.steps_of(rule, number)[0]["min"] == 0 and number == 0:
                rule["steps"][0].update(min=1, max=1, loop=False, until=None, greedy=False, strict=False, gap=None)
        self.change_policies(rule, kinds)
        if key_names == ["who"]:
            used = {on[0] for step in self.steps_of(rule, 0) for on in [step["on"]] + [o for _, o in step["no"]]}
            if rule["absent"] and not any(step["rekey"] for step in rule["steps"]):
                used.add(rule["absent"][0][0])
            rule["key"] = [{n: f for n, f in part.items() if n in used} for part in rule["key"]]
        return rule

    @staticmethod
    def steps_of(rule, number):
        cuts = [0] + [n for n, step in enumerate(rule["steps"]) if step["rekey"]] + [len(rule["steps"])]
        return rule["steps"][cuts[number]:cuts[number + 1]]

    def new_key(self, rule, names):
        """(F, step, G, type), and the types of the part that follows."""
        step = self.pick(rule["steps"])
        fields = {n: k for n, k in self.fields[step["on"][0]].items() if k in NEW_KEYS and "." not in n}
        if not fields:
            return None, None
        field = self.pick(sorted(fields))
        kind = fields[field]
        wanted = field if self.chance(0.6) else self.pick(NEW_KEYS[kind])
        kinds = [n for n in names if self.fields[n].get(wanted) == kind]
        if not kinds:
            return None, None
        return [wanted, step["name"], field, kind], self.random.sample(kinds, self.pick([1, min(2, len(kinds))]))

    def change_condition(self, rule, fields, own=None):
        """On the event, now and then compared with earlier steps."""
        condition = self.maybe_condition(fields, 0.2)
        known = rule["steps"] + ([own] if own else [])
        if known and self.chance(0.3):
            asked = self.of_steps(known)
            same = [["field", kind, name] for name, kind in fields.items() if kind == asked[1] and "." not in name]
            other = self.pick(same) if same and self.chance(0.8) else self.literal(asked[1])
            operators = ["==", "!=", "<=", ">"] if asked[1] in ("int", "string", "time", "dec:2", "duration") else ["==", "!="]
            compared = ["cmp", "bool", self.pick(operators), other, asked]
            condition = compared if condition is None else [self.pick(["and", "or"]), "bool", condition, compared]
        return condition

    def of_steps(self, steps):
        step = self.pick(steps)
        fields = {n: k for n, k in self.fields[step["on"][0]].items() if "." not in n and not k.startswith("[")}
        if self.chance(0.3) or not fields:
            return ["step", "int", "count", step["name"], None, None]
        name = self.pick(sorted(fields))
        kind = fields[name]
        aggregates = ["first", "last", "distinct"]
        if kind in ("int", "dec:2", "duration"):
            aggregates += ["sum", "avg"]
        if kind in ("int", "dec:2", "duration", "string", "time", "ip"):
            aggregates += ["min", "max"]
        if self.chance(0.4):
            return ["side", kind, step["name"], name]
        agg = self.pick(aggregates)
        told = {"distinct": "int", "avg": "duration" if kind == "duration" else "float"}.get(agg, kind)
        return ["step", told, agg, step["name"], name, kind]

    def asker(self, rule, kinds, kind, number):
        """Who asks counters: they are kept by the key of the part, if its name is that of a field."""
        rekeys = [step["rekey"] for step in rule["steps"] if step["rekey"]]
        key = rule["key"] if number == 0 else [{n: rekeys[number - 1][0] for n in kinds}] if len(rekeys) >= number else None
        if key is None or number == 0 and (rule["key_names"] == ["who"] or any(n not in part for part in key for n in kinds)):
            return None
        return {"key": key, "names": kinds, "asking": [kind], "on": [kind, None]}

    def change_step(self, rule, kinds, rekey, number):
        kind = self.pick(kinds)
        fields = self.fields[kind]
        first = not rule["steps"]
        step = {"name": f"x{len(rule['steps'])}", "on": [kind, None], "link": "then" if first else self.pick(["then"] * 4 + ["next", "any"]),
                "gap": None, "no": [], "min": 1, "max": 1, "loop": False, "until": None, "greedy": False, "strict": False, "among": None,
                "rekey": rekey}
        step["on"][1] = self.change_condition(rule, fields)
        asker = self.asker(rule, kinds, kind, number) if self.chance(0.1) else None
        if asker:
            node = self.asking(asker, step=True)
            step["on"][1] = node if step["on"][1] is None else ["and", "bool", step["on"][1], node]
        if self.chance(0.3):
            step["loop"] = True
            step["min"], step["max"] = self.pick([(1, None), (2, None), (2, 3), (3, 3), (0, 1), (0, None), (1, 2)])
            step["greedy"] = self.chance(0.2)
            step["strict"] = not step["greedy"] and self.chance(0.2)
            if self.chance(0.3):
                step["until"] = self.condition(fields)
            if step["max"] is not None and step["max"] <= 1:
                step.update(greedy=False, strict=False)
            if self.chance(0.15):
                step["gap"] = self.duration()
        elif not first and self.chance(0.15):
            step["gap"] = self.duration()
        if not first and self.chance(0.3):
            on = [self.pick(kinds), None]
            on[1] = self.change_condition(rule, self.fields[on[0]])
            if step["min"] > 0 and (on[1] is not None or self.chance(0.3)):
                step["no"].append((self.chance(0.3), on))
        return step

    def change_policies(self, rule, kinds):
        last = self.steps_of(rule, len([1 for step in rule["steps"] if step["rekey"]]))
        rule["within"] = self.pick([2, 5, 10, 20, 60, 200]) * self.step
        if rule["report"] != "longest" and self.chance(0.25):
            on = [self.pick(kinds), None]
            on[1] = self.change_condition(rule, self.fields[on[0]])
            rule["absent"] = [on, self.duration()]
        named = [step["name"] for step in last]
        rule["after"] = self.pick([None, None, "overlap", "past last", "next", (self.pick(["first", "last"]), self.pick(named))])
        if self.chance(0.1):
            rule["suppress"] = self.duration()
        parts = 1 + len([1 for step in rule["steps"] if step["rekey"]])
        for number in range(parts):
            self.among(self.steps_of(rule, number), rule["absent"] if number + 1 == parts else None)
        begins = [n for n, step in enumerate(rule["steps"]) if step["min"] > 0 and not step["among"]]
        if begins and self.chance(0.25):  # plain parentheses change nothing
            begin = self.pick(begins)
            rule["parentheses"] = (begin, self.random.randint(begin, len(rule["steps"]) - 1))
        plain = not any(step["loop"] for step in rule["steps"])
        if plain and rule["report"] in ("first", "all") and self.chance(0.3):
            rule["within"] = None
            for step in rule["steps"][1:]:
                step["gap"] = step["gap"] or self.duration()
        for n in range(self.pick([0, 1, 2, 3])):
            node = self.of_steps(rule["steps"])
            asker = self.asker(rule, kinds, kinds[0], len([1 for step in rule["steps"] if step["rekey"]])) if self.chance(0.15) else None
            if asker:
                node = self.counter(asker, step=True)
                node[2]["by"] = None
                if node[2]["span"]["kind"] == "previous":
                    node[2]["span"]["kind"] = "over"
            rule["emit"].append((f"{rule['name']}_{n}", node))

    def among(self, steps, absent):
        """`next … among (…)` reads what all types of the part have."""
        kinds = {on[0] for step in steps for on in [step["on"]] + [o for _, o in step["no"]]}
        kinds = sorted(kinds | {absent[0][0]} if absent else kinds)
        shared = self.shared(kinds)
        for step in steps:
            if step["link"] == "next" and shared and self.chance(0.3):
                step["among"] = self.condition(shared)
