#!/usr/bin/env python3
"""run_house.py - the rules of the house, held against the sources and what the compiler made of them.

    run_house.py ROOT [--symbols LIBRARY…]

A floor includes only itself and those below; adapters see one header of the engine; every file says what it is; nothing
names a place on somebody's machine. With --symbols (static libraries called libweir_FLOOR.a, without sanitizers), what
they call: files, clock and chance through base/env.c alone, memory through base/mem.c, no function of libm that a rule
could see the result of, no mutable globals. Long files and functions are listed, which is no failure. Ends with a line
`N passed, N failed`.
"""
import os
import re
import subprocess
import sys

FLOORS = ["base", "nfa", "rules", "engine", "adapters", "server", "cli"]
# What adapters may see of the engine.
ADAPTER_HEADERS = {"engine/adapter.h", "engine/weir.h"}
# What the program may see of the engine: the library, the driver of sources and sinks, the tests of rule files.
PROGRAM_HEADERS = {"engine/adapter.h", "engine/weir.h", "engine/drive.h", "engine/test_run.h"}
FILE_LINES = 800
FUNCTION_LINES = 70

# Who may call what of the C library and the host: symbols, the files that may, why they alone.
DOORS = [
    ("files, clock, chance, environment, processes",
     "open openat creat read write pread pwrite close stat fstat lstat fstatat access unlink rename mkdir rmdir fsync "
     "fdatasync ftruncate opendir fdopendir readdir closedir isatty getenv secure_getenv setenv clock_gettime gettimeofday "
     "time clock getrandom getentropy rand srand random arc4random poll select pipe pipe2 sigaction socket connect system "
     "popen fork vfork execve posix_spawn nanosleep usleep sleep pthread_create dlopen",
     {"base/env.c": None, "cli/live.c": "sigaction poll pipe2 write close".split()}),
    ("streams", "fopen fdopen freopen fread fgets getc fgetc getline fwrite fputs fputc putc putchar puts printf fprintf "
     "vprintf vfprintf fflush fclose stdin stdout stderr perror",
     {"base/check.c": None, "cli/check.c": None, "cli/cli.c": None, "cli/fmt.c": None, "cli/load.c": None,
      "cli/progress.c": None, "cli/run.c": None}),
    ("memory", "malloc calloc realloc free aligned_alloc posix_memalign memalign strdup strndup asprintf vasprintf",
     {"base/mem.c": None, "engine/weir.c": None}),
    ("pages of memory", "mmap munmap mremap madvise mprotect brk sbrk", {"base/mem.c": None}),
    ("the end of the process", "exit _exit _Exit abort quick_exit",
     {"base/check.c": None, "base/regex.c": ["abort"], "cli/live.c": ["_exit"]}),
    ("signals", "signal raise kill sigaction sigprocmask", {"cli/cli.c": ["signal"], "cli/live.c": ["sigaction"]}),
    ("jumps", "longjmp siglongjmp", {"base/mem.c": None}),
    ("libm", "sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh exp exp2 exp10 expm1 log log2 log10 log1p pow "
     "hypot cbrt erf erfc tgamma lgamma", {}),
    ("what has no place here", "strcpy strcat stpcpy strncat sprintf vsprintf gets scanf sscanf fscanf atoi atol atoll atof "
     "strtod strtol strtoul strtoll strtoull strtok strtok_r alloca setlocale localtime gmtime mktime asctime ctime strftime "
     "tmpnam mktemp", {}),
]
# Mutable state outside of any struct: what a signal handler must find.
GLOBALS = {("cli/live.c", "stop_asked"), ("cli/live.c", "wake_pipe")}

# Written so that this file does not name them itself.
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:" + "|".join(["wo" + "rk", "ro" + "ot", "ho" + "me", "tm" + "p"]) + r")(?![\w-])")
LEFT_OVER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|not imple" + r"mented)\b")


class Count:
    def __init__(self):
        self.passed = self.failed = 0

    def test(self, name, wrong):
        if wrong:
            self.failed += 1
            print(f"FAILED {name}")
            for line in wrong:
                print(f"  {line}")
        else:
            self.passed += 1


def files(root, *endings):
    out = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in (".git", "build", "__pycache__"))
        for name in sorted(names):
            if not endings or name.endswith(endings):
                out.append(os.path.relpath(os.path.join(folder, name), root))
    return out


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def floor_of(path):
    top = path.split(os.sep)[0]
    return FLOORS.index(top) if top in FLOORS else None


def includes(text):
    """(line number, path) of what is included with quotes."""
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
        if match:
            yield number, match.group(1)


