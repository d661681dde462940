"""The benchmark: whole processes, in turns, against what reading costs at least and against peers.

`just bench` runs it; `just bench --smoke` does all of it in little, to see that it works. It builds
what it compares, makes the corpora by seed, installs the peers by name, and measures each command
several times in interleaved rounds, so that a slow minute of the machine meets all of them. Ratios are
medians of ratios within a round, with their range. Beside each time stands what came out: wrong but
fast shows.

Results go to `benches/runs/DATE.json`, and as a table for the README to standard output.
"""

import argparse
import datetime
import gzip
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "benches" / "suite"
WORK = ROOT / "target" / "bench"
RUNS = ROOT / "benches" / "runs"
POLICIES = WORK / f"policies-{os.getpid()}"
PEERS = ["duckdb", "orjson", "trailscraper"]
# No name is folded into a prefix, so that rows can be compared one by one.
EXACT = ["--name-quota", str(2**31)]


class Corpus:
    """An archive made by testkit, kept from run to run."""

    def __init__(self, name, events, seed):
        self.name, self.events, self.seed = name, events, seed
        self.root = WORK / "corpora" / f"{name}-{events}-{seed}"

    def make(self, testkit):
        told = self.root.with_suffix(".txt")
        if not told.exists():
            shutil.rmtree(self.root, ignore_errors=True)
            self.root.mkdir(parents=True)
            command = [testkit, "corpus", "--events", self.events, "--seed", self.seed, self.root]
            made = subprocess.run([str(word) for word in command], check=True, stderr=subprocess.PIPE)
            told.write_bytes(made.stderr)
        self.told = told.read_text().strip()


def single_file(corpora, size):
    """One gzip file of one member with at least `size` bytes of JSON, out of the corpora's records."""
    path = WORK / "corpora" / f"single-{size}.json.gz"
    if not path.exists():
        new, written = path.with_suffix(".new"), 0
        with gzip.open(new, "wb", 6) as out:
            out.write(b'{"Records":[')
            files = (file for corpus in corpora for file in sorted(corpus.root.rglob("*.json.gz")))
            for number, file in enumerate(files):
                records = gzip.decompress(file.read_bytes())[len(b'{"Records":[') : -len(b"]}")]
                out.write((b"," if number else b"") + records)
                written += len(records)
                if written >= size:
                    break
            out.write(b"]}")
        new.rename(path)
    return path


class Case:
    """A command, and what it did each time it was run.

    `{run}` in it is another number each time: a file system that has lately deleted what a run wrote is
    slow to make the next files, and that is not to be measured.
    """

    started = 0

    def __init__(self, name, command, count=None, once=False):
        self.name, self.command = name, [str(word) for word in command]
        # How the number of results is read from the output.
        self.count = count or (lambda out: int(re.findall(r"\d+", out)[-1]))
        # Whether a single run must do, since it takes long.
        self.once = once
        self.runs = []

    def run(self):
        Case.started += 1
        command = [word.replace("{run}", str(Case.started)) for word in self.command]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=out, stderr=err, cwd=WORK)
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0), err.seek(0)
            text, told = out.read().decode(), err.read().decode()
        if process.returncode != 0:
            sys.exit(f"{self.name} failed ({process.returncode}): {told[-2000:]}")
        result = {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024}
        result["count"] = self.count(text if text.strip() else told)
        self.runs.append(result)

    def median(self, what):
        return statistics.median(run[what] for run in self.runs)


def measure(title, cases, rounds):
    """Runs the cases in turns; the first round only warms up."""
    print(f"{title}: {rounds} rounds of {len(cases)} commands", file=sys.stderr)
    for number in range(rounds + 1):
        for case in cases:
            if case.once and number != 1:
                continue
            case.run()
            if number == 0:
                case.runs.clear()
    return {case.name: case for case in cases}


def ratio(case, base, what="wall"):
    """The median of the ratios within a round, with the range."""
    pairs = [a[what] / b[what] for a, b in zip(case.runs, base.runs)]
    return statistics.median(pairs), min(pairs), max(pairs)


def show(ratio):
    return "{:.2f} [{:.2f}-{:.2f}]".format(*ratio)


