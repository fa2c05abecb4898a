"""An Amazon EMR on this machine: its API for unmodified boto3, and steps that really run.

One port serves the EMR API, an S3 over a plain folder, and an SQS that gets EMR's events; a step
is a process of this machine.
Nothing is exported here, so that a step's tools (see `tools`) start without loading the server:
`server.LocalEmr` is the way in.
"""
