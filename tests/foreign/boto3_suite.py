"""The AWS SDK for Python against gatepost: each operation with all it takes, and each refusal with its exact words.

A case gets a `Caller` and keeps to itself: it finds its own keys by the prefix `caller.mark`, which no other case
has. To add a case, write a function under the operation it is about; its name is the behaviour.
"""

import datetime
import json
import secrets
import time
import urllib.error
import urllib.request

import boto3
import botocore.config
import botocore.exceptions

from expect import (
    DESCRIPTION_TOO_LONG,
    GENERATED_VALUE,
    KEY_ID,
    NAME_TOO_LONG,
    PLAN_ID,
    REQUEST_ID,
    TAKEN,
    TOO_LONG,
    TOO_SHORT,
    UNKNOWN_KEY,
    UNKNOWN_KEY_OF_PLAN,
    UNKNOWN_PLAN,
    Suite,
    equal,
    holds,
    matches,
)


class Caller:
    """A client of one case, with the body of the last answer as it came over the wire."""

    def __init__(self, server):
        self.server, self.value = server, server.new_value
        self.mark = secrets.token_hex(6)
        self.wire = None
        self.api = boto3.session.Session().client(
            "apigateway",
            endpoint_url=server.control,
            region_name="us-east-1",
            aws_access_key_id=server.access_key_id,
            aws_secret_access_key=server.secret_access_key,
            config=botocore.config.Config(retries={"total_max_attempts": 1}, proxies={}),
        )
        self.api.meta.events.register("after-call.apigateway", self._keep)

    def _keep(self, http_response, parsed, **_):
        self.wire = json.loads(http_response.content) if http_response.content else None
        self.server.note_values_of(self.wire)

    def create(self, **fields):
        """Creates a key that is named by the case's mark unless the fields say otherwise."""
        return self.api.create_api_key(**{"name": f"{self.mark}-key"} | fields)

    def patch(self, key, *operations):
        """Updates a key; an operation is (op, path) or (op, path, value)."""
        operations = [dict(zip(("op", "path", "value"), operation)) for operation in operations]
        return self.api.update_api_key(apiKey=key["id"], patchOperations=operations)

    def plan(self, *stages, **fields):
        """Creates a usage plan named by the case's mark, with stages that are each written api:stage."""
        stages = [dict(zip(("apiId", "stage"), stage.split(":"))) for stage in stages]
        return self.api.create_usage_plan(**{"name": f"{self.mark}-plan", "apiStages": stages} | fields)

    def patch_plan(self, plan, *operations):
        """Updates a usage plan; an operation is (op, path) or (op, path, value)."""
        operations = [dict(zip(("op", "path", "value"), operation)) for operation in operations]
        return self.api.update_usage_plan(usagePlanId=plan["id"], patchOperations=operations)

    def attach(self, plan, key):
        """Puts a key into a usage plan."""
        return self.api.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")

    def named(self, prefix=None, **more):
        """The names of one page of the keys that have a prefix, the case's mark when none is given."""
        page = self.api.get_api_keys(nameQuery=self.mark if prefix is None else prefix, **more)
        return [key["name"] for key in page["items"]]

    def load(self, *lines, fail=None):
        """Imports a CSV file given as its lines."""
        more = {} if fail is None else {"failOnWarnings": fail}
        body = "".join(f"{line}\n" for line in lines).encode()
        return self.api.import_api_keys(body=body, format="csv", **more)


boto3_suite = Suite("boto3", Caller)
case = boto3_suite.case


def refused(call, status, code, message=None):
    """States that a call is refused so, with all that a refusal carries."""
    try:
        call()
    except botocore.exceptions.ClientError as refusal:
        meta = refusal.response["ResponseMetadata"]
        equal((meta["HTTPStatusCode"], refusal.response["Error"]["Code"]), (status, code))
        if message is not None:
            equal(refusal.response["Error"]["Message"], message)
        equal(meta["HTTPHeaders"]["x-amzn-errortype"], code)
        equal(meta["HTTPHeaders"]["content-type"], "application/json")
        matches(meta["HTTPHeaders"]["x-amzn-requestid"], REQUEST_ID)
        return refusal
    raise AssertionError(f"expected {status} {code}, but the call succeeded")


def bad(call, message=None):
    """States that a call is refused as a bad request."""
    refused(call, 400, "BadRequestException", message)


