"""The OpenAPI document, made from the operations and the field table."""
