-- Usage plans, the keys in them, and what was used of them. Adds only: a replica of the release before goes on beside
-- it, and loads anew where the feed tells of what it does not know.

-- Locks of an account are its number, with two letters above it that say for what.
CREATE FUNCTION gatepost_stage_lock(account bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT account | (x''7374''::bigint << 44)';
CREATE FUNCTION gatepost_plan_lock(account bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT account | (x''706c''::bigint << 44)';

-- Plans, each in one text: an account has a few hundred, and whoever reads one wants all of it.
CREATE TABLE usage_plan (
    account bigint NOT NULL,
    created bigint NOT NULL,
    version bigint NOT NULL,
    -- Nothing of it is to be seen any more; it is here until the last of its keys was taken out of it.
    deleted boolean NOT NULL DEFAULT false,
    id text COLLATE "C" NOT NULL,
    document text COLLATE "C" NOT NULL,
    CONSTRAINT usage_plan_id PRIMARY KEY (id, account)
);
-- As with keys, each query fits one index only: look-ups say "account", listings "account + 0".
CREATE INDEX usage_plan_age ON usage_plan ((account + 0), created, id) WHERE NOT deleted;
CREATE INDEX usage_plan_deleted ON usage_plan (account, id) WHERE deleted;

-- How many plans an account has, for whoever adds one under a limit: until that transaction ends, nobody else under a
-- limit does. A function, because what the one before added is younger than the calling statement's snapshot.
CREATE FUNCTION gatepost_count_plans(of bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(gatepost_plan_lock(of));
    RETURN (SELECT count(*) FROM usage_plan WHERE account + 0 = of AND NOT deleted);
END
$$;

-- Keys in plans. Who puts a key into a plan or takes it out holds the key's row; who puts it in holds its plans' rows
-- too, together with its like.
CREATE TABLE usage_plan_key (
    account bigint NOT NULL,
    -- The key's, for the order of a plan's keys.
    created bigint NOT NULL,
    api_key text COLLATE "C" NOT NULL,
    plan text COLLATE "C" NOT NULL,
    CONSTRAINT usage_plan_key_link PRIMARY KEY (api_key, account, plan)
);
CREATE INDEX usage_plan_key_age ON usage_plan_key ((account + 0), plan, created, api_key);

-- Whether the key was ever in a plan. A key that never was is deleted at no greater cost than before.
ALTER TABLE api_key ADD COLUMN attached boolean NOT NULL DEFAULT false;

-- Called for each key that was put into plans, by whoever holds its row: so many versions later, and told. A function,
-- because a statement for many keys is a join, which a planner that knows a small table reads all of a large one for.
CREATE FUNCTION gatepost_key_attached(of bigint, key text, plans bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH stored AS (
        UPDATE api_key SET version = version + plans, attached = true WHERE account = of AND id = key
        RETURNING id, version
    )
    INSERT INTO change (account, number, kind, id) SELECT of, version, 1, id FROM stored;
END
$$;

-- Whoever deletes a key, a replica of the release before too, leaves none of its links. It looks when the key's row is
-- held: what was put into a plan while the delete waited for that row is found.
CREATE FUNCTION gatepost_key_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM usage_plan_key WHERE account = OLD.account AND api_key = OLD.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER api_key_deleted AFTER DELETE ON api_key FOR EACH ROW WHEN (OLD.attached)
EXECUTE FUNCTION gatepost_key_deleted();

-- Requests counted by UTC day, as days since 1970; that of keys and plans which are gone too.
CREATE TABLE usage_day (
    account bigint NOT NULL,
    used bigint NOT NULL,
    -- What an operator gave last on the day; NULL is nothing.
    adjustment bigint,
    day integer NOT NULL,
    plan text COLLATE "C" NOT NULL,
    api_key text COLLATE "C" NOT NULL,
    CONSTRAINT usage_day_id PRIMARY KEY (account, plan, api_key, day)
) WITH (fillfactor = 80); -- room for the counts of the day, which need not touch the indexes
CREATE INDEX usage_day_age ON usage_day ((day + 0));

-- The last batch of counts of each life of a serving process. Kept for ever: a batch is never counted twice.
CREATE TABLE usage_meter (
    incarnation bytea PRIMARY KEY,
    last bigint NOT NULL
);

-- A first answer may be a plan.
ALTER TABLE retry ADD COLUMN usage_plan text COLLATE "C";

-- Changes of these kinds, beside 1 to 3. 4: a plan, with its version. 5: usage; the id is the plan's and the key's, with
-- a slash between.
