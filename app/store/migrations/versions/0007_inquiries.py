"""Inquiries: what an arrival is about, releases found by FBI number; work items assigned and escalated.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds tables, columns that may be empty, and indexes; nothing else changes, so the version before runs on beside this one.

    `subject_digest` is filled by the dispatcher, a few releases at a time, so that an upgrade does not wait for it.
    """
    op.add_column('inbound', sa.Column('origin', sa.String(length=9), nullable=True))
    op.add_column('work_item', sa.Column('inbound', BIG, nullable=True))
    op.add_column('work_item', sa.Column('assigned_to', sa.String(length=80), nullable=True))
    op.add_column('work_item', sa.Column('escalated_at', BIG, nullable=True))
    op.create_index('work_item_by_code', 'work_item', ['code', 'id'])
    waiting = sa.text("status = 'open' AND escalated_at IS NULL")
    op.create_index('work_item_to_escalate', 'work_item', ['due_at'], postgresql_where=waiting, sqlite_where=waiting)
    op.create_index('release_version_first_message', 'release_version', ['first_message'])
    op.create_table('inbound_release',
    sa.Column('inbound', BIG, autoincrement=False, nullable=False),
    sa.Column('release', BIG, autoincrement=False, nullable=False),
    sa.Column('found_by', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['inbound'], ['inbound.id'], name='inbound_release_inbound_fkey'),
    sa.ForeignKeyConstraint(['release'], ['release.id'], name='inbound_release_release_fkey'),
    sa.PrimaryKeyConstraint('inbound', 'release', name='inbound_release_pkey')
    )
    op.create_index('inbound_release_release', 'inbound_release', ['release'])
    op.create_table('subject_digest',
    sa.Column('release', BIG, autoincrement=False, nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('digest', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['release'], ['release.id'], name='subject_digest_release_fkey'),
    sa.PrimaryKeyConstraint('release', 'version', name='subject_digest_pkey')
    )
    op.create_index('subject_digest_digest', 'subject_digest', ['digest'])
    op.create_table('subject_index',
    sa.Column('id', BIG, autoincrement=False, nullable=False),
    sa.Column('secret', sa.String(length=64), nullable=False),
    sa.Column('release', BIG, nullable=False),
    sa.Column('first_message', BIG, nullable=False),
    sa.PrimaryKeyConstraint('id', name='subject_index_pkey')
    )
