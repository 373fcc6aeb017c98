"""The AWS SDK for JavaScript v3 against gatepost: the cases of javascript/cases.cjs, each a run of Node.js."""

import json
import pathlib
import re
import subprocess
import sys

from environment import aws_environment
from expect import Suite, holds

CASES = pathlib.Path(__file__).parent / "javascript" / "cases.cjs"
# In the environment of this interpreter, as Node.js is: `.ci/run` installs both there.
MODULES = pathlib.Path(sys.prefix) / "node_modules"


class Program:
    """Runs cases against one server."""

    def __init__(self, server):
        self.server = server
        self.environment = aws_environment(server) | {"NODE_PATH": str(MODULES)}

    def run(self, name):
        """Runs a case, which must succeed."""
        # The SDK warns of every Node.js whose end is near.
        done = subprocess.run(
            ["node", "--no-warnings", str(CASES), name],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.server.values |= set(json.loads(done.stdout or "[]"))
        holds(done.returncode == 0 and done.stderr == "", f"node ended with {done.returncode}:\n{done.stderr}")


javascript_suite = Suite("JavaScript SDK", Program)


def add(name):
    """Adds a case by its name in the file."""

    def case(program):
        program.run(name)

    case.__name__ = name
    javascript_suite.case(case)


for found in re.findall(r"^exports\.(\w+) = async", CASES.read_text(), re.MULTILINE):
    add(found)
