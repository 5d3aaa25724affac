"""properties.py - what must not change the alerts: where files are cut, disorder within the bound, partitions, how many
events are worked on together, the index, how partial matches are kept, how a condition is written.

Disorder and partitions move the positions: matched events are mapped back to the numbers of their records, and these
streams have no equal times and nothing late.
"""
import copy
import random

from write_case import record_text, records_text, rules_text

GOLDEN_CHARACTERS_MAX = 8 << 20  # what the golden tests' program reads of a file is bounded


def plain_case(case, disorder):
    """The case in one partition, in order, no two records of one time; the records have numbers."""
    case = copy.deepcopy(case)
    records, last = sorted((r for p in case["partitions"] for r in p), key=lambda r: r[1]), None
    for record in records:
        record[1] = last = record[1] if last is None or record[1] > last else last + 1
    for kind in case["types"]:
        kind["disorder"] = disorder
    case["partitions"] = [records]
    return case


def shuffled(case, disorder, chooser):
    records = sorted(case["partitions"][0], key=lambda r: (r[1] + chooser.randint(0, disorder), r[1]))
    return dict(case, partitions=[records])


def split(case, chooser):
    parts = [[] for _ in range(chooser.choice([2, 3]))]
    for record in case["partitions"][0]:
        chooser.choice(parts).append(record)
    return dict(case, partitions=parts)


def told(program, parse, case):
    """The alerts without their ids, matched events by what their record says."""
    alerts = parse(program.run(case))
    for alert in alerts:
        del alert["id"]
        for matched in alert["matched"]:
            matched.pop("id", None)
            if "offset" in matched:
                record = case["partitions"][int(matched.pop("partition"))][int(matched.pop("offset"))]
                matched["record"] = record_text(case, record)
    return alerts


def check_arrival(program, parse, case, seed):
    """None, or which other arrival tells something else."""
    chooser = random.Random(seed)
    step = max(1, max((r[1] for p in case["partitions"] for r in p), default=0)
               - min((r[1] for p in case["partitions"] for r in p), default=0)) // 10 + 1
    plain = plain_case(case, step)
    expected = told(program, parse, plain)
    mixed = shuffled(plain, step, chooser)
    if told(program, parse, mixed) != expected:
        return "disorder within the bound", mixed
    if any(kind.get("unique") and not kind["unique"][2] for kind in case["types"]):
        return None  # partitions have ids of their own
    parts = split(plain, chooser)
    if told(program, parse, parts) != expected:
        return "partitions", parts
    return None


def check_cut(program, parse, case, seed):
    """Segments of one log, cut anywhere: the same bytes."""
    same = program.run(case, cut=random.Random(seed).randint(2, 5)) == program.run(case)
    return None if same else ("files cut in other places", case)


def check_batches(program, parse, case, seed):
    """By the golden tests' program: batches of 1, 7 and 64, no index, both ways of keeping matches: the same bytes."""
    if any(item["kind"] == "model" for item in case["declarations"]):  # it has no files
        return None
    case = copy.deepcopy(case)
    for kind in case["types"]:
        kind["late"] = kind["late"] or "drop"
    for item in case["declarations"]:  # it shows what is told to the shadow sink
        item.pop("mode", None)
        item.pop("canary", None)
    events = "-- partition\n".join(records_text(case, records) for records in case["partitions"])
    told = "".join(line + "\n" for line in program.run(case))
    if len(told) > GOLDEN_CHARACTERS_MAX:
        return None
    failed = program.golden(f"## a case\n{rules_text(case)}----\n{events}----\n{told}")
    return (f"batches, the index or the way of matching\n{failed}", case) if failed else None


# ---- the same rules in other words ----

