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
CREATE MACRO time_from_epoch(v) AS CASE length(regexp_extract(CAST(v AS VARCHAR), '^([0-9]{10,19})(?:\.[0-9]+)?$', 1))
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

-- Returns the offset of a zone: of an offset (+0200, GMT+02:00), or of an abbreviation that has one meaning. `zones` gives
-- the offsets of other abbreviations, or of these in another sense (example: CST=-06:00,IST=+05:30). The result is NULL if
-- the zone is not known.
-- example: zone_offset('CEST', NULL) => +02:00
-- example: zone_offset('GMT+00:00', NULL) => +00:00
-- example: zone_offset('-0530', NULL) => -05:30
-- example: zone_offset('UTC+2', NULL) => +02:00
-- example: zone_offset('CST', NULL) => NULL
-- example: zone_offset('cst', 'IST=+05:30,CST=-06:00') => -06:00
CREATE MACRO zone_offset(zone, zones) AS CASE
  WHEN regexp_full_match(zone, '(?i)(?:UTC|GMT|UT)?[+-][0-9]{1,2}(?::?[0-9]{2})?')
    THEN regexp_extract(zone, '([+-])', 1) || lpad(regexp_extract(zone, '[+-]([0-9]{1,2}?)(?::?[0-9]{2})?$', 1), 2, '0') || ':' || coalesce(nullif(regexp_extract(zone, '[+-][0-9]{1,2}?:?([0-9]{2})$', 1), ''), '00')
  ELSE coalesce(nullif(split_part(split_part(',' || replace(upper(zones), ' ', '') || ',', ',' || upper(zone) || '=', 2), ',', 1), ''), CASE upper(zone)
    WHEN 'Z' THEN '+00:00' WHEN 'UTC' THEN '+00:00' WHEN 'UT' THEN '+00:00' WHEN 'GMT' THEN '+00:00' WHEN 'WET' THEN '+00:00'
    WHEN 'WEST' THEN '+01:00' WHEN 'CET' THEN '+01:00' WHEN 'MET' THEN '+01:00' WHEN 'WAT' THEN '+01:00'
    WHEN 'CEST' THEN '+02:00' WHEN 'MEST' THEN '+02:00' WHEN 'EET' THEN '+02:00' WHEN 'SAST' THEN '+02:00' WHEN 'CAT' THEN '+02:00' WHEN 'IDT' THEN '+03:00'
    WHEN 'EEST' THEN '+03:00' WHEN 'EAT' THEN '+03:00' WHEN 'MSK' THEN '+03:00' WHEN 'PKT' THEN '+05:00'
    WHEN 'WIB' THEN '+07:00' WHEN 'ICT' THEN '+07:00' WHEN 'HKT' THEN '+08:00' WHEN 'SGT' THEN '+08:00' WHEN 'AWST' THEN '+08:00' WHEN 'WITA' THEN '+08:00'
    WHEN 'JST' THEN '+09:00' WHEN 'KST' THEN '+09:00' WHEN 'WIT' THEN '+09:00' WHEN 'ACST' THEN '+09:30' WHEN 'ACDT' THEN '+10:30'
    WHEN 'AEST' THEN '+10:00' WHEN 'AEDT' THEN '+11:00' WHEN 'NZST' THEN '+12:00' WHEN 'NZDT' THEN '+13:00'
    WHEN 'BRT' THEN '-03:00' WHEN 'ART' THEN '-03:00' WHEN 'NST' THEN '-03:30' WHEN 'NDT' THEN '-02:30'
    WHEN 'EST' THEN '-05:00' WHEN 'EDT' THEN '-04:00' WHEN 'MST' THEN '-07:00' WHEN 'MDT' THEN '-06:00' WHEN 'PDT' THEN '-07:00'
    WHEN 'AKST' THEN '-09:00' WHEN 'AKDT' THEN '-08:00' WHEN 'HST' THEN '-10:00' END) END;

