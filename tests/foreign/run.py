"""Drives a gatepost binary with the AWS tools of other people: `run.py --binary target/release/gatepost`.

Each suite has a server of its own, at whose end everything it wrote is searched for every key value that was used.
Needs the packages of requirements.txt and of javascript/package.json; `.ci/run` makes an environment that has them. A word after the options runs
only the cases whose names contain it. The last line says how many cases passed and failed.
"""

import argparse
import pathlib
import signal
import sys
import time
import traceback

from aws_cli_suite import aws_cli_suite
from boto3_suite import boto3_suite
from expect import Suite, equal, holds
from javascript_suite import javascript_suite
from readme_walk import readme_suite
from server import Server, leaks, spellings

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Tally:
    """Runs cases and counts them."""

    def __init__(self):
        self.passed = self.failed = 0

    def attempt(self, title, case, *arguments):
        """Runs one case and prints how it went."""
        sentence = case.__name__.replace("_", " ")
        began = time.monotonic()
        try:
            case(*arguments)
        except Exception:
            self.failed += 1
            print(f"FAILED {title}: {sentence}\n{traceback.format_exc()}", flush=True)
        else:
            self.passed += 1
            print(f"ok     {title}: {sentence} ({time.monotonic() - began:.1f}s)", flush=True)


def run_suite(tally, suite, binary, word):
    """Runs a suite's cases on a server of its own, and then ends that server, which is a case too."""
    cases = [case for case in suite if word in case.__name__]
    if not cases:
        return
    server = Server(binary)

    def the_server_ends_well_and_nothing_it_wrote_holds_a_value():
        holds(server.values, "no value was used")
        wrong = server.end()
        holds(not wrong, "\n".join(wrong))

    try:
        for case in cases:
            tally.attempt(suite.title, given(case, suite, server))
        tally.attempt(suite.title, the_server_ends_well_and_nothing_it_wrote_holds_a_value)
    finally:
        server.kill()


def given(case, suite, server):
    """The case with what it is given, under its own name, so that a failing `connect` is its failure."""

    def connected():
        case(suite.connect(server))

    connected.__name__ = case.__name__
    return connected


def scan_suite(binary):
    """The proof that the scan can fail."""
    suite = Suite("scan", lambda server: server)

    @suite.case
    def a_value_is_found_in_every_spelling_wherever_it_stands(server):
        value = server.new_value(37, "abc+/=%\"\\<&'~é")
        server.values.discard(value)
        for how, spelled in spellings(value):
            for text in (spelled, b"before" + spelled + b"after"):
                found = leaks({value}, {"a file": text})
                holds(len(found) == 1, f"the scan misses a value {how}")
        equal(leaks({value}, {"a file": value[:-1].encode()}), [])

    @suite.case
    def a_value_planted_in_a_server_is_found_at_its_end(server):
        planted = server.new_value()
        server.values.discard(planted)
        other = Server(binary, planted=planted)
        try:
            other.values.add(planted)
            found = [sentence for sentence in other.end() if "holds a key's value" in sentence]
        finally:
            other.kill()
        equal(len(found), 1)
        holds(found[0].startswith("stderr"), found[0])

    @suite.case
    def values_are_noted_wherever_an_answer_carries_them(server):
        value = server.new_value()
        server.values.discard(value)
        server.note_values_of({"items": [{"id": "x"}, {"value": value}]})
        holds(value in server.values, "the value of a listed key is not noted")

    return suite


def main():
    """Runs every suite and gives the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--binary", type=pathlib.Path, required=True)
    options.add_argument("--readme", type=pathlib.Path, default=ROOT / "README.md")
    options.add_argument("word", nargs="?", default="")
    options = options.parse_args()
    # So that the servers are ended when this process is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    binary = options.binary.resolve(strict=True)
    tally = Tally()
    for suite in (scan_suite(binary), boto3_suite, aws_cli_suite, javascript_suite, readme_suite(options.readme.read_text())):
        run_suite(tally, suite, binary, options.word)
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