TURNED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def reworded(node, chooser):
    """An expression that means the same."""
    if not isinstance(node, list):
        if isinstance(node, dict):
            return {name: reworded(value, chooser) for name, value in node.items()}
        return tuple(reworded(each, chooser) for each in node) if isinstance(node, tuple) else node
    if node and node[0] == "lit":
        return node
    node = [reworded(each, chooser) for each in node]
    if not node or not isinstance(node[0], str) or chooser.random() < 0.4:
        return node
    if node[0] in ("and", "or"):
        return node[:2] + node[:1:-1] if chooser.random() < 0.6 else [
            "not", "bool", ["or" if node[0] == "and" else "and", "bool", *(["not", "bool", part] for part in node[2:])]]
    if node[0] == "cmp":
        return ["cmp", "bool", TURNED[node[2]], node[4], node[3]]
    if node[0] == "not" and node[2][0] == "not":
        return node[2][2]
    if node[0] == "null":
        return ["not", "bool", ["null", "bool", node[2], not node[3]]]
    return node


def recounted(node, rule, case, chooser):
    """Counters that name what they count, conditions that move from `where` to the events, named ones written out."""
    if isinstance(node, (list, tuple)):
        if node and node[0] == "lit":
            return node
        if len(node) == 3 and node[0] == "named" and chooser.random() < 0.5:
            spec = next(d["spec"] for d in case["declarations"] if d["name"] == node[2])
            return ["counter", node[1], spec]
        same = [recounted(each, rule, case, chooser) for each in node]
        if len(node) == 3 and node[0] == "counter":
            spec = same[2] = dict(node[2])
            if not spec["of"] and "on" in rule and "'cell'" not in repr(rule["on"]) and chooser.random() < 0.5:
                spec["of"] = list(rule["on"])
            movable = spec["span"]["kind"] in ("over", "previous", "today") and "approx" not in spec
            if spec["of"] and spec["where"] and movable and chooser.random() < 0.5:
                kind, condition = spec["of"]
                both = spec["where"] if condition is None else ["and", "bool", condition, spec["where"]]
                spec["of"], spec["where"] = [kind, both], None
        return same if isinstance(node, list) else tuple(same)
    return node


def counts_own(node):
    """Whether it asks for the events of `on`."""
    if isinstance(node, dict):
        return any(counts_own(value) for value in node.values())
    if not isinstance(node, (list, tuple)) or node[:1] == ["lit"]:
        return False
    if node and (node[0] == "previous" or node[0] in ("counter", "seen") and not node[2]["of"]):
        return True
    return any(counts_own(each) for each in node)


def unite(rule):
    """`when` moves into the condition of `on`, if nothing asks for the events of `on`."""
    if not rule.get("on") or not rule["when"] or counts_own([rule["when"], rule["emit"]]):
        return
    kind, condition = rule["on"]
    rule["on"] = [kind, rule["when"] if condition is None else ["and", "bool", condition, rule["when"]]]
    rule["when"] = None


def check_order_of_arrival(program, parse, case, seed):
    """In the order of arrival an event's time is at least that of those before it: as if the records said so."""
    case = copy.deepcopy(case)
    case["partitions"] = [sorted((r for p in case["partitions"] for r in p), key=lambda r: (r[1] // 7_000_003, r[1]))]
    told = program.run(case, more=["--order", "arrival"])
    highest = 0
    for record in case["partitions"][0]:
        record[1] = highest = max(highest, record[1])
    return None if told == program.run(case) else ("the order of arrival", case)


def check_words(program, parse, case, seed):
    """Equal counters and conditions in other words, the declarations in another order: the same bytes."""
    chooser, other = random.Random(seed), copy.deepcopy(case)
    for item in other["declarations"]:
        if item["kind"] == "rule":
            for name in ("when", "emit"):
                item[name] = recounted(item[name], item, case, chooser)
            if chooser.random() < 0.7:
                unite(item)
        for name in ("when", "emit", "where", "steps", "on", "spec", "entries", "absent"):
            if item.get(name) and item["kind"] != "join":
                item[name] = reworded(item[name], chooser)
    chooser.shuffle(other["declarations"])
    same = program.run(other) == program.run(case)
    return None if same else ("the same in other words", other)
