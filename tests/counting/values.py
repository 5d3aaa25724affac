"""values.py - values of the rule language in Python, and the text that alerts have for them.

Ints, times and durations (microseconds) are ints, decimals Fractions, floats floats, an ip a tuple (see address()).
"""
import ipaddress
import json
import math
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SECOND = 1_000_000


class Near(float):
    """A float that is told but for its last digits, or those of the largest value that it was made from."""

    def __new__(cls, value, largest=1.0):
        self = super().__new__(cls, value)
        self.within = 1e-12 * max(1.0, abs(self), largest)
        return self


class Between:
    """A number that is only known to lie in a range, or null."""

    def __init__(self, low, high, null=False):
        self.low, self.high, self.null = low, high, null

    def __repr__(self):
        return f"between {float(self.low)} and {float(self.high)}" + (" or null" if self.null else "")

    def holds(self, told):
        return self.null if told == "null" else self.low <= Fraction(told) <= self.high


# ---- values ----


def digits_of(kind):
    return int(kind[4:]) if kind.startswith("dec:") else 0


def in_range(value, kind):
    """A number as a value of its type; None where the type cannot hold it."""
    if value is None:
        return None
    if kind == "float":
        value = float(value)
        return value if math.isfinite(value) else None
    scaled = value * 10 ** digits_of(kind)
    return value if INT_MIN <= scaled <= INT_MAX else None


def step_of(value):
    """A float as exact sums take it: a multiple of 2^-60, rounded half to even."""
    return Fraction(round(Fraction(value) * 2**60), 2**60) if isinstance(value, float) else Fraction(value)


def half_away(value):
    return int(math.floor(abs(value) + Fraction(1, 2))) * (1 if value >= 0 else -1)


def address(text):
    """An ip as a value: v4 before v6, then by number."""
    parsed = ipaddress.ip_address(text)
    return parsed.version, int(parsed), str(parsed)


def time_text(us):
    text = (EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".") + "Z"


def json_text(value, kind):
    """A value as an alert writes it; floats stay floats for the comparison."""
    if value is None:
        return "null"
    if isinstance(value, Between):
        return value
    if kind.startswith("["):
        return [json_text(each, kind[1:-1]) for each in value]
    if kind == "float":
        return value
    if kind == "time":
        return '"%s"' % time_text(value)
    if kind.startswith("dec:"):
        digits = digits_of(kind)
        scaled = int(value * 10**digits)
        text = str(abs(scaled)).rjust(digits + 1, "0")
        text = text if digits == 0 else text[:-digits] + "." + text[-digits:]
        return ("-" if scaled < 0 else "") + text
    return json.dumps(value[2] if kind == "ip" else value, ensure_ascii=False)


def flat_text(value, kind):
    text = json_text(value, kind)
    if isinstance(text, float):
        return repr(int(text)) if text == int(text) else repr(text)
    return text


def day_start(day, zone):
    """When the clock of the zone first shows the day's midnight or later."""
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone or "UTC"))
    return (start - EPOCH) // timedelta(microseconds=1)


def day_of(us, zone):
    """The beginnings of the day that is under way, also where the clock went back over midnight, and of the next."""
    day = (EPOCH + timedelta(microseconds=us)).astimezone(ZoneInfo(zone or "UTC")).date()
    starts = [day_start(day + timedelta(days=n), zone) for n in range(-2, 3)]
    return max(s for s in starts if s <= us), min(s for s in starts if s > us)
