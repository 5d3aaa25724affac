"""generate_wide.py - random cases of what is said in further words: early results, late sessions, days, lives of rules."""
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from generate import FIELDS, WORDS, ZONES, keep_key_types, ordered, summable
from generate_more import MoreGenerator
from values import EPOCH

MINUTE = 60_000_000
CHANGES = [  # of the clock; by each zone's own rules the day's beginning is left out, comes twice, or a day is skipped
    ("Europe/Berlin", "2026-03-29T01:00"), ("Europe/Berlin", "2026-10-25T01:00"), ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"), ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"), ("Asia/Beirut", "2026-03-28T22:00"), ("Asia/Beirut", "2026-10-24T21:00"),
    ("Africa/Cairo", "2026-04-23T22:00"), ("Africa/Cairo", "2026-10-29T21:00"), ("America/Havana", "2026-03-08T05:00"),
    ("America/Havana", "2026-11-01T05:00"), ("America/Santiago", "2026-09-06T04:00"), ("America/Santiago", "2026-04-05T03:00"),
    ("Atlantic/Azores", "2026-03-29T01:00"), ("Atlantic/Azores", "2026-10-25T01:00"), ("Pacific/Apia", "2011-12-30T10:00"),
    ("Asia/Kathmandu", "1985-12-31T18:30"), ("America/St_Johns", "2006-10-29T02:31")]
IDS = ["u", "i", "s", "p", "k", "d"]


