"""PostgreSQL's function that reads a parameter of a uri without a regular expression, which takes several times as long.

Only names that are percent-encoded need one.
"""

from clicktrail.store.session.protocol import Migration

PARAMETERS: Migration = (
    "0020-postgres-plain-parameters",
    (
        # `$3` is `&name=` if the name is plain, else NULL. Encoded letters begin with %3 to %7. The last array element
        # is what follows the last parameter of this name; lower case by "C" keeps the lengths.
        """CREATE FUNCTION uri_parameter(TEXT, TEXT, TEXT) RETURNS TEXT
            LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
            DECLARE query TEXT := split_part($1, '#', 1); parts TEXT[]; value TEXT;
            BEGIN
                IF strpos(query, '?') = 0 THEN RETURN NULL; END IF;
                query := '&' || substr(query, strpos(query, '?') + 1);
                IF $3 IS NULL OR (strpos(query, '%') > 0 AND strpos(query, '%3') + strpos(query, '%4')
                        + strpos(query, '%5') + strpos(query, '%6') + strpos(query, '%7') > 0) THEN
                    RETURN uri_parameter($1, $2);
                END IF;
                parts := string_to_array(lower(query COLLATE "C"), $3);
                IF cardinality(parts) < 2 THEN RETURN NULL; END IF;
                value := nullif(split_part(right(query, length(parts[cardinality(parts)])), '&', 1), '');
                IF strpos(value, '%') + strpos(value, '+') > 0 THEN RETURN nullif(uri_decode(value), ''); END IF;
                RETURN value;
            END $body$""",
    ),
)