-- Returns the parts of a time: year, month, day (joined by blanks), clock, fraction, zone. Parts that the text does not have are
-- empty.
-- example: time_parts('Jun 01 2025 10:15:00.25 CEST') => {'y': 2025, 'md': Jun 01, 'clock': '10:15:00', 'f': 25, 'zone': CEST}
-- example: time_parts('2025-06-01T10:15:00Z') => {'y': 2025, 'md': 06 01, 'clock': '10:15:00', 'f': '', 'zone': Z}
-- example: time_parts('*Oct 11 22:14:15.5 2024 UTC') => {'y': 2024, 'md': Oct 11, 'clock': '22:14:15', 'f': 5, 'zone': UTC}
CREATE MACRO time_parts(t) AS regexp_extract(CASE
  WHEN regexp_matches(t, '^[*.]?[0-9]{4}[-/]') THEN regexp_replace(t, '^[*.]?([0-9]{4})[-/]([0-9]{1,2}|[A-Z][a-z]{2})[-/]([0-9]{1,2})(?:T| +)', '\1 \2 \3 ')
  WHEN regexp_matches(t, '^[*.]?(?:[A-Z][a-z]{2},? *)?[0-9]{1,2}[ /-][A-Z]') THEN regexp_replace(t, '^[*.]?(?:[A-Z][a-z]{2},? *)?([0-9]{1,2})[ /-]([A-Z][a-z]{2})[ /-]([0-9]{4})[ :T]+', '\3 \2 \1 ')
  WHEN regexp_matches(t, '^[*.]?(?:[A-Z][a-z]{2},? +)?[0-9]{4} +[A-Z]') THEN regexp_replace(t, '^[*.]?(?:[A-Z][a-z]{2},? +)?([0-9]{4}) +([A-Z][a-z]{2}) +([0-9]{1,2}) +', '\1 \2 \3 ')
  ELSE regexp_replace(regexp_replace(t, '^[*.]?(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?', ''),
    '^([A-Z][a-z]{2}) +([0-9]{1,2}),?(?: +([0-9]{4}),?)? +([0-9:.,]+)(?: ?([A-Za-z+-][A-Za-z0-9:+-]*))?(?: +([0-9]{4}))?(?: +([A-Za-z+-][A-Za-z0-9:+-]*))?(?: +\([^)]*\))?$', '\3\6 \1 \2 \4 \5\7') END,
  '^([0-9]{4})? ([A-Z][a-z]{2} [0-9]{1,2}|[0-9]{1,2} [0-9]{1,2}) ([0-9]{1,2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]+))?(?: *((?:[A-Za-z]{1,5})?(?:[+-][0-9]{1,2}(?::?[0-9]{2})?)?))?(?: +\([^)]*\))?$',
  ['y', 'md', 'clock', 'f', 'zone']);

-- Returns the parts of time_parts as one text, with a fraction of six digits and without the zone.
-- example: text_of_parts({'y': '', 'md': 'Jun 01', 'clock': '10:15:00', 'f': '25'}, '2025') => 2025 Jun 01 10:15:00.250000
CREATE MACRO text_of_parts(p, year) AS coalesce(nullif(p['y'], ''), year) || ' ' || p['md'] || ' ' || p['clock'] || '.' || left(p['f'] || '000000', 6);

-- Returns the time that the parts of time_parts make.
-- example: time_of_parts({'y': '2025', 'md': 'Jun 01', 'clock': '10:15:00', 'f': '25', 'zone': 'CEST'}, NULL, NULL, NULL) => 2025-06-01 08:15:00.25
CREATE MACRO time_of_parts(p, zone, zones, year) AS list_transform([{'p': p, 'zone': zone, 'year': CAST(year AS VARCHAR)}], lambda x: CASE
  WHEN x['p']['clock'] = '' THEN NULL
  WHEN x['p']['zone'] <> '' THEN timezone('UTC', CAST(try_strptime(text_of_parts(x['p'], x['year']) || zone_offset(x['p']['zone'], zones), ['%Y %b %d %H:%M:%S.%f%z', '%Y %m %d %H:%M:%S.%f%z']) AS TIMESTAMPTZ))
  WHEN regexp_full_match(x['zone'], '[+-][0-9]{2}:[0-9]{2}') THEN timezone('UTC', CAST(try_strptime(text_of_parts(x['p'], x['year']) || x['zone'], ['%Y %b %d %H:%M:%S.%f%z', '%Y %m %d %H:%M:%S.%f%z']) AS TIMESTAMPTZ))
  ELSE timezone('UTC', timezone(coalesce(x['zone'], 'UTC'), CAST(try_strptime(text_of_parts(x['p'], x['year']), ['%Y %b %d %H:%M:%S.%f', '%Y %m %d %H:%M:%S.%f']) AS TIMESTAMP))) END)[1];

