-- What Gatepost keeps. Released migrations are never edited: what comes later is another file.

-- The database's clock, behind a function of its own that tests may replace.
CREATE FUNCTION gatepost_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE
AS 'SELECT clock_timestamp()';

-- Keys. Times are microseconds since 1970. An empty list of stage keys, labels or tags is NULL.
-- Texts compare by bytes, as they do everywhere in Gatepost.
CREATE TABLE api_key (
    account bigint NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    version bigint NOT NULL,
    -- The last import or restore that stored this key.
    import bigint,
    enabled boolean NOT NULL,
    id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    sealed bytea NOT NULL,
    name text COLLATE "C",
    customer_id text COLLATE "C",
    description text COLLATE "C",
    stage_keys text[],
    labels text[],
    -- Keys and values in turn.
    tags text[],
    CONSTRAINT api_key_id PRIMARY KEY (id, account),
    CONSTRAINT api_key_value UNIQUE (digest, account)
) WITH (fillfactor = 90); -- room for updates that need not touch the indexes

-- Each query fits one index only, so that no plan which was made when the table was small, or by old statistics, can
-- follow another one: look-ups say "account", listings "account + 0".
CREATE INDEX api_key_age ON api_key ((account + 0), created, id);
-- 1,024 characters do not fit into an index entry; 128 always do.
CREATE INDEX api_key_name ON api_key ((account + 0), left(name, 128)) WHERE name IS NOT NULL;
CREATE INDEX api_key_customer ON api_key ((account + 0), left(customer_id, 128), created, id)
    WHERE customer_id IS NOT NULL;
CREATE INDEX api_key_import ON api_key (import, id) WHERE import IS NOT NULL;

CREATE SEQUENCE import_id;

-- How many keys an account has, for accounts on which a limit was ever asked for: only they pay for the exact count.
CREATE TABLE account_keys (
    account bigint PRIMARY KEY,
    keys bigint NOT NULL
) WITH (fillfactor = 50);

-- Called by every statement that adds or removes keys, after it did. It holds a lock together with its like until
-- the end of the transaction; whoever counts an account for the first time holds it alone, so that a key is either in
-- the first count or added to it. A function, because the row may be younger than the calling statement's snapshot.
-- Not a trigger: that costs every insert four times as much.
CREATE FUNCTION gatepost_account_lock(account bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT account | (x''6770''::bigint << 44)';

CREATE FUNCTION gatepost_keys_changed(of bigint, by bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- As an expression, which costs a third of PERFORM.
    IF pg_advisory_xact_lock_shared(gatepost_account_lock(of)) IS NULL THEN END IF;
    UPDATE account_keys SET keys = keys + by WHERE account = of;
END
$$;

-- What callers sign with, and what it may do.
CREATE TABLE credential (
    account bigint NOT NULL,
    created bigint NOT NULL,
    -- NULL when it never was.
    last_used bigint,
    version bigint NOT NULL,
    enabled boolean NOT NULL,
    id text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    name text COLLATE "C",
    policy text COLLATE "C" NOT NULL,
    CONSTRAINT credential_id PRIMARY KEY (id)
) WITH (fillfactor = 70); -- room for the moments of use, which come every minute

-- What was changed, for the feed. Its order is that of the snapshots which see it, so there is no number.
CREATE TABLE change (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    account bigint NOT NULL,
    -- The version of a key or credential, or the number of an import.
    number bigint NOT NULL,
    -- 1: a key. 2: an import. 3: a credential. Whoever does not know the kind loads anew.
    kind smallint NOT NULL,
    id text COLLATE "C"
);
CREATE INDEX change_xid ON change (xid);

-- The numbering of transactions that this is: the cluster, and the database in it. A promoted standby goes on with it.
-- In PL/pgSQL, which keeps the plan.
CREATE FUNCTION gatepost_cluster() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT system_identifier FROM pg_control_system())
           || '/' || (SELECT oid FROM pg_database WHERE datname = current_database());
END
$$;

-- What could be seen when: a change is pruned once an old enough snapshot has seen it.
CREATE TABLE change_mark (
    at timestamptz NOT NULL,
    place pg_snapshot NOT NULL
);

-- First answers, for callers who ask again. Without a key it was an import.
CREATE TABLE retry (
    account bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT gatepost_now(),
    token bytea NOT NULL,
    api_key text COLLATE "C",
    CONSTRAINT retry_token PRIMARY KEY (account, token)
);

-- Serving processes.
CREATE TABLE replica (
    incarnation bytea PRIMARY KEY,
    beat timestamptz NOT NULL,
    dead boolean NOT NULL
);

-- Written to see whether writing is possible.
CREATE TABLE probe (
    at timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO probe VALUES (gatepost_now());

-- This installation, in one row.
CREATE TABLE installation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id text NOT NULL DEFAULT gen_random_uuid()::text,
    -- The oldest schema that a binary may have been made for and still use this one.
    oldest_schema bigint NOT NULL,
    secret bytea,
    -- Where "change", "change_mark" and the next two were written: in another cluster their numbers mean nothing.
    cluster text,
    -- Changes that this snapshot sees may be pruned; the last transaction of which some are.
    pruned pg_snapshot,
    pruned_last xid8
);
INSERT INTO installation (oldest_schema) VALUES (1);
