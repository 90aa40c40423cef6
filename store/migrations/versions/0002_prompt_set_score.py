"""Prompt sets have a rule by which answers are judged; sets from before are judged as they were: by "contains"."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("prompt_sets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("score", sa.String(length=20), server_default="contains", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("prompt_sets", schema=None) as batch_op:
        batch_op.drop_column("score")
