"""What must happen, as rows: owing, claiming, trying, waiting, parking. Begin reading with ``jobs``; anybody may owe."""
