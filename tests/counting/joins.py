"""joins.py - interval joins: each pair, and with left, right, full each event that found nobody."""
from events import Ambiguous, Event, key_json, moment_of

PAIRS_MAX = 3000  # of one join; joins of joins have very many


def make_join(world, item):
    (left, left_type), (right, right_type) = item["sides"]
    inputs = {left_type, right_type} | world.counted([item["where"], item["entries"]])
    stage = 1 + max(world.stage[kind] for kind in inputs)
    made, paired = [], set()

    def entries(cause, time, moment, key, **sides):
        fields = dict(zip(item["key_names"], key))
        steps = {name: sides.get(name) for name in (left, right)}
        for name, node in item["entries"]:
            fields[name] = world.value(node, {"event": cause, "steps": steps})
        made.append(Event(item["name"], time, moment, fields))
        if len(made) > PAIRS_MAX:
            raise Ambiguous("too many pairs for brute force")

    def keyed(kind):
        events = ((e, tuple(e.fields.get(part[kind]) for part in item["key"])) for e in world.events[kind])
        return [(e, key) for e, key in events if None not in key]

    partners = {}
    for b, key in keyed(right_type):
        partners.setdefault(key, []).append(b)
    for a, key in keyed(left_type):
        for b in partners.get(key, []):
            near = a.time + item["low"] <= b.time <= a.time + item["high"]
            if near and world.holds(item["where"], a, steps={left: a, right: b}):
                paired.update([("left", a.moment), ("right", b.moment)])
                cause, partner = (a, b) if a.moment >= b.moment else (b, a)
                place = cause.moment, 2 if a is b else int(cause is b), partner.moment
                entries(cause, cause.time, moment_of(cause, item["name"], place), key, **{left: a, right: b})
    for side, name, kind, wait in (("left", left, left_type, item["high"]), ("right", right, right_type, -item["low"])):
        for event, key in keyed(kind):
            if item["outer"] in (side, "full") and (side, event.moment) not in paired:
                time = event.time + max(wait, 0)
                text = key_json(item["key_names"], zip(key, item["key_types"]))
                moment = (time, 1 + stage, (item["name"], text), ((item["name"], event.moment),))
                entries(event, time, moment, key, **{name: event})
    world.finish(item, inputs, made)
