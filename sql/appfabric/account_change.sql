-- class: account_change
-- without: user
SELECT
  raw."user", http_request
FROM raw
WHERE class_uid = 3001;
