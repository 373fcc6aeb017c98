"""Loads a deployment while a command runs, and counts what failed: `rolling.py --control URL --data URL -- COMMAND...`

The command is meant to be `deploy/rolling-restart`. Before, while and shortly after it runs, workers create, read, list,
change and delete keys at a steady rate, over connections that they keep and over one for each request; others ask the
data listener, and send imports so slowly that one is always under way. Nothing is tried twice, although a client may.
A failure is every broken or refused connection, every status but the expected one, and every answer that does not hold
what was written before. The exit code is 0 if nothing failed, the command succeeded and the load was what it should be.

Requests are signed with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Only the standard library. Keys that it made are deleted again, except those of imports.
"""

import argparse
import collections
import hashlib
import hmac
import http.client
import json
import os
import secrets
import subprocess
import sys
import threading
import time
import urllib.parse

# Well above what Gatepost promises for itself (5 s); a request that takes longer has failed.
PATIENCE = 30
AFTERMATH = 3


def signed(method, path, body, host):
    """The headers of AWS Signature Version 4 over a request, with the credential of the environment."""
    access_key_id, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    digest = hashlib.sha256(body).hexdigest()
    path, _, query = path.partition("?")
    # Paths and queries here need no encoding, and their parameters are in order.
    names = "host;x-amz-content-sha256;x-amz-date"
    canonical = f"{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{now}\n\n{names}\n{digest}"
    scope = f"{now[:8]}/us-east-1/apigateway/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    return {
        "Host": host,
        "X-Amz-Date": now,
        "X-Amz-Content-Sha256": digest,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={key.hex()}",
    }


class Failure(Exception):
    """What was expected of an answer and did not come."""


class Tally:
    """Counts requests by kind, from all workers."""

    def __init__(self):
        self._lock = threading.Lock()
        self.done = collections.Counter()
        self.failures = []
        self.times = []

    def succeeded(self, kind, took):
        """Notes a request that did what it should."""
        with self._lock:
            self.done[kind] += 1
            self.times.append(took)

    def failed(self, kind, why):
        """Notes one that did not, and says so at once, so that it can be compared with other logs."""
        with self._lock:
            self.failures.append((kind, why))
        print(f"FAILED {time.strftime('%H:%M:%S')}.{time.time_ns() // 10**6 % 1000:03} {kind}: {why}", flush=True)


class Client:
    """One worker's way to the server: a connection that is kept, or one for each request."""

    def __init__(self, url, keeps, tally):
        address = urllib.parse.urlsplit(url)
        self._host, self._port, self._keeps, self._tally = address.hostname, address.port, keeps, tally
        self._connection = None

    def ask(self, kind, wanted, method, path, body=None):
        """Sends one request and gives the parsed answer, or None if it failed, which has been counted then."""
        began = time.monotonic()
        try:
            status, text = self._send(method, path, body)
            if status not in wanted:
                raise Failure(f"status {status}: {text[:200]!r}")
        except (OSError, http.client.HTTPException, Failure) as error:
            self._tally.failed(kind, f"{type(error).__name__} {error} after {time.monotonic() - began:.3f} s")
            self._close()
            return None
        self._tally.succeeded(kind, time.monotonic() - began)
        return json.loads(text) if text.startswith(b"{") else {}

    def _send(self, method, path, body):
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE)
        headers = {} if self._keeps else {"Connection": "close"}
        pieces = body if isinstance(body, list) else [b"" if body is None else json.dumps(body).encode()]
        headers |= signed(method, path, b"".join(pieces), f"{self._host}:{self._port}")
        if isinstance(body, list):
            headers["Transfer-Encoding"] = "chunked"
            self._connection.request(method, path, slowly(pieces), headers, encode_chunked=True)
        else:
            self._connection.request(method, path, pieces[0] or None, headers)
        answer = self._connection.getresponse()
        status, text = answer.status, answer.read()
        if not self._keeps:
            self._close()
        return status, text

    def _close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def slowly(pieces):
    """Yields the pieces of a body so that it takes some seconds to send."""
    for piece in pieces:
        yield piece
        time.sleep(0.15)


