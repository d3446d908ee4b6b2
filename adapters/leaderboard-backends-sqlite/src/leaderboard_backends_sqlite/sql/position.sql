-- How many players of a board stand at or before a bound: those of the runs before the bound's run, of the buckets
-- before its bucket in that run, and of the part of that bucket up to it.
SELECT
    (
        SELECT total(players) FROM run
        WHERE board = :board AND (key, place) < (in_run.key, in_run.place)
    ) + (
        SELECT total(players) FROM bucket
        WHERE board = :board
            AND (key, place) >= (in_run.key, in_run.place)
            AND (key, place) < (in_bucket.key, in_bucket.place)
    ) + (
        SELECT count(*) FROM standing
        WHERE board = :board
            AND (key, place) >= (in_bucket.key, in_bucket.place)
            AND (key, place) <= (:key, :place)
    )
FROM
    (
        SELECT key, place FROM run
        WHERE board = :board AND (key, place) <= (:key, :place)
        ORDER BY key DESC, place DESC LIMIT 1
    ) AS in_run,
    (
        SELECT key, place FROM bucket
        WHERE board = :board AND (key, place) <= (:key, :place)
        ORDER BY key DESC, place DESC LIMIT 1
    ) AS in_bucket
