-- Times are microseconds since 1970 in UTC, 0 for none. Lists are JSON arrays. Names are compared byte for byte.
CREATE TABLE catalog_version (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    version BIGINT  NOT NULL
);

INSERT INTO catalog_version (id, version) VALUES (1, 1);

CREATE TABLE tenants (
    id                VARCHAR(20)  NOT NULL PRIMARY KEY,
    note              VARCHAR(500) NOT NULL,
    disabled          INTEGER      NOT NULL,
    loopback_unsigned INTEGER      NOT NULL,
    created           BIGINT       NOT NULL,
    revision          BIGINT       NOT NULL
);

CREATE TABLE applications (
    tenant    VARCHAR(20)  NOT NULL REFERENCES tenants (id),
    name      VARCHAR(64)  NOT NULL,
    owner     INTEGER      NOT NULL,
    publish   TEXT         NOT NULL,
    reads     TEXT         NOT NULL,
    consumes  TEXT         NOT NULL,
    note      VARCHAR(500) NOT NULL,
    disabled  INTEGER      NOT NULL,
    created   BIGINT       NOT NULL,
    revision  BIGINT       NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE access_keys (
    id          VARCHAR(64)  NOT NULL PRIMARY KEY,
    secret      VARCHAR(128) NOT NULL,
    tenant      VARCHAR(20)  NOT NULL,
    application VARCHAR(64)  NOT NULL,
    created     BIGINT       NOT NULL,
    expires     BIGINT       NOT NULL,
    revoked     BIGINT       NOT NULL,
    revision    BIGINT       NOT NULL,
    FOREIGN KEY (tenant, application) REFERENCES applications (tenant, name) ON DELETE CASCADE
);

CREATE INDEX access_keys_by_application ON access_keys (tenant, application);

CREATE TABLE topics (
    tenant     VARCHAR(20)  NOT NULL REFERENCES tenants (id),
    name       VARCHAR(100) NOT NULL,
    physical   VARCHAR(127) NOT NULL,
    cluster    VARCHAR(100) NOT NULL,
    accepts    TEXT         NOT NULL,
    queues     INTEGER      NOT NULL,
    durability VARCHAR(64)  NOT NULL,
    retention  BIGINT       NOT NULL,
    note       VARCHAR(500) NOT NULL,
    state      VARCHAR(16)  NOT NULL,
    created    BIGINT       NOT NULL,
    updated    BIGINT       NOT NULL,
    revision   BIGINT       NOT NULL,
    PRIMARY KEY (tenant, name),
    UNIQUE (cluster, physical)
);

CREATE TABLE consumer_groups (
    tenant           VARCHAR(20)  NOT NULL REFERENCES tenants (id),
    name             VARCHAR(90)  NOT NULL,
    physical         VARCHAR(120) NOT NULL,
    cluster          VARCHAR(100) NOT NULL,
    pulls            INTEGER      NOT NULL,
    ordered          INTEGER      NOT NULL,
    max_attempts     INTEGER      NOT NULL,
    retry_steps      TEXT         NOT NULL,
    retry_initial    BIGINT       NOT NULL,
    retry_max        BIGINT       NOT NULL,
    retry_multiplier DOUBLE PRECISION NOT NULL,
    start_kind       VARCHAR(16)  NOT NULL,
    start_time       BIGINT       NOT NULL,
    hold             BIGINT       NOT NULL,
    note             VARCHAR(500) NOT NULL,
    state            VARCHAR(16)  NOT NULL,
    created          BIGINT       NOT NULL,
    updated          BIGINT       NOT NULL,
    revision         BIGINT       NOT NULL,
    PRIMARY KEY (tenant, name),
    UNIQUE (cluster, physical)
);
