"use strict";
// The AWS SDK for JavaScript v3 against gatepost: `node cases.cjs CASE`. A case is an exported function whose name is
// the behaviour; it gets a `Caller` and keeps to itself: it finds its own keys by the prefix `caller.mark`, which no
// other case has. stdout is a JSON list of the key values that the case used; a failure is told on stderr.
//
// `javascript_suite.py` runs them. Where the server is, with whose credential, and where the SDK lies (NODE_PATH), is
// in the environment, as it would be for any program.

const assert = require("node:assert/strict");
const { createHash, randomBytes } = require("node:crypto");
const sdk = require("@aws-sdk/client-api-gateway");

const UNKNOWN_KEY = "Invalid API Key identifier specified";
const TOO_SHORT = "API Key value should be at least 30 characters";
const TAKEN = "API Key already exists";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

class Caller {
  constructor() {
    this.mark = randomBytes(6).toString("hex");
    this.values = new Set();
    this.api = this.client();
  }

  /// A client that keeps what it sends, signed as it is sent, in `requests`.
  client(options = {}) {
    const api = new sdk.APIGatewayClient(options);
    api.requests = [];
    const keep = (next) => (args) => {
      api.requests.push(args.request.clone());
      return next(args);
    };
    api.middlewareStack.add(keep, { step: "deserialize", priority: "low" });
    return api;
  }

  value(length = 40) {
    const value = Array.from(randomBytes(length), (byte) => LETTERS[byte % LETTERS.length]).join("");
    this.values.add(value);
    return value;
  }

  /// Sends a command and gives its answer without what only the SDK puts there.
  async send(command, api = this.api) {
    const { $metadata, ...answer } = await api.send(command);
    this.note(answer);
    return answer;
  }

  note(answer) {
    for (const key of [answer, ...(answer.items ?? [])]) {
      if (typeof key.value === "string") this.values.add(key.value);
    }
  }

  create(fields = {}) {
    return this.send(new sdk.CreateApiKeyCommand({ name: `${this.mark}-key`, ...fields }));
  }

  get(apiKey, includeValue) {
    return this.send(new sdk.GetApiKeyCommand({ apiKey, includeValue }));
  }

  load(lines, more = {}) {
    const body = Buffer.from(lines.map((line) => `${line}\n`).join(""));
    return this.send(new sdk.ImportApiKeysCommand({ body, format: "csv", ...more }));
  }

  /// The names of one page of the case's keys.
  async names(more = {}) {
    const page = await this.send(new sdk.GetApiKeysCommand({ nameQuery: this.mark, ...more }));
    return page.items.map((key) => key.name);
  }
}