-- Reads a text in any form that logs commonly use, and that says what it means: ISO 8601 and 2025/06/01 10:15:00; the
-- eight forms of the CEF guide (Jun 01 2025 10:15:00.250 CEST); ctime and date(1) (Sun Jun  1 10:15:00 UTC 2025); RFC 2822
-- and common log format (01/Jun/2025:10:15:00 +0200); the forms of syslog headers (2025 Jun  1 10:15:00, Jun  1 10:15:00 2025 UTC,
-- *Jun  1 10:15:00.250 UTC); seconds to nanoseconds since 1970. A date without a time of day is NULL. `zone` is the IANA zone or
-- the offset (+02:00) of times without one (NULL: UTC), `zones` is described at zone_offset, and `year` is the year of times
-- without one.
-- example: time_of_log('Oct 11 2017 06:34:09 GMT+00:00', NULL, NULL, NULL) => 2017-10-11 06:34:09
-- example: time_of_log('Sep 11 2021 18:20:54 CEST', NULL, NULL, NULL) => 2021-09-11 16:20:54
-- example: time_of_log('Jun 01 2025 10:15:00.125', 'Europe/Berlin', NULL, NULL) => 2025-06-01 08:15:00.125
-- example: time_of_log('Jun 01 2025 10:15:00', '+02:00', NULL, NULL) => 2025-06-01 08:15:00
-- example: time_of_log('Jun  1 10:15:00', NULL, NULL, 2025) => 2025-06-01 10:15:00
-- example: time_of_log('Jun  1 10:15:00.5 EST', NULL, NULL, 2025) => 2025-06-01 15:15:00.5
-- example: time_of_log('Jun  1 10:15:00', NULL, NULL, NULL) => NULL
-- example: time_of_log('Wed Aug 6 07:46:00 2025', NULL, NULL, NULL) => 2025-08-06 07:46:00
-- example: time_of_log('Wed Aug  6 07:46:00 CET 2025', NULL, NULL, NULL) => 2025-08-06 06:46:00
-- example: time_of_log('Wed, 06 Aug 2025 07:46:00 -0500', NULL, NULL, NULL) => 2025-08-06 12:46:00
-- example: time_of_log('06/Aug/2025:07:46:00 +0100', NULL, NULL, NULL) => 2025-08-06 06:46:00
-- example: time_of_log('2025-08-06T07:46:00.123456789Z', NULL, NULL, NULL) => 2025-08-06 07:46:00.123456
-- example: time_of_log('2025/08/06 07:46:00', 'America/New_York', NULL, NULL) => 2025-08-06 11:46:00
-- example: time_of_log('2025-08-06 07:46:00,5 +02:00', NULL, NULL, NULL) => 2025-08-06 05:46:00.5
-- example: time_of_log('Oct 11 22:14:15 2024 CEST', NULL, NULL, NULL) => 2024-10-11 20:14:15
-- example: time_of_log('2024 Oct 11 22:14:15.123 UTC', NULL, NULL, NULL) => 2024-10-11 22:14:15.123
-- example: time_of_log('*Oct 11 22:14:15.123 UTC', NULL, NULL, 2024) => 2024-10-11 22:14:15.123
-- example: time_of_log('.Oct 11 22:14:15', '+02:00', NULL, 2024) => 2024-10-11 20:14:15
-- example: time_of_log('Fri Oct 11 2024 22:14:15 GMT+0200 (CEST)', NULL, NULL, NULL) => 2024-10-11 20:14:15
-- example: time_of_log('1754466360.5', NULL, NULL, NULL) => 2025-08-06 07:46:00.5
-- example: time_of_log('Jun 01 2025 10:15:00 CST', NULL, NULL, NULL) => NULL
-- example: time_of_log('Jun 01 2025 10:15:00 CST', NULL, 'CST=+08:00', NULL) => 2025-06-01 02:15:00
-- example: time_of_log('2025-08-06', NULL, NULL, NULL) => NULL
CREATE MACRO time_of_log(t, zone, zones, year) AS CASE WHEN regexp_full_match(t, '[0-9]{10,19}(?:\.[0-9]+)?') THEN time_from_epoch(t)
  ELSE time_of_parts(time_parts(t), zone, zones, year) END;

