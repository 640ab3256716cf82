"""How many work items the texts of each origin have opened in this hour, and what counts the rest.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """A new table; the version before does not know it and need not."""
    op.create_table(
        'inbound_pace',
        sa.Column('origin', sa.String(length=9), nullable=False),
        sa.Column('hour', BIG, nullable=False),
        sa.Column('asked', sa.Integer(), nullable=False),
        sa.Column('work_item', BIG, nullable=True),
        sa.Column('first', BIG, nullable=True),
        sa.Column('texts', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('origin'),
    )
