"""The part of S3 that a fleet of jobs uses, over a plain folder: bucket = folder, key = path."""
