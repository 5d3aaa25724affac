"""write_case.py - a case of the judge of counting as rule text and as records."""
from lives import schedule_text
from models import model_text
from values import flat_text, time_text

UNITS = [("w", 604_800_000_000), ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000),
         ("ms", 1000), ("us", 1)]


def duration(us):
    for unit, size in UNITS:
        if us % size == 0 and us >= size:
            return f"{us // size}{unit}"
    return "0s"


def type_text(kind):
    if kind.startswith("["):
        return "[" + type_text(kind[1:-1]) + "]"
    return f"decimal({kind[4:]})" if kind.startswith("dec:") else kind


def literal(value, kind):
    if value is None:
        return "null"
    if kind == "time":
        return "@" + time_text(value)
    if kind == "duration":
        return duration(value) if value >= 0 else "-" + duration(-value)
    if kind == "ip":
        return value[2]
    if kind == "bool":
        return "true" if value else "false"
    if kind == "float":
        text = repr(value)
        return text if "e" in text or "." in text else text + ".0"
    return flat_text(value, kind)


def use(of):
    kind, condition = of
    return kind if condition is None else f"{kind}({expression(condition)})"


def span(spec):
    s = spec["span"]
    if s["kind"] == "over":
        return f"over {duration(s['over'])}"
    if s["kind"] == "previous":
        return f"over previous {duration(s['over'])}"
    if s["kind"] == "last":
        return f"over last {s['last']}" + ("" if s["over"] is None else f" within {duration(s['over'])}")
    if s["kind"] == "today":
        return "over today" + (f' "{s["zone"]}"' if s["zone"] else "")
    return f"over ever idle {duration(s['over'])}"


def counting(spec):
    """A counter; without a span it is an aggregate of a window."""
    parts = []
    if spec["arg"]:
        parts.append(expression(spec["arg"]))
    if spec["param"] is not None:
        parts.append(duration(spec["param"]) if spec["agg"] == "ewma" else str(spec["param"]))
    inside = ", ".join(parts)
    if spec["order"]:
        inside += f" by {spec['order'][0]}({expression(spec['order'][1]) if spec['order'][1] else ''})"
    if spec["where"]:
        inside += (" " if inside else "") + f"where {expression(spec['where'])}"
    text = f"{spec['agg']}({inside})"
    if spec.get("of"):
        text += f" of {use(spec['of'])}"
    if spec.get("by"):
        text += " by " + (spec["by"][0] if len(spec["by"]) == 1 else "(" + ", ".join(spec["by"]) + ")")
    return text + (" " + span(spec) if spec.get("span") else "") + (" approx" if spec.get("approx") else "")


def expression(node):
    operator = node[0]
    if operator == "lit":
        return literal(node[2], node[1])
    if operator == "field":
        return node[2]
    if operator == "model":
        return f"{node[2]}.{'score' if node[1] == 'float' else 'points'}"
    if operator == "element":
        return "word"
    if operator == "told":
        return f"told.{node[2]}"
    if operator == "side":
        return f"{node[2]}.{node[3]}"
    if operator == "step":
        return f"{node[2]}({node[3]})" if node[4] is None else f"{node[2]}({node[3]}.{node[4]})"
    if operator in ("cmp", "arith"):
        return f"({expression(node[3])} {node[2]} {expression(node[4])})"
    if operator in ("and", "or"):
        return f"({expression(node[2])} {operator} {expression(node[3])})"
    if operator == "not":
        return f"(not {expression(node[2])})"
    if operator == "null":
        return f"({expression(node[2])} is {'not ' if node[3] else ''}null)"
    if operator == "in":
        return f"({expression(node[2])} in ({', '.join(literal(v, node[2][1]) for v in node[3])}))"
    if operator == "else":
        return f"({expression(node[2])} ?? {expression(node[3])})"
    if operator == "counter":
        return "(" + counting(node[2]) + ")"
    if operator == "named":
        return node[2]
    if operator == "seen":
        spec = node[2]
        of = f" of {use(spec['of'])}" if spec["of"] else ""
        return f"seen({spec['field']}, {duration(spec['over'])}){of}"
    if operator == "previous":
        return f"previous({node[2]['field']})"
    if operator == "inlist":
        return f"({expression(node[2])} in {node[3]})"
    if operator == "cell":
        return f"{node[2]}[{expression(node[3])}].{node[4]}"
    raise ValueError(operator)


