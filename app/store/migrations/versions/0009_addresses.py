"""A digest of the residence beside each release, and the key under which digests are made.

Revision ID: 0009
Revises: 0008
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Adds the column and makes the key. Releases accepted before, or by the version before beside this one, are not counted."""
    op.create_table('address_key',
    sa.Column('id', BIG, autoincrement=False, nullable=False),
    sa.Column('key', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name='address_key_pkey')
    )
    keys = sa.table('address_key', sa.column('id', sa.BigInteger), sa.column('key', sa.LargeBinary))
    op.bulk_insert(keys, [{'id': 1, 'key': secrets.token_bytes(32)}])
    op.add_column('release', sa.Column('residence_digest', BIG, nullable=True))
    op.create_index('release_residence_digest', 'release', ['residence_digest'])
