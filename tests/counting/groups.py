"""groups.py - scores: the alerts of a group's rules by key, and the bands that they enter."""
from decimal import Decimal, localcontext
from fractions import Fraction
from math import floor

from events import Ambiguous, key_text
from values import time_text


def worth(alert, item, time):
    """What an alert is worth at a time: (number, whether that number is exact)."""
    age, score = time - alert.time, Fraction(alert.rule["score"])
    if not item["decay"]:
        return score, True
    if age >= 64 * item["decay"]:
        return Fraction(0), True
    if age % item["decay"] == 0:
        return score / 2 ** (age // item["decay"]), True
    with localcontext() as context:
        context.prec = 60
        return score * Fraction(Decimal(2) ** (Decimal(-age) / Decimal(item["decay"]))), False


def score_of(alerts, item, time):
    """The score, the alerts that make it, and whether another alert could stand for one of them. None of no alerts."""
    alerts = [a for a in alerts if a.time <= time < a.time + item["over"]]
    if not alerts:
        return None, [], False
    made, tie = alerts, False
    if item["how"] != "sum all":
        made = list({a.type: a for a in sorted(alerts, key=lambda a: (worth(a, item, time)[0], a.moment))}.values())
        tie = any(worth(a, item, time)[0] == worth(b, item, time)[0] and a.type == b.type
                  for a in made for b in alerts if a is not b)
    worths = [worth(a, item, time) for a in made]
    total = max(w for w, _ in worths) if item["how"] == "max" else sum(w for w, _ in worths)
    rounded = floor(total + Fraction(1, 2))
    if not all(exact for _, exact in worths) and abs(total + Fraction(1, 2) - round(total + Fraction(1, 2))) < 1e-6:
        raise Ambiguous("a score so near to a half")
    return rounded if item["cap"] is None else min(rounded, item["cap"]), made, tie


def make_group(world, item):
    names = item["rules"]
    world.stage[item["name"]] = 1 + max(world.stage[name] for name in names)
    keys = {}
    for alert in sorted((e for name in names for e in world.events[name]), key=lambda e: e.moment):
        key = alert.fields.get(item["key"])
        if key is None:
            continue
        before = score_of(keys.setdefault(key, []), item, alert.time)[0]
        keys[key].append(alert)
        score, made, tie = score_of(keys[key], item, alert.time)
        entered = [b for b in item["bands"] if score >= b[1] and (before is None or before < b[1])]
        if not entered:
            continue
        band = max(entered, key=lambda b: b[1])
        made = sorted(made, key=lambda a: a.moment)
        matched = [[a.type, a.type, time_text(a.time)] for a in made]
        if tie:  # which of equal alerts are told is left open
            matched = ("steps", sorted(a.type for a in made))
        rules = sorted({a.type for a in made})
        fields = [("band", f'"{band[0]}"'), ("rules", [f'"{rule}"' for rule in rules])]
        place = alert.moment[:3] + (item["name"], alert.moment)
        text = key_text([item["key"]], [(key, item["key_type"])])
        until = {"action_until": f'"{time_text(alert.time + band[2])}"'} if band[2:] else {}
        world.alerts.append((place, {"rule": item["name"], "time": time_text(alert.time), "key": text, "fields": fields,
                                     "matched": matched, "score": str(score), "action": f'"{band[0]}"', **until}))
