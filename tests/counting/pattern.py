"""pattern.py - what a pattern, or a part of one whose key changes, takes and tells: the numbered sentences of the
language's section 3 by brute force. Numbers in comments are sentences of "What a run does".

A pattern is a tree: each element is a number (of a step of the rule) or a dict (a group, an `or`, an `and`). A run is
copied where it forks; the ways of a run are found anew after each event by walking the tree. tests/reference/README.md
says how open sentences are read.
"""
import copy
from fractions import Fraction
from functools import cmp_to_key

from events import Ambiguous
from values import digits_of, half_away, in_range, step_of

RUNS_MAX = 300  # of one key
PLAIN = {"no": [], "link": None, "gap": None, "min": 1, "max": 1, "loop": False, "until": None, "greedy": False, "strict": False,
         "each": False, "any": False, "among": None}


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


# ---- the tree ----


def parts_of(rule):
    """The elements of each part; a part begins with the step that says `at key`."""
    parts = [[]]
    for element in rule["tree"]:
        if isinstance(element, int) and rule["steps"][element]["rekey"]:
            parts.append([])
        parts[-1].append(element)
    return parts


def leaves_of(elements):
    """The numbers of the steps in them, in the order of the text."""
    found = []
    for element in elements:
        found += [element] if isinstance(element, int) else leaves_of(element["children"])
    return found


def words_of(rule, element):
    return rule["steps"][element] if isinstance(element, int) else element


def all_words(rule, elements):
    """Those of all elements, in the order of the text."""
    found = []
    for element in elements:
        found.append(words_of(rule, element))
        if not isinstance(element, int):
            found += all_words(rule, element["children"])
    return found


class Node:
    """An element of one part. Its number is its place in the text: a parent stands before its children."""

    def __init__(self, kind, parent, words):
        self.kind, self.parent, self.words, self.children = kind, parent, words, []
        self.min, self.max = words.get("min", 1), words.get("max", 1)
        self.on = self.following = self.wait = None


class Way:
    """One step that may come now, with what stands on the way to it (5)."""

    def __init__(self):
        self.target = self.again = self.link = self.gap = self.among = None
        self.absences, self.left, self.entered = set(), set(), set()

    def copy(self):
        other = copy.copy(self)
        other.absences, other.left, other.entered = set(self.absences), set(self.left), set(self.entered)
        return other


class Run:
    def __init__(self, part):
        self.part, self.taken, self.leaf = part, [], None  # taken: (node, event, way)
        self.rounds, self.choice = {0: 1}, {}  # choice: of a loop with `each` or `any`: "must" or "stopped"
        self.barred, self.closed = set(), set()  # loops whose `until` came; ways, by their place in the order of asking
        self.end_closed = self.expired = False
        self.passed, self.ways, self.named = 0, None, None

    def copy(self):
        other = copy.copy(self)
        other.taken, other.rounds, other.choice = list(self.taken), dict(self.rounds), dict(self.choice)
        other.barred, other.closed = set(self.barred), set(self.closed)
        return other

    def start(self):
        return self.taken[0][1]

    def last(self):
        return self.taken[-1][1]

    def origin(self):
        return self.start().fields.get("origin") if self.taken and self.start().type == self.part.hidden else None

    def begin(self):
        """The time of its first event, of the parts before too."""
        return self.origin()["first"] if self.origin() else self.start().time

    def steps(self):
        """Name of each step -> its events, of the parts before too."""
        if self.named is None:
            origin = self.origin()
            self.named = {name: list(events) for name, events in origin["steps"].items()} if origin else {}
            for node, event, _ in self.taken:
                name = self.part.nodes[node].words.get("name")
                if name:
                    self.named.setdefault(name, []).append(event)
        return self.named

    def open(self, place):
        way = self.ways.items[place]
        return not self.expired and place not in self.closed and way.again not in self.barred

    def waits(self):
        """When the wait of a trailing absence is over."""
        absent = self.part.absent
        if absent is None or self.ways.end is None or self.end_closed:
            return None
        return self.last().time + absent.wait

    def alive(self):
        return self.waits() is not None or any(self.open(place) for place in range(len(self.ways.items)))


