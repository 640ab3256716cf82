"""Which saying of its words a text from the network was, so that one met again after a crash is told from a repetition.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds a column that may be empty, and is for what was stored before and by the version before."""
    op.add_column('inbound', sa.Column('occurrence', sa.String(length=200), nullable=True))
