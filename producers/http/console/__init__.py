"""The console: pages for people, made on the server; they read without JavaScript."""
