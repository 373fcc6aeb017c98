"""The AWS CLI against gatepost: every command as a person types it, with what it prints and how it ends."""

import json
import secrets
import subprocess
import tempfile

from environment import aws_environment
from expect import (
    GENERATED_VALUE,
    KEY_ID,
    PLAN_ID,
    TAKEN,
    TOO_SHORT,
    UNKNOWN_KEY,
    UNKNOWN_KEY_OF_PLAN,
    UNKNOWN_PLAN,
    Suite,
    equal,
    holds,
    matches,
)


class Terminal:
    """The shell of one case: `aws` runs an `aws apigateway` command and gives what it printed, parsed."""

    def __init__(self, server):
        self.server, self.value = server, server.new_value
        self.mark = secrets.token_hex(6)
        self.environment = aws_environment(server)

    def run(self, *words):
        """Runs a command whatever its end."""
        command = ["aws", "apigateway", *words]
        return subprocess.run(
            command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )

    def aws(self, *words):
        """Runs a command that must succeed; one that prints nothing gives None."""
        done = self.run(*words)
        holds(done.returncode == 0, f"aws {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        equal(done.stderr, "")
        if done.stdout == "":
            return None
        printed = json.loads(done.stdout)
        self.server.note_values_of(printed)
        return printed

    def refused(self, operation, code, message, *words):
        """States that a command is refused so."""
        done = self.run(*words)
        equal((done.returncode, done.stdout), (255, ""))
        line = f"An error occurred ({code}) when calling the {operation} operation: {message}"
        holds(done.stderr.strip().endswith(line), f"expected {line!r}, got {done.stderr!r}")

    def names(self, *words):
        """The names that get-api-keys lists."""
        return [key["name"] for key in self.aws("get-api-keys", "--name-query", self.mark, *words)["items"]]

    def create(self, *words):
        """Creates a key named by the case's mark."""
        return self.aws("create-api-key", "--name", f"{self.mark}-key", *words)

    def plan(self, *words):
        """Creates a usage plan named by the case's mark."""
        return self.aws("create-usage-plan", "--name", f"{self.mark}-plan", *words)

    def attach(self, plan, key):
        """Puts a key into a usage plan."""
        words = "--usage-plan-id", plan["id"], "--key-id", key["id"], "--key-type", "API_KEY"
        return self.aws("create-usage-plan-key", *words)


aws_cli_suite = Suite("AWS CLI", Terminal)
case = aws_cli_suite.case


@case
def create_api_key_takes_every_option(terminal):
    value = terminal.value()
    key = terminal.create(
        *("--description", "made by hand", "--enabled", "--generate-distinct-id", "--value", value),
        *("--stage-keys", "restApiId=uycll6xg9a,stageName=beta", "restApiId=uycll6xg9a,stageName=prod"),
        *("--customer-id", "customer 7", "--tags", "team=gate,tier=gold"),
    )
    matches(key["id"], KEY_ID)
    equal([type(key[date]) for date in ("createdDate", "lastUpdatedDate")], [int, int])
    equal(
        key,
        {
            "id": key["id"],
            "value": value,
            "name": f"{terminal.mark}-key",
            "customerId": "customer 7",
            "description": "made by hand",
            "enabled": True,
            "createdDate": key["createdDate"],
            "lastUpdatedDate": key["createdDate"],
            "stageKeys": ["uycll6xg9a/beta", "uycll6xg9a/prod"],
            "tags": {"team": "gate", "tier": "gold"},
        },
    )


@case
def create_api_key_alone_makes_a_disabled_key(terminal):
    key = terminal.aws("create-api-key")
    matches(key["value"], GENERATED_VALUE)
    equal(sorted(key), ["createdDate", "enabled", "id", "lastUpdatedDate", "stageKeys", "value"])
    equal((key["enabled"], key["stageKeys"]), (False, []))


@case
def create_api_key_is_refused_in_awss_words(terminal):
    value = terminal.create()["value"]
    terminal.refused("CreateApiKey", "ConflictException", TAKEN, "create-api-key", "--value", value)
    short = terminal.value(29)
    terminal.refused("CreateApiKey", "BadRequestException", TOO_SHORT, "create-api-key", "--value", short)


@case
def get_api_key_shows_the_value_only_when_asked(terminal):
    key = terminal.create()
    without = terminal.aws("get-api-key", "--api-key", key["id"], "--no-include-value")
    equal(without, {name: value for name, value in key.items() if name != "value"} | {"tags": {}})
    equal(terminal.aws("get-api-key", "--api-key", key["id"], "--include-value"), without | {"value": key["value"]})


@case
def an_unknown_key_is_refused_by_every_command_that_names_one(terminal):
    for operation, *command in (
        ("GetApiKey", "get-api-key"),
        ("DeleteApiKey", "delete-api-key"),
        ("UpdateApiKey", "update-api-key", "--patch-operations", "op=replace,path=/name,value=x"),
    ):
        terminal.refused(operation, "NotFoundException", UNKNOWN_KEY, *command, "--api-key", "aaaaaaaaaa")


@case
def get_api_keys_goes_through_all_pages_by_itself(terminal):
    rows = [f"{terminal.mark}-{number},{terminal.value()}" for number in range(7)]
    import_rows(terminal, "Name,Key", *rows)
    listed = terminal.names("--page-size", "2")
    equal(sorted(listed), [f"{terminal.mark}-{number}" for number in range(7)])
    equal(terminal.names(), listed)

    page = terminal.aws("get-api-keys", "--name-query", terminal.mark, "--page-size", "2", "--max-items", "3")
    equal([key["name"] for key in page["items"]], listed[:3])
    rest = terminal.names("--page-size", "2", "--starting-token", page["NextToken"])
    equal(rest, listed[3:])


@case
def get_api_keys_filters_and_reveals(terminal):
    key = terminal.create("--customer-id", terminal.mark)
    terminal.create()
    (found,) = terminal.aws("get-api-keys", "--customer-id", terminal.mark, "--include-values")["items"]
    equal(found, key)
    (found,) = terminal.aws("get-api-keys", "--customer-id", terminal.mark, "--no-include-values")["items"]
    holds("value" not in found, "a value is shown unasked")
    equal(terminal.aws("get-api-keys", "--name-query", "nobody has this"), {"items": []})


@case
def a_position_that_is_none_is_refused(terminal):
    words = "get-api-keys", "--no-paginate", "--position", "nonsense"
    terminal.refused("GetApiKeys", "BadRequestException", "Invalid position specified", *words)


@case
def update_api_key_changes_every_property_that_can_change(terminal):
    key = terminal.create("--enabled")
    updated = terminal.aws(
        *("update-api-key", "--api-key", key["id"], "--patch-operations"),
        f"op=replace,path=/name,value={terminal.mark}-renamed",
        "op=replace,path=/description,value=changed",
        "op=replace,path=/enabled,value=false",
        "op=replace,path=/customerId,value=c8",
        "op=add,path=/stages,value=uycll6xg9a/beta",
        "op=add,path=/stages,value=uycll6xg9a/prod",
        "op=remove,path=/stages,value=uycll6xg9a/beta",
        "op=add,path=/labels,value=blue",
        "op=remove,path=/labels,value=blue",
    )
    equal(
        updated,
        {
            "id": key["id"],
            "name": f"{terminal.mark}-renamed",
            "customerId": "c8",
            "description": "changed",
            "enabled": False,
            "createdDate": key["createdDate"],
            "lastUpdatedDate": updated["lastUpdatedDate"],
            "stageKeys": ["uycll6xg9a/prod"],
            "tags": {},
        },
    )


@case
def update_api_key_names_the_paths_that_can_be_patched(terminal):
    key = terminal.create()
    message = (
        "Invalid patch path  '/id' specified for op 'replace'. "
        "Must be one of: [/description, /enabled, /name, /customerId]"
    )
    words = "update-api-key", "--api-key", key["id"], "--patch-operations", "op=replace,path=/id,value=x"
    terminal.refused("UpdateApiKey", "BadRequestException", message, *words)


@case
def delete_api_key_prints_nothing_and_the_key_is_gone(terminal):
    key = terminal.create()
    equal(terminal.aws("delete-api-key", "--api-key", key["id"]), None)
    terminal.refused("GetApiKey", "NotFoundException", UNKNOWN_KEY, "get-api-key", "--api-key", key["id"])


@case
def import_api_keys_reads_a_file_and_reports_what_it_skipped(terminal):
    rows = f"{terminal.mark}-1,{terminal.value()},true", f"{terminal.mark}-2,{terminal.value(20)},true"
    imported = import_rows(terminal, "Name,Key,Enabled", *rows)
    equal(imported["warnings"], [f"Skipped invalid record: 2. {TOO_SHORT}"])
    equal(terminal.aws("get-api-key", "--api-key", imported["ids"][0])["name"], f"{terminal.mark}-1")
    clean = import_rows(terminal, "Name,Key,Enabled", rows[0], more=["--no-fail-on-warnings"])
    equal(clean, {"ids": imported["ids"], "warnings": []})


@case
def import_api_keys_that_fails_on_warnings_imports_nothing(terminal):
    with csv_file(["Name,Key", f"{terminal.mark}-1,{terminal.value()}", f"{terminal.mark}-2,short"]) as file:
        words = "import-api-keys", "--body", f"fileb://{file.name}", "--format", "csv", "--fail-on-warnings"
        message = f"Skipped invalid record: 2. {TOO_SHORT}"
        terminal.refused("ImportApiKeys", "BadRequestException", message, *words)
    equal(terminal.names(), [])


@case
def create_usage_plan_takes_every_option(terminal):
    plan = terminal.plan(
        *("--description", "made by hand", "--throttle", "burstLimit=20,rateLimit=10"),
        *("--quota", "limit=1000,offset=6,period=WEEK", "--tags", "team=gate"),
        *("--api-stages", '[{"apiId":"a","stage":"prod","throttle":{"/pets/GET":{"rateLimit":0.5,"burstLimit":1}}}]'),
    )
    matches(plan["id"], PLAN_ID)
    equal(
        plan,
        {
            "id": plan["id"],
            "name": f"{terminal.mark}-plan",
            "description": "made by hand",
            "apiStages": [
                {"apiId": "a", "stage": "prod", "throttle": {"/pets/GET": {"burstLimit": 1, "rateLimit": 0.5}}}
            ],
            "throttle": {"burstLimit": 20, "rateLimit": 10.0},
            "quota": {"limit": 1000, "offset": 6, "period": "WEEK"},
            "tags": {"team": "gate"},
        },
    )
    equal(terminal.aws("get-usage-plan", "--usage-plan-id", plan["id"]), plan)


@case
def get_usage_plans_goes_through_all_pages_of_a_key_by_itself(terminal):
    key = terminal.create()
    plans = [terminal.plan() for _ in range(5)]
    for plan in plans:
        terminal.attach(plan, key)
    listed = terminal.aws("get-usage-plans", "--key-id", key["id"], "--page-size", "2")["items"]
    equal(listed, list(reversed(plans)))
    equal(terminal.aws("get-usage-plans", "--key-id", "aaaaaaaaaa"), {"items": []})


@case
def update_usage_plan_changes_limits_and_stages(terminal):
    plan = terminal.plan("--api-stages", "apiId=a,stage=prod")
    updated = terminal.aws(
        *("update-usage-plan", "--usage-plan-id", plan["id"], "--patch-operations"),
        "op=replace,path=/throttle/rateLimit,value=500",
        "op=replace,path=/quota/limit,value=5",
        "op=replace,path=/quota/period,value=DAY",
        "op=add,path=/apiStages,value=b:dev",
        "op=remove,path=/apiStages,value=a:prod",
        "op=replace,path=/apiStages/b:dev/throttle///GET/burstLimit,value=3",
    )
    equal(
        updated,
        plan
        | {
            "apiStages": [{"apiId": "b", "stage": "dev", "throttle": {"//GET": {"burstLimit": 3}}}],
            "throttle": {"rateLimit": 500.0},
            "quota": {"limit": 5, "offset": 0, "period": "DAY"},
            "tags": {},
        },
    )


@case
def a_plan_with_stages_is_not_deleted_and_one_without_is(terminal):
    plan = terminal.plan("--api-stages", "apiId=a,stage=prod")
    one = "--usage-plan-id", plan["id"]
    message = (
        f"Cannot delete Usage Plan {plan['id']} because there are API Stages associated with it, including a:prod"
    )
    terminal.refused("DeleteUsagePlan", "BadRequestException", message, "delete-usage-plan", *one)
    terminal.aws("update-usage-plan", *one, "--patch-operations", "op=remove,path=/apiStages,value=a:prod")
    equal(terminal.aws("delete-usage-plan", *one), None)
    terminal.refused("GetUsagePlan", "NotFoundException", UNKNOWN_PLAN, "get-usage-plan", *one)


@case
def keys_are_put_into_a_plan_listed_and_taken_out(terminal):
    plan = terminal.plan()
    keys = [terminal.create() for _ in range(3)]
    attached = [terminal.attach(plan, key) for key in keys]
    expected = [{"id": key["id"], "type": "API_KEY", "value": key["value"], "name": key["name"]} for key in keys]
    equal(attached, expected)
    of_plan = "--usage-plan-id", plan["id"]
    listed = terminal.aws("get-usage-plan-keys", *of_plan, "--name-query", terminal.mark, "--page-size", "2")
    equal(listed["items"], list(reversed(expected)))
    equal(terminal.aws("get-usage-plan-keys", "--usage-plan-id", "aaaaaa"), {"items": []})
    one = *of_plan, "--key-id", keys[0]["id"]
    equal(terminal.aws("get-usage-plan-key", *one), expected[0])
    equal(terminal.aws("delete-usage-plan-key", *one), None)
    terminal.refused("DeleteUsagePlanKey", "NotFoundException", UNKNOWN_KEY, "delete-usage-plan-key", *one)


@case
def a_key_of_two_plans_with_one_stage_is_refused(terminal):
    key = terminal.create()
    first, second = (terminal.plan("--api-stages", "apiId=a,stage=prod") for _ in range(2))
    terminal.attach(first, key)
    message = (
        f"Usage Plan {second['id']} cannot be added because API Key {key['id']} cannot reference multiple Usage Plans "
        "with the same API stage: a:prod"
    )
    words = "--usage-plan-id", second["id"], "--key-id", key["id"], "--key-type", "API_KEY"
    terminal.refused("CreateUsagePlanKey", "ConflictException", message, "create-usage-plan-key", *words)


def plan_with_keys(terminal, count, *words):
    """Creates a plan, and keys in it: their ids."""
    plan, keys = terminal.plan(*words), [terminal.create() for _ in range(count)]
    for key in keys:
        terminal.attach(plan, key)
    return plan["id"], [key["id"] for key in keys]


@case
def get_usage_shows_a_page_and_the_one_after_it(terminal):
    plan, keys = plan_with_keys(terminal, 3, "--quota", "limit=10,period=DAY")
    words = "get-usage", "--usage-plan-id", plan, "--start-date", "2026-08-01", "--end-date", "2026-08-02"
    whole = {"usagePlanId": plan, "startDate": "2026-08-01", "endDate": "2026-08-02"}
    days = [[0, 10], [0, 10]]
    equal(terminal.aws(*words), whole | {"items": {key: days for key in keys}})
    # Paging by itself, the CLI drops all but the first page of what is a map and not a list.
    first = terminal.aws(*words, "--no-paginate", "--limit", "2")
    equal(first, whole | {"items": {key: days for key in keys[1:]}, "position": first["position"]})
    second = terminal.aws(*words, "--no-paginate", "--limit", "2", "--position", first["position"])
    equal(second, whole | {"items": {keys[0]: days}})
    one = terminal.aws(*words, "--key-id", keys[0])
    equal(one["items"], {keys[0]: days})


@case
def get_usage_is_refused_in_our_words(terminal):
    dates = "--start-date", "2026-08-02", "--end-date", "2026-08-01"
    message = "Invalid dates specified: endDate must not be before startDate"
    terminal.refused("GetUsage", "BadRequestException", message, "get-usage", "--usage-plan-id", "aaaaaa", *dates)
    dates = "--start-date", "2026-08-01", "--end-date", "2026-08-01"
    terminal.refused("GetUsage", "NotFoundException", UNKNOWN_PLAN, "get-usage", "--usage-plan-id", "aaaaaa", *dates)


@case
def update_usage_sets_what_is_left(terminal):
    plan, (key,) = plan_with_keys(terminal, 1, "--quota", "limit=10,period=MONTH")
    words = "update-usage", "--usage-plan-id", plan, "--key-id", key, "--patch-operations"
    usage = terminal.aws(*words, "op=replace,path=/remaining,value=25")
    equal((usage["items"], usage["startDate"]), ({key: [[0, 25]]}, usage["endDate"]))
    message = "Invalid remaining quota specified: must be an integer from 0 to 2147483647"
    terminal.refused("UpdateUsage", "BadRequestException", message, *words, "op=replace,path=/remaining,value=many")
    elsewhere = "update-usage", "--usage-plan-id", plan, "--key-id", "aaaaaaaaaa", "--patch-operations"
    terminal.refused(
        "UpdateUsage", "NotFoundException", UNKNOWN_KEY_OF_PLAN, *elsewhere, "op=replace,path=/remaining,value=1"
    )


@case
def tag_resource_untag_resource_and_get_tags_go_together(terminal):
    plan, (key,) = plan_with_keys(terminal, 1)
    for path in (f"/apikeys/{key}", f"/usageplans/{plan}"):
        arn = f"arn:aws:apigateway:us-east-1::{path}"
        equal(terminal.aws("tag-resource", "--resource-arn", arn, "--tags", "team=gate,tier=gold"), None)
        equal(terminal.aws("tag-resource", "--resource-arn", arn, "--tags", '{"x y": "z"}'), None)
        equal(terminal.aws("get-tags", "--resource-arn", arn), {"tags": {"team": "gate", "tier": "gold", "x y": "z"}})
        equal(terminal.aws("untag-resource", "--resource-arn", arn, "--tag-keys", "team", "x y"), None)
        equal(terminal.aws("get-tags", "--resource-arn", arn), {"tags": {"tier": "gold"}})


@case
def tags_of_what_is_no_key_or_plan_are_refused(terminal):
    for operation, *command in (
        ("GetTags", "get-tags"),
        ("TagResource", "tag-resource", "--tags", "a=b"),
        ("UntagResource", "untag-resource", "--tag-keys", "a"),
    ):
        unknown = "arn:aws:apigateway:us-east-1::/apikeys/aaaaaaaaaa"
        terminal.refused(operation, "NotFoundException", UNKNOWN_KEY, *command, "--resource-arn", unknown)
        message = "Invalid ARN specified in the request"
        other = "arn:aws:apigateway:us-east-1::/restapis/a1b2c3d4e5"
        terminal.refused(operation, "BadRequestException", message, *command, "--resource-arn", other)


@case
def get_account_shows_what_every_account_has(terminal):
    equal(
        terminal.aws("get-account"),
        {
            "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
            "features": ["UsagePlans"],
            "apiKeyVersion": "4",
        },
    )


def csv_file(lines):
    """A file of these lines that is gone when it is closed."""
    file = tempfile.NamedTemporaryFile("w", suffix=".csv")
    file.write("".join(f"{line}\n" for line in lines))
    file.flush()
    return file


def import_rows(terminal, *lines, more=()):
    """Imports a file of these lines."""
    with csv_file(lines) as file:
        return terminal.aws("import-api-keys", "--body", f"fileb://{file.name}", "--format", "csv", *more)
