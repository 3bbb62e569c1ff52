"""Upload: pack what is buffered, send it, and decide by the answer. At-least-once."""
