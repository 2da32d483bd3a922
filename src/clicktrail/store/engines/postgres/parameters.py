"""PostgreSQL's functions that read a plain parameter of a uri, mostly without a regular expression.

`$3` is `&name=`, or NULL if the name is not plain. A uri can have the parameter only if the last letter of the name
stands before a `=`, in one of its cases or as the last digit of its code. Four in ten uris of `bench.data` do.
"""

from clicktrail.store.session.protocol import Migration

_LETTER = "right($3, 2)"
_DIGIT = "right(to_hex(ascii(right($3, 2))), 1) || '='"
_ENDS = " OR ".join(
    f"$1 LIKE '%' || {end} || '%'" for end in (_LETTER, f"upper({_LETTER})", _DIGIT, f"upper({_DIGIT})")
)
_IS_ENCODED = " OR ".join(f"$1 LIKE '%\\%{digit}%'" for digit in "34567")
"""Whether a letter, a digit or `_` may be percent-encoded."""
PARAMETERS: Migration = (
    "0020-postgres-plain-parameters",
    (
        # The last part is what follows the last parameter of this name. Lower case by "C" keeps the lengths.
        f"""CREATE FUNCTION plain_parameter(TEXT, TEXT, TEXT) RETURNS TEXT
            LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
            DECLARE parts TEXT[]; value TEXT;
            BEGIN
                IF $1 LIKE '%#%' OR {_IS_ENCODED} THEN RETURN uri_parameter($1, $2); END IF;
                parts := string_to_array(lower('&' || right($1, -strpos($1, '?')) COLLATE "C"), $3);
                IF cardinality(parts) < 2 THEN RETURN NULL; END IF;
                value := nullif(split_part(right($1, length(parts[cardinality(parts)])), '&', 1), '');
                IF strpos(value, '%') + strpos(value, '+') > 0 THEN RETURN nullif(uri_decode(value), ''); END IF;
                RETURN value;
            END $body$""",
        f"""CREATE FUNCTION uri_parameter(TEXT, TEXT, TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
            RETURN CASE WHEN $3 IS NULL THEN uri_parameter($1, $2)
                WHEN {_ENDS} THEN plain_parameter($1, $2, $3) END""",
    ),
)
