"""rekey.py - rules whose key changes inside the pattern: what they must tell, by brute force, and random ones.

`at key F == s.G` cuts the rule in two: the first part is an unnamed derived event, the second starts with it at the new
key. So a part is a pattern of its own (pattern.py) over the events of its key; the matches of a former part (all of them,
for it runs as `overlap`) are events of the next one, at the place of what completed them, behind it by the rule's name.
"""
from events import Event, key_json, moment_of
from pattern import PLAIN, Part, all_words, bound, leaves_of, parts_of, words_of
from values import time_text
from write_case import OTHERS, duration, entries, expression, key_clause, life_lines, use

REPORTS = ["first", "first", "first", "all", "all", "all", "all", "longest", "timeout", "timeout only"]
FOREVER = 1 << 62


def rekeys_of(rule):
    """What is said at each change of key: (F, step, G, type)."""
    return [rule["steps"][n]["rekey"] for n in rule["tree"] if isinstance(n, int) and rule["steps"][n]["rekey"]]


# ---- the rule ----


def run_change(world, rule):
    """Part by part: the matches of one are the events of the next."""
    for number, elements in enumerate(parts_of(rule)):
        made = []

        def tell(part, key, at, run, cut, timeout):
            if part.last_one:
                tell_change(world, rule, part, key, at, run, cut, timeout)
            else:
                made.append(derived(world, rule, part, number, at, run, len(made)))

        part = Part(world, rule, number, tell)
        inputs = part.kinds | world.counted([[words.get("on"), words["no"], words["until"], words["among"]]
                                             for words in all_words(rule, elements)])
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
    _, step, field, _ = rekeys_of(rule)[number]
    steps = run.steps()
    origin = {"first": run.begin(), "steps": steps, "matched": matched_of(part, run)}
    key = steps[step][-1].fields.get(field) if steps.get(step) else None
    return Event(f"{rule['name']}, part {number + 1}", at.time, moment_of(at, rule["name"], ordinal), {"key": key, "origin": origin})


def matched_of(part, run):
    own = [(part.nodes[node].words["name"], event) for node, event, _ in run.taken if event.type != part.hidden]
    return (run.origin()["matched"] if run.origin() else []) + own


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


LINKS = {"then": "then", "next": "next", "any": "then any"}


def step_text(step):
    text = f"{step['name']} = {use(step['on'])}"
    if step["rekey"]:
        text += f" at key {step['rekey'][0]} == {step['rekey'][1]}.{step['rekey'][2]}"
    return text + (f" among ({expression(step['among'])})" if step["among"] else "")


def quantifier_text(words):
    text = ""
    if words["loop"]:
        text += f" {{{words['min']},{'' if words['max'] is None else words['max']}}}"
        text += "".join(f" {word}" for word in ("strict", "each", "any", "greedy") if words[word])
        if words["until"]:
            text += f" until ({expression(words['until'])})"
    return text if words["gap"] is None else f"{text} gap {duration(words['gap'])}"


def element_text(rule, element):
    words = words_of(rule, element)
    if isinstance(element, int):
        return step_text(words) + quantifier_text(words)
    if words["kind"] == "group":
        inside = " ".join(" ".join(clauses(rule, child, place == 0)) for place, child in enumerate(words["children"]))
    else:
        inside = f" {words['kind']} ".join(element_text(rule, child) for child in words["children"])
    return f"({inside}){quantifier_text(words)}"


def clauses(rule, element, first, opens="", closes=""):
    """The absences before the element, and the element with its connector."""
    words = words_of(rule, element)
    lines = [f"{'next' if following else 'then'} no {use(on)}" for following, on in words["no"]]
    return lines + [f"{'' if first else LINKS[words['link']] + ' '}{opens}{element_text(rule, element)}{closes}"]


def change_text(rule):
    lines = [f"score {rule['score']}"] if rule.get("score") is not None else []
    lines.append(key_clause(rule))
    begin, end, gap = rule["parentheses"] or (-1, -1, None)
    closes = ")" if gap is None else f") gap {duration(gap)}"
    for place, element in enumerate(rule["tree"]):
        said = clauses(rule, element, place == 0, "(" if place == begin else "", closes if place == end else "")
        lines += ["match " + said[0]] + said[1:] if place == 0 else said
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

# ---- smaller ones ----

DULL = {"no": [], "until": None, "gap": None, "among": None, "each": False, "any": False, "strict": False, "greedy": False}