/// States that a call is refused by an error of this class, name and all.
async function refused(call, kind, status, message) {
  const error = await call.then(
    () => assert.fail("the call succeeded"),
    (error) => error,
  );
  assert.ok(error instanceof kind, error.stack);
  assert.equal(error.$metadata.httpStatusCode, status);
  assert.match(error.$metadata.requestId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  if (message instanceof RegExp) assert.match(error.message, message);
  else assert.equal(error.message, message);
  return error;
}

/// The same where the SDK knows no class for the code, which is then its name only.
async function refusedAs(call, name, status, message) {
  const error = await refused(call, sdk.APIGatewayServiceException, status, message);
  assert.equal(error.name, name);
}

const hash = (text) => createHash("sha256").update(text).digest("hex");

// The six operations

exports.create_api_key_takes_every_field = async (caller) => {
  const value = caller.value();
  const key = await caller.create({
    description: "made by JavaScript",
    enabled: true,
    generateDistinctId: true,
    value,
    stageKeys: [{ restApiId: "uycll6xg9a", stageName: "beta" }],
    customerId: "customer 7",
    tags: { team: "door + gate" },
  });
  assert.match(key.id, /^[a-z0-9]{10}$/);
  assert.ok(key.createdDate instanceof Date && Math.abs(Date.now() - key.createdDate) < 10_000);
  assert.deepEqual(key, {
    id: key.id,
    value,
    name: `${caller.mark}-key`,
    customerId: "customer 7",
    description: "made by JavaScript",
    enabled: true,
    createdDate: key.createdDate,
    lastUpdatedDate: key.createdDate,
    stageKeys: ["uycll6xg9a/beta"],
    tags: { team: "door + gate" },
  });
};

exports.create_api_key_alone_makes_a_disabled_key = async (caller) => {
  const key = await caller.send(new sdk.CreateApiKeyCommand({}));
  assert.match(key.value, /^[A-Za-z0-9]{40}$/);
  const { id, value, createdDate } = key;
  assert.deepEqual(key, { id, value, enabled: false, createdDate, lastUpdatedDate: createdDate, stageKeys: [] });
};

exports.get_api_key_shows_the_value_only_when_asked = async (caller) => {
  const { value, ...key } = await caller.create({ tags: { a: "b" } });
  assert.deepEqual(await caller.get(key.id), key);
  assert.deepEqual(await caller.get(key.id, false), key);
  assert.deepEqual(await caller.get(key.id, true), { ...key, value });
};

exports.get_api_keys_filters_and_reveals = async (caller) => {
  const key = await caller.create({ customerId: `${caller.mark} & co` });
  await caller.create();
  const list = (more) => caller.send(new sdk.GetApiKeysCommand({ customerId: `${caller.mark} & co`, ...more }));
  assert.deepEqual((await list({ includeValues: true })).items, [key]);
  const [{ value, ...found }] = (await list()).items;
  assert.deepEqual([value, { ...found, value: key.value }], [undefined, key]);
  assert.deepEqual((await list({ nameQuery: "nobody has this" })).items, []);
};

exports.update_api_key_changes_every_property_that_can_change = async (caller) => {
  const key = await caller.create({ enabled: true });
  const updated = await caller.send(
    new sdk.UpdateApiKeyCommand({
      apiKey: key.id,
      patchOperations: [
        { op: "replace", path: "/name", value: `${caller.mark}-renamed` },
        { op: "replace", path: "/description", value: "línea\nzwei" },
        { op: "replace", path: "/enabled", value: "false" },
        { op: "replace", path: "/customerId", value: "c8" },
        { op: "add", path: "/stages", value: "uycll6xg9a/beta" },
      ],
    }),
  );
  assert.deepEqual(updated, {
    id: key.id,
    name: `${caller.mark}-renamed`,
    customerId: "c8",
    description: "línea\nzwei",
    enabled: false,
    createdDate: key.createdDate,
    lastUpdatedDate: updated.lastUpdatedDate,
    stageKeys: ["uycll6xg9a/beta"],
    tags: {},
  });
  assert.deepEqual(await caller.get(key.id), updated);
};

exports.delete_api_key_answers_nothing_and_the_key_is_gone = async (caller) => {
  const { id } = await caller.create();
  assert.deepEqual(await caller.send(new sdk.DeleteApiKeyCommand({ apiKey: id })), {});
  await refused(caller.get(id), sdk.NotFoundException, 404, UNKNOWN_KEY);
};

exports.import_api_keys_reads_a_body_and_reports_what_it_skipped = async (caller) => {
  const [first, second] = [caller.value(), caller.value()];
  const imported = await caller.load([
    "Name,Key,Enabled",
    `${caller.mark}-1,${first},true`,
    `${caller.mark}-2,${caller.value(20)},true`,
    `${caller.mark}-3,${second},false`,
  ]);
  assert.deepEqual(imported.warnings, [`Skipped invalid record: 2. ${TOO_SHORT}`]);
  const read = await Promise.all(imported.ids.map((id) => caller.get(id, true)));
  const rows = read.map(({ name, value, enabled }) => [name, value, enabled]);
  assert.deepEqual(rows, [
    [`${caller.mark}-1`, first, true],
    [`${caller.mark}-3`, second, false],
  ]);
};

exports.an_import_that_fails_on_warnings_changes_nothing = async (caller) => {
  const load = caller.load(["Name,Key", `${caller.mark}-1,${caller.value()}`, `${caller.mark}-2,short`], {
    failOnWarnings: true,
  });
  await refused(load, sdk.BadRequestException, 400, `Skipped invalid record: 2. ${TOO_SHORT}`);
  assert.deepEqual(await caller.names(), []);
};

exports.an_import_of_more_than_a_mebibyte_is_complete = async (caller) => {
  const rows = Array.from({ length: 20_000 }, (_, nth) => `${caller.mark}-${nth},${caller.mark}${String(nth).padStart(40, "0")}`);
  const imported = await caller.load(["Name,Key", ...rows], { failOnWarnings: true });
  assert.equal(new Set(imported.ids).size, 20_000);
  assert.equal((await caller.get(imported.ids[19_999])).name, `${caller.mark}-19999`);
};

// Errors

exports.refusals_are_errors_of_their_classes = async (caller) => {
  const { value } = await caller.create();
  await refused(caller.create({ value }), sdk.ConflictException, 409, TAKEN);
  await refused(caller.create({ value: caller.value(29) }), sdk.BadRequestException, 400, TOO_SHORT);
  for (const unknown of ["aaaaaaaaaa", "a/b", "é"]) {
    await refused(caller.get(unknown), sdk.NotFoundException, 404, UNKNOWN_KEY);
    const update = new sdk.UpdateApiKeyCommand({ apiKey: unknown, patchOperations: [] });
    await refused(caller.send(update), sdk.NotFoundException, 404, UNKNOWN_KEY);
  }
  const other = new sdk.GetRestApisCommand({});
  await refusedAs(caller.send(other), "MissingAuthenticationTokenException", 403, "Missing Authentication Token");
};

// Pages

exports.the_paginator_yields_every_key_once_newest_first = async (caller) => {
  const names = Array.from({ length: 11 }, (_, nth) => `${caller.mark}-${String(nth).padStart(2, "0")}`);
  for (const name of names) await caller.create({ name });
  names.reverse();
  for (const pageSize of [1, 4, 11, 500]) {
    const pages = [];
    for await (const page of sdk.paginateGetApiKeys({ client: caller.api, pageSize }, { nameQuery: caller.mark })) {
      pages.push(page.items.map((key) => key.name));
    }
    assert.deepEqual(pages.flat(), names);
    assert.equal(pages.length, Math.ceil(names.length / pageSize));
  }
};

exports.a_position_that_is_none_is_refused = async (caller) => {
  const names = caller.names({ position: "nonsense" });
  await refused(names, sdk.BadRequestException, 400, "Invalid position specified");
};

// Who calls

exports.a_wrong_secret_and_an_unknown_id_are_refused_in_aws_words = async (caller) => {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  const list = (credentials) => caller.send(new sdk.GetApiKeysCommand({}), caller.client({ credentials }));
  const wrong = list({ accessKeyId, secretAccessKey: "wrong" });
  await refusedAs(wrong, "InvalidSignatureException", 403, /^The request signature we calculated does not match /);
  const invalid = "The security token included in the request is invalid.";
  const unknown = list({ accessKeyId: "AKIDNOBODY", secretAccessKey });
  await refusedAs(unknown, "UnrecognizedClientException", 403, invalid);
  assert.ok((await list({ accessKeyId, secretAccessKey })).items);
};

exports.a_session_token_is_refused = async (caller) => {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  const api = caller.client({ credentials: { accessKeyId, secretAccessKey, sessionToken: "a session's" } });
  const list = caller.send(new sdk.GetApiKeysCommand({}), api);
  await refusedAs(list, "UnrecognizedClientException", 403, "The security token included in the request is invalid.");
  assert.equal(api.requests[0].headers["x-amz-security-token"], "a session's");
};

exports.a_wrong_clock_is_told_and_set_right_by_the_date_of_the_answer = async (caller) => {
  const list = (api) => caller.send(new sdk.GetApiKeysCommand({}), api);
  for (const [minutes, words] of [
    [-10, /^Signature expired: .* - 5 min\.\)$/],
    [10, /^Signature not yet current: .* \+ 5 min\.\)$/],
  ]) {
    await withClockWrongBy(minutes * 60_000, async () => {
      const once = caller.client({ maxAttempts: 1 });
      await refusedAs(list(once), "InvalidSignatureException", 403, words);
      assert.ok((await list(once)).items, "the next call is signed by the server's clock");
      const patient = caller.client({ maxAttempts: 3 });
      assert.ok((await list(patient)).items);
      assert.equal(patient.requests.length, 2);
    });
  }
};

