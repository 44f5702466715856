-- The log of a record: its path, else its own fields, else the name of the object (conn.log, conn.10:00:00-11:00:00.log.gz,
-- json_streaming_conn.log).
CREATE MACRO log_of(path, conn_state, rejected, request_body_len, established, fuid, source, note, file) AS coalesce(path,
  CASE WHEN note IS NOT NULL THEN 'notice' WHEN conn_state IS NOT NULL THEN 'conn' WHEN rejected IS NOT NULL THEN 'dns' WHEN request_body_len IS NOT NULL THEN 'http'
    WHEN established IS NOT NULL THEN 'ssl' WHEN fuid IS NOT NULL AND source IS NOT NULL THEN 'files' END,
  nullif(regexp_extract(file, '^(?:json_streaming_)?([a-z0-9_]*[a-z0-9])', 1), ''), 'unknown');

-- The time of a record, in any of the forms of Zeek's writers. Seconds with a fraction are the usual form: their digits are read as
-- microseconds, because arithmetic on decimal numbers would take a third of the run.
CREATE MACRO zeek_time(ts) AS CASE WHEN regexp_full_match(ts, '[0-9]{10}\.[0-9]{1,6}') THEN TRY(make_timestamp(CAST(rpad(replace(ts, '.', ''), 16, '0') AS BIGINT)))
  ELSE coalesce(time_from_epoch(ts), TRY_CAST(ts AS TIMESTAMP)) END;

-- Whether a value is true: T in text, and true in JSON.
CREATE MACRO yes(v) AS CASE WHEN v IN ('T', 'true') THEN true WHEN v IN ('F', 'false') THEN false END;

-- Seconds as microseconds.
CREATE MACRO micros(seconds) AS CAST(round(seconds * 1000000) AS BIGINT);

-- The direction of a connection: by the networks that Zeek knows as local, else by the addresses.
CREATE MACRO zeek_direction(local_orig, local_resp, orig, resp) AS CASE
  WHEN yes(local_orig) AND yes(local_resp) THEN 3
  WHEN yes(local_orig) AND NOT yes(local_resp) THEN 2
  WHEN yes(local_resp) AND NOT yes(local_orig) THEN 1
  ELSE direction_between(orig, resp) END;

-- network_activity's activity_id of a connection's state: 5 Refuse, 3 Reset, 4 Fail for a TCP connection without an answer, 6 Traffic.
CREATE MACRO conn_activity(state, proto) AS CASE
  WHEN state = 'REJ' THEN 5
  WHEN state IN ('RSTO', 'RSTR', 'RSTOS0', 'RSTRH') THEN 3
  WHEN state IN ('S0', 'SH', 'SHR') AND proto = 'tcp' THEN 4
  ELSE 6 END;
