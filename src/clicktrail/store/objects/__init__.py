"""What surrounds a click: the catalogue, profiles, contacts, OAuth clients."""
