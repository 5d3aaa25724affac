#!/usr/bin/env python3
"""run_docs.py - runs every example of the pages in docs/ through the real program, and compares the generated tables.

    run_docs.py [--update] [--page NAME.md] [--only TEXT] WEIR LIMITS_TABLE DOCS_FOLDER

WEIR is the program, LIMITS_TABLE prints the table of limits.md. README.md says which forms a block of a page may have.
--update writes what the program says into the pages; read the difference before you keep it. --page and --only
leave out the other pages, the other blocks. Ends with a line
`N passed, N failed`; the exit code is 1 if one failed.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

DAY = "2026-01-05T"
PAGES_WITH_EXAMPLES = ["language.md", "counting.md", "models.md", "semantics.md", "decisions.md"]
# Blocks that are only read: templates of syntax, commands for a shell.
READ_ONLY = {"text", "sh"}
RESULT_OF = {"error": "weir", "warning": "weir", "alerts": "events", "refused": "events"}
BLOCK_KINDS = {"weir", "file", "events", "expressions", "run"} | READ_ONLY | set(RESULT_OF)


class Block:
    def __init__(self, words, line):
        self.kind = words[0] if words else ""
        self.words = words[1:]
        self.line = line  # of the opening fence, from 1
        self.lines = []
        self.result = None  # what --update puts there


def read_page(path):
    """The page's lines and its blocks."""
    blocks, block = [], None
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for number, line in enumerate(lines, 1):
        if block is None and line.startswith("```"):
            block = Block(line[3:].split(), number)
            blocks.append(block)
        elif block is not None and line == "```":
            block = None
        elif block is not None:
            block.lines.append(line)
    return lines, blocks


def write_page(path, lines, blocks):
    """From the last block to the first, so that line numbers stay true."""
    for block in reversed(blocks):
        if block.result is not None:
            lines[block.line : block.line + len(block.lines)] = block.result
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


# ---- records, short and long ----


def field_value(text):
    """A JSON value as it stands, else a string."""
    try:
        json.loads(text)
        return text
    except ValueError:
        return json.dumps(text, ensure_ascii=False)


def split_words(line):
    """Words; blanks inside quotes and brackets do not part."""
    words, word, depth, quoted = [], "", 0, False
    for at, byte in enumerate(line):
        if byte == '"' and line[at - 1 : at] != "\\":
            quoted = not quoted
        if not quoted:
            depth += (byte in "[{") - (byte in "]}")
            if byte == " " and depth == 0:
                if word:
                    words.append(word)
                word = ""
                continue
        word += byte
    return words + [word] if word else words


def full_time(text):
    if re.fullmatch(r"\d\d:\d\d", text):
        text += ":00"
    return DAY + text + "Z" if re.match(r"\d\d:", text) else text


def record(line, offset):
    """`[OFFSET] TIME TYPE [field=value]…` as a JSON record; a line that begins with `{` or `!` is one already."""
    match = re.match(r"(\d+) +", line)
    if match:
        if int(match.group(1)) != offset:
            raise ValueError(f"this is record {offset}: {line}")
        line = line[match.end() :]
    if line.startswith("!"):
        return line[1:]
    if line.startswith("{"):
        return line
    time, kind, *fields = split_words(line)
    out = f'{{"type":{json.dumps(kind)}'
    if time != "-":
        out += f',"at":{json.dumps(full_time(time))}'
    for field in fields:
        name, _, value = field.partition("=")
        out += f",{json.dumps(name)}:{field_value(value)}"
    return out + "}"


def write_inputs(folder, lines):
    """Files of the partitions (a line `-- partition` begins the next, `-- csv EVENT` one of CSV), and the arguments."""
    inputs, current, csv = [], [], None
    parts = [(None, current)]
    for line in lines:
        if line == "-- partition":
            current, csv = [], None
            parts.append((None, current))
        elif line.startswith("-- csv "):
            current, csv = [], line[7:]
            if parts == [(None, [])]:
                parts = []
            parts.append((csv, current))
        elif csv is not None or line:
            current.append(line if csv is not None else record(line, len(current)))
    for number, (kind, records) in enumerate(parts):
        name = f"events-{number}." + ("csv" if kind else "jsonl")
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in records))
        inputs += ["--input", f"{kind}={name}" if kind else name]
    return inputs


def numbers_kept(text):
    """JSON with its numbers as they were written."""

    class Number(str):
        pass

    return json.loads(text, parse_float=Number, parse_int=Number, object_pairs_hook=lambda pairs: dict(pairs)), Number


