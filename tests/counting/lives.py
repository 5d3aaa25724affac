"""lives.py - when a rule speaks: mode, canary, active, schedule; and until when it holds back."""
from datetime import timedelta
from zoneinfo import ZoneInfo

from values import EPOCH

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MASK = (1 << 64) - 1
PRIMES = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee0"
    "3590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e0"
    "4bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d1"
    "7ad031ce45cb3a8f95160428afd7fbcabb4b407e")


# ---- XXH3, 64 bits, seed 0, of at most 240 bytes ----


def number(data, at, size=8):
    return int.from_bytes(data[at:at + size], "little")


def folded(a, b):
    product = (a & MASK) * (b & MASK)
    return (product & MASK) ^ (product >> 64)


def mixed(data, at, secret):
    return folded(number(data, at) ^ number(SECRET, secret), number(data, at + 8) ^ number(SECRET, secret + 8))


def avalanche(h):
    h &= MASK
    h = (h ^ h >> 37) * 0x165667919E3779F9 & MASK
    return h ^ h >> 32


def turned(h, by):
    return (h << by | h >> (64 - by)) & MASK


def xxh3(data):
    size = len(data)
    assert 0 < size <= 240
    if size <= 3:
        h = data[0] << 16 | data[size >> 1] << 24 | data[-1] | size << 8
        h ^= number(SECRET, 0, 4) ^ number(SECRET, 4, 4)
        h = (h ^ h >> 33) * PRIMES[1] & MASK
        h = (h ^ h >> 29) * PRIMES[2] & MASK
        return h ^ h >> 32
    if size <= 8:
        h = number(data, size - 4, 4) + (number(data, 0, 4) << 32) ^ number(SECRET, 8) ^ number(SECRET, 16)
        h = (h ^ turned(h, 49) ^ turned(h, 24)) * 0x9FB21C651E98DF25 & MASK
        h = (h ^ (h >> 35) + size) * 0x9FB21C651E98DF25 & MASK
        return h ^ h >> 28
    if size <= 16:
        low = number(data, 0) ^ number(SECRET, 24) ^ number(SECRET, 32)
        high = number(data, size - 8) ^ number(SECRET, 40) ^ number(SECRET, 48)
        return avalanche(size + int.from_bytes(low.to_bytes(8, "little"), "big") + high + folded(low, high))
    h = size * PRIMES[0]
    if size <= 128:
        for round_ in range((size - 1) // 32 + 1):
            h += mixed(data, 16 * round_, 32 * round_) + mixed(data, size - 16 * (round_ + 1), 32 * round_ + 16)
        return avalanche(h)
    for at in range(0, 128, 16):
        h += mixed(data, at, at)
    h = avalanche(h)
    for at in range(128, size // 16 * 16, 16):
        h += mixed(data, at, at - 128 + 3)
    return avalanche(h + mixed(data, size - 16, 119))


# ---- what a rule's words say at a time ----


def in_schedule(schedule, zone, us):
    """By the clock on the wall there; hours that end earlier than they begin end on the next day."""
    local = (EPOCH + timedelta(microseconds=us)).astimezone(ZoneInfo(zone or "UTC"))
    clock = local.hour * 3_600_000_000 + local.minute * 60_000_000 + local.second * 1_000_000 + local.microsecond
    today, yesterday = local.weekday(), (local.weekday() - 1) % 7
    for days, hours in schedule:
        for begin, end in hours:
            begin, end = begin * 60_000_000, end * 60_000_000
            if begin < end and today in days and begin <= clock < end:
                return True
            if begin > end and (today in days and clock >= begin or yesterday in days and clock < end):
                return True
    return False


def mode_of(rule, time, key_json):
    """live, canary, shadow, or off: nothing comes of it."""
    begin, end = rule.get("active", (None, None))
    if rule.get("mode") == "off" or begin is not None and time < begin or end is not None and time >= end:
        return "off"
    if rule.get("schedule") and not in_schedule(*rule["schedule"], time):
        return "off"
    if rule.get("mode") == "shadow":
        return "shadow"
    if rule.get("canary") is not None:
        return "canary" if xxh3(key_json) % 100 < rule["canary"] else "shadow"
    return "live"


# ---- as text ----


def days_text(days):
    """Runs of days as ranges; a week that goes over its end as well."""
    if len(days) == 7:
        return ""
    first = next(d for d in days if (d - 1) % 7 not in days)
    runs, day = [], first
    for step in range(7):
        day = (first + step) % 7
        if day in days and (day - 1) % 7 in days and step > 0:
            runs[-1].append(day)
        elif day in days:
            runs.append([day])
    return ",".join(DAYS[r[0]] if len(r) == 1 else f"{DAYS[r[0]]}-{DAYS[r[-1]]}" for r in runs) + " "


def schedule_text(schedule):
    def clock(minutes):
        return f"{minutes // 60:02}:{minutes % 60:02}"

    return "; ".join(days_text(days) + ",".join(f"{clock(b)}-{clock(e)}" for b, e in hours) for days, hours in schedule)
