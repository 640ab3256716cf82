"""Which keys may backfill, and before which time a message must not go out.

Revision ID: 0012
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds two columns that may be empty: keys made before may not backfill, messages made before may go out at once."""
    op.add_column('api_key', sa.Column('may_backfill', sa.Boolean(), nullable=True))
    op.add_column('message', sa.Column('not_before', BIG, nullable=True))
    op.create_index('message_not_before', 'message', ['not_before'], postgresql_where=sa.text('not_before IS NOT NULL AND NOT ready'), sqlite_where=sa.text('not_before IS NOT NULL AND NOT ready'))
