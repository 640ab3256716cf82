"""Corrections and cancellations of releases.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Creates the table; nothing else changes, so the version before runs on beside this one."""
    op.create_table('release_version',
    sa.Column('release', BIG, autoincrement=False, nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('caller', sa.String(length=80), nullable=False),
    sa.Column('rulebook', sa.String(length=64), nullable=False),
    sa.Column('body_json', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('evidence_json', sa.Text(), nullable=False),
    sa.Column('answer_json', sa.Text(), nullable=False),
    sa.Column('first_message', BIG, nullable=False),
    sa.Column('at', BIG, nullable=False),
    sa.ForeignKeyConstraint(['release'], ['release.id'], name='release_version_release_fkey'),
    sa.PrimaryKeyConstraint('release', 'version', name='release_version_pkey')
    )
