"""The catalogue, profiles, contacts and OAuth clients."""