def lists_of(rule, elements):
    """The list of elements that each element stands in, with its place there, as all_words() counts them."""
    found = []
    for place, element in enumerate(elements):
        found.append((elements, place))
        if not isinstance(element, int):
            found += lists_of(rule, element["children"])
    return found


def smaller_patterns(rule):
    """What without_words() can leave out: (place of the element or -1, word)."""
    for word in ("parentheses", "absent", "after", "suppress"):
        if rule.get(word):
            yield -1, word
    for place, words in enumerate(all_words(rule, rule["tree"])):
        yield place, "element"
        for word in [w for w in DULL if words[w]] + (["loop"] if words["loop"] else []):
            yield place, word
        if "on" in words and words["on"][1]:
            yield place, "condition"


def without_words(rule, place, word):
    if place < 0:
        rule[word] = None
        if word == "suppress":
            del rule[word]
        return
    words = all_words(rule, rule["tree"])[place]
    if word == "element":
        elements, own = lists_of(rule, rule["tree"])[place]
        if len(elements) > 1 and not words.get("rekey") and not (rule["parentheses"] and elements is rule["tree"]):
            del elements[own]
            words_of(rule, elements[0])["link"] = words["link"] if own == 0 else words_of(rule, elements[0])["link"]
    elif word == "loop":
        words.update(PLAIN, no=words["no"], link=words["link"], among=words["among"])
    elif word == "condition":
        words["on"][1] = None
    else:
        words[word] = DULL[word]


# ---- random ones ----

FEW_VALUES = ("b", "k", "u")  # fields whose values come often
NEW_KEYS = {"string": ["k", "s"], "int": ["u", "i"], "ip": ["p"], "bool": ["b"]}


