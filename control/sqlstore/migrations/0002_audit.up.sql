-- The chain's newest row, kept apart from the rows, and the version from which on every change is among them.
CREATE TABLE audit_head (
    id     INTEGER     NOT NULL PRIMARY KEY CHECK (id = 1),
    number BIGINT      NOT NULL,
    hash   VARCHAR(64) NOT NULL,
    since  BIGINT      NOT NULL
);

INSERT INTO audit_head (id, number, hash, since) SELECT 1, 0, '', version FROM catalog_version;

-- version is 0 in rows that go with no change of a record. was and became are JSON, kept as the text that was hashed.
CREATE TABLE audit (
    number     BIGINT      NOT NULL PRIMARY KEY,
    version    BIGINT      NOT NULL,
    at         BIGINT      NOT NULL,
    actor_kind VARCHAR(16) NOT NULL,
    actor      TEXT        NOT NULL,
    role       TEXT        NOT NULL,
    remote     TEXT        NOT NULL,
    request    TEXT        NOT NULL,
    action     VARCHAR(64) NOT NULL,
    kind       VARCHAR(32) NOT NULL,
    tenant     TEXT        NOT NULL,
    name       TEXT        NOT NULL,
    was        TEXT        NOT NULL,
    became     TEXT        NOT NULL,
    outcome    VARCHAR(16) NOT NULL,
    why        TEXT        NOT NULL,
    hash       VARCHAR(64) NOT NULL
);

CREATE INDEX audit_by_version ON audit (version);

CREATE INDEX audit_by_time ON audit (at, number);

CREATE INDEX audit_by_tenant ON audit (tenant, number);

CREATE INDEX audit_by_actor ON audit (actor, number);

CREATE INDEX audit_by_target ON audit (kind, name, number);
