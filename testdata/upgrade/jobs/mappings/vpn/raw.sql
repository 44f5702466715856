CREATE TABLE raw (
  ts       TIMESTAMP,
  kind     VARCHAR,
  "user"   VARCHAR,
  result   VARCHAR,
  client   STRUCT(ip VARCHAR, port INTEGER),
  gateway  VARCHAR
);
