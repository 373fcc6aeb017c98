-- A plan is one row: what can be changed is in its document, as JSON. `place` is what its keys name it by. One that is
-- deleted stays, unseen, until its keys are out of it.
CREATE TABLE usage_plan (
    place INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    document TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX usage_plan_id ON usage_plan (account, id);
CREATE INDEX usage_plan_age ON usage_plan (account, created, id) WHERE deleted = 0;
CREATE UNIQUE INDEX usage_plan_place ON usage_plan (deleted, place);

-- Which keys are in which plans, by key and by plan. `created` is the key's, so that a plan's keys lie in the order of
-- all listings of keys. An import's keys are neighbours in both orders, so that a bulk of rows is nearly appended.
CREATE TABLE usage_plan_key (
    account INTEGER NOT NULL,
    key TEXT NOT NULL,
    plan INTEGER NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (account, key, plan)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_plan_key_age ON usage_plan_key (plan, created, key);

-- No key is in a plan that is gone itself, whichever release deletes it.
CREATE TRIGGER api_key_leaves_plans AFTER DELETE ON api_key BEGIN
    DELETE FROM usage_plan_key WHERE account = OLD.account AND key = OLD.id;
END;

-- What a key used of a plan on a day since 1970, and what an operator gave it on that day. Plan and key are named by
-- their ids, because it outlives them.
CREATE TABLE usage (
    account INTEGER NOT NULL,
    plan TEXT NOT NULL,
    key TEXT NOT NULL,
    day INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0,
    adjustment INTEGER,
    PRIMARY KEY (account, plan, key, day)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_day ON usage (day);

-- The last batch of counts of each incarnation that ever sent one: a few bytes for each start of a server, kept for
-- ever, because a batch that was forgotten would be counted again.
CREATE TABLE usage_batch (
    incarnation BLOB PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Kind 4 is a plan; kind 5 the usage of the key `id` and this plan.
ALTER TABLE change ADD COLUMN plan TEXT;

-- The plan that was made, instead of a key.
ALTER TABLE retry ADD COLUMN plan TEXT;
