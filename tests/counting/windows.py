"""windows.py - what windows tell: all events of a key, then all windows, then what each one tells."""
from datetime import timedelta
from fractions import Fraction

from events import Ambiguous, Event, key_json, moment_of
from values import SECOND, day_start, local_day


def order_of(event):
    """By time, equal times in the order in which they came: a late one stands where its time says."""
    return event.time, event.moment


def make_window(world, item):
    """Windows that stand still: all events of a key, then all windows, then what each one tells."""
    stage = 1 + max(world.stage[kind] for kind in item["from"])
    keys, made = {}, []
    for kind in item["from"]:
        late = world.late.get(kind, []) if item["window"]["lateness"] else []
        for event in world.events[kind] + late:
            key = tuple(event.fields.get(part[kind]) for part in item["key"])
            if None not in key and world.holds(item["where"], event):
                keys.setdefault(key, []).append(event)
    for key, events in keys.items():
        timer = (1 + stage, (item["name"], key_json(item["key_names"], zip(key, item["key_types"]))), ((item["name"], 0),))
        told = list(WINDOWS[item["window"]["kind"]](item["window"], events, timer, item["name"]))
        if item["window"].get("known"):
            told += silent(item["window"], events, timer, world.highest)
        for start, end, members, moment, revision, partial in told:
            seconds = Fraction(max(end - start, 1), SECOND)
            fields = dict(zip(item["key_names"], key), **{"window.start": start, "window.end": end})
            for name, node in item["entries"]:
                fields[name] = world.aggregate(node[2], members, seconds)
            told_at = moment[0] if partial else end
            made.append(Event(item["name"], moment[0], moment, fields, None, revision, partial, told_at))
    world.finish(item, item["from"], made)


def aligned(window, events, timer, name):
    spans = {}
    for event in events:
        for span in spans_of(window, event.time):
            spans.setdefault(span, []).append(event)
    for (start, end), members in sorted(spans.items(), key=lambda pair: pair[0]):
        yield from tellings(window, start, end, members, timer)


def spans_of(window, time):
    if window["kind"] == "today":
        day = local_day(time, window["zone"])
        return [(day_start(day, window["zone"]), day_start(day + timedelta(days=1), window["zone"]))]
    every = window["every"] or window["size"]
    start = (time - window["offset"]) // every * every + window["offset"]
    spans = []
    while start + window["size"] > time:
        spans.append((start, start + window["size"]))
        start -= every
    return spans


def tellings(window, start, end, members, timer):
    """At its end, then with each late event that still finds it."""
    first = [e for e in members if e.moment < (end,) + timer]
    yield from early(window, start, end, first, timer)
    if first:
        yield start, end, sorted(first, key=order_of), (end,) + timer, 0, False
    later = [e for e in members if (end,) + timer < e.moment and e.moment[0] < end + window["lateness"]]
    for number, event in enumerate(sorted(later, key=lambda e: e.moment)):
        known = first + [e for e in later if e.moment <= event.moment]
        yield start, end, sorted(known, key=order_of), moment_of(event, timer[1][0], event.moment), number + bool(first), False


def early(window, start, end, members, timer):
    """Before its end: at every so many events, as the event that it is told at."""
    members, every = sorted(members, key=lambda e: e.moment), window.get("early")
    for place in range(every, len(members) + 1, every) if every else []:
        until = end if window["kind"] != "session" else members[place - 1].time + window["size"]
        cause = members[place - 1]
        yield start, until, members[:place], moment_of(cause, timer[1][0], cause.moment), 0, True


def silent(window, events, timer, highest):
    """Empty windows of a key whose last event is not too old, up to the highest event time."""
    events = sorted(events, key=order_of)
    taken = {span for event in events for span in spans_of(window, event.time)}
    every = window["every"] or window["size"]
    start, end = min(spans_of(window, events[0].time))
    while end <= highest:
        known = [e for e in events if e.time < end]
        at_end = [e for e in events if e.moment < (end,) + timer]
        if (start, end) not in taken:
            speaks = [bool(k) and end - k[-1].time <= window["known"] for k in (known, at_end)]
            if speaks[0] != speaks[1]:
                raise Ambiguous("known by the event at the end of an empty window")
            if speaks[0]:
                yield start, end, [], (end,) + timer, 0, False
        start, end = start + every, end + every


def sessions(window, events, timer, name):
    events = sorted(events, key=order_of)
    while events:
        count = 1
        while count < len(events) and events[count].time < events[count - 1].time + window["size"]:
            count += 1
        end = events[count - 1].time + window["size"]
        yield from early(window, events[0].time, end, events[:count], timer)
        yield events[0].time, end, events[:count], (end,) + timer, 0, False
        events = events[count:]


def counted(window, events, timer, name):
    events = sorted(events, key=lambda e: e.moment)
    for place in range(window["size"], len(events) + 1, window["every"] or window["size"]):
        members = events[place - window["size"]:place]
        yield members[0].time, members[-1].time, members, moment_of(members[-1], name, members[-1].moment), 0, False


WINDOWS = {"tumbling": aligned, "sliding": aligned, "today": aligned, "session": sessions, "count": counted}
