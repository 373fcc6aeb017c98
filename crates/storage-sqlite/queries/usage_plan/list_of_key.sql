-- All of its plans are looked at; they are few.
SELECT p.place, p.id, p.created, p.version, p.document
FROM usage_plan_key l CROSS JOIN usage_plan p INDEXED BY usage_plan_place ON p.place = l.plan AND p.deleted = 0
WHERE l.account = ?1 AND l.key = ?5 AND (p.created, p.id) < (?2, ?3)
ORDER BY p.created DESC, p.id DESC
LIMIT ?4
