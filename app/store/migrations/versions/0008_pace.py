"""What keeps sending to a rate.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Creates the table; nothing else changes, so the version before runs on beside this one."""
    op.create_table('pace',
    sa.Column('scope', sa.String(length=9), nullable=False),
    sa.Column('at', BIG, nullable=False),
    sa.PrimaryKeyConstraint('scope', name='pace_pkey')
    )
