"""The full hash beside every message, and what people say of a rulebook: title, reasons, comments, a rejection, a sequence.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds columns that may be empty, and are for what was stored before and by the version before."""
    op.add_column('message', sa.Column('rulebook', sa.String(length=64), nullable=True))
    op.add_column('rulebook', sa.Column('sequence', BIG, nullable=True))
    op.add_column('rulebook', sa.Column('title', sa.String(length=200), nullable=True))
    for name in ('reason', 'comment', 'corrects_past'):
        op.add_column('rulebook', sa.Column(name, sa.Text(), nullable=True))
    op.add_column('rulebook', sa.Column('rejected_by', sa.String(length=80), nullable=True))
    op.add_column('rulebook', sa.Column('rejected_at', BIG, nullable=True))
    op.add_column('rulebook_publication', sa.Column('reason', sa.Text(), nullable=True))
