-- What planes share for a while: sessions, answers, keys. It is no part of the catalog and makes no row of audit. item is a hash, body is sealed where there is a vault.
CREATE TABLE shelf (
    kind  VARCHAR(32)  NOT NULL,
    item  VARCHAR(64)  NOT NULL,
    owner VARCHAR(300) NOT NULL,
    body  TEXT         NOT NULL,
    begun BIGINT       NOT NULL,
    ends  BIGINT       NOT NULL,
    PRIMARY KEY (kind, item)
);
CREATE INDEX shelf_by_owner ON shelf (kind, owner, begun);
CREATE INDEX shelf_by_end ON shelf (ends);
