"""Versions of the rulebook: their files, who drafted and approved them, every publication, and which one is live.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Creates the tables, and the one row that says what is live: nothing yet."""
    op.create_table('rulebook',
    sa.Column('id', BIG, nullable=False),
    sa.Column('version', sa.String(length=12), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('drafted_by', sa.String(length=80), nullable=False),
    sa.Column('drafted_at', BIG, nullable=False),
    sa.Column('approved_by', sa.String(length=80), nullable=True),
    sa.Column('approved_at', BIG, nullable=True),
    sa.Column('approved_against', sa.String(length=12), nullable=True),
    sa.Column('check_json', sa.Text(), nullable=False),
    sa.Column('manifest', sa.LargeBinary(), nullable=True),
    sa.Column('signature', sa.LargeBinary(), nullable=True),
    sa.PrimaryKeyConstraint('id', name='rulebook_pkey'),
    sa.UniqueConstraint('version', name='rulebook_version_key')
    )
    op.create_table('rulebook_file',
    sa.Column('version', sa.String(length=12), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['version'], ['rulebook.version'], name='rulebook_file_version_fkey'),
    sa.PrimaryKeyConstraint('version', 'name', name='rulebook_file_pkey')
    )
    op.create_table('rulebook_publication',
    sa.Column('seq', BIG, autoincrement=False, nullable=False),
    sa.Column('version', sa.String(length=12), nullable=False),
    sa.Column('back_to', BIG, nullable=True),
    sa.Column('way', sa.String(length=10), nullable=False),
    sa.Column('named', sa.String(length=12), nullable=False),
    sa.Column('published_by', sa.String(length=80), nullable=False),
    sa.Column('published_at', BIG, nullable=False),
    sa.Column('live_at', BIG, nullable=False),
    sa.ForeignKeyConstraint(['version'], ['rulebook.version'], name='rulebook_publication_version_fkey'),
    sa.PrimaryKeyConstraint('seq', name='rulebook_publication_pkey')
    )
    op.create_index('rulebook_publication_version', 'rulebook_publication', ['version'])
    op.create_table('rulebook_live',
    sa.Column('id', BIG, autoincrement=False, nullable=False),
    sa.Column('seq', BIG, nullable=False),
    sa.Column('version', sa.String(length=12), nullable=True),
    sa.Column('live_at', BIG, nullable=False),
    sa.Column('folder', sa.String(length=12), nullable=True),
    sa.PrimaryKeyConstraint('id', name='rulebook_live_pkey')
    )
    live = sa.table('rulebook_live', *(sa.column(name, sa.BigInteger) for name in ('id', 'seq', 'live_at')))
    op.bulk_insert(live, [{'id': 1, 'seq': 0, 'live_at': 0}])