def write_json(value, number):
    if isinstance(value, number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{write_json(v, number)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write_json(v, number) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def short_time(text):
    return text[len(DAY) : -1] if text.startswith(DAY) else text


def position(item):
    if "offset" not in item:
        return "-"
    return item["offset"] if item["partition"] == "0" else f"{item['partition']}.{item['offset']}"


def short_alert(line):
    """`TIME RULE KEY | STEP OFFSET…, STEP OFFSET… | FIELDS | THE REST`; what is empty is left out."""
    alert, number = numbers_kept(line)
    members = lambda values: " ".join(f"{k}={write_json(v, number)}" for k, v in values.items())
    head = f"{short_time(alert['time'])} {alert['rule']} {members(alert['key'])}".rstrip()
    steps, last = [], None
    for item in alert["matched"]:
        if item["step"] != last:
            steps.append(item["step"])
        last = item["step"]
        steps[-1] += " " + position(item)
        if "fields" in item:
            steps[-1] += write_json(item["fields"], number)
        if "more" in item:
            steps[-1] += f" (more {item['more']})"
    known = {"rule", "version", "id", "time", "key", "fields", "matched"}
    rest = {k: v for k, v in alert.items() if k not in known and (k, v) != ("cause", "match")}
    return " | ".join(part for part in [head, ", ".join(steps), members(alert["fields"]), members(rest)] if part)


def short_refused(line):
    """`CODE POSITION [FIELD taken]: DETAIL`, or `late TYPE POSITION`; other words as they are."""
    if not line.startswith("{"):
        return line
    row, _ = numbers_kept(line)
    if "late" in row:
        return f"late {row['late']} {position(row)}"
    words = f"{row['dead_letter']} {position(row)}"
    if row.get("taken"):
        words += f" {row['field']} taken"
    return f"{words}: {row['detail']}"


def shortened(lines, like, short):
    """Each line short, but those exact whose counterpart in the page is a JSON object."""
    exact = bool(like) and like[0].startswith("{")
    return [line if exact else short(line) for line in lines]


# ---- running ----


class Failure(Exception):
    pass


class Page:
    def __init__(self, path, weir, folder):
        self.path, self.weir, self.folder = path, os.path.abspath(weir), folder
        self.setup = []
        self.events = []

    def call(self, arguments, given=None):
        environment = {"PATH": os.environ.get("PATH", ""), "NO_COLOR": "1", "WEIR_SECRET_KEY": "an example's key"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                environment[name] = os.environ[name]
        done = subprocess.run([self.weir, *arguments], cwd=self.folder, env=environment, input=given,
                              capture_output=True, encoding="utf-8", timeout=120)
        if done.returncode not in (0, 1, 2, 3):
            raise Failure(f"weir {arguments[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def rules(self):
        return (["setup.weir"] if self.setup else []) + ["example.weir"]

    def write(self, name, lines):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def check_rules(self, block, results):
        """A block of rules: fine and quiet, or exactly what the `error` or `warning` behind it says."""
        if block.words in (["setup"], ["more"]):
            self.setup = (self.setup if block.words == ["more"] else []) + block.lines
            self.write("setup.weir", self.setup)
            self.write("example.weir", [])
        else:
            self.write("example.weir", block.lines)
        said = next((result for result in results if result.kind in ("error", "warning")), None)
        done = self.call(["check", *self.rules()])
        lines = done.stdout.rstrip("\n").split("\n") if done.stdout else []
        if said is not None:
            compare(said, lines)
        elif lines:
            raise Failure("`weir check` is not quiet\n" + done.stdout)
        if (done.returncode == 1) != (said is not None and said.kind == "error"):
            raise Failure(f"`weir check` ended with {done.returncode}\n{done.stdout}{done.stderr}")
        if done.returncode == 0:
            self.check_layout("\n".join(block.lines) + "\n")

    def check_layout(self, text):
        """`fmt` is stable, and the canonical JSON form gives the same text again."""
        once = self.call(["fmt", "-"], text)
        twice = self.call(["fmt", "-"], once.stdout)
        if once.returncode != 0 or once.stdout != twice.stdout:
            raise Failure(f"`weir fmt` is not stable\n{once.stdout}{once.stderr}----\n{twice.stdout}{twice.stderr}")
        self.write("form.weir", [once.stdout.rstrip("\n")])
        form = self.call(["fmt", "--json", "form.weir"])
        self.write("form.json", [form.stdout.rstrip("\n")])
        back = self.call(["fmt", "form.json"])
        if back.stdout != once.stdout:
            raise Failure(f"the JSON form comes back changed\n{once.stdout}----\n{back.stdout}{back.stderr}")

    def run_events(self, block, results):
        done = self.call(["run", *self.rules(), *write_inputs(self.folder, block.lines), *block.words])
        if done.returncode != 0:
            raise Failure(f"`weir run` ended with {done.returncode}\n{done.stderr}")
        alerts = next((result for result in results if result.kind == "alerts"), None)
        refused = next((result for result in results if result.kind == "refused"), None)
        if alerts is None and refused is None:
            raise Failure("events without a block `alerts` or `refused`")
        if refused is None and done.stderr:
            raise Failure("`weir run` refused something\n" + done.stderr)
        compare_all([
            (alerts, done.stdout.splitlines(), short_alert),
            (refused, done.stderr.splitlines(), short_refused),
        ])

    def run_expressions(self, block):
        """`EXPRESSION -> RESULT`; a line `with NAME = VALUE: TYPE, …` says which fields the event has."""
        fields, values, out, rows = ["at time"], {"at": DAY + "10:00:00Z"}, [], []
        for line in block.lines:
            if line.startswith("with "):
                for name, value, kind in re.findall(r"(\w+) = (.*?): (\[?\w+(?:\([\w]+\))?\]?)(?:, |$)", line[5:]):
                    fields.append(f"{name} {kind}")
                    values[name] = json.loads(value, parse_float=lambda text: float(text))
                out.append(line)
                continue
            expression, arrow, result = (line + " " if line.endswith(" ->") else line).rpartition(" -> ")
            if not arrow:
                raise Failure(f"`EXPRESSION -> RESULT`: {line}")
            rows.append((expression, result, len(out)))
            out.append(line)
        head = f"event e {{ event_time at {' '.join(fields)} }} "
        record = json.dumps(values, ensure_ascii=False)
        good = [row for row in rows if not row[1].startswith("error:")]
        told = self.evaluate(head, [row[0] for row in good], record) if good else []
        for (expression, _, at), value in zip(good, told):
            out[at] = f"{expression} -> {value}"
        for expression, result, at in rows:
            if not result.startswith("error:"):
                continue
            self.write("expression.weir", [f"{head} rule r {{ on e emit {{ v = {expression.strip()} }} }}"])
            first = self.call(["check", "expression.weir"]).stdout.split("\n")[0]
            out[at] = f"{expression} -> {first[first.find('error: '):] if 'error: ' in first else 'fine'}"
        compare(block, out)

    def evaluate(self, head, expressions, given):
        emits = " ".join(f"v{i} = {text.strip()}" for i, text in enumerate(expressions))
        self.write("expression.weir", [f"{head} rule r {{ on e emit {{ {emits} }} }}"])
        self.write("expression.jsonl", [given])
        done = self.call(["run", "expression.weir", "--input", "expression.jsonl"])
        words = [line for line in done.stderr.splitlines() if not line.startswith("weir run: note: rule `r`: ")]
        if done.returncode != 0 or words:
            raise Failure(f"the expressions do not run\n{done.stdout}{done.stderr}")
        alert, number = numbers_kept(done.stdout)
        return [write_json(value, number) for value in alert["fields"].values()]

    def run_command(self, block):
        """`$ weir …` and what it says, both streams; `$ cat FILE` shows a file."""
        out = []
        for line in block.lines:
            if not line.startswith("$ "):
                continue
            out.append(line)
            program, *arguments = split_words(line[2:])
            if program == "cat":
                with open(os.path.join(self.folder, arguments[0]), encoding="utf-8") as file:
                    out += file.read().splitlines()
                continue
            if program != "weir":
                raise Failure(f"only `weir` and `cat` are run: {line}")
            arguments = [argument.strip('"') for argument in arguments]
            done = self.call(arguments)
            out += done.stdout.splitlines() + done.stderr.splitlines()
        compare(block, out)

    def run_block(self, block, results):
        if block.kind not in BLOCK_KINDS:
            raise Failure(f"a block must say what it is: ```{block.kind}")
        if block.kind == "file":
            self.write(block.words[0], block.lines)
        elif block.kind == "weir":
            self.check_rules(block, results)
        elif block.kind == "events":
            self.run_events(block, results)
        elif block.kind == "expressions":
            self.run_expressions(block)
        elif block.kind == "run":
            self.run_command(block)


def compare(block, lines):
    if block.lines == lines:
        return
    block.result = lines
    raise Failure("the page says\n" + "\n".join(block.lines) + "\nthe program says\n" + "\n".join(lines))


def compare_all(results):
    failures = []
    for block, lines, short in results:
        try:
            if block is not None:
                compare(block, shortened(lines, block.lines, short))
        except Failure as failure:
            failures.append(str(failure))
    if failures:
        raise Failure("\n".join(failures))


class Count:
    def __init__(self):
        self.passed = self.failed = 0

    def test(self, name, deed):
        try:
            deed()
            self.passed += 1
        except (Failure, ValueError, KeyError, subprocess.TimeoutExpired) as failure:
            self.failed += 1
            print(f"FAILED {name}: {failure}")


def run_page(count, path, weir, only, update):
    lines, blocks = read_page(path)
    with tempfile.TemporaryDirectory() as folder:
        page = Page(path, weir, folder)
        for at, block in enumerate(blocks):
            if block.kind in READ_ONLY:
                continue
            if block.kind in RESULT_OF:
                before = at - 1
                while before > 0 and blocks[before].kind in RESULT_OF:
                    before -= 1
                if blocks[before].kind != RESULT_OF[block.kind]:
                    count.test(f"{path}:{block.line}", lambda: compare(block, ["belongs to no block"]))
                continue
            results = []
            for later in blocks[at + 1 :]:
                if RESULT_OF.get(later.kind) != block.kind:
                    break
                results.append(later)
            if only and only not in "\n".join(block.lines) and block.kind != "file" and not {"setup", "more"} & set(block.words):
                if block.kind == "weir" and not block.words:
                    page.write("example.weir", block.lines)
                continue
            count.test(f"{path}:{block.line}", lambda: page.run_block(block, results))
    if update:
        write_page(path, lines, blocks)


# ---- tables that come from the code ----


def compare_table(path, mark, table, update):
    """What stands between `<!-- MARK -->` and `<!-- end of MARK -->`."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if begin not in text or end not in text:
        raise Failure(f"{path} lacks its marks {begin.strip()} … {end}")
    head, _, rest = text.partition(begin)
    old, _, tail = rest.partition(end)
    if old == table:
        return
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(head + begin + table + end + tail)
    raise Failure(f"{path} differs from the code; `run_docs.py --update` writes it anew")


def run_functions(count, weir):
    """Each function's example of the table, through the program."""
    with tempfile.TemporaryDirectory() as folder:
        page = Page("functions", weir, folder)
        for function in json.loads(page.call(["functions", "--json"]).stdout):

            def example(function=function):
                told = page.evaluate("event e { event_time at at time }", [function["example"]],
                                     json.dumps({"at": DAY + "10:00:00Z"}))
                if told != [function["result"]]:
                    raise Failure(f"{function['example']} gives {told[0]}, the table says {function['result']}")

            count.test(f"function {function['name']}", example)


def run_tables(count, weir, limits_table, docs, update):
    functions = subprocess.run([weir, "functions", "--markdown"], capture_output=True, encoding="utf-8", check=True)
    limits = subprocess.run([limits_table], capture_output=True, encoding="utf-8", check=True)
    memory = subprocess.run([limits_table, "memory"], capture_output=True, encoding="utf-8", check=True)
    count.test("functions.md is the code's table", lambda: compare_table(
        os.path.join(docs, "functions.md"), "functions", functions.stdout, update))
    count.test("limits.md is the code's table", lambda: compare_table(
        os.path.join(docs, "limits.md"), "limits", limits.stdout, update))
    count.test("limits.md is the code's table of what follows from memory", lambda: compare_table(
        os.path.join(docs, "limits.md"), "memory limits", memory.stdout, update))


# ---- links ----


def anchors(path):
    """What GitHub makes of the headings."""
    with open(path, encoding="utf-8") as file:
        headings = re.findall(r"^#+ +(.*)$", re.sub(r"(?ms)^```.*?^```$", "", file.read()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def check_links(path):
    """Each relative link leads to a file, and to a heading of it."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"(?ms)^```.*?^```$", "", file.read())
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        if not os.path.exists(there):
            wrong.append(f"{target}: no such file")
        elif anchor and there.endswith(".md") and anchor not in anchors(there):
            wrong.append(f"{target}: no such heading")
    if wrong:
        raise Failure("\n  ".join(wrong))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--page", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("weir")
    parser.add_argument("limits_table")
    parser.add_argument("docs")
    options = parser.parse_args()
    docs, only = options.docs, options.only or options.page
    count = Count()
    for name in PAGES_WITH_EXAMPLES:
        if options.page in ("", name):
            run_page(count, os.path.join(docs, name), options.weir, options.only, options.update)
    if not only:
        run_tables(count, options.weir, options.limits_table, docs, options.update)
        run_functions(count, options.weir)
        root = os.path.dirname(os.path.abspath(docs))
        for folder, _, names in os.walk(root):
            if os.path.relpath(folder, root).split(os.sep)[0] in ("build", ".git"):
                continue
            for name in sorted(names):
                if name.endswith(".md"):
                    path = os.path.join(folder, name)
                    count.test(f"links of {os.path.relpath(path, root)}", lambda path=path: check_links(path))
    print(f"{count.passed} passed, {count.failed} failed")
    sys.exit(1 if count.failed else 0)


if __name__ == "__main__":
    main()
