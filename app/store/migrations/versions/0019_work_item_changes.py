"""How a work item was closed, and who changed it last and when.

Revision ID: 0019
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0016"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds columns that may be empty: of what was changed before, only what stands in the trail is known."""
    op.add_column('work_item', sa.Column('resolution', sa.String(length=12), nullable=True))
    op.add_column('work_item', sa.Column('changed_at', BIG, nullable=True))
    op.add_column('work_item', sa.Column('changed_by', sa.String(length=80), nullable=True))