def out_of(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def lines_of(command):
    """The lines of an output, one by one. A process that is started later begins with the memory of this
    one as its peak, so nothing large is ever held here."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield from process.stdout


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "cpu": cpu.group(1) if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.system() + " " + platform.machine(),
    }


def build():
    packages = ["trailtrim", "trailtrim-testkit", "trailtrim-yardstick"]
    words = [word for package in packages for word in ("-p", package)]
    subprocess.run(["cargo", "build", "--release", "--locked", *words], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    return [target / package for package in packages]


def install_peers():
    """Returns the Python of a venv with the peers in it."""
    venv = WORK / "venv"
    python = venv / "bin" / "python"
    if not (venv / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
        (venv / "done").touch()
    return python


def versions(python):
    found = {}
    for line in out_of([python, "-m", "pip", "list", "--format", "freeze"]).splitlines():
        name, _, version = line.partition("==")
        if name in PEERS:
            found[name] = version
    found["python"] = platform.python_version()
    found["jq"] = out_of(["jq", "--version"]) if shutil.which("jq") else None
    found["rustc"] = out_of(["rustc", "--version"])
    found["trailtrim"] = out_of(["git", "-C", ROOT, "describe", "--always", "--dirty"])
    return found


def observed_rows(yardstick, usage):
    """How many (principal, event source, event name, ARN) a usage file holds."""
    return int(out_of([yardstick, "rows", usage]))


def principal_of_median_activity(trailtrim, corpus):
    """The role in the middle when all are ordered by their number of calls."""
    usage = WORK / "median.usage"
    subprocess.run([trailtrim, "observe", corpus.root, "-o", usage], check=True, capture_output=True)
    calls = {}
    for line in lines_of([trailtrim, "usage", usage, "--format", "json"]):
        line = json.loads(line)
        calls[line["principal"]] = calls.get(line["principal"], 0) + line["calls"]
    ordered = sorted(calls, key=lambda principal: (calls[principal], principal))
    roles = [principal for principal in ordered if ":role/" in principal]
    return roles[len(roles) // 2]


def own(trailtrim, yardstick, corpus, role, threads):
    """The product and its limits at a number of threads."""
    at = ["--threads", threads]
    usage, policies = WORK / f"{threads}.usage", POLICIES / "{run}"
    files = lambda text: int(re.search(r"with ([\d,]+) record", text).group(1).replace(",", ""))
    lines = lambda text: text.count("\n")
    records = lambda text: int(re.search(r"read ([\d,]+) record", text).group(1).replace(",", ""))
    return [
        Case(f"read {threads}", [yardstick, "read", corpus.root, *at]),
        Case(f"inflate {threads}", [yardstick, "inflate", corpus.root, *at]),
        Case(f"observe {threads}", [trailtrim, "observe", corpus.root, "-o", usage, *at], files),
        Case(f"generate {threads}", [trailtrim, "generate", corpus.root, "--out", policies, *at], records),
        Case(
            f"one role {threads}",
            [trailtrim, "usage", corpus.root, "--principal", role, "--format", "json", *at],
            lines,
        ),
    ]


def rows_cases(python, trailtrim, corpus, threads, usage):
    """Everyone makes the same rows."""
    exact = [trailtrim, "observe", corpus.root, "-o", usage, *EXACT, "--threads", threads]
    cases = [Case(f"observe, exact {threads}", exact, lambda _: 0)]
    for formulation in ["transform", "paths"]:
        command = [python, HERE / "peers" / "duckdb_rows.py", formulation, corpus.root, threads]
        cases.append(Case(f"duckdb {formulation} {threads}", command))
    if threads == 1:
        cases.append(Case("orjson 1", [python, HERE / "peers" / "orjson_rows.py", corpus.root]))
        if shutil.which("jq"):
            # Once: it takes half a minute.
            jq = ["bash", HERE / "peers" / "jq_rows.sh", corpus.root]
            cases.append(Case("jq 1", jq, once=True))
    return cases


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("--smoke", action="store_true", help="small corpora, one round")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--readme", action="store_true", help="put the table into README.md")
    options = arguments.parse_args()
    rounds = 1 if options.smoke else options.rounds
    if options.smoke and options.readme:
        sys.exit("a smoke run measures nothing that could stand in the README")
    scale = 50 if options.smoke else 1

    WORK.mkdir(parents=True, exist_ok=True)
    trailtrim, testkit, yardstick = build()
    python = install_peers()
    small = Corpus("S", 20_000 // scale, 2)
    medium = Corpus("M", 500_000 // scale, 1)
    large = Corpus("L", 3_000_000 // scale, 3)
    for corpus in [small, medium, large]:
        corpus.make(testkit)
        print(f"{corpus.name}: {corpus.events} events, {corpus.told}", file=sys.stderr)
    single = single_file([medium, small, large], 2**30 // scale)
    role = principal_of_median_activity(trailtrim, medium)

    cases = {}
    # Both thread counts in one round, since their ratio is asked for too.
    ours = own(trailtrim, yardstick, medium, role, 1) + own(trailtrim, yardstick, medium, role, 2)
    cases |= measure("the product on M", ours, rounds)
    one_file = [
        Case(
            f"single file {threads}",
            [trailtrim, "observe", single, "-o", WORK / "single.usage", "--threads", threads],
            lambda text: int(re.search(r"with ([\d,]+) record", text).group(1).replace(",", "")),
        )
        for threads in [1, 2]
    ]
    cases |= measure("one large file", one_file, min(rounds, 3))
    exact = WORK / "exact.usage"
    for threads in [1, 2]:
        peers = rows_cases(python, trailtrim, medium, threads, exact)
        cases |= measure(f"the same rows on M, {threads} threads", peers, min(rounds, 3))
    rows = observed_rows(yardstick, exact)
    trailscraper = python.parent / "trailscraper"
    policies = [
        Case("generate S", [trailtrim, "generate", small.root, "--out", POLICIES / "{run}", "--threads", 2],
             lambda text: int(re.search(r"read ([\d,]+) record", text).group(1).replace(",", ""))),
        Case("trailscraper S", ["bash", HERE / "peers" / "trailscraper.sh", trailscraper, small.root]),
    ]
    cases |= measure("policies on S", policies, min(rounds, 3))
    memory = [
        Case(f"memory {corpus.name} {threads}",
             [trailtrim, "observe", corpus.root, "-o", WORK / f"{corpus.name}.usage", *EXACT,
              "--threads", threads], lambda _: 0)
        for corpus in [medium, large] for threads in [1, 2]
    ]
    cases |= measure("memory", memory, 1)
    table_rows = {
        # The rows of names that were kept one by one, as they were in the memory that is divided by them.
        corpus.name: sum(1 for _ in lines_of(
            [trailtrim, "usage", WORK / f"{corpus.name}.usage", *EXACT, "--format", "json"]))
        for corpus in [medium, large]
    }
    start = [
        Case("help", [trailtrim, "--help"], lambda _: 0),
        Case("one small file", [trailtrim, "usage", small_file()], lambda _: 0),
    ]
    cases |= measure("start", start, rounds)
    shutil.rmtree(POLICIES)
    report(options, cases, rows, table_rows, role, [small, medium, large], versions(python))


def small_file():
    """A file with one record of about a kilobyte."""
    path = WORK / "one.json"
    record = {
        "eventVersion": "1.11", "eventTime": "2026-03-02T10:00:00Z", "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject", "awsRegion": "eu-central-1", "eventID": "e", "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333", "userAgent": "x" * 500,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/dana",
                         "accountId": "111122223333"},
        "requestParameters": {"bucketName": "data", "key": "a"},
        "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::data/a"}],
    }
    path.write_text(json.dumps({"Records": [record]}))
    return path


def report(options, cases, rows, table_rows, role, corpora, found):
    lines = []
    add = lambda what, value, asked: lines.append((what, value, asked))
    base = {threads: cases[f"inflate {threads}"] for threads in [1, 2]}
    for threads, limit in [(1, "2.3"), (2, "2.6")]:
        at = f"{threads} thread{'s' if threads > 1 else ''}"
        add(f"read only, {at}, to libdeflate", show(ratio(cases[f"read {threads}"], base[threads])), "")
        add(f"observe, {at}, to libdeflate", show(ratio(cases[f"observe {threads}"], base[threads])), f"≤ {limit}")
        more = [(a["wall"] - b["wall"]) / c["wall"] for a, b, c in
                zip(cases[f"generate {threads}"].runs, cases[f"observe {threads}"].runs, base[threads].runs)]
        add(f"generate, {at}, more than observe", show((statistics.median(more), min(more), max(more))), "≤ 0.5")
        add(f"one role, {at}, to libdeflate", show(ratio(cases[f"one role {threads}"], base[threads])), "≤ 1.3")
    add("observe, 2 threads to 1", show(ratio(cases["observe 2"], cases["observe 1"])), "≤ 0.6")
    add("one file of 1 GiB, 2 threads to 1", show(ratio(cases["single file 2"], cases["single file 1"])), "≤ 0.75")
    for threads in [1, 2]:
        ours = cases[f"observe, exact {threads}"]
        duckdb = min((cases[f"duckdb {name} {threads}"] for name in ["transform", "paths"]),
                     key=lambda case: case.median("wall"))
        add(f"DuckDB ({duckdb.name.split()[1]}), {threads} threads, to observe", show(ratio(duckdb, ours)), "≥ 4")
    add("Python with orjson to observe, 1 thread", show(ratio(cases["orjson 1"], cases["observe, exact 1"])), "≥ 7")
    if "jq 1" in cases:
        add("zcat, jq and sort to observe, 1 thread", show(ratio(cases["jq 1"], cases["observe, exact 1"])), "")
    add("trailscraper to generate, on S", show(ratio(cases["trailscraper S"], cases["generate S"])), "≥ 70")
    for name in ["M", "L"]:
        for threads in [1, 2]:
            peak = cases[f"memory {name} {threads}"].median("peak_mib")
            per_row = (peak - 32 * threads) * 2**20 / table_rows[name]
            add(f"memory on {name}, {threads} threads: bytes a row beyond 32 MiB a thread",
                f"{per_row:.0f} ({peak:.0f} MiB, {table_rows[name]} rows)", "≤ 400")
    add("`--help`", f"{cases['help'].median('wall') * 1000:.1f} ms", "< 10 ms")
    add("one file of 1 KB", f"{cases['one small file'].median('wall') * 1000:.1f} ms", "< 30 ms")

    today = datetime.date.today().isoformat()
    here = machine()
    tools = ", ".join(f"{name} {version}" for name, version in sorted(found.items()) if version)
    counts = "; ".join(f"{name} {case.runs[0]['count']}" for name, case in cases.items()
                       if name.split()[0] in ("duckdb", "orjson", "jq"))
    text = "\n".join([
        f"Measured {today} on {here['cpu']}, {here['cores']} cores; {tools}.",
        "",
        "| what | measured | wanted |",
        "|---|---|---|",
        *("| {} | {} | {} |".format(*line) for line in lines),
        "",
        f"Rows (principal, event source, event name, ARN) in the usage file: {rows}; {counts}.",
    ])
    print(text)
    if options.readme:
        write_readme(text)
    raw = {
        "date": today, "machine": here, "versions": found, "role": role, "smoke": options.smoke,
        "corpora": {corpus.name: f"{corpus.events} events, seed {corpus.seed}, {corpus.told}" for corpus in corpora},
        "rows": rows, "table": [list(line) for line in lines],
        "runs": {name: case.runs for name, case in cases.items()},
    }
    if not options.smoke:
        RUNS.mkdir(exist_ok=True)
        (RUNS / f"{today}.json").write_text(json.dumps(raw, indent=1, ensure_ascii=False) + "\n")


def write_readme(text):
    """Replaces what stands between the marks."""
    path = ROOT / "README.md"
    begin, end = "<!-- measured: `just bench --readme` -->", "<!-- end of measured -->"
    head, rest = path.read_text().split(begin)
    _, tail = rest.split(end)
    path.write_text(f"{head}{begin}\n{text}\n{end}{tail}")


if __name__ == "__main__":
    main()