class WideGenerator(MoreGenerator):
    def __init__(self, seed, features):
        super().__init__(seed, features)
        self.many = False  # different values
        self.waiting = 0  # how often an absence fills a list
        self.stores, self.counting = [], False  # lists and tables that conditions ask; whether a counter is made
        if "days" in self.features and self.chance(0.8):
            zone, at = self.pick(CHANGES)
            at = (datetime.fromisoformat(at + "+00:00") - EPOCH) // timedelta(microseconds=1)
            self.step = self.pick([10, 30, 60, 60, 180]) * MINUTE
            self.base = at - self.pick([0, 1, 2, 3, 10, 25]) * self.step
            self.zones, self.today = [zone, zone, zone, None], 0.19

    def declarations(self, case):
        super().declarations(case)
        if "unique" in self.features and self.chance(0.5):
            for kind in case["types"]:
                if kind["late"] != "accept" and self.chance(0.6):  # left open: whether late ones count
                    kind["unique"] = [self.pick(IDS), self.duration(), self.chance(0.5)]
        lives = "lives" in self.features and self.chance(0.6)
        for item in case["declarations"]:
            if item["kind"] in ("rule", "change") and lives and self.chance(0.4):
                self.live(item)
            if item["kind"] == "group" and lives:
                item["bands"] = [(*band[:2], self.duration()) if self.chance(0.5) else band for band in item["bands"]]

    # ---- calendar days ----

    def make_days(self, case, sources):
        """Windows and counters of days about a change of the clock."""
        self.sizes = [60, 120]
        for _ in range(self.pick([1, 2, 3])):
            case["declarations"].append(self.worded_window(sources, "today" if self.chance(0.7) else None))
        self.telling_rules(case, [n for n in self.fields if n not in sources])
        self.counting_rules(case, sources, self.pick([1, 2, 4]))

    # ---- counters that are near the truth ----

    def duration(self):
        return super().duration() * (100 if self.many else 1)

    def field_value(self, name):
        if self.many and name in "if":
            return self.random.randint(-10**6, 10**6) if name == "i" else self.random.uniform(-1e6, 1e6)
        return super().field_value(name)

    def make_approx(self, case, sources):
        """In `emit` alone, for what is told lies in a range."""
        self.sizes, self.many = [60, 200, 400], self.chance(0.3)
        if self.many:
            self.sizes = [400, 1000, 2000]
        for _ in range(1 if self.many else self.pick([1, 2])):
            rule = self.rule(sources)
            rule["on"] = [self.pick(sources), None]
            rule["on"][1] = self.maybe_condition(self.fields[rule["on"][0]], 0.7)
            if self.many:  # few ask
                rule["on"][1] = ["cmp", "bool", "==", ["field", "string", "k"], ["lit", "string", "c"]]
            rule["asking"] = [rule["on"][0]]
            for n in range(self.random.randint(1, 3)):
                fields = self.fields[rule["on"][0]]
                name = self.pick(["distinct", "median", "percentile"])
                arg = self.field(fields, summable if name != "distinct" else lambda kind: True)
                kind = "int" if name == "distinct" else "duration" if arg[1] == "duration" else "float"
                spec = {"agg": name, "arg": arg, "param": self.pick([1, 25, 50, 90, 99, 100]) if name == "percentile" else None,
                        "order": None, "where": self.maybe_condition(fields, 0.25), "of": None, "by": None, "span": self.span(),
                        "approx": name != "distinct" or self.chance(0.7)}
                if self.many:
                    spec["arg"] = ["field", "int", "i"] if name == "distinct" else ["field", "float", "f"]
                    kind = "int" if name == "distinct" else "float"
                if self.chance(0.8 if self.many else 0.4):
                    spec["of"] = [rule["on"][0], self.maybe_condition(fields)]
                rule["emit"].append((f"v{n}", ["counter", kind, spec]))
            case["declarations"].append(keep_key_types(rule))

    # ---- models ----

    def model(self, case):
        """A small one over fields and named counters."""
        counters = [(d["name"], d["type"]) for d in case["declarations"] if d["kind"] == "counter"]
        numbers = [("i", "int"), ("u", "int"), ("d", "dec:2"), ("f", "float"), ("b", "bool")]
        numbers += [(n, kind) for n, kind in counters if kind in ("int", "float", "dec:2", "bool")]
        inputs = self.random.sample(numbers, self.random.randint(1, min(4, len(numbers))))
        form = self.pick(["logistic", "scorecard"])
        strings = [("s", "string"), ("k", "string")] + [(n, kind) for n, kind in counters if kind == "string"]
        if form == "scorecard" and self.chance(0.5):
            inputs.append(self.pick(strings))
        of = {name: self.logistic_input() if form == "logistic" else self.card_input(kind) for name, kind in inputs}
        first = {"intercept": self.random.randint(-8, 8) / 4} if form == "logistic" else {"base": self.random.randint(0, 600)}
        return {"kind": "model", "name": self.name("m"), "inputs": inputs, "type": "float" if form == "logistic" else "int",
                "file": {"form": form, **first, "inputs": of}}

    def logistic_input(self):
        of = {"weight": self.random.randint(-16, 16) / 8}
        if self.chance(0.5):
            of["mean"] = self.random.randint(-8, 24) / 4
        if self.chance(0.4):
            of["scale"] = self.pick([0.5, 2, 3, 10])
        if self.chance(0.3):
            of["null"] = self.random.randint(-4, 4)
        return of

    def card_input(self, kind):
        points = lambda: self.random.randint(-50, 50)
        if kind == "string":
            of = {"values": {text: points() for text in self.random.sample(["", "x", "a", "b", "\u00fc\U0001f600"], 3)}}
        elif kind == "bool" or kind == "int" and self.chance(0.3):
            of = {"values": {text: points() for text in (["true", "false"] if kind == "bool" else ["1", "2", "-1"])}}
        else:
            below = sorted(self.random.sample(range(-4, 12), self.pick([1, 2, 3])))
            of = {"bins": [{"below": b, "points": points()} for b in below] + [{"points": points()}]}
        if "values" in of and self.chance(0.7):
            of["other"] = points()
        if self.chance(0.5):
            of["null"] = points()
        return of

    def make_models(self, case, sources):
        """Models over fields and counters, in conditions, in `emit`, beside counters."""
        for _ in range(self.pick([0, 1, 2, 3])):
            self.named_counter(case, sources)
        models = [self.model(case) for _ in range(self.pick([1, 1, 2]))]
        case["declarations"] += models
        for _ in range(self.random.randint(2, 4)):
            rule = self.rule(sources)
            rule["on"] = [self.pick(sources), self.maybe_condition(FIELDS)]
            rule["asking"] = [rule["on"][0]]
            model = self.pick(models)
            asked = ["model", model["type"], model["name"]]
            limit = ["lit", "float", self.pick([0.1, 0.3, 0.5, 0.9])]
            if model["type"] == "int":
                limit = ["lit", "int", model["file"]["base"] + self.random.randint(-40, 40)]
            if self.chance(0.7):
                rule["when"] = ["cmp", "bool", self.pick([">", "<", ">=", "<="]), asked, limit]
                if self.chance(0.4):
                    rule["when"] = [self.pick(["and", "or"]), "bool", rule["when"], self.asking(rule)]
            rule["emit"] = [(f"v{n}", self.asked(case, rule)) for n in range(self.random.randint(0, 2))]
            if self.chance(0.6):
                rule["emit"].append(("score", ["model", model["type"], model["name"]]))
            case["declarations"].append(keep_key_types(rule))

    # ---- an event for each word ----

    def each_filter(self, names):
        """One event for each element of the list; its `word` may be a key."""
        item = self.derived_filter(names)
        source = item["from"][0]
        if self.fields[source].get(WORDS) != "[string]":
            return item
        item["each"] = WORDS
        item["entries"] = [(name, node) for name, node in item["entries"] if name not in ("s", WORDS)]
        item["entries"].append(("s", ["element", "string"]))
        if self.chance(0.5):
            one = ["cmp", "bool", self.pick(["!=", "==", ">"]), ["element", "string"], ["lit", "string", self.pick(["x", "a"])]]
            item["where"] = one if item["where"] is None else [self.pick(["and", "or"]), "bool", item["where"], one]
        self.fields[item["name"]] = {name: node[1] for name, node in item["entries"]}
        return item

    def make_each(self, case, sources):
        self.sizes = [20, 60]
        for kind in case["types"]:
            if self.chance(0.8):
                kind["fields"] = {**kind["fields"], WORDS: "[string]"}
                self.fields[kind["name"]] = {**FIELDS, WORDS: "[string]"}
        for _ in range(self.pick([1, 1, 2])):
            case["declarations"].append(self.each_filter(sources))
        for _ in range(self.pick([0, 1, 2])):
            maker = self.pick([self.worded_window, self.derived_join, self.derived_filter])
            case["declarations"].append(maker(list(self.fields)))
        if self.chance(0.4):
            self.words_list(case, sources)
        self.telling_rules(case, [n for n in self.fields if n not in sources])
        self.counting_rules(case, list(self.fields), self.pick([0, 1, 2]))
        if self.chance(0.5):
            self.changing(case, list(self.fields))

    def words_list(self, case, sources):
        """A list that is filled and asked by its own key, with words of one record one after the other."""
        having = [n for n in self.fields if n not in sources and self.fields[n].get("s") == "string"]
        item = {"kind": "list", "name": self.name("l"), "type": "string", "fixed": [], "own": True, "visible": None,
                "ttl": self.duration() if self.chance(0.6) else None}
        case["declarations"].append(item)
        for _ in range(self.pick([1, 1, 2])):
            if having:
                rule = self.list_rule(item, [self.pick(having)], "own", ["s"], True)
                case["declarations"].append(rule)

    # ---- conditions that ask lists and tables ----

    def condition(self, fields, depth=0):
        return self.stored_condition(fields) or super().condition(fields, depth)

    def stored_condition(self, fields):
        if not self.stores or not self.chance(0.15):
            return None
        item = self.pick(self.stores)
        kind = item["type"] if item["kind"] == "list" else item["key_type"]
        asks = [n for n, k in fields.items() if k == kind and "." not in n]
        if not asks or item["kind"] == "table" and self.counting:
            return None
        asked = ["field", kind, self.pick(asks)]
        if item["kind"] == "list":
            return ["inlist", "bool", asked, item["name"]]
        name, kind = self.pick(item["columns"])
        return ["null", "bool", ["cell", kind, item["name"], asked, name], self.chance(0.6)]

    def while_counting(self, make, *arguments, **named):
        before, self.counting = self.counting, True
        made = make(*arguments, **named)
        self.counting = before
        return made

    def aggregate(self, fields, span):
        return self.while_counting(super().aggregate, fields, span)

    def counter(self, rule, step=False):
        return self.while_counting(super().counter, rule, step=step)

    def asked(self, case, rule):
        return self.while_counting(super().asked, case, rule)

    def asked_at_end(self, rule):
        return self.while_counting(super().asked_at_end, rule)

    def ask_stores(self, case):
        """From here on conditions ask what is there: lists of other rules, tables that asking does not keep."""
        self.stores = [d for d in case["declarations"] if d["kind"] == "list" and not d["own"]
                       or d["kind"] == "table" and not (d["renewed"] == "read" and d["ttl"])]

    def list_rule(self, item, having, way, fields, fills):
        """Now and then an absence fills or asks, at its deadline."""
        on = self.pick(having)
        field = self.pick([f for f in fields if self.fields[on].get(f) == item["type"]])
        others = [n for n in having if self.fields[n].get(field) == item["type"]]
        if not self.chance(self.waiting):
            return super().list_rule(item, having, way, fields, fills)
        rule = self.absence([on, self.pick(others)])
        rule.update(key=[{n: field for n in (on, rule["absent"][0][0])}], key_names=[field], key_types=[item["type"]], emit=[])
        asked = ["inlist", "bool", ["side", item["type"], "x0", field], item["name"]]
        if fills:
            value = ["field", item["type"], field]
            rule["changes"] = [(remove, value, item["name"], None if remove else self.duration())
                               for remove in self.pick([[False], [True], [False, True]])]
        if not fills or way != "others":
            rule["emit"] = [("v0", asked)]
        return rule

    def make_waiting_lists(self, case, sources):
        """Lists that absences fill and ask as well."""
        self.waiting, self.sizes = 0.4, [20, 60, 120]
        self.make_lists(case, sources)

    def make_stores(self, case, sources):
        self.sizes = [20, 60]
        for maker in self.random.sample([self.make_lists, self.make_tables], self.pick([1, 2])):
            maker(case, sources)
        self.ask_stores(case)
        names = list(self.fields)
        for _ in range(self.pick([1, 2, 3])):
            maker = self.pick([self.worded_window, self.derived_join, self.derived_filter, self.derived_filter])
            case["declarations"].append(maker(names))
        if self.chance(0.4):
            self.changing(case, names)
        self.telling_rules(case, [n for n in self.fields if n not in sources])
        self.counting_rules(case, list(self.fields), self.pick([1, 2, 3]))

    # ---- all of it ----

    def make_everything(self, case, sources):
        """Anything that stands on anything."""
        self.sizes = [20, 60]
        if self.chance(0.4):
            for kind in case["types"]:
                kind["late"] = "accept" if self.chance(0.8) else None
            self.late_chance = 0.5
        for _ in range(self.random.randint(2, 6)):
            names = [n for n in self.fields if self.chance(0.7)] or sources
            builder = self.pick(["window", "window", "join", "filter", "tables", "lists", "alerts", "alerts", "change", "models"])
            if builder == "window":
                case["declarations"].append(self.worded_window(names))
            elif builder == "join":
                case["declarations"].append(self.derived_join(names))
            elif builder == "filter":
                case["declarations"].append(self.derived_filter(names))
            elif builder == "alerts":
                self.alerting(case, names, True)
            elif builder == "change":
                self.changing(case, names)
            else:
                getattr(self, "make_" + builder)(case, sources)
                self.ask_stores(case)
        if self.chance(0.4):
            self.make_groups(case, sources)
        told = [n for n in self.fields if n not in sources and self.chance(0.6)]
        self.telling_rules(case, told)
        self.counting_rules(case, list(self.fields), self.pick([0, 1, 2]))

    def changing(self, case, names):
        """A pattern of any shape, now and then with a change of its key; its alerts are events."""
        rule = self.change(names)
        rule["score"] = self.random.randint(1, 60)
        made = {name: node[1] for name, node in rule["emit"]}
        made.update(zip(*self.last_key(rule)))
        if any(ordered(kind) for kind in made.values()):
            self.fields[rule["name"]] = made
        case["declarations"].append(rule)

    def make_patterns(self, case, sources):
        """Patterns over windows, filters, joins and alerts."""
        self.sizes = [20, 60, 100]
        for _ in range(self.pick([1, 2])):
            maker = self.pick([self.worded_window, self.derived_window, self.derived_join, self.derived_filter])
            case["declarations"].append(maker(list(self.fields)))
        if self.chance(0.5):
            self.alerting(case, list(self.fields), False)
        derived = [n for n in self.fields if n not in sources]
        for _ in range(self.pick([1, 2, 3])):
            names = [n for n in self.fields if self.chance(0.5)]
            self.changing(case, names + [self.pick(derived)] if derived else names or sources)
        self.telling_rules(case, [n for n in self.fields if n not in sources and self.chance(0.3)])

    # ---- when rules speak ----

    def live(self, rule):
        word = self.pick(["mode", "canary", "active", "schedule", "unless", "unless"])
        if word == "mode":
            rule["mode"] = self.pick(["shadow", "shadow", "off" if rule["kind"] == "rule" else "shadow", "live"])
        if word == "canary":
            rule["canary"] = self.pick([0, 10, 30, 50, 80, 100])
        if word == "active":
            ends = sorted(self.base + n * self.step for n in self.random.sample(range(-1, 60), 2))
            rule["active"] = self.pick([ends, [ends[0], None], [None, ends[1]]])
        if word == "schedule":
            rule["schedule"] = self.schedule()
        if word == "unless":
            rule["suppress"] = self.duration()
            rule["unless"] = self.unless(rule)

    def schedule(self):
        """Hours that begin or end about when the stream begins, on its day or the days about it."""
        zone = self.pick(ZONES)
        local = (EPOCH + timedelta(microseconds=self.base)).astimezone(ZoneInfo(zone or "UTC"))
        now, entries = local.hour * 60 + local.minute, []
        for _ in range(self.pick([1, 1, 2])):
            days = {(local.weekday() + self.pick([-1, 0, 0, 1, 2])) % 7 for _ in range(self.pick([1, 2, 3]))}
            if self.chance(0.3):
                days = set(range(7))
            hours = []
            for _ in range(self.pick([1, 1, 2])):
                begin, end = ((now + self.pick([-600, -60, -1, 0, 1, 10, 60, 180, 700])) % 1440 for _ in range(2))
                end = 1440 if end == 0 and self.chance(0.8) else end
                if begin != end:
                    hours.append((begin, end))
            if hours:
                entries.append((sorted(days), hours))
        return (entries, zone) if entries else None

    def unless(self, rule):
        """A comparison with what the alert told last said."""
        told = [(name, node[1]) for name, node in rule["emit"] if ordered(node[1])]
        if not told:
            return None
        name, kind = self.pick(told)
        before = ["told", kind, name]
        if summable(kind) and kind in ("int", "float") and self.chance(0.5):
            before = ["arith", kind, self.pick(["+", "*"]), before, ["lit", "int", 2]]
        condition = ["cmp", "bool", self.pick([">", ">=", "!=", "<", "=="]), ["field", kind, name], before]
        if self.chance(0.3):
            condition = ["or", "bool", condition, ["null", "bool", ["told", kind, name], True]]
        return condition

    # ---- windows with all their words ----

    def worded_window(self, names, kind=None):
        """A window of any kind with some of: offset, lateness, an early word, every key known."""
        item = self.derived_window(names, kind)
        window, kind = item["window"], item["window"]["kind"]
        aligned = kind in ("tumbling", "sliding", "today")
        if kind != "count" and self.chance(0.6):
            window["lateness"] = self.duration()
        if aligned and item["key"] and self.chance(0.3):
            window["known"] = self.duration()
            if kind == "today":
                window["known"] = self.pick([1, 2, 3]) * 86_400_000_000
        early = self.pick(["early", "early_every", "early_when", None])
        if early == "early":
            window["early"] = self.pick([1, 2, 3, 5])
        if early == "early_every":
            window["early_every"] = self.duration()
        if early == "early_when":
            window["early_when"] = self.window_condition(names, item)
        return item

    def window_condition(self, names, item):
        """On aggregates, now and then on the key."""
        shared = self.shared(item["from"])
        while True:
            spec, kind = self.aggregate(shared, None)
            if spec["agg"] != "ewma" and not kind.startswith("["):
                break
        node = ["counter", kind, spec]
        if kind == "int":
            few = ["lit", "int", self.random.randint(0, 4)]
            condition = ["cmp", "bool", self.pick([">", ">=", "==", "<"]), node, few]
        elif kind == "bool":
            condition = ["cmp", "bool", "==", node, ["lit", "bool", True]]
        elif kind == "float":
            condition = ["cmp", "bool", self.pick([">", "<"]), node, ["lit", "float", 1.2345]]
        else:
            condition = ["cmp", "bool", self.pick([">", ">=", "!="]), node, self.literal(kind)]
        if item["key_names"] and self.chance(0.2):
            place = self.random.randrange(len(item["key_names"]))
            on_key = ["field", item["key_types"][place], item["key_names"][place]]
            condition = [self.pick(["and", "or"]), "bool", condition, ["null", "bool", on_key, self.chance(0.7)]]
        return condition

    def make_window_words(self, case, sources):
        for kind in case["types"]:
            kind["late"] = "accept" if self.chance(0.8) else None
        self.late_chance = 0.7
        for _ in range(self.pick([1, 1, 2, 3])):
            if self.chance(0.15):
                case["declarations"].append(self.derived_filter(sources))
            names = list(self.fields) if self.chance(0.3) else sources
            case["declarations"].append(self.worded_window(names))
        self.telling_rules(case, [n for n in self.fields if n not in sources])
        self.counting_rules(case, list(self.fields), self.pick([0, 0, 1, 2]))


def generate(seed, features):
    return WideGenerator(seed, features).case()
