"""windows.py - what windows tell: all events of a key, then all windows, then what each one tells."""
from fractions import Fraction

from events import Event, key_json, moment_of
from values import SECOND, day_of

END = (1 << 100,)


def order_of(event):
    """By time, equal times in the order in which they came: a late one stands where its time says."""
    return event.time, event.moment


class Telling:
    """One window declaration at one key: what it needs to say when and what it tells."""

    def __init__(self, world, item, key):
        self.world, self.item, self.window, self.key = world, item, item["window"], key
        text = key_json(item["key_names"], zip(key, item["key_types"]))
        self.stage = 1 + max(world.stage[kind] for kind in inputs_of(world, item))
        self.timer = (1 + self.stage, (item["name"], text))
        self.fields = dict(zip(item["key_names"], key))

    def at(self, time, *order):
        """The moment of a timer; `order`: of those that are told at one moment."""
        return (time,) + self.timer + ((self.item["name"], order),)

    def by(self, event, *order):
        return moment_of(event, self.item["name"], (event.moment,) + order)

    def holds(self, start, end, members):
        event = Event(None, None, None, {**self.fields, "window.start": start, "window.end": end})
        env = {"event": event, "members": members, "seconds": length_of(start, end)}
        return self.world.value(self.window["early_when"], env) is True


def length_of(start, end):
    return Fraction(max(end - start, 1), SECOND)


