"""stores.py - lists that rules fill, and tables from events: each question is answered from all changes before it."""
import ipaddress

from events import Ambiguous


class Stores:
    """A part of the world. `changes` is filled by the rules; `before` are all, as the round before found them."""

    def change_lists(self, rule, event, moment):
        """What `add` and `remove` of one match do: adds, then removes. A null does nothing."""
        ordered = sorted(rule.get("changes", []), key=lambda change: change[0])
        for number, (remove, value, target, lasting) in enumerate(ordered):
            value = self.value(value, {"event": event})
            lasting = lasting or self.named[target]["ttl"]
            if value is not None:
                until = event.time + lasting if lasting and not remove else None
                self.changes.setdefault(target, []).append(
                    (moment, number, event.time, value, remove, until, event.moment, event.position is None))

    def in_list(self, value, item, event):
        """An entry is seen by every later event, with `visible after V` from its time + V on."""
        if value is None:
            return None
        last = None
        for moment, _, time, changed, remove, until, cause, made in sorted(
                self.before.get(item["name"], []), key=lambda c: (c[6], *c[:2])):
            seen = time + item["visible"] <= event.moment[0] if item["visible"] else cause < event.moment
            if item["own"] and made and cause != event.moment and (
                    cause[:3] == event.moment[:3] or cause[0] == event.moment[0] and event.position is None):
                raise Ambiguous("a list that is filled and asked by what is made at one moment")
            if seen and changed == value:
                last = remove, until
        if last and last[0]:
            return False
        if last and (last[1] is None or event.moment[0] < last[1]):
            return True
        if item["type"] == "ip":
            one = ipaddress.ip_address(value[2])
            return any(one in ipaddress.ip_network(each) for each in item["fixed"] if ":" in each or one.version == 4)
        return value in item["fixed"]

    def cell(self, item, key, column, event):
        """The last row of the key as of the event, while it is there."""
        if key is None:
            return None
        if item["renewed"] == "read":
            self.changes.setdefault(item["name"], []).append((event.moment, 0, event.time, key))
        rows = [e for e in self.events[item["from"]]
                if e.moment <= event.moment and e.fields.get(item["key"]) == key]
        if not rows:
            return None
        row, lasting = rows[-1], item["ttl"]
        if lasting:
            until = row.time + lasting
            asks = sorted(self.before.get(item["name"], [])) if item["renewed"] == "read" else []
            for moment, _, time, asked in asks:
                if asked == key and row.moment < moment < event.moment and time < until:
                    until = max(until, time + lasting)
            if event.moment[0] >= until:
                return None
        return row.fields.get(column)
