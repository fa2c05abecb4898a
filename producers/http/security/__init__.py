"""Who may do what: roles, sign-in, and what is recorded of it."""