def key_clause(rule):
    """The key of a rule or window: its parts' names, and their fields where these differ by type."""
    if not rule["key"]:
        return "key none"
    parts = []
    for name, fields in zip(rule["key_names"], rule["key"]):
        plain = all(field == name for field in fields.values())
        parts.append(name if plain else f"{name}: " + ", ".join(f"{t}.{f}" for t, f in fields.items()))
    return "key " + ", ".join(parts)


def entries(pairs):
    return "{ " + "  ".join(f"{name} = {expression(node)}" for name, node in pairs) + " }"


def life_lines(rule):
    """When it speaks."""
    lines = [f"mode {rule['mode']}"] if rule.get("mode") else []
    if rule.get("canary") is not None:
        lines.append(f"canary {rule['canary']}%")
    if rule.get("active"):
        begin, end = rule["active"]
        lines.append("active" + (f" from @{time_text(begin)}" if begin is not None else "")
                     + (f" until @{time_text(end)}" if end is not None else ""))
    if rule.get("schedule"):
        schedule, zone = rule["schedule"]
        lines.append(f'schedule "{schedule_text(schedule)}"' + (f' zone "{zone}"' if zone else ""))
    if rule.get("suppress"):
        unless = f" unless {expression(rule['unless'])}" if rule.get("unless") else ""
        lines.append(f"suppress {duration(rule['suppress'])}{unless}")
    return lines


def rule_text(rule):
    lines = []
    if rule.get("score") is not None:
        lines.append(f"score {rule['score']}")
    if "on" in rule:
        lines.append(f"on {use(rule['on'])}")
    lines.append(key_clause(rule))
    if "steps" in rule:
        words = ["match"] + ["then"] * len(rule["steps"])
        lines += [f"{word} {step['name']} = {use(step['on'])}" for word, step in zip(words, rule["steps"])]
        if rule.get("absent"):
            lines.append(f"then no {use(rule['absent'][0])} for {duration(rule['absent'][1])}")
        if rule["within"]:
            lines.append(f"within {duration(rule['within'])}")
    elif rule["when"]:
        lines.append(f"when {expression(rule['when'])}")
    if rule["emit"]:
        lines.append("emit " + entries(rule["emit"]))
    for remove, value, target, lasting in rule.get("changes", []):
        ending = f" for {duration(lasting)}" if lasting else ""
        name = expression(value)
        lines.append(f"remove {name} from {target}" if remove else f"add {name} to {target}{ending}")
    lines += life_lines(rule)
    if rule.get("silent"):
        lines.append("to nothing")
    return f"rule {rule['name']} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def event_text(kind):
    lines = ["event_time at"]
    if kind["disorder"]:
        lines.append(f"disorder {duration(kind['disorder'])}")
    if kind["late"]:
        lines.append(f"late {kind['late']}")
    if kind.get("unique"):
        field, lasting, everywhere = kind["unique"]
        lines.append(f"unique {field} for {duration(lasting)}" + (" everywhere" if everywhere else ""))
    lines += [f"{name} {type_text(t)}" for name, t in kind["fields"].items()]
    return f"event {kind['name']} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def window_text(window):
    kind, size, every = window["kind"], window["size"], window["every"]
    if kind == "count":
        text = f"count {size}" + (f" every {every}" if every else "")
    elif kind == "today":
        text = "today" + (f' "{window["zone"]}"' if window["zone"] else "")
    else:
        text = f"{kind} {duration(size)}" + (f" every {duration(every)}" if every else "")
    if window["offset"]:
        text += f" offset {duration(window['offset'])}"
    if window["lateness"]:
        text += f" lateness {duration(window['lateness'])}"
    if window.get("early"):
        text += f" early every {window['early']} events"
    if window.get("early_every"):
        text += f" early every {duration(window['early_every'])}"
    if window.get("early_when"):
        text += f" early when {expression(window['early_when'])}"
    if window.get("known"):
        text += f" every key known for {duration(window['known'])}"
    return "window " + text


