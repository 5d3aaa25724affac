"""events.py - happenings, their place in the order, and the texts of their keys."""
from values import flat_text


class Ambiguous(Exception):
    """The text leaves open what must be told: the case says nothing."""


class Event:
    """One happening of a type. `moment`: (time, phase, …) of the root cause, then what was made of it."""

    __slots__ = ("type", "time", "moment", "fields", "position", "revision", "partial", "rule", "told")

    def __init__(self, kind, time, moment, fields, position=None, revision=0, partial=False, told=None):
        self.type, self.time, self.moment, self.fields = kind, time, moment, fields
        self.position, self.revision, self.partial = position, revision, partial
        self.told = time if told is None else told  # the time that is told: of a window corrected later its end


def key_text(names, key):
    return [(name, flat_text(*pair)) for name, pair in zip(names, key)]


def key_json(names, key):
    """The bytes of an alert's `key` member, by which timers of one moment are ordered."""
    return ("{" + ",".join(f'"{name}":{text}' for name, text in key_text(names, key)) + "}").encode()


def typed_key(event, parts, types):
    return [(event.fields.get(part[event.type]), kind) for part, kind in zip(parts, types)]


def moment_of(cause, name, ordinal=1):
    """What is made of a cause stands at its place, ordered by name, then by its making."""
    return cause.moment[:3] + ((name, ordinal),)
