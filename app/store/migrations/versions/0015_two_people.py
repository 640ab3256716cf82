"""How many people a hold takes to be lifted, and who lifted it first.

Revision ID: 0015
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0017"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds columns that may be empty: what was opened before is lifted by one person."""
    op.add_column('work_item', sa.Column('lift', sa.String(length=12), nullable=True))
    op.add_column('work_item', sa.Column('first_lift_by', sa.String(length=80), nullable=True))
    op.add_column('work_item', sa.Column('first_lift_at', BIG, nullable=True))
    op.add_column('work_item', sa.Column('first_lift_reason', sa.Text(), nullable=True))