def signed(time, offset):
    return f"{time} {'-' if offset < 0 else '+'} {duration(abs(offset))}" if offset else time


def join_text(item):
    (left, left_type), (right, right_type) = item["sides"]
    low, high = (signed(f"{left}.time", item[bound]) for bound in ("low", "high"))
    where = f"{right}.time between {low} and {high}"
    if item["where"]:
        where += f" and {expression(item['where'])}"
    outer = f" {item['outer']}" if item["outer"] else ""
    return (f"event {item['name']} join {left} = {left_type}, {right} = {right_type} {key_clause(item)}\n"
            f"  where {where}{outer} {entries(item['entries'])}\n")


def list_text(item):
    text = f"list {item['name']} {type_text(item['type'])}"
    if item["ttl"]:
        text += f" ttl {duration(item['ttl'])}"
    if item["visible"]:
        text += f" visible after {duration(item['visible'])}"
    if item["fixed"]:
        fixed = item["fixed"] if item["type"] == "ip" else [literal(v, item["type"]) for v in item["fixed"]]
        text += " { " + ", ".join(fixed) + " }"
    return text + "\n"


def table_text(item):
    columns = " ".join(f"{name} {type_text(kind)}" for name, kind in item["columns"])
    ttl = f" ttl {duration(item['ttl'])}" if item["ttl"] else ""
    on = f" on {item['renewed']}" if item["ttl"] and item["renewed"] else ""
    return f"table {item['name']} key ({item['key']}) from event {item['from']} {{ {columns} }}{ttl}{on}\n"


def group_text(item):
    lines = [f"key {item['key']}", f"over {duration(item['over'])}", f"rules {', '.join(item['rules'])}"]
    cap = f" max {item['cap']}" if item["cap"] is not None else ""
    lines.append(f"score {item['how']}{cap}" + (f" decay {duration(item['decay'])}" if item["decay"] else ""))
    lines += [f"{band[0]} at {band[1]}" + (f" for {duration(band[2])}" if band[2:] else "") for band in item["bands"]]
    return f"group {item['name']} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


OTHERS = {"model": model_text, "rule": rule_text, "join": join_text, "list": list_text, "table": table_text, "group": group_text}


def declaration_text(item):
    kind, name = item["kind"], item["name"]
    if kind in OTHERS:
        return OTHERS[kind](item)
    if kind == "counter":
        return f"counter {name} = {counting(item['spec'])}\n"
    if kind in ("filter", "window"):
        where = f" where {expression(item['where'])}" if item["where"] else ""
        each = f" each word in {item['each']}" if item.get("each") else ""
        head = f"event {name} from {', '.join(item['from'])}{each}{where}"
        if kind == "window":
            head += f" {key_clause(item)} {window_text(item['window'])}"
        return f"{head} {entries(item['entries'])}\n"
    raise ValueError(kind)


def rules_text(case):
    return "".join(event_text(t) for t in case["types"]) + "".join(declaration_text(d) for d in case["declarations"])


def field_text(value, kind):
    if isinstance(value, list):
        return "[" + ",".join(flat_text(each, kind[1:-1]) for each in value) + "]"
    return flat_text(value, kind)


def record_text(case, record):
    name, time, fields = record
    kinds = next(t["fields"] for t in case["types"] if t["name"] == name)
    parts = [f'"type":"{name}"', f'"at":"{time_text(time)}"']
    for field, value in fields.items():
        parts.append(f'"{field}":{field_text(value, kinds[field])}')
    return "{" + ",".join(parts) + "}"


def records_text(case, records):
    return "".join(record_text(case, record) + "\n" for record in records)
