#!/usr/bin/env python3
"""run_example.py - the fraud example as a newcomer meets it, and the promises that its page makes.

    run_example.py [--update] WEIR GENERATOR ROOT      everything but the real data
    run_example.py --real WEIR GENERATOR ROOT          examples/fraud/real, where its data are

Works in a copy of examples/fraud beside a build folder that leads to WEIR and GENERATOR. The page is a script: each block
```sh is run, in order, and what it prints must be the block ```text after it. A line `…` there stands for any number of
lines, a line that ends in `…` for all that begin so. A command whose last line says `# exit code 1` must end with that.
--update fills those ```text blocks that are empty; read the difference before you keep it.
Ends with a line `N passed, N failed, N skipped`; the exit code is 1 if one failed.
"""
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SAMPLE_BYTES_MAX = 300_000
PARTITIONS = ["payments", "sessions", "heartbeats", "history"]


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def test(self, name, good, detail=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}")
            for line in str(detail).rstrip().split("\n"):
                print(f"  {line}")


class House:
    """A folder that looks like a checkout after ./setup."""

    def __init__(self, folder, weir, generator, root):
        self.folder, self.weir, self.generator = folder, weir, generator
        self.fraud = os.path.join(folder, "examples", "fraud")
        shutil.copytree(os.path.join(root, "examples", "fraud"), self.fraud)
        os.makedirs(os.path.join(folder, "build", "release", "examples"))
        os.symlink(weir, os.path.join(folder, "build", "release", "weir"))
        os.symlink(generator, os.path.join(folder, "build", "release", "examples", "fraud_generate"))
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR")}

    def run(self, *command, cwd=None):
        done = subprocess.run(command, cwd=cwd or self.folder, env=self.env, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def read(self, *path):
        with open(os.path.join(self.folder, *path), "rb") as file:
            return file.read()


# ---- the page ----


def blocks_of(lines):
    """(language, first line, lines) of each fenced block; the first line is that after the fence, from 0."""
    out, language, start = [], None, 0
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if language is None:
            language, start = line[3:].strip(), number + 1
        else:
            out.append((language, start, lines[start:number]))
            language = None
    return out


def fits(expected, came):
    """Whether the lines that came are those expected; `…` as in the head of this file."""
    pattern = ""
    for line in expected:
        if line == "…":
            pattern += r"(?:.*\n)*?"
        elif line.endswith("…"):
            pattern += re.escape(line[:-1]) + r".*\n"
        else:
            pattern += re.escape(line) + r"\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in came)) is not None


def walk(count, house, page, update):
    with open(page, encoding="utf-8") as file:
        lines = file.read().split("\n")
    blocks = blocks_of(lines)
    fill = []
    for i, (language, start, script) in enumerate(blocks):
        if language != "sh":
            continue
        wanted = 1 if "# exit code 1" in script[-1] else 0
        code, out, err = house.run("bash", "-c", "\n".join(script))
        count.test(f"README.md:{start + 1}: exit code {wanted}", code == wanted, f"exit code {code}\n{out}{err}")
        if i + 1 == len(blocks) or blocks[i + 1][0] != "text":
            continue
        came = (out + err).rstrip("\n").split("\n")
        expected = blocks[i + 1][2]
        if update and not expected:
            fill.append((blocks[i + 1][1], came))
        else:
            count.test(f"README.md:{start + 1}: what it prints", fits(expected, came), "\n".join(came))
    for at, came in reversed(fill):
        lines[at:at] = came
    if fill:
        with open(page, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
    count.test("the page has commands", len(blocks) > 10)


def check_links(count, root, page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    lost = [link for link in re.findall(r"\]\(([^)#]+)\)", text)
            if "://" not in link and not os.path.exists(os.path.join(root, "examples", "fraud", link))]
    count.test("the links of README.md lead somewhere", not lost, lost)


def check_programs(count, root, page):
    """What the page calls is what ./setup builds, and not only what the tests need."""
    with open(page, encoding="utf-8") as file:
        called = set(re.findall(r"build/release/(?:examples/)?(\w+)", file.read()))
    with open(os.path.join(root, "setup"), encoding="utf-8") as file:
        built = re.search(r"--target ([\w ]+)", file.read())
    built = set(built[1].split()) if built else set()
    count.test("./setup builds what the page calls", len(called) >= 2 and called <= built, sorted(called - built))


# ---- the promises ----


def check_rules(count, house):
    for rules in ("examples/fraud/rules", "examples/fraud/real-rules", "examples/fraud"):
        code, out, err = house.run(house.weir, "check", rules)
        count.test(f"weir check {rules}: no errors, no warnings", code == 0 and "warning:" not in out + err, out + err)
        code, out, err = house.run(house.weir, "test", rules)
        count.test(f"weir test {rules}", code == 0, out + err)
    code, out, err = house.run(house.weir, "test", "examples/fraud", "--coverage")
    rows = re.findall(r"^((?:group )?\w+) +\d+  (yes|-) +(yes|-)$", out, re.M)
    blocks = {"watch_guessed", "watch_tested"}  # `to nothing`: what they do is seen in other rules' alerts
    groups = [row for row in rows if row[0].startswith("group ")]
    count.test("every rule and group has tests in which it fires, and such in which it keeps quiet",
               len(rows) >= 40 and len(groups) >= 2 and all(row[2] == "yes" and (row[1] == "yes" or row[0] in blocks) for row in rows), out)
    files = [os.path.join(folder, name) for folder, _, names in os.walk(house.fraud) for name in names if name.endswith(".weir")]
    code, out, err = house.run(house.weir, "fmt", "--check", *sorted(files))
    count.test("weir fmt --check", code == 0, out + err)


def check_sample(count, house):
    """The sample is what the generator makes of the options beside it, and stays small."""
    data = os.path.join("examples", "fraud", "data")
    options = house.read(data, "options.txt").decode().split()
    made = os.path.join(house.folder, "made")
    os.mkdir(made)
    code, _, err = house.run(house.generator, "--out", made, *options)
    count.test("the generator runs", code == 0, err)
    for name in PARTITIONS:
        shipped = gzip.decompress(house.read(data, name + ".jsonl.gz"))
        count.test(f"{name}.jsonl is reproduced, byte for byte", house.read("made", name + ".jsonl") == shipped)
    count.test("labels.csv is reproduced, byte for byte", house.read("made", "labels.csv") == house.read(data, "labels.csv"))
    size = sum(len(house.read(data, name)) for name in os.listdir(os.path.join(house.folder, data)))
    count.test("the sample is small", size < SAMPLE_BYTES_MAX, f"{size} bytes")
    other = [re.sub("^2026$", "2027", option) for option in options]
    house.run(house.generator, "--out", made, *other)
    count.test("another seed makes another day",
               house.read("made", "payments.jsonl") != gzip.decompress(house.read(data, "payments.jsonl.gz")))
    for wrong in (["--out"], ["--seed", "1"], ["--out", made, "--seed", "x"], ["--out", made, "--minutes", "1"], ["--what", "1"]):
        code, _, err = house.run(house.generator, *wrong)
        count.test(f"the generator refuses {wrong}", code == 2 and "usage" in err, err)
    code, _, err = house.run(house.generator, "--out", os.path.join(made, "nowhere"))
    count.test("the generator says that the folder is missing", code == 3 and "nowhere" in err, err)


def check_alerts(count, house):
    code, out, err = house.run("examples/fraud/run")
    count.test("examples/fraud/run", code == 0, out + err)
    count.test("the alerts are the expected ones, byte for byte",
               house.read("build", "fraud", "alerts.jsonl") == house.read("examples", "fraud", "expected", "alerts.jsonl"))
    alerts = [json.loads(line) for line in house.read("build", "fraud", "alerts.jsonl").splitlines()]
    count.test("no alert holds a whole card number", not re.search(rb"9999\d{12}", house.read("build", "fraud", "alerts.jsonl")))
    # Event time decides, not the place of a file on the command line; only positions and what is made of them differ.
    inputs = [f"--input={event}examples/fraud/data/{name}.jsonl.gz"
              for event, name in (("", "history"), ("heartbeat=", "heartbeats"), ("", "sessions"), ("payment=", "payments"))]
    code, out, err = house.run(house.weir, "run", "examples/fraud/rules", *inputs)
    told = sorted(json.dumps([a["time"], a["rule"], a["key"], a["fields"]]) for a in map(json.loads, out.splitlines()))
    count.test("the inputs in another order: the same alerts",
               code == 0 and told == sorted(json.dumps([a["time"], a["rule"], a["key"], a["fields"]]) for a in alerts), err)
    expected = os.path.join(house.fraud, "expected", "alerts.jsonl")
    with open(expected, encoding="utf-8") as file:
        lines = file.readlines()
    with open(expected, "w", encoding="utf-8") as file:
        file.writelines(lines[:-1])
    code, out, err = house.run("examples/fraud/run")
    count.test("run says when the alerts are not the expected ones", code == 1 and "not the expected ones" in out, out + err)
    with open(expected, "w", encoding="utf-8") as file:
        file.writelines(lines)


def check_real_figures(count, page, out):
    """The rows of the page's first table about real data are what `real` prints."""
    with open(page, encoding="utf-8") as file:
        rows = re.findall(r"^\| `?(\w+)`?(?::[^|]*)? \| ([0-9,]+) \| ([0-9. |]+) \|$", file.read(), re.M)
    seen = 0
    for name, told, rest in rows:
        figures = [told.replace(",", "")] + re.findall(r"[0-9.]+", rest)
        row = re.search(rf"^  {name} +(\d+) +\d+ +(.*)$", out, re.M)
        if len(figures) != 6 or row is None:
            continue
        seen += 1
        count.test(f"real: the page's figures of {name}", [row[1]] + row[2].split() == figures, f"{figures}\n{row[0]}")
    count.test("real: the page has figures of four rows", seen == 4, f"{seen} rows")


def check_real(count, house, root, page):
    there = os.path.join(root, "..", "shared", "data")
    given = os.environ.get("WEIR_DATA") or (there if os.path.isdir(there) else None)
    empty = os.path.join(house.folder, "empty")
    os.mkdir(empty)
    code, out, err = house.run("examples/fraud/real", empty)
    count.test("real without data says `skipped` and why", code == 0 and out.count("skipped: ") == 3, out + err)
    code, out, err = house.run("examples/fraud/real", os.path.join(empty, "nowhere"))
    count.test("real says that the folder is missing", code == 3 and "nowhere" in err, out + err)
    if given is None:
        count.skipped += 1
        print("skipped: the real data are not here (WEIR_DATA names no folder)")
        return
    code, out, err = house.run("examples/fraud/real", os.path.abspath(given))
    print(out.rstrip())
    count.test("real", code == 0, out + err)
    for what, least in (("high_amount", (0.99, 0.2)), ("tainted_terminal", (0.6, 0.35)), ("unlike_before", (0.9, 0.24)),
                        ("together", (0.75, 0.69))):
        row = re.search(rf"^  {what} +\d+ +\d+ +([0-9.]+) +([0-9.]+)", out, re.M)
        count.test(f"real: precision and recall of {what} at least {least}",
                   row is not None and float(row[1]) >= least[0] and float(row[2]) >= least[1], out)
    check_real_figures(count, page, out)
    count.test("real: the nine addresses of the SSH log", "tells 9, 9 of them right (precision 1.000, recall 1.000)" in out, out)
    count.test("real: the one login", out.count("  ssh_login  fztu ") == 1 and out.count("ssh_login") == 1, out)


def main():
    flags = [a for a in sys.argv[1:] if a.startswith("--")]
    weir, generator, root = (os.path.abspath(a) for a in sys.argv[1:] if not a.startswith("--"))
    count = Count()
    page = os.path.join(root, "examples", "fraud", "README.md")
    with tempfile.TemporaryDirectory() as folder:
        house = House(folder, weir, generator, root)
        if "--real" in flags:
            check_real(count, house, root, page)
        else:
            check_rules(count, house)
            check_sample(count, house)
            check_alerts(count, house)
            walk(count, house, page, "--update" in flags)
            check_links(count, root, page)
            check_programs(count, root, page)
    print(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
