"""generate_more.py - random joins, tables, lists, alerts as events, groups, windows that speak early or of nothing."""
from generate import Generator, keep_key_types, ordered
from rekey import ChangeGenerator

SIDES = ("o", "p")
PLAIN = ("string", "int", "ip")


class MoreGenerator(ChangeGenerator, Generator):
    # ---- joins ----

    def distance(self):
        return self.pick([-20, -5, -3, -1, 0, 0, 1, 2, 5, 10, 60]) * self.step + self.pick([0, 0, 0, 0, 1, -1])

    def side(self, item, place, want=lambda kind: True):
        fields = self.fields[item["sides"][place][1]]
        field = self.field({n: k for n, k in fields.items() if "." not in n}, want)
        return ["side", field[1], SIDES[place], field[2]]

    def join_condition(self, item):
        first = self.side(item, 0, ordered)
        fields = self.fields[item["sides"][1][1]]
        same = [["side", kind, "p", name] for name, kind in fields.items() if kind == first[1] and "." not in name]
        other = self.pick(same) if same and self.chance(0.7) else self.literal(first[1])
        condition = ["cmp", "bool", self.pick(["==", "!=", "<", ">="]), first, other]
        if self.chance(0.3):
            null = ["null", "bool", self.side(item, 1), self.chance(0.5)]
            condition = [self.pick(["and", "or"]), "bool", condition, null]
        return condition

    def derived_join(self, names):
        names = self.random.sample(names, 2) if len(names) > 1 else names * 2
        if not {"k", "u"} & set(self.shared(names)):
            names = names[:1] * 2
        if not {"k", "u"} & set(self.shared(names)):  # most joins have a key
            return self.derived_filter(names)
        key, key_names, key_types = self.key(names)
        while not key and self.chance(0.7):  # else all events are one key's
            key, key_names, key_types = self.key(names)
        bounds = [self.distance(), self.distance()]
        if self.chance(0.9):  # else the interval may be empty
            bounds.sort()
        item = {"kind": "join", "name": self.name("j"), "sides": list(zip(SIDES, names)), "key": key,
                "key_names": key_names, "key_types": key_types, "low": bounds[0], "high": bounds[1], "where": None,
                "outer": self.pick([None, None, "left", "right", "full", "full"]), "entries": []}
        if self.chance(0.5):
            item["where"] = self.join_condition(item)
        for n in range(self.random.randint(1, 4)):
            item["entries"].append((f"{item['name']}_{n}", self.side(item, self.pick([0, 1]), lambda k: k[0] != "[")))
        if self.chance(0.5):
            times = [["side", "time", side, "time"] for side in SIDES]
            item["entries"].append((f"{item['name']}_wait", ["arith", "duration", "-", *times]))
        if not any(ordered(node[1]) for _, node in item["entries"]):
            item["entries"].append((f"{item['name']}_one", ["lit", "int", 1]))
        made = dict(zip(key_names, key_types))
        made.update((name, node[1]) for name, node in item["entries"])
        self.fields[item["name"]] = made
        return item

    def make_joins(self, case, sources):
        self.sizes = [20, 40, 60]
        for _ in range(self.random.randint(1, 3)):
            names = list(self.fields if self.chance(0.3) else sources)
            windows = self.chance(0.25)
            case["declarations"].append(self.derived_window(names) if windows else self.derived_join(names))
        self.telling_rules(case, [n for n in self.fields if n not in sources])
        self.counting_rules(case, list(self.fields), self.pick([0, 1, 2]))

    def counting_rules(self, case, names, count):
        for _ in range(count):
            case["declarations"].append(self.counting_rule(case, self.random.sample(names, min(len(names), 2))))

    # ---- tables ----

    def table(self, source):
        fields = {n: k for n, k in self.fields[source].items() if "." not in n and not k.startswith("[")}
        keys = [n for n, kind in fields.items() if kind in PLAIN]
        if not keys:
            return None
        key = self.pick(keys)
        columns = self.random.sample(sorted(n for n in fields if n != key), min(len(fields) - 1, self.pick([1, 2, 3])))
        if not columns:
            return None
        return {"kind": "table", "name": self.name("t"), "from": source, "key": key, "key_type": fields[key],
                "columns": [(n, fields[n]) for n in columns], "ttl": self.duration() if self.chance(0.7) else None,
                "renewed": self.pick([None, "write", "read"])}

    def make_tables(self, case, sources):
        if len(sources) > 1 and self.chance(0.4):
            case["declarations"].append(self.derived_window(sources))
        tables = [t for t in (self.table(self.pick(list(self.fields))) for _ in range(self.pick([1, 2, 3]))) if t]
        case["declarations"] += tables
        for _ in range(self.random.randint(2, 5)):
            asking = self.pick([n for n in self.fields])
            rule = self.rule([asking])
            rule["on"] = [asking, self.maybe_condition(self.fields[asking])]
            for table in tables:
                asks = [n for n, kind in self.fields[asking].items() if kind == table["key_type"] and "." not in n]
                levels = "renewing_levels" in self.features or table["renewed"] != "read" or asking in sources
                if asks and table["from"] != asking and levels:
                    for name, kind in table["columns"]:
                        node = ["cell", kind, table["name"], ["field", table["key_type"], self.pick(asks)], name]
                        if not rule["when"] and table["renewed"] != "read" and ordered(kind) and self.chance(0.3):
                            rule["when"] = ["cmp", "bool", self.pick([">=", "!="]), node, self.literal(kind)]
                        elif not rule["when"] or table["renewed"] != "read":  # each event that the rule is on asks
                            rule["emit"].append((f"v{len(rule['emit'])}", node))
            if rule["emit"]:
                case["declarations"].append(rule)

    # ---- lists ----

    def make_lists(self, case, sources):
        """Lists that rules fill: own key, `visible after`, or asked by other rules."""
        names = list(sources)
        if self.chance(0.4):
            case["declarations"].append(self.derived_window(sources))
            names = list(self.fields)
        for _ in range(self.pick([1, 1, 2]) if "own_lists" in self.features else 1):
            kind = self.pick(PLAIN)
            field = {"string": ["k", "s"], "int": ["u", "i"], "ip": ["p"]}[kind]
            fixed = []
            if self.chance(0.4):
                fixed = ["10.0.0.0/31"] if kind == "ip" else [self.literal(kind)[2]]
            item = {"kind": "list", "name": self.name("l"), "type": kind, "fixed": fixed,
                    "ttl": self.duration() if self.chance(0.5) else None, "visible": None}
            way = self.pick(["own", "visible", "others", "others"])
            if way == "visible":
                item["visible"] = self.duration()
            item["own"] = way == "own"
            case["declarations"].append(item)
            makers, askers = [], []
            several = way != "own" or "own_lists" in self.features
            for _ in range(self.pick([1, 2, 3]) if several else 1):
                having = [n for n in names if any(self.fields[n].get(f) == kind for f in field)]
                if having:
                    makers.append(self.list_rule(item, having, way, field, True))
            for _ in range(self.pick([1, 2])):
                having = [n for n in names if any(self.fields[n].get(f) == kind for f in field)]
                if having and way != "own":
                    askers.append(self.list_rule(item, having, way, field, False))
            case["declarations"] += [r for r in makers + askers if r]

    def list_rule(self, item, having, way, fields, fills):
        on = self.pick(having)
        rule = self.rule([on])
        field = self.pick([f for f in fields if self.fields[on].get(f) == item["type"]])
        if way == "own":
            rule.update(key=[{on: field}], key_names=[field], key_types=[item["type"]])
        rule["on"] = [on, self.maybe_condition(self.fields[on], 0.7)]
        value = ["field", item["type"], field]
        if fills:
            rule["changes"] = []
            for remove in self.pick([[False], [False], [True], [False, True]]):
                lasting = self.duration() if not remove and self.chance(0.5) else None
                if not lasting and not remove and not item["ttl"] and self.chance(0.5):
                    lasting = self.duration()
                rule["changes"].append((remove, value, item["name"], lasting))
        if not fills or way != "others":
            asked = ["inlist", "bool", value, item["name"]]
            if fills and self.chance(0.5):
                rule["when"] = asked if self.chance(0.5) else ["not", "bool", asked]
            rule["emit"].append(("v0", asked))
        return rule

    # ---- alerts as events, groups ----

    def alerting(self, case, names, scored):
        """Rules whose alerts are events: with their key and what they emit."""
        for _ in range(self.random.randint(2, 4)):
            some = self.random.sample(names, min(len(names), 2))
            rule = self.absence(some) if self.chance(0.25) else self.counting_rule(case, some)
            if not rule["emit"] and not rule["key"]:
                continue
            rule["emit"] = [(f"{rule['name']}_{n}", node) for n, (_, node) in enumerate(rule["emit"])]
            if scored:
                rule["score"] = self.random.randint(1, 60)
            if self.chance(0.3):
                rule["suppress"] = self.duration()
            rule["silent"] = self.chance(0.2)
            made = dict(zip(rule["key_names"], rule["key_types"]))
            made.update((name, node[1]) for name, node in rule["emit"])
            if any(ordered(kind) for kind in made.values()):
                self.fields[rule["name"]] = made
            case["declarations"].append(rule)

    def absence(self, names):
        rule = self.rule(names)
        rule["steps"] = [{"name": "x0", "on": [names[0], self.maybe_condition(self.fields[names[0]])]}]
        rule["absent"] = [[names[-1], self.maybe_condition(self.fields[names[-1]])], self.duration()]
        rule["within"] = None
        plain = [(n, k) for n, k in self.fields[names[0]].items() if "." not in n and k[0] != "["]
        if plain:
            name, kind = self.pick(plain)
            rule["emit"] = [("v0", ["side", kind, "x0", name])]
        return rule

    def make_alerts(self, case, sources):
        self.sizes = [20, 60, 100]
        if self.chance(0.3):
            case["declarations"].append(self.derived_window(sources))
        self.alerting(case, list(self.fields), False)
        for _ in range(self.pick([0, 1, 2])):
            names = [n for n in self.fields if self.chance(0.8)] or sources
            derived = self.pick([self.derived_window, self.derived_join, self.derived_filter])
            case["declarations"].append(derived(names))
        self.telling_rules(case, [n for n in self.fields if n not in sources])
        self.counting_rules(case, list(self.fields), self.pick([1, 2, 3]))

    def make_groups(self, case, sources):
        names = list(sources)
        if self.chance(0.3):
            case["declarations"].append(self.derived_window(sources))
            names = list(self.fields)
        self.alerting(case, names, True)
        if self.chance(0.3):
            self.alerting(case, list(self.fields), True)
        rules = [d["name"] for d in case["declarations"] if d["kind"] == "rule" and d["name"] in self.fields]
        for _ in range(self.pick([1, 2]) if "many_groups" in self.features else 1):
            key = self.pick(["k", "u"])
            kind = "string" if key == "k" else "int"
            fed = [n for n in rules if self.fields[n].get(key) == kind]
            fed = [n for n in fed if self.chance(0.8)]
            if not fed:
                continue
            name = self.name(self.pick("qz") if "many_groups" in self.features else "q")
            item = {"kind": "group", "name": name, "key": key, "key_type": kind, "over": self.duration(),
                    "rules": fed, "how": self.pick(["sum", "sum all", "max"]), "cap": self.pick([None, 50, 100]),
                    "decay": self.duration() if "decay" in self.features and self.chance(0.6) else None, "bands": []}
            ats = sorted(self.random.sample(range(0, (item["cap"] or 120) + 1, 10), self.pick([1, 2, 3])), reverse=True)
            item["bands"] = list(zip(["block", "review", "captcha"], ats))
            case["declarations"].append(item)

    # ---- all at once ----

    def make_mixed(self, case, sources):
        """Lists and tables that are asked, alerts, joins, windows and a group over them."""
        self.make_tables(case, sources)
        self.make_lists(case, sources)
        self.alerting(case, list(self.fields), True)
        if self.chance(0.6):
            self.make_joins(case, list(self.fields))
        if self.chance(0.6):
            self.make_groups(case, sources)
        self.sizes = [20, 60]

    # ---- windows that speak early, or of nothing; filters that ask ----

    def make_known(self, case, sources):
        for _ in range(self.pick([1, 2])):
            item = self.derived_window(sources)
            if item["key"] and item["window"]["kind"] in ("tumbling", "sliding"):
                item["window"]["known"] = self.duration()
            case["declarations"].append(item)
        self.telling_rules(case, [n for n in self.fields if n not in sources])
        self.counting_rules(case, list(self.fields), self.pick([0, 1, 2]))

    def make_early(self, case, sources):
        for _ in range(self.pick([1, 2])):
            item = self.derived_window(list(self.fields) if self.chance(0.3) else sources)
            if item["window"]["kind"] != "count":
                item["window"]["early"] = self.pick([1, 2, 3, 5])
            case["declarations"].append(item)
        self.telling_rules(case, [n for n in self.fields if n not in sources])
        self.counting_rules(case, list(self.fields), self.pick([0, 1, 2]))

    def make_asking_filters(self, case, sources):
        for _ in range(self.random.randint(1, 3)):
            item = self.derived_filter(sources)
            asker = {"key": [], "names": sources, "asking": item["from"], "on": [item["from"][0], None]}
            node = self.asking(asker, step=True)
            counter = node[3]
            counter[2]["by"] = counter[2]["by"] or [self.pick(["k", "u"])]
            item["where"] = node if item["where"] is None else ["and", "bool", item["where"], node]
            case["declarations"].append(item)
        self.telling_rules(case, [n for n in self.fields if n not in sources])
        self.counting_rules(case, list(self.fields), self.pick([0, 1, 2]))


def generate(seed, features):
    return MoreGenerator(seed, features).case()
