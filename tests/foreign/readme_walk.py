"""The README's own commands, run as it tells a reader to run them, against what it says they print.

A block fenced as `console` below the comment `<!-- walk:NAME -->` is walked: a line that begins with `$ ` is a
command (`> ` continues it), what follows is its output. All blocks of one name are one shell, in the README's order.
What differs from run to run (ids, values, dates, ports, page tokens) stands in the README as a real sample; a sample
that was once printed stands for what was really printed there, in later commands too. `cargo run` is the server that
is already running.
"""

import dataclasses
import re
import subprocess
import tempfile

from environment import aws_environment
from expect import Suite, equal, holds

MARKER = re.compile(r"^<!-- walk:([a-z-]+) -->\n+```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARYING = re.compile(
    r"(?P<address>127\.0\.0\.1:\d+)"
    r"|\b(?P<date>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[Z+.:\d]*|1\d{9})\b"
    r"|(?<![\w+/=-])(?:(?P<value>[A-Za-z0-9]{40})|(?P<token>[\w+/=-]{41,})|(?P<id>[a-z0-9]{10}))(?![\w+/=-])"
)
STEP_ENDS = "--- this step ended with"


@dataclasses.dataclass
class Step:
    """A command and what the README says it prints."""

    command: str
    output: list


def steps_of(readme, name):
    """The steps of every block of one name."""
    steps = []
    for block in (text for marked, text in MARKER.findall(readme) if marked == name):
        in_command = False
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append(Step(line[2:], []))
                in_command = True
            elif in_command and line.startswith("> "):
                steps[-1].command += "\n" + line[2:]
            else:
                holds(steps, f"the block begins with output: {line!r}")
                steps[-1].output.append(line)
                in_command = False
    return steps


def credential_of(readme):
    """The sample of a first credential, as the README says that the first start prints it."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    samples = [re.search(rf"^export {name}=(\S+)$", readme, re.MULTILINE) for name in names]
    holds(all(samples), "the README does not show the first credential")
    return [sample[1] for sample in samples]


class Walk:
    """A shell that knows which sample of the README stands for what."""

    def __init__(self, server, readme):
        self.server, self.readme = server, readme
        self.real = {}
        self.credential = list(zip(credential_of(readme), (server.access_key_id, server.secret_access_key), strict=True))
        self.folder = tempfile.TemporaryDirectory(prefix="gatepost-walk-")
        self.shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=self.folder.name,
            env=aws_environment(server),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )

    def close(self):
        """Ends the shell."""
        self.shell.stdin.close()
        self.shell.wait(timeout=10)
        self.shell.stdout.close()
        self.folder.cleanup()

    def walk(self, name):
        """Runs the steps of one name, each of which must succeed and print what the README says."""
        steps = steps_of(self.readme, name)
        holds(steps, f"the README has no console block marked <!-- walk:{name} -->")
        for step in steps:
            try:
                self.compare(step.output, self.run(step.command))
            except AssertionError as wrong:
                raise AssertionError(f"in the README's `{step.command}`: {wrong}") from None

    def run(self, command):
        """The lines that a command prints, with every sample in it replaced by what it stands for."""
        if command.startswith("cargo run"):
            return self.server.ready_line.splitlines()
        for sample, real in self.credential:
            command = command.replace(sample, real)
        command = VARYING.sub(lambda sample: self.real.get(sample[0], sample[0]), command)
        command = command.replace("127.0.0.1:8080", self.server.control.removeprefix("http://"))
        self.shell.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s %s\\n' '{STEP_ENDS}' $?\n")
        self.shell.stdin.flush()
        lines = []
        for line in self.shell.stdout:
            if line.startswith(STEP_ENDS):
                equal((line.split()[-1], lines), ("0", lines))
                return "".join(lines).rstrip("\n").splitlines()
            lines.append(line)
        raise AssertionError(f"the shell ended: {''.join(lines)}")

    def compare(self, expected, actual):
        """States that both are the same but for what varies, and learns what each sample stands for."""
        expected = "\n".join(expected).rstrip("\n")
        actual = "\n".join(actual).rstrip("\n")
        self.server.values.update(found["value"] for found in VARYING.finditer(actual) if found["value"])
        samples, reals = list(VARYING.finditer(expected)), list(VARYING.finditer(actual))
        if masked(expected) != masked(actual):
            raise AssertionError(f"the README says\n{expected}\nbut this is printed\n{actual}")
        for sample, real in zip(samples, reals, strict=True):
            known = self.real.setdefault(sample[0], real[0])
            if sample.lastgroup in ("id", "value"):
                equal(known, real[0])


def masked(text):
    """A text with everything that varies replaced by its kind."""
    return VARYING.sub(lambda found: f"<{found.lastgroup}>", text)


def readme_suite(readme):
    """The walks of a README, one case for each name that it marks."""
    suite = Suite("README", lambda server: Walk(server, readme))
    names = list(dict.fromkeys(name for name, _ in MARKER.findall(readme)))
    if "first-key" not in names:
        names.append("first-key")
    for name in names:

        def walk(shell, name=name):
            try:
                shell.walk(name)
            finally:
                shell.close()

        walk.__name__ = f"the_walk_{name.replace('-', '_')}_prints_what_the_readme_says"
        suite.case(walk)
    return suite
