-- What tells our files from those of other programs: "Gate".
PRAGMA application_id = 0x47617465;

-- One row. `secret` is what custody sealed; `oldest_level` is the least compatibility level a binary must have.
CREATE TABLE installation (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id BLOB NOT NULL,
    secret BLOB,
    oldest_level INTEGER NOT NULL,
    probes INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO installation (one, id, oldest_level) VALUES (1, randomblob(16), 1);

-- Rows lie in the order in which they came, so that a bulk of them is appended; only the narrow indexes are filled
-- at random. Lists and tags are JSON, NULL when empty. Moments are microseconds since 1970. The description is last,
-- because a long one pushes what follows it onto pages of its own.
CREATE TABLE api_key (
    account INTEGER NOT NULL,
    id TEXT NOT NULL,
    digest BLOB NOT NULL,
    import INTEGER,
    enabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    name TEXT,
    customer_id TEXT,
    stage_keys TEXT,
    labels TEXT,
    tags TEXT,
    description TEXT
) STRICT;

CREATE UNIQUE INDEX api_key_id ON api_key (account, id);
CREATE UNIQUE INDEX api_key_digest ON api_key (account, digest);
CREATE INDEX api_key_age ON api_key (account, created, id);
CREATE INDEX api_key_name ON api_key (account, name, created, id) WHERE name IS NOT NULL;
CREATE INDEX api_key_customer ON api_key (account, customer_id, created, id) WHERE customer_id IS NOT NULL;
CREATE INDEX api_key_import ON api_key (import, id) WHERE import IS NOT NULL;

-- How many keys an account has, kept by every write that adds or removes some.
CREATE TABLE api_key_count (
    account INTEGER PRIMARY KEY,
    keys INTEGER NOT NULL
) STRICT;

-- What callers sign with, and what it may do. `last_used` is NULL when it never was; the policy is last, as the longest.
CREATE TABLE credential (
    id TEXT NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER,
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    name TEXT,
    policy TEXT NOT NULL
) STRICT;

-- The feed. There is one writer at a time, so that `seq` is the order of the commits. Kind 1 is a key; kind 2 an
-- import, whose name is its `seq`; kind 3 a credential. `at` is milliseconds since 1970 by the clock of the machine.
CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    kind INTEGER NOT NULL,
    account INTEGER NOT NULL,
    id TEXT,
    version INTEGER
) STRICT;

-- The feed reads the last number given from here, also before the first change.
INSERT INTO sqlite_sequence (name, seq) VALUES ('change', 0);

-- First answers, in the order in which they were given. Without `id` it was an import.
CREATE TABLE retry (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    account INTEGER NOT NULL,
    token BLOB NOT NULL,
    id TEXT
) STRICT;

CREATE UNIQUE INDEX retry_token ON retry (account, token);

CREATE TABLE replica (
    incarnation BLOB PRIMARY KEY,
    beat INTEGER NOT NULL,
    dead INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
