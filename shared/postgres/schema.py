"""Tables that every service's first revision creates, one command each.

Applied revisions never change: a new shape is a new constant.
"""

# Events committed with the change they tell, until the relay has published them.
OUTBOX_V1 = """
CREATE TABLE outbox (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    subject text NOT NULL,
    payload bytea NOT NULL
)
"""

# A known text sealed with the master key: a wrong key stops the start.
KEY_CHECK_V1 = """
CREATE TABLE key_check (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sealed bytea NOT NULL
)
"""
