"""Transport: parse, call, render. One file a resource."""
