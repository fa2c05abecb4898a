"""What somebody may try who means no good, each on the real server."""
