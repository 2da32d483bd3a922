"""The HTTP API: `router` mounts the operations of all resources, and the fast paths."""
