"""Results as text, as bench/results.md, and as charts."""
import os
import platform
import statistics
import subprocess

from . import chart
from .scenarios import BOTO, EXTENSION, FLOOR, SDK

INTRODUCTION = """# Results of script/bench

{where}, {rounds} rounds.

Every round measures each contestant once, beginning with another one each time. A ratio compares two figures of the same
round. Shown are medians and, in brackets, the least and the greatest.

- **floor**: a bare libcurl multi loop that sends the same requests, written and signed beforehand, and looks at nothing in
  the answers but the status (`bench/clients/floor.c`).
- **SDK v3**, **boto3**: Amazon's own clients, kept connections, 16 at once where it says so (`bench/clients/`).
- **page server**: answers from prepared pages in a process of its own (`bench/servers/pages.c`). What is measured there is
  the client's cost and parallelism and nothing else. For appends it is a sink: it answers and stores nothing.
- CPU is that of the client's process: for the extension the backend's, with everything that PostgreSQL does for the
  statement; not the server's, nor that of psql or pgbench.
"""


def spread(values, form):
    values = sorted(values)
    return f"{form(statistics.median(values))} ({form(values[0])} – {form(values[-1])})"


def verdict(met):
    return "met" if met else "**missed**"


def whole(value):
    return f"{value:,.0f}"


def ratio(value):
    return f"{value:.2f}"


def target_met(target, samples):
    value = statistics.median(target.ratios(samples))
    return value <= target.limit if target.at_most else value >= target.limit


def target_line(target, samples):
    what = "rate" if target.what == "rate" else "CPU"
    found = f"- {what} of {target.of} / {target.to}: {spread(target.ratios(samples), ratio)} ×"
    if target.limit is None:
        return f"{found} ({target.source})"
    sign = "≤" if target.at_most else "≥"
    return f"{found} (target {sign} {target.limit:.2f}: {target.source}): {verdict(target_met(target, samples))}"


def result_lines(result):
    lines = [f"## {result.title} (`{result.name}`)", "", " ".join(result.note.split()), ""]
    if result.samples:
        singular = result.unit[:-1]
        lines += [f"| | {result.unit}/s | µs of CPU for a {singular} | CPU used |", "| --- | --- | --- | --- |"]
        for name, samples in result.samples.items():
            share = statistics.median(sample.cpu / sample.seconds for sample in samples)
            lines.append(f"| {name} | {spread([sample.rate for sample in samples], whole)} | "
                         f"{spread([sample.cpu_us for sample in samples], lambda us: f'{us:.1f}')} | {share:.0%} |")
        lines.append("")
    lines += [target_line(target, result.samples) for target in result.targets if result.samples]
    lines += [f"- {bound.text}: {bound.value:.1f} {bound.unit} (target ≤ {bound.limit:.1f}): {verdict(bound.met)}"
              for bound in result.bounds]
    return lines + [""]


def where():
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    version = subprocess.run([os.environ["BENCH_PGBIN"] + "/postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return f"{len(models)} × {models[0] if models else platform.machine()}, PostgreSQL {version.split()[2]}"


def charts(results):
    """{file name: SVG} of what was measured."""
    by_name = {result.name: result for result in results if result.samples}
    made = {}

    def groups(what, names, contestants):
        return {label: {name: by_name[key].median(name, what) for name in contestants if name in by_name[key].samples}
                for key, label in names.items() if key in by_name}

    append = {"append-one": "one by one", "append-bulk": "bulk", "append-delay-1": "bulk, 1 ms away",
              "append-delay-5": "bulk, 5 ms away", "append-delay-20": "bulk, 20 ms away"}
    read = {"read-index": "index, 20 ms a page of 256", "read-index-full": "20 ms a page of 4,000",
            "read-aggregate": "aggregate, 20 ms a page of 256", "read-cpu": "index, no delay",
            "read-dynalite": "index, dynalite", "read-local": "index, DynamoDB Local"}
    everybody = (EXTENSION, FLOOR, SDK, BOTO)
    for file, title, what, names, contestants in (
            ("append.svg", "Commits appended per second (more is better)", "rate", append, everybody),
            ("append-cpu.svg", "Client CPU for a commit, µs (less is better)", "cpu_us",
             {name: append[name] for name in ("append-one", "append-bulk")}, everybody),
            ("read.svg", "Rows read per second, in order (more is better)", "rate", read, (EXTENSION, SDK, BOTO)),
            ("read-cpu.svg", "Client CPU for a row, µs (less is better)", "cpu_us", {"read-cpu": "all five columns"}, (EXTENSION, SDK, BOTO))):
        found = groups(what, names, contestants)
        if found:
            made[file] = chart.bars(title, found, everybody)
    curves = {name: points for result in results for name, points in result.curves.items()}
    if curves:
        made["memory.svg"] = chart.lines("Memory of the backend's own, MB above its start",
                                         {name: [(at, mb - points[0][1]) for at, mb in points] for name, points in curves.items()}, 64)
    return made


def write(results, folder, rounds, label):
    made = charts(results)
    lines = [INTRODUCTION.format(where=where(), rounds=rounds) + label]
    lines += [f"![]({name})\n" for name in made]
    for result in results:
        lines += result_lines(result)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "results.md"), "w") as file:
        file.write("\n".join(lines).rstrip() + "\n")
    for name, content in made.items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(content)
