"""Makes botocore.txt: requests as botocore signs them. `python sign_with_botocore.py > botocore.txt`, with botocore 1.44.5.

The operations go through the client that boto3 and the AWS CLI use, up to the moment of sending; what no operation can
say is signed by the same signers directly. The clock stands still and ids are fixed, so the output does not change.
"""

import datetime
import sys
import uuid
from unittest import mock

import botocore.session
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 11, 23, 7, 0, 0, tzinfo=datetime.timezone.utc)
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ENDPOINT = "http://127.0.0.1:8080"
ARN = "arn:aws:apigateway:us-east-1::/apikeys/gt748qoyk2"
CSV = b"Name,Key,Enabled\norders,yFcbhyLwBIe54jiYz1eiWiDRECGhwc8hAJarLZSx,true\nr\xc3\xa9ports,,x\n"


def show(name, method, url, headers, body):
    target = url[len(ENDPOINT):]
    lines = [f"=== {name} apigateway {NOW:%Y%m%dT%H%M%SZ}", f"{method} {target} HTTP/1.1"]
    headers = {key: value.decode() if isinstance(value, bytes) else value for key, value in headers.items()}
    headers.setdefault("Host", "127.0.0.1:8080")
    # Never signed, and it names the machine.
    headers.pop("User-Agent", None)
    lines += [f"{key}:{value}" for key, value in headers.items()]
    body = body.read() if hasattr(body, "read") else body or b""
    body = body.decode() if isinstance(body, bytes) else body
    print("\n".join(lines) + "\n\n" + body.removesuffix("\n"))


def client(**more):
    session = botocore.session.Session()
    session.set_credentials(KEY_ID, SECRET, more.pop("token", None))
    return session.create_client("apigateway", region_name="us-east-1", endpoint_url=ENDPOINT, **more)


def operation(name, call, arguments, **more):
    def caught(request, **_):
        show(name, request.method, request.url, request.headers, request.body)
        return AWSResponse(request.url, 202, {}, mock.Mock(stream=lambda: iter([b"{}"])))

    api = client(**more)
    api.meta.events.register("before-send", caught)
    getattr(api, call)(**arguments)


def presigned(name, call, arguments, expires=3600, **more):
    url = client(**more).generate_presigned_url(call, Params=arguments, ExpiresIn=expires)
    show(name, "GET" if call.startswith("get") else "DELETE", url, {}, b"")


def by_hand(name, method, target, headers=None, body=b"", signer=SigV4Auth, **more):
    request = AWSRequest(method, ENDPOINT + target, headers or {}, body)
    signer(Credentials(KEY_ID, SECRET), "apigateway", "eu-west-1", **more).add_auth(request)
    show(name, method, request.url, dict(request.headers.items()), body)


class WithoutExpiry(SigV4QueryAuth):
    """As SDKs presign for services other than S3 when nobody asks for an expiry."""

    def _modify_request_before_signing(self, request):
        super()._modify_request_before_signing(request)
        request.url = request.url.replace(f"&X-Amz-Expires={self._expires}", "")


def main():
    print(__doc__.splitlines()[0].replace("Makes botocore.txt: r", "# R").rstrip("`") + " Made by sign_with_botocore.py; do not edit.")
    operation("create", "create_api_key", {"name": "café", "tags": {"team": "a b"}})
    operation("create-nothing", "create_api_key", {})
    operation("get", "get_api_key", {"apiKey": "gt748qoyk2", "includeValue": True})
    operation("get-odd-id", "get_api_key", {"apiKey": "k/1 é+%2F?#"})
    operation("get-dots", "get_api_key", {"apiKey": "..."})
    operation("list", "get_api_keys", {"limit": 25, "nameQuery": "a b+c/ü*~", "includeValues": False})
    operation("list-position", "get_api_keys", {"position": "AQ+/x==", "customerId": "a@b.example"})
    operation("update", "update_api_key", {"apiKey": "gt748qoyk2", "patchOperations": [
        {"op": "replace", "path": "/name", "value": "orders"}]})
    operation("delete", "delete_api_key", {"apiKey": "gt748qoyk2"})
    operation("import", "import_api_keys", {"body": CSV.rstrip(), "format": "csv", "failOnWarnings": True})
    operation("tag", "tag_resource", {"resourceArn": ARN, "tags": {"k": "v"}})
    operation("untag", "untag_resource", {"resourceArn": ARN, "tagKeys": ["b", "a", "team name", "a"]})
    operation("tags", "get_tags", {"resourceArn": ARN})
    operation("usage", "get_usage", {"usagePlanId": "cqdia0", "startDate": "2026-11-01", "endDate": "2026-11-23"})
    operation("account", "get_account", {})
    operation("session-token", "get_account", {}, token="AQoDYXdzEPT//////////wEXAMPLE+token==")
    presigned("presigned-get", "get_api_key", {"apiKey": "gt748qoyk2"})
    presigned("presigned-list", "get_api_keys", {"limit": 5, "nameQuery": "a b+c/ü*~"}, expires=604800)
    presigned("presigned-tags", "get_tags", {"resourceArn": ARN}, expires=1)
    presigned("presigned-delete", "delete_api_key", {"apiKey": "k/1 é"})
    presigned("presigned-token", "get_account", {}, token="AQoDYXdzEPT//////////wEXAMPLE+token==")
    by_hand("root", "GET", "/")
    by_hand("trailing-slash", "GET", "/apikeys/")
    by_hand("slashes-and-dots", "GET", "//apikeys/./x/..//y")
    by_hand("encoded-dots", "GET", "/apikeys/%2e%2E/x")
    by_hand("unencoded-path", "GET", "/a:b@c,d;e=f!$&'()*+~")
    by_hand("capital-and-small-escapes", "GET", "/tags/arn%3aaws%3A%c3%A9")
    by_hand("repeated-names", "GET", "/apikeys?a=2&a=1&b=&a=1&a=10&c")
    by_hand("repeated-names-in-order", "GET", "/apikeys?a=&a=1&a=2&b=")
    by_hand("odd-headers", "POST", "/apikeys", {
        "X-Amz-Meta": "  a   b  ", "My-Header": "\t\"x   y\"\t z", "Content-Type": "application/json"}, b'{"name": "\xc3\xa9"}')
    by_hand("declared-payload", "POST", "/apikeys", {
        "X-Amz-Content-SHA256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}, b"{}")
    by_hand("date-header", "GET", "/apikeys", {"Date": "any"})
    by_hand("empty-header", "DELETE", "/apikeys/x", {"Content-Length": "0", "X-Amz-Empty": ""})
    by_hand("presigned-by-hand", "GET", "/apikeys/%2F/?limit=1&name=%20x", signer=SigV4QueryAuth, expires=60)
    by_hand("presigned-with-header", "GET", "/apikeys", {"X-Amz-Meta": "1  2"}, signer=SigV4QueryAuth, expires=60)
    by_hand("presigned-without-expiry", "GET", "/account", signer=WithoutExpiry)


with (mock.patch("botocore.auth.get_current_datetime", lambda *_: NOW),
      mock.patch("uuid.uuid4", lambda: uuid.UUID(int=7))):
    sys.exit(main())
