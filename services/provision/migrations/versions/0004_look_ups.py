"""Things of a mapping are found by the mapping, and what is left of a gateway by the gateway."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the index, and leave the planner no other choice than the one that is there."""
    # When old history is let go, PostgreSQL looks for each mapping whether it still has things.
    op.execute("CREATE INDEX mapping_things_by_mapping ON mapping_things (mapping_id)")
    # OFFSET 0: without statistics the owner looks as narrow as the gateway, and all that he has
    # would be gone over by each claim.
    op.execute(
        """
        CREATE OR REPLACE FUNCTION has_leftovers(of_owner uuid, of_external_id text)
        RETURNS boolean VOLATILE LANGUAGE plpgsql AS $$
        BEGIN
            RETURN EXISTS (
                SELECT FROM (
                    SELECT owner_id, claim_key, status FROM mappings
                    WHERE external_id = of_external_id OFFSET 0
                ) AS of_gateway
                WHERE owner_id = of_owner AND claim_key IS NULL
                  AND status IN ('broken', 'undoing', 'stuck')
            );
        END
        $$
        """
    )