/// Does something on a machine whose clock is so many milliseconds ahead.
async function withClockWrongBy(ahead, act) {
  const Right = Date;
  globalThis.Date = class extends Right {
    constructor(...given) {
      super(...(given.length > 0 ? given : [Right.now() + ahead]));
    }
    static now() {
      return Right.now() + ahead;
    }
  };
  try {
    await act();
  } finally {
    globalThis.Date = Right;
  }
}

// What is sent

exports.every_request_declares_the_hash_of_its_body_and_signs_it = async (caller) => {
  const { id } = await caller.create();
  await caller.get(id);
  await caller.load(["Name,Key", `${caller.mark}-1,${caller.value()}`]);
  await caller.send(new sdk.DeleteApiKeyCommand({ apiKey: id }));
  const [create, get, load, remove] = caller.api.requests;
  for (const { headers, body } of caller.api.requests) {
    assert.equal(headers["x-amz-content-sha256"], hash(body ?? ""));
    const signed = headers.authorization.match(/SignedHeaders=([^,]+)/)[1].split(";");
    for (const name of ["accept", "host", "x-amz-content-sha256", "x-amz-date"]) {
      assert.ok(signed.includes(name), `${name} is not signed`);
    }
    assert.equal(headers.accept, "application/json");
    assert.match(headers["amz-sdk-invocation-id"], /^[0-9a-f-]{36}$/);
    assert.equal(headers["amz-sdk-request"], "attempt=1; max=1");
  }
  assert.deepEqual(
    [create, get, load, remove].map(({ headers }) => headers["content-type"]),
    ["application/json", undefined, "application/octet-stream", undefined],
  );
};

exports.a_call_whose_answer_was_lost_is_repeated_and_makes_one_key = async (caller) => {
  const api = caller.client({ maxAttempts: 3 });
  let lost = 0;
  const lose = (next) => async (args) => {
    const answer = await next(args);
    if (lost++ > 0) return answer;
    answer.response.body.destroy();
    throw Object.assign(new Error("socket hang up"), { name: "TimeoutError", code: "ECONNRESET" });
  };
  api.middlewareStack.add(lose, { step: "deserialize", priority: "low" });
  const value = caller.value();
  const key = await caller.send(new sdk.CreateApiKeyCommand({ name: `${caller.mark}-key`, value }), api);
  assert.equal(key.value, value);
  const [first, second] = api.requests.map(({ headers }) => headers["amz-sdk-invocation-id"]);
  assert.deepEqual([api.requests.length, first], [2, second]);
  assert.deepEqual(await caller.names(), [`${caller.mark}-key`]);
};

async function main(name) {
  const caller = new Caller();
  try {
    await exports[name](caller);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
  // Whatever became of the case, its values are not to be found in what the server writes.
  console.log(JSON.stringify([...caller.values]));
}

main(process.argv[2]);
