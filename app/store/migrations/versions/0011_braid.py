"""The audit trail becomes one braid: a row's key and form, and the newest row as LENS last wrote it.

Revision ID: 0011
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds what may be empty, and is in rows of the version before; the first row written from now on begins the braid."""
    op.add_column('audit', sa.Column('form', sa.Integer(), nullable=True))
    op.add_column('audit', sa.Column('actor_key', BIG, nullable=True))
    op.create_table('audit_head',
    sa.Column('id', BIG, autoincrement=False, nullable=False),
    sa.Column('last', BIG, nullable=True),
    sa.Column('hash', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('id', name='audit_head_pkey')
    )
    heads = sa.table('audit_head', sa.column('id', sa.BigInteger))
    op.bulk_insert(heads, [{'id': 1}])
