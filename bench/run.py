#!/usr/bin/python3
"""Runs the scenarios that are asked for. script/bench has started what they need, and says where in BENCH_… variables."""
import argparse
import os
import time

from harness import report
from harness.postgres import create_extension
from harness.scenarios import FULL, QUICK, SCENARIOS, Bench

QUICK_LABEL = "\n**A quick run, with few rows: its figures show that the bench works, not how fast anything is.**\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    create_extension()
    engines = dict(word.split("=", 1) for word in os.environ["BENCH_ENGINES"].split())
    bench = Bench(size, engines, os.environ["BENCH_SCRATCH"])
    results, begin = [], time.monotonic()
    for name in options.only:
        start = time.monotonic()
        made = SCENARIOS[name](bench)
        results += made
        for result in made:
            print("\n".join(report.result_lines(result)))
        print(f"({time.monotonic() - start:.0f} s)\n", flush=True)
    report.write(results, options.output, size.rounds, QUICK_LABEL if options.quick else "")
    print(f"bench: {time.monotonic() - begin:.0f} s; written to {options.output}")


if __name__ == "__main__":
    main()
