"""A gatepost that runs for one suite, and the scan for key values that it must pass when it ends.

Everything the process writes lands in one folder: stdout, stderr, its working folder and its temporary files.
`Server.end` adds the metrics to that, stops the process by its id and searches all of it for every value the
suite used, in the spellings of `spellings`. A suite that learns a value any other way than by `new_value` or an
answer that it hands to `note_values_of` must add it to `Server.values` itself.
"""

import base64
import json
import os
import pathlib
import re
import secrets
import signal
import string
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

READY = re.compile(r"gatepost ready control=(http://\S+) data=(\S+) admin=(http://\S+)\n")
LISTEN_ANYWHERE = [f"--{plane}-listen=127.0.0.1:0" for plane in ("control", "data", "admin")]


class Server:
    """One process: started by the constructor, ended by `end` or, at the latest, by `kill`."""

    def __init__(self, binary, *, planted=None):
        self.values = set()
        self._folder = tempfile.TemporaryDirectory(prefix="gatepost-foreign-")
        folder = pathlib.Path(self._folder.name)
        self._stdout, self._stderr = folder / "stdout", folder / "stderr"
        command = [str(binary), "serve", "--storage", "memory:", *LISTEN_ANYWHERE]
        if planted is not None:
            command = ["sh", "-c", 'echo "$1" >&2; shift; exec "$@"', "sh", planted, *command]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            # The scan is worth most when the most is written.
            "RUST_LOG": "trace",
        }
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        self.control, self.data, self.admin = self._await_ready()
        self.access_key_id, self.secret_access_key = self._take_first_credential(folder)

    def _await_ready(self, patience=30.0):
        give_up = time.monotonic() + patience
        while time.monotonic() < give_up:
            ready = READY.fullmatch(self._stdout.read_text())
            if ready:
                return ready.groups()
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"the server did not get ready:\n{self._stderr.read_text()[-4000:]}")

    def _take_first_credential(self, folder):
        """The administrator of a first start. Like a key's value, its secret must not be found anywhere else."""
        file = folder / "gatepost-first-credential"
        lines = dict(line.removeprefix("export ").split("=", 1) for line in file.read_text().splitlines())
        file.unlink()
        self.values.add(lines["AWS_SECRET_ACCESS_KEY"])
        return lines["AWS_ACCESS_KEY_ID"], lines["AWS_SECRET_ACCESS_KEY"]

    @property
    def ready_line(self):
        """What the server printed when it could be reached."""
        return self._stdout.read_text().rstrip("\n")

    def new_value(self, length=40, alphabet=string.ascii_letters + string.digits):
        """A key value that no other case has used and that must not be found when the server ends."""
        value = "".join(secrets.choice(alphabet) for _ in range(length))
        self.values.add(value)
        return value

    def note_values_of(self, answer):
        """Adds every value that a parsed answer carries."""
        if isinstance(answer, dict):
            if isinstance(answer.get("value"), str):
                self.values.add(answer["value"])
            answer = list(answer.values())
        if isinstance(answer, list):
            for part in answer:
                self.note_values_of(part)

    def end(self):
        """Stops the server and says what was wrong with its end: a list of sentences, empty when all was well."""
        with urllib.request.urlopen(f"{self.admin}/metrics", timeout=10) as answer:
            texts = {"/metrics": answer.read()}
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.kill()
            return ["it did not end within 40 s of SIGTERM"]
        folder = pathlib.Path(self._folder.name)
        texts |= {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        wrong = [f"it ended with status {status}"] if status != 0 else []
        if not READY.fullmatch(self._stdout.read_text()):
            wrong.append("stdout holds more than the ready line")
        if b"gatepost_requests_total" not in texts["/metrics"]:
            wrong.append("/metrics counted no request")
        self._folder.cleanup()
        return wrong + leaks(self.values, texts)

    def kill(self):
        """Ends the process whatever state it is in."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def spellings(value):
    """The ways in which a value may be written, by name."""
    raw = value.encode()
    yield "raw", raw
    yield "as JSON", json.dumps(value)[1:-1].encode()
    yield "percent-encoded", urllib.parse.quote(value, safe="").encode()
    yield "percent-encoded throughout", b"".join(b"%%%02X" % byte for byte in raw)
    yield "percent-encoded throughout", b"".join(b"%%%02x" % byte for byte in raw)
    yield "in hexadecimal", raw.hex().encode()
    # Inside a longer text a value may begin at any of three places of a base64 group.
    for shift in range(3):
        padded = b"\0" * shift + raw
        inner = slice(-(-shift * 4 // 3), len(padded) * 4 // 3)
        yield "in base64", base64.b64encode(padded)[inner]
        yield "in base64url", base64.urlsafe_b64encode(padded)[inner]


def leaks(values, texts):
    """A sentence for each value found in one of the named texts; the sentence does not repeat the value."""
    found = []
    for value in values:
        for name, text in texts.items():
            how = next((how for how, spelled in spellings(value) if spelled in text), None)
            if how:
                found.append(f"{name} holds a key's value, {how} ({len(value)} characters, {value[:3]}...)")
    return found
