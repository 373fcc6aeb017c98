-- The last number ever given, also when its change is pruned.
SELECT seq FROM sqlite_sequence WHERE name = 'change'
