"""Heartbeats of those who send releases, and an index by which their releases are counted.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Creates the table and the index; nothing else changes, so the version before runs on beside this one."""
    op.create_table('feed',
    sa.Column('caller', sa.String(length=80), nullable=False),
    sa.Column('heartbeat_at', BIG, nullable=False),
    sa.Column('sent_at', BIG, nullable=True),
    sa.Column('last_count', BIG, nullable=False),
    sa.Column('last_release', BIG, nullable=False),
    sa.Column('told', BIG, nullable=False),
    sa.Column('received', BIG, nullable=False),
    sa.Column('differences', BIG, nullable=False),
    sa.Column('count_item', BIG, nullable=True),
    sa.Column('silent_since', BIG, nullable=True),
    sa.Column('silent_item', BIG, nullable=True),
    sa.Column('answer_json', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('caller', name='feed_pkey')
    )
    op.create_index('release_by_caller', 'release', ['caller', 'id'])