class Ways:
    """All ways of a run, in the order of asking (4)."""

    def __init__(self, run):
        self.run, self.nodes, self.items, self.undecided, self.end = run, run.part.nodes, [], None, None
        way = Way()
        if run.leaf is None:
            way.link = "start"
            self.sequence(0, 0, way)
        else:
            self.over(run.leaf, way)
        self.items.sort(key=cmp_to_key(run.part.order))

    def decided(self, node, could_go, could_stop):
        """What a loop with `each` chose stays chosen: each length is a pattern of its own."""
        words = self.nodes[node].words
        undecided = (words.get("each") or words.get("any")) and node not in self.run.choice and could_go and could_stop
        if undecided and self.undecided is None:
            self.undecided = node
        return not undecided

    def into(self, number, way):
        node, part = self.nodes[number], self.run.part
        way = way.copy()
        if way.again != number:
            way.entered.add(number)
        if not node.words["loop"]:
            way.gap = shorter(way.gap, node.words["gap"])
        if node.kind == "group":
            self.sequence(number, 0, way)
        elif node.kind in ("or", "and"):
            for child in node.children:
                self.into(child, way)
        else:
            loop = number
            while self.run.leaf is not None and loop is not None:  # a loop's gap: between any two of its events
                if self.nodes[loop].words["loop"] and part.inside(self.run.leaf, loop) and loop not in way.left:
                    way.gap = shorter(way.gap, self.nodes[loop].words["gap"])
                loop = self.nodes[loop].parent
            way.target = number
            self.items.append(way)

    def over(self, number, way):
        """A round of the node may be over here: a further one comes, or what stands after it."""
        node, run = self.nodes[number], self.run
        count = run.rounds.get(number, 0)
        more, enough = node.max is None or count < node.max, count >= node.min or run.part.optional(number)
        if not self.decided(number, more, enough):
            return
        choice = run.choice.get(number)
        if more and (not enough or choice != "stopped"):
            again = way.copy()
            again.again, again.among = number, None
            again.link = "next" if node.words["strict"] else "any" if node.words["any"] else "then"
            self.into(number, again)
        if not enough or choice == "must":
            return
        way = way.copy()
        way.left.add(number)
        if number == 0:
            self.end = way.absences
            return
        parent = self.nodes[node.parent]
        if parent.kind == "group":
            self.sequence(node.parent, parent.children.index(number) + 1, way)
            return
        rest = [c for c in parent.children if run.rounds.get(c, 0) == 0] if parent.kind == "and" else []
        for child in rest:
            other = way.copy()
            other.link = "then"
            self.into(child, other)
        if not rest:
            self.over(node.parent, way)

    def sequence(self, group, begin, way):
        way = way.copy()
        for child in self.nodes[group].children[begin:]:
            node = self.nodes[child]
            if node.kind == "absence":
                way.absences.add(child)
                continue
            optional = self.run.part.optional(child)
            if not self.decided(child, True, optional):
                return
            choice = self.run.choice.get(child)
            if not optional or choice != "stopped":
                into = way.copy()
                if into.link is None:
                    into.link, into.among = node.words["link"], node.words["among"]
                self.into(child, into)
            if not optional or choice == "must":
                return
            way.left.add(child)
        if self.run.leaf is not None and group not in way.entered and way.again != group:  # no round without an event
            self.over(group, way)


def shorter(one, other):
    return other if one is None else one if other is None else min(one, other)


class NewKey(dict):
    """The field of the new key: the same in all types but in the derived event."""

    def __init__(self, field, hidden):
        super().__init__({hidden: "key"})
        self.field = field

    def __missing__(self, kind):
        return self.field

    def copy(self):
        other = NewKey(self.field, "")
        other.update(self)
        return other


