-- Whether a record says that its interval has no flow, or that its flows were left out.
CREATE MACRO no_flow(status) AS coalesce(status IN ('NODATA', 'SKIPDATA'), false);

-- The endpoint that the record's interface is of: src or dst. NULL if the record does not say.
CREATE MACRO owner_side(direction, status) AS CASE WHEN direction = 'ingress' THEN 'dst' WHEN direction IS NOT NULL OR no_flow(status) THEN 'src' END;
