-- How many players of a board stand at or before a bound: those of the runs before the bound's run, of the buckets
-- before its bucket in that run, and of the part of that bucket up to it.
SELECT
    (
        SELECT total(players) FROM run
        WHERE board = :board AND (key, reached) < (in_run.key, in_run.reached)
    ) + (
        SELECT total(players) FROM bucket
        WHERE board = :board
            AND (key, reached) >= (in_run.key, in_run.reached)
            AND (key, reached) < (in_bucket.key, in_bucket.reached)
    ) + (
        SELECT count(*) FROM standing
        WHERE board = :board
            AND (key, reached) >= (in_bucket.key, in_bucket.reached)
            AND (key, reached) <= (:key, :reached)
    )
FROM
    (
        SELECT key, reached FROM run
        WHERE board = :board AND (key, reached) <= (:key, :reached)
        ORDER BY key DESC, reached DESC LIMIT 1
    ) AS in_run,
    (
        SELECT key, reached FROM bucket
        WHERE board = :board AND (key, reached) <= (:key, :reached)
        ORDER BY key DESC, reached DESC LIMIT 1
    ) AS in_bucket