class Part:
    """One part of the pattern with all its keys' partial matches."""

    def __init__(self, world, rule, number, tell):
        self.world, self.rule, self.tell, self.keys, self.led = world, rule, tell, {}, None
        parts = parts_of(rule)
        self.last_one = number + 1 == len(parts)
        self.hidden = None if number == 0 else f"{rule['name']}, part {number}"
        self.nodes = [Node("group", None, dict(PLAIN, link="start"))]
        if self.hidden:
            begin = self.add("step", 0, dict(PLAIN, link="start"))
            begin.on = [self.hidden, None]
        for element in self.parenthesized(parts[number]):
            self.build(element, 0)
        self.absent = None
        if self.last_one and rule["absent"]:
            self.absent = self.add("absence", 0, dict(PLAIN))
            (self.absent.on, self.absent.wait), self.absent.following = rule["absent"], False
        self.kinds = {node.on[0] for node in self.nodes if node.on}
        self.key, self.key_names, self.key_types = rule["key"], rule["key_names"], rule["key_types"]
        if self.hidden:
            rekey = rule["steps"][parts[number][0]]["rekey"]
            self.key, self.key_names, self.key_types = [NewKey(rekey[0], self.hidden)], [rekey[0]], [rekey[3]]
        self.report = rule["report"] if self.last_one else "all"
        self.after = (rule["after"] or ("overlap" if self.report == "all" else "past last")) if self.last_one else "overlap"

    # ---- the tree ----

    def parenthesized(self, elements):
        """Plain parentheses are a group; of one that is cut only the part with its first step, whose connector it has."""
        begin, end, gap = self.rule["parentheses"] or (0, -1, None)
        inside = self.rule["tree"][begin:end + 1]
        if not inside or inside[0] not in elements:
            return elements
        first = words_of(self.rule, inside[0])
        inside = [element for element in inside if element in elements]
        group = dict(PLAIN, kind="group", children=inside, no=first["no"], link=first["link"], gap=gap)
        self.led = inside[0]
        place = elements.index(inside[0])
        return elements[:place] + [group] + elements[place + len(inside):]

    def add(self, kind, parent, words):
        node = Node(kind, parent, words)
        self.nodes[parent].children.append(len(self.nodes))
        self.nodes.append(node)
        return node

    def build(self, element, parent):
        words = words_of(self.rule, element)
        for following, on in [] if element == self.led and parent else words["no"]:  # before the parentheses
            absence = self.add("absence", parent, dict(PLAIN))
            absence.following, absence.on = following, on
        node = self.add("step" if isinstance(element, int) else words["kind"], parent, words)
        if isinstance(element, int):
            node.on = words["on"]
            return
        number = len(self.nodes) - 1
        for child in words["children"]:
            self.build(child, number)

    def inside(self, node, ancestor):
        while node is not None and node != ancestor:
            node = self.nodes[node].parent
        return node is not None

    def around(self, one, other):
        """The lowest node that holds both."""
        while not self.inside(other, one):
            one = self.nodes[one].parent
        return one

    def first_step(self, node):
        while self.nodes[node].children:
            node = self.nodes[node].children[0]
        return node

    def optional(self, number):
        """May it take no event? Also a group whose every step may be left out."""
        node = self.nodes[number]
        return node.min == 0 or node.kind == "group" and all(
            self.nodes[c].kind == "absence" or self.optional(c) for c in node.children)

    def step_kinds(self, node):
        return {n.on[0] for place, n in enumerate(self.nodes) if n.kind == "step" and self.inside(place, node)}

    def order(self, a, b):
        """The order of asking (4)."""
        return -1 if self.before(a, b) else 1 if self.before(b, a) else 0

    def before(self, a, b):
        for place, node in enumerate(self.nodes):  # a greedy loop before what follows it
            if node.words["greedy"]:
                if self.inside(a.target, place) and place not in a.left and place in b.left:
                    return True
                if self.inside(b.target, place) and place not in b.left and place in a.left:
                    return False
        if a.again == b.again:  # the furthest on; of alternatives the leftmost
            sides = self.nodes[self.around(a.target, b.target)].kind in ("or", "and")
            return a.target < b.target if sides else a.target > b.target
        # a new round stands at the group's first step; at the same step the round comes after the loop inside
        at_a = self.first_step(a.target if a.again is None else a.again)
        at_b = self.first_step(b.target if b.again is None else b.again)
        if at_a != at_b:
            return at_a > at_b
        return (-1 if a.again is None else a.again) < (-1 if b.again is None else b.again)

    # ---- what a way takes, and what bars it ----

    def holds(self, run, condition, event):
        if condition is None:
            return True
        return self.world.holds(bound(condition, run.steps()), event, rule={"key": self.key, "on": None})

    def until(self, run, node, event):
        until = self.nodes[node].words["until"]
        return until is not None and event.type in self.step_kinds(node) and self.holds(run, until, event)

    def late(self, run, way, event):
        return way.gap is not None and bool(run.taken) and event.time - run.last().time > way.gap

    def takes(self, run, way, event):
        on = self.nodes[way.target].on
        if on[0] != event.type or not self.holds(run, on[1], event):
            return False
        if way.among and not self.holds(run, way.among, event):  # other events are not there for it
            return False
        loop = way.target
        while loop is not None:  # of a group too: taken by none of its steps, in no round
            if self.until(run, loop, event):
                return False
            loop = self.nodes[loop].parent
        within = self.rule["within"]
        if run.taken and within is not None and event.time - run.begin() > within:  # (3)
            return False
        return not self.late(run, way, event)

    def take(self, run, way, event):
        run = run.copy()
        begun = way.entered | ({way.again} if way.again is not None else set())
        for place in range(len(self.nodes)):
            left = any(self.inside(place, node) for node in way.left)
            fresh = any(self.inside(place, node) for node in begun)
            if fresh:
                run.rounds[place] = 1 if place in way.entered else run.rounds.get(place, 0) + 1 if place == way.again else 0
                run.barred.discard(place)
            ahead = fresh and place > way.target and place not in way.left
            if (left or fresh) and not ahead or place in begun:
                run.choice.pop(place, None)
        run.leaf, run.closed, run.end_closed, run.passed, run.named = way.target, set(), False, 0, None
        run.taken.append((way.target, event, way))
        return run

    def passes(self, run, event):
        """The run passes over an event: what it bars (5)."""
        broken = set()
        for place, node in enumerate(self.nodes):
            if node.kind == "absence" and node.on[0] == event.type and not (node.following and run.passed):
                if self.holds(run, node.on[1], event):
                    broken.add(place)
        for place, way in enumerate(run.ways.items):
            bars = way.link == "next" and (
                not way.among or event.type != self.hidden and self.holds(run, way.among, event))
            if bars or self.late(run, way, event) or way.absences & broken:
                run.closed.add(place)
        if run.ways.end is not None and run.ways.end & broken:
            run.end_closed = True
        loop = run.leaf
        while loop is not None:
            if self.until(run, loop, event):
                run.barred.add(loop)
            loop = self.nodes[loop].parent
        run.passed += 1

    # ---- events and time of one key ----

    def state(self, key):
        return self.keys.setdefault(key, {"runs": [], "best": {}, "quiet": set()})

    def event(self, event):
        key = self.world.key_of(event, [part[event.type] for part in self.key])
        if key is None:
            return
        state = self.state(key)
        self.time(key, event.time)
        runs, complete = [], []
        for run in state["runs"] + [Run(self)]:
            self.turn(run, event, runs, complete)
        state["runs"] = runs
        self.complete(state, key, event, complete)

    def chosen(self, run):
        """The run with its ways; where a loop with `each` could stop, the fork that has and the one that must go on."""
        run.ways = Ways(run)
        if run.ways.undecided is None:
            return [run]
        must = run.copy()
        must.choice[run.ways.undecided] = "must"
        run.choice[run.ways.undecided] = "stopped"
        return self.chosen(run) + self.chosen(must)

    @staticmethod
    def room(runs, complete):
        if len(runs) > RUNS_MAX or len(complete) > RUNS_MAX:
            raise Ambiguous("too many partial matches for brute force")

    def turn(self, run, event, runs, complete):
        """One run's turn (2, 4, 5, 6); a run without events is the one that may begin here."""
        if run.taken:
            self.fork(run, event, runs, complete)
            return
        for each in self.chosen(run):
            self.fork(each, event, runs, complete)

    def fork(self, run, event, runs, complete):
        takers, passes = [], bool(run.taken)
        for place, way in enumerate(run.ways.items):
            if not run.open(place) or not all(self.side_by_side(taker, way) for taker in takers):
                continue
            if not self.takes(run, way, event):
                continue
            for each in self.chosen(self.take(run, way, event)):
                self.settle(each, runs, complete)
            if way.link != "any":
                takers.append(way)
                passes = False
        if passes:
            self.passes(run, event)
            if run.alive():
                runs.append(run)
        self.room(runs, complete)

    def side_by_side(self, a, b):
        """Where two ways part at an `or` of groups or an `and`, both are taken, by forks (6)."""
        node = self.nodes[self.around(a.target, b.target)]
        groups = node.kind == "or" and any(self.nodes[c].kind != "step" for c in node.children)
        return a.again == b.again and (node.kind == "and" or groups)

    def settle(self, run, runs, complete):
        """A run that has just taken an event: is it complete (7), does it go on?"""
        done = run.ways.end is not None and not run.ways.end
        if done:
            complete.append(run.copy())
        if (not done or self.report == "longest") and run.alive():
            runs.append(run)
        self.room(runs, complete)

    def time(self, key, until):
        """All deadlines before `until`, earliest first."""
        state, within = self.keys[key], self.rule["within"]
        while True:
            ends = [run.waits() for run in state["runs"] if run.waits() is not None]
            if within is not None:
                ends += [run.begin() + within for run in state["runs"] if not run.expired]
            if not ends or min(ends) >= until:
                return
            deadline = min(ends)
            over = [run for run in state["runs"] if within is not None and run.begin() + within == deadline]
            due = [run for run in state["runs"] if run.waits() == deadline]
            for run in over:
                run.expired = True  # the wait at the end goes on
            timed_out = [run for run in over if run.waits() is None]
            state["runs"] = [run for run in state["runs"] if run not in due and run not in timed_out]
            borders = self.complete(state, key, deadline, due)
            if self.report.startswith("timeout"):
                self.time_out(state, key, deadline, [r for r in timed_out if not any(behind(r, b) for b in borders)])

    # ---- what is told ----

    @staticmethod
    def positions(run):
        return [event.moment for _, event, _ in run.taken]

    def left_of(self, a, b):
        """-1: the earlier start, else the leftmost fork (6); of equal events, step by step the first in the text."""
        equal = self.positions(a) == self.positions(b) and [n for n, _, _ in a.taken] != [n for n, _, _ in b.taken]
        for (node_a, event_a, way_a), (node_b, event_b, way_b) in zip(a.taken, b.taken):
            if event_a.moment != event_b.moment:
                return -1 if event_a.moment < event_b.moment else 1
            found = (node_a > node_b) - (node_a < node_b) if equal else self.order(way_a, way_b) if way_a is not way_b else 0
            if found:
                return found
        return (len(a.taken) > len(b.taken)) - (len(a.taken) < len(b.taken))

    def leftmost(self, runs):
        best = runs[0]
        for run in runs[1:]:
            if self.left_of(run, best) < 0:
                best = run
        return best

    def distinct(self, runs):
        """Of forks with the same events the leftmost in the text."""
        by_events = {}
        for run in runs:
            by_events.setdefault(tuple(self.positions(run)), []).append(run)
        return sorted(map(self.leftmost, by_events.values()), key=self.positions)

    def longest(self, runs):
        """Of one start: the fork with most events."""
        most = max(len(run.taken) for run in runs)
        return self.leftmost(self.distinct([run for run in runs if len(run.taken) == most]))

    def complete(self, state, key, at, runs):
        """All that is complete at one event or deadline. Returns where no later match may begin."""
        if self.report == "longest":
            for run in runs:
                state["best"].setdefault(run.start().moment, []).append(run)
            going = {run.start().moment for run in state["runs"]}
            runs = []
            for start in sorted(state["best"]):
                if start not in going:
                    runs.append(self.longest(state["best"].pop(start)))
        runs = self.distinct(runs)
        if not runs or self.report == "timeout only":
            return []
        cut = self.report == "all" and self.last_one and len(runs) > self.rule["limit"]
        if self.report in ("first", "timeout") or cut:
            runs = [self.leftmost(runs)]
        borders = []
        for run in runs:
            if any(behind(run, border) for border in borders):
                continue
            state["quiet"].add(run.start().moment)
            self.tell(self, key, at, run, "limit" if cut else None, False)
            borders.append(self.border(run))
            state["runs"] = [r for r in state["runs"] if not behind(r, borders[-1])]
            state["best"] = {s: [r for r in b if not behind(r, borders[-1])] for s, b in state["best"].items()}
            state["best"] = {s: b for s, b in state["best"].items() if b}
        return borders

    def border(self, run):
        """No later match may begin before that place, nor, if True is said, at it; None: no limit."""
        if self.after == "overlap":
            return None
        if self.after == "past last":
            return run.last().moment, True
        if self.after != "next":
            which, name = self.after
            own = [event.moment for node, event, _ in run.taken if self.nodes[node].words.get("name") == name]
            if own:
                return own[0] if which == "first" else own[-1], False
        return run.start().moment, True

    def time_out(self, state, key, deadline, runs):
        by_start = {}
        for run in runs:
            by_start.setdefault(run.start().moment, []).append(run)
        for start in sorted(by_start):
            if start not in state["quiet"]:
                self.tell(self, key, deadline, self.longest(by_start[start]), None, True)


def behind(run, border):
    start = run.start().moment
    return border is not None and (start < border[0] or border[1] and start == border[0])