class ChangeGenerator:
    """What generate_more.py adds for the feature `at_key`."""

    dense = False  # few keys and short conditions, so that much matches

    def make_at_key(self, case, sources):
        names = list(sources)
        self.sizes = [20, 40, 80]
        rich = [n for n in names if all(f in self.fields[n] for f in FEW_VALUES)]
        if rich and self.chance(0.5):
            self.dense, names, self.sizes = True, rich[:2], [40, 80, 120]
        elif self.chance(0.25):
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
        rekeys = rekeys_of(rule)
        return ([rekeys[-1][0]], [rekeys[-1][3]]) if rekeys else (rule["key_names"], rule["key_types"])

    def change(self, names):
        while True:
            rule = self.tried_change(names)
            if rule is not None:
                return rule

    def tried_change(self, names):
        first = self.random.sample(names, self.pick([1, 1, min(2, len(names))]))
        key, key_names, key_types = self.key(first)
        if self.dense:
            key_names = self.pick([[], ["b"], ["b"], ["k"], ["u"]])
            key, key_types = [{n: f for n in first} for f in key_names], [self.fields[first[0]][f] for f in key_names]
        rule = {"kind": "change", "name": self.name("r"), "key": key, "key_names": key_names, "key_types": key_types, "steps": [],
                "tree": [], "within": None, "report": self.pick(REPORTS), "limit": self.pick([100, 100, 1, 3]), "after": None, "absent": None,
                "emit": [], "when": None, "parentheses": None}
        for number in range(self.pick([1, 2, 2, 2, 2, 3])):
            rekey = None
            kinds = first
            if number > 0:
                rekey, kinds = self.new_key(rule, names)
                if rekey is None:
                    return None
            rule["tree"] += self.sequence(rule, kinds, number, self.pick([1, 1, 2, 3] if number == 0 else [1, 1, 2]), 0, rekey)
        self.change_policies(rule, kinds)
        if key_names == ["who"]:
            used = self.kinds_of(rule, 0)
            if rule["absent"] and not rekeys_of(rule):
                used.add(rule["absent"][0][0])
            rule["key"] = [{n: f for n, f in part.items() if n in used} for part in rule["key"]]
        return rule

    @staticmethod
    def steps_of(rule, number):
        return [rule["steps"][n] for n in leaves_of(parts_of(rule)[number])]

    @staticmethod
    def kinds_of(rule, number):
        """The types of the part's steps and absences."""
        words = all_words(rule, parts_of(rule)[number])
        return {w["on"][0] for w in words if "on" in w} | {on[0] for w in words for _, on in w["no"]}

    def new_key(self, rule, names):
        """(F, step, G, type), and the types of the part that follows."""
        step = self.pick(rule["steps"])
        fields = {n: k for n, k in self.comparable(self.fields[step["on"][0]]).items() if k in NEW_KEYS}
        if not fields:
            return None, None
        field = self.pick(sorted(fields))
        kind = fields[field]
        wanted = field if self.dense or self.chance(0.6) else self.pick(NEW_KEYS[kind])
        kinds = [n for n in names if self.fields[n].get(wanted) == kind]
        if not kinds:
            return None, None
        return [wanted, step["name"], field, kind], self.random.sample(kinds, self.pick([1, min(2, len(kinds))]))

    def comparable(self, fields):
        """The fields that are compared with steps, or become keys."""
        return {n: k for n, k in fields.items() if n in FEW_VALUES} if self.dense else {
            n: k for n, k in fields.items() if "." not in n and not k.startswith("[")}

    def short_condition(self, fields):
        name, value = self.pick(sorted(self.comparable(fields))), None
        while value is None:
            value = self.field_value(name)
        return ["cmp", "bool", self.pick(["==", "!="]), ["field", fields[name], name], ["lit", fields[name], value]]

    def change_condition(self, rule, fields, own=None, often=0.2):
        """On the event, now and then compared with earlier steps."""
        if self.dense and self.comparable(fields):
            condition = self.short_condition(fields) if self.chance(often + 0.3) else None
        else:
            condition = self.maybe_condition(fields, often)
        known = rule["steps"] + ([own] if own else [])
        if known and self.chance(0.3):
            asked = self.of_steps(known)
            same = [["field", kind, name] for name, kind in self.comparable(fields).items() if kind == asked[1]]
            other = self.pick(same) if same and self.chance(0.8) else self.literal(asked[1])
            operators = ["==", "!=", "<=", ">"] if asked[1] in ("int", "string", "time", "dec:2", "duration") else ["==", "!="]
            compared = ["cmp", "bool", self.pick(operators), other, asked]
            condition = compared if condition is None else [self.pick(["and", "or"]), "bool", condition, compared]
        return condition

    def of_steps(self, steps):
        step = self.pick(steps)
        fields = self.comparable(self.fields[step["on"][0]])
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

    # ---- elements ----

    def sequence(self, rule, kinds, number, count, depth, rekey=None):
        """The elements of a part, or of a group. A group has one that takes an event, and so has what follows an absence."""
        elements, must, absence = [], depth == 0 and number > 0, False
        for place in range(count):
            no = self.absences(rule, kinds) if must else []
            absence = absence or bool(no)
            element = self.element(rule, kinds, number, depth, place == 0 and (number == 0 or depth > 0), rekey)
            words_of(rule, element)["no"] = no
            if words_of(rule, element)["min"] > 0:
                must, absence = True, False
            elements.append(element)
            rekey = None
        if absence or not must:
            words_of(rule, elements[-1])["min"] = 1
        return elements

    def absences(self, rule, kinds):
        if not self.chance(0.25):
            return []
        on = [self.pick(kinds), None]
        on[1] = self.change_condition(rule, self.fields[on[0]])
        return [(self.chance(0.3), on)] if on[1] is not None or self.chance(0.3) else []

    def element(self, rule, kinds, number, depth, first, rekey):
        words = dict(PLAIN, link=None if first else self.pick(["then"] * 4 + ["next", "any"]))
        dice = 1 if rekey or depth > 1 or len(rule["steps"]) > 5 else self.random.random()
        kind = "group" if dice < 0.22 else "or" if dice < 0.31 else "and" if dice < 0.38 else "step"
        if kind == "step":
            return self.change_step(rule, kinds, number, words, rekey, len(rule["steps"]) == 0)
        words["kind"] = kind
        if kind == "group":
            words["children"] = self.sequence(rule, kinds, number, self.pick([1, 1, 2, 2, 3]), depth + 1)
        else:
            groups = kind == "or" and self.chance(0.5)
            words["children"] = [self.alternative(rule, kinds, number, depth, groups and (n == 0 or self.chance(0.5)))
                                 for n in range(self.pick([2, 2, 3]))]
        own = sorted({rule["steps"][n]["on"][0] for n in leaves_of(words["children"])})
        self.quantifier(rule, words, 0.6 if kind == "group" else 0.3, first, self.shared(own))
        return words

    def alternative(self, rule, kinds, number, depth, group):
        """An alternative, or one of several in any order."""
        words = dict(PLAIN)
        if not group:
            return self.change_step(rule, kinds, number, words, None, True, 0.6)
        return dict(words, kind="group", children=self.sequence(rule, kinds, number, self.pick([1, 2]), depth + 1))

    def change_step(self, rule, kinds, number, words, rekey, plain, often=0.2):
        """The number of a new step."""
        kind = self.pick(kinds)
        fields = self.fields[kind]
        words.update(name=f"x{len(rule['steps'])}", on=[kind, None], rekey=rekey)
        words["on"][1] = self.change_condition(rule, fields, None, often)
        asker = self.asker(rule, kinds, kind, number) if self.chance(0.1) else None
        if asker:
            node = self.asking(asker, step=True)
            words["on"][1] = node if words["on"][1] is None else ["and", "bool", words["on"][1], node]
        rule["steps"].append(words)
        if often == 0.2:
            self.quantifier(rule, words, 0.3, plain, fields)
        return len(rule["steps"]) - 1

    def quantifier(self, rule, words, often, first, fields):
        single = "kind" not in words
        if self.chance(often):
            words["loop"] = True
            words["min"], words["max"] = self.pick([(1, None), (2, None), (2, 3), (3, 3), (0, 1), (0, None), (1, 2), (2, 2)])
            several = words["max"] is None or words["max"] > 1
            if rule["report"] == "all" and self.chance(0.6):
                words["any" if single and self.chance(0.4) else "each"] = True
            words["greedy"] = not words["any"] and self.chance(0.2)
            words["strict"] = several and not words["greedy"] and not words["any"] and self.chance(0.2 if single else 0.35)
            if fields and several and self.chance(0.3):
                words["until"] = self.change_condition(rule, fields, None, 0.9)
            if not words["any"] and self.chance(0.15):
                words["gap"] = self.duration()
        elif not first and words["link"] and self.chance(0.15):
            words["gap"] = self.duration()

    def change_policies(self, rule, kinds):
        last = self.steps_of(rule, len(rekeys_of(rule)))
        rule["within"] = self.pick([2, 5, 10, 20, 60, 200]) * self.step
        if self.dense:
            rule["within"] = self.pick([5, 10, 20, 60, 200]) * self.step
        if rule["report"] != "longest" and self.chance(0.25):
            on = [self.pick(kinds), None]
            on[1] = self.change_condition(rule, self.fields[on[0]])
            rule["absent"] = [on, self.duration()]
        named = [step["name"] for step in last]
        rule["after"] = self.pick([None, None, "overlap", "past last", "next", (self.pick(["first", "last"]), self.pick(named))])
        if self.chance(0.1):
            rule["suppress"] = self.duration()
        parts = 1 + len(rekeys_of(rule))
        for number in range(parts):
            kinds_of = self.kinds_of(rule, number) | ({rule["absent"][0][0]} if rule["absent"] and number + 1 == parts else set())
            self.among(self.steps_of(rule, number), sorted(kinds_of))
        whole = [words_of(rule, element) for element in rule["tree"]]
        begins = [n for n, words in enumerate(whole) if not words["among"]]
        begin = self.pick(begins) if begins and self.chance(0.25) else len(whole)
        ends = [n for n in range(begin, len(whole)) if whole[n]["min"] > 0]
        if ends:
            rule["parentheses"] = (begin, self.pick(ends), self.duration() if begin > 0 and self.chance(0.3) else None)
        plain = not any(words["loop"] or "kind" in words for words in whole)
        if plain and rule["report"] in ("first", "all") and self.chance(0.3):
            rule["within"] = None
            for step in rule["steps"][1:]:
                step["gap"] = step["gap"] or self.duration()
        for n in range(self.pick([0, 1, 2, 3])):
            node = self.of_steps(rule["steps"])
            asker = self.asker(rule, kinds, kinds[0], len(rekeys_of(rule))) if self.chance(0.15) else None
            if asker:
                node = self.counter(asker, step=True)
                node[2]["by"] = None
                if node[2]["span"]["kind"] == "previous":
                    node[2]["span"]["kind"] = "over"
            rule["emit"].append((f"{rule['name']}_{n}", node))

    def among(self, steps, kinds):
        """`next … among (…)` reads what all types of the part have."""
        shared = self.shared(kinds)
        for step in steps:
            if step["link"] == "next" and shared and self.chance(0.3):
                step["among"] = self.condition(shared)