def check_includes(count, root, sources):
    above, lost, adapters, concrete, program, angled = [], [], [], [], [], []
    for path in sources:
        floor = floor_of(path)
        text = read(root, path)
        for number, name in includes(text):
            place = f"{path}:{number}: {name}"
            there = floor_of(name)
            beside = os.path.exists(os.path.join(root, os.path.dirname(path), name))
            if floor is not None and not os.path.exists(os.path.join(root, name)):
                lost.append(place + ": written from the root of the repository?")
            elif floor is None and not os.path.exists(os.path.join(root, name)) and not beside \
                    and not os.path.exists(os.path.join(root, "tests", name)):
                lost.append(place)
            if floor is None or there is None:
                if floor is not None and there is None:
                    above.append(place + ": not of a floor")
                continue
            if there > floor:
                above.append(f"{place}: {FLOORS[floor]} is below {FLOORS[there]}")
            if FLOORS[floor] == "adapters" and FLOORS[there] == "engine" and name not in ADAPTER_HEADERS:
                adapters.append(place)
            if FLOORS[floor] in ("server", "cli") and FLOORS[there] == "engine" and name not in PROGRAM_HEADERS:
                program.append(place)
            if FLOORS[there] == "adapters" and name != "adapters/registry.h" and path != "adapters/registry.c" \
                    and os.path.splitext(path)[0] != os.path.splitext(name)[0]:
                concrete.append(place)
        for number, line in enumerate(text.split("\n"), 1):
            match = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
            if match and floor_of(match.group(1)) is not None and os.path.exists(os.path.join(root, match.group(1))):
                angled.append(f"{path}:{number}: {match.group(1)}")
    count.test("a floor includes only itself and those below", above)
    count.test("included files are there, named from the root", lost)
    count.test("own headers stand in quotes", angled)
    count.test("adapters see engine/adapter.h and the public header alone", adapters)
    count.test("the program sees the library's headers alone", program)
    count.test("only adapters/registry.c knows concrete adapters", concrete)


def check_link_lines(count, root):
    """What CMakeLists.txt lets each floor link."""
    wrong = []
    found = re.findall(r"^weir_floor\((\w+)([^)]*)\)", read(root, "CMakeLists.txt"), re.M)
    for name, libraries in found:
        for library in re.findall(r"weir_(\w+)", libraries):
            if library in FLOORS and FLOORS.index(library) >= FLOORS.index(name):
                wrong.append(f"{name} links {library}")
    if not found:
        wrong.append("no floors in CMakeLists.txt")
    count.test("a floor links only those below", wrong)


def check_public_header(count, root):
    """weir.h can be included by a program that knows nothing else of the house but base/err.h."""
    seen = {name for _, name in includes(read(root, "engine/weir.h"))}
    count.test("engine/weir.h needs base/err.h alone", sorted(seen - {"base/err.h"}))


def check_opening(count, root, sources):
    """`/* name.c - what it is`; tests may have their floors in the first line."""
    wrong = []
    for path in sources:
        lines = read(root, path).split("\n")
        at = 1 if lines[0].startswith("/* floors:") else 0
        first = lines[at] if at < len(lines) else ""
        if not first.startswith("/* ") or len(first) < 20:
            wrong.append(f"{path}: does not open with a comment that says what it is")
        elif floor_of(path) is not None and not first.startswith(f"/* {os.path.basename(path)} - "):
            wrong.append(f"{path}: opens with `{first}`")
    count.test("every file opens with what it is", wrong)


def check_guards(count, root, sources):
    wrong = []
    for path in sources:
        if path.endswith(".h") and floor_of(path) is not None:
            name = "WEIR_" + re.sub(r"\W", "_", path).upper()
            if f"#ifndef {name}\n#define {name}\n" not in read(root, path):
                wrong.append(f"{path}: its guard is not {name}")
    count.test("headers have the guard of their name", wrong)


def check_readmes(count, root, sources):
    """A floor's README names each file of the floor, by itself or by its module (`counter` for counter_ring.c), and no other."""
    silent, lost = [], []
    for floor in FLOORS:
        page = f"{floor}/README.md"
        own = [path for path in sources if path.startswith(floor + "/")]
        if not own:
            continue
        text = read(root, page) if os.path.exists(os.path.join(root, page)) else ""
        named = {word.rstrip("_") for code in re.findall(r"`([^`]+)`", text) for word in re.findall(r"\w+", code)}
        for path in own:
            parts = os.path.splitext(os.path.basename(path))[0].split("_")
            if not any("_".join(parts[:i + 1]) in named for i in range(len(parts))):
                silent.append(f"{page} does not name {path}")
        for name in re.findall(r"`([a-z0-9_/]+\.[ch])`", text):
            if not os.path.exists(os.path.join(root, floor, name)) and not os.path.exists(os.path.join(root, name)):
                lost.append(f"{page} names {name}")
    count.test("the README of a floor names its files", silent)
    count.test("the README of a floor names no file that is not there", lost)


