"""The surge breaker: messages counted by the hour, surges, and what they hold back.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

COUNT_THE_PAST = """
    INSERT INTO hour_count (kind, hour, messages, passed)
    SELECT CASE type WHEN 'CANCEL' THEN 'withdrawal' ELSE 'notice' END, created_at / 3600000000, count(*), count(*)
    FROM message WHERE status NOT IN ('suppressed', 'held') GROUP BY 1, 2"""


def upgrade() -> None:
    """Creates the tables and counts the messages there are, so that the breaker knows at once what is normal here.

    The version before runs on beside this one; what it accepts is not counted.
    """
    op.create_table('hour_count',
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('hour', sa.Integer(), nullable=False),
    sa.Column('messages', sa.Integer(), nullable=False),
    sa.Column('passed', sa.Integer(), nullable=False),
    sa.Column('usual', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('kind', 'hour', name='hour_count_pkey')
    )
    op.create_table('surge',
    sa.Column('work_item', BIG, autoincrement=False, nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('band', sa.Integer(), nullable=False),
    sa.Column('held', sa.Integer(), nullable=False),
    sa.Column('decision', sa.String(length=10), nullable=True),
    sa.Column('done_to', BIG, nullable=False),
    sa.Column('done', sa.Integer(), nullable=False),
    sa.Column('finished_at', BIG, nullable=True),
    sa.ForeignKeyConstraint(['work_item'], ['work_item.id'], name='surge_work_item_fkey'),
    sa.PrimaryKeyConstraint('work_item', name='surge_pkey')
    )
    open_now = sa.text('decision IS NULL')
    op.create_index('surge_open', 'surge', ['kind'], unique=True, postgresql_where=open_now, sqlite_where=open_now)
    under_way = sa.text('decision IS NOT NULL AND finished_at IS NULL')
    op.create_index('surge_under_way', 'surge', ['work_item'], postgresql_where=under_way, sqlite_where=under_way)
    op.create_table('surge_hold',
    sa.Column('surge', BIG, autoincrement=False, nullable=False),
    sa.Column('number', BIG, autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(['surge'], ['surge.work_item'], name='surge_hold_surge_fkey'),
    sa.ForeignKeyConstraint(['number'], ['message.number'], name='surge_hold_number_fkey'),
    sa.PrimaryKeyConstraint('surge', 'number', name='surge_hold_pkey')
    )
    op.execute(COUNT_THE_PAST)