def life_of_a_key(client, tally):
    """Yields after each request. What one replica wrote, every other must see."""
    name = f"rolling-{secrets.token_hex(6)}"
    key = client.ask("create", {201}, "POST", "/apikeys", {"name": name, "enabled": True})
    yield
    if key is None:
        return
    path = f"/apikeys/{key['id']}"
    description = None
    for step in range(6):
        seen = client.ask("get", {200}, "GET", path)
        if seen is not None and (seen["name"], seen.get("description")) != (name, description):
            tally.failed("get", f"{path} is not what was written last: {seen}")
        yield
        wanted = f"change {step}"
        patch = {"patchOperations": [{"op": "replace", "path": "/description", "value": wanted}]}
        if client.ask("update", {200}, "PATCH", path, patch) is None:
            # Nobody knows whether it was done.
            break
        description = wanted
        yield
    client.ask("list", {200}, "GET", "/apikeys?limit=5")
    yield
    client.ask("delete", {202}, "DELETE", path)
    yield


def imports(client, tally):
    """Yields after each import, which takes some seconds to send."""
    rows = lambda: b"".join(b"rolled,%s\n" % secrets.token_hex(20).encode() for _ in range(10))
    body = [b"name,key\n", *(rows() for _ in range(20))]
    answer = client.ask("import", {201}, "POST", "/apikeys?format=csv&mode=import", body)
    if answer is not None and (len(answer["ids"]), answer.get("warnings")) != (200, None):
        tally.failed("import", f"{len(answer['ids'])} of 200 rows: {answer.get('warnings')}")
    yield


def questions(client, _tally):
    """Yields after each question to the data listener, which may say no, but must say something."""
    client.ask("authorize", range(200, 500), "GET", "/authorize/a1b2c3d4e5/prod")
    yield


def work(scenario, client, tally, pause, ends):
    """Repeats a scenario at its pace until it is time to end; a scenario that has begun is finished."""
    due = time.monotonic() + pause * secrets.randbelow(1000) / 1000
    try:
        while not ends.is_set():
            for _ in scenario(client, tally):
                due = max(due + pause, time.monotonic() - 1)
                time.sleep(max(0, due - time.monotonic()))
    except Exception as error:
        tally.failed(scenario.__name__, f"the worker ended: {type(error).__name__} {error}")


def main():
    """Runs load and command, prints the counts, and gives the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--control", required=True, help="the balancer's address for the control plane")
    options.add_argument("--data", required=True, help="the balancer's address for the data plane")
    options.add_argument("--rate", type=float, default=160, help="requests a second, of all workers together")
    options.add_argument("command", nargs="+")
    options = options.parse_args()

    tally, ends = Tally(), threading.Event()
    # Half of the workers keep their connections, half make one for each request.
    workers = [(life_of_a_key, options.control, keeps) for keeps in (True, False) for _ in range(6)]
    workers += [(questions, options.data, keeps) for keeps in (True, False) for _ in range(2)]
    pause = len(workers) / options.rate
    threads = [
        threading.Thread(target=work, args=(scenario, Client(url, keeps, tally), tally, each, ends))
        for scenario, url, keeps, each in [(*worker, pause) for worker in workers]
        + [(imports, options.control, keeps, 0.0) for keeps in (True, False)]
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    try:
        time.sleep(AFTERMATH)
        status = subprocess.run(options.command).returncode
        time.sleep(AFTERMATH)
    finally:
        ends.set()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began

    times, total = sorted(tally.times), sum(tally.done.values())
    print(f"requests by kind: {dict(tally.done)}")
    if times:
        at = lambda share: times[int(share * (len(times) - 1))] * 1000
        print(f"p50 {at(.5):.1f} ms, p99 {at(.99):.1f} ms, p99.9 {at(.999):.1f} ms (imports are slow on purpose)")
    print(f"{total} requests in {took:.1f} s, {len(tally.failures)} failed")
    if status != 0:
        print(f"the command ended with status {status}")
        return 1
    # A slow machine may take less; but next to nothing would prove nothing.
    if total < 0.3 * options.rate * took:
        print(f"the load was not what it should be: {total / took:.0f} instead of {options.rate:.0f} requests a second")
        return 1
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