def check_words(count, root):
    paths, left = [], []
    for path in files(root):
        if re.search(r"\.(gz|zst|png|ico)$", path) or "/corpus/" in path:
            continue
        for number, line in enumerate(read(root, path).split("\n"), 1):
            if MACHINE_PATHS.search(line):
                paths.append(f"{path}:{number}: {line.strip()[:100]}")
            if path.endswith((".c", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt")) and LEFT_OVER.search(line):
                left.append(f"{path}:{number}: {line.strip()[:100]}")
    count.test("no file names a place on a machine", paths)
    count.test("nothing is left for later", left)


def check_symbols(count, libraries):
    calls, state = {}, []
    for library in libraries:
        floor = re.sub(r"^libweir_|\.a$", "", os.path.basename(library))
        listing = subprocess.run(["nm", "-A", "-f", "sysv", library], capture_output=True, encoding="utf-8", check=True).stdout
        for line in listing.split("\n"):
            # FILE:MEMBER:NAME |VALUE|CLASS|TYPE|SIZE|LINE|SECTION
            columns = [column.strip() for column in line.split("|")]
            if len(columns) < 7:
                continue
            member, _, name = columns[0].rpartition(":")
            file = floor + "/" + re.sub(r"\.o$", "", member.rsplit(":", 1)[-1])
            kind, section = columns[2], columns[6]
            if kind in ("U", "w"):
                plain = re.sub(r"^__(\w+)_chk$", r"\1", re.sub(r"^__isoc\d+_", "", name))
                calls.setdefault(plain, set()).add(file)
            elif columns[3] in ("OBJECT", "TLS") and re.match(r"\.(data|bss|tdata|tbss)", section) \
                    and ".rel.ro" not in section or kind == "C":
                if (file, name) not in GLOBALS:
                    state.append(f"{file}: {name} in {section or 'common'}")
    for what, names, doors in DOORS:
        wrong = []
        for name in names.split():
            for file in sorted(calls.get(name, ())):
                allowed = file in doors and (doors[file] is None or name in doors[file])
                if not allowed:
                    wrong.append(f"{file} calls {name}")
        count.test(f"{what}: through their door alone", wrong)
    count.test("no mutable globals", state)


def list_long(root, sources):
    """A compass, not a rule. clang-format puts the brace that ends a function at the start of a line."""
    for path in sources:
        if floor_of(path) is None:
            continue
        lines = read(root, path).split("\n")
        if len(lines) > FILE_LINES:
            print(f"long: {path} has {len(lines)} lines")
        start = None
        for number, line in enumerate(lines, 1):
            if start is None and re.match(r"[A-Za-z_].*[^;,]$|[A-Za-z_].*\($", line) and not line.startswith(("struct ", "enum ", "union ", "typedef ")):
                start = number
            elif start is None and re.match(r"(?:static |const )*(?:struct|enum|union) \w+[ *].*\(.*", line) and not line.endswith(";"):
                start = number
            if start is not None and (line.startswith("}") or line.endswith(";") and not line.startswith(" ") or not line):
                if line.startswith("}") and number - start + 1 > FUNCTION_LINES:
                    print(f"long: {path}:{start} is a function of {number - start + 1} lines")
                if line.startswith("}") or line.endswith(";"):
                    start = None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    root = sys.argv[1]
    libraries = sys.argv[3:] if sys.argv[2:3] == ["--symbols"] else []
    sources = files(root, ".c", ".h")
    count = Count()
    check_includes(count, root, sources)
    check_link_lines(count, root)
    check_public_header(count, root)
    check_opening(count, root, sources)
    check_guards(count, root, sources)
    check_readmes(count, root, sources)
    check_words(count, root)
    if libraries:
        check_symbols(count, libraries)
    list_long(root, sources)
    print(f"{count.passed} passed, {count.failed} failed" + ("" if libraries else f", {len(DOORS) + 1} skipped"))
    if not libraries:
        print("skipped: what the libraries call (their build has sanitizers)")
    sys.exit(1 if count.failed else 0)


if __name__ == "__main__":
    main()
