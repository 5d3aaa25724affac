"""properties.py - what must not change the alerts: where files are cut, disorder within the bound, partitions.

Disorder and partitions move the positions: matched events are mapped back to the numbers of their records, and these
streams have no equal times and nothing late.
"""
import copy
import random

from write_case import record_text


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
    parts = split(plain, chooser)
    if told(program, parse, parts) != expected:
        return "partitions", parts
    return None


def check_cut(program, parse, case, seed):
    """Segments of one log, cut anywhere: the same bytes."""
    same = program.run(case, cut=random.Random(seed).randint(2, 5)) == program.run(case)
    return None if same else ("files cut in other places", case)
