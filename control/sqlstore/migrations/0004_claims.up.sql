-- Work that one plane at a time does. ends is judged by the database's clock alone.
CREATE TABLE claims (
    what   VARCHAR(300) NOT NULL PRIMARY KEY,
    holder VARCHAR(64)  NOT NULL,
    ends   BIGINT       NOT NULL
);