-- Reads the time of an RFC 3164 header, which has no year. `year` is the year to use (example: from the file's
-- name).
-- example: syslog_time('Oct  1 22:14:15', 2024) => 2024-10-01 22:14:15
CREATE MACRO syslog_time(v, year) AS CAST(try_strptime(CAST(year AS VARCHAR) || ' ' || regexp_replace(v, ' +', ' ', 'g'), '%Y %b %d %H:%M:%S') AS TIMESTAMP);

-- Returns the year of a time, less some years.
-- example: year_before('2019-01-01T00:10:00Z', 1) => 2018
CREATE MACRO year_before(changed, years) AS CAST(date_part('year', TRY_CAST(changed AS TIMESTAMP)) AS INTEGER) - years;

-- Returns whether a time without a year, read in the year of `changed` less some years, is in the 31 days before `changed`, or in
-- the day after it.
-- example: near_time('Dec 31 23:59:59', 1, '2019-01-01T00:10:00Z') => true
-- example: near_time('Dec 31 23:59:59', 0, '2019-01-01T00:10:00Z') => false
CREATE MACRO near_time(t, years, changed) AS syslog_time(regexp_extract(t, '^[*.]?(?:[A-Z][a-z]{2},? +)?([A-Z][a-z]{2} +[0-9]{1,2} +[0-9]{1,2}:[0-9]{2}:[0-9]{2})', 1), year_before(changed, years))
  BETWEEN TRY_CAST(changed AS TIMESTAMP) - INTERVAL 31 DAY AND TRY_CAST(changed AS TIMESTAMP) + INTERVAL 1 DAY;

-- Returns the year of a time that has none. `year` is the year that the job sets, `yyyy` and `mm` are captures of the
-- staging key, and `changed` is when the object was last modified; the first of them that is not NULL decides. A December
-- in an object of January is of the year before, and a January in an object of December of the year after. By `changed`, the
-- date must be within the 31 days before it, or a day after it, because clocks and zones differ. Otherwise the result is
-- NULL.
-- example: year_of_log('Dec 27 11:07:55', NULL, '2018', '12', NULL) => 2018
-- example: year_of_log('Dec 31 23:59:59', NULL, '2019', '01', NULL) => 2018
-- example: year_of_log('Jan  1 00:00:01', NULL, '2018', '12', NULL) => 2019
-- example: year_of_log('Dec 31 23:59:59', NULL, NULL, NULL, '2019-01-01T00:10:00Z') => 2018
-- example: year_of_log('Jan  1 00:59:59', NULL, NULL, NULL, '2018-12-31T23:10:00Z') => 2019
-- example: year_of_log('Feb 29 10:00:00', NULL, NULL, NULL, '2024-03-01T00:00:00Z') => 2024
-- example: year_of_log('*Dec 31 23:59:59.5 UTC', NULL, '2019', '01', NULL) => 2018
-- example: year_of_log('Jun  3 10:00:00', NULL, NULL, NULL, '2026-11-29T00:00:00Z') => NULL
-- example: year_of_log('Jun  3 10:00:00', '2019', '2026', '11', '2026-11-29T00:00:00Z') => 2019
-- example: year_of_log('Jun 01 2025 10:00:00', NULL, NULL, NULL, NULL) => NULL
CREATE MACRO year_of_log(t, year, yyyy, mm, changed) AS CASE
  WHEN year IS NOT NULL THEN TRY_CAST(year AS INTEGER)
  WHEN yyyy IS NOT NULL THEN TRY_CAST(yyyy AS INTEGER)
    + CASE WHEN mm = '01' AND regexp_matches(t, '^[*.]?([A-Z][a-z]{2},? )?Dec ') THEN -1 WHEN mm = '12' AND regexp_matches(t, '^[*.]?([A-Z][a-z]{2},? )?Jan ') THEN 1 ELSE 0 END
  WHEN near_time(t, 0, changed) THEN year_before(changed, 0)
  WHEN near_time(t, 1, changed) THEN year_before(changed, 1)
  WHEN near_time(t, -1, changed) THEN year_before(changed, -1) END;
