-- Times. Each macro returns a TIMESTAMP in UTC, or NULL if the value is not such a time. OCSF's times are made from it.

-- Reads seconds since 1970, as a number or a text, with or without a fraction.
-- example: time_from_s('1700000000.25') => 2023-11-14 22:13:20.25
-- example: time_from_s('x') => NULL
CREATE MACRO time_from_s(v) AS TRY(make_timestamp(TRY_CAST(TRY_CAST(v AS DECIMAL(24, 6)) * 1000000 AS BIGINT)));

-- Reads milliseconds since 1970.
-- example: time_from_ms(1700000000250) => 2023-11-14 22:13:20.25
CREATE MACRO time_from_ms(v) AS TRY(make_timestamp(TRY_CAST(TRY_CAST(v AS DECIMAL(24, 3)) * 1000 AS BIGINT)));

-- Reads microseconds since 1970.
-- example: time_from_us('1700000000250000') => 2023-11-14 22:13:20.25
CREATE MACRO time_from_us(v) AS TRY(make_timestamp(TRY_CAST(v AS BIGINT)));

-- Reads nanoseconds since 1970. Digits below a microsecond are ignored.
-- example: time_from_ns('1700000000250000999') => 2023-11-14 22:13:20.25
CREATE MACRO time_from_ns(v) AS TRY(make_timestamp(TRY_CAST(v AS BIGINT) // 1000));

-- Reads a time since 1970 whose unit is not known, with 10 to 19 digits before the point: 10 and 11 digits are seconds, 12 to
-- 14 milliseconds, 15 to 17 microseconds, 18 and 19 nanoseconds.
-- example: time_from_epoch('1700000000') => 2023-11-14 22:13:20
-- example: time_from_epoch('1700000000.25') => 2023-11-14 22:13:20.25
-- example: time_from_epoch(1700000000250) => 2023-11-14 22:13:20.25
-- example: time_from_epoch('1700000000250.5') => 2023-11-14 22:13:20.2505
-- example: time_from_epoch('1700000000250000') => 2023-11-14 22:13:20.25
-- example: time_from_epoch('1700000000250000999') => 2023-11-14 22:13:20.25
-- example: time_from_epoch('170000000') => NULL
CREATE MACRO time_from_epoch(v) AS CASE length(regexp_extract(CAST(v AS VARCHAR), '^([0-9]{10,19})(?:\.[0-9]{1,9})?$', 1))
  WHEN 10 THEN time_from_s(v) WHEN 11 THEN time_from_s(v)
  WHEN 12 THEN time_from_ms(v) WHEN 13 THEN time_from_ms(v) WHEN 14 THEN time_from_ms(v)
  WHEN 15 THEN time_from_us(split_part(CAST(v AS VARCHAR), '.', 1)) WHEN 16 THEN time_from_us(split_part(CAST(v AS VARCHAR), '.', 1))
  WHEN 17 THEN time_from_us(split_part(CAST(v AS VARCHAR), '.', 1))
  WHEN 18 THEN time_from_ns(split_part(CAST(v AS VARCHAR), '.', 1)) WHEN 19 THEN time_from_ns(split_part(CAST(v AS VARCHAR), '.', 1)) END;

-- Reads a Windows FILETIME, which counts units of 100 ns since 1601.
-- example: time_from_filetime('133444736002500000') => 2023-11-14 22:13:20.25
CREATE MACRO time_from_filetime(v) AS TRY(make_timestamp(TRY_CAST(v AS BIGINT) // 10 - 11644473600000000));

-- Reads a text with a strptime format that has no offset. The time is in UTC.
-- example: time_from_text('01/Feb/2024 10:00:00', '%d/%b/%Y %H:%M:%S') => 2024-02-01 10:00:00
-- example: time_from_text('soon', '%Y') => NULL
CREATE MACRO time_from_text(v, format) AS CAST(try_strptime(v, format) AS TIMESTAMP);

-- Reads a text with a strptime format that has no offset. The time is in the given time zone.
-- example: time_in_zone('2024-07-01 10:00:00', '%Y-%m-%d %H:%M:%S', 'Europe/Berlin') => 2024-07-01 08:00:00
CREATE MACRO time_in_zone(v, format, zone) AS timezone('UTC', timezone(zone, CAST(try_strptime(v, format) AS TIMESTAMP)));

-- Reads a text with a strptime format that ends in an offset (%z).
-- example: time_with_offset('01/Feb/2024:10:00:00 +0100', '%d/%b/%Y:%H:%M:%S %z') => 2024-02-01 09:00:00
CREATE MACRO time_with_offset(v, format) AS timezone('UTC', CAST(try_strptime(v, format) AS TIMESTAMPTZ));

-- Reads the time of an RFC 3164 header, which has no year. `year` is the year to use (example: from the file's
-- name).
-- example: syslog_time('Oct  1 22:14:15', 2024) => 2024-10-01 22:14:15
CREATE MACRO syslog_time(v, year) AS CAST(try_strptime(CAST(year AS VARCHAR) || ' ' || regexp_replace(v, ' +', ' ', 'g'), '%Y %b %d %H:%M:%S') AS TIMESTAMP);
