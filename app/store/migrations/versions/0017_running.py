"""The processes that work on the store, and the settings they run with.

Revision ID: 0017
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """A new table; the version before does not know it and need not."""
    op.create_table(
        'running',
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('kind', sa.String(length=10), nullable=False),
        sa.Column('version', sa.String(length=20), nullable=False),
        sa.Column('started_at', BIG, nullable=False),
        sa.Column('seen_at', BIG, nullable=False),
        sa.Column('settings_json', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('name'),
    )
