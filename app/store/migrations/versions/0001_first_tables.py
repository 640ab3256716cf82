"""The first tables: releases, messages and their history, lanes, work items, arrivals, audit trail, keys, counters.

Revision ID: 0001
Revises: none
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTERS = ("message", "release", "work_item")


def upgrade() -> None:
    """Creates every table, and the counters at 0."""
    _api_key()
    _audit()
    _counter()
    _inbound()
    _lane()
    _message_event()
    _pause()
    _release()
    _message()
    _work_item()
    counter = sa.table("counter", sa.column("name", sa.String), sa.column("last", sa.BigInteger))
    op.bulk_insert(counter, [{"name": name, "last": 0} for name in COUNTERS])


def _api_key() -> None:
    op.create_table('api_key',
    sa.Column('id', BIG, nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('created_at', BIG, nullable=False),
    sa.Column('expires_at', BIG, nullable=True),
    sa.Column('revoked_at', BIG, nullable=True),
    sa.PrimaryKeyConstraint('id', name='api_key_pkey'),
    sa.UniqueConstraint('digest', name='api_key_digest_key')
    )
    op.create_index('api_key_name', 'api_key', ['name'])


def _audit() -> None:
    op.create_table('audit',
    sa.Column('id', BIG, nullable=False),
    sa.Column('chain', sa.String(length=40), nullable=False),
    sa.Column('seq', BIG, nullable=False),
    sa.Column('at', BIG, nullable=False),
    sa.Column('actor', sa.String(length=80), nullable=False),
    sa.Column('action', sa.String(length=60), nullable=False),
    sa.Column('object', sa.String(length=120), nullable=False),
    sa.Column('outcome', sa.String(length=40), nullable=False),
    sa.Column('detail_json', sa.Text(), nullable=False),
    sa.Column('prev', sa.String(length=64), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name='audit_pkey'),
    sa.UniqueConstraint('chain', 'seq', name='audit_chain_seq_key')
    )


def _counter() -> None:
    op.create_table('counter',
    sa.Column('name', sa.String(length=20), nullable=False),
    sa.Column('last', BIG, nullable=False),
    sa.PrimaryKeyConstraint('name', name='counter_pkey')
    )


def _inbound() -> None:
    op.create_table('inbound',
    sa.Column('id', BIG, nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('number', BIG, nullable=True),
    sa.Column('matched_by', sa.String(length=40), nullable=True),
    sa.Column('received_at', BIG, nullable=False),
    sa.PrimaryKeyConstraint('id', name='inbound_pkey'),
    sa.UniqueConstraint('source', name='inbound_source_key')
    )
    op.create_index('inbound_number', 'inbound', ['number'])


def _lane() -> None:
    op.create_table('lane',
    sa.Column('ori', sa.String(length=9), nullable=False),
    sa.Column('owner', sa.String(length=80), nullable=True),
    sa.Column('until', BIG, nullable=False),
    sa.Column('token', BIG, nullable=False),
    sa.Column('due', BIG, nullable=False),
    sa.Column('fails', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('ori', name='lane_pkey')
    )
    op.create_index('lane_due', 'lane', ['due'])


def _message_event() -> None:
    op.create_table('message_event',
    sa.Column('id', BIG, nullable=False),
    sa.Column('number', BIG, nullable=False),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('at', BIG, nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('worker', sa.String(length=80), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('id', name='message_event_pkey')
    )
    op.create_index('message_event_number', 'message_event', ['number'])


def _pause() -> None:
    op.create_table('pause',
    sa.Column('scope', sa.String(length=9), nullable=False),
    sa.Column('source', sa.String(length=20), nullable=False),
    sa.Column('why', sa.String(length=200), nullable=False),
    sa.Column('since', BIG, nullable=False),
    sa.PrimaryKeyConstraint('scope', 'source', name='pause_pkey')
    )


def _release() -> None:
    op.create_table('release',
    sa.Column('id', BIG, autoincrement=False, nullable=False),
    sa.Column('release_id', sa.String(length=64), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('mode', sa.String(length=10), nullable=False),
    sa.Column('caller', sa.String(length=80), nullable=False),
    sa.Column('outcome', sa.String(length=20), nullable=False),
    sa.Column('as_of', sa.String(length=10), nullable=False),
    sa.Column('rulebook', sa.String(length=64), nullable=False),
    sa.Column('body_json', sa.Text(), nullable=False),
    sa.Column('evidence_json', sa.Text(), nullable=False),
    sa.Column('answer_json', sa.Text(), nullable=False),
    sa.Column('accepted_at', BIG, nullable=False),
    sa.PrimaryKeyConstraint('id', name='release_pkey'),
    sa.UniqueConstraint('release_id', name='release_release_id_key')
    )
    op.create_index('release_accepted_at', 'release', ['accepted_at'])


def _message() -> None:
    op.create_table('message',
    sa.Column('number', BIG, autoincrement=False, nullable=False),
    sa.Column('release', BIG, nullable=False),
    sa.Column('type', sa.String(length=10), nullable=False),
    sa.Column('copy', sa.Text(), nullable=False),
    sa.Column('audience', sa.String(), nullable=False),
    sa.Column('state', sa.String(length=2), nullable=False),
    sa.Column('ori', sa.String(length=9), nullable=False),
    sa.Column('format', sa.String(length=6), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('ready', sa.Boolean(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('maybe_duplicate', sa.Boolean(), nullable=False),
    sa.Column('created_at', BIG, nullable=False),
    sa.Column('changed_at', BIG, nullable=False),
    sa.Column('due_at', BIG, nullable=True),
    sa.Column('refers_to', BIG, nullable=True),
    sa.ForeignKeyConstraint(['release'], ['release.id'], name='message_release_fkey'),
    sa.PrimaryKeyConstraint('number', name='message_pkey')
    )
    op.create_index('message_by_state', 'message', ['state', 'number'])
    op.create_index('message_by_status', 'message', ['status', 'number'])
    op.create_index('message_by_time', 'message', ['created_at', 'number'])
    op.create_index('message_ready', 'message', ['ori', 'number'], postgresql_where=sa.text('ready'), sqlite_where=sa.text('ready'))
    op.create_index('message_release', 'message', ['release'])
    op.create_index('message_sent', 'message', ['status', 'changed_at'], postgresql_where=sa.text("status = 'sent'"), sqlite_where=sa.text("status = 'sent'"))


def _work_item() -> None:
    op.create_table('work_item',
    sa.Column('id', BIG, autoincrement=False, nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('release', BIG, nullable=True),
    sa.Column('number', BIG, nullable=True),
    sa.Column('audience', sa.String(), nullable=True),
    sa.Column('state', sa.String(length=2), nullable=True),
    sa.Column('rule', sa.Text(), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('opened_at', BIG, nullable=False),
    sa.Column('due_at', BIG, nullable=True),
    sa.Column('resolved_at', BIG, nullable=True),
    sa.Column('resolved_by', sa.String(length=80), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['release'], ['release.id'], name='work_item_release_fkey'),
    sa.PrimaryKeyConstraint('id', name='work_item_pkey')
    )
    op.create_index('work_item_by_status', 'work_item', ['status', 'id'])
    op.create_index('work_item_number', 'work_item', ['number'])
    op.create_index('work_item_release', 'work_item', ['release'])
