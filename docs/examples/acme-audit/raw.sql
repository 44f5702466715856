-- The audit log of a document store: each object is one document, {"events":[...]}.
-- records: events
-- redact: params.token AS mask
CREATE TABLE raw (
  id        VARCHAR,
  at_ms     BIGINT,
  actor     STRUCT(login VARCHAR, admin BOOLEAN),
  client    STRUCT(address VARCHAR, agent VARCHAR), -- an address, or the name of a service
  operation VARCHAR, -- document.create, document.read, ...
  params    JSON,    -- other keys in each kind of event: no columns
  error     VARCHAR,
  documents STRUCT(id VARCHAR, kind VARCHAR)[],
  "key"     STRUCT(tenant VARCHAR)
);
