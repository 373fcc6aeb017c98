-- Why a plan was not inserted: what of it is taken, also by a plan that is deleted but not cleared yet, and how many
-- plans the account has.
SELECT EXISTS (SELECT FROM retry WHERE account = $1 AND token = $3),
       EXISTS (SELECT FROM usage_plan WHERE account = $1 AND id = $2),
       (SELECT count(*) FROM usage_plan WHERE account + 0 = $1 AND NOT deleted)
