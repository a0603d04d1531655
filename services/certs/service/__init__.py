"""The rules: issuing, renewing, revoking, and telling peers what is still good."""