class Early:
    """`early every N events`, `early every D`, `early when (…)` of one window, event by event."""

    def __init__(self, telling, parts=()):
        self.telling, self.window = telling, telling.window
        self.events = sum(part.events for part in parts)
        self.held = any(part.held for part in parts)
        self.due = None

    def event(self, start, end, now, members):
        """Whether the event that was just added is told at once."""
        self.events += 1
        tells, self.due = False, None
        if self.window.get("early") and self.events >= self.window["early"]:
            self.events, tells = 0, True
        if self.window.get("early_when"):
            held, self.held = self.held, self.telling.holds(start, end, sorted(members, key=order_of))
            tells = tells or (self.held and not held)
        every = self.window.get("early_every")
        if every and not tells:
            self.due = start + max(1, -((start - now) // every)) * every
            if self.window["kind"] != "count" and self.due >= end:
                self.due = None
        return tells

    def timer(self, moment):
        """The time at which the clock tells before that moment, once."""
        due = self.due
        if due is None or self.telling.at(due) >= moment:
            return None
        self.due = None
        return due


def inputs_of(world, item):
    return set(item["from"]) | world.counted([item["where"], item["entries"]])


def make_window(world, item):
    keys, made = {}, []
    for kind in item["from"]:
        late = world.late.get(kind, []) if item["window"]["lateness"] else []
        for event in world.events[kind] + late:
            key = tuple(event.fields.get(part[kind]) for part in item["key"])
            if None not in key and world.holds(item["where"], event):
                keys.setdefault(key, []).append(event)
    for key, events in keys.items():
        telling = Telling(world, item, key)
        for start, end, members, moment, revision, partial in WINDOWS[item["window"]["kind"]](telling, events):
            fields = {**telling.fields, "window.start": start, "window.end": end}
            members = sorted(members, key=order_of)
            for name, node in item["entries"]:
                fields[name] = world.aggregate(node[2], members, length_of(start, end))
            told_at = moment[0] if partial else end
            made.append(Event(item["name"], moment[0], moment, fields, None, revision, partial, told_at))
    world.finish(item, inputs_of(world, item), made)


# ---- windows that stand at the same times for all keys ----


def aligned(telling, events):
    window, spans, empty = telling.window, {}, set()
    for event in events:
        for span in spans_of(window, event.time):
            if event.moment < telling.at(span[1]) or event.moment[0] <= span[1] + window["lateness"]:
                spans.setdefault(span, []).append(event)
    if window.get("known") and spans:
        empty = silent(telling, spans)
    for (start, end), members in sorted({**{span: [] for span in empty}, **spans}.items()):
        yield from tellings(telling, start, end, members, (start, end) in empty)


def spans_of(window, time):
    if window["kind"] == "today":
        return [day_of(time, window["zone"])]
    every = window["every"] or window["size"]
    start = (time - window["offset"]) // every * every + window["offset"]
    spans = []
    while start + window["size"] > time:
        spans.append((start, start + window["size"]))
        start -= every
    return spans


def silent(telling, spans):
    """Windows in which nothing has come by their end, of a key whose last event before it is not too old."""
    window, empty = telling.window, set()
    heard = [e for members in spans.values() for e in members]
    start, end = min(spans)
    while end <= telling.world.highest:
        closing = telling.at(end, 1, start)
        if not any(e.moment < closing for e in spans.get((start, end), [])):
            known = [e.time for e in heard if e.time < end and e.moment < closing]
            if known and end - max(known) <= window["known"]:
                empty.add((start, end))
        if window["kind"] == "today":
            start, end = spans_of(window, end)[0]
        else:
            every = window["every"] or window["size"]
            start, end = start + every, end + every
    return empty


def tellings(telling, start, end, members, empty):
    """Early, at its end, then with each late event that still finds it."""
    early, closing, so_far = Early(telling), telling.at(end, 1, start), []
    members = sorted(members, key=lambda e: e.moment)
    first = [e for e in members if e.moment < closing]
    for event in first:
        yield from by_clock(telling, early, start, end, so_far, event.moment)
        so_far.append(event)
        if early.event(start, end, event.moment[0], so_far):
            yield start, end, list(so_far), telling.by(event, start), 0, True
    yield from by_clock(telling, early, start, end, so_far, closing)
    if first or empty:
        yield start, end, list(so_far), closing, 0, False
    for number, event in enumerate(members[len(first):]):
        so_far.append(event)
        yield start, end, list(so_far), telling.by(event, start), number + bool(first or empty), False


def by_clock(telling, early, start, end, so_far, moment, order=0):
    """What `early every D` tells before that moment."""
    due = early.timer(moment)
    if due is not None:
        yield start, end, list(so_far), telling.at(due, order, start), 0, True


# ---- sessions ----


class Session:
    def __init__(self, first, last, members, revision, early, told=False):
        self.first, self.last, self.members, self.early = first, last, members, early
        self.revision, self.told = revision, told  # the revision that is told next


def sessions(telling, events):
    """Event by event in the order of moments, for a late one may make one of two."""
    gap, lateness, standing = telling.window["size"], telling.window["lateness"], []

    def tell(session, moment, partial):
        yield session.first, session.last + gap, list(session.members), moment, session.revision, partial
        if not partial:
            session.revision, session.told, session.early.events = session.revision + 1, True, 0
            session.early.due = None

    def until(moment):
        while True:
            due = [(s.last + gap, s.first, s) for s in standing if not s.told]
            due += [(s.early.due, s.first, s) for s in standing if s.early.due is not None and not s.told]
            time, first, session = min(due, key=lambda d: d[:2], default=(None, None, None))
            if time is None or telling.at(time, first) >= moment:
                return
            ends = time == session.last + gap
            if not ends:
                session.early.due = None
            yield from tell(session, telling.at(time, first), not ends)

    for event in sorted(events, key=lambda e: e.moment):
        now, time = event.moment[0], event.time
        yield from until(event.moment)
        standing = [s for s in standing if not s.told or s.last + gap + lateness >= now]
        touched = [s for s in standing if s.first - gap < time < s.last + gap]
        if not touched and time < now and time + gap + lateness < now:
            continue
        one = Session(min([time] + [s.first for s in touched]), max([time] + [s.last for s in touched]),
                      [event] + [e for s in touched for e in s.members], max([0] + [s.revision for s in touched]),
                      Early(telling, [s.early for s in touched]))
        standing = [s for s in standing if s not in touched] + [one]
        if telling.at(one.last + gap) < event.moment:
            yield from tell(one, telling.by(event), False)
        elif one.early.event(one.first, one.last + gap, now, one.members):
            yield from tell(one, telling.by(event), True)
    yield from until(END)


# ---- windows of so many events ----


def counted(telling, events):
    window = telling.window
    events, every = sorted(events, key=lambda e: e.moment), window["every"] or window["size"]
    for place in range(0, len(events), every):
        members, early = events[place:place + window["size"]], Early(telling)
        for number, event in enumerate(members):
            first = members[0].time
            if number > 0:
                yield from by_clock(telling, early, first, members[number - 1].time, members[:number], event.moment, place)
            so_far = members[:number + 1]
            if len(so_far) == window["size"]:
                yield first, event.time, so_far, telling.by(event, place), 0, False
            elif early.event(first, event.time, event.moment[0], so_far):
                yield first, event.time, so_far, telling.by(event, place), 0, True
        if len(members) < window["size"]:
            yield from by_clock(telling, early, first, members[-1].time, members, END, place)


WINDOWS = {"tumbling": aligned, "sliding": aligned, "today": aligned, "session": sessions, "count": counted}