def fields_of(answer):
    """An answer without what only the SDK puts there."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def status_of(answer):
    """The HTTP status that an answer came with."""
    return answer["ResponseMetadata"]["HTTPStatusCode"]


# CreateApiKey


@case
def a_key_created_with_every_field_has_them_all(caller):
    value = caller.value()
    before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    key = caller.create(
        description="made by boto3",
        enabled=True,
        generateDistinctId=True,
        value=value,
        stageKeys=[{"restApiId": "uycll6xg9a", "stageName": "beta"}, {"restApiId": "a1b2c3d4e5", "stageName": "prod"}],
        customerId="customer 7",
        tags={"team": "door + gate", "tier": "gold"},
    )
    equal(status_of(key), 201)
    matches(key["id"], KEY_ID)
    after = datetime.datetime.now(datetime.timezone.utc)
    for date in (key["createdDate"], key["lastUpdatedDate"]):
        holds(before <= date <= after, f"{date} is not between {before} and {after}")
    equal(
        fields_of(key),
        {
            "id": key["id"],
            "value": value,
            "name": f"{caller.mark}-key",
            "customerId": "customer 7",
            "description": "made by boto3",
            "enabled": True,
            "createdDate": key["createdDate"],
            "lastUpdatedDate": key["createdDate"],
            "stageKeys": ["uycll6xg9a/beta", "a1b2c3d4e5/prod"],
            "tags": {"team": "door + gate", "tier": "gold"},
        },
    )


@case
def a_key_created_from_nothing_is_disabled_and_has_a_generated_value(caller):
    key = caller.api.create_api_key()
    matches(key["id"], KEY_ID)
    matches(key["value"], GENERATED_VALUE)
    equal(
        fields_of(key),
        {
            "id": key["id"],
            "value": key["value"],
            "enabled": False,
            "createdDate": key["createdDate"],
            "lastUpdatedDate": key["createdDate"],
            "stageKeys": [],
        },
    )
    equal([type(caller.wire[date]) for date in ("createdDate", "lastUpdatedDate")], [int, int])


@case
def generated_ids_and_values_differ(caller):
    keys = [caller.create() for _ in range(20)]
    equal(len({key["id"] for key in keys}), 20)
    equal(len({key["value"] for key in keys}), 20)


@case
def an_empty_name_and_an_empty_value_count_as_not_given(caller):
    key = caller.create(name="", value="")
    matches(key["value"], GENERATED_VALUE)
    holds("name" not in key, "an empty name is shown")


@case
def every_answer_names_its_request(caller):
    headers = caller.create()["ResponseMetadata"]["HTTPHeaders"]
    matches(headers["x-amzn-requestid"], REQUEST_ID)
    holds(headers["x-amz-apigw-id"].endswith("="), "x-amz-apigw-id does not look like AWS's")
    equal(headers["content-type"], "application/json")


@case
def names_need_not_be_unique_but_values_must(caller):
    value = caller.value()
    caller.create(value=value)
    caller.create()
    refused(lambda: caller.create(value=value), 409, "ConflictException", TAKEN)
    equal(len(caller.named()), 2)


@case
def values_of_30_to_128_characters_are_taken_as_they_are(caller):
    for value in (caller.value(30), caller.value(128), caller.value(40, "+/=%\"\\<&'~!$")):
        equal(caller.create(value=value)["value"], value)
    bad(lambda: caller.create(value=caller.value(29)), TOO_SHORT)
    bad(lambda: caller.create(value=caller.value(129)), TOO_LONG)


@case
def a_name_has_at_most_1024_characters(caller):
    longest = caller.mark + "é" * (1024 - len(caller.mark))
    equal(caller.create(name=longest)["name"], longest)
    bad(lambda: caller.create(name=longest + "x"), NAME_TOO_LONG)


@case
def a_description_has_at_most_125000_characters(caller):
    equal(caller.create(description="d" * 125_000)["description"], "d" * 125_000)
    bad(lambda: caller.create(description="d" * 125_001), DESCRIPTION_TOO_LONG)


@case
def text_beyond_ascii_survives(caller):
    name = f"{caller.mark} ключ 鍵 🔑 \"quoted\" \\ /"
    key = caller.create(name=name, description="línea\nzwei\ttab", tags={"équipe": "porte+1"})
    read = caller.api.get_api_key(apiKey=key["id"])
    equal((read["name"], read["description"], read["tags"]), (name, "línea\nzwei\ttab", {"équipe": "porte+1"}))


@case
def an_id_that_is_not_distinct_equals_the_value(caller):
    value = caller.value()
    equal(caller.create(value=value, generateDistinctId=False)["id"], value)
    equal(caller.api.get_api_key(apiKey=value)["id"], value)
    key = caller.create(generateDistinctId=False)
    equal(key["id"], key["value"])
    bad(lambda: caller.create(value=caller.value(40, "+/="), generateDistinctId=False))


@case
def a_stage_key_must_be_well_formed_and_counts_once(caller):
    beta = {"restApiId": "uycll6xg9a", "stageName": "beta"}
    equal(caller.create(stageKeys=[beta, beta])["stageKeys"], ["uycll6xg9a/beta"])
    bad(lambda: caller.create(stageKeys=[beta | {"stageName": "no/slash"}]))


@case
def tags_keep_to_the_rules_of_tags(caller):
    full = {f"tag{number}": "x" * 256 for number in range(50)}
    equal(caller.create(tags=full)["tags"], full)
    bad(lambda: caller.create(tags=full | {"one": "too many"}))
    bad(lambda: caller.create(tags={"aws:reserved": "x"}))
    bad(lambda: caller.create(tags={"k" * 129: "x"}))
    bad(lambda: caller.create(tags={"long": "x" * 257}))
    bad(lambda: caller.create(tags={"sign": "a & b"}))


# GetApiKey


@case
def a_value_is_shown_only_when_asked_for(caller):
    key = caller.create(tags={"a": "b"})
    created = fields_of(key)
    without = {name: value for name, value in created.items() if name != "value"}
    equal(fields_of(caller.api.get_api_key(apiKey=key["id"])), without)
    equal(fields_of(caller.api.get_api_key(apiKey=key["id"], includeValue=False)), without)
    equal(fields_of(caller.api.get_api_key(apiKey=key["id"], includeValue=True)), created)


@case
def a_key_without_tags_is_read_with_empty_tags(caller):
    key = caller.create()
    equal(caller.api.get_api_key(apiKey=key["id"])["tags"], {})


@case
def an_unknown_key_is_not_found(caller):
    for unknown in ("aaaaaaaaaa", "no such key", "a/b", "é", "%2e"):
        refused(lambda: caller.api.get_api_key(apiKey=unknown), 404, "NotFoundException", UNKNOWN_KEY)


# GetApiKeys


@case
def keys_are_found_by_the_beginning_of_their_name(caller):
    for name in ("alpha", "alps", "beta"):
        caller.create(name=f"{caller.mark}-{name}")
    equal(caller.named(f"{caller.mark}-al"), [f"{caller.mark}-alps", f"{caller.mark}-alpha"])
    equal(caller.named(f"{caller.mark}-AL"), [])
    equal(caller.named(f"{caller.mark[1:]}-al"), [])
    equal(caller.named("alpha"), [])


@case
def keys_are_found_by_their_customer(caller):
    mine, other = f"{caller.mark} & co", f"{caller.mark} & c"
    first = caller.create(customerId=mine)
    caller.create(customerId=other)
    second = caller.create(customerId=mine, name=f"{caller.mark}-second")
    found = caller.api.get_api_keys(customerId=mine)["items"]
    equal([key["id"] for key in found], [second["id"], first["id"]])
    equal([key["customerId"] for key in found], [mine, mine])
    both = caller.api.get_api_keys(customerId=mine, nameQuery=f"{caller.mark}-s")["items"]
    equal([key["id"] for key in both], [second["id"]])


@case
def a_listing_shows_values_only_when_asked_for(caller):
    created = caller.create(tags={"a": "b"}, description="d", customerId="c")
    for asked in ({}, {"includeValues": False}):
        (listed,) = caller.api.get_api_keys(nameQuery=caller.mark, **asked)["items"]
        equal(listed, {name: value for name, value in fields_of(created).items() if name != "value"})
    (listed,) = caller.api.get_api_keys(nameQuery=caller.mark, includeValues=True)["items"]
    equal(listed, fields_of(created))


@case
def a_listed_key_without_tags_shows_none(caller):
    caller.create()
    (listed,) = caller.api.get_api_keys(nameQuery=caller.mark)["items"]
    holds("tags" not in listed, "tags are shown although there are none")
    equal(listed["stageKeys"], [])


@case
def the_paginator_yields_every_key_once_newest_first(caller):
    names = [f"{caller.mark}-{number:02}" for number in range(31)]
    for name in names:
        caller.create(name=name)
    names.reverse()
    pages = caller.api.get_paginator("get_api_keys").paginate
    for size in (1, 7, 30, 31, 500):
        listed = [page["items"] for page in pages(nameQuery=caller.mark, PaginationConfig={"PageSize": size})]
        equal([key["name"] for page in listed for key in page], names)
        equal(len(listed), -(-31 // size))
    equal(len(caller.named()), 25)


@case
def the_last_page_has_no_position(caller):
    caller.create(name=f"{caller.mark}-1")
    caller.create(name=f"{caller.mark}-2")
    first = caller.api.get_api_keys(nameQuery=caller.mark, limit=1)
    second = caller.api.get_api_keys(nameQuery=caller.mark, limit=1, position=first["position"])
    equal([key["name"] for key in first["items"] + second["items"]], [f"{caller.mark}-2", f"{caller.mark}-1"])
    holds("position" not in second, "the last page has a position")
    holds("position" not in caller.api.get_api_keys(nameQuery="nobody has this"), "an empty page has a position")


@case
def a_limit_out_of_range_is_not_an_error(caller):
    caller.create()
    for limit in (-1, 0, 501, 2**31):
        equal(len(caller.named(limit=limit)), 1)


@case
def paging_goes_on_when_keys_come_and_go(caller):
    keys = [caller.create(name=f"{caller.mark}-{number}") for number in range(4)]
    page = caller.api.get_api_keys(nameQuery=caller.mark, limit=2)
    caller.api.delete_api_key(apiKey=keys[2]["id"])
    caller.create(name=f"{caller.mark}-new")
    rest = caller.named(limit=2, position=page["position"])
    equal(rest, [f"{caller.mark}-1", f"{caller.mark}-0"])


@case
def a_position_is_good_only_for_the_listing_it_came_from(caller):
    for _ in range(3):
        caller.create(customerId=caller.mark)
    position = caller.api.get_api_keys(nameQuery=caller.mark, limit=1)["position"]
    equal(len(caller.named(position=position)), 2)
    for other in ({}, {"nameQuery": caller.mark[:-1]}, {"nameQuery": caller.mark, "customerId": caller.mark}):
        bad(lambda: caller.api.get_api_keys(position=position, **other), "Invalid position specified")


@case
def a_position_that_was_tampered_with_is_refused(caller):
    caller.create()
    caller.create()
    position = caller.api.get_api_keys(nameQuery=caller.mark, limit=1)["position"]
    middle = len(position) // 2
    changed = position[:middle] + ("A" if position[middle] != "A" else "B") + position[middle + 1 :]
    for forged in (changed, position[:-4], position * 2, "x", "%", " ", "é", "A" * 4000):
        bad(lambda: caller.named(position=forged), "Invalid position specified")


# UpdateApiKey


@case
def all_four_properties_are_replaced(caller):
    key = caller.create(stageKeys=[{"restApiId": "uycll6xg9a", "stageName": "beta"}])
    time.sleep(1.1)
    updated = caller.patch(
        key,
        ("replace", "/name", f"{caller.mark}-renamed"),
        ("replace", "/description", "changed"),
        ("replace", "/enabled", "true"),
        ("replace", "/customerId", "customer 8"),
    )
    equal(status_of(updated), 200)
    holds(updated["lastUpdatedDate"] > key["createdDate"], "lastUpdatedDate did not move")
    equal(
        fields_of(updated),
        {
            "id": key["id"],
            "name": f"{caller.mark}-renamed",
            "customerId": "customer 8",
            "description": "changed",
            "enabled": True,
            "createdDate": key["createdDate"],
            "lastUpdatedDate": updated["lastUpdatedDate"],
            "stageKeys": ["uycll6xg9a/beta"],
            "tags": {},
        },
    )
    read = caller.api.get_api_key(apiKey=key["id"], includeValue=True)
    equal(fields_of(read), fields_of(updated) | {"value": key["value"]})
    equal(caller.named(), [f"{caller.mark}-renamed"])


@case
def an_empty_text_clears_a_property(caller):
    key = caller.create(description="d", customerId="c")
    paths = ("/name", "/description", "/customerId")
    updated = caller.patch(key, *(("replace", path, "") for path in paths))
    equal([path for path in paths if path[1:] in updated], [])


@case
def enabled_is_true_only_for_the_word_true(caller):
    key = caller.create()
    for text, enabled in (("TRUE", True), ("not-a-boolean", False), ("true", True), ("", False)):
        equal(caller.patch(key, ("replace", "/enabled", text))["enabled"], enabled)


@case
def stages_are_added_and_removed(caller):
    key = caller.create()
    two = ("add", "/stages", "uycll6xg9a/beta"), ("add", "/stages", "uycll6xg9a/prod")
    equal(caller.patch(key, *two)["stageKeys"], ["uycll6xg9a/beta", "uycll6xg9a/prod"])
    equal(caller.patch(key, *two)["stageKeys"], ["uycll6xg9a/beta", "uycll6xg9a/prod"])
    equal(caller.patch(key, ("remove", "/stages", "uycll6xg9a/beta"))["stageKeys"], ["uycll6xg9a/prod"])
    equal(caller.patch(key, ("remove", "/stages", "uycll6xg9a/beta"))["stageKeys"], ["uycll6xg9a/prod"])
    bad(lambda: caller.patch(key, ("add", "/stages", "not a stage")))
    bad(lambda: caller.patch(key, ("add", "/stages")))


@case
def labels_are_added_and_removed(caller):
    key = caller.create()

    def labels(*operations):
        caller.patch(key, *operations)
        return caller.wire.get("labels")

    equal(labels(("add", "/labels", "blue"), ("add", "/labels", "green"), ("add", "/labels", "blue")), ["blue", "green"])
    equal(labels(("remove", "/labels", "blue"), ("remove", "/labels", "red")), ["green"])
    equal(labels(("remove", "/labels", "green")), None)
    bad(lambda: caller.patch(key, ("add", "/labels", "x" * 129)))


@case
def operations_apply_in_order_and_all_or_none(caller):
    key = caller.create()
    updated = caller.patch(key, ("replace", "/name", f"{caller.mark}-1"), ("replace", "/name", f"{caller.mark}-2"))
    equal(updated["name"], f"{caller.mark}-2")
    bad(lambda: caller.patch(key, ("replace", "/name", f"{caller.mark}-3"), ("replace", "/id", "x")))
    equal(caller.named(), [f"{caller.mark}-2"])


@case
def no_operation_changes_nothing(caller):
    key = caller.create()
    time.sleep(1.1)
    for unchanged in (caller.api.update_api_key(apiKey=key["id"]), caller.patch(key)):
        equal(status_of(unchanged), 200)
        equal(unchanged["name"], key["name"])


@case
def a_path_that_cannot_be_patched_is_refused_with_the_paths_that_can(caller):
    key = caller.create()
    replaceable, listed = "/description, /enabled, /name, /customerId", "/stages, /labels"
    for op, path, allowed in (
        ("replace", "/id", replaceable),
        ("replace", "/value", replaceable),
        ("replace", "/stages", replaceable),
        ("add", "/name", listed),
        ("remove", "/description", listed),
    ):
        message = f"Invalid patch path  '{path}' specified for op '{op}'. Must be one of: [{allowed}]"
        bad(lambda: caller.patch(key, (op, path, "x")), message)


@case
def an_operation_that_is_none_is_refused(caller):
    key = caller.create()
    for op in ("test", "move", "REPLACE"):
        message = "Invalid patch operation specified. Must be 'add'|'remove'|'replace'|'copy'"
        bad(lambda: caller.patch(key, (op, "/name", "x")), message)
    bad(lambda: caller.patch(key, ("copy", "/name", "x")))


@case
def an_update_keeps_to_the_limits_of_create(caller):
    key = caller.create()
    bad(lambda: caller.patch(key, ("replace", "/name", "n" * 1025)), NAME_TOO_LONG)
    bad(lambda: caller.patch(key, ("replace", "/description", "d" * 125_001)), DESCRIPTION_TOO_LONG)


@case
def an_unknown_key_is_not_updated(caller):
    change = ("replace", "/name", "x")
    refused(lambda: caller.patch({"id": "aaaaaaaaaa"}, change), 404, "NotFoundException", UNKNOWN_KEY)


# DeleteApiKey


@case
def a_deleted_key_is_gone_and_its_value_free_again(caller):
    key = caller.create()
    deleted = caller.api.delete_api_key(apiKey=key["id"])
    equal((status_of(deleted), caller.wire), (202, None))
    for call in (caller.api.get_api_key, caller.api.delete_api_key):
        refused(lambda: call(apiKey=key["id"]), 404, "NotFoundException", UNKNOWN_KEY)
    equal(caller.named(), [])
    again = caller.create(value=key["value"])
    holds(again["id"] != key["id"], "a deleted key's id was used again")


# ImportApiKeys


@case
def an_import_answers_ids_in_row_order_and_warns_of_what_it_skipped(caller):
    first, second = caller.value(), caller.value(30)
    imported = caller.load(
        "key,name, description",
        f"{first}, {caller.mark}-1, firstone",
        f"{second}, {caller.mark}-2, secondone",
        f"{caller.value(10)}, {caller.mark}-3,",
        fail=False,
    )
    equal(status_of(imported), 201)
    equal(imported["warnings"], [f"Skipped invalid record: 3. {TOO_SHORT}"])
    read = [caller.api.get_api_key(apiKey=id, includeValue=True) for id in imported["ids"]]
    equal(
        [(key["value"], key["name"], key["description"], key["enabled"]) for key in read],
        [(first, f"{caller.mark}-1", "firstone", True), (second, f"{caller.mark}-2", "secondone", True)],
    )
    matches(read[0]["id"], KEY_ID)


@case
def an_import_without_trouble_has_an_empty_list_of_warnings(caller):
    imported = caller.load("Name,Key", f"{caller.mark}-1,{caller.value()}")
    equal((len(imported["ids"]), imported["warnings"]), (1, []))


@case
def an_import_that_fails_on_warnings_changes_nothing(caller):
    rows = f"{caller.mark}-1,{caller.value()}", f"{caller.mark}-2,short", f"{caller.mark}-3,{caller.value(129)}"
    message = f"Skipped invalid record: 2. {TOO_SHORT}\nSkipped invalid record: 3. {TOO_LONG}"
    bad(lambda: caller.load("Name,Key", *rows, fail=True), message)
    equal(caller.named(), [])
    equal(len(caller.load("Name,Key", rows[0], fail=True)["ids"]), 1)


@case
def an_import_reads_every_form_of_the_file(caller):
    values = [caller.value() for _ in range(4)]
    imported = caller.load(
        "Ignored,  KEY ,name,Enabled,Description",
        f'x,{values[0]},{caller.mark}-1, fALSE ,"a, ""quoted"" text"',
        f"x, {values[1]} ,{caller.mark}-2,TRUE,'single, quoted'",
        f'x,"{values[2]}",{caller.mark}-3,,"two\nlines"',
        f"x,{values[3]},{caller.mark}-4,perhaps,",
    )
    equal(len(imported["warnings"]), 1)
    holds("Enabled" in imported["warnings"][0] and "perhaps" in imported["warnings"][0], imported["warnings"][0])
    read = [caller.api.get_api_key(apiKey=id, includeValue=True) for id in imported["ids"]]
    equal(
        [(key["value"], key["enabled"], key["description"]) for key in read],
        [
            (values[0], False, 'a, "quoted" text'),
            (values[1], True, "single, quoted"),
            (values[2], True, "two\nlines"),
        ],
    )


@case
def an_import_overwrites_a_key_with_the_same_value(caller):
    key = caller.create(enabled=False, description="kept")
    time.sleep(1.1)
    imported = caller.load("Name,Key,Description", f"{caller.mark}-imported,{key['value']},")
    equal(imported["ids"], [key["id"]])
    read = caller.api.get_api_key(apiKey=key["id"])
    equal(
        (read["name"], read["description"], read["enabled"], read["createdDate"]),
        (f"{caller.mark}-imported", "kept", False, key["createdDate"]),
    )
    holds(read["lastUpdatedDate"] > key["lastUpdatedDate"], "lastUpdatedDate did not move")


@case
def the_later_of_two_rows_with_one_key_wins(caller):
    value = caller.value()
    imported = caller.load("Name,Key", f"{caller.mark}-1,{value}", f"{caller.mark}-2,{value}")
    equal(len(imported["ids"]), 1)
    equal(caller.named(), [f"{caller.mark}-2"])


@case
def an_import_of_more_than_a_mebibyte_is_complete(caller):
    rows = [f"{caller.mark}-{number:05},{caller.value()}" for number in range(50)]
    bulk = [f"{caller.mark}-bulk-{number:05},{number:040}" for number in range(18_000)]
    imported = caller.load("Name,Key", *rows, *bulk, fail=True)
    equal((len(set(imported["ids"])), imported["warnings"]), (18_050, []))
    equal(caller.api.get_api_key(apiKey=imported["ids"][49])["name"], f"{caller.mark}-00049")


@case
def a_file_without_its_columns_is_refused(caller):
    bad(lambda: caller.load("Name,Value", f"{caller.mark},{caller.value()}"), "Missing required column 'Key'")
    bad(lambda: caller.load("Key", caller.value()), "Missing required column 'Name'")
    bad(lambda: caller.load("keys.csv"))
    bad(lambda: caller.load())


@case
def a_format_other_than_csv_is_refused(caller):
    call = lambda: caller.api.import_api_keys(body=b"Name,Key\n", format="xml")
    refused(call, 400, "ValidationException")


# CreateUsagePlan


@case
def a_plan_created_with_every_field_has_them_all(caller):
    fields = {
        "name": f"{caller.mark} gold",
        "description": "made by boto3",
        "apiStages": [
            {"apiId": "a1b2c3d4e5", "stage": "prod", "throttle": {"/pets/GET": {"burstLimit": 1, "rateLimit": 0.5}}},
            {"apiId": "a1b2c3d4e5", "stage": "$default"},
        ],
        "throttle": {"burstLimit": 20, "rateLimit": 10.0},
        "quota": {"limit": 1000, "offset": 27, "period": "MONTH"},
        "tags": {"team": "door + gate"},
    }
    plan = caller.api.create_usage_plan(**fields)
    equal(status_of(plan), 201)
    matches(plan["id"], PLAN_ID)
    equal(fields_of(plan), fields | {"id": plan["id"]})
    equal(fields_of(caller.api.get_usage_plan(usagePlanId=plan["id"])), fields_of(plan))


@case
def a_plan_created_from_a_name_has_no_stages_and_its_offset_is_filled_in(caller):
    plan = caller.plan()
    equal(fields_of(plan), {"id": plan["id"], "name": f"{caller.mark}-plan", "apiStages": []})
    equal(caller.api.get_usage_plan(usagePlanId=plan["id"])["tags"], {})
    quota = caller.plan(quota={"limit": 5, "period": "WEEK"})["quota"]
    equal(quota, {"limit": 5, "offset": 0, "period": "WEEK"})


@case
def a_plan_keeps_to_its_rules(caller):
    bad(lambda: caller.plan(name=""), "Invalid Usage Plan name, must have 1 to 1024 characters.")
    stage = {"apiId": "", "stage": ""}
    unfilled = "Invalid API Stage {api: %s, stage: %s} specified for usageplan %s"
    bad(lambda: caller.plan(apiStages=[stage]), unfilled)
    bad(lambda: caller.plan(throttle={"rateLimit": -0.5}))
    bad(lambda: caller.plan(throttle={"burstLimit": -1}))
    bad(lambda: caller.plan(quota={"limit": -1, "period": "DAY"}))
    bad(
        lambda: caller.plan(quota={"limit": 1, "offset": 1, "period": "DAY"}),
        "Usage Plan quota offset must be zero in the DAY period",
    )
    message = (
        "1 validation error detected: Value 'YEAR' at 'quota.period' failed to satisfy constraint: "
        "Member must satisfy enum value set: [DAY, WEEK, MONTH]"
    )
    refused(lambda: caller.plan(quota={"limit": 1, "period": "YEAR"}), 400, "ValidationException", message)


# GetUsagePlan and GetUsagePlans


@case
def an_unknown_plan_is_not_found(caller):
    for unknown in ("aaaaaa", "no such plan", "a/b"):
        refused(lambda: caller.api.get_usage_plan(usagePlanId=unknown), 404, "NotFoundException", UNKNOWN_PLAN)
        refused(lambda: caller.patch_plan({"id": unknown}), 404, "NotFoundException", UNKNOWN_PLAN)
        refused(lambda: caller.api.delete_usage_plan(usagePlanId=unknown), 404, "NotFoundException", UNKNOWN_PLAN)


@case
def plans_of_a_key_are_found_on_every_page_newest_first(caller):
    key = caller.create()
    plans = [caller.plan(tags={"a": "b"}) for _ in range(5)]
    for plan in plans:
        caller.attach(plan, key)
    caller.plan()
    pages = caller.api.get_paginator("get_usage_plans").paginate(keyId=key["id"], PaginationConfig={"PageSize": 2})
    found = [plan for page in pages for plan in page["items"]]
    equal(found, [fields_of(plan) for plan in reversed(plans)])
    equal(caller.api.get_usage_plans(keyId="aaaaaaaaaa")["items"], [])


# UpdateUsagePlan


@case
def every_property_of_a_plan_that_can_change_changes(caller):
    plan = caller.plan("a:prod")
    changed = caller.patch_plan(
        plan,
        ("replace", "/name", f"{caller.mark} silver"),
        ("replace", "/description", "d"),
        ("add", "/productCode", "code"),
        ("add", "/apiStages", "b:dev"),
        ("remove", "/apiStages", "a:prod"),
        ("replace", "/apiStages/b:dev/throttle", '{"/pets/GET":{"rateLimit":1.0,"burstLimit":1}}'),
        ("replace", "/apiStages/b:dev/throttle//a/b/POST/rateLimit", "2.5"),
        ("add", "/apiStages/b:dev/throttle/~1a~1b/POST/burstLimit", "3"),
        ("remove", "/apiStages/b:dev/throttle/~1pets/GET"),
        ("replace", "/throttle/rateLimit", "0.1"),
        ("replace", "/throttle/burstLimit", "7"),
        ("replace", "/quota/limit", "9"),
        ("replace", "/quota/period", "DAY"),
    )
    expected = {
        "id": plan["id"],
        "name": f"{caller.mark} silver",
        "description": "d",
        "productCode": "code",
        "apiStages": [
            {"apiId": "b", "stage": "dev", "throttle": {"/a/b/POST": {"burstLimit": 3, "rateLimit": 2.5}}}
        ],
        "throttle": {"burstLimit": 7, "rateLimit": 0.1},
        "quota": {"limit": 9, "offset": 0, "period": "DAY"},
        "tags": {},
    }
    equal(fields_of(changed), expected)
    equal(fields_of(caller.api.get_usage_plan(usagePlanId=plan["id"])), expected)
    bare = caller.patch_plan(plan, ("remove", "/throttle"), ("remove", "/quota"), ("remove", "/productCode"))
    holds(not {"throttle", "quota", "productCode"} & set(bare), f"something is left: {bare}")


@case
def a_stage_is_removed_by_its_value(caller):
    plan = caller.plan("a:prod")
    by_path = (
        "Invalid patch path  '/apiStages/a:prod' specified for op 'remove'. Must be one of: [/apiStages, /quota, "
        "/throttle, /productCode, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, "
        "/apiStages/<apidId:stageName>/throttle]"
    )
    bad(lambda: caller.patch_plan(plan, ("remove", "/apiStages/a:prod")), by_path)
    bad(lambda: caller.patch_plan(plan, ("remove", "/apiStages")), "Invalid API Stage specified")
    unknown = f"Invalid API Stage {{api: b, stage: prod}} specified for usageplan {plan['id']}"
    refused(lambda: caller.patch_plan(plan, ("remove", "/apiStages", "b:prod")), 404, "NotFoundException", unknown)
    equal(caller.patch_plan(plan, ("remove", "/apiStages", "a:prod"))["apiStages"], [])


# DeleteUsagePlan


@case
def a_plan_is_deleted_when_its_stages_are_removed(caller):
    plan, key = caller.plan("a:prod"), caller.create()
    caller.attach(plan, key)
    message = (
        f"Cannot delete Usage Plan {plan['id']} because there are API Stages associated with it, including a:prod"
    )
    bad(lambda: caller.api.delete_usage_plan(usagePlanId=plan["id"]), message)
    caller.patch_plan(plan, ("remove", "/apiStages", "a:prod"))
    equal(status_of(caller.api.delete_usage_plan(usagePlanId=plan["id"])), 202)
    equal(caller.api.get_usage_plans(keyId=key["id"])["items"], [])
    equal(caller.api.get_api_key(apiKey=key["id"])["id"], key["id"])


# CreateUsagePlanKey, GetUsagePlanKey, GetUsagePlanKeys, DeleteUsagePlanKey


@case
def a_key_is_put_into_a_plan_and_taken_out_again(caller):
    plan, key = caller.plan("a:prod"), caller.create()
    attached = caller.attach(plan, key)
    equal(status_of(attached), 201)
    expected = {"id": key["id"], "type": "API_KEY", "value": key["value"], "name": key["name"]}
    equal(fields_of(attached), expected)
    both = {"usagePlanId": plan["id"], "keyId": key["id"]}
    equal(fields_of(caller.api.get_usage_plan_key(**both)), expected)
    equal(caller.api.get_usage_plan_keys(usagePlanId=plan["id"])["items"], [expected])
    equal(status_of(caller.api.delete_usage_plan_key(**both)), 202)
    refused(lambda: caller.api.get_usage_plan_key(**both), 404, "NotFoundException", UNKNOWN_PLAN)
    refused(lambda: caller.api.delete_usage_plan_key(**both), 404, "NotFoundException", UNKNOWN_KEY)


@case
def a_key_is_in_no_two_plans_that_share_a_stage(caller):
    key, first, second = caller.create(), caller.plan("a:prod"), caller.plan("b:prod", "a:prod")
    caller.attach(first, key)
    message = (
        f"Usage Plan {second['id']} cannot be added because API Key {key['id']} cannot reference multiple Usage Plans "
        "with the same API stage: a:prod"
    )
    refused(lambda: caller.attach(second, key), 409, "ConflictException", message)
    third = caller.plan("c:prod")
    caller.attach(third, key)
    refused(lambda: caller.patch_plan(third, ("add", "/apiStages", "a:prod")), 409, "ConflictException")
    refused(lambda: caller.attach(third, key), 409, "ConflictException")


@case
def what_is_put_into_a_plan_must_be_a_key_that_is_there(caller):
    plan, key = caller.plan(), caller.create()
    unknown = {"id": "aaaaaaaaaa"}
    refused(lambda: caller.attach(plan, unknown), 404, "NotFoundException", UNKNOWN_KEY)
    refused(lambda: caller.attach(unknown, key), 404, "NotFoundException", UNKNOWN_PLAN)
    refused(
        lambda: caller.api.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="KEY"),
        400,
        "ValidationException",
    )


@case
def keys_of_a_plan_are_found_by_name_and_on_every_page_newest_first(caller):
    plan = caller.plan()
    keys = [caller.create(name=f"{caller.mark}-{number}") for number in (1, 2, 10, 11, 12)]
    for key in keys:
        caller.attach(plan, key)
    listing = caller.api.get_paginator("get_usage_plan_keys")

    def found(**more):
        pages = listing.paginate(usagePlanId=plan["id"], PaginationConfig={"PageSize": 2}, **more)
        return [(key["id"], key["value"]) for page in pages for key in page["items"]]

    newest_first = [(key["id"], key["value"]) for key in reversed(keys)]
    equal(found(), newest_first)
    equal(found(nameQuery=f"{caller.mark}-1"), [pair for pair in newest_first if pair[0] != keys[1]["id"]])
    equal(found(nameQuery=f"{caller.mark[1:]}-1"), [])
    equal(caller.api.get_usage_plan_keys(usagePlanId="aaaaaa")["items"], [])


# GetUsage


def plan_of(caller, *keys, limit=10, period="DAY"):
    """Creates a plan, with a quota unless its limit is None, and puts keys into it; its id."""
    plan = caller.plan() if limit is None else caller.plan(quota={"limit": limit, "period": period})
    for key in keys:
        caller.attach(plan, key)
    return plan["id"]


@case
def usage_has_a_pair_of_each_day_for_each_key_of_the_plan(caller):
    first, second = caller.create(), caller.create()
    plan = plan_of(caller, first, second, limit=5000, period="MONTH")
    usage = caller.api.get_usage(usagePlanId=plan, startDate="2026-08-01", endDate="2026-08-04")
    equal(status_of(usage), 200)
    days = [[0, 5000]] * 4
    equal(
        fields_of(usage),
        {
            "usagePlanId": plan,
            "startDate": "2026-08-01",
            "endDate": "2026-08-04",
            "items": {first["id"]: days, second["id"]: days},
        },
    )
    equal(sorted(caller.wire), ["endDate", "startDate", "usagePlanId", "values"])
    one = caller.api.get_usage(usagePlanId=plan, keyId=first["id"], startDate="2026-08-01", endDate="2026-08-01")
    equal(one["items"], {first["id"]: [[0, 5000]]})


@case
def usage_without_a_quota_has_minus_one_left_and_without_keys_no_items(caller):
    dates = {"startDate": "2026-08-01", "endDate": "2026-08-01"}
    key = caller.create()
    plan = plan_of(caller, key, limit=None)
    equal(caller.api.get_usage(usagePlanId=plan, **dates)["items"], {key["id"]: [[0, -1]]})
    equal(caller.api.get_usage(usagePlanId=plan_of(caller), **dates)["items"], {})


@case
def the_paginator_of_usage_yields_every_key_once(caller):
    keys = [caller.create() for _ in range(5)]
    plan = plan_of(caller, *keys)
    pages = caller.api.get_paginator("get_usage").paginate(
        usagePlanId=plan, startDate="2026-08-01", endDate="2026-08-01", PaginationConfig={"PageSize": 2}
    )
    seen = [id for page in pages for id in page["items"]]
    equal(sorted(seen), sorted(key["id"] for key in keys))


@case
def usage_is_refused_for_wrong_dates_and_for_what_is_not_there(caller):
    plan = plan_of(caller)

    def ask(plan=plan, first="2026-08-01", last="2026-08-01", **more):
        return lambda: caller.api.get_usage(usagePlanId=plan, startDate=first, endDate=last, **more)

    bad(ask(first="08/01/2026"), "Invalid date specified: must be a day from 1970 on, as YYYY-MM-DD")
    bad(ask(last="2026-07-31"), "Invalid dates specified: endDate must not be before startDate")
    bad(ask(last="2026-10-30"), "Invalid dates specified: usage can be asked for over at most 90 days")
    bad(ask(position="nonsense"), "Invalid position specified")
    refused(ask(plan="aaaaaa"), 404, "NotFoundException", UNKNOWN_PLAN)
    refused(ask(keyId="aaaaaaaaaa"), 404, "NotFoundException", UNKNOWN_KEY_OF_PLAN)


# UpdateUsage


@case
def what_is_left_is_set_and_read_back(caller):
    key = caller.create()
    plan = plan_of(caller, key)
    operations = [{"op": "replace", "path": "/remaining", "value": "3"}]
    usage = caller.api.update_usage(usagePlanId=plan, keyId=key["id"], patchOperations=operations)
    equal((status_of(usage), usage["items"]), (200, {key["id"]: [[0, 3]]}))
    equal(usage["startDate"], usage["endDate"])
    dates = {"startDate": usage["startDate"], "endDate": usage["endDate"]}
    equal(caller.api.get_usage(usagePlanId=plan, **dates)["items"], {key["id"]: [[0, 3]]})


@case
def what_is_left_cannot_be_set_to_anything_else(caller):
    key = caller.create()
    plan, without = plan_of(caller, key), plan_of(caller, key, limit=None)

    def set_to(value, plan=plan, path="/remaining", id=key["id"]):
        operations = [{"op": "replace", "path": path, "value": value}]
        return lambda: caller.api.update_usage(usagePlanId=plan, keyId=id, patchOperations=operations)

    bad(set_to("-1"), "Invalid remaining quota specified: must be an integer from 0 to 2147483647")
    message = "Invalid patch path  '/used' specified for op 'replace'. Must be one of: [/remaining]"
    bad(set_to("1", path="/used"), message)
    bad(set_to("1", plan=without), "Invalid remaining quota specified: the usage plan has no quota")
    refused(set_to("1", plan="aaaaaa"), 404, "NotFoundException", UNKNOWN_PLAN)
    refused(set_to("1", id="aaaaaaaaaa"), 404, "NotFoundException", UNKNOWN_KEY_OF_PLAN)


# TagResource, UntagResource, GetTags


def arns_of(caller):
    """The ARNs of a key and of a plan."""
    start = "arn:aws:apigateway:us-east-1::"
    return f"{start}/apikeys/{caller.create()['id']}", f"{start}/usageplans/{plan_of(caller)}"


@case
def tags_are_added_replaced_taken_off_and_read(caller):
    for arn in arns_of(caller):
        equal(fields_of(caller.api.get_tags(resourceArn=arn)), {"tags": {}})
        equal(status_of(caller.api.tag_resource(resourceArn=arn, tags={"a b": "1", "équipe/+=": "2", "c": ""})), 204)
        caller.api.tag_resource(resourceArn=arn, tags={"c": "3", "d": "4"})
        equal(caller.api.get_tags(resourceArn=arn)["tags"], {"a b": "1", "équipe/+=": "2", "c": "3", "d": "4"})
        untagged = caller.api.untag_resource(resourceArn=arn, tagKeys=["a b", "équipe/+=", "unknown"])
        equal(status_of(untagged), 204)
        equal(caller.api.get_tags(resourceArn=arn)["tags"], {"c": "3", "d": "4"})


@case
def tags_are_those_that_the_key_shows(caller):
    key = caller.create(tags={"a": "1"})
    arn = f"arn:aws:apigateway:us-east-1::/apikeys/{key['id']}"
    caller.api.tag_resource(resourceArn=arn, tags={"b": "2"})
    read = caller.api.get_api_key(apiKey=key["id"])
    equal((read["tags"], read["lastUpdatedDate"]), ({"a": "1", "b": "2"}, key["lastUpdatedDate"]))


@case
def tags_are_refused_beyond_their_rules_and_where_nothing_is(caller):
    for arn, unknown in zip(arns_of(caller), (UNKNOWN_KEY, UNKNOWN_PLAN)):
        caller.api.tag_resource(resourceArn=arn, tags={f"tag{number}": "x" for number in range(50)})
        message = "Invalid tags specified: a resource can have at most 50 tags."
        bad(lambda: caller.api.tag_resource(resourceArn=arn, tags={"one": "more"}), message)
        message = "Invalid tag key specified: the prefix aws: is reserved."
        bad(lambda: caller.api.tag_resource(resourceArn=arn, tags={"aws:x": "y"}), message)
        nobody = arn.rsplit("/", 1)[0] + "/aaaaaaaaaa"
        refused(lambda: caller.api.get_tags(resourceArn=nobody), 404, "NotFoundException", unknown)
        refused(lambda: caller.api.tag_resource(resourceArn=nobody, tags={}), 404, "NotFoundException", unknown)
        refused(lambda: caller.api.untag_resource(resourceArn=nobody, tagKeys=["a"]), 404, "NotFoundException", unknown)
    for arn in ("arn:aws:apigateway:us-east-1::/restapis/a1b2c3d4e5", "arn:aws:s3:::bucket", "none"):
        bad(lambda: caller.api.get_tags(resourceArn=arn), "Invalid ARN specified in the request")


# GetAccount


@case
def an_account_has_usage_plans(caller):
    equal(
        fields_of(caller.api.get_account()),
        {
            "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
            "features": ["UsagePlans"],
            "apiKeyVersion": "4",
        },
    )


# What is not there


@case
def an_operation_that_is_not_served_answers_as_aws_does(caller):
    refused(caller.api.get_rest_apis, 403, "MissingAuthenticationTokenException", "Missing Authentication Token")


@case
def a_presigned_url_is_good_for_what_was_signed_and_nothing_else(caller):
    key = caller.create()
    ask = {"apiKey": key["id"], "includeValue": True}
    signed = caller.api.generate_presigned_url("get_api_key", Params=ask, ExpiresIn=60)
    equal(fetch(signed), (200, key["value"]))
    for altered in (signed.replace("includeValue=true", "includeValue=TRUE"), signed.replace(key["id"], "a" * 10)):
        equal(fetch(altered), (403, None))
    late = caller.api.generate_presigned_url("get_api_key", Params=ask, ExpiresIn=1)
    time.sleep(2.1)
    equal(fetch(late), (403, None))


def fetch(url):
    """The status of a plain GET, and the value that it answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": "application/json"}), timeout=10) as answer:
            return answer.status, json.load(answer).get("value")
    except urllib.error.HTTPError as refused:
        return refused.code, None


@case
def a_wrong_secret_is_refused_in_aws_words(caller):
    other = boto3.session.Session().client(
        "apigateway",
        endpoint_url=caller.server.control,
        region_name="eu-west-1",
        aws_access_key_id=caller.server.access_key_id,
        aws_secret_access_key="wrong",
        config=botocore.config.Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    try:
        other.get_api_keys()
    except botocore.exceptions.ClientError as refused:
        error = refused.response["Error"]
        equal(error["Code"], "InvalidSignatureException")
        holds(error["Message"].startswith("The request signature we calculated does not match"), error["Message"])
    else:
        raise AssertionError("a wrong secret is let in")
